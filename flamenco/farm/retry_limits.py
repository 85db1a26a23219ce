"""How much may fail: what is said of a job itself, which is changed while it is there."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from flamenco.domain.events import job_event
from flamenco.farm import audit
from flamenco.farm.context import Farm
from flamenco.store import events
from flamenco.store import jobs as job_store

WORDS = ("fail_percent", "tries")
"""What can be said: how many of a hundred tasks have to fail until the job does, how many workers one of them."""


def change(farm: Farm, job_id: str, given: Mapping[str, int | None]) -> dict[str, int | None]:
    """Say that of a job; None leaves it to the settings. Gives what it said before, of the same.

    It counts for what fails from now on. Raises `NotFound`.
    """
    now = farm.clock()
    with farm.store.write() as tx:
        job = job_store.lock_by_id(tx, job_id)
        before = {word: getattr(job, word) for word in given}
        changed = replace(job, updated=now, **given)
        job_store.save(tx, job, changed)
        audit.note(tx, now, "job", job.id, job.name, before=before, after=dict(given))
        events.append(tx, [job_event(changed)], now)
    return before
