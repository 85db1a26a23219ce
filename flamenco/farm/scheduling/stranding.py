"""Tasks that nobody can run: given up where workers failed before, and said with their job where it may get others.

Looked at when a worker is blocked or deleted and when tags change, and for all else that changes workers, and as time
goes, now and then by a chore. Never while a worker asks for a task or reports on one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from flamenco.domain.errors import Busy, NotFound
from flamenco.domain.job_workers import JobWorkers
from flamenco.domain.listing import NOBODY_CAN
from flamenco.domain.model import JobState, Worker
from flamenco.domain.scheduling import explanation
from flamenco.domain.scheduling.explanation import SeenWorker, WaitingGroup, Why, seen_worker
from flamenco.domain.statuses import SCHEDULABLE_JOB, JobStatus, TaskStatus, WorkerStatus
from flamenco.domain.transitions import too_many_failed
from flamenco.farm.attempts import Attempts
from flamenco.farm.cascade import Cascade
from flamenco.farm.context import Farm
from flamenco.store import job_workers, jobs, self_tests, workers
from flamenco.store.engine import Tx
from flamenco.store.scheduling import explanation as explanation_store
from flamenco.store.scheduling import stranding

AWAY_AFTER = timedelta(minutes=2)
"""A worker that is offline is counted on for this long: it may be starting again."""

_AWAY = frozenset({WorkerStatus.OFFLINE, WorkerStatus.ERROR, WorkerStatus.REGISTERED})
_AFTER_FAILURES = frozenset({Why.BLOCKED, Why.FAILED_BY_ALL})
_PASSES = frozenset({Why.NO_WORKER_AWAKE, Why.SELF_TEST})
"""What may be otherwise soon, by itself."""


class _Lost(Struct, frozen=True):
    """Tasks that nobody can run, and why; `for_good` where that comes of failures, so that waiting is no use."""

    group: WaitingGroup
    why: str
    for_good: bool


def is_away(worker: Worker, now: datetime) -> bool:
    """Whether nobody should count on the worker."""
    return worker.status in _AWAY and (worker.last_seen is None or worker.last_seen <= now - AWAY_AFTER)


def give_up(tx: Tx, cascade: Cascade) -> None:
    """Fail the tasks of a locked job that waits for workers in vain, after failures; the job goes by how many."""
    for lost in list(_lost(tx, cascade.job, cascade.now)):
        if cascade.job.status not in SCHEDULABLE_JOB:
            return
        if not lost.for_good:
            continue
        left = stranding.tasks_of(tx, cascade.job, lost.group)
        needed = sum(not task.optional for task in left)
        if needed and too_many_failed(cascade.job.counts, needed, cascade.fail_percent):
            reason = f'no more workers left to run tasks of type "{lost.group.task_type}": {lost.why}'
            cascade.set_job(JobStatus.FAILED, "; ".join([reason, *cascade.causes()]))
            return
        for task in left:
            cascade.log(task, f"Nobody can run this task any more: {lost.why}")
            # What failed in it says more than that nobody is left to try it.
            activity = None if lost.group.failed_by else f"Nobody can run this any more: {lost.why}"
            cascade.set_task(task, TaskStatus.FAILED, activity)


def _lost(tx: Tx, job: JobState, now: datetime) -> Iterator[_Lost]:
    around = explanation_store.around(tx, job)
    blocked_types = {each for types in around.blocked.values() for each in types}
    kept = self_tests.kept(tx)
    seen = [
        replace(around.seen(worker), is_away=is_away(worker, now), lacks=kept.get(worker.key, {}))
        for worker in around.workers
    ]
    for group in explanation_store.waiting_groups(tx, job):
        if reason := explanation.nobody(around.tag, group, seen):
            why, text = reason
            failures = bool(group.failed_by) or group.task_type in blocked_types
            yield _Lost(group, text, why in _AFTER_FAILURES or (failures and why not in _PASSES))


def look(farm: Farm) -> None:
    """Look through all open jobs for tasks that nobody can run. What is found is given up, or said."""
    with farm.store.read() as tx:
        notes = _notes(tx, farm.clock())
        doomed = set()
        for job_key in stranding.troubled(tx):
            # Another process may delete it in the middle of that.
            with suppress(NotFound):
                for lost in _lost(tx, jobs.fetch_by_key(tx, job_key), farm.clock()):
                    if lost.for_good:
                        doomed.add(job_key)
                    else:
                        notes[job_key] = _told(lost.group.task_type, lost.why)
        for told in stranding.jobs_told(tx, NOBODY_CAN):
            if notes.get(told.job_key) == told.activity:
                del notes[told.job_key]
            else:
                notes.setdefault(told.job_key, "There is a worker again that can run this")
    attempts = Attempts()
    for job_key in sorted(doomed | set(notes)):
        with attempts.one("a job could not be looked through for what nobody can run"), suppress(NotFound):
            _settle(farm, job_key, notes.get(job_key, ""), is_doomed=job_key in doomed)
    attempts.end()


def _settle(farm: Farm, job_key: int, note: str, *, is_doomed: bool) -> None:
    with farm.store.write() as tx:
        percent = farm.config.failures.job_fail_percent
        cascade = Cascade(tx, jobs.lock(tx, job_key), farm.clock(), fail_percent=percent)
        if cascade.job.delete_requested:
            return  # by somebody who did so meanwhile, and may want it back as it was
        if is_doomed:  # else there is no need to look at all workers again: there may be thousands of both
            give_up(tx, cascade)
        if note and cascade.job.is_open:
            cascade.note(note)
        cascade.save()
    cascade.write_logs(farm)


def look_soon(farm: Farm) -> None:
    """Look now, after a change, unless the database is busy: the chore looks as well."""
    with suppress(Busy):
        look(farm)


def _notes(tx: Tx, now: datetime) -> dict[int, str]:
    """What to say of jobs that need what no worker has, whatever happened in them."""
    present, members, kept = workers.all_present(tx), stranding.members(tx), self_tests.kept(tx)
    choosing = job_workers.of_open_jobs(tx)
    its_tags = job_workers.members(tx) if choosing else {}
    notes: dict[int, str] = {}
    for need in stranding.needs(tx):
        seen = [
            replace(
                seen_worker(worker),
                has_tag=need.tag_key is None or (worker.key, need.tag_key) in members,
                is_away=is_away(worker, now),
                lacks=kept.get(worker.key, {}),
            )
            for worker in present
        ]
        group = WaitingGroup(task_type=need.task_type, commands=need.commands, count=0)
        if reason := explanation.nobody(need.tag, group, seen):
            for told in stranding.jobs_with(tx, need):
                notes.setdefault(told.job_key, _told(need.task_type, reason[1]))
        elif choosing:
            for told in stranding.jobs_with(tx, need):
                if why := _not_for_them(choosing.get(told.job_key), need, group, seen, its_tags):
                    notes.setdefault(told.job_key, _told(need.task_type, why))
    return notes


def _not_for_them(
    meant: JobWorkers | None,
    need: stranding.Need,
    group: WaitingGroup,
    seen: Sequence[SeenWorker],
    its_tags: Mapping[int, frozenset[int]],
) -> str:
    """Why nobody can run what a job needs that is not for all workers; empty where somebody can."""
    if meant is None:
        return ""
    those = [replace(each, meant=meant.include(each.key, its_tags.get(each.key, ()))) for each in seen]
    reason = explanation.nobody(need.tag, group, those)
    return reason[1] if reason else ""


def _told(task_type: str, why: str) -> str:
    return f'{NOBODY_CAN}"{task_type}": {why}'
