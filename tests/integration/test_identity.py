"""Two programs with one worker's identity: only the one that signed on last is heard, and people are told."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from falcon import testing
from structlog.testing import capture_logs

from flamenco import CommandCancelled, CommandContext
from flamenco.api.app import create_app
from flamenco.client import TaskUpdate
from flamenco.domain.errors import ConfigError
from flamenco.domain.identity import PREDECESSOR, SIGN_ON_HEADER, WARNED
from flamenco.domain.model import Assignment, Worker
from flamenco.domain.statuses import WorkerStatus
from flamenco.farm import workers
from flamenco.farm.context import Farm
from flamenco.farm.identity import IN_TURN_S, WARN_EVERY_S, Callers
from flamenco.farm.scheduling import claim
from flamenco.testing import Clock
from flamenco.worker import update_queue
from flamenco.worker.update_queue import UpdateQueue
from tests.conftest import authored_job, authored_task
from tests.integration.farming import SECRET, new_worker, store_job, take
from tests.integration.scripted_manager import Answer, ScriptedManager
from tests.integration.test_worker_tasks import plugin
from tests.integration.working import Running

DETAILS = {"name": "w", "supported_task_types": ["misc"], "software_version": "1"}
HERE, THERE = "10.0.0.1", "10.0.0.2"


class Program:
    """A program that speaks as a worker, with the number of its sign-on once it has one."""

    def __init__(self, farm: Farm, worker: Worker, address: str = HERE) -> None:
        self.number: str | None = None
        self._address = address
        self._client = testing.TestClient(create_app(farm))
        self._token = base64.b64encode(f"{worker.id}:{SECRET}".encode()).decode()

    def ask(self, method: str, path: str, body: Any = None) -> testing.Result:
        """Ask the farm something."""
        headers = {"Authorization": f"Basic {self._token}"}
        if self.number is not None:
            headers[SIGN_ON_HEADER] = self.number
        return self._client.simulate_request(method, path, json=body, headers=headers, remote_addr=self._address)

    def sign_on(self, path: str = "/api/v3/worker/sign-on", **more: object) -> None:
        """Sign on, and remember the number."""
        self.number = None
        answer = self.ask("POST", path, DETAILS | more)
        assert answer.status_code == 200, answer.json
        self.number = answer.headers[SIGN_ON_HEADER]


def warnings(farm: Farm) -> list[str]:
    """What people are told about workers."""
    shown = testing.TestClient(create_app(farm)).simulate_get("/api/x/overview").json["workers"]
    return [worker["warning"] for worker in shown if "warning" in worker]


NOTHING = "00000000-0000-4000-8000-000000000000"
ASKED: list[tuple[str, str, Any]] = [
    ("GET", "/api/v3/worker/state", None),
    ("POST", "/api/v3/worker/state-changed", {"status": "awake"}),
    ("POST", "/api/v3/worker/task", None),
    ("POST", f"/api/v3/worker/task/{NOTHING}", {"activity": "a"}),
    ("GET", f"/api/v3/worker/task/{NOTHING}/may-i-run", None),
    ("POST", "/api/v3/worker/sign-off", None),
    ("POST", "/api/x/worker/commands", {"commands": []}),
    ("GET", "/api/worker/state", None),
    ("POST", "/api/worker/task", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ASKED)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_only_the_last_that_signed_on_is_heard(farm: Farm, method: str, path: str, body: Any) -> None:
    """Whatever a program asks that was replaced is refused with a sentence, and changes nothing."""
    worker = new_worker(farm)
    old, new = Program(farm, worker), Program(farm, worker, THERE)
    old.sign_on()
    new.sign_on()
    before = workers.list_all(farm)
    refused = old.ask(method, path, body)
    assert refused.status_code == 410
    assert "data folder of its own" in refused.json["message"]
    assert [each.status for each in workers.list_all(farm)] == [each.status for each in before]
    assert new.ask("GET", "/api/v3/worker/state").status_code == 204


def test_both_protocols_count_sign_ons(farm: Farm) -> None:
    """A worker may sign on in either; the number only ever grows, and each worker has its own."""
    worker = new_worker(farm)
    program = Program(farm, worker)
    program.sign_on()
    first = int(program.number or 0)
    program.sign_on("/api/worker/sign-on", nickname="w")
    assert int(program.number or 0) == first + 1
    other = Program(farm, new_worker(farm, "other"))
    other.sign_on()
    assert int(other.number or 0) == first


@pytest.mark.parametrize("number", [None, "", "x", "-1", "99", "9" * 40])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_others_are_trusted(farm: Farm, number: str | None) -> None:
    """Workers that do not know of numbers are heard as before; so is one whose number is lost with the database."""
    worker = new_worker(farm)
    other, program = Program(farm, worker), Program(farm, worker)
    other.sign_on()
    program.number = number
    assert program.ask("GET", "/api/v3/worker/state").status_code == 204
    assert warnings(farm) == []


def test_a_task_is_begun_anew_when_its_first_run_has_ended(farm: Farm, clock: Clock) -> None:
    """A program that signs on gets the worker's task once the one before it was refused, and not while it may run."""
    store_job(farm, authored_job(authored_task()))
    worker = new_worker(farm)
    workers.tell_commands(farm, worker, ["echo"])
    assigned = take(farm, worker)
    clock.forward(3)
    new = Program(farm, worker)
    new.sign_on()
    assert new.ask("POST", "/api/x/worker/commands", {"commands": ["echo"]}).status_code == 200
    workers.state_changed(farm, worker, WorkerStatus.AWAKE)
    assert claim.assign_next(farm, worker) is None
    clock.forward(PREDECESSOR.total_seconds() - 3)
    assert take(farm, worker).task.id == assigned.task.id
    # What it was given itself it is given again at once: the answer may have been lost.
    assert take(farm, worker).task.id == assigned.task.id


@pytest.mark.parametrize("step_s", [-7200, 7200])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_clock_that_is_moved_makes_nobody_wait(farm: Farm, clock: Clock, step_s: float) -> None:
    """However the clock goes meanwhile, the task is given again after a moment."""
    store_job(farm, authored_job(authored_task()))
    worker = new_worker(farm)
    workers.tell_commands(farm, worker, ["echo"])
    take(farm, worker)
    clock.forward(3)
    Program(farm, worker).sign_on()
    workers.tell_commands(farm, worker, ["echo"])
    workers.state_changed(farm, worker, WorkerStatus.AWAKE)
    assert claim.assign_next(farm, worker) is None
    clock.forward(step_s)
    assert isinstance(claim.assign_next(farm, worker), Assignment)


def test_people_are_told_of_two(farm: Farm, clock: Clock) -> None:
    """A program that was replaced is told with the worker and in the log, once a minute, and forgotten in the end."""
    worker = new_worker(farm)
    old, new = Program(farm, worker), Program(farm, worker, THERE)
    old.sign_on()
    new.sign_on()
    with capture_logs() as logs:
        for _ in range(3):
            old.ask("GET", "/api/v3/worker/state")
    (warning,) = warnings(farm)
    assert THERE in warning
    assert "data folder" in warning
    assert [entry["worker"] for entry in logs if "there twice" in entry["event"]] == [worker.id]
    clock.forward(WARNED.total_seconds())
    assert warnings(farm) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_two_that_know_no_numbers_are_told_apart_by_address(farm: Farm) -> None:
    """Programs that speak in turn from two addresses as one worker are heard, and people are told."""
    worker = new_worker(farm)
    here, there = Program(farm, worker), Program(farm, worker, THERE)
    for program in (here, here, there):
        assert program.ask("GET", "/api/v3/worker/state").status_code == 204
    assert warnings(farm) == []
    assert here.ask("GET", "/api/v3/worker/state").status_code == 204
    (warning,) = warnings(farm)
    assert HERE in warning
    assert THERE in warning


@pytest.mark.parametrize(
    ("calls", "told"),
    [
        ([(HERE, 0), (HERE, 1), (HERE, 2)], False),
        ([(HERE, 0), (THERE, 1), (THERE, 2)], False),
        ([(HERE, 0), (THERE, 1), (HERE, 2)], True),
        ([(HERE, 0), (THERE, 1), (HERE, IN_TURN_S + 1)], False),
        ([(HERE, 0), (THERE, 1), ("10.0.0.3", 2)], False),
        ([(HERE, 0), ("fe80::1", 1), (HERE, 2), ("fe80::1", 3)], False),
        ([("", 0), ("socket", 1), ("", 2)], False),
    ],
)
def test_what_two_in_turn_are(calls: list[tuple[str, float]], told: bool) -> None:
    """A worker that moves to another address is one; so is one that has an address of each kind."""
    now = [0.0]
    callers = Callers(lambda: now[0])
    found = []
    for address, now[0] in calls:
        found.append(callers.in_turn(1, address))
        assert callers.in_turn(2, HERE) is None
    assert any(found) is told


def test_a_warning_once_a_minute() -> None:
    """Of each worker people are told, but not all the time."""
    now = [0.0]
    callers = Callers(lambda: now[0])
    assert [callers.may_warn(1), callers.may_warn(2), callers.may_warn(1)] == [True, True, False]
    now[0] = WARN_EVERY_S
    assert callers.may_warn(1)


# -- the worker -------------------------------------------------------------------------------------------------------


class CountingManager(ScriptedManager):
    """A manager that counts sign-ons, and hears only the last."""

    def __init__(self) -> None:
        super().__init__()
        self.sign_on = 0
        self.refused = 0

    def _sign_on(self, request: Any) -> Answer:
        self.sign_on += 1
        answer = super()._sign_on(request)
        return Answer(answer.status, answer.body, {SIGN_ON_HEADER: str(self.sign_on)})

    def _answer(self, request: Any) -> Answer:
        number = request.headers.get(SIGN_ON_HEADER)
        if number is not None and int(number) < self.sign_on:
            self.refused += 1
            return Answer(410, {"code": 410, "message": "Another program has signed on."})
        return super()._answer(request)


@pytest.fixture
def manager() -> Iterator[CountingManager]:
    """A manager that is there."""
    with CountingManager() as running:
        yield running


def test_a_worker_that_was_replaced_stops(manager: CountingManager, tmp_path: Path) -> None:
    """It ends its task, says why and what to do, and leaves the rest to the other: no sign-off, no update lost."""
    begun, ended = threading.Event(), threading.Event()

    def wait(context: CommandContext, _parameters: object) -> None:
        begun.set()
        try:
            context.wait(20)
        except CommandCancelled:
            ended.set()
            raise

    task_id = manager.add_task(("wait", {}))
    with Running(manager, tmp_path, plugin(wait, "wait")) as running:
        assert begun.wait(20)
        with manager.changed:
            manager.sign_on += 1
        with pytest.raises(ConfigError, match=r"same identity.*--data-dir"):
            running.wait()
        running.error = None
    assert ended.is_set()
    assert manager.refused > 0
    assert manager.asked("POST", "/worker/sign-off") == 0
    assert manager.statuses_of(task_id) == ["active"]
    assert len(manager.registrations) == 1


def test_what_was_kept_is_delivered_after_the_next_sign_on(manager: CountingManager, tmp_path: Path) -> None:
    """Updates from before a restart are sent with the number of the new sign-on, and heard."""
    with Running(manager, tmp_path):
        manager.wait_for(lambda: manager.statuses[-1:] == ["awake"])
    queue = UpdateQueue(tmp_path / update_queue.FILE_NAME, 1 << 20)
    queue.append(NOTHING, TaskUpdate(activity="from before"))
    queue.close()
    with manager.changed:
        manager.sign_on += 1
    with Running(manager, tmp_path):
        manager.wait_for(lambda: manager.updates_of(NOTHING))
    assert manager.updates_of(NOTHING) == [{"activity": "from before"}]
    assert manager.refused == 0
