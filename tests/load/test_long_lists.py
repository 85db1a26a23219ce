"""Pages of very long lists, in every order: what each costs the processor, from the request to the last byte."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from falcon import testing
from sqlalchemy import case, update

from flamenco.api.app import create_app
from flamenco.compiler.compile import Compiler
from flamenco.config import Config
from flamenco.domain.access import ITSELF, Owner
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import placing
from flamenco.store import job_lists, schema, task_lists, worker_lists
from flamenco.store import jobs as job_store
from flamenco.store.engine import Store
from flamenco.store.upgrade import upgrade
from flamenco.testing import START
from tests.conftest import authored_job, authored_task, make_hooks
from tests.integration.farming import store_job
from tests.machine import slowness

log = logging.getLogger(__name__)

JOBS = 10_000
TASKS = 100_000
WORKERS = 2_000
MOST_MS = 50
"""Of the processor's time, on the machine that limits are written for."""

MARGIN = 1.2
"""That much of it may be the noise of others."""

ROUNDS = 3
LARGE = "a job of very many tasks"

Client = testing.TestClient


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """One with as many jobs, tasks of a job and workers as the page has to cope with, in all kinds of statuses."""
    folder: Path = tmp_path_factory.mktemp("lists")
    store = Store(f"sqlite:///{folder}/flamenco.sqlite")
    upgrade(store, START)
    farm = Farm(Config(data_dir=folder), store, Compiler([]), make_hooks())
    settings = {"frames": "1-250", "render_output": f"/render/{'x' * 400}", "blendfile": f"/shots/{'y' * 400}"}
    for number in range(JOBS):
        _store_job(farm, number, settings)
    names = (f"frames {number * 7 % TASKS:06d}" for number in range(TASKS))
    store_job(farm, authored_job(*(authored_task(name, "blender") for name in names), name=LARGE))
    for number in range(WORKERS):
        workers.add(farm, ITSELF, f"render-{number:04d}", "linux")
    _have_worked(farm)
    yield farm
    farm.close()


def _store_job(farm: Farm, number: int, settings: dict[str, str]) -> None:
    job = authored_job(
        authored_task(),
        name=f"Shot {number * 7 % JOBS:05d}",
        priority=number % 100,
        settings=settings,
        metadata={"project": f"project {number % 17}"},
        created=farm.clock(),
    )
    placement = placing.placement(farm, job_store.candidate(job), {"misc"}, farm.clock())
    with farm.store.write() as tx:
        job_store.insert_job(tx, job, JobStatus.QUEUED, placement, owner=Owner(f"user {number % 40}"))


def _have_worked(farm: Farm) -> None:
    """All tasks of the large job were given to somebody, one after another, and became one thing or the other."""
    ended = (TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.QUEUED)
    tasks = schema.tasks.c
    status = case(*((tasks.key % 3 == number, each.value) for number, each in enumerate(ended)), else_="queued")
    with farm.store.write() as tx:
        given = update(schema.tasks).where(tasks.type == "blender")
        moments = {"activated": tasks.created, "last_touched": tasks.updated}
        tx.execute(given.values(status=status, worker_key=1 + tasks.key % WORKERS, steps_completed=1, **moments))
        jobs = schema.jobs.c
        tx.execute(update(schema.jobs).where(jobs.key % 2 == 0).values(status="completed", steps_completed=1))
        tx.execute(update(schema.jobs).where(jobs.name == LARGE).values(updated=START))


@pytest.fixture(scope="module")
def client(farm: Farm) -> Client:
    """Asks the application, without a network."""
    return testing.TestClient(create_app(farm))


def spent_ms(ask: Callable[[], testing.Result]) -> float:
    """The processor time that a request takes, in milliseconds; the fastest of some counts."""
    times = []
    for _ in range(ROUNDS):
        before = time.process_time()
        answer = ask()
        times.append(time.process_time() - before)
        assert answer.status_code == 200, answer.text
    return min(times) * 1e3


def _too_slow(client: Client, paths: list[str]) -> list[str]:
    """The pages that take too long, with their next ones."""
    found = []
    most = MOST_MS * MARGIN * slowness()
    for path in paths:
        after = client.simulate_get(path).json.get("next")
        for page in (path, f"{path}&after={after}") if after else (path,):
            spent = spent_ms(lambda page=page: client.simulate_get(page))  # type: ignore[misc]
            log.info("%.1f ms: %s", spent, page)
            if spent > most:
                found.append(f"{spent:.1f} ms: {page}")
    return found


def _both_ways(orders: Mapping[str, object]) -> list[str]:
    return [f"{minus}{name}" for name in orders for minus in ("", "-")]


def test_ten_thousand_jobs(client: Client) -> None:
    """In every order, filtered and searched."""
    paths = [f"/api/x/jobs?sort={sort}" for sort in _both_ways(job_lists.ORDERS)]
    paths += [f"/api/x/jobs?{query}" for query in ("user=user 3", "project=project 4", "status=completed", "q=SHOT 0")]
    paths += [f"/api/x/jobs?{query}" for query in ("q=nobody", "q=é", "q=shot&sort=progress", "q=abcdef")]
    assert _too_slow(client, paths) == []


def test_a_hundred_thousand_tasks_of_a_job(client: Client) -> None:
    """In every order; searched, they are counted as well, which takes as long once more."""
    job_id = client.simulate_get(f"/api/x/jobs?q={LARGE}").json["jobs"][0]["id"]
    path = f"/api/x/jobs/{job_id}/tasks"
    paths = [f"{path}?sort={sort}" for sort in _both_ways(task_lists.ORDERS)]
    assert _too_slow(client, [*paths, f"{path}?status=failed"]) == []
    letters = client.simulate_get(f"{path}/statuses").content
    assert len(letters) == TASKS
    assert _too_slow_at_all(client, f"{path}/statuses", MOST_MS) == ""
    for query in ("FRAMES 0999", "nobody", "é", "frames"):
        assert _too_slow_at_all(client, f"{path}?q={query}", 2 * MOST_MS) == ""


def _too_slow_at_all(client: Client, path: str, most_ms: float) -> str:
    spent = spent_ms(lambda: client.simulate_get(path))
    log.info("%.1f ms: %s", spent, path)
    return f"{spent:.1f} ms: {path}" if spent > most_ms * MARGIN * slowness() else ""


def test_two_thousand_workers(client: Client) -> None:
    """In every order, filtered and searched."""
    paths = [f"/api/x/workers?sort={sort}" for sort in _both_ways(worker_lists.ORDERS)]
    assert _too_slow(client, [*paths, "/api/x/workers?q=R-19", "/api/x/workers?status=registered&limit=500"]) == []


def test_search_for_everything_at_once(client: Client) -> None:
    """What is typed is looked for with every letter."""
    paths = [
        f"/api/x/search?q={text}" for text in ("s", "sho", "shot 01", "user 3", "render-19", "nobody", "é", "abcdef")
    ]
    assert _too_slow(client, paths) == []
