"""The manager's clock is moved by hours while the farm works: nobody is lost by that, and nobody is kept by it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flamenco.domain.statuses import WorkerStatus
from flamenco.farm import tasks, workers
from flamenco.farm.context import Farm
from flamenco.services import timeouts
from tests.conftest import Clock, authored_job, authored_task
from tests.integration.farming import new_worker, statuses, store_job, take

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
