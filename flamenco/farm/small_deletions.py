"""Deleting small jobs, several in each transaction: putting them into the trash, and purging them.

What is not that simple is left to `trash` and `deletion`, which take one job at a time: what runs, what others wait
for, what has files in the Shaman storage, and what somebody else is at just now.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flamenco.domain.errors import FarmError
from flamenco.domain.events import job_deleted_event
from flamenco.farm import roll_ups
from flamenco.farm.context import Farm
from flamenco.files.job_folders import remove_job_folder
from flamenco.store import attempts, events
from flamenco.store import small_deletions as store
from flamenco.store.engine import Tx
from flamenco.store.small_deletions import Small

AT_ONCE = 50
"""So many jobs are put away, or deleted, in one transaction."""

_MOST_ATTEMPTS = 200
"""So many attempts at tasks are forgotten in one transaction."""


def put_away(farm: Farm, job_ids: Sequence[str]) -> bool:
    """Put those of the marked jobs away that are at rest. Whether there were any."""
    now = farm.clock()
    with farm.store.write() as tx:
        gone = store.put_away(tx, job_ids, now)
        events.append(tx, [job_deleted_event(job.id) for job in gone], now)
    for job in gone:
        farm.known_jobs.forget(job.key)
    return bool(gone)


def delete(farm: Farm, job_ids: Sequence[str]) -> Sequence[str]:
    """Delete those of the jobs that are to be purged, and small. Gives their UUIDs."""
    now = farm.clock()
    # The files of a large job take long, and nobody else is to wait for that: it has its turn alone.
    with farm.store.read() as tx:
        small = store.small(tx, job_ids)
    without_files = [job_id for job_id in small if _has_no_files_now(farm, job_id)]
    with farm.store.write() as tx:
        gone = _deleted(tx, farm, without_files, now)
        events.append(tx, [job_deleted_event(job.id) for job in gone if not job.was_told], now)
    for job in gone:
        farm.known_jobs.forget(job.key)
    for job in gone:
        # A worker may have sent a line for a log before it could know.
        remove_job_folder(farm.config.local_storage_path, job.id)
    return [job.id for job in gone]


def _has_no_files_now(farm: Farm, job_id: str) -> bool:
    try:
        remove_job_folder(farm.config.local_storage_path, job_id)
    except FarmError:  # which is said, and tried again, when it is this one's turn alone
        return False
    return True


def _deleted(tx: Tx, farm: Farm, job_ids: Sequence[str], now: datetime) -> Sequence[Small]:
    """Lock and delete them; none where attempts at their tasks are more than one transaction should forget."""
    locked = store.lock(tx, job_ids, now, only_booked=bool(farm.policies.accounting)) if job_ids else []
    keys = [job.key for job in locked]
    if not keys or roll_ups.take_along(tx, keys, now, _MOST_ATTEMPTS) == _MOST_ATTEMPTS:
        return []
    if attempts.delete_some(tx, keys, _MOST_ATTEMPTS) == _MOST_ATTEMPTS:
        return []
    store.delete_them(tx, locked)
    return locked
