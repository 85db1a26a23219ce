"""Long lists: what `GET …/tasks` and `GET …/jobs` of today's protocol cost, from the request to the last byte."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import httpx
import pytest
from sqlalchemy import event

from benchmarks.conftest import MakeFarm
from flamenco.api.app import create_app
from flamenco.farm.context import Farm
from tests.integration.farming import new_worker, take
from tests.machine import REFERENCE_S, work

TASKS = 5_000
MOST_MS_FOR_TASKS = 60
JOBS = 2_000
MOST_MS_FOR_JOBS = 150
ROUNDS = 15

Client = Callable[[str], httpx.Response]


def client_of(farm: Farm) -> Client:
    """Asks the application of the farm."""
    http = httpx.Client(base_url="http://localhost", transport=httpx.WSGITransport(create_app(farm)))
    return http.get


def measured_ms(get: Client, path: str) -> float:
    """The time of a request, in milliseconds of the machine that limits are written for.

    By turns with work that has nothing to do with us: the speed of a machine changes from moment to moment.
    """
    ratios = []
    for _ in range(ROUNDS):
        before = time.perf_counter()
        assert get(path).status_code == 200
        between = time.perf_counter()
        work()
        ratios.append((between - before) / (time.perf_counter() - between))
    return median(ratios) * REFERENCE_S * 1e3


@pytest.fixture
def queries(farm_of: MakeFarm) -> Iterator[list[str]]:
    """Every SELECT that the farm of many tasks executes."""
    farm = farm_of(1, TASKS - 1)
    executed: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("SELECT"):
            executed.append(statement)

    event.listen(farm.store.engine, "before_cursor_execute", note)
    yield executed
    event.remove(farm.store.engine, "before_cursor_execute", note)


def test_tasks_of_a_job(farm_of: MakeFarm, queries: list[str]) -> None:
    """5,000 tasks in one query, with the workers that have some of them."""
    farm = farm_of(1, TASKS - 1)
    get = client_of(farm)
    job_id = get("/api/v3/jobs").json()["jobs"][0]["id"]
    path = f"/api/v3/jobs/{job_id}/tasks"
    for number in range(3):
        take(farm, new_worker(farm, f"worker {number}"))
    queries.clear()
    listed = get(path).json()["tasks"]
    assert (len(listed), len(queries)) == (TASKS, 1)
    assert len({task["worker"]["name"] for task in listed}) == 4
    spent_ms = measured_ms(get, path)
    print(f"\n{TASKS} tasks: {spent_ms:.1f} ms")
    assert spent_ms < MOST_MS_FOR_TASKS


def test_all_jobs(farm_of: MakeFarm) -> None:
    """2,000 jobs, with their settings and counters."""
    get = client_of(farm_of(JOBS, 1))
    assert len(get("/api/v3/jobs").json()["jobs"]) == JOBS
    spent_ms = measured_ms(get, "/api/v3/jobs")
    print(f"\n{JOBS} jobs: {spent_ms:.1f} ms")
    assert spent_ms < MOST_MS_FOR_JOBS
