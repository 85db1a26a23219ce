"""Sleep schedules at work: given by people, kept to as time goes, and known to workers that sign on; both databases."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from falcon import testing
from structlog.testing import capture_logs

from flamenco.api.app import create_app
from flamenco.domain.model import Worker
from flamenco.domain.statuses import TaskStatus, WorkerStatus
from flamenco.farm import sleep, tasks, workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from flamenco.services import sleep as chore
from flamenco.store import sleep as sleep_store
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.exercising import executed
from tests.integration.farming import new_worker, report, store_job, take
from tests.integration.test_deletion import published
from tests.integration.test_query_plans import scans_of

NOBODY = "00000000-0000-4000-8000-000000000000"
FRIDAY = datetime(2026, 1, 2, tzinfo=UTC)
ALL_DAY = {"is_active": True, "days_of_week": "", "start_time": "", "end_time": ""}
NIGHTS = {"is_active": True, "days_of_week": "mo tu we th fr", "start_time": "18:00", "end_time": ""}


@pytest.fixture(autouse=True)
def machine_in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine's local time is UTC, whatever it is outside of the test."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def client(farm: Farm) -> testing.TestClient:
    """Asks the farm over HTTP."""
    return testing.TestClient(create_app(farm))


def give(client: testing.TestClient, worker: Worker, schedule: dict[str, Any], **changes: Any) -> testing.Result:
    """Send a schedule, with some of it changed."""
    return client.simulate_post(f"/api/v3/worker-mgt/workers/{worker.id}/sleep-schedule", json=schedule | changes)


def fetched(client: testing.TestClient, worker_id: str) -> Any:
    """The schedule that the manager tells, None when it tells that there is none."""
    answer = client.simulate_get(f"/api/v3/worker-mgt/workers/{worker_id}/sleep-schedule")
    assert answer.status_code in (200, 204)
    return answer.json if answer.status_code == 200 else None


def request_of(farm: Farm, worker: Worker) -> tuple[str | None, bool]:
    """What the worker is asked for, and whether lazily."""
    (now,) = [each for each in workers.list_all(farm) if each.id == worker.id]
    return now.status_requested, now.lazy_request


def sign_on(farm: Farm, worker: Worker) -> WorkerStatus:
    """The worker starts; what it is told to become."""
    return workers.sign_on(
        farm, worker, name="w", software="test", task_types=["misc"], can_restart=False, address="127.0.0.1"
    ).status


def test_a_schedule_is_told_as_it_was_understood(farm: Farm, client: testing.TestClient) -> None:
    """Days are cut to two letters, times have two digits, and a night stays a night."""
    worker = new_worker(farm)
    assert fetched(client, worker.id) is None
    written = {"is_active": True, "days_of_week": " Monday  FR ", "start_time": "18:0", "end_time": "9:30"}
    assert give(client, worker, written).status_code == 204
    told = {"is_active": True, "days_of_week": "mo fr", "start_time": "18:00", "end_time": "09:30"}
    assert fetched(client, worker.id) == told
    assert give(client, worker, ALL_DAY).status_code == 204
    assert fetched(client, worker.id) == ALL_DAY
    assert fetched(client, NOBODY) is None


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"start_time": "24:00"}, "start_time"),
        ({"end_time": "9:60"}, "end_time"),
        ({"end_time": "noon"}, "end_time"),
        ({"days_of_week": "mo t"}, "days_of_week"),
        ({"is_active": None}, "is_active"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_schedules_that_are_none(farm: Farm, client: testing.TestClient, changes: dict[str, Any], word: str) -> None:
    """What cannot be understood is refused with the name of the field, and the old schedule stays."""
    worker = new_worker(farm)
    give(client, worker, ALL_DAY)
    answer = give(client, worker, NIGHTS, **changes)
    assert answer.status_code == 400
    assert word in answer.json["message"]
    assert fetched(client, worker.id) == ALL_DAY


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_that_is_not_there(farm: Farm, client: testing.TestClient) -> None:
    """A worker that never was, or was deleted, gets no schedule and has none."""
    worker = new_worker(farm)
    give(client, worker, ALL_DAY)
    workers.delete(farm, worker.id)
    assert give(client, worker, NIGHTS).status_code == 404
    assert fetched(client, worker.id) is None
    answer = client.simulate_post(f"/api/v3/worker-mgt/workers/{NOBODY}/sleep-schedule", json=NIGHTS)
    assert answer.status_code == 404
    assert NOBODY in answer.json["message"]
    assert client.simulate_get("/api/v3/worker-mgt/workers/me/sleep-schedule").status_code == 400
    with farm.store.read() as tx:
        assert sleep_store.due(tx, farm.clock()) == []


def test_a_schedule_applies_at_once(farm: Farm, client: testing.TestClient) -> None:
    """A worker that should sleep now is asked to, and takes no task; one whose schedule is switched off wakes up."""
    worker = new_worker(farm)
    give(client, worker, ALL_DAY)
    assert request_of(farm, worker) == ("asleep", False)
    assert published(farm, "/workers")[-1].payload["status_change"] == {"status": "asleep", "is_lazy": False}
    assert claim.assign_next(farm, worker) is WorkerStatus.ASLEEP
    workers.state_changed(farm, worker, WorkerStatus.ASLEEP)
    assert request_of(farm, worker) == (None, False)
    told = len(published(farm, "/workers"))
    give(client, worker, ALL_DAY)
    assert len(published(farm, "/workers")) == told
    give(client, worker, ALL_DAY, is_active=False)
    assert request_of(farm, worker) == ("awake", False)


def test_as_time_goes(farm: Farm, client: testing.TestClient, clock: Clock) -> None:
    """Schedules are looked at when they may say something else, and the worker is asked only when they do."""
    clock.now = FRIDAY.replace(hour=12)
    worker = new_worker(farm)
    give(client, worker, NIGHTS)
    assert request_of(farm, worker) == (None, False)
    clock.now = FRIDAY.replace(hour=17, minute=59, second=59)
    assert sleep.due(farm) == []
    assert chore.tick(farm) == 60
    clock.forward(1)
    assert sleep.due(farm) == [worker.id]
    chore.tick(farm)
    assert sleep.due(farm) == []
    assert request_of(farm, worker) == ("asleep", False)
    workers.state_changed(farm, worker, WorkerStatus.ASLEEP)
    clock.forward(6 * 3600)
    chore.tick(farm)
    assert request_of(farm, worker) == ("awake", False)


def test_over_midnight(farm: Farm, client: testing.TestClient, clock: Clock) -> None:
    """A night that begins on Friday is kept to until Saturday morning, and not on the next evening."""
    clock.now = FRIDAY.replace(hour=12)
    worker = new_worker(farm)
    give(client, worker, NIGHTS, days_of_week="fr", start_time="22:00", end_time="06:00")
    told = []
    for _ in range(36 * 60):
        clock.forward(60)
        chore.tick(farm)
        status = request_of(farm, worker)[0]
        if status is not None:
            told.append((f"{clock.now:%a %H:%M}", status))
            workers.state_changed(farm, worker, WorkerStatus(status))
    assert told == [("Fri 22:00", "asleep"), ("Sat 06:00", "awake")]


def test_a_worker_signs_on(farm: Farm, client: testing.TestClient, clock: Clock) -> None:
    """It is told what its schedule says, unless it was asked for something else."""
    clock.now = FRIDAY.replace(hour=12)
    worker = new_worker(farm)
    assert sign_on(farm, worker) is WorkerStatus.AWAKE
    workers.state_changed(farm, worker, WorkerStatus.AWAKE)
    give(client, worker, NIGHTS)
    assert sign_on(farm, worker) is WorkerStatus.AWAKE
    clock.now = FRIDAY.replace(hour=20)
    assert sign_on(farm, worker) is WorkerStatus.ASLEEP
    workers.request_status(farm, worker.id, WorkerStatus.OFFLINE, lazy=True)
    assert sign_on(farm, worker) is WorkerStatus.OFFLINE


def test_the_schedule_overrules_what_was_asked_before(farm: Farm, client: testing.TestClient) -> None:
    """Whatever a person asked of the worker, the schedule's status replaces it."""
    worker = new_worker(farm)
    workers.request_status(farm, worker.id, WorkerStatus.OFFLINE, lazy=True)
    give(client, worker, ALL_DAY)
    assert request_of(farm, worker) == ("asleep", False)


def test_a_worker_that_is_as_it_should_be_keeps_its_task(farm: Farm, client: testing.TestClient) -> None:
    """Asked for something else, it is called back, and goes on with what it is running."""
    store_job(farm, authored_job(authored_task()))
    worker = new_worker(farm)
    assigned = take(farm, worker)
    workers.request_status(farm, worker.id, WorkerStatus.OFFLINE, lazy=True)
    give(client, worker, ALL_DAY, is_active=False)
    assert request_of(farm, worker) == ("awake", True)
    assert tasks.may_run(farm, worker, assigned.task.id).may_keep_running
    report(farm, worker, assigned, TaskStatus.COMPLETED)
    assert claim.assign_next(farm, worker) is WorkerStatus.AWAKE
    workers.state_changed(farm, worker, WorkerStatus.AWAKE)
    assert claim.assign_next(farm, worker) is None


def test_a_worker_in_error_is_left_alone(farm: Farm, client: testing.TestClient, clock: Clock) -> None:
    """It is asked for nothing until it signs on; then it is told."""
    worker = new_worker(farm)
    clock.forward(3600)
    workers.time_out(farm, worker.id, clock())
    give(client, worker, ALL_DAY)
    assert request_of(farm, worker) == (None, False)
    assert sign_on(farm, worker) is WorkerStatus.ASLEEP


def test_one_that_fails_keeps_none_of_the_others(farm: Farm, client: testing.TestClient, clock: Clock) -> None:
    """What goes wrong with one worker's schedule is logged; the others are applied."""
    clock.now = FRIDAY.replace(hour=12)
    team = [new_worker(farm, f"w{n}") for n in range(3)]
    for worker in team:
        give(client, worker, NIGHTS)
    with farm.store.write() as tx:
        tx.exec_driver_sql("UPDATE sleep_schedules SET days = 'xx' WHERE worker_key = (SELECT min(key) FROM workers)")
    clock.now = FRIDAY.replace(hour=20)
    with capture_logs() as logs:
        chore.tick(farm)
    assert [request_of(farm, worker)[0] for worker in team] == [None, "asleep", "asleep"]
    assert [entry["worker"] for entry in logs if "sleep schedule" in entry["event"]] == [team[0].id]


def test_nothing_is_looked_through(farm: Farm, client: testing.TestClient, clock: Clock) -> None:
    """Signing on and looking for due schedules cost the same however many workers there are."""
    worker = new_worker(farm)
    give(client, worker, NIGHTS)
    clock.forward(100_000)
    with executed(farm.store) as statements:
        chore.tick(farm)
        sign_on(farm, worker)
    assert len(statements) > 4
    assert "\n".join(scans_of(farm.store, statements)) == ""
