"""What is asked for, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from msgspec import Struct

from flamenco.domain.access import Caller, Owner
from flamenco.domain.actions import Action, AnyAction
from flamenco.domain.frames_again import Mode
from flamenco.domain.sleep import SleepSchedule
from flamenco.domain.time_limits import ALL_TYPES
from flamenco.farm.context import Farm
from flamenco.store.engine import Tx
from flamenco.store.selection import Conditions


class Arguments(Struct, frozen=True, kw_only=True):
    """All that actions may be given; each looks at its own. `tag_id` is empty for no tag.

    `frames` are those to run again, and `mode` is how. `start_after` is a moment as people write it, `order` one of
    frames. `time_limits` are as people write them, by their words, on tasks of `task_type`; `retries` are those of
    `farm.retry_limits`, by their words. `max_workers` is None for what the settings of a job say. Workers are named as
    people do; None leaves those that a job is for, or is not for, as they are. `who` is the person that asks.
    """

    reason: str = ""
    priority: int = 0
    frames: str = ""
    mode: Mode = Mode.REQUEUE
    tag_id: str = ""
    lazy: bool = True
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    schedule: SleepSchedule = SleepSchedule(is_active=False)
    start_after: str = ""
    order: str = ""
    task_type: str = ALL_TYPES
    time_limits: dict[str, str] = {}
    max_workers: int | None = None
    workers_allowed: tuple[str, ...] | None = None
    workers_denied: tuple[str, ...] | None = None
    workers: tuple[str, ...] = ()
    note: str = ""
    who: str = ""
    retries: dict[str, int | None] = {}


class Asked(Struct, frozen=True, kw_only=True):
    """What is to be done: with the things with these `ids`, or, where those are None, with all that a filter leaves in.

    `after` is where to go on: an `Outcome.next`; zero for the beginning.
    """

    action: AnyAction
    arguments: Arguments = Arguments()
    ids: Sequence[str] | None = None
    after: int = 0
    dry_run: bool = False


class Undo(Struct, frozen=True):
    """What takes an action back, for some things; the arguments as they stand on the wire."""

    ids: tuple[str, ...]
    action: AnyAction
    arguments: dict[str, Any]


class Refusal(Struct, frozen=True):
    """A thing with which it was not done, and why."""

    id: str
    name: str
    reason: str


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of it. `refused` are the first of `refused_count`; `left` were not looked at yet, from `next` on."""

    matched: int
    done: int
    refused: tuple[Refusal, ...]
    refused_count: int
    left: int
    next: int
    undo: tuple[Undo, ...]


class Subject(Protocol):
    """A thing as it was a moment ago."""

    @property
    def key(self) -> int:
        """Its row number."""

    @property
    def id(self) -> str:
        """Its UUID."""

    @property
    def name(self) -> str:
        """What people call it."""


S = TypeVar("S", bound=Subject)


class Kind(Protocol[S]):
    """Jobs, tasks or workers: which are chosen, and what each action does with one of them.

    What is raised is a `FarmError` for the person who asked.
    """

    noun: str

    def rules(self, action: Any) -> Action:
        """The row of the table for an action."""

    def check_arguments(self, farm: Farm, asked: Asked) -> None:
        """Raise `Refused` for arguments that could not mean anything, whatever they are applied to."""

    def conditions(self, action: Any, ids: Sequence[str] | None) -> Conditions:
        """Which are meant: these, or else those that the filter leaves in."""

    def count(self, tx: Tx, conditions: Conditions, after: int) -> int:
        """How many are meant with row numbers above `after`."""

    def page(self, tx: Tx, conditions: Conditions, after: int, most: int) -> list[tuple[S, Owner]]:
        """The next of them, and whose they are."""

    def check(self, farm: Farm, by: Caller, asked: Asked, subject: S) -> None:
        """Raise what would keep the action from being carried out, as far as one can tell."""

    def carry_out(self, farm: Farm, by: Caller, asked: Asked, subject: S) -> Undo | None:
        """Do it, in a transaction; gives what takes it back."""
