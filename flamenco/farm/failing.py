"""A worker failed a task: write it down, judge it, and carry the judgement out."""

from __future__ import annotations

from flamenco.config import Config
from flamenco.domain.failures import FailureFacts, FailureLimits, Verdict, counted, decide
from flamenco.domain.model import TaskState, Worker
from flamenco.domain.statuses import TaskStatus
from flamenco.farm.cascade import Cascade
from flamenco.farm.scheduling import stranding
from flamenco.farm.workers import return_task
from flamenco.store import failures, tasks
from flamenco.store.engine import Tx


def fail(tx: Tx, config: Config, cascade: Cascade, task: TaskState, worker: Worker, sentence: str) -> None:
    """Have `worker` fail a task that it does not call failed, for the reason that `sentence` says."""
    cascade.log(task, sentence)
    told = cascade.set_progress(task, sentence, None, worker)
    task_failed(tx, config, cascade, told, worker)


def task_failed(tx: Tx, config: Config, cascade: Cascade, task: TaskState, worker: Worker) -> None:
    """The consequences of `worker` reporting `task` as failed, within the transaction of that report."""
    failures.add_failure(tx, task, worker.key, cascade.now)
    failed_by = failures.workers_that_failed(tx, task.key)
    facts = FailureFacts(
        task_failed_by=failed_by,
        worker_failed=failures.failed_by_worker(tx, task, worker.key),
        workers_left=failures.workers_left(tx, cascade.job, task),
    )
    limits = FailureLimits(
        blocklist_threshold=config.blocklist_threshold, soft_failures=config.task_fail_after_softfail_count
    )
    decision = decide(facts, limits)
    if decision.block_worker:
        failures.block(tx, task, worker.key, cascade.now)
        _return_failed_tasks(tx, cascade, task, worker)
        # That may have taken this task along, when the whole job was queued again.
        task = tasks.fetch_by_key(tx, task.key)
    _carry_out(decision.verdict, cascade, task, failed_by, limits)
    if decision.block_worker:
        stranding.give_up(tx, cascade)


def _return_failed_tasks(tx: Tx, cascade: Cascade, task: TaskState, worker: Worker) -> None:
    """Have others try what the worker failed, where there is anybody who could."""
    reason = f'worker {worker.name} was blocked from tasks of type "{task.type}"'
    for failed in tasks.failed_by_worker(tx, task.job_key, worker.key):
        now = tasks.fetch_by_key(tx, failed.key)
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
