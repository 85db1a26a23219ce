"""Workers that take tasks and complete them all the time, in their own process: `python -m tests.load.polling URL`.

Whoever else loads the manager from the process of the test would otherwise hold these up as well. Prints a line when
all workers are there; when its input ends, the duration in seconds of each of their requests, as JSON.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from flamenco.client import AssignedTask, ManagerClient, TaskUpdate, WorkerRegistration, WorkerSignOn
from flamenco.domain.statuses import TaskStatus, WorkerStatus

log = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]

MOST_P95_S = 0.25
MOST_S = 3.0
"""No request of a worker takes longer: clients that wait for a slow script must not hold every thread."""

WORKERS = 6
WORK_S = 0.02
"""How long a worker is busy between two requests."""


def work(url: str, number: int, ready: threading.Barrier, over: threading.Event) -> list[float]:
    """Be a worker until it is over; how long each request took."""
    durations = []
    with ManagerClient(url) as client:
        details: dict[str, Any] = {"name": f"w{number}", "supported_task_types": ("misc",)}
        worker = client.register_worker(
            WorkerRegistration(platform="linux", secret="a secret of enough letters", **details)
        )
        client.authenticate(worker, "a secret of enough letters")
        client.sign_on(WorkerSignOn(software_version="test", **details))
        client.state_changed(WorkerStatus.AWAKE)
        ready.wait()
        while not over.wait(WORK_S):
            started = time.monotonic()
            task = client.next_task()
            durations.append(time.monotonic() - started)
            if isinstance(task, AssignedTask):
                over.wait(WORK_S)
                started = time.monotonic()
                client.update_task(task.uuid, TaskUpdate(status=TaskStatus.COMPLETED, log="done\n"))
                durations.append(time.monotonic() - started)
    return durations


@contextmanager
def polling_workers(url: str) -> Iterator[list[float]]:
    """Workers that poll meanwhile; in the end the list has the duration in seconds of each of their requests.

    Fails in the end when a request of theirs did.
    """
    durations: list[float] = []
    command = [sys.executable, "-m", "tests.load.polling", url]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield durations
        printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    durations += json.loads(printed)


def assert_promptly_answered(durations: list[float]) -> None:
    """Workers did not notice what else the manager had to do."""
    p95, longest = quantiles(durations, n=20)[-1], max(durations)
    log.info(
        "%d requests of workers: median %.3f s, p95 %.3f s, longest %.3f s",
        *(len(durations), median(durations), p95, longest),
    )
    assert p95 <= MOST_P95_S
    assert longest <= MOST_S


def main() -> None:
    """Poll until the input ends. Fails when a request does."""
    over, ready = threading.Event(), threading.Barrier(WORKERS + 1, timeout=30)
    with ThreadPoolExecutor(WORKERS) as pool:
        workers = [pool.submit(work, sys.argv[1], number, ready, over) for number in range(WORKERS)]
        try:
            ready.wait()
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            sys.stdin.read()
        finally:
            over.set()
        json.dump([seconds for worker in workers for seconds in worker.result()], sys.stdout)


if __name__ == "__main__":
    main()
