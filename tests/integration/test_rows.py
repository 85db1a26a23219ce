"""What is written to a row comes back: every field of a job, a task and a worker that may change."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import asdict, replace

from flamenco.domain.errors import Conflict
from flamenco.domain.model import TaskCounts
from flamenco.domain.moves import PendingMove
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.farm.context import Farm
from flamenco.store import jobs, tasks, workers
from flamenco.testing import START
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, store_job

pytestmark = pytest.mark.postgresql

OF_JOB: dict[str, Any] = {
    "status": JobStatus.PAUSED,
    "activity": "new",
    "priority": 70,
    "updated": START.replace(year=2030),
    "steps_completed": 3,
    "steps_total": 7,
    "last_assigned": START.replace(year=2031),
    "completed_runs": 5,
    "completed_seconds": 1.5,
    "used_seconds": 2.5,
    "has_time_limits": True,
    "fail_percent": 50,
    "tries": 4,
    "start_after": START.replace(year=2033),
    "counts": TaskCounts(*range(1, 9)),
    "moves": (PendingMove(frozenset({TaskStatus.QUEUED}), TaskStatus.CANCELED, "new", reason="r", last=9, after=4),),
}
OF_TASK: dict[str, Any] = {
    "status": TaskStatus.FAILED,
    "activity": "new",
    "updated": START.replace(year=2030),
    "worker_key": 1,
    "last_touched": START.replace(year=2031),
    "activated": START.replace(year=2032),
    "steps_completed": 1,
    "attempts": 4,
    "log_begins": 2**40,
}
OF_WORKER: dict[str, Any] = {
    "name": "new",
    "address": "10.0.0.9",
    "software": "4.0",
    "status": WorkerStatus.ASLEEP,
    "task_types": ("a", "b"),
    "last_seen": START.replace(year=2030),
    "status_requested": WorkerStatus.OFFLINE,
    "lazy_request": True,
    "can_restart": True,
    "commands": ("c", "d"),
    "sign_ons": 9,
    "signed_on": START.replace(year=2031),
    "approved": False,
    "put_away": START.replace(year=2032),
    "failing": (1, 2),
    "sick": "it smokes",
    "sick_since": START.replace(year=2034),
}


def test_what_may_change_of_a_job(farm: Farm) -> None:
    """A job that was saved is read as it was saved, in part and whole, each field alone and all of them."""
    assert OF_JOB.keys() == set(jobs.STATE.saved)
    settings, metadata = {"a": [1, "x"]}, {"k": "v"}
    stored = store_job(farm, authored_job(authored_task(), settings=settings, metadata=metadata))
    with farm.store.write() as tx:
        assert jobs.fetch_whole(tx, stored.id) == stored
        before = jobs.lock(tx, stored.key)
        kept = {"settings": settings, "metadata": metadata, "owner": stored.owner, "project": stored.project}
        plain = {"start_after_reason": "", "batch": "", "frame_order": "", "max_workers": None}
        assert asdict(before) | kept | plain == asdict(stored)
        for change in [*({name: value} for name, value in OF_JOB.items()), OF_JOB]:
            now = replace(before, **change)
            jobs.save(tx, before, now)
            assert jobs.fetch(tx, stored.id) == now
            before = now
        assert jobs.fetch_whole(tx, stored.id) == replace(stored, **OF_JOB)


def test_what_may_change_of_a_task(farm: Farm) -> None:
    """A task that was saved is read as it was saved, with its commands and without; nobody overwrites others."""
    assert OF_TASK.keys() == set(tasks.STATE.saved)
    authored = authored_task()
    new_worker(farm)
    stored = store_job(farm, authored_job(authored))
    with farm.store.write() as tx:
        whole = tasks.fetch_whole(tx, authored.id)
        assert whole.commands == authored.commands
        first = before = tasks.fetch(tx, authored.id)
        for change in [*({name: value} for name, value in OF_TASK.items()), OF_TASK]:
            now = replace(before, **change)
            tasks.save(tx, before, now)
            assert tasks.fetch_by_key(tx, before.key) == now
            before = now
        assert tasks.of_job(tx, stored.key) == [replace(whole, **OF_TASK)]
    with pytest.raises(Conflict, match="not queued any more"), farm.store.write() as tx:
        tasks.save(tx, first, replace(first, activity="late"))


def test_what_may_change_of_a_worker(farm: Farm) -> None:
    """A worker that was saved is read as it was saved."""
    worker = replace(new_worker(farm), **OF_WORKER)
    with farm.store.write() as tx:
        workers.save(tx, worker, farm.clock())
        assert OF_WORKER.items() <= asdict(workers.fetch(tx, worker.id)).items()
