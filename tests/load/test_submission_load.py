"""Many clients submit at once: everybody gets an answer, all jobs are whole, and workers do not notice."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median

import httpx
import pytest

from flamenco.store import recount
from flamenco.store.engine import Store
from tests import length
from tests.acceptance.conftest import ECHO_JOB_TYPE, Manager, is_alive, running_manager, wait_until
from tests.load.polling import assert_promptly_answered, polling_workers

log = logging.getLogger(__name__)

CLIENTS = 20
WAVES = {"echo": 4, "slow": 1}
TASKS = 200
ROUNDS = 3
"""Waves are repeated so often, for a p95 over enough requests."""


@pytest.fixture
def manager_and_clients(tmp_path: Path) -> Iterator[tuple[Manager, list[httpx.Client]]]:
    """A manager of two processes with the job types `echo` and `slow`, and so many clients that know it."""
    with ExitStack() as stack:
        manager = stack.enter_context(running_manager(tmp_path, "--processes", "2"))
        slow = ECHO_JOB_TYPE.replace("compileJob(job) {", "compileJob(job) { for (let i = 0; i < 2e7; i++);")
        (manager.data_dir / "jobtypes" / "slow.js").write_text(slow)
        # Made beforehand: that takes more time than most requests.
        clients = [httpx.Client(base_url=manager.url, trust_env=False, timeout=60) for _ in range(CLIENTS)]
        yield manager, [stack.enter_context(client) for client in clients]


def submit_at_once(clients: list[httpx.Client], job_type: str) -> list[httpx.Response]:
    """What the clients are answered that submit a job in the same moment."""
    at_once = threading.Barrier(CLIENTS, timeout=30)
    job = {"name": "n", "type": job_type, "priority": 50, "settings": {"message": "m", "count": TASKS}}

    def submit(client: httpx.Client) -> httpx.Response:
        at_once.wait()
        return client.post("/api/jobs", json=job)

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(submit, clients))


def assert_whole(manager: Manager, jobs: set[str]) -> None:
    """Exactly these jobs are stored, with all of their tasks, and every counter is right."""
    with (
        closing(Store(f"sqlite:///{manager.data_dir}/flamenco-manager.sqlite")) as store,
        store.read() as tx,
    ):
        counted = tx.exec_driver_sql(
            "SELECT jobs.uuid, count(*) AS tasks FROM jobs JOIN tasks ON tasks.job_key = jobs.key GROUP BY jobs.uuid"
        )
        assert {row.uuid: row.tasks for row in counted} == dict.fromkeys(jobs, TASKS)
        assert recount.miscounted(tx) == []


@pytest.mark.parametrize("job_type", length.every(2, WAVES))
def test_twenty_clients_submit_at_once(manager_and_clients: tuple[Manager, list[httpx.Client]], job_type: str) -> None:
    """All submissions succeed or are told when to come again; workers' requests are answered within 250 ms (p95).

    Also when the script takes a second, so that most clients cannot be served. A manager that is killed
    afterwards leaves no helper process behind.
    """
    manager, clients = manager_and_clients
    answers: list[httpx.Response] = []
    durations: list[float] = []
    for _ in range(ROUNDS):
        with polling_workers(manager.url) as of_round:
            for _ in range(WAVES[job_type]):
                answers += submit_at_once(clients, job_type)
        durations += of_round
    statuses = Counter(answer.status_code for answer in answers)
    took = [answer.elapsed.total_seconds() for answer in answers]
    log.info("%s; a submission took %.3f s, the longest %.3f", dict(statuses), median(took), max(took))
    assert statuses.keys() <= {200, 503}, [answer.text for answer in answers if answer.is_error]
    assert statuses[200] >= WAVES[job_type]
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers if answer.status_code == 503)
    # Over every request of every round: the best of several rounds would not be what workers wait for.
    assert_promptly_answered(durations)
    assert_whole(manager, {answer.json()["id"] for answer in answers if answer.status_code == 200})
    manager.kill()
    assert wait_until(lambda: not is_alive(manager.process.pid))
