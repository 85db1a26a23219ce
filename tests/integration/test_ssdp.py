"""Searching and being found over real sockets, on this machine and at a port that nobody else uses."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from ipaddress import IPv4Address

import pytest
from structlog.testing import capture_logs

from flamenco.discovery import messages, networks
from flamenco.discovery.advertising import Advertising
from flamenco.discovery.own_urls import Interface
from flamenco.discovery.responder import Responder
from flamenco.discovery.search import ManagerSearch
from flamenco.domain.errors import FarmError

PATIENCE_S = 20.0
HERE = IPv4Address("127.0.0.1")
LOOPBACK = [Interface("lo", (HERE,))]
URL = "http://127.0.0.1:8080/"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def hurried() -> float:
    """A clock on which a second is over in a twentieth of one."""
    return time.monotonic() * 20


@pytest.fixture
def port() -> int:
    """A UDP port that is free."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


@contextmanager
def answering(port: int, clock: Callable[[], float] = hurried) -> Iterator[None]:
    """A manager's end that listens for questions at `port`."""
    stopping = threading.Event()
    with networks.open_listener(port) as listener:
        responder = Responder(listener, "127.0.0.1", 8080, read_interfaces=lambda: LOOPBACK, clock=clock)
        responder.refresh()  # the first question is heard, too
        thread = threading.Thread(target=responder.run, args=(stopping,))
        thread.start()
        yield
        stopping.set()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def accept(_: str) -> None:
    """Find every URL usable."""


def search(port: int, check: Callable[[str], None] = accept) -> ManagerSearch:
    """A worker's end."""
    return ManagerSearch(check, port=port, read_interfaces=lambda: LOOPBACK)


def test_a_worker_finds_a_manager(port: int) -> None:
    """A search ends with the URL of the manager that answers."""
    with answering(port):
        assert search(port).run(limit_s=PATIENCE_S) == URL


def test_a_manager_that_starts_later(port: int) -> None:
    """The question is asked again and again, until somebody is there to answer it."""
    found: list[str | None] = []
    thread = threading.Thread(target=lambda: found.append(search(port).run(limit_s=PATIENCE_S)))
    with networks.open_listener(port) as nobody:
        networks.join(nobody, HERE)
        nobody.settimeout(PATIENCE_S)
        thread.start()
        for _ in range(2):
            assert nobody.recv(4096) == messages.search_message(port)
    with answering(port):
        thread.join(PATIENCE_S)
    assert found == [URL]


def test_a_url_that_cannot_be_used(port: int) -> None:
    """A manager that does not answer over HTTP is told of once, and tried again until it does."""
    tries = []

    def check(url: str) -> None:
        tries.append(url)
        if len(tries) < 3:
            raise FarmError("nobody there")

    searching = ManagerSearch(check, port=port, read_interfaces=lambda: LOOPBACK, clock=hurried)
    with capture_logs() as events, answering(port):
        assert searching.run(limit_s=20 * PATIENCE_S) == URL
    assert tries == [URL] * 3
    unusable = [event for event in events if event["event"] == "a manager answered, and cannot be used"]
    assert [(event["log_level"], event["url"], event["reason"]) for event in unusable] == [
        ("warning", URL, "nobody there")
    ]


def test_one_url_of_several_is_enough(port: int) -> None:
    """While one URL leads nowhere, and takes its time to say so, another one is found usable."""
    never = threading.Event()

    def check(url: str) -> None:
        if "127.0.0.1" in url:
            never.wait(PATIENCE_S)

    searching = search(port, check)
    with networks.open_listener(port) as listener:
        networks.join(listener, HERE)
        found: list[str | None] = []
        thread = threading.Thread(target=lambda: found.append(searching.run(limit_s=PATIENCE_S)))
        thread.start()
        listener.settimeout(PATIENCE_S)
        _, source = listener.recvfrom(4096)
        for url in (URL, "http://farm:8080/"):
            listener.sendto(messages.answer_message(messages.SERVICE_TYPE, url, NOW), source)
        thread.join(PATIENCE_S)
    never.set()
    assert found == ["http://farm:8080/"]


def test_a_search_can_be_stopped(port: int) -> None:
    """Nobody has to wait for a search that finds nothing."""
    assert search(port).run(limit_s=0.2) is None
    assert search(port).run(lambda: True) is None


def test_a_search_says_how_it_goes(port: int) -> None:
    """After ten seconds without an answer the log says what to do, and then more and more rarely."""
    searching = ManagerSearch(accept, port=port, read_interfaces=lambda: LOOPBACK, clock=hurried)
    with capture_logs() as events:
        assert searching.run(limit_s=35.0) is None
    progress = [event for event in events if "still searching" in event["event"]]
    assert [event["log_level"] for event in progress] == ["info", "info"]
    assert "--manager URL" in progress[0]["event"]


def test_a_machine_without_a_network(port: int) -> None:
    """Where there is nobody to ask the log says so, once, and the search goes on."""
    searching = ManagerSearch(accept, port=port, read_interfaces=list, clock=hurried)
    with capture_logs() as events:
        assert searching.run(limit_s=5.0) is None
    assert [event["event"] for event in events] == ["there is no network to search for a manager on"]


@pytest.mark.long
def test_a_flood(port: int) -> None:
    """Garbage, and more questions than can be answered, keep nobody from being answered afterwards."""
    chance = random.Random(1)  # noqa: S311 (no secret)
    with answering(port), closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
        for number in range(3000):
            garbage = chance.randbytes(chance.randrange(1, 2000))
            sender.sendto(garbage if number % 2 else messages.search_message(port), ("127.0.0.1", port))
        assert search(port).run(limit_s=PATIENCE_S) == URL


def test_announcements(port: int) -> None:
    """A manager that starts tells everybody, twice, and once an hour from then on."""
    with networks.open_listener(port) as listener:
        networks.join(listener, HERE)
        listener.settimeout(PATIENCE_S)
        with answering(port, clock=lambda: time.monotonic() * 7200):
            for _ in range(4):
                assert listener.recv(4096) == messages.alive_message(URL, port)


def test_a_port_that_another_program_has_to_itself(port: int) -> None:
    """A manager that cannot answer says once what to do about it, and is a manager nevertheless."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as greedy, capture_logs() as events:
        greedy.bind(("", port))
        advertising = Advertising("127.0.0.1", 8080, port)
        advertising.start()
        deadline, waiting = time.monotonic() + PATIENCE_S, threading.Event()
        while not events and time.monotonic() < deadline:
            waiting.wait(0.01)
        advertising.stop(PATIENCE_S)
    (event,) = events
    assert event["log_level"] == "warning"
    assert f"UDP port {port} cannot be used; start them with --manager URL" in event["event"]


def test_an_interface_that_cannot_be_joined(port: int) -> None:
    """An address that is not there any more is told of once; the other ones are listened on."""
    gone = Interface("gone", (IPv4Address("203.0.113.77"),))
    with networks.open_listener(port) as listener, capture_logs() as events:
        responder = Responder(listener, "203.0.113.77", 8080, read_interfaces=lambda: [*LOOPBACK, gone])
        responder.refresh()
        responder.refresh()
    assert [event["event"] for event in events] == [
        "workers can find this manager",
        "workers on one network cannot find this manager",
    ]
    assert events[1]["address"] == "203.0.113.77"
