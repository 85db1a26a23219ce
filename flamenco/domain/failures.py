"""What a worker's failure means: try the task elsewhere, give it up, block the worker; and how it is told. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from msgspec import Struct

from flamenco.domain.model import TaskCounts
from flamenco.domain.statuses import RUNNABLE_TASK, TaskStatus

MOST_CAUSE_CHARACTERS = 300
"""So much of why a task failed is told with its job; the task itself, and its log, say it in full."""


class Verdict(Enum):
    """What becomes of the task that failed."""

    SOFT = "soft"
    """Another worker may try."""
    HARD = "hard"
    """Enough workers tried: the task failed."""
    NOBODY_LEFT = "nobody left"
    """Every worker that could run it has failed it: the task failed, and waits for no other."""


class FailureFacts(Struct, frozen=True, kw_only=True):
    """What is known after this failure was written down.

    `task_failed_by`: distinct workers that failed this task. `worker_failed`: distinct tasks of this
    type in this job that this worker failed. Both count the present failure. `workers_left`: workers
    that are not deleted, support the type and its commands, match the job's tag, are not blocked and did not fail this
    task.
    """

    task_failed_by: int
    worker_failed: int
    workers_left: int


class FailureLimits(Struct, frozen=True, kw_only=True):
    """`blocklist_threshold`: failed tasks of a type after which a worker is blocked from that type in the job.

    `soft_failures`: workers that may fail a task before it counts as failed.
    """

    blocklist_threshold: int
    soft_failures: int


class FailureDecision(Struct, frozen=True):
    """What to do: `block_worker` from this task type in this job, and the `verdict` on the task."""

    block_worker: bool
    verdict: Verdict


def decide(facts: FailureFacts, limits: FailureLimits) -> FailureDecision:
    """Judge a failure. A worker is blocked at its third failed task when the threshold is three."""
    block = facts.worker_failed >= max(1, limits.blocklist_threshold)
    if facts.task_failed_by >= max(1, limits.soft_failures):
        verdict = Verdict.HARD
    elif not facts.workers_left:
        verdict = Verdict.NOBODY_LEFT
    else:
        verdict = Verdict.SOFT
    return FailureDecision(block, verdict)


def counted(number: int, noun: str) -> str:
    """`number` and `noun`, in the plural where there is not exactly one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def in_short(activity: str) -> str:
    """What a task that failed says of it, in one line that is not too long, without what is in front of all of them."""
    sentence = " ".join(activity.removeprefix("Failed: ").split())
    return sentence if len(sentence) <= MOST_CAUSE_CHARACTERS else f"{sentence[:MOST_CAUSE_CHARACTERS]}…"


def cause(task: str, activity: str) -> str:
    """Why a task failed: its name, and what it says of that."""
    sentence = in_short(activity)
    return f"{task}: {sentence}" if sentence else task


def listed(names: Sequence[str], count: int) -> str:
    """Some names of `count` things."""
    return ", ".join(names) + (", …" if count > len(names) else "")


def what_is_missing(counts: TaskCounts, failed: Sequence[str], canceled: Sequence[str], waiting: Sequence[str]) -> str:
    """What of a job will never be: some of the tasks that failed (with causes), were canceled, or wait for such."""
    parts = []
    for status, names in ((TaskStatus.FAILED, failed), (TaskStatus.CANCELED, canceled)):
        if number := counts.of(status):
            verb = "failed" if status is TaskStatus.FAILED else "canceled"
            parts.append(f"{number} of {counted(counts.total, 'task')} {verb}: {listed(names, number)}")
    if number := counts.of(*RUNNABLE_TASK):
        them = "it" if counts.of(TaskStatus.FAILED, TaskStatus.CANCELED) == 1 else "them"
        parts.append(f"{listed(waiting, number)} {'waits' if number == 1 else 'wait'} for {them}")
    return "; ".join(parts)
