"""Brings an old farm over: what is there already is left alone, so that it can be done again after an interruption."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from flamenco.domain.archives import ArchivedTask
from flamenco.domain.errors import Conflict, NotFound, Refused, StoreError
from flamenco.farm import audit, deletion, returning
from flamenco.farm.context import Farm
from flamenco.farm.returning import Returning
from flamenco.migration.jobs import OldJob
from flamenco.migration.logs import OldFile
from flamenco.migration.looking import OldFarm, Told
from flamenco.migration.report import Report
from flamenco.migration.workers import OldWorker
from flamenco.store import arrivals, jobs, last_rendered, recount, sleep, tags, workers
from flamenco.store.archives import PART
from flamenco.store.engine import Tx

_WORKERS_AT_ONCE: Final = 100
_LEAST_FREE: Final = 64 * 1024 * 1024


def bring(farm: Farm, old: OldFarm, told: Told = lambda *_: None) -> Report:
    """Bring all of it over; gives what came. Raises `StoreError`, and `Busy` where others write all the time."""
    # What was left out when it was looked through is left out again; there is no need to say it twice.
    came, known = Report(left_out=list(old.report.left_out), notes=old.report.notes), Report()
    _tags(farm, old, came)
    _workers(farm, old, came, told)
    progress = _Progress(told, old.report.coming["tasks"])
    for job in old.jobs.found(known):
        _job(farm, old, job, came, progress)
    told("tasks", progress.total, progress.total)
    _last_rendered(farm, old)
    with farm.store.read() as tx:
        if wrong := recount.miscounted(tx):
            raise StoreError(f"What came over is not what was there: {'; '.join(wrong)}.")
    return came


class _Progress:
    """How far the tasks are, each of which is stored in two steps: itself, and what it waits for."""

    def __init__(self, told: Told, total: int) -> None:
        self.total = total
        self._told = told
        self._steps = 0

    def over(self, parts: Iterator[Sequence[ArchivedTask]]) -> Iterator[Sequence[ArchivedTask]]:
        """The parts, each told of once the next one is wanted."""
        for part in parts:
            yield part
            self._steps += len(part)
            self._told("tasks", min(self._steps // 2, self.total - 1), self.total)


def check_room(folder: Path, size: int) -> None:
    """Raise `StoreError` where the disk has no room for so much."""
    while not folder.exists():
        folder = folder.parent
    if size + _LEAST_FREE > shutil.disk_usage(folder).free:
        raise StoreError(f"The logs and images take {size} bytes, for which the disk of {folder} has no room.")


def check_apart(here: Path, old: Path, what: str) -> None:
    """Raise `StoreError` where something of ours is what the old farm has, which is not to change."""
    if here.exists() and old.exists() and here.samefile(old):
        raise StoreError(f"{here} is {what} of the old manager, which stays as it is: name another --data-dir.")


def _tags(farm: Farm, old: OldFarm, came: Report) -> None:
    with farm.store.write() as tx:
        known = {each.id for each in tags.all_tags(tx)}
        for tag in old.tags.values():
            if tag.id in known:
                came.there["tags"] += 1
                continue
            try:
                tags.insert_tag(tx, tag.id, tag.name, tag.description)
                came.coming["tags"] += 1
            except Conflict:
                came.leave("tags", "there is one of that name", tag.name, tag.id)


def _workers(farm: Farm, old: OldFarm, came: Report, told: Told) -> None:
    for first in range(0, len(old.workers), _WORKERS_AT_ONCE):
        some = old.workers[first : first + _WORKERS_AT_ONCE]
        with farm.store.write() as tx:
            for each in some:
                if each.worker.id in old.there.workers:
                    came.there["workers"] += 1
                else:
                    _worker(tx, farm, each, came)
        told("workers", first + len(some), len(old.workers))


def _worker(tx: Tx, farm: Farm, old: OldWorker, came: Report) -> None:
    stored = workers.insert_worker(tx, old.worker, old.secret_hash, old.created)
    if old.tags:
        tags.set_of_worker(tx, stored.key, old.tags)
    if old.schedule is not None:
        sleep.put(tx, stored.key, old.schedule)
    if old.deleted is not None:
        workers.mark_deleted(tx, stored.key, old.deleted)
    audit.note(tx, farm.clock(), "worker", stored.id, stored.name, after={"migrated": True})
    came.coming["workers"] += 1
    came.coming["memberships"] += len(old.tags)
    came.coming["sleep schedules"] += old.schedule is not None


def _job(farm: Farm, old: OldFarm, job: OldJob, came: Report, progress: _Progress) -> None:
    is_there = old.there.jobs.get(job.job.id)
    if is_there:
        came.there["jobs"] += 1
        came.there["tasks"] += len(job.tasks)
        return
    if is_there is False:
        _forget(farm, job.job.id)
    files = old.files_of(job, Report())
    coming = Returning(
        job=job.job,
        completed=job.completed,
        parts=lambda: progress.over(job.tasks.parts(PART)),
        files=lambda: _contents(old, job.job.id, files, came),
        checkout=job.checkout,
        after={"migrated": True},
        announced=False,
    )
    try:
        returning.store(farm, coming)
    except (Refused, Conflict) as error:
        came.leave("jobs", error, job.job.name, job.job.id)
        _forget(farm, job.job.id)
        return
    more = {"jobs": 1, "tasks": len(job.tasks), "task failures": job.tasks.failures, "blocks": len(job.job.blocks)}
    came.coming.update(more)


def _contents(
    old: OldFarm, job_id: str, files: Iterable[OldFile], came: Report
) -> Iterator[tuple[str, Iterator[bytes]]]:
    for file in files:
        yield file.name, _blocks(old, job_id, file, came)
        came.coming[file.kind] += 1


def _blocks(old: OldFarm, job_id: str, file: OldFile, came: Report) -> Iterator[bytes]:
    blocks = old.storage.blocks(job_id, file)
    while True:
        try:
            block = next(blocks)
        except StopIteration:
            return
        except OSError as error:
            came.leave(file.kind, f"it cannot be read: {error.strerror}", file.name, job_id)
            return
        yield block


def _forget(farm: Farm, job_id: str) -> None:
    """Remove what is there of a job that was not stored as a whole."""
    with farm.store.write() as tx:
        try:
            key = jobs.fetch(tx, job_id, doomed=True).key
        except NotFound:
            return
        arrivals.abandon(tx, key, farm.clock())
    while not deletion.delete_some(farm, job_id):
        pass


def _last_rendered(farm: Farm, old: OldFarm) -> None:
    job_id = old.jobs.last_rendered()
    if job_id and farm.images.exist(job_id):
        with farm.store.write() as tx:
            if last_rendered.job_id(tx) is None and (key := last_rendered.lock_kept(tx, job_id)) is not None:
                last_rendered.remember(tx, key)
