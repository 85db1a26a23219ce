"""The limits of the farm as people see them: what is in use, and who waits; and those that they set themselves."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from flamenco.domain import people_limits
from flamenco.domain.events import job_event
from flamenco.domain.listing import LimitState
from flamenco.domain.people_limits import MAX_WORKERS
from flamenco.farm import audit
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import placing
from flamenco.store import events
from flamenco.store import jobs as job_store
from flamenco.store.scheduling import limit_waits, own_limits

EVERY_S: Final = 10.0
"""How soon it is gone on with limits whose jobs a process that died had not all put under them."""


def states(farm: Farm) -> list[LimitState]:
    """Every limit that a policy has put on tasks, or somebody has set, by name."""
    with farm.store.read() as tx:
        return limit_waits.states(tx)


def change(farm: Farm, written: str, capacity: int | None) -> str:
    """Set a limit, as people write its name, or take back what was set; gives its name.

    What runs already goes on, and counts. When this returns, nothing is handed out beyond the limit any more.
    Raises `Refused` for a name that is none, and for a number that is none.
    """
    people_limits.check_capacity(capacity)
    with farm.store.write() as tx:
        name = people_limits.parse(written, own_limits.addresses(tx))
        own_limits.alone(tx)
        before, has_policy = own_limits.known(tx, name)
        if not has_policy and not people_limits.is_own(name):
            raise people_limits.unknown(name, own_limits.of_policies(tx))
        settles = people_limits.is_on_jobs(name) and (before is None) is not (capacity is None)
        if before is not None or capacity is not None:
            own_limits.save(tx, name, capacity, settles=settles)
        audit.note(tx, farm.clock(), "limit", name, name, before={"capacity": before}, after={"capacity": capacity})
    if settles:
        settle(farm)
    return name


def settle(farm: Farm) -> float:
    """Put all jobs under the limits that were set, or take them out; when to look again."""
    with farm.store.read() as tx:
        found = own_limits.settling(tx)
    for name, seen in found.items():
        with farm.store.read() as tx:
            keys = own_limits.jobs_under(tx, name)
        placing.place_jobs(farm, keys)
        with farm.store.write() as tx:
            own_limits.settled(tx, name, seen)
    return EVERY_S


def set_max_workers(farm: Farm, job_id: str, most: int | None) -> int | None:
    """Say how many tasks of a job run at once, 0 for any number, None for what its settings say; gives what was said.

    What runs already goes on. Raises `NotFound`.
    """
    now = farm.clock()
    with farm.store.write() as tx:
        job = job_store.lock_by_id(tx, job_id)
        before = job_store.fetch_whole(tx, job_id).max_workers
        changed = replace(job, updated=now)
        job_store.set_max_workers(tx, job.key, most)
        job_store.save(tx, job, changed)
        placing.place(tx, farm, job.key, now)
        audit.note(tx, now, "job", job.id, job.name, before={MAX_WORKERS: before}, after={MAX_WORKERS: most})
        events.append(tx, [job_event(changed)], now)
    return before
