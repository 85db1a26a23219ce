"""Real managers for tests: processes, sockets and files as a user has them."""

from __future__ import annotations

import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.conftest import empty_database

START_TIMEOUT_S = 30.0
"""A manager starts within a second or two; a machine that runs many tests at once gets more."""

STOP_TIMEOUT_S = 10.0

POLL_S = 0.05
LOG_SHOWN = 20_000
"""So many characters of a manager's log are shown with a test that failed."""

ECHO_JOB_TYPE = """
const JOB_TYPE = {
    label: "Echo",
    settings: [
        { key: "message", type: "string", required: true },
        { key: "count", type: "int32", default: 1 },
    ],
};

function compileJob(job) {
    for (let number = 1; number <= (job.settings.count ?? 1); number++) {
        const task = author.Task(`echo-${number}`, "misc");
        task.addCommand(author.Command("echo", { message: job.settings.message }));
        job.addTask(task);
    }
}
"""
"""A job type that any worker can run: `count` tasks that echo `message`."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """All tests of this folder have the mark that `-m "not acceptance"` leaves out."""
    item.add_marker(pytest.mark.acceptance)


on_both = pytest.mark.parametrize("web_server", ["gunicorn", "cheroot"], indirect=True)
"""For tests that share a manager with others: what must hold whatever serves it."""

on_both_long = pytest.mark.parametrize(
    "web_server", ["gunicorn", pytest.param("cheroot", marks=pytest.mark.long)], indirect=True
)
"""For tests that start a manager of their own."""


@pytest.fixture(scope="module")
def web_server(request: pytest.FixtureRequest) -> str:
    """The setting `server` of a test's managers."""
    return getattr(request, "param", "gunicorn")


class Manager:
    """A running manager: where it can be reached, where its files are, and the means to end it."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, data_dir: Path, log: Path) -> None:
        self.process = process
        self.url = url
        self.data_dir = data_dir
        self._log = log

    @property
    def log(self) -> str:
        """Everything it said so far, on stdout and stderr."""
        return self._log.read_text()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop; returns its exit code. Fails when it leaves a process behind."""
        self.process.send_signal(number)
        code = self.process.wait(STOP_TIMEOUT_S)
        assert wait_until(lambda: not is_alive(self.process.pid)), "the manager left processes behind"
        return code

    def kill(self) -> None:
        """End the main process as a crash does, and only that."""
        self.process.kill()
        self.process.wait(STOP_TIMEOUT_S)


def is_alive(group: int) -> bool:
    """Whether any process of that process group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition: Callable[[], bool], timeout_s: float = STOP_TIMEOUT_S) -> bool:
    """Ask again and again whether `condition` holds; False when it does not within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    never = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            return False
        never.wait(POLL_S)
    return True


def launch(
    data_dir: Path, log: Path, *arguments: str, listen: str = "127.0.0.1:0", environ: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start `flamenco manager` in a process group of its own, which is what tells its processes from all others."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FLAMENCO_")}
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "flamenco", "manager", "--data-dir", data_dir, "--listen", listen, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            env={**inherited, **(environ or {})},
            start_new_session=True,
        )


def await_manager(
    process: subprocess.Popen[bytes],
    data_dir: Path,
    log: Path,
    earlier: int = 0,
    *,
    verify: ssl.SSLContext | bool = True,
) -> Manager:
    """Wait until a manager that was launched answers. Fails with its log when it ends, or takes too long.

    `earlier`: how many managers said in the same log before that they listen; `verify`: who vouches for it, over TLS.
    """
    said = re.compile(r"^listening on (https?://\S+)$", re.MULTILINE)
    found: list[str] = []

    def answers() -> bool:
        assert process.poll() is None, f"the manager ended with {process.returncode}:\n{log.read_text()}"
        urls = said.findall(log.read_text())
        if len(urls) <= earlier:
            return False
        found[:] = urls[-1:]
        return httpx.get(f"{found[0]}/api/version", timeout=START_TIMEOUT_S, verify=verify).status_code == 200

    assert wait_until(answers, START_TIMEOUT_S), f"the manager did not start:\n{log.read_text()}"
    return Manager(process, found[0], data_dir, log)


@contextmanager
def running_manager(
    folder: Path,
    *arguments: str,
    listen: str = "127.0.0.1:0",
    environ: Mapping[str, str] | None = None,
    verify: ssl.SSLContext | bool = True,
) -> Iterator[Manager]:
    """A manager with its data below `folder`; starting one there again finds what the last one left.

    Afterwards it is stopped, unless it has been, and no process of it may be left.
    """
    data_dir, log = folder / "data", folder / "manager.log"
    (data_dir / "jobtypes").mkdir(parents=True, exist_ok=True)
    (data_dir / "jobtypes" / "echo.js").write_text(ECHO_JOB_TYPE)
    if not (database := data_dir / "flamenco-manager.sqlite").exists():
        database.write_bytes(empty_database())
    log.touch()
    earlier = log.read_text().count("listening on")
    process = launch(data_dir, log, *arguments, listen=listen, environ=environ)
    try:
        manager = await_manager(process, data_dir, log, earlier, verify=verify)
        yield manager
        if process.poll() is None:
            assert manager.stop() == 0, manager.log
    finally:
        if is_alive(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_TIMEOUT_S)
        sys.stderr.write(log.read_text()[-LOG_SHOWN:])  # seen where a test fails


@pytest.fixture
def manager(tmp_path: Path, web_server: str) -> Iterator[Manager]:
    """A manager of two processes, or cheroot's one, on a free port, with a database of its own."""
    with running_manager(tmp_path, "--processes", "2", "--set", f"server={web_server}") as running:
        yield running


@pytest.fixture(scope="module")
def shared_manager(tmp_path_factory: pytest.TempPathFactory, web_server: str) -> Iterator[Manager]:
    """The same, for all tests of a module that do not mind what the others leave in it."""
    arguments = ("--processes", "2", "--set", f"server={web_server}")
    with running_manager(tmp_path_factory.mktemp("manager"), *arguments) as running:
        yield running
