"""Clients that stop half-way, drip or do not read, however many there are: workers do not notice."""

from __future__ import annotations

import logging
import resource
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from msgspec import Struct

from tests import length
from tests.acceptance.conftest import Manager, running_manager, wait_until
from tests.certificates import Authority
from tests.load.polling import assert_promptly_answered, polling_workers

log = logging.getLogger(__name__)

SLOW = length.of(200, 1000)
SECONDS = length.of(12, 45)
"""Long enough for the first of them to be given up, and to come again."""

ADDON_BYTES = 32 << 20
"""More than fits into what lies between a manager and somebody who does not read."""

POST = b"POST /api/v3/worker/register-worker HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


class Kind(Struct, frozen=True):
    """What a slow client sends at first, and then every second."""

    beginning: bytes
    drip: bytes = b""


KINDS = {
    "says nothing": Kind(b""),
    "half a head": Kind(b"GET /api/version HTTP/1.1\r\nHost: localhost\r\n"),
    "a head in drips": Kind(b"GET /api/version HTTP/1.1\r\nHost: localhost\r\nA: ", b"x"),
    "half a body": Kind(POST + b'Content-Length: 100\r\n\r\n{"name": "w"'),
    "half a large body": Kind(POST + b'Content-Length: 1000000\r\n\r\n{"name": "w"'),
    "a body in drips": Kind(POST + b"Content-Length: 100\r\n\r\n{", b" "),
    "a large body in drips": Kind(POST + b"Transfer-Encoding: chunked\r\n\r\n100000\r\n{", b" "),
    "reads no answer": Kind(b"GET /flamenco3-addon.zip HTTP/1.1\r\nHost: localhost\r\n\r\n"),
}


class SlowClient:
    """A client of one kind, which comes again whenever it was given up."""

    def __init__(self, url: str, kind: Kind, trusting: ssl.SSLContext | None = None) -> None:
        self._address = ("127.0.0.1", httpx.URL(url).port)
        self._kind = kind
        self._trusting = trusting
        self.attempts = 0
        self._connect()

    def _connect(self) -> None:
        self.attempts += 1
        self._connection = socket.socket()
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._connection.settimeout(10)
        self._connection.connect(self._address)
        if self._trusting is not None:
            self._connection = self._trusting.wrap_socket(self._connection, server_hostname="localhost")
        self._connection.sendall(self._kind.beginning)

    def go_on(self) -> None:
        """What it does once a second."""
        polled = select.poll()
        polled.register(self._connection, select.POLLRDHUP)
        is_over = bool(polled.poll(0))
        if not is_over:
            try:
                self._connection.sendall(self._kind.drip)
            except OSError:
                is_over = True
        if is_over:
            self.close()
            self._connect()

    def close(self) -> None:
        """Go."""
        self._connection.close()


@contextmanager
def slow_clients(url: str, trusting: ssl.SSLContext | None = None) -> Iterator[list[SlowClient]]:
    """So many clients of all kinds, from the first to the last moment."""
    kinds = list(KINDS.values())
    over = threading.Event()
    clients = [SlowClient(url, kinds[number % len(kinds)], trusting) for number in range(SLOW)]

    def go_on() -> None:
        while not over.wait(1):
            for client in clients:
                if over.is_set():
                    break
                client.go_on()

    with ThreadPoolExecutor() as pool:
        going_on = pool.submit(go_on)
        try:
            yield clients
        finally:
            over.set()
        going_on.result()
    for client in clients:
        client.close()


@pytest.fixture
def many_files() -> Iterator[None]:
    """This process may have as many connections as it needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, SLOW + 1000)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """A manager of two processes with something large to download, and work for workers."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "flamenco3-addon.zip").write_bytes(bytes(ADDON_BYTES))
    with running_manager(tmp_path, "--processes", "2") as running:
        job = {"name": "n", "type": "echo", "settings": {"message": "m", "count": 200}}
        assert httpx.post(f"{running.url}/api/jobs", json=job).status_code == 200
        yield running


@pytest.mark.long
@pytest.mark.longer
@pytest.mark.usefixtures("many_files")
def test_workers_do_not_notice_slow_clients(manager: Manager) -> None:
    """All the while their requests are answered within 250 ms (p95); and those that are slow are given up."""
    with slow_clients(manager.url) as clients:
        over = time.monotonic() + SECONDS
        with polling_workers(manager.url) as durations:
            assert wait_until(lambda: time.monotonic() > over, SECONDS + 10)
        attempts = sum(client.attempts for client in clients)
    log.info("%d slow clients came %d times", SLOW, attempts)
    assert_promptly_answered(durations)
    assert attempts > SLOW
    assert "Traceback" not in manager.log
    assert httpx.get(f"{manager.url}/api/version", timeout=2).status_code == 200


@pytest.mark.long
@pytest.mark.longer
@pytest.mark.usefixtures("many_files")
def test_workers_do_not_notice_slow_clients_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same where all of them, and the workers, come over TLS: nobody's handshake holds up others either."""
    authority = Authority(tmp_path / "authority")
    pair = authority.vouch()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "flamenco3-addon.zip").write_bytes(bytes(ADDON_BYTES))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    settings = ("--set", f"tls.certificate={pair.certificate}", "--set", f"tls.key={pair.key}")
    with running_manager(tmp_path, "--processes", "2", *settings, verify=authority.trusting) as manager:
        job = {"name": "n", "type": "echo", "settings": {"message": "m", "count": 200}}
        assert httpx.post(f"{manager.url}/api/jobs", json=job, verify=authority.trusting).status_code == 200
        with slow_clients(manager.url, authority.trusting) as clients:
            over = time.monotonic() + SECONDS
            with polling_workers(manager.url) as durations:
                assert wait_until(lambda: time.monotonic() > over, SECONDS + 10)
            attempts = sum(client.attempts for client in clients)
        assert_promptly_answered(durations)
        assert attempts > SLOW
        assert "Traceback" not in manager.log
