"""What a worker's failure means: try the task elsewhere, give the task up, block the worker, give the job up. Pure."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class Verdict(Enum):
    """What becomes of the task that failed."""

    SOFT = "soft"
    """Another worker may try."""
    HARD = "hard"
    """Enough workers tried: the task failed."""
    NOBODY_LEFT = "nobody left"
    """No other worker could run it: the task failed, and the job with it."""


class FailureFacts(Struct, frozen=True, kw_only=True):
    """What is known after this failure was written down.

    `task_failed_by`: distinct workers that failed this task. `worker_failed`: distinct tasks of this
    type in this job that this worker failed. Both count the present failure. `workers_left`: workers
    that are not deleted, support the type, match the job's tag, are not blocked and did not fail this task.
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
    if block and not facts.workers_left:
        verdict = Verdict.NOBODY_LEFT
    elif facts.task_failed_by >= max(1, limits.soft_failures):
        verdict = Verdict.HARD
    elif not facts.workers_left:
        verdict = Verdict.NOBODY_LEFT
    else:
        verdict = Verdict.SOFT
    return FailureDecision(block, verdict)


def counted(number: int, noun: str) -> str:
    """`number` and `noun`, in the plural where there is not exactly one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
