"""A worker's life: registering, signing on, waking and sleeping, going home; and what it does when that is not easy."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flamenco import __version__
from flamenco.domain.errors import ConfigError
from flamenco.worker import credentials
from flamenco.worker.credentials import Credentials
from tests.integration.scripted_manager import Answer, ScriptedManager
from tests.integration.working import Running

PLATFORM = {"win32": "windows"}.get(sys.platform, sys.platform)


@pytest.fixture
def manager() -> Iterator[ScriptedManager]:
    """A manager that is there."""
    with ScriptedManager() as running:
        yield running


def test_a_new_worker(manager: ScriptedManager, tmp_path: Path) -> None:
    """A new worker registers, keeps its credentials for itself, signs on, reports itself awake, and signs off."""
    with Running(manager, tmp_path / "new" / "folder") as running:
        manager.wait_for(lambda: manager.asked("POST", "/worker/task"))
    types = ["blender", "ffmpeg", "file-management", "misc"]
    (registration,) = manager.registrations
    assert registration == {
        "name": "quick",
        "platform": PLATFORM,
        "secret": registration["secret"],
        "supported_task_types": types,
    }
    assert len(bytes.fromhex(registration["secret"])) == 32
    assert manager.sign_ons == [
        {"name": "quick", "supported_task_types": types, "software_version": __version__, "can_restart": False}
    ]
    assert manager.statuses == ["starting", "awake", "offline"]
    file = running.folder / "flamenco-worker-credentials.yaml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().startswith("#")
    assert credentials.load(file) == Credentials(*next(iter(manager.secrets.items())))
    assert not file.with_name(f"{file.name}~").exists()
    assert running.exit_code == 1
    assert {each.headers["User-Agent"] for each in manager.requests} == {f"Flamenco/{__version__}"}


def test_a_known_worker(manager: ScriptedManager, tmp_path: Path) -> None:
    """A worker that comes back signs on as who it was."""
    for _ in range(2):
        with Running(manager, tmp_path):
            manager.wait_for(lambda: manager.statuses[-1:] == ["awake"])
    assert len(manager.registrations) == 1
    assert len(manager.sign_ons) == 2


@pytest.mark.parametrize("answer", [Answer(500), Answer(503), Answer(404), Answer(400), Answer(200), Answer(429)])
def test_trouble_at_sign_on_makes_no_twins(manager: ScriptedManager, tmp_path: Path, answer: Answer) -> None:
    """A manager that cannot sign a worker on right now is asked again; the worker does not become another one."""
    manager.know("me", "secret")
    credentials.save(tmp_path / credentials.FILE_NAME, Credentials("me", "secret"))
    manager.answer_once("POST", "/worker/sign-on", answer)
    with Running(manager, tmp_path):
        manager.wait_for(lambda: manager.statuses[-1:] == ["awake"])
    assert manager.registrations == []
    assert manager.asked("POST", "/worker/sign-on") == 2


def test_a_manager_that_is_not_there_yet(manager: ScriptedManager, tmp_path: Path) -> None:
    """A worker that is started first waits for its manager."""
    manager.switch_off()
    with Running(manager, tmp_path):
        manager.switch_on()
        manager.wait_for(lambda: manager.statuses[-1:] == ["awake"])
    assert len(manager.registrations) == 1


def test_waiting_for_a_manager_can_be_stopped(manager: ScriptedManager, tmp_path: Path) -> None:
    """A worker without a manager ends when it is told to."""
    manager.switch_off()
    with Running(manager, tmp_path) as running:
        pass
    assert running.exit_code == 1


def test_trouble_at_registration(manager: ScriptedManager, tmp_path: Path) -> None:
    """Registration is tried again as well."""
    manager.answer_once("POST", "/worker/register-worker", Answer(503))
    with Running(manager, tmp_path):
        manager.wait_for(lambda: manager.statuses[-1:] == ["awake"])
    assert manager.asked("POST", "/worker/register-worker") == 2


def test_a_rejected_worker_registers_anew(manager: ScriptedManager, tmp_path: Path) -> None:
    """A worker that the manager definitely does not know becomes a new one."""
    file = tmp_path / credentials.FILE_NAME
    credentials.save(file, Credentials("forgotten", "secret"))
    with Running(manager, tmp_path):
        manager.wait_for(lambda: manager.statuses[-1:] == ["awake"])
    assert len(manager.registrations) == 1
    known = credentials.load(file)
    assert known
    assert known.worker_id in manager.secrets


def test_a_worker_that_is_forgotten_while_awake(manager: ScriptedManager, tmp_path: Path) -> None:
    """A manager that lost its database gets its workers back."""
    with Running(manager, tmp_path):
        manager.wait_for(lambda: manager.statuses[-1:] == ["awake"])
        manager.secrets.clear()
        manager.wait_for(lambda: len(manager.registrations) == 2 and manager.statuses[-1] == "awake")


@pytest.mark.parametrize("content", ["", "worker_id: me\n", "worker_id: ''\nworker_secret: ''\n", "a: [", "- 1\n"])
def test_credentials_that_make_no_sense(tmp_path: Path, content: str) -> None:
    """A file that does not say who we are counts as none."""
    file = tmp_path / credentials.FILE_NAME
    file.write_text(content)
    assert credentials.load(file) is None


def test_credentials_of_an_existing_worker(tmp_path: Path) -> None:
    """The file that Flamenco's own worker has written is understood."""
    file = tmp_path / credentials.FILE_NAME
    file.write_text("# made by another program\n\nworker_id: some-id\nworker_secret: some-secret\n")
    file.chmod(0o600)  # as that one does
    assert credentials.load(file) == Credentials("some-id", "some-secret")


def test_credentials_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    """What is in the way stops the start with a sentence, rather than making ever new workers."""
    (tmp_path / credentials.FILE_NAME).mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        credentials.load(tmp_path / credentials.FILE_NAME)
    with pytest.raises(ConfigError, match="cannot be written"):
        credentials.save(tmp_path / "no" / "file", Credentials("a", "b"))


def test_credentials_are_never_readable_for_others(tmp_path: Path) -> None:
    """Files that were there before, with other modes, do not make the secret public."""
    file = tmp_path / credentials.FILE_NAME
    for old in (file, file.with_name(f"{file.name}~")):
        old.write_text("old")
        old.chmod(0o666)
    credentials.save(file, Credentials("a", "b"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


# -- states -----------------------------------------------------------------------------------------------------------


def test_asleep_and_awake_again(manager: ScriptedManager, tmp_path: Path) -> None:
    """An idle worker falls asleep when asked for a task, and asleep it looks whether to wake up."""
    with Running(manager, tmp_path):
        manager.wait_for(lambda: manager.asked("POST", "/worker/task"))
        manager.requested = "asleep"
        manager.wait_for(lambda: manager.statuses[-1] == "asleep" and manager.asked("GET", "/worker/state"))
        tasks_asked_for = manager.asked("POST", "/worker/task")
        manager.wait_for(lambda: manager.asked("GET", "/worker/state") >= 3)
        assert manager.asked("POST", "/worker/task") == tasks_asked_for
        manager.requested = "awake"
        manager.wait_for(lambda: manager.asked("POST", "/worker/task") > tasks_asked_for)
    assert manager.statuses == ["starting", "awake", "asleep", "awake", "offline"]


def test_a_worker_that_starts_asleep(manager: ScriptedManager, tmp_path: Path) -> None:
    """The status that the answer to the sign-on says is the first."""
    manager.requested = "asleep"
    with Running(manager, tmp_path):
        manager.wait_for(lambda: manager.asked("GET", "/worker/state"))
    assert manager.statuses == ["starting", "asleep", "offline"]
    assert manager.asked("POST", "/worker/task") == 0


@pytest.mark.parametrize("status", ["error", "testing", "starting"])
def test_statuses_without_a_meaning(manager: ScriptedManager, tmp_path: Path, status: str) -> None:
    """A status that a worker knows nothing about is slept in."""
    manager.requested = status
    with Running(manager, tmp_path):
        manager.wait_for(lambda: manager.asked("GET", "/worker/state") > 1)
    assert manager.statuses[1] == status


@pytest.mark.parametrize("where", ["awake", "asleep", "sign-on"])
@pytest.mark.parametrize(("status", "code"), [("offline", 0), ("restart", 47)])
def test_sent_home(manager: ScriptedManager, tmp_path: Path, where: str, status: str, code: int) -> None:
    """A worker goes home or to be restarted when asked to, in any state; signing off is all it says."""
    manager.requested = {"asleep": "asleep", "sign-on": status}.get(where)
    with Running(manager, tmp_path, restart_exit_code=47) as running:
        if where != "sign-on":
            manager.wait_for(lambda: manager.statuses[-1:] == [where])
            manager.requested = status
        running.wait()
    assert running.exit_code == code
    assert manager.sign_ons[0]["can_restart"]
    assert manager.statuses == ["starting", *([] if where == "sign-on" else [where]), "offline"]


@pytest.mark.parametrize("status", ["asleep", "offline", "restart"])
def test_a_request_that_has_time(manager: ScriptedManager, tmp_path: Path, status: str) -> None:
    """A worker whose task may go on finishes it, and only then does what it is asked to; no task is begun meanwhile."""
    task = manager.add_task(("sleep", {"duration_in_seconds": 1}))
    following = manager.add_task(("echo", {"message": "not now"}))
    with Running(manager, tmp_path, restart_exit_code=47) as running:
        manager.wait_for(lambda: manager.statuses_of(task) == ["active"])
        manager.requested = status
        if status == "asleep":
            manager.wait_for(lambda: manager.statuses[-1] == "asleep")
        else:
            running.wait()
    assert manager.statuses_of(task) == ["active", "completed"]
    assert manager.asked("GET", f"/worker/task/{task}/may-i-run")
    assert manager.updates_of(following) == []
    assert running.exit_code == {"asleep": 1, "offline": 0, "restart": 47}[status]


@pytest.mark.parametrize("status", ["asleep", "offline", "restart"])
def test_a_request_that_has_none(manager: ScriptedManager, tmp_path: Path, status: str) -> None:
    """A worker that may not go on with its task drops it, and does what it is asked to."""
    task = manager.add_task(("sleep", {"duration_in_seconds": 600}))
    with Running(manager, tmp_path, restart_exit_code=47) as running:
        manager.wait_for(lambda: manager.statuses_of(task) == ["active"])
        manager.requested = status
        manager.withdraw(task, "worker status change requested")
        if status == "asleep":
            manager.wait_for(lambda: manager.statuses[-1] == "asleep")
        else:
            running.wait()
    assert manager.statuses_of(task) == ["active"]
    assert running.exit_code == {"asleep": 1, "offline": 0, "restart": 47}[status]


def test_a_worker_that_was_taken_for_dead(manager: ScriptedManager, tmp_path: Path) -> None:
    """When the manager says that the worker is not awake, the worker says that it is, and gets tasks again."""
    with Running(manager, tmp_path):
        manager.wait_for(lambda: manager.asked("POST", "/worker/task"))
        manager.statuses.append("error")
        task = manager.add_task(("echo", {"message": "still here"}))
        manager.wait_until_finished(task)
    assert manager.statuses == ["starting", "awake", "error", "awake", "offline"]


@pytest.mark.parametrize("path", ["/worker/state-changed", "/worker/task"])
@pytest.mark.parametrize("answer", [Answer(500), Answer(503, headers={"Retry-After": "0"}), Answer(200, ["?"])])
def test_trouble_while_awake(manager: ScriptedManager, tmp_path: Path, path: str, answer: Answer) -> None:
    """Whatever the manager answers, the worker asks again."""
    manager.answer_once("POST", path, answer)
    task = manager.add_task(("echo", {"message": "x"}))
    with Running(manager, tmp_path):
        manager.wait_until_finished(task)
    assert manager.statuses_of(task) == ["active", "completed"]


def test_trouble_while_asleep(manager: ScriptedManager, tmp_path: Path) -> None:
    """A sleeping worker says again that it is asleep when the manager may have forgotten."""
    manager.requested = "asleep"
    manager.answer_once("GET", "/worker/state", Answer(500))
    with Running(manager, tmp_path):
        manager.wait_for(lambda: manager.asked("GET", "/worker/state") >= 3)
    assert manager.statuses == ["starting", "asleep", "asleep", "offline"]


def test_signing_off_is_not_waited_for(manager: ScriptedManager, tmp_path: Path) -> None:
    """A worker ends also when the manager is gone by then."""
    with Running(manager, tmp_path) as running:
        manager.wait_for(lambda: manager.statuses[-1:] == ["awake"])
        manager.switch_off()
    assert running.exit_code == 1


def test_two_workers_in_one_folder(manager: ScriptedManager, tmp_path: Path) -> None:
    """The second worker in a folder does not start, and says what to do."""
    with Running(manager, tmp_path):
        manager.wait_for(lambda: manager.statuses[-1:] == ["awake"])
        second = Running(manager, tmp_path)
        with pytest.raises(ConfigError, match="Another worker is using"), second:
            pass


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_credentials_that_others_can_read(tmp_path: Path, mode: int) -> None:
    """They are refused with the command that mends that: tasks may run as somebody else."""
    file = tmp_path / credentials.FILE_NAME
    credentials.save(file, Credentials("me", "secret"))
    file.chmod(mode)
    with pytest.raises(ConfigError, match=f"chmod 600 '{file}'"):
        credentials.load(file)
    file.chmod(0o600)
    assert credentials.load(file) == Credentials("me", "secret")
