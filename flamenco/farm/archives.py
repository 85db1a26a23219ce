"""Archives: a job that has ended goes into one file, with all that is known of it, and comes back from there.

It is put into the trash first, where nothing changes in it; then its archive is written aside, read anew from its
first to its last byte, and renamed. Only then is it purged. Wherever that ends, the job is still there, and the chore
begins again. What comes back is stored by `returning`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Final

import structlog
from msgspec.structs import replace

from flamenco.domain import archives
from flamenco.domain.archives import FORMAT, Archived, ArchivedJob, ArchivedTask, Summary
from flamenco.domain.errors import Conflict, FarmError, NotFound, Refused
from flamenco.domain.events import job_event
from flamenco.domain.job_files import LAST_RENDERED, task_log_name
from flamenco.domain.model import JobState, TaskCounts
from flamenco.domain.statuses import TaskStatus
from flamenco.farm import audit
from flamenco.farm.context import Farm
from flamenco.farm.returning import Returning
from flamenco.farm.returning import store as store_returning
from flamenco.files import archives as files
from flamenco.files.job_folders import job_folder
from flamenco.files.public import PublicFile, open_file
from flamenco.store import archives as store
from flamenco.store import deletion, events, jobs, trash
from flamenco.store.archives import PART

log = structlog.get_logger()

MOST_LISTED: Final = 1_000


def request(farm: Farm, job_id: str) -> None:
    """Have a job archived soon, and deleted then. Raises `NotFound`, and `Conflict` for one that has not ended."""
    now = farm.clock()
    with farm.store.write() as tx:
        job = jobs.lock_by_id(tx, job_id)
        check(job)
        marked = deletion.mark(tx, [job], now, for_good=False)
        store.mark(tx, job)
        audit.note(tx, now, "job", job_id, job.name, after={"archived": archives.file_name(job_id, job.name)})
        events.append(tx, [job_event(each) for each in marked], now)


def check(job: JobState) -> None:
    """Raise `Conflict` for a job that has not come to rest."""
    if not archives.can_be_archived(job.status) or job.moves:
        raise Conflict(f"It is {job.status}; only what is completed, failed or canceled can be archived.")


def waiting(farm: Farm, most: int) -> Sequence[str]:
    """UUIDs of at most `most` jobs that are to be archived, in the order in which that was asked for."""
    with farm.store.read() as tx:
        return store.waiting(tx, most)


def archive(farm: Farm, job_id: str) -> None:
    """Make the archive of a job that was put away, and have the job purged. Raises `StoreError`."""
    try:
        with farm.store.read() as tx:
            job = jobs.fetch(tx, job_id, doomed=True)
    except NotFound:
        return
    file = farm.config.archives_path / archives.file_name(job_id, job.name)
    files.write(file, lambda writer: _fill(farm, writer, job), lambda aside: _verify(farm, aside, job))
    with farm.store.write() as tx:
        now = jobs.lock_by_id(tx, job_id, doomed=True)
        if trash.fate(tx, now).archiving and now.delete_requested == job.delete_requested:
            trash.purge(tx, now)
            log.info("job archived", job=job_id, file=str(file))


def _fill(farm: Farm, writer: files.Writer, job: JobState) -> None:
    with farm.store.read() as tx:
        whole = store.job(tx, job.key)
        writer.value(archives.SUMMARY, _summary(farm, whole))
    writer.value(archives.JOB, whole)
    writer.lines(archives.TASKS, _tasks(farm, job))
    root, folder = farm.config.local_storage_path, job_folder(farm.config.local_storage_path, job.id)
    writer.files(root, folder, archives.LOGS, _log_names(farm, job))
    writer.files(root, folder, archives.IMAGES, LAST_RENDERED)


def _summary(farm: Farm, job: ArchivedJob) -> Summary:
    same = {name: getattr(job, name) for name in ("id", "name", "type", "status", "created")}
    project = job.metadata.get("project", "")
    return Summary(
        format=FORMAT, archived=farm.clock(), user=job.owner, project=project, tasks=job.counts.total, **same
    )


def _tasks(farm: Farm, job: JobState) -> Iterator[ArchivedTask]:
    for after in count(0, PART):
        with farm.store.read() as tx:
            part = store.some_tasks(tx, job.key, after)
        yield from part
        if len(part) < PART:
            return


def _log_names(farm: Farm, job: JobState) -> Iterator[str]:
    """What logs of its tasks would be called; read once more, rather than to keep all of them in memory."""
    for after in count(0, PART):
        with farm.store.read() as tx:
            part = store.some_ids(tx, job.key, after)
        yield from map(task_log_name, part)
        if len(part) < PART:
            return


def _verify(farm: Farm, aside: Path, job: JobState) -> None:
    with files.opened(aside, _bounds(farm)) as archive:
        found = _read_through(archive)
        if (archive.job.id, archive.job.counts) != (job.id, job.counts) or len(found) != job.counts.total:
            raise Conflict(f"The archive of {job.name} is not what was to be in it; trying again.")
        for _, blocks in chain(archive.logs(), archive.images()):
            deque(blocks, maxlen=0)


def _bounds(farm: Farm) -> files.Bounds:
    log_bytes = farm.config.task_log_mb * 1024 * 1024
    return files.Bounds(tasks=farm.config.max_tasks_per_job, log_bytes=log_bytes, part=PART)


def _read_through(archive: files.Archive) -> bytearray:
    """Whether each of its tasks is completed, once all of them make sense together. Raises `Refused`."""
    job = archive.job
    if not archives.can_be_archived(job.status) or archive.summary.id != job.id:
        raise Refused("The archive has no job in it that has ended.")
    completed, counts, logs, last = bytearray(), TaskCounts(), archive.logs_named, 0
    for part in archive.tasks():
        for task in part:
            _check_task(task, len(completed) + 1)
            last = max(last, *task.after, 0)
            completed.append(task.status is TaskStatus.COMPLETED)
            counts = _counted(counts, task)
            logs.discard(task_log_name(task.id))
    if counts != job.counts or last > len(completed) or logs:
        raise Refused("The archive has other tasks or logs in it than its job has.")
    return completed


def _check_task(task: ArchivedTask, place: int) -> None:
    numbers = [each.number for each in task.tried]
    failed_by = [each.worker for each in task.failed_by]
    wrong = task.status is TaskStatus.ACTIVE or place in task.after or 0 in task.after
    for several in (numbers, failed_by, task.after):
        wrong = wrong or len(set(several)) < len(several)
    if wrong or max(numbers, default=0) != task.attempts:
        raise Refused(f"The archive makes no sense in task {place}.")


def _counted(counts: TaskCounts, task: ArchivedTask) -> TaskCounts:
    failed = counts.failed_optional + (task.optional and task.status is TaskStatus.FAILED)
    column = task.status.column
    return replace(counts, **{column: counts.of(task.status) + 1, "failed_optional": failed})


def listed(farm: Farm) -> list[Archived]:
    """The archives that are there, the newest first, at most a thousand; not what is none. Raises `StoreError`."""
    found = []
    for name in files.names(farm.config.archives_path)[:MOST_LISTED]:
        file = farm.config.archives_path / name
        try:
            with files.opened(file, _bounds(farm)) as archive:
                found.append(Archived(file=name, size=file.stat().st_size, summary=archive.summary))
        except (FarmError, OSError) as error:
            log.warning("an archive cannot be read", file=str(file), reason=str(error))
    return found


def opened(farm: Farm, name: str) -> PublicFile:
    """An archive that is there, open to be read; whoever has it closes it. Raises `NotFound`, `StoreError`."""
    if name not in files.names(farm.config.archives_path):
        raise NotFound("There is no such archive; `flamenco archives` lists them.")
    return open_file(farm.config.archives_path / name)


def bring_back(farm: Farm, name: str) -> JobState:
    """Have the job of an archive back, as it was. The archive stays.

    Raises `NotFound`, `Refused` for a file that makes no sense, `Conflict` where the job is there, `Busy`, and
    `StoreError`.
    """
    if not archives.is_file_name(name):
        raise Refused(f"{name[:100]!r} is no name of an archive; `flamenco archives` lists them.")
    with files.opened(farm.config.archives_path / name, _bounds(farm)) as archive:
        completed = _read_through(archive)
        files.check_room(farm.config.data_dir, archive.unpacked_bytes)
        return _store(farm, archive, completed)


def _store(farm: Farm, archive: files.Archive, completed: bytearray) -> JobState:
    returning = Returning(
        job=archive.job,
        completed=completed,
        parts=archive.tasks,
        files=lambda: chain(archive.logs(), archive.images()),
        before={"archived": True},
        after={"archived": False},
    )
    return store_returning(farm, returning)
