"""A worker that was told of no manager finds one over the network: two machines, each a network namespace, and a cable.

Where no namespaces can be made, which takes root, both are this machine.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from flamenco.discovery import messages
from tests.acceptance.conftest import START_TIMEOUT_S, STOP_TIMEOUT_S, is_alive, wait_until

MANAGER_ADDRESS = "10.77.0.1"
WORKER_ADDRESS = "10.77.0.2"
SEARCH = """
from flamenco.discovery.search import ManagerSearch
print(ManagerSearch(lambda url: None).run(limit_s=4))
"""
"""Longer than a manager may take with its answer to the first question."""

GREEDY = """
import socket, sys
greedy = socket.socket(type=socket.SOCK_DGRAM)
greedy.bind(("", 1900))
print(flush=True)
sys.stdin.read()
"""

STATUS = """
import sys, urllib.request, urllib.error
try:
    print(urllib.request.urlopen(sys.argv[1]).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""


class Machine:
    """Where programs run: `prefix` comes before their command line. A manager there listens on `listen`."""

    def __init__(self, prefix: tuple[str, ...], listen: str) -> None:
        self.prefix = prefix
        self.listen = listen

    def run(self, *arguments: str) -> str:
        """Run Python there, and give what it prints."""
        command = [*self.prefix, sys.executable, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=clean_environment()).stdout


class Program:
    """A program of ours that runs, and what it has said so far."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def log(self) -> str:
        """Everything it said, on stdout and stderr."""
        return self._log.read_text()

    def wait_for(self, pattern: str) -> str:
        """Wait until it has said something that matches; gives the pattern's first group."""

        def is_said() -> bool:
            assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.log}"
            return re.search(pattern, self.log) is not None

        assert wait_until(is_said, START_TIMEOUT_S), f"not said: {pattern}\n{self.log}"
        match = re.search(pattern, self.log)
        assert match
        return match[1] if match.re.groups else ""

    def answering_processes(self) -> set[int]:
        """Those of its processes that hear the questions of workers."""
        family = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        return {process.pid for process in family if hears_questions(process.pid)}


Start = Callable[..., Program]
StartManager = Callable[..., tuple[Program, str]]
Machines = tuple[Machine, Machine]


def hears_questions(pid: int) -> bool:
    """Whether the process has a socket at the port of SSDP. Its own files tell, in whichever namespace it lives."""
    try:
        table = Path(f"/proc/{pid}/net/udp").read_text().splitlines()[1:]
        opened = {link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir()}
    except FileNotFoundError:  # it just ended
        return False
    sockets = {f"socket:[{line.split()[9]}]" for line in table if line.split()[1].endswith(f":{messages.PORT:04X}")}
    return bool(sockets & opened)


def clean_environment() -> dict[str, str]:
    """This environment, without what would be settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("FLAMENCO_")}


def ip(*arguments: str) -> None:
    """Change the network; `CalledProcessError` or `FileNotFoundError` where that is not possible."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def connect(one: str, other: str) -> None:
    """Make two network namespaces that are joined by a cable."""
    for namespace in (one, other):
        ip("netns", "add", namespace)
        ip("-n", namespace, "link", "set", "lo", "up")
    ip("-n", one, "link", "add", "farm0", "type", "veth", "peer", "name", "farm0", "netns", other)
    for namespace, address in ((one, MANAGER_ADDRESS), (other, WORKER_ADDRESS)):
        ip("-n", namespace, "address", "add", f"{address}/24", "dev", "farm0")
        ip("-n", namespace, "link", "set", "farm0", "up")


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    """One for the manager and one for the worker."""
    names = [f"flamenco-{os.getpid()}-{name}" for name in ("manager", "worker")]
    here = Machine((), "127.0.0.1:0")
    try:
        connect(*names)
        manager, worker = (Machine(("ip", "netns", "exec", name), "0.0.0.0:0") for name in names)
        manager.run("-c", "")
    except (OSError, subprocess.CalledProcessError):
        manager, worker = here, here
        for name in names:
            with suppress(OSError, subprocess.CalledProcessError):
                ip("netns", "delete", name)
    yield manager, worker
    if manager is not here:
        for name in names:
            ip("netns", "delete", name)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts programs of ours on a machine; none of them is left after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def launch(machine: Machine, *arguments: str) -> Program:
        log = tmp_path / f"{len(started)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*machine.prefix, sys.executable, "-m", "flamenco", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=tmp_path,
                env=clean_environment() | {"FLAMENCO_HOME": str(tmp_path / "home")},
                start_new_session=True,
            )
        started.append(process)
        return Program(process, log)

    yield launch
    for process in started:
        if is_alive(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_TIMEOUT_S)


@pytest.fixture
def start_manager(start: Start, machines: Machines, tmp_path: Path) -> StartManager:
    """Starts a manager; gives it, and the URL under which the worker's machine reaches it."""

    def launch(*arguments: str) -> tuple[Program, str]:
        folder = str(tmp_path / "manager")
        manager = start(machines[0], "manager", "--data-dir", folder, "--listen", machines[0].listen, *arguments)
        url = manager.wait_for(r"listening on (http://\S+)")
        return manager, url.replace("0.0.0.0", MANAGER_ADDRESS)  # noqa: S104

    return launch


def test_a_worker_finds_its_manager(start: Start, start_manager: StartManager, machines: Machines) -> None:
    """A worker on another machine, without a word about a manager, registers there and goes to work."""
    manager, url = start_manager("--processes", "2")
    worker = start(machines[1], "worker", "--name", "seeker", "--poll-start", "10ms")
    found = worker.wait_for(r"found a manager.* manager=(\S+)")
    assert found == f"{url}/"
    worker.wait_for("status reported.* status=awake")
    (listed,) = json.loads(machines[1].run("-m", "flamenco", "workers", "--manager", found, "--json"))
    assert (listed["name"], listed["status"]) == ("seeker", "awake")
    assert len(manager.answering_processes()) == 1
    assert machines[1].run("-c", STATUS, f"{url}{messages.DESCRIPTION_PATH}") == "200\n"
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(STOP_TIMEOUT_S) == 1, worker.log


@pytest.mark.long
def test_a_worker_that_is_started_first(start: Start, start_manager: StartManager, machines: Machines) -> None:
    """A worker searches until there is a manager."""
    worker = start(machines[1], "worker", "--name", "early")
    worker.wait_for("searching the network for one")
    start_manager()
    worker.wait_for("signed on")


def test_a_search_that_is_stopped(start: Start, machines: Machines) -> None:
    """A worker that found nothing yet ends on a signal, as any other, without a traceback."""
    for number in (signal.SIGINT, signal.SIGTERM):
        worker = start(machines[1], "worker")
        worker.wait_for("searching the network for one")
        worker.process.send_signal(number)
        assert worker.process.wait(STOP_TIMEOUT_S) == 1, worker.log
        assert number.name in worker.log
        assert "Traceback" not in worker.log


@pytest.mark.long
def test_only_the_url(start_manager: StartManager, machines: Machines) -> None:
    """`--find-manager` prints where the manager is, and nothing else on stdout."""
    _, url = start_manager()
    assert machines[1].run("-m", "flamenco", "worker", "--find-manager") == f"{url}/\n"


@pytest.mark.long
def test_switched_off(start_manager: StartManager, machines: Machines) -> None:
    """A manager that is not to be found listens to no questions, gives no answer, and has no description."""
    manager, url = start_manager("--set", "autodiscoverable=false")
    assert machines[1].run("-c", STATUS, f"{url}/api/version") == "200\n"
    assert machines[1].run("-c", STATUS, f"{url}{messages.DESCRIPTION_PATH}") == "404\n"
    assert url not in machines[1].run("-c", SEARCH)
    assert manager.answering_processes() == set()


@pytest.mark.long
def test_another_process_takes_over(start_manager: StartManager, machines: Machines) -> None:
    """When the process that answers workers dies, another one of the manager answers them from then on."""
    manager, url = start_manager("--processes", "2")
    assert wait_until(lambda: len(manager.answering_processes()) == 1)
    (first,) = manager.answering_processes()
    os.kill(first, signal.SIGKILL)
    assert wait_until(lambda: bool(manager.answering_processes() - {first}))
    assert machines[1].run("-c", SEARCH).splitlines()[-1] == f"{url}/"


def test_the_port_is_taken(start_manager: StartManager, machines: Machines) -> None:
    """A manager that cannot have the port starts all the same, and says what to do."""
    with subprocess.Popen(
        [*machines[0].prefix, sys.executable, "-c", GREEDY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdin
        assert other.stdout
        other.stdout.readline()
        manager, url = start_manager()
        manager.wait_for("UDP port 1900 cannot be used; start them with --manager URL")
        assert machines[1].run("-c", STATUS, f"{url}/api/version") == "200\n"
        other.stdin.close()


def test_the_setting_can_be_changed(start: Start, machines: Machines, tmp_path: Path) -> None:
    """A manager that is running begins to answer workers, and ends it, when it reads its configuration anew."""
    config = tmp_path / "flamenco-manager.yaml"
    config.write_text("autodiscoverable: false\n")
    manager = start(machines[0], "manager", "--data-dir", str(tmp_path / "manager"), "--listen", machines[0].listen)
    manager.wait_for("listening on")
    assert manager.answering_processes() == set()
    config.write_text("autodiscoverable: true\n")
    manager.process.send_signal(signal.SIGHUP)
    assert wait_until(lambda: len(manager.answering_processes()) == 1, START_TIMEOUT_S), manager.log
    config.write_text("autodiscoverable: false\n")
    manager.process.send_signal(signal.SIGHUP)
    assert wait_until(lambda: not manager.answering_processes(), START_TIMEOUT_S), manager.log
