"""How many connections a process has, and which of them make room for others."""

from __future__ import annotations

import subprocess
import sys

import pytest
import structlog.testing
from msgspec import Struct

from flamenco.server.connections import Connections
from tests import length


class Connection(Struct, eq=False):
    """As much of one as counts here."""

    name: str
    address: str
    timeout: float = 0.0


class Process:
    """As much of one: it takes connections, and closes them."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self.connections: Connections[Connection] = Connections(most, most_of_one)
        self.closed: list[str] = []

    def connect(self, name: str, address: str, *, is_idle: bool | None = False) -> bool:
        """Somebody connects, and is waited for, unless `is_idle` is None."""
        if not self.connections.admit(address, self.close):
            return False
        if is_idle is not None:
            self.connections.wait(Connection(name, address), is_idle=is_idle)
        return True

    def close(self, connection: Connection) -> None:
        """Close one."""
        assert self.connections.stop_waiting(connection)
        self.connections.closed(connection)
        self.closed.append(connection.name)


def test_the_slowest_make_room() -> None:
    """First those that have begun a request, longest ago first, then those that only might."""
    process = Process(3, 0)
    for name, is_idle in (("idle", True), ("slow", False), ("slower", False), ("next", True), ("a", False)):
        assert process.connect(name, "10.0.0.1", is_idle=is_idle)
    assert process.closed == ["slow", "slower"]
    for name in ("b", "c", "d"):
        assert process.connect(name, "10.0.0.1", is_idle=True)
    assert process.closed == ["slow", "slower", "a", "idle", "next"]


def test_a_request_that_goes_on_is_no_younger() -> None:
    """Who sends byte after byte is waited for since the first."""
    process = Process(2, 0)
    drip = Connection("drip", "10.0.0.1")
    assert process.connections.admit(drip.address, process.close)
    process.connections.wait(drip, is_idle=False)
    process.connect("later", "10.0.0.1")
    process.connections.wait(drip, is_idle=False)
    process.connect("last", "10.0.0.1")
    assert process.closed == ["drip"]


def test_an_address_pushes_out_its_own() -> None:
    """Who has as many as an address may have gets no more of those that others have."""
    process = Process(100, 2)
    for number in range(5):
        assert process.connect(f"b{number}", "10.0.0.2")
        assert process.connect(f"a{number}", "10.0.0.1")
    assert process.closed == ["b0", "a0", "b1", "a1", "b2", "a2"]


def test_requests_that_are_answered_are_never_given_up() -> None:
    """Then there is no room for another connection until one of them is done."""
    process = Process(2, 0)
    assert process.connect("a", "10.0.0.1", is_idle=None)
    assert process.connect("b", "10.0.0.1", is_idle=None)
    assert not process.connect("c", "10.0.0.1")
    process.connections.closed(Connection("a", "10.0.0.1"))
    assert process.connect("d", "10.0.0.1")


@pytest.mark.parametrize(("limits", "setting"), [((3, 0), "connections"), ((9, 3), "connections_per_address")])
def test_the_log_says_it_once(limits: tuple[int, int], setting: str) -> None:
    """It names the setting, and not every connection."""
    process = Process(*limits)
    with structlog.testing.capture_logs() as logged:
        for number in range(50):
            process.connect(str(number), "10.0.0.1")
    (line,) = logged
    assert line["event"].endswith(f"raise the setting {setting}")


def test_who_has_had_its_time() -> None:
    """Those are found, idle or not."""
    connections: Connections[Connection] = Connections(10, 0)
    made = [Connection("a", "x", 5.0), Connection("b", "x", 7.0), Connection("c", "x", 6.0)]
    for connection, is_idle in zip(made, (False, False, True), strict=True):
        connections.wait(connection, is_idle=is_idle)
    assert [each.name for each in connections.overdue(6.0)] == ["a", "c"]


ASK = """
import resource
from flamenco.server.connections import allowed
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
print(allowed(1000), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("soft", "hard", "connections", "files"),
    length.every(3, [(256, 4096, 1000, 1512), (2000, 4096, 1000, 2000), (256, 1024, 512, 1024), (256, 800, 400, 800)]),
)
def test_the_system_is_asked_for_room(soft: int, hard: int, connections: int, files: int) -> None:
    """A process may have as many files open as it has connections and more; else it has fewer connections."""
    asked = [sys.executable, "-c", ASK.format(soft=soft, hard=hard)]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[-1] == f"{connections} {files}"
