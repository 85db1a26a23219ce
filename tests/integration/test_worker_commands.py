"""Manager and worker tell each other which commands exist, and workers are given only what they can run."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from falcon import testing
from msgspec.structs import replace
from structlog.testing import capture_logs

from flamenco.api.app import create_app
from flamenco.domain.model import AuthoredTask, Command, Worker
from flamenco.domain.statuses import WorkerStatus
from flamenco.farm import workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from flamenco.worker import credentials
from flamenco.worker.credentials import Credentials
from tests.conftest import authored_job, authored_task
from tests.integration.farming import SECRET, TASK_TYPES, new_worker, run_next, store_job, take
from tests.integration.scripted_manager import Answer, ScriptedManager
from tests.integration.working import Running
from tests.unit.commanding import builtin_commands

ADDRESS = "/api/x/worker/commands"


def task_of(name: str, *commands: str) -> AuthoredTask:
    """A task of the one type with these commands."""
    return replace(authored_task(name), commands=tuple(Command(each, {"message": name}) for each in commands))


def tell(farm: Farm, worker: Worker, body: Any) -> testing.Result:
    """The worker calls the manager."""
    token = b64encode(f"{worker.id}:{SECRET}".encode()).decode()
    headers = {"Authorization": f"Basic {token}"}
    return testing.TestClient(create_app(farm)).simulate_post(ADDRESS, json=body, headers=headers)


def come_again(farm: Farm, worker: Worker) -> None:
    """The worker signs on once more."""
    workers.sign_on(
        farm, worker, name="again", software="test", task_types=TASK_TYPES, can_restart=False, address="127.0.0.1"
    )
    workers.state_changed(farm, worker, WorkerStatus.AWAKE)


# -- who is given what ----------------------------------------------------------------------------------------------


def test_a_worker_is_not_given_what_it_cannot_run(farm: Farm) -> None:
    """Of two tasks of one type in one job, a worker gets the one whose commands it has, though the other is first."""
    store_job(farm, authored_job(task_of("magic", "echo", "conjure"), task_of("plain", "echo")))
    worker = new_worker(farm)
    assert tell(farm, worker, {"commands": ["echo", "sleep"]}).status_code == 200
    assert run_next(farm, worker) == "plain"
    assert claim.assign_next(farm, worker) is None


def test_only_the_worker_with_a_plugins_command_is_given_it(farm: Farm) -> None:
    """A command that one worker has from a plugin waits for that worker, though the manager does not know it."""
    store_job(farm, authored_job(task_of("magic", "conjure")))
    plain, gifted = new_worker(farm, "plain"), new_worker(farm, "gifted")
    known = tell(farm, plain, {"commands": ["echo"]}).json["commands"]
    assert "conjure" not in known
    tell(farm, gifted, {"commands": ["conjure", "echo"]})
    assert claim.assign_next(farm, plain) is None
    assert run_next(farm, gifted) == "magic"


def test_a_worker_that_says_nothing_is_trusted(farm: Farm) -> None:
    """Workers of today's Flamenco do not say what they have: they are given every task of their types."""
    store_job(farm, authored_job(task_of("magic", "conjure")))
    assert run_next(farm, new_worker(farm)) == "magic"


def test_signing_on_anew_forgets_the_commands(farm: Farm) -> None:
    """A worker that comes as another version of itself is trusted until it says what it has by now."""
    store_job(farm, authored_job(task_of("magic", "conjure")))
    worker = new_worker(farm)
    tell(farm, worker, {"commands": ["echo"]})
    assert claim.assign_next(farm, worker) is None
    come_again(farm, worker)
    assert run_next(farm, worker) == "magic"


def test_what_was_said_last_counts(farm: Farm) -> None:
    """A worker may say it again; names that come twice count once, and a worker without any gets no such task."""
    store_job(farm, authored_job(task_of("plain", "echo")))
    worker = new_worker(farm)
    tell(farm, worker, {"commands": []})
    assert claim.assign_next(farm, worker) is None
    tell(farm, worker, {"commands": ["echo", "echo"]})
    assert take(farm, worker).task.name == "plain"


# -- the address ----------------------------------------------------------------------------------------------------


def test_the_manager_says_what_it_knows(farm: Farm) -> None:
    """The answer has the names of all commands of the manager, in order."""
    told = tell(farm, new_worker(farm), {"commands": ["of-my-own"]})
    assert told.json == {"commands": sorted(builtin_commands())}


@pytest.mark.parametrize(
    ("commands", "reason"),
    [
        ("echo", "a list"),
        ([""], "length >= 1"),
        (["x" * 256], "length <= 255"),
        (["a\0b"], "NUL"),
        ([f"c{number}" for number in range(10_001)], "length <= 10000"),
    ],
)
def test_nonsense_is_refused(farm: Farm, commands: Any, reason: str) -> None:
    """What could be no names of commands is refused with the field's name, and changes nothing."""
    store_job(farm, authored_job(task_of("plain", "echo")))
    worker = new_worker(farm)
    refused = tell(farm, worker, {"commands": commands})
    assert refused.status_code == 400
    assert "commands" in refused.json["message"]
    assert reason in refused.json["message"]
    assert run_next(farm, worker) == "plain"


def test_nobody_speaks_for_a_worker(farm: Farm) -> None:
    """Whoever does not say which worker it is, is refused."""
    client = testing.TestClient(create_app(farm))
    assert client.simulate_post(ADDRESS, json={"commands": []}).status_code == 403


def test_every_command_is_documented(farm: Farm) -> None:
    """All commands are listed by name, with what a job type has to write, and say the same as their declarations."""
    listed = testing.TestClient(create_app(farm)).simulate_get("/api/x/commands").json["commands"]
    assert [each["name"] for each in listed] == sorted(builtin_commands())
    described = {each["name"]: each for each in listed}
    assert all(each["description"] and each["task_types"] for each in listed)
    assert described["exec"] == {
        "name": "exec",
        "description": "Run any program.",
        "task_types": ["misc"],
        "parameters": [
            {
                "name": "exe",
                "type": "text, not empty",
                "required": True,
                "default": None,
                "description": "The program, run directly and not through a shell.",
            },
            {
                "name": "args",
                "type": "list of texts",
                "required": False,
                "default": [],
                "description": "Its arguments.",
            },
        ],
    }


# -- the agent ------------------------------------------------------------------------------------------------------


@pytest.fixture
def manager() -> Iterator[ScriptedManager]:
    """A manager that is there, and knows nothing of commands unless the test says so."""
    with ScriptedManager() as running:
        yield running


def live(manager: ScriptedManager, folder: Path) -> list[Any]:
    """Let a worker start, become awake and go home; gives what it logged."""
    with capture_logs() as logged, Running(manager, folder):
        manager.wait_for(lambda: manager.statuses[-1:] == ["awake"])
    return logged


def test_the_agent_says_what_it_has(manager: ScriptedManager, tmp_path: Path) -> None:
    """Between signing on and being awake, a worker tells its commands, and logs those that it lacks."""
    manager.answer_once("POST", ADDRESS, Answer(200, {"commands": ["conjure", "echo", "vanish"]}))
    logged = live(manager, tmp_path)
    paths = [request.path for request in manager.requests]
    assert paths.index("/worker/sign-on") < paths.index(ADDRESS) < paths.index("/worker/state-changed")
    (told,) = [request for request in manager.requests if request.path == ADDRESS]
    assert told.body.decode().replace('"', "") == f"{{commands:[{','.join(sorted(builtin_commands()))}]}}"
    (lacking,) = [each for each in logged if "does not have" in each["event"]]
    assert (lacking["log_level"], lacking["commands"]) == ("info", ["conjure", "vanish"])


@pytest.mark.parametrize("answer", [Answer(404, {"message": "Not Found"}), Answer(404), Answer(405)])
def test_a_manager_that_does_not_care(manager: ScriptedManager, tmp_path: Path, answer: Answer) -> None:
    """A manager without that address, such as Flamenco's own, is as good as any: nothing worse than debug is logged."""
    manager.answer_once("POST", ADDRESS, answer)
    logged = live(manager, tmp_path)
    assert manager.asked("POST", "/worker/sign-on") == 1
    (said,) = [each for each in logged if "does not ask which commands" in each["event"]]
    assert said["log_level"] == "debug"
    assert not [each for each in logged if each["log_level"] in ("warning", "error")]


@pytest.mark.parametrize("answer", [Answer(500), Answer(503), Answer(200), Answer(429)])
def test_trouble_with_the_commands(manager: ScriptedManager, tmp_path: Path, answer: Answer) -> None:
    """A manager that cannot listen just now is asked again, from signing on, before the worker becomes awake."""
    manager.answer_once("POST", ADDRESS, answer)
    live(manager, tmp_path)
    assert manager.asked("POST", "/worker/sign-on") == manager.asked("POST", ADDRESS) == 2
    assert manager.statuses == ["starting", "starting", "awake", "offline"]
    assert len(manager.registrations) == 1


def test_a_worker_that_is_forgotten_meanwhile(manager: ScriptedManager, tmp_path: Path) -> None:
    """A worker that is unknown by the time it tells its commands registers anew, as when it signs on."""
    manager.know("me", "secret")
    credentials.save(tmp_path / credentials.FILE_NAME, Credentials("me", "secret"))
    manager.answer_once("POST", ADDRESS, Answer(403, {"message": "who are you"}))
    live(manager, tmp_path)
    assert len(manager.registrations) == 1
