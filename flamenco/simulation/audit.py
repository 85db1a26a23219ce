"""Compares what workers did with what the manager says in the end: is anything lost, or done twice? Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from flamenco.client import TaskSummary
from flamenco.domain.statuses import TaskStatus
from flamenco.simulation.ledger import Ledger

_MOST_NAMED = 20


class Verdict(Struct, frozen=True, kw_only=True):
    """What became of all tasks: by status, and sentences about each that is lost or was done twice."""

    tasks: dict[str, int]
    lost: list[str]
    doubled: list[str]
    lost_lines: list[str]

    @property
    def is_clean(self) -> bool:
        """Whether all went as it should."""
        return not (self.lost or self.doubled or self.lost_lines)

    def in_words(self) -> str:
        """What is wrong, for people; the first of it where there is much."""
        wrong = [*self.lost, *self.doubled, *self.lost_lines]
        more = f"; and {len(wrong) - _MOST_NAMED} more" if len(wrong) > _MOST_NAMED else ""
        return "; ".join(wrong[:_MOST_NAMED]) + more


def judge(
    ledger: Ledger,
    tasks: Mapping[str, Sequence[TaskSummary]],
    promised: Mapping[str, int],
    lost_lines: Iterable[str] = (),
    *,
    is_stalled: bool = False,
) -> Verdict:
    """Judge the `tasks` of each job, of which so many were `promised`, after all workers have gone home.

    `is_stalled`: everybody had time enough, and still not all is done, so what is open was forgotten.
    """
    lost = [
        f"job {job_id} has {len(tasks.get(job_id, ()))} tasks instead of {count}"
        for job_id, count in promised.items()
        if len(tasks.get(job_id, ())) != count
    ]
    for task in (task for found in tasks.values() for task in found):
        lost += [f"{task.id} {why}" for why in _losses(task, ledger, is_stalled=is_stalled)]
    counts = Counter(str(task.status) for found in tasks.values() for task in found)
    return Verdict(tasks=dict(counts), lost=lost, doubled=list(ledger.doubled), lost_lines=list(lost_lines))


_OPEN = frozenset({TaskStatus.QUEUED, TaskStatus.SOFT_FAILED, TaskStatus.ACTIVE})


def _losses(task: TaskSummary, ledger: Ledger, *, is_stalled: bool) -> Iterable[str]:
    if task.id in ledger.completed and task.status is not TaskStatus.COMPLETED:
        yield f"was completed, and is {task.status}"
    elif task.status is TaskStatus.ACTIVE and task.id not in ledger.held():
        yield "is active, and nobody has it"
    elif is_stalled and task.status in _OPEN:
        yield f"is {task.status}, and nobody was given it"


def line_of(worker: int, turn: int, number: int) -> str:
    """The line of that number that a worker says in its turn with a task."""
    return f"simulated worker {worker}, turn {turn}: line {number}."


def missing_lines(log: str, worker: int, turn: int, lines: int) -> list[int]:
    """Which of the lines that were said in that turn are not in the task's log."""
    found = set(log.splitlines())
    return [number for number in range(1, lines + 1) if line_of(worker, turn, number) not in found]
