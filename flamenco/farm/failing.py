"""A worker failed a task: write it down, judge it, and carry the judgement out."""

from __future__ import annotations

from enum import Enum
from typing import Final

from msgspec import Struct

from flamenco.config import Config
from flamenco.domain.failure_rules import FREE, Ruling, Then
from flamenco.domain.failures import FailureDecision, FailureFacts, FailureLimits, Verdict, counted, decide
from flamenco.domain.model import TaskState, Worker
from flamenco.domain.statuses import TaskStatus
from flamenco.farm import rulings
from flamenco.farm.cascade import Cascade
from flamenco.farm.scheduling import stranding
from flamenco.farm.workers import return_task
from flamenco.store import failures, retries, tasks
from flamenco.store.engine import Tx


class Blame(Enum):
    """What a failure says of the worker."""

    NONE = "none"
    FAILED = "failed"
    """One more that it failed."""
    IN_ERROR = "in error"
    """It is to be given nothing until somebody has looked at it."""


class Aftermath(Struct, frozen=True):
    """What is left to be done once the failure is noted: what becomes of the worker, and why."""

    blame: Blame
    sentence: str = ""


COUNTED: Final = Aftermath(Blame.FAILED)

_BLAMES_NOBODY: Final = frozenset({Then.FAIL_JOB, Then.RETRY, Then.RETRY_ELSEWHERE, Then.RETRY_AFTER, Then.HOLD_JOB})
"""After which nobody thinks the less of the worker: a scene may be too large for it, and another one is not."""

_NONE: Final = Aftermath(Blame.NONE)


def fail(tx: Tx, config: Config, cascade: Cascade, task: TaskState, worker: Worker, sentence: str) -> None:
    """Have `worker` fail a task that it does not call failed, for the reason that `sentence` says."""
    cascade.log(task, sentence)
    told = cascade.set_progress(task, sentence, None, worker)
    task_failed(tx, config, cascade, told, worker)


def task_failed(
    tx: Tx, config: Config, cascade: Cascade, task: TaskState, worker: Worker, ruling: Ruling | None = None
) -> Aftermath:
    """The consequences of `worker` reporting `task` as failed, within the transaction of that report.

    `ruling` is what a rule said of it before that.
    """
    if ruling is not None and ruling.attempt == task.attempts:
        ruling = rulings.settled(tx, config, cascade, task, ruling)
    else:
        ruling = None
    if ruling is None:
        _judge(tx, config, cascade, task, worker, None)
        return COUNTED
    cascade.log(task, f"{ruling.in_words} {ruling.sentence}")
    task = cascade.set_progress(task, ruling.sentence, None, worker)
    if ruling.then in FREE:
        rulings.carry_out_free(tx, cascade, task, ruling)
    else:
        _judge(tx, config, cascade, task, worker, ruling)
    if ruling.then is Then.WORKER_ERROR:
        return Aftermath(Blame.IN_ERROR, ruling.sentence)
    return _NONE if ruling.then in _BLAMES_NOBODY else COUNTED


def _judge(tx: Tx, config: Config, cascade: Cascade, task: TaskState, worker: Worker, ruling: Ruling | None) -> None:
    """A failure that counts."""
    then = None if ruling is None else ruling.then
    _note(tx, cascade, task, worker, then)
    failed_by = failures.workers_that_failed(tx, task.key)
    limits = FailureLimits(
        blocklist_threshold=config.blocklist_threshold,
        soft_failures=cascade.job.tries or config.task_fail_after_softfail_count,
    )
    decision = _decided(tx, cascade, task, worker, limits, failed_by, then)
    if decision.block_worker:
        failures.block(tx, task, worker.key, cascade.now)
        _return_failed_tasks(tx, cascade, task, worker, limits)
        # That may have taken this task along, when the whole job was queued again.
        task = tasks.fetch_by_key(tx, task.key)
    if ruling is not None and then is Then.FAIL_JOB:
        rulings.fail_job(cascade, task, ruling)
    elif then is Then.FAIL_TASK:
        retries.count(tx, task, tries=limits.soft_failures)  # which is as many as there are
        cascade.set_task(task, TaskStatus.FAILED)
    else:
        _carry_out(decision.verdict, cascade, task, failed_by, limits)
    if decision.block_worker:
        stranding.give_up(tx, cascade)


def _note(tx: Tx, cascade: Cascade, task: TaskState, worker: Worker, then: Then | None) -> None:
    """Write it down: by whom it was, unless the same worker may try again."""
    if then is Then.RETRY:
        retries.count(tx, task, tries=1)
    else:
        failures.add_failure(tx, task, worker.key, cascade.now, counts=then is not Then.RETRY_ELSEWHERE)


def _decided(
    tx: Tx,
    cascade: Cascade,
    task: TaskState,
    worker: Worker,
    limits: FailureLimits,
    failed_by: int,
    then: Then | None,
) -> FailureDecision:
    facts = FailureFacts(
        task_failed_by=failed_by,
        worker_failed=failures.failed_by_worker(tx, task, worker.key),
        workers_left=failures.workers_left(tx, cascade.job, task),
    )
    decision = decide(facts, limits)
    return FailureDecision(decision.block_worker or then is Then.BLOCKLIST, decision.verdict)


def _return_failed_tasks(tx: Tx, cascade: Cascade, task: TaskState, worker: Worker, limits: FailureLimits) -> None:
    """Have others try what the worker failed, where there is anybody who could, and no rule is against it."""
    reason = f'worker {worker.name} was blocked from tasks of type "{task.type}"'
    for failed in tasks.failed_by_worker(tx, task.job_key, worker.key):
        now = tasks.fetch_by_key(tx, failed.key)
        if retries.counts(tx, failed.key)[0] >= max(1, limits.soft_failures):
            continue
        if now.status is TaskStatus.FAILED and failures.workers_left(tx, cascade.job, now):
            return_task(cascade, now, reason)


def _carry_out(verdict: Verdict, cascade: Cascade, task: TaskState, failed_by: int, limits: FailureLimits) -> None:
    by = f"Task failed by {counted(failed_by, 'worker')}"
    match verdict:
        case Verdict.SOFT:
            more = counted(limits.soft_failures - failed_by, "more failure")
            cascade.log(task, f"{by}, Manager will mark it as soft failure. {more} will cause hard failure.")
            cascade.set_task(task, TaskStatus.SOFT_FAILED)
        case Verdict.HARD:
            cascade.log(task, f"{by}, Manager will mark it as hard failure")
            cascade.set_task(task, TaskStatus.FAILED)
        case Verdict.NOBODY_LEFT:
            cascade.log(task, f"{by}, and nobody else could run it. Manager will mark it as hard failure")
            cascade.set_task(task, TaskStatus.FAILED)
