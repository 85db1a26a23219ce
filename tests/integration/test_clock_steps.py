"""The manager's clock is moved by hours while the farm works: nobody is lost by that, and nobody is kept by it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from flamenco.domain.sleep import schedule_from
from flamenco.domain.statuses import WorkerStatus
from flamenco.farm import sleep, tasks, workers
from flamenco.farm.context import Farm
from flamenco.services import delivery, timeouts
from flamenco.services import sleep as sleep_chore
from flamenco.services.runner import Chore, Runner
from flamenco.store import leases as store_leases
from flamenco.store.schema import leases
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, statuses, store_job, take
from tests.integration.test_delivery import Receiver, attach, publish

STEPS = pytest.mark.parametrize("step_s", [-7200, 7200])


def pass_time(farm: Farm, clock: Clock, seconds: float) -> None:
    """Let time pass, with the checks that happen meanwhile."""
    for _ in range(int(seconds // 60)):
        clock.forward(60)
        timeouts.tick(farm)
    if seconds % 60:
        clock.forward(seconds % 60)
        timeouts.tick(farm)


@STEPS
def test_a_worker_that_polls_is_not_lost(farm: Farm, clock: Clock, step_s: float) -> None:
    """However the clock is moved between two polls, a worker that goes on polling stays, and its task with it."""
    job = store_job(farm, authored_job(authored_task()))
    worker = new_worker(farm)
    assigned = take(farm, worker)
    for _ in range(3):
        clock.forward(30)
        tasks.may_run(farm, worker, assigned.task.id)
        clock.forward(5)
        clock.step(step_s)
        clock.forward(25)
        timeouts.tick(farm)
        clock.forward(1)
        timeouts.tick(farm)
    assert workers.list_all(farm)[0].status is WorkerStatus.AWAKE
    assert statuses(farm, job)[1] == "active"


@STEPS
@pytest.mark.parametrize("looked_s", [0, 30])
def test_a_worker_that_is_silent_is_lost_in_time(farm: Farm, clock: Clock, step_s: float, looked_s: float) -> None:
    """However the clock is moved, a minute without a word and one check are enough; and no less than that minute."""
    new_worker(farm)
    pass_time(farm, clock, looked_s)
    clock.step(step_s)
    pass_time(farm, clock, 59 - looked_s)
    assert workers.list_all(farm)[0].status is WorkerStatus.AWAKE
    pass_time(farm, clock, 61)
    assert workers.list_all(farm)[0].status is WorkerStatus.ERROR


@STEPS
def test_a_task_that_is_silent_is_lost_in_time(make_farm: Callable[..., Farm], clock: Clock, step_s: float) -> None:
    """The same for tasks, after ten minutes."""
    farm = make_farm(worker_timeout=100_000.0)
    job = store_job(farm, authored_job(*(authored_task() for _ in range(20))))
    take(farm, new_worker(farm))
    pass_time(farm, clock, 300)
    clock.step(step_s)
    pass_time(farm, clock, 299)
    assert statuses(farm, job)[1] == "active"
    pass_time(farm, clock, 1)
    assert statuses(farm, job)[1] == "failed"


@STEPS
def test_a_manager_that_starts_after_the_step(make_farm: Callable[..., Farm], clock: Clock, step_s: float) -> None:
    """It gives everybody the time that it has watched itself, whatever was written by another clock."""
    new_worker(make_farm())
    clock.step(step_s)
    farm = make_farm()
    pass_time(farm, clock, 59)
    assert workers.list_all(farm)[0].status is WorkerStatus.AWAKE
    pass_time(farm, clock, 61)
    assert workers.list_all(farm)[0].status is WorkerStatus.ERROR


def test_a_worker_that_comes_back_is_not_lost_by_its_past(farm: Farm, clock: Clock) -> None:
    """What was silent for long and is heard of again is watched anew."""
    worker = new_worker(farm)
    pass_time(farm, clock, 59)
    workers.requested_status(farm, worker)
    pass_time(farm, clock, 59)
    assert workers.list_all(farm)[0].status is WorkerStatus.AWAKE


HOURLY = Chore("hourly", lambda _farm: 3600.0, lease_s=60.0)


@STEPS
def test_a_lease_of_a_process_that_is_there(make_farm: Callable[..., Farm], clock: Clock, step_s: float) -> None:
    """However the clock is moved, nobody takes the lease of one that goes on renewing it."""
    one, two = Runner(make_farm(), [HOURLY]), Runner(make_farm(), [HOURLY])
    assert one._hold_lease(HOURLY, 0.0)
    clock.step(step_s)
    for _ in range(10):
        assert not two._hold_lease(HOURLY, 0.0)
        clock.forward(40)
        one._held_until.clear()  # which goes by the real time
        assert one._hold_lease(HOURLY, 0.0)


@STEPS
def test_a_lease_of_a_process_that_is_gone(make_farm: Callable[..., Farm], clock: Clock, step_s: float) -> None:
    """However the clock is moved, it is taken over when it was not renewed for as long as it holds."""
    one, two = Runner(make_farm(), [HOURLY]), Runner(make_farm(), [HOURLY])
    assert one._hold_lease(HOURLY, 0.0)
    clock.step(step_s)
    assert not two._hold_lease(HOURLY, 0.0)
    clock.forward(59)
    assert not two._hold_lease(HOURLY, 0.0)
    clock.forward(1)
    assert two._hold_lease(HOURLY, 0.0)
    one._held_until.clear()
    assert not one._hold_lease(HOURLY, 0.0)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("ahead_s", [7200.0, -7200.0])
def test_a_lease_on_another_host(make_farm: Callable[..., Farm], clock: Clock, ahead_s: float) -> None:
    """A host whose clock is ahead takes no lease that is held, one whose clock is behind keeps none for longer."""
    far = make_farm()
    far.clock = Clock(clock() + timedelta(seconds=ahead_s))
    near = Runner(make_farm(), [HOURLY])
    assert near._hold_lease(HOURLY, 0.0)
    assert not Runner(far, [HOURLY])._hold_lease(HOURLY, 0.0)
    near._release()
    assert Runner(far, [HOURLY])._hold_lease(HOURLY, 0.0)
    with far.store.write() as tx:
        left_s = (tx.execute(select(leases.c.expires)).scalar_one() - store_leases.clock(tx, clock())).total_seconds()
    assert 50 < left_s <= HOURLY.lease_s


def test_a_sink_that_failed_before_the_clock_was_put_back(farm: Farm, clock: Clock) -> None:
    """It is left alone for as long as was meant, and not for two hours more."""
    receiver = Receiver(OSError("away"))
    sink = attach(farm, receiver.deliver)
    publish(farm, "a")
    assert delivery.tick(farm, sink) == delivery.BACKOFF.first
    assert delivery.tick(farm, sink) == delivery.BACKOFF.first
    clock.step(-7200)
    delivery.tick(farm, sink)
    assert receiver.got == ["a"]


def test_a_schedule_that_was_applied_by_a_wrong_clock(farm: Farm, clock: Clock) -> None:
    """When the clock is put right, every schedule is looked at anew."""
    clock.now = clock.now.replace(hour=12)
    worker = new_worker(farm)
    hour = clock().astimezone().hour
    schedule = schedule_from(is_active=True, days="", start=f"{(hour + 1) % 24}:00", end=f"{(hour + 4) % 24}:00")
    sleep.give(farm, worker.id, schedule)
    told = []
    for step_s in (7200, -7200):
        clock.step(step_s)
        sleep_chore.tick(farm)
        told.append(workers.list_all(farm)[0].status_requested)
        workers.state_changed(farm, worker, told[-1] or WorkerStatus.AWAKE)
    assert told == ["asleep", "awake"]
