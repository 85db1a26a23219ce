"""Pages of very long lists, in every order: what each costs the processor, from the request to the last byte."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping

import pytest
from falcon import testing

from flamenco.api.app import create_app
from flamenco.farm.context import Farm
from flamenco.store import job_lists, task_lists, worker_lists
from tests.load.long_farm import LARGE, TASKS, long_farm
from tests.machine import slowness

log = logging.getLogger(__name__)

MOST_MS = 50
"""Of the processor's time, on the machine that limits are written for."""

MARGIN = 1.2
"""That much of it may be the noise of others."""

ROUNDS = 3

Client = testing.TestClient


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """As large as the page has to cope with."""
    with long_farm(tmp_path_factory.mktemp("lists")) as made:
        yield made


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


@pytest.mark.long
def test_ten_thousand_jobs(client: Client) -> None:
    """In every order, filtered and searched."""
    paths = [f"/api/x/jobs?sort={sort}" for sort in _both_ways(job_lists.ORDERS)]
    paths += [f"/api/x/jobs?{query}" for query in ("user=user 3", "project=project 4", "status=completed", "q=SHOT 0")]
    paths += [f"/api/x/jobs?{query}" for query in ("q=nobody", "q=é", "q=shot&sort=progress", "q=abcdef")]
    assert _too_slow(client, paths) == []


@pytest.mark.long
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


@pytest.mark.long
def test_two_thousand_workers(client: Client) -> None:
    """In every order, filtered and searched."""
    paths = [f"/api/x/workers?sort={sort}" for sort in _both_ways(worker_lists.ORDERS)]
    assert _too_slow(client, [*paths, "/api/x/workers?q=R-19", "/api/x/workers?status=registered&limit=500"]) == []


@pytest.mark.long
def test_search_for_everything_at_once(client: Client) -> None:
    """What is typed is looked for with every letter."""
    paths = [
        f"/api/x/search?q={text}" for text in ("s", "sho", "shot 01", "user 3", "render-19", "nobody", "é", "abcdef")
    ]
    assert _too_slow(client, paths) == []
