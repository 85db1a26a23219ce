"""Worker tags: made, changed and removed by people, and given to workers and jobs."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence

from msgspec.structs import replace

from flamenco.domain.errors import NotFound, Refused
from flamenco.domain.events import job_event, tag_event, tag_removed_event, worker_event
from flamenco.domain.model import Tag
from flamenco.farm import audit
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import placing, stranding
from flamenco.store import events, jobs, workers
from flamenco.store import tags as tag_store


def list_all(farm: Farm) -> list[Tag]:
    """Every tag, in the order they were made."""
    with farm.store.read() as tx:
        return tag_store.all_tags(tx)


def fetch(farm: Farm, tag_id: str) -> Tag:
    """One tag. Raises `NotFound`."""
    with farm.store.read() as tx:
        return tag_store.fetch(tx, tag_id)


def create(farm: Farm, name: str, description: str = "", tag_id: str = "") -> Tag:
    """Make a tag. Raises `Conflict` when its name or id is taken."""
    now = farm.clock()
    with farm.store.write() as tx:
        tag = tag_store.insert_tag(tx, tag_id or str(uuid.uuid4()), name, description)
        audit.note(tx, now, "tag", tag.id, name, after={"description": description})
        events.append(tx, [tag_event(tag)], now)
    return tag


def change(farm: Farm, tag_id: str, name: str, description: str | None) -> None:
    """Give a tag another name, and another description unless that is None. Raises `NotFound`, `Conflict`."""
    now = farm.clock()
    with farm.store.write() as tx:
        before = tag = tag_store.fetch(tx, tag_id)
        tag = replace(tag, name=name, description=tag.description if description is None else description)
        tag_store.save(tx, tag)
        audit.note(tx, now, "tag", tag_id, before.name, before=_told(before), after=_told(tag))
        events.append(tx, [tag_event(tag)], now)


def remove(farm: Farm, tag_id: str) -> None:
    """Forget a tag; its jobs run on all workers from then on. Raises `NotFound`."""
    now = farm.clock()
    with farm.store.write() as tx:
        tag = tag_store.fetch(tx, tag_id)
        tag_store.remove(tx, tag)
        audit.note(tx, now, "tag", tag_id, tag.name, before=_told(tag))
        events.append(tx, [tag_removed_event(tag)], now)


def set_of_worker(farm: Farm, worker_id: str, tag_ids: Sequence[str]) -> None:
    """Give a worker these tags and no others. Raises `NotFound` for the worker; unknown tags are ignored."""
    now = farm.clock()
    with farm.store.write() as tx:
        worker = workers.lock(tx, worker_id)
        tag_store.set_of_worker(tx, worker.key, tag_ids)
        audit.note(tx, now, "worker", worker_id, worker.name, after={"tags": list(tag_ids)})
        events.append(tx, [worker_event(worker, now)], now)
    stranding.look_soon(farm)


def change_of_worker(
    farm: Farm, worker_id: str, add: Collection[str], remove: Collection[str]
) -> tuple[set[str], set[str]]:
    """Give a worker some tags and take some away; the ids of those that it has now, and has no more, by that.

    Raises `NotFound` for the worker; unknown tags are ignored.
    """
    now = farm.clock()
    with farm.store.write() as tx:
        worker = workers.lock(tx, worker_id)
        before = {tag.id for tag in tag_store.of_worker(tx, worker.key)}
        tag_store.set_of_worker(tx, worker.key, sorted((before | {*add}) - {*remove}))
        after = {tag.id for tag in tag_store.of_worker(tx, worker.key)}
        audit.note(
            tx, now, "worker", worker_id, worker.name, before={"tags": sorted(before)}, after={"tags": sorted(after)}
        )
        events.append(tx, [worker_event(worker, now)], now)
    stranding.look_soon(farm)
    return after - before, before - after


def set_of_job(farm: Farm, job_id: str, tag_id: str | None, tag_name: str | None) -> str:
    """Let a job run only on workers with a tag, given by its id, else by its name, or on all when both are None.

    Gives the id of the tag that it had, empty for none. Raises `NotFound` for the job, `Refused` for the tag.
    """
    now = farm.clock()
    with farm.store.write() as tx:
        before = jobs.lock_by_id(tx, job_id)
        tag: Tag | None = None
        if tag_id is not None:
            try:
                tag = tag_store.fetch(tx, tag_id)
            except NotFound as error:
                raise Refused("tag not found") from error
        elif tag_name is not None:
            tag = tag_store.find_by_name(tx, tag_name)
            if tag is None:
                raise Refused("tag not found")
        tag_store.set_of_job(tx, before.key, tag)
        job = replace(before, worker_tag=tag.id if tag else "", updated=now)
        names = {"before": {"tag": before.worker_tag}, "after": {"tag": job.worker_tag}}
        audit.note(tx, now, "job", job_id, job.name, **names)
        jobs.save(tx, before, job)
        placing.place(tx, farm, job.key, now)
        events.append(tx, [job_event(job)], now)
    stranding.look_soon(farm)
    return before.worker_tag


def _told(tag: Tag) -> dict[str, str]:
    return {"name": tag.name, "description": tag.description}
