"""A manager's life: starting, stopping, being killed, and what it says when it cannot start."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest

from flamenco.demo.processes import children_of
from flamenco.server.arriving import HEAD_TIMEOUT_S, LEAST_RATE, MOST_HELD, PATIENCE_S
from flamenco.server.gunicorn import WakeUps
from flamenco.server.lifetime import GOODBYE_S
from flamenco.server.patience import FINISH_TIMEOUT_S
from tests import length
from tests.acceptance.conftest import (
    POLL_S,
    START_TIMEOUT_S,
    STOP_TIMEOUT_S,
    Manager,
    is_alive,
    launch,
    on_both,
    on_both_long,
    running_manager,
    wait_until,
)

PROMPTLY_S = 3.0


def of(web_server: str) -> tuple[str, str]:
    """Arguments for a manager with that server."""
    return "--set", f"server={web_server}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
@on_both_long
def test_stops_promptly(manager: Manager, number: int) -> None:
    """A signal stops the manager within seconds, also while clients keep their connections open."""
    with httpx.Client(base_url=manager.url) as client:
        assert client.get("/api/version").status_code == 200
        started = time.monotonic()
        assert manager.stop(number) == 0
    assert time.monotonic() - started < PROMPTLY_S


@on_both_long
def test_silent_client_does_not_hold_up_the_stop(manager: Manager) -> None:
    """A client that connects and says nothing is not waited for longer than requests are."""
    host, port = manager.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))):
        assert httpx.get(f"{manager.url}/api/version").status_code == 200
        started = time.monotonic()
        assert manager.stop() == 0
    assert time.monotonic() - started < PROMPTLY_S + FINISH_TIMEOUT_S
    assert "SIGKILL" not in manager.log


def test_a_late_signal_writes_into_no_file(tmp_path: Path) -> None:
    """What a process is told after it has closed its connections does not end up in what it opens afterwards."""
    wake_ups = WakeUps()
    wake_ups.init()
    wake_ups.close()
    with ExitStack() as opened:
        files = [opened.enter_context((tmp_path / str(number)).open("wb")) for number in range(10)]
        wake_ups.defer(print)
        assert [os.fstat(file.fileno()).st_size for file in files] == [0] * 10


@pytest.mark.parametrize("everybody", [True, False], ids=["all processes", "the main one"])
@on_both_long
def test_what_is_being_answered_is_finished(tmp_path: Path, web_server: str, everybody: bool) -> None:
    """Also where all processes are told to stop, and the main one tells the others a second time."""
    with running_manager(tmp_path, "--processes", "1", *of(web_server)) as manager:
        host, port = manager.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(LINE + HEADERS + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(BODY))
            assert httpx.get(f"{manager.url}/api/version").status_code == 200
            (os.killpg if everybody else os.kill)(manager.process.pid, signal.SIGTERM)
            told = time.monotonic()
            assert wait_until(lambda: time.monotonic() > told + (GOODBYE_S + FINISH_TIMEOUT_S) / 2)
            connection.sendall(BODY)
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
        assert manager.process.wait(STOP_TIMEOUT_S) == 0


@on_both_long
def test_all_processes_are_told_to_start_anew(tmp_path: Path, web_server: str) -> None:
    """As when a terminal closes: none dies of it, and the main one replaces the others."""
    with running_manager(tmp_path, "--processes", "2", *of(web_server)) as manager:
        os.killpg(manager.process.pid, signal.SIGHUP)
        assert wait_until(lambda: "the configuration was read anew" in manager.log)
        assert httpx.get(f"{manager.url}/api/version").status_code == 200
        assert "was sent SIGHUP" not in manager.log


SLOW_SINKS = """
import threading

from flamenco import EventSink, hookimpl


def deliver(event):
    threading.Event().wait(0.7)


@hookimpl
def event_sinks(config):
    for number in range(4):
        yield EventSink(name=f"slow{number}", description="Slow.", deliver=deliver, topics=("*",))
"""


@pytest.mark.long
@on_both_long
def test_told_to_stop_twice(tmp_path: Path, web_server: str) -> None:
    """All processes are told to end, and again by the main one while sinks still hear of it: the database is whole."""
    plugins = tmp_path / "data" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "slow.py").write_text(SLOW_SINKS)
    (tmp_path / "data" / "flamenco-manager.yaml").write_text("plugins: {slow: {}}\n")
    for _ in range(4):
        with running_manager(tmp_path, "--processes", "2", *of(web_server)) as manager:
            os.killpg(manager.process.pid, signal.SIGTERM)
            assert manager.process.wait(STOP_TIMEOUT_S) == 0
        assert "not a database" not in manager.log
        with closing(sqlite3.connect(manager.data_dir / "flamenco-manager.sqlite")) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@on_both_long
def test_says_where_it_listens(tmp_path: Path, web_server: str) -> None:
    """Asked for any free port, the manager says which one it took, on one line and once."""
    with running_manager(tmp_path, "--processes", "2", *of(web_server)) as manager:
        assert manager.log.count(f"listening on {manager.url}\n") == 1
        assert httpx.get(f"{manager.url}/api/version").json()["name"] == "Flamenco"


@on_both_long
def test_every_interface_and_every_kind_of_address(tmp_path: Path, web_server: str) -> None:
    """`:0` is IPv4 and, where the machine has it, IPv6; whoever comes over IPv4 has an address of that kind."""
    with running_manager(tmp_path, "--processes", "1", *of(web_server), listen=":0") as manager:
        port = httpx.URL(manager.url).port
        about = {"name": "w", "secret": "a secret of enough letters", "platform": "linux", "supported_task_types": []}
        for host, address in {"127.0.0.1": "127.0.0.1", "[::1]": "::1"}.items():
            if host == "[::1]" and not has_ipv6():
                continue
            answer = httpx.post(f"http://{host}:{port}/api/v3/worker/register-worker", json=about)
            assert answer.json()["address"] == address


def has_ipv6() -> bool:
    """Whether this machine can talk to itself over IPv6."""
    try:
        with socket.socket(socket.AF_INET6) as free:
            free.bind(("::1", 0))
    except OSError:
        return False
    return True


@on_both_long
def test_processes_end_with_the_main_one(manager: Manager) -> None:
    """When the main process is killed, those that serve go away by themselves, and the compilers they started too."""
    assert httpx.get(f"{manager.url}/api/jobs/types").json()["job_types"]
    manager.kill()
    assert wait_until(lambda: not is_alive(manager.process.pid), PROMPTLY_S)


@pytest.mark.long
@on_both_long
def test_restart_on_the_same_port_after_kill(tmp_path: Path, web_server: str) -> None:
    """A manager that was killed can be started again at once on the same port, and knows what it knew."""
    with running_manager(tmp_path, "--processes", "2", *of(web_server)) as manager:
        job = httpx.post(f"{manager.url}/api/jobs", json={"name": "n", "type": "echo", "settings": {"message": "m"}})
        manager.kill()
        with running_manager(
            tmp_path, "--processes", "2", *of(web_server), listen=manager.url.removeprefix("http://")
        ) as again:
            assert httpx.get(f"{again.url}/api/jobs/{job.json()['id']}").json() == job.json()


def test_port_in_use(tmp_path: Path) -> None:
    """A port that another program has is one sentence and exit code 1, and the database is left alone."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        log = tmp_path / "manager.log"
        process = launch(tmp_path / "data", log, listen=address)
        assert process.wait(START_TIMEOUT_S) == 1
    last = log.read_text().splitlines()[-1]
    assert last.startswith(f"flamenco: {address} is in use by another program")
    assert "Traceback" not in log.read_text()
    assert not (tmp_path / "data").exists()


def test_port_that_becomes_free(tmp_path: Path) -> None:
    """A port that is in use for a moment only is waited for."""
    other = socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{other.getsockname()[1]}"
    log = tmp_path / "manager.log"
    log.touch()
    process = launch(tmp_path / "data", log, listen=address)
    try:
        assert wait_until(lambda: "waiting" in log.read_text(), START_TIMEOUT_S)
        other.close()
        assert wait_until(lambda: f"listening on http://{address}" in log.read_text(), START_TIMEOUT_S)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(STOP_TIMEOUT_S)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    length.every(
        2,
        [
            (["--processes", "many"], 2, ["processes", "many"]),
            (["--processes", "0"], 2, ["processes"]),
            (["--database", "mysql://host/name"], 2, ["database", "mysql"]),
            (["--config", "missing.yaml"], 2, ["missing.yaml"]),
            (["--database", "/proc/none/flamenco.sqlite"], 2, ["/proc/none"]),
        ],
    ),
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_start_refused(tmp_path: Path, arguments: list[str], code: int, words: list[str]) -> None:
    """What cannot work is one sentence that names it, not a traceback."""
    log = tmp_path / "manager.log"
    process = launch(tmp_path / "data", log, *arguments)
    assert process.wait(START_TIMEOUT_S) == code, log.read_text()
    assert len(log.read_text().splitlines()) == 1, log.read_text()
    assert all(word in log.read_text() for word in words), log.read_text()


def test_newer_database_refused(tmp_path: Path) -> None:
    """A database that a newer version made is refused with a sentence, and not touched."""
    with running_manager(tmp_path):
        pass
    file = tmp_path / "data" / "flamenco-manager.sqlite"
    with closing(sqlite3.connect(file)) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    before = file.read_bytes()
    log = tmp_path / "second.log"
    process = launch(tmp_path / "data", log)
    assert process.wait(START_TIMEOUT_S) == 2
    assert "newer version of Flamenco" in log.read_text()
    assert "Traceback" not in log.read_text()
    assert file.read_bytes() == before


def exchange(manager: Manager, request: bytes) -> bytes:
    """Send bytes as they are, and read until the other side closes."""
    host, port = manager.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=START_TIMEOUT_S) as connection:
        connection.sendall(request)
        received = b""
        while block := connection.recv(65536):
            received += block
        return received


LINE = b"POST /api/worker/register-worker HTTP/1.1\r\n"
HEADERS = b"Host: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
BODY = b'{"secret": "a secret of enough letters", "platform": "linux", "supported_task_types": [], "nickname": "n"}'
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (LINE + HEADERS + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY, 200),
        (LINE + HEADERS + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED, 200),
        (LINE + HEADERS + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + BODY, 400),
        (LINE + HEADERS + b"Transfer-Encoding: \r\n\r\n" + BODY, 400),
        (LINE + HEADERS + b"Transfer-Encoding: rot13\r\n\r\n" + BODY, 400),
        (LINE + HEADERS + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (LINE + HEADERS + b"Content-Length: -1\r\n\r\n", 400),
        (LINE + HEADERS + b"Content-Length: 1, 2\r\n\r\n" + BODY, 400),
        (LINE + HEADERS + b"Content-Length: 999999999999\r\n\r\n", 413),
        (LINE + HEADERS + b"Content-Length: 0\r\n\r\n", 400),
        (LINE + HEADERS + b"\r\n", 400),
        (LINE + HEADERS + b"Broken\r\n\r\n", 400),
        (LINE + HEADERS + b"A : b\r\n\r\n", 400),
        (LINE + HEADERS + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n" + CHUNKED, 400),
        (LINE + HEADERS + b"Expect: much\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY, 417),
        (LINE + HEADERS + b"Content_Length: 3\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY, 200),
        (b"GET http://x/api/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200),
        (LINE + HEADERS + b"SCRIPT_NAME: /elsewhere\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY, 200),
        (b"GET /api/version HTTP/9.9\r\n\r\n", 400),
        (b"GET /api/version\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET /" + b"a" * 10000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 414),
        (b"GET /api/version HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"GET /api/jobs/%ff%fe%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400),
        (b"GET /api/jobs/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400),
        (b"GET /api/jobs/..%2f..%2fetc HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404),
        (b"GET /api/%F0%9F%8E%AC HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404),
        (b"BREW /api/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400),
        (b"TRACE /api/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405),
    ],
)
@on_both
def test_odd_bytes(shared_manager: Manager, request_bytes: bytes, status: int) -> None:
    """Whatever bytes arrive, they are answered as HTTP says, in JSON with a code and a message."""
    answer = exchange(shared_manager, request_bytes)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer
    assert b"content-type: application/json" in head.lower()
    if status != 200:
        assert b'"code":%d' % status in body
        assert b'"message":"' in body


@pytest.mark.parametrize("chunks", [b"3\r\nabcX\r\n\r\n0\r\n\r\n", b"0\r\nA: b\n"])
@on_both
def test_what_follows_a_broken_body_is_no_request(shared_manager: Manager, chunks: bytes) -> None:
    """Nobody knows where such a body ends: a proxy in front may think otherwise, and have sent a client's own words."""
    headers = HEADERS.replace(b"Connection: close\r\n", b"") + b"Transfer-Encoding: chunked\r\n\r\n"
    smuggled = b"GET /api/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = exchange(shared_manager, LINE + headers + chunks + smuggled)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1


@on_both
def test_truncated_body(shared_manager: Manager) -> None:
    """A client that goes away in the middle of a body harms nobody."""
    host, port = shared_manager.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(LINE + HEADERS + b"Content-Length: 500\r\n\r\n" + BODY)
    assert httpx.get(f"{shared_manager.url}/api/version").status_code == 200
    assert "a request failed" not in shared_manager.log


def connected(manager: Manager, beginning: bytes = b"") -> socket.socket:
    """A client that has sent that much, and nothing since."""
    host, port = manager.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=30)
    connection.sendall(beginning)
    return connection


HALF = b"GET /api/version HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize("body", [BODY[:-1], BODY], ids=["half", "makes sense"])
@on_both
def test_a_body_that_is_cut_off(shared_manager: Manager, body: bytes) -> None:
    """A client that sends no more, but listens, is told; nothing is done with what came, even if it can be read."""
    with connected(shared_manager, LINE + HEADERS + b"Content-Length: 500\r\n\r\n" + body) as connection:
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(partial(connection.recv, 1000), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"ended after %d of 500 bytes" % len(body) in answer


@pytest.mark.long
@on_both_long
def test_clients_that_say_nothing(tmp_path: Path, web_server: str) -> None:
    """Connections at hand, and requests that stop in the middle of their head, however many, keep nobody waiting."""
    with (
        running_manager(tmp_path, "--processes", "1", *of(web_server), "--set", "threads=2") as manager,
        ExitStack() as connections,
    ):
        for _ in range(200):
            connections.enter_context(connected(manager))
        halves = [connections.enter_context(connected(manager, HALF)) for _ in range(200)]
        for _ in range(10):
            assert httpx.get(f"{manager.url}/api/version", timeout=2).status_code == 200
        halves[-1].sendall(b"\r\n")
        assert halves[-1].recv(100).startswith(b"HTTP/1.1 200 ")
        assert halves[0].recv(100) == b""
        # All of them are given up, and none of those has to be waited for while it does nothing about it.
        for _ in range(10):
            assert httpx.get(f"{manager.url}/api/version", timeout=2).status_code == 200
        assert "Traceback" not in manager.log


@pytest.mark.long
@on_both_long
def test_clients_that_drip(tmp_path: Path, web_server: str) -> None:
    """A head has its time in all, and a body a least rate: who sends byte after byte is given up all the same."""
    beginnings = {
        "head": HALF + b"A: ",
        "small body": LINE + HEADERS + b"Content-Length: 1000\r\n\r\n",
        "large body": LINE + HEADERS + b"Content-Length: %d\r\n\r\n" % (MOST_HELD * 2),
        "chunks": LINE + HEADERS + b"Transfer-Encoding: chunked\r\n\r\n100000\r\n",
    }
    ended: dict[str, float] = {}
    with (
        running_manager(tmp_path, "--processes", "1", *of(web_server)) as manager,
        ExitStack() as connections,
    ):
        began = time.monotonic()
        drips = {name: connections.enter_context(connected(manager, each)) for name, each in beginnings.items()}

        def drip() -> bool:
            for name in drips.keys() - ended.keys():
                try:
                    drips[name].setblocking(False)  # noqa: FBT003 - it takes no keyword
                    drips[name].send(b"x")
                    assert drips[name].recv(1000)[9:12] in (b"", b"400")
                except BlockingIOError:
                    continue
                except OSError:
                    pass
                ended[name] = time.monotonic() - began
            return len(ended) == len(drips)

        assert wait_until(drip, 2 * HEAD_TIMEOUT_S)
        # Some of the second is what they earned by what they have sent.
        assert all(HEAD_TIMEOUT_S - 1 < seconds < HEAD_TIMEOUT_S + 3 for seconds in ended.values()), ended
        assert HEAD_TIMEOUT_S == PATIENCE_S
        assert LEAST_RATE > 1 / POLL_S
        assert httpx.get(f"{manager.url}/api/version", timeout=2).status_code == 200
        assert "Traceback" not in manager.log


@on_both_long
def test_more_connections_than_there_may_be(tmp_path: Path, web_server: str) -> None:
    """Those that are waited for longest are closed, the log says so once, and who asks is answered."""
    limits = ("--set", "connections=40", "--set", "connections_per_address=30")
    with running_manager(tmp_path, "--processes", "1", *of(web_server), *limits) as manager, ExitStack() as connections:
        opened = [connections.enter_context(connected(manager, HALF)) for _ in range(100)]
        for _ in range(10):
            assert httpx.get(f"{manager.url}/api/version", timeout=2).status_code == 200
        assert opened[0].recv(100) == b""
        opened[-1].sendall(b"\r\n")
        assert opened[-1].recv(100).startswith(b"HTTP/1.1 200 ")
        assert manager.log.count("raise the setting connections_per_address") == 1


@on_both
def test_many_requests_at_a_stretch(shared_manager: Manager) -> None:
    """Who does not wait for answers gets all of them, in their order, however the requests are cut into pieces."""
    requests = b"".join(
        b"GET /api/jobs/%d HTTP/1.1\r\nHost: x\r\n\r\n" % number
        + LINE
        + b"Host: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
        + BODY
        for number in range(20)
    )
    last = b"GET /api/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with connected(shared_manager) as connection:
        for start in range(0, len(requests), 700):
            connection.sendall(requests[start : start + 700])
        connection.sendall(last)
        received = b""
        while block := connection.recv(65536):
            received += block
    assert re.findall(rb"HTTP/1.1 (\d+) ", received) == [b"400", b"200"] * 20 + [b"200"]


@on_both
def test_a_client_that_waits_for_a_word(shared_manager: Manager) -> None:
    """Programs such as curl send a large body only once they are told to go on."""
    head = LINE + HEADERS + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % len(BODY)
    with connected(shared_manager, head) as connection:
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")


@on_both_long
def test_a_new_configuration_counts_for_what_begins_then(manager: Manager) -> None:
    """Whoever asks is answered by it at once; what is being answered by then is finished, however long it takes."""
    head = LINE + HEADERS + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % len(BODY)
    with connected(manager, head) as begun:
        assert begun.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        for number in range(1, 3):
            (manager.data_dir / "flamenco-manager.yaml").write_text(f"manager_name: Studio {number}\n")
            manager.process.send_signal(signal.SIGHUP)
            named = f"Studio {number}"
            assert wait_until(lambda name=named: httpx.get(f"{manager.url}/api/version").json()["name"] == name)  # type: ignore[misc]
        begun.sendall(BODY)
        assert begun.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert "Traceback" not in manager.log


@on_both_long
def test_nobody_loses_a_request_to_processes_that_are_replaced(manager: Manager) -> None:
    """Clients that connect and ask at that very moment are answered."""
    is_over = threading.Event()

    def ask() -> int:
        answered = 0
        while not is_over.is_set():
            assert httpx.get(f"{manager.url}/api/version", timeout=30).status_code == 200
            answered += 1
        return answered

    with ThreadPoolExecutor(4) as pool:
        counts = [pool.submit(ask) for _ in range(4)]
        for number in range(1, 6):
            manager.process.send_signal(signal.SIGHUP)
            assert wait_until(lambda expected=number: manager.log.count("configuration was read anew") >= expected)  # type: ignore[misc]
        is_over.set()
        assert all(count.result() > 0 for count in counts)


@pytest.mark.long
@pytest.mark.parametrize("pause_s", [0.01, 0.3])
def test_nobody_loses_a_request_over_a_connection_that_is_kept(manager: Manager, pause_s: float) -> None:
    """Nor does who asks again and again, over the same connection for as long as the answers do not say otherwise."""
    is_over = threading.Event()

    def ask() -> int:
        answered = 0
        # Of those that do not look, before they send, whether they were hung up on.
        with closing(HTTPConnection(manager.url.removeprefix("http://"), timeout=30)) as connection:
            while not is_over.is_set():
                connection.request("GET", "/api/version")
                with connection.getresponse() as answer:
                    assert (answer.status, bool(answer.read())) == (200, True)
                answered += 1
                is_over.wait(pause_s)
        return answered

    with ThreadPoolExecutor(8) as pool:
        counts = [pool.submit(ask) for _ in range(8)]
        for number in range(1, 4):
            before = children_of(manager.process.pid)
            manager.process.send_signal(signal.SIGHUP)
            assert wait_until(lambda expected=number: manager.log.count("configuration was read anew") >= expected)  # type: ignore[misc]
            assert wait_until(lambda replaced=before: replaced.isdisjoint(children_of(manager.process.pid)))  # type: ignore[misc]
        is_over.set()
        assert all(count.result() > 0 for count in counts)
