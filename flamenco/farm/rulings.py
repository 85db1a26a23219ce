"""Carrying out what failure rules say, within the transaction that notes the failure; `failing` does what counts."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from msgspec.structs import replace

from flamenco.config import Config
from flamenco.domain.durations import Duration
from flamenco.domain.failure_rules import FREE, Ruling, Then
from flamenco.domain.failures import counted
from flamenco.domain.model import TaskState
from flamenco.domain.statuses import PAUSING_JOB, SCHEDULABLE_JOB, JobStatus, TaskStatus
from flamenco.farm.cascade import Cascade
from flamenco.store import retries, sick_workers
from flamenco.store.engine import Tx
from flamenco.store.scheduling import starting

HELD_S: Final = 300.0
"""How long a job is held that had several workers in error."""


def settled(tx: Tx, config: Config, cascade: Cascade, task: TaskState, said: Ruling) -> Ruling | None:
    """The ruling as it stands, once it is known what came before; None where the failure counts as any other.

    What does not count is not done without end; and no job has the whole farm in error.
    """
    if said.then not in FREE:
        return said
    _, free = retries.counts(tx, task.key)
    if free >= config.failures.free_retries:
        again = counted(free, "time")
        cascade.log(task, f"{said.sentence} It was tried again {again} for that, and now it counts (free_retries).")
        return None
    others = sick_workers.by_job(tx, cascade.job.key) if said.then is Then.WORKER_ERROR else 0
    if others < config.failures.sick_by_job:
        return said
    sentence = f"{said.sentence} {counted(others, 'other worker')} had such trouble with this job, so it is held."
    return replace(said, then=Then.HOLD_JOB, seconds=HELD_S, sentence=sentence)


def carry_out_free(tx: Tx, cascade: Cascade, task: TaskState, said: Ruling) -> None:
    """Have a task tried again, without counting that it failed."""
    retries.count(tx, task, free=1)
    if said.then is Then.RETRY_AFTER:
        retries.put_off(tx, task, cascade.now + timedelta(seconds=said.seconds))
        task = replace(task, unmet=task.unmet + 1)
    cascade.set_task(task, TaskStatus.SOFT_FAILED)
    if said.then is Then.HOLD_JOB:
        hold(tx, cascade, said)


def hold(tx: Tx, cascade: Cascade, said: Ruling) -> None:
    """Begin no more of the job's tasks for a while. That only ever makes it later."""
    job, until = cascade.job, cascade.now + timedelta(seconds=said.seconds)
    if job.status not in SCHEDULABLE_JOB | PAUSING_JOB or (job.start_after and job.start_after >= until):
        return
    cascade.job = replace(job, start_after=until)
    starting.save_reason(tx, job.key, said.sentence)
    if job.status in SCHEDULABLE_JOB:
        cascade.note(f"Held for {Duration(said.seconds)}: {said.sentence}")


def fail_job(cascade: Cascade, task: TaskState, said: Ruling) -> None:
    """The task has failed for good, and its job with it, unless it can do without."""
    cascade.set_task(task, TaskStatus.FAILED)
    if not task.optional and cascade.job.status in SCHEDULABLE_JOB | PAUSING_JOB:
        cascade.set_job(JobStatus.FAILED, f"{task.name}: {said.sentence}")
