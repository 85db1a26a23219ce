"""Compares what workers did with what the manager says in the end: is anything lost, or done twice? Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from msgspec import Struct

from flamenco.client import Attempt, TaskSummary
from flamenco.domain.attempts import Outcome
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
    misbooked: Iterable[str] = (),
    is_stalled: bool = False,
) -> Verdict:
    """Judge the `tasks` of each job, of which so many were `promised`, after all workers have gone home.

    `misbooked` are sentences about attempts that are not what became of their tasks. `is_stalled`: everybody had time
    enough, and still not all is done, so what is open was forgotten.
    """
    lost = [
        f"job {job_id} has {len(tasks.get(job_id, ()))} tasks instead of {count}"
        for job_id, count in promised.items()
        if len(tasks.get(job_id, ())) != count
    ]
    for task in (task for found in tasks.values() for task in found):
        lost += [f"{task.id} {why}" for why in _losses(task, ledger, is_stalled=is_stalled)]
    lost += misbooked
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


def misbooked(tasks: Iterable[TaskSummary], attempts: Iterable[Attempt]) -> Iterable[str]:
    """Sentences about attempts that do not agree with their tasks, as they were read just before: one each.

    The last is open while its task is active, and no other ever; no two are at the same time; and what was completed
    was so by one of them.
    """
    by_task: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        if attempt.task:
            by_task.setdefault(attempt.task.id, []).append(attempt)
    for task in tasks:
        found = sorted(by_task.get(task.id, []), key=lambda each: each.number)
        are_open = [each.ended is None for each in found]
        if any(are_open[:-1]):
            yield f"{task.id} has an attempt that is open, and a later one"
        elif any(are_open) and task.status is not TaskStatus.ACTIVE:
            yield f"{task.id} is {task.status}, and has an attempt that is open"
        elif any(before.ended and before.ended > after.started for before, after in pairwise(found)):
            yield f"{task.id} has two attempts at the same time"
        elif task.status is TaskStatus.COMPLETED and not any(each.outcome is Outcome.COMPLETED for each in found):
            yield f"{task.id} is completed, and no attempt at it is"


def line_of(worker: int, turn: int, number: int) -> str:
    """The line of that number that a worker says in its turn with a task."""
    return f"simulated worker {worker}, turn {turn}: line {number}."


def missing_lines(log: str, worker: int, turn: int, lines: int) -> list[int]:
    """Which of the lines that were said in that turn are not in the task's log."""
    found = set(log.splitlines())
    return [number for number in range(1, lines + 1) if line_of(worker, turn, number) not in found]
