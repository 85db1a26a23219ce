"""Threads that wait for clients: how long, how many at once, and what others have of it."""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from flamenco.server import clients
from flamenco.server.arriving import LEAST_RATE
from flamenco.server.clients import Client, Places
from flamenco.server.requests import RequestSlots, impatient

PATIENCE_S = 0.3


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests need not last as long as clients may."""
    monkeypatch.setattr(clients, "PATIENCE_S", PATIENCE_S)


@pytest.fixture
def connect() -> Iterator[Callable[[Places], tuple[Client, socket.socket]]]:
    """Makes connections: our end, and that of the client."""
    made: list[socket.socket] = []

    def make(places: Places) -> tuple[Client, socket.socket]:
        ours, theirs = socket.socketpair()
        client = Client(ours, places)
        made.extend((client, theirs))
        return client, theirs

    yield make
    for each in made:
        each.close()


Connect = Callable[[Places], tuple[Client, socket.socket]]


def test_what_comes_is_read(connect: Connect) -> None:
    """Also what comes only after a wait; the end is the end."""
    client, theirs = connect(Places(1))
    with ThreadPoolExecutor() as pool:
        reading = pool.submit(client.recv, 10)
        theirs.sendall(b"hello")
        assert reading.result() == b"hello"
    theirs.close()
    assert client.recv(10) == b""


def test_a_client_that_drips_is_given_up(connect: Connect) -> None:
    """Each byte is quick, and all of them are too slow."""
    client, theirs = connect(Places(1))
    over = threading.Event()

    def drip() -> None:
        while not over.wait(PATIENCE_S / 10):
            theirs.sendall(b"x")

    with ThreadPoolExecutor() as pool:
        dripping = pool.submit(drip)
        with pytest.raises(TimeoutError):
            deque(iter(partial(client.recv, 10), b""))
        over.set()
        dripping.result()


def test_who_has_sent_much_may_pause(connect: Connect) -> None:
    """Its average is good; but a pause has an end as well."""
    client, theirs = connect(Places(1))
    client.settimeout(30)
    theirs.sendall(b"x" * 10 * LEAST_RATE)
    assert len(client.recv(1 << 20)) == 10 * LEAST_RATE
    late = threading.Timer(3 * PATIENCE_S, theirs.sendall, [b"late"])
    late.start()
    assert client.recv(10) == b"late"
    late.join()
    client.settimeout(0.05)
    with pytest.raises(TimeoutError):
        client.recv(10)


def test_an_answer_that_nobody_reads(connect: Connect) -> None:
    """It is given up once the client's time is over."""
    client, _ = connect(Places(1))
    client.expect(PATIENCE_S)
    with pytest.raises(TimeoutError):
        client.sendall(bytes(1 << 24))


def test_an_answer_is_sent_whole(connect: Connect) -> None:
    """However slowly it is read, as long as it goes on."""
    client, theirs = connect(Places(1))
    answer = bytes(range(256)) * (1 << 14)

    def read() -> bytes:
        received = b""
        while len(received) < len(answer):
            received += theirs.recv(1 << 16)
        return received

    with ThreadPoolExecutor() as pool:
        reading = pool.submit(read)
        client.sendall(answer)
        assert reading.result() == answer


def test_the_one_that_is_waited_for_longest_makes_room(connect: Connect) -> None:
    """When there are no places left; others keep theirs."""
    places = Places(2)
    (first, _), (second, theirs), (third, _) = (connect(places) for _ in range(3))
    with ThreadPoolExecutor() as pool:
        reading = pool.submit(first.recv, 10)
        while first not in places._taken:
            pass
        while not reading.done():
            with places.one(second), places.one(third):
                pass
        with pytest.raises(ConnectionResetError):
            reading.result()
        theirs.sendall(b"here")
        assert second.recv(10) == b"here"


@pytest.mark.parametrize("beginning", [b"", b"a"], ids=["as it says", "without a word"])
def test_a_request_that_waits_for_its_client_keeps_no_slot(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, beginning: bytes
) -> None:
    """With one slot, others are answered while a body is on its way; and it is one slot again afterwards."""
    monkeypatch.setattr(clients, "PATIENCE_S", 30.0)
    places = Places(2)
    (slow, slow_end), (quick, quick_end) = connect(places), connect(places)
    slot = threading.Lock()

    def app(environ: dict[str, Any], _start_response: Any) -> list[bytes]:
        with environ["flamenco.unhurried"]():
            body: bytes = environ["client"].recv(1)
        body += environ["client"].recv(1)
        assert slot.acquire(blocking=False)
        slot.release()
        return [body]

    answering = impatient(RequestSlots(app, 1), lambda environ: environ["client"])

    def answer(client: Client) -> bytes:
        return b"".join(answering({"client": client}, lambda *_: lambda _: None))

    with ThreadPoolExecutor() as pool:
        slow_end.sendall(beginning)
        first = pool.submit(answer, slow)
        for _ in range(3):
            quick_end.sendall(b"ok")
            assert pool.submit(answer, quick).result() == b"ok"
        assert not first.done()
        slow_end.sendall(b"ab"[len(beginning) :])
        assert first.result() == b"ab"
