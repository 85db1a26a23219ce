"""Limits on the time of tasks: saying them of a job, what holds for it, and whether a task was done too soon."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from flamenco.domain import time_limits as rules
from flamenco.domain.attempts import seconds_between
from flamenco.domain.events import job_event
from flamenco.domain.model import JobState
from flamenco.domain.time_limits import HeldLimits, JobTimeLimits, TimeLimits
from flamenco.farm import audit
from flamenco.farm.context import Farm
from flamenco.farm.speaking import Telling
from flamenco.store import events, tasks
from flamenco.store import jobs as job_store
from flamenco.store import time_limits as store
from flamenco.store.engine import Tx
from flamenco.store.scheduling import queues


def change(farm: Farm, job_id: str, task_type: str, written: Mapping[str, str]) -> dict[str, str]:
    """Give a job other limits for tasks of a type, or `*`; gives what it said of those before, in the same words.

    Those that are being run fall under them at once. Raises `NotFound`, `Refused`.
    """
    now = farm.clock()
    with farm.store.write() as tx:
        job = job_store.lock_by_id(tx, job_id)
        before = store.of_job(tx, job.key)
        old = before.own.get(task_type, TimeLimits())
        new = rules.parse(written, old)
        after = before.with_own(task_type, new)
        store.replace(tx, job.key, after)
        changed = replace(job, has_time_limits=bool(after), updated=now)
        job_store.save(tx, job, changed)
        was, becomes = {task_type: old.in_words()}, {task_type: new.in_words()}
        audit.note(tx, now, "job", job.id, job.name, before={"time_limits": was}, after={"time_limits": becomes})
        events.append(tx, [job_event(changed)], now)
    return {word: old.in_words().get(word, "") for word in written}


def of_job(tx: Tx, job: JobState) -> JobTimeLimits:
    """What is said of a job's tasks."""
    return store.of_job(tx, job.key) if job.has_time_limits else rules.NO_LIMITS


def held_by_type(tx: Tx, farm: Farm, job: JobState) -> dict[str, HeldLimits]:
    """The limits that hold for the job's tasks, by their type, of those that have any."""
    said = of_job(tx, job)
    if not said and not farm.command_limits:
        return {}
    found = {
        queue.task_type: rules.held(queue.task_type, queue.commands, said, farm.command_limits)
        for queue in queues.of_job(tx, job.key)
    }
    return {task_type: limits for task_type, limits in sorted(found.items()) if limits}


def shortfall(told: Telling, farm: Farm, now: datetime) -> str:
    """Why a task that its worker calls completed is not, as it was done too soon; empty where it is."""
    tx, job, task = told.tx, told.job, told.task
    if not (job.has_time_limits or farm.command_limits) or not task.is_active or task.activated is None:
        return ""
    took_s = seconds_between(task.activated, now)
    commands: tuple[str, ...] = ()
    if farm.command_limits:
        commands = tuple(command.name for command in tasks.fetch_whole_by_key(tx, task.key).commands)

    def by(said: JobTimeLimits) -> str:
        limits = rules.held(task.type, commands, said, farm.command_limits)
        return rules.shortfall(limits, took_s)

    # What came with the job may be older than its lock: no worker is blamed by what a person has just taken back.
    return by(told.limits or of_job(tx, job)) and by(of_job(tx, job))
