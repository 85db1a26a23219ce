"""`flamenco worker` as people run it: a real process, with signals, exit codes and what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flamenco.client import TaskUpdate
from flamenco.worker.update_queue import FILE_NAME, UpdateQueue
from flamenco.worker.worker_settings import settings_list
from tests.integration.scripted_manager import PATIENCE_S, Answer, ScriptedManager
from tests.integration.working import FAMILY, family_in, is_running, wait_until_ended

Worker = subprocess.Popen[str]

QUICK = ("--poll-start=10ms", "--poll-no-task=20ms", "--poll-after-task=0s", "--log-chunk=20ms", "--sign-on-retry=20ms")


@pytest.fixture
def manager() -> Iterator[ScriptedManager]:
    """A manager that is there."""
    with ScriptedManager() as running:
        yield running


@pytest.fixture
def start(manager: ScriptedManager, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Starts workers; they are ended by force after the test if they are still there."""
    started = []

    def make(*arguments: str) -> Worker:
        command = [sys.executable, "-m", "flamenco", "worker", "--manager", manager.url, *QUICK, *arguments]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("FLAMENCO_")}
        environ["FLAMENCO_HOME"] = str(tmp_path / "home")
        worker = subprocess.Popen(command, cwd=tmp_path, env=environ, stderr=subprocess.PIPE, text=True)
        started.append(worker)
        return worker

    yield make
    for worker in started:
        worker.kill()
        worker.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_end_it(manager: ScriptedManager, start: Callable[..., Worker], number: signal.Signals) -> None:
    """A signal ends the worker soon, with its task's programs killed, signed off, and exit code 1."""
    task = manager.add_task(("exec", {"exe": sys.executable, "args": ["-c", FAMILY]}))
    worker = start("--name", "signalled")
    manager.wait_for(lambda: family_in(manager.log_of(task)))
    family = family_in(manager.log_of(task))
    assert all(is_running(pid) for pid in family)
    worker.send_signal(number)
    _, log = worker.communicate(timeout=10)
    assert worker.returncode == 1, log
    wait_until_ended(family)
    assert manager.statuses[-1] == "offline"
    assert number.name in log
    assert "Traceback" not in log


@pytest.mark.parametrize("said_in", ["command line", "environment", "file"])
def test_a_given_manager_is_not_searched_for(manager: ScriptedManager, tmp_path: Path, said_in: str) -> None:
    """Wherever the manager's URL is written, the worker goes there and asks nobody on the network."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FLAMENCO_")}
    environ["FLAMENCO_HOME"] = str(tmp_path / "home")
    command = [sys.executable, "-m", "flamenco", "worker", *QUICK]
    if said_in == "command line":
        command += ["--manager", manager.url]
    elif said_in == "environment":
        environ["FLAMENCO_WORKER_MANAGER_URL"] = manager.url
    else:
        (tmp_path / "flamenco-worker.yaml").write_text(f"manager_url: {manager.url}\n")
    with subprocess.Popen(command, cwd=tmp_path, env=environ, stderr=subprocess.PIPE, text=True) as worker:
        manager.wait_for(lambda: manager.statuses[-1:] == ["awake"])
        worker.terminate()
        _, log = worker.communicate(timeout=PATIENCE_S)
    assert worker.returncode == 1
    assert "searching" not in log


def test_tasks_get_no_settings_of_ours(manager: ScriptedManager, tmp_path: Path) -> None:
    """What the worker, or a manager beside it, is told by the environment, its keys and passwords, no task finds there.

    What else there is, and where Flamenco keeps its things, stays.
    """
    kept = {"FLAMENCO_HOME": str(tmp_path / "home"), "FLAMENCO_MANAGER": "http://farm:8080", "STUDIO_TOKEN": "kept"}
    ours = {"FLAMENCO_WORKER_MANAGER_URL": manager.url, "FLAMENCO_MQTT_CLIENT_PASSWORD": "x", "FLAMENCO_TOKEN": "x"}
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FLAMENCO_")}
    task = manager.add_task(("exec", {"exe": "env"}))
    command = [sys.executable, "-m", "flamenco", "worker", *QUICK]
    with subprocess.Popen(command, cwd=tmp_path, env={**environ, **kept, **ours}, stderr=subprocess.DEVNULL) as worker:
        manager.wait_until_finished(task)
        worker.terminate()
    said = manager.log_of(task)
    assert all(f"> {name}={value}\n" in said for name, value in kept.items())
    assert not [name for name in ours if f"{name}=" in said]


def test_signals_end_it_without_a_manager(manager: ScriptedManager, start: Callable[..., Worker]) -> None:
    """A worker that is still looking for its manager can be stopped as well."""
    manager.switch_off()
    worker = start()
    assert worker.stderr
    assert any("cannot sign on" in line for line in worker.stderr)  # and it goes on trying, the manager is known
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=10)
    assert worker.returncode == 1


@pytest.mark.parametrize(("status", "code"), [("offline", 0), ("restart", 31)])
def test_exit_codes(manager: ScriptedManager, start: Callable[..., Worker], status: str, code: int) -> None:
    """Whoever started the worker learns from the exit code whether to start it again."""
    worker = start("--restart-exit-code", "31")
    manager.wait_for(lambda: manager.statuses[-1:] == ["awake"])
    manager.requested = status
    _, log = worker.communicate(timeout=PATIENCE_S)
    assert worker.returncode == code, log


def test_what_was_left_is_delivered(manager: ScriptedManager, start: Callable[..., Worker], tmp_path: Path) -> None:
    """--flush hands in what earlier tasks have left, and ends: with 0, or with 1 when the manager did not take it."""
    task = "11111111-1111-4111-8111-111111111111"
    (tmp_path / "home").mkdir()
    queue = UpdateQueue(tmp_path / "home" / FILE_NAME, 1000)
    queue.append(task, TaskUpdate(log="late"))
    queue.close()
    manager.answer_once("POST", "/worker/task/.*", Answer(503))
    manager.answer_once("POST", "/worker/task/.*", Answer(503))
    for code in (1, 0):
        worker = start("--flush")
        _, log = worker.communicate(timeout=PATIENCE_S)
        assert worker.returncode == code, log
    assert manager.log_of(task) == "late"
    assert manager.statuses == ["starting", "offline"] * 2
    assert manager.asked("POST", "/worker/task") == 0


def test_where_things_are_kept(manager: ScriptedManager, start: Callable[..., Worker], tmp_path: Path) -> None:
    """Credentials and queue are in --data-dir, else in $FLAMENCO_HOME; the name is the one given."""
    start("--data-dir", str(tmp_path / "data"), "--name", "tall-one")
    manager.wait_for(lambda: "awake" in manager.statuses)
    start()
    manager.wait_for(lambda: manager.statuses.count("awake") == 2)
    for folder in ("data", "home"):
        assert {file.name for file in (tmp_path / folder).iterdir()} >= {
            "flamenco-worker-credentials.yaml",
            "flamenco-worker.sqlite",
        }
    assert manager.registrations[0]["name"] == "tall-one"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--poll-start", "soon"], "poll_start: 'soon' is not a duration"),
        (["--config", "missing.yaml"], "There is no configuration file missing.yaml."),
        (["--manager", "http://"], "is no manager URL"),
        (["--data-dir", "/dev/null/folder"], "/dev/null/folder cannot be made"),
    ],
)
def test_what_cannot_work(start: Callable[..., Worker], arguments: list[str], message: str) -> None:
    """A wrong start ends at once with one sentence and exit code 2."""
    worker = start(*arguments)
    _, log = worker.communicate(timeout=PATIENCE_S)
    assert worker.returncode == 2, log
    assert message in log
    assert "Traceback" not in log


def test_help() -> None:
    """Every setting is an option with its default, and there is an example."""
    command = [sys.executable, "-m", "flamenco", "worker", "--help"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "flamenco worker --manager http://farm:8080" in text
    for setting in settings_list():
        option = {"manager_url": "--manager", "worker_name": "--name"}.get(setting.key)
        assert (option or f"--{setting.key.replace('_', '-')}") in text
    assert "[default: 20s]" in " ".join(text.split())
