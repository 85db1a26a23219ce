"""The farm's status as it is found, told and kept; on both databases."""

from __future__ import annotations

import pytest
from falcon import testing

from flamenco.api.app import create_app
from flamenco.domain.errors import Busy
from flamenco.domain.statuses import JobStatus, WorkerStatus
from flamenco.farm import deletion, farm_status, workers
from flamenco.farm.context import Farm
from flamenco.services import upkeep
from flamenco.store.engine import Store
from tests.conftest import authored_job, authored_task
from tests.integration.exercising import executed
from tests.integration.farming import giving_up_soon, new_worker, run_next, store_job, take
from tests.integration.test_deletion import published
from tests.integration.test_query_plans import scans_of


def told(farm: Farm) -> list[str]:
    """Everything that was published of the farm's status."""
    return [event.payload["status"] for event in published(farm, "/status")]


def test_a_day_of_the_farm(farm: Farm) -> None:
    """Every change is told once, in the order of things; looking again tells nothing."""

    def look() -> None:
        for _ in range(2):
            assert upkeep.look_at_farm(farm) <= 1

    look()
    worker = new_worker(farm)
    look()
    job = store_job(farm, authored_job(authored_task()))
    look()
    take(farm, worker)
    look()
    run_next(farm, worker)
    look()
    workers.state_changed(farm, worker, WorkerStatus.ASLEEP)
    look()
    again = store_job(farm, authored_job(authored_task()))
    look()
    deletion.request(farm, again.id)
    look()
    workers.sign_off(farm, worker)
    look()
    assert told(farm) == [
        *("inoperative", "idle", "waiting", "active", "idle", "asleep", "waiting", "asleep", "inoperative")
    ]
    assert job.status is JobStatus.QUEUED


def test_over_http(farm: Farm) -> None:
    """Until somebody has looked the farm is starting, also when it is started anew; then it is what was found."""
    client = testing.TestClient(create_app(farm))

    def status() -> str:
        answer = client.simulate_get("/api/v3/status")
        assert answer.status_code == 200
        return str(answer.json["status"])

    assert status() == "starting"
    farm_status.look(farm)
    assert status() == "inoperative"
    farm_status.forget(farm)
    assert status() == "starting"
    farm_status.look(farm)
    assert told(farm) == ["inoperative", "inoperative"]


def test_nothing_is_looked_through(farm: Farm) -> None:
    """Looking costs the same however many jobs there are: their table is never read as a whole."""
    store_job(farm, authored_job(authored_task()))
    with executed(farm.store) as statements:
        farm_status.look(farm)
        farm_status.latest(farm)
    scans = scans_of(farm.store, {each: values for each, values in statements.items() if "jobs" in each})
    assert "\n".join(scans) == ""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_busy_database_leaves_the_status_as_it_is(farm: Farm, store: Store) -> None:
    """While nobody can write, the chore has it tried again, and nothing is told that was not written down."""
    with store.write(), giving_up_soon(farm), pytest.raises(Busy):
        upkeep.look_at_farm(farm)
    assert told(farm) == []
