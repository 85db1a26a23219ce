"""A licence limit under load: four manager processes, thirty-two workers that never rest, five licences."""

from __future__ import annotations

import json
import random
import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import pytest

from flamenco.client import AssignedTask, JobRequest, ManagerClient, ManagerError, TaskUpdate, WorkerSignOn
from flamenco.client import WorkerRegistration as Registration
from flamenco.domain.statuses import TaskStatus, WorkerStatus
from tests.acceptance.conftest import running_manager
from tests.plugins.loading import documented_example

PROCESSES, WORKERS, JOBS, LICENCES = 4, 32, 10, 5
TASKS = 5_000
TIMEOUT_S = 400.0
SECRET = "a secret of enough letters"
HOLD_S = (0.005, 0.04)
IDLE_S = 0.2

NUKE_JOB_TYPE = """
const JOB_TYPE = { label: "Nuke", settings: [{ key: "count", type: "int32", required: true }] };

function compileJob(job) {
    for (let number = 0; number < job.settings.count; number++) {
        const task = author.Task(`comp-${number}`, "nuke");
        task.addCommand(author.Command("echo", { message: "comp" }));
        job.addTask(task);
    }
}
"""


class Held(NamedTuple):
    """A task that a worker had: surely from `given` to `reported`, and at the most from `asked` to `confirmed`."""

    asked: float
    given: float
    reported: float
    confirmed: float


class Refused(NamedTuple):
    """A poll that was answered: nothing to do."""

    asked: float
    answered: float


class Worker(threading.Thread):
    """Asks, holds what it gets for some milliseconds, reports, and asks again, until all tasks are done."""

    def __init__(self, url: str, number: int, done: threading.Semaphore, over: threading.Event) -> None:
        super().__init__(name=f"w{number}", daemon=True)
        self.held: list[Held] = []
        self.refused: list[Refused] = []
        self.problem: Exception | None = None
        self._url = url
        self._random = random.Random(number)  # noqa: S311 - no secret
        self._done = done
        self._over = over

    def run(self) -> None:
        """Work until it is over."""
        try:
            with ManagerClient(self._url, timeout_s=60) as client:
                worker_id = client.register_worker(Registration(self.name, "linux", SECRET, ("nuke",)))
                client.authenticate(worker_id, SECRET)
                client.sign_on(WorkerSignOn(self.name, ("nuke",), "test"))
                client.state_changed(WorkerStatus.AWAKE)
                while not self._over.is_set():
                    self._work(client)
        except Exception as error:  # told by the test
            self.problem = error

    def _work(self, client: ManagerClient) -> None:
        asked = time.monotonic()
        try:
            task = client.next_task()
        except ManagerError as error:
            if not error.is_temporary:
                raise
            self._over.wait(error.retry_after or IDLE_S)
            return
        answered = time.monotonic()
        if not isinstance(task, AssignedTask):
            self.refused.append(Refused(asked, answered))
            self._over.wait(IDLE_S)
            return
        self._over.wait(self._random.uniform(*HOLD_S))
        reported = time.monotonic()
        self._report(client, task)
        self.held.append(Held(asked, answered, reported, time.monotonic()))
        self._done.release()

    def _report(self, client: ManagerClient, task: AssignedTask) -> None:
        while True:
            try:
                client.update_task(task.uuid, TaskUpdate(status=TaskStatus.COMPLETED))
                return
            except ManagerError as error:
                if not error.is_temporary:
                    raise
                self._over.wait(error.retry_after or IDLE_S)


def most_at_once(spans: Sequence[tuple[float, float]]) -> int:
    """How many of the spans overlap at the most."""
    changes = sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans])
    return max(accumulate(change for _, change in changes))


def most_active(database: Path) -> tuple[int, int]:
    """How many tasks were active at once at the most, by the events in the order of their commit; and how many runs."""
    active: set[str] = set()
    most = runs = 0
    with closing(sqlite3.connect(database)) as connection:
        for (payload,) in connection.execute("SELECT payload FROM events WHERE topic LIKE '/jobs/%' ORDER BY key"):
            event = json.loads(payload)
            if event["status"] == "active" and event.get("previous_status") != "active":
                active.add(event["id"])
                runs += 1
            elif event["status"] != "active":
                active.discard(event["id"])
            most = max(most, len(active))
    return most, runs


def unexplained(refused: Sequence[Refused], held: Sequence[Held]) -> list[Refused]:
    """The polls that were told there was nothing, though at no moment until the answer all licences can have been used.

    Those after the last task was handed out do not count.
    """
    changes = sorted([(each.asked, 1) for each in held] + [(each.confirmed, -1) for each in held])
    moments = [moment for moment, _ in changes]
    counts = list(accumulate(change for _, change in changes))
    last = max(each.asked for each in held)
    found = []
    for poll in refused:
        if poll.answered >= last:
            continue
        before = sum(1 for moment in moments if moment <= poll.asked)
        within = [count for moment, count in zip(moments, counts, strict=True) if poll.asked <= moment <= poll.answered]
        if max([counts[before - 1] if before else 0, *within]) < LICENCES:
            found.append(poll)
    return found


@pytest.mark.long
def test_a_limit_is_neither_exceeded_nor_left_unused(tmp_path: Path) -> None:
    """Many tasks under a limit of 5: never more than 5 run at once, and never fewer while somebody asks for work."""
    config = tmp_path / "flamenco-manager.yaml"
    config.write_text(documented_example("worker_limits"))
    arguments = ("--processes", str(PROCESSES), "--config", str(config))
    done, over = threading.Semaphore(0), threading.Event()
    with running_manager(tmp_path, *arguments) as manager:
        (manager.data_dir / "jobtypes" / "nuke.js").write_text(NUKE_JOB_TYPE)
        with ManagerClient(manager.url, timeout_s=60) as client:
            for number in range(JOBS):
                client.submit_job(JobRequest(name=f"comp {number}", type="nuke", settings={"count": TASKS // JOBS}))
        team = [Worker(manager.url, number, done, over) for number in range(WORKERS)]
        deadline = time.monotonic() + TIMEOUT_S
        for worker in team:
            worker.start()
        for number in range(TASKS):
            in_time = done.acquire(timeout=max(0.1, deadline - time.monotonic()))
            assert in_time, f"only {number} tasks were done in time; {[w.problem for w in team if w.problem]}"
        over.set()
        for worker in team:
            worker.join(60)
        assert [worker.problem for worker in team if worker.problem] == []
        with ManagerClient(manager.url) as client:
            usage = client.get("/api/x/worker_limits/usage")
    assert [(limit["name"], limit["in_use"]) for limit in usage] == [("nuke", 0)]
    held = [each for worker in team for each in worker.held]
    assert most_active(manager.data_dir / "flamenco-manager.sqlite") == (LICENCES, TASKS)
    assert most_at_once([(each.given, each.reported) for each in held]) <= LICENCES
    refused = [poll for worker in team for poll in worker.refused]
    assert refused, "somebody had to wait"
    assert unexplained(refused, held) == []
