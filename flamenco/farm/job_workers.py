"""Which workers a job is for: said when it is submitted, and later; what runs of it already goes on."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from flamenco.domain.errors import Refused
from flamenco.domain.events import job_event
from flamenco.domain.job_workers import ALLOWED_KEY, DENIED_KEY, Written, together, written_in
from flamenco.domain.model import AuthoredJob, JobState, Submission
from flamenco.farm import audit
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import stranding
from flamenco.store import events
from flamenco.store import job_workers as store
from flamenco.store import jobs as job_store
from flamenco.store.engine import Tx


def wanted(submission: Submission, authored: AuthoredJob) -> Written:
    """Whom a new job is for: by its submission, its metadata and its script. Raises `Refused`."""
    said = authored.metadata
    in_metadata = Written(written_in(said.get(ALLOWED_KEY, "")), written_in(said.get(DENIED_KEY, "")))
    return together(submission.workers, authored.workers, in_metadata)


def attach(tx: Tx, job: JobState, said: Written) -> None:
    """Say it of a job that is stored in this transaction. Raises `Refused` for a worker or tag that there is not."""
    if said:
        store.save(tx, job.key, said)


def check_arguments(farm: Farm, allowed: Sequence[str] | None, denied: Sequence[str] | None) -> None:
    """Raise `Refused` where nothing is said, or there is no such worker or tag."""
    if allowed is None and denied is None:
        raise Refused("arguments: which workers? The action takes them in workers_allowed and workers_denied.")
    with farm.store.read() as tx:
        store.check_there(tx, together(Written(tuple(allowed or ()), tuple(denied or ()))))


def change(farm: Farm, job_id: str, allowed: Sequence[str] | None, denied: Sequence[str] | None) -> Written:
    """Say which workers a job is for from now on; None leaves either as it is. Gives what was said before.

    Raises `NotFound`, and `Refused` for a worker or tag that there is not.
    """
    now = farm.clock()
    with farm.store.write() as tx:
        job = job_store.lock_by_id(tx, job_id)
        named = store.named(tx, job.key)
        before = Written(tuple(each.written for each in named.allowed), tuple(each.written for each in named.denied))
        said = together(
            Written(
                before.allowed if allowed is None else tuple(allowed),
                before.denied if denied is None else tuple(denied),
            )
        )
        changed = replace(job, updated=now, worker_rules=store.save(tx, job.key, said))
        job_store.save(tx, job, changed)
        audit.note(tx, now, "job", job.id, job.name, before=_told(before), after=_told(said))
        events.append(tx, [job_event(changed)], now)
    stranding.look_soon(farm)
    return before


def _told(said: Written) -> dict[str, list[str]]:
    return {"workers_allowed": list(said.allowed), "workers_denied": list(said.denied)}
