"""Jobs that were elsewhere and come as they were, with all that was: from an archive, or from another manager.

They are stored part by part, as any large job is, and nobody sees one before all is there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from msgspec import Struct

from flamenco.domain import time_limits
from flamenco.domain.access import Owner
from flamenco.domain.archives import ArchivedJob, ArchivedTask
from flamenco.domain.errors import Conflict, NotFound
from flamenco.domain.events import job_event
from flamenco.domain.model import AuthoredJob, JobState
from flamenco.domain.scheduling.values import Placement
from flamenco.domain.statuses import JobStatus
from flamenco.farm import audit
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import placing
from flamenco.files.below import open_below
from flamenco.files.job_folders import make_job_folder, unusable
from flamenco.store import arrivals, events, jobs, tags
from flamenco.store.archives import Return

Files = Iterable[tuple[str, Iterable[bytes]]]
"""Names in the folder of the job, and what is in each file."""

_KEEP_ALIVE_S: Final = 60.0


class Returning(Struct, frozen=True, kw_only=True):
    """A job to be stored. `completed` has a 1 for each task that is; `parts` gives all tasks in order, each time.

    `before` and `after` are what the audit log says. Without `announced` nobody is told that there is a new job.
    """

    job: ArchivedJob
    completed: Sequence[int]
    parts: Callable[[], Iterator[Sequence[ArchivedTask]]]
    files: Callable[[], Files]
    checkout: str = ""
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    announced: bool = True


def store(farm: Farm, returning: Returning) -> JobState:
    """Store a job, all of it or nothing. Raises `Conflict` where it is there, `Refused`, `Busy`, and `StoreError`."""
    coming = _begin(farm, returning)
    try:
        _unpack(farm, returning.files(), coming)
        first = 1
        for part in returning.parts():
            with farm.one_large_write(), farm.store.write() as tx:
                coming.add(tx, part, first, farm.clock())
            first += len(part)
        first = 1
        for part in returning.parts():
            with farm.one_large_write(), farm.store.write() as tx:
                coming.link(tx, part, first, farm.clock())
            first += len(part)
        return _finish(farm, returning, coming)
    except BaseException:
        with farm.store.write() as tx:
            arrivals.abandon(tx, coming.key, farm.clock())
        raise


def _begin(farm: Farm, returning: Returning) -> Return:
    now, job = farm.clock(), returning.job
    for limits in (job.time_limits.declared, job.time_limits.own):
        time_limits.check(limits)
    with farm.store.write() as tx:
        try:
            there = jobs.fetch(tx, job.id, doomed=True)
        except NotFound:
            pass
        else:
            where = "in the trash: `flamenco undelete`" if there.delete_requested else "there"
            raise Conflict(f"The job {there.name} is {where}.")
        # Whatever it says, a tag or files that there are not any more are none of its.
        tag = job.tag if any(each.id == job.tag for each in tags.all_tags(tx)) else ""
        same = {name: getattr(job, name) for name in AuthoredJob.__struct_fields__ if hasattr(job, name)}
        authored = AuthoredJob(**same, worker_tag=tag)
        owner = Owner(job.owner, job.owner_address)
        stored = jobs.insert_job(tx, authored, JobStatus.UNDER_CONSTRUCTION, Placement(rank=None), owner=owner)
        arrivals.expect(tx, stored.key, now)
    return Return(stored, job, returning.completed, returning.checkout)


def _unpack(farm: Farm, files: Files, coming: Return) -> None:
    """Write its logs and images; the job is there meanwhile, so that they go with it where this does not end well."""
    root, job_id = farm.config.local_storage_path, coming.job_id
    folder = make_job_folder(root, job_id)
    since = time.monotonic()
    for name, blocks in files:
        try:
            descriptor = open_below(root, folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            with os.fdopen(descriptor, "wb") as stream:
                for block in blocks:
                    stream.write(block)
        except OSError as error:
            raise unusable(f"The file {name} of the job cannot be written", error) from error
        if time.monotonic() - since > _KEEP_ALIVE_S:
            since = time.monotonic()
            with farm.store.write() as tx:
                arrivals.expect(tx, coming.key, farm.clock())


def _finish(farm: Farm, returning: Returning, coming: Return) -> JobState:
    now = farm.clock()
    with farm.store.write() as tx:
        job = coming.finish(tx, now)
        audit.note(tx, now, "job", job.id, job.name, before=returning.before, after=returning.after)
        placing.place(tx, farm, job.key, now)
        events.append(tx, [job_event(job)] if returning.announced else [], now)
    return job
