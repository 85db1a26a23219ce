"""Connections over TLS: what is read and sent over them, who says goodbye, and what those get who do not know of it."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import pytest

from flamenco.server import clients
from flamenco.server.arriving import MOST_HELD
from flamenco.server.certificates import load
from flamenco.server.clients import Places
from flamenco.server.secure_clients import SecureClient
from tests.certificates import Authority

PATIENCE_S = 5.0


class Ends(NamedTuple):
    """Our end, and that of the client."""

    ours: SecureClient
    theirs: ssl.SSLSocket


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whom clients trust."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def context(authority: Authority) -> ssl.SSLContext:
    """What connections are begun with."""
    return load(*authority.vouch()).context


@pytest.fixture
def accepted(context: ssl.SSLContext) -> Iterator[tuple[SecureClient, socket.socket]]:
    """A connection over which nothing was said yet."""
    ours, theirs = socket.socketpair()
    theirs.settimeout(PATIENCE_S)
    with SecureClient(ours, Places(4), context) as client, theirs:
        yield client, theirs


def shake_hands(client: SecureClient) -> int | None:
    """Until it is done, or in vain, as the poller has it done."""
    events: int | None = 1
    while events:
        if not select.select([client], [client] if events & 2 else [], [], PATIENCE_S)[0]:
            pytest.fail("nothing comes")
        events = client.shake_hands()
    return events


Connect = Callable[..., Ends]


@pytest.fixture
def connect(accepted: tuple[SecureClient, socket.socket], authority: Authority) -> Iterator[Connect]:
    """Has both ends agree; `version` is the highest that the client speaks."""
    made: list[ssl.SSLSocket] = []

    def make(version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Ends:
        trusting = authority.trusting
        trusting.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        trusting.maximum_version = version
        trusting.set_alpn_protocols(["h2", "http/1.1"])
        ours, theirs = accepted
        with ThreadPoolExecutor() as pool:
            agreeing = pool.submit(trusting.wrap_socket, theirs, server_hostname="farm.test")
            assert shake_hands(ours) == 0
            made.append(agreeing.result())
        return Ends(ours, made[-1])

    yield make
    for each in made:
        each.close()


BOTH = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])


@BOTH
def test_what_comes_is_read(connect: Connect, version: ssl.TLSVersion) -> None:
    """In pieces as they are asked for; the end is the end, and what it is said with is none of it."""
    ours, theirs = connect(version)
    assert theirs.selected_alpn_protocol() == "http/1.1"
    assert ours.read_at_once(10) is None
    theirs.sendall(b"hello world")
    assert ours.recv(5) == b"hello"
    assert ours.has_sent()
    assert ours.take_held() == b" world"
    assert not ours.has_sent()
    assert not ours.has_closed()
    with ThreadPoolExecutor() as pool:
        ending = pool.submit(theirs.unwrap)
        assert ours.recv(5) == b""
        assert ours.has_closed()
        ours.close()
        ending.result()


def test_who_goes_is_noticed(connect: Connect) -> None:
    """While an answer is made, by whoever looks; a request that has come meanwhile is not lost."""
    ours, theirs = connect()
    theirs.sendall(b"next")
    assert not ours.has_closed()
    assert ours.read_at_once(10) == b"next"
    theirs.close()
    assert ours.has_closed()
    assert ours.read_at_once(10) == b""


def test_nothing_is_left_where_no_poller_sees_it(connect: Connect) -> None:
    """Of many records that have come, all that is complete is read; some more than asked for, and not much."""
    ours, theirs = connect()
    sent = bytes(range(256)) * (1 << 11)
    with ThreadPoolExecutor() as pool:
        sending = pool.submit(theirs.sendall, sent)
        got = b""
        while len(got) < len(sent):
            select.select([ours], [], [], PATIENCE_S)
            piece = ours.read_at_once(MOST_HELD)
            assert piece != b""
            assert len(piece or b"") <= MOST_HELD + (1 << 14)
            assert ours.take_held() == b""
            got += piece or b""
        sending.result()
    assert got == sent


@BOTH
def test_an_answer_is_sent_whole(connect: Connect, version: ssl.TLSVersion) -> None:
    """However large it is, and followed by a goodbye that the client understands."""
    ours, theirs = connect(version)
    answer = bytes(range(256)) * (1 << 14)
    with ThreadPoolExecutor() as pool:
        reading = pool.submit(lambda: b"".join(iter(partial(theirs.recv, 1 << 16), b"")))
        ours.sendall(answer)
        ours.shutdown(socket.SHUT_WR)
        assert reading.result() == answer


def test_an_answer_that_nobody_reads(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up once the client's time is over, as without TLS."""
    monkeypatch.setattr(clients, "PATIENCE_S", 0.2)
    ours, _ = connect()
    ours.expect(0.2)
    with pytest.raises(TimeoutError):
        ours.sendall(bytes(1 << 24))


def test_who_drips_parts_of_a_record_is_given_up(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be read earns no time."""
    monkeypatch.setattr(clients, "PATIENCE_S", 0.2)
    ours, theirs = connect()
    ours.expect(0.2)
    socket.socket.send(theirs, b"\x17\x03\x03\x40\x00")
    socket.socket.send(theirs, b"x")
    with pytest.raises(TimeoutError):
        ours.recv(10)


@pytest.mark.parametrize("broken", [b"\x17\x03\x03\x00\x20" + bytes(32), b"GET / HTTP/1.1\r\n\r\n"])
def test_what_is_no_tls_breaks_it(connect: Connect, broken: bytes) -> None:
    """As a connection breaks: nobody has to know of TLS to bear that."""
    ours, theirs = connect()
    socket.socket.send(theirs, broken)
    with pytest.raises(ConnectionResetError):
        ours.recv(10)
    assert ours.read_at_once(10) in (b"", None)


@pytest.mark.parametrize("request_", [b"GET / HTTP/1.1\r\n\r\n", b"DELETE /api/v3/jobs/1 HTTP/1.1\r\n\r\n", b"P"])
def test_plain_text_is_told_of_tls(accepted: tuple[SecureClient, socket.socket], request_: bytes) -> None:
    """In words that a person understands, and as an answer that programs do."""
    ours, theirs = accepted
    theirs.sendall(request_)
    assert shake_hands(ours) is None
    ours.shutdown(socket.SHUT_WR)
    answer = b"".join(iter(partial(theirs.recv, 1000), b""))
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"begin its address with https://" in answer


@pytest.mark.parametrize("nonsense", [b"", bytes(100), b"\x16\x03\x01\x00\x05hello"], ids=["none", "zeros", "record"])
def test_nonsense_comes_to_nothing(accepted: tuple[SecureClient, socket.socket], nonsense: bytes) -> None:
    """And keeps nobody."""
    ours, theirs = accepted
    theirs.sendall(nonsense)
    theirs.shutdown(socket.SHUT_WR)
    assert shake_hands(ours) is None


def test_old_versions_are_refused(accepted: tuple[SecureClient, socket.socket], authority: Authority) -> None:
    """TLS 1.1 and older are broken; the client is told by an alert."""
    ours, theirs = accepted
    trusting = authority.trusting
    trusting.set_ciphers("ALL:@SECLEVEL=0")
    trusting.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        trusting.maximum_version = ssl.TLSVersion.TLSv1_1
    with ThreadPoolExecutor() as pool:
        agreeing = pool.submit(trusting.wrap_socket, theirs, server_hostname="farm.test")
        assert shake_hands(ours) is None
        with pytest.raises(ssl.SSLError, match=r"(?i)version"):
            agreeing.result()
