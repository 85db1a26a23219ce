"""Two processes at once, on a database that lets them: what one was waiting for is not what it saw before."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

import pytest
from sqlalchemy import text

from flamenco.domain.errors import Busy
from flamenco.domain.model import Job
from flamenco.domain.sleep import SleepSchedule
from flamenco.domain.statuses import JobStatus, WorkerStatus
from flamenco.farm import jobs, workers
from flamenco.farm.cascade import Cascade
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from flamenco.services import sleep, timeouts
from flamenco.store import jobs as job_store
from flamenco.store import leases
from flamenco.store import sleep as sleep_store
from flamenco.store import workers as worker_store
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import giving_up_soon, new_worker, statuses, store_job, take

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

LONG = timedelta(hours=1)
Result = TypeVar("Result")


def wait_for_waiting(farm: Farm) -> None:
    """Return once a transaction waits for another one's lock."""
    waiting = text("SELECT pg_sleep(0.01), count(*) AS waiting FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    for _ in range(1000):
        with farm.store.read() as tx:
            if tx.execute(waiting).one().waiting:
                return
    raise AssertionError("nobody waits for a lock")


def while_somebody_steers(farm: Farm, job: Job, steer: JobStatus, act: Callable[[], Result]) -> Result:
    """Start `act` while another process is sending the job to `steer`, so that it has to wait for that."""
    with ThreadPoolExecutor(1) as other_process:
        with farm.store.write() as tx:
            cascade = Cascade(tx, job_store.lock(tx, job.key), farm.clock())
            cascade.set_job(steer, "test")
            cascade.save()
            acting = other_process.submit(act)
            wait_for_waiting(farm)
        return acting.result(20)


def test_signing_off_does_not_revive_a_task_that_is_being_canceled(farm: Farm) -> None:
    """The worker's task was active when the sign-off looked, and canceled when it got to it; canceled it stays."""
    job = store_job(farm, authored_job(authored_task(), authored_task()))
    worker = new_worker(farm)
    take(farm, worker)
    while_somebody_steers(farm, job, JobStatus.CANCEL_REQUESTED, lambda: workers.sign_off(farm, worker))
    assert statuses(farm, job) == ["canceled", "canceled", "canceled"]


def test_asking_again_for_a_task_does_not_undo_a_pause(farm: Farm) -> None:
    """The worker's own task belongs to a job that is being paused meanwhile: it is not handed out again."""
    job = store_job(farm, authored_job(authored_task(), authored_task()))
    worker = new_worker(farm)
    take(farm, worker)
    given = while_somebody_steers(farm, job, JobStatus.PAUSE_REQUESTED, lambda: claim.assign_next(farm, worker))
    assert given is None
    assert statuses(farm, job) == ["pause-requested", "active", "paused"]


def test_asking_again_for_a_task_that_is_being_canceled(farm: Farm) -> None:
    """The worker's own task is canceled while it asks for it: there is nothing to do, and nothing wrong."""
    job = store_job(farm, authored_job(authored_task(), authored_task()))
    worker = new_worker(farm)
    take(farm, worker)
    given = while_somebody_steers(farm, job, JobStatus.CANCEL_REQUESTED, lambda: claim.assign_next(farm, worker))
    assert given is None
    assert statuses(farm, job) == ["canceled", "canceled", "canceled"]


def test_a_new_lease_goes_to_one_of_two(farm: Farm, clock: Clock) -> None:
    """Two processes that want a lease nobody ever had: the later one is told no, without an error."""

    def take_lease() -> bool:
        with farm.store.write() as tx:
            return leases.take(tx, "chore", "late", clock(), clock() + LONG)

    with ThreadPoolExecutor(1) as other_process:
        with farm.store.write() as tx:
            assert leases.take(tx, "chore", "early", clock(), clock() + LONG)
            late = other_process.submit(take_lease)
            wait_for_waiting(farm)
        assert late.result(20) is False


def test_what_cannot_be_timed_out_does_not_stop_the_others(farm: Farm, clock: Clock) -> None:
    """Somebody keeps a job for too long: the tasks of other jobs time out all the same, this one's later."""
    kept, other = (store_job(farm, authored_job(*(authored_task() for _ in range(11)))) for _ in range(2))
    take(farm, new_worker(farm, "one"))
    jobs.set_priority(farm, other.id, 90)
    take(farm, new_worker(farm, "two"))
    clock.forward(601)
    with farm.store.write() as tx:
        job_store.lock(tx, kept.key)
        with giving_up_soon(farm), pytest.raises(Busy):  # so that the runner tries again soon
            timeouts.tick(farm)
    assert [statuses(farm, job)[1] for job in (kept, other)] == ["active", "failed"]
    timeouts.tick(farm)
    assert [statuses(farm, job)[1] for job in (kept, other)] == ["failed", "failed"]


def test_a_worker_that_is_kept_does_not_keep_others_awake(farm: Farm, clock: Clock) -> None:
    """Somebody keeps a worker for too long: others are sent to sleep all the same, this one when it can be."""
    kept, other = new_worker(farm, "kept"), new_worker(farm, "other")
    schedule = SleepSchedule(is_active=True)
    with farm.store.write() as tx:
        for worker in (kept, other):
            sleep_store.put(tx, worker.key, schedule)
            sleep_store.checked(tx, worker.key, clock())
    with farm.store.write() as tx:
        worker_store.lock(tx, kept.id)
        with giving_up_soon(farm), pytest.raises(Busy):
            sleep.tick(farm)
    assert asked(farm) == {"other": WorkerStatus.ASLEEP, "kept": None}
    sleep.tick(farm)
    assert asked(farm) == {"other": WorkerStatus.ASLEEP, "kept": WorkerStatus.ASLEEP}


def asked(farm: Farm) -> dict[str, WorkerStatus | None]:
    """Which status each worker is asked for."""
    return {worker.name: worker.status_requested for worker in workers.list_all(farm)}
