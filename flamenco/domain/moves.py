"""Many tasks of a job that go from some statuses to another. Those of a large job go some at a time."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from flamenco.domain.statuses import TaskStatus


class MassMove(Struct, frozen=True):
    """Every task of the job in one of `sources` goes to `to`; it gets `activity` as its activity."""

    sources: frozenset[TaskStatus]
    to: TaskStatus
    activity: str


class PendingMove(MassMove, frozen=True, kw_only=True):
    """What is left of one: the tasks with numbers above `after`, up to `last`, and what was given as the `reason`.

    Once all were moved, those of which something they wait for was completed and is not any more are counted again
    (`recounts`), from the first one on.
    """

    reason: str
    last: int
    after: int = 0
    recounts: bool = False

    @property
    def counts_all(self) -> bool:
        """Whether what every task waits for is still to be counted, from the first one on."""
        return self.recounts if self.sources else not self.after

    @property
    def counted_again(self) -> PendingMove:
        """The second round, in which nothing moves any more."""
        return replace(self, sources=frozenset(), after=0)


def pending(move: MassMove, reason: str, last: int) -> PendingMove:
    """The whole of `move`. Tasks that are being run are to be moved by then: they are few, and wait for nobody."""
    return PendingMove(
        sources=move.sources - {TaskStatus.ACTIVE},
        to=move.to,
        activity=move.activity,
        reason=reason,
        last=last,
        recounts=TaskStatus.COMPLETED in move.sources,
    )
