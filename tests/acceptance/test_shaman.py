"""Shaman over real connections: every answer gets through, and whatever clients do, the store is whole and right."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from flamenco.server.arriving import PATIENCE_S
from flamenco.server.patience import FINISH_TIMEOUT_S, PART_S
from tests import length
from tests.acceptance.conftest import Manager, on_both, on_both_long, running_manager, wait_until
from tests.acceptance.shaman_clients import (
    API,
    TIMEOUT_S,
    Client,
    GeneratedFile,
    StoreWatch,
    ask,
    begin,
    connect,
    is_whole,
    send,
    submit_at_once,
)

MEBIBYTE = 1 << 20
CLIENTS = 8
SMALL_FILES = length.of(57, 297)
LARGE_FILES = 3
LARGE_BYTES = length.of(60, 200) * 1000 * 1000
MOST_RESIDENT_BYTES = 200 * MEBIBYTE


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory, web_server: str) -> Iterator[Manager]:
    """A manager of two processes, or cheroot's one; what clients gave it is removed at the end, as it is much."""
    folder = tmp_path_factory.mktemp("shaman")
    try:
        with running_manager(folder, "--processes", "2", "--set", f"server={web_server}") as running:
            yield running
    finally:
        shutil.rmtree(folder / "data" / "shared", ignore_errors=True)


def shared(manager: Manager) -> Path:
    """The shared storage."""
    return manager.data_dir / "shared"


def leftovers(manager: Manager) -> list[Path]:
    """What is there of uploads that did not end well."""
    return list((shared(manager) / "file-store" / "uploading").rglob("*"))


def status(manager: Manager, file: GeneratedFile) -> str:
    """What the manager knows of the file."""
    with closing(connect(manager.url)) as connection:
        code, answer = ask(connection, "GET", file.url)
    assert code == 200
    return str(answer["status"])


def processes(manager: Manager) -> list[int]:
    """All processes of the manager."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            group = (folder / "stat").read_text().rpartition(")")[2].split()[2]
        except OSError:
            continue
        if int(group) == manager.process.pid:
            found.append(int(folder.name))
    return found


def most_resident(manager: Manager) -> dict[int, int]:
    """The most memory that each process of the manager ever had, in bytes."""
    peaks = {}
    for pid in processes(manager):
        fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        peaks[pid] = int(fields["VmHWM"].split()[0]) * 1024
    return peaks


@on_both_long
def test_every_answer(manager: Manager) -> None:
    """Each outcome has its status, over one connection that is kept, however much of a body was not read."""
    file, empty = GeneratedFile(1001, 20 * MEBIBYTE), GeneratedFile(1002, 0)
    with closing(connect(manager.url)) as connection:
        assert ask(connection, "GET", file.url) == (200, {"status": "unknown"})
        assert send(connection, empty) == (200, b"")
        code, body = send(connection, file, wrong=True)
        assert code == 417
        assert b"file SHA256 mismatched, declared %s but" % file.sha.encode() in body
        kept = connection.sock
        theirs = begin(manager.url, file, 3 * MEBIBYTE)
        assert wait_until(lambda: status(manager, file) == "uploading")
        assert send(connection, file, can_defer=True) == (425, b"")
        assert send(connection, file) == (200, b"")
        assert ask(connection, "GET", file.url) == (200, {"status": "stored"})
        assert send(connection, file) == (208, b"")
        longer = GeneratedFile(1001, file.size)
        longer.sha, longer.size = "0" * 64, file.size
        code, body = send_to(connection, f"{API}/files/{longer.sha}/7", longer)
        assert (code, b"declared 7 but received 20971520 bytes" in body) == (417, True)
        code, body = send_to(connection, f"{API}/files/{'x' * 64}/7", longer)
        assert code == 400
        assert connection.sock is kept, "the connection was not kept"
    with closing(theirs):
        # Theirs is refused before all of it was sent, as somebody else was faster.
        theirs.sendall(bytes(MEBIBYTE))
        assert theirs.recv(1000).startswith(b"HTTP/1.1 208 ")
    assert wait_until(lambda: not leftovers(manager))


def send_to(connection: Any, path: str, file: GeneratedFile) -> tuple[int, bytes]:
    """Upload a file as another."""
    connection.request("POST", path, file.blocks(), {"Content-Length": str(file.size)})
    answer = connection.getresponse()
    return answer.status, answer.read()


def in_chunks(content: bytes, _size: int) -> Iterator[bytes]:
    """A request's fields, and its body, a mebibyte at a time."""
    yield b"Transfer-Encoding: chunked\r\n\r\n"
    for start in range(0, len(content), MEBIBYTE):
        yield b"%x\r\n%b\r\n" % (MEBIBYTE, content[start : start + MEBIBYTE])
    yield b"0\r\n\r\n"


def as_it_is(content: bytes, size: int) -> Iterator[bytes]:
    """The same, of a client that says how much it sends."""
    yield b"Content-Length: %d\r\n\r\n" % size
    for start in range(0, len(content), MEBIBYTE):
        yield content[start : start + MEBIBYTE]


@pytest.mark.long
@pytest.mark.parametrize("body_of", [as_it_is, in_chunks])
@on_both
def test_an_answer_that_comes_early(manager: Manager, body_of: Callable[[bytes, int], Iterator[bytes]]) -> None:
    """Who is told that somebody else was faster may take its time with the rest, and then ask for something else."""
    file = GeneratedFile(1007 + (body_of is in_chunks), 5 * MEBIBYTE)
    pieces = body_of(b"".join(file.blocks()), file.size)
    address = manager.url.removeprefix("http://").split(":")
    with (
        closing(socket.create_connection((address[0], int(address[1])), TIMEOUT_S)) as theirs,
        closing(connect(manager.url)) as connection,
    ):
        theirs.sendall(b"POST %b HTTP/1.1\r\nHost: x\r\n" % file.url.encode() + next(pieces) + next(pieces))
        assert wait_until(lambda: status(manager, file) == "uploading")
        assert send(connection, file) == (200, b"")
        theirs.sendall(next(pieces))
        assert theirs.recv(1000).startswith(b"HTTP/1.1 208 ")
        beyond = time.monotonic() + PATIENCE_S + PART_S + 1
        assert wait_until(lambda: time.monotonic() > beyond, 2 * PATIENCE_S)
        theirs.sendall(b"".join(pieces))
        theirs.sendall(b"GET /api/version HTTP/1.1\r\nHost: x\r\n\r\n")
        assert theirs.recv(1000).startswith(b"HTTP/1.1 200 ")


@on_both_long
def test_chunked(manager: Manager) -> None:
    """A client need not say how much it sends."""
    file = GeneratedFile(1003, 3 * MEBIBYTE + 17)
    with closing(connect(manager.url)) as connection:
        connection.request("POST", file.url, file.blocks(), {"Transfer-Encoding": "chunked"}, encode_chunked=True)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
        assert send(connection, file)[0] == 208


@on_both_long
def test_connection_that_is_cut(manager: Manager) -> None:
    """What a client sent before it went away is not kept, and the file can be sent again at once."""
    file = GeneratedFile(1004, 5 * MEBIBYTE)
    begin(manager.url, file, 3 * MEBIBYTE).close()
    assert wait_until(lambda: "after 3145728 of 5242880 bytes" in manager.log)
    assert wait_until(lambda: not leftovers(manager))
    with closing(connect(manager.url)) as connection:
        assert send(connection, file, can_defer=True)[0] == 200
    assert "Traceback" not in manager.log


def test_process_that_dies(manager: Manager) -> None:
    """When a manager's process dies in the middle of an upload, others can send the same file."""
    file = GeneratedFile(1005, 5 * MEBIBYTE)
    with closing(begin(manager.url, file, 3 * MEBIBYTE)):
        assert wait_until(lambda: status(manager, file) == "uploading")
        serving = [pid for pid in processes(manager) if has_open(pid, file.sha[2:])]
        assert len(serving) == 1
        os.kill(serving[0], signal.SIGKILL)
    assert wait_until(lambda: len(processes(manager)) >= 3 and serving[0] not in processes(manager))
    with closing(connect(manager.url)) as connection:
        assert send(connection, file)[0] == 200
    for path in leftovers(manager):
        if path.suffix == ".tmp":
            path.unlink()


@on_both_long
def test_slow_uploads_keep_nobody_waiting(tmp_path: Path, web_server: str) -> None:
    """However many clients are in the middle of one, others are answered as if there were none."""
    files = [GeneratedFile(2000 + number, MEBIBYTE) for number in range(40)]
    with (
        running_manager(tmp_path, "--set", f"server={web_server}", "--processes", "1", "--set", "threads=2") as manager,
        ExitStack() as uploads,
        closing(connect(manager.url)) as others,
    ):
        began = [uploads.enter_context(closing(begin(manager.url, file, MEBIBYTE - 1))) for file in files]
        assert wait_until(lambda: all(status(manager, file) == "uploading" for file in files))
        for _ in range(20):
            before = time.monotonic()
            assert ask(others, "GET", "/api/v3/jobs")[0] == 200
            assert time.monotonic() - before < 2
        for connection, file in zip(began, files, strict=True):
            connection.sendall(b"".join(file.blocks())[-1:])
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
        assert all(status(manager, file) == "stored" for file in files)
    shutil.rmtree(tmp_path / "data" / "shared")


@pytest.mark.long
def test_new_configurations_cut_no_upload(tmp_path: Path) -> None:
    """Processes that are replaced finish what they have begun; meanwhile the others are as many as there should be."""
    file, late = GeneratedFile(2100, MEBIBYTE), GeneratedFile(2101, MEBIBYTE)
    with (
        running_manager(tmp_path, "--processes", "1") as manager,
        closing(begin(manager.url, file, MEBIBYTE - 1)) as upload,
        closing(begin(manager.url, late, MEBIBYTE - 1)),
    ):
        assert wait_until(lambda: status(manager, late) == "uploading")
        (serving,) = serving_processes(manager)
        for _ in range(2):
            before = serving_processes(manager)
            manager.process.send_signal(signal.SIGHUP)
            assert wait_until(partial(has_others, manager, before))
        # Longer than requests may take when the manager stops.
        beyond = time.monotonic() + FINISH_TIMEOUT_S + 2
        assert wait_until(lambda: time.monotonic() > beyond)
        assert wait_until(lambda: len(serving_processes(manager)) == 2)
        (successor,) = serving_processes(manager) - {serving}
        os.kill(successor, signal.SIGKILL)
        assert wait_until(lambda: len(serving_processes(manager) - {serving, successor}) == 1)
        upload.sendall(b"".join(file.blocks())[-1:])
        assert upload.recv(1000).startswith(b"HTTP/1.1 200 ")
        assert status(manager, file) == "stored"
        assert status(manager, late) == "uploading"
        # There is still one upload; the manager stops without it.
        started = time.monotonic()
        assert manager.stop() == 0
        assert time.monotonic() - started < FINISH_TIMEOUT_S + 2
    shutil.rmtree(tmp_path / "data" / "shared")


def serving_processes(manager: Manager) -> set[int]:
    """The processes that the main one has started and that serve, also those that were replaced."""
    main = manager.process.pid
    children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
    return {int(pid) for pid in children}


def has_others(manager: Manager, than: set[int]) -> bool:
    """Whether processes serve that are none of those."""
    return bool(serving_processes(manager) - than)


def has_open(pid: int, part: str) -> bool:
    """Whether the process has a file open whose path has `part` in it."""
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if part in str(descriptor.readlink()):
                return True
        except OSError:
            continue
    return False


@pytest.mark.parametrize(
    "path",
    ["../x", "a/../../x", "/etc/x", "\\x", "..\\x", "a\\..\\..\\x", "C:\\x", "C:x", "a/", "", ".", "//h/s", "a/.. /x"],
)
def test_files_that_would_be_elsewhere(manager: Manager, path: str) -> None:
    """No path of a file leads out of its checkout, and the checkout is not there at all."""
    file = GeneratedFile(1006, 10)
    with closing(connect(manager.url)) as connection:
        assert send(connection, file)[0] in (200, 208)
        files = [file.specification, file.specification | {"path": path}]
        code, answer = ask(connection, "POST", f"{API}/checkout/create", {"files": files, "checkoutPath": "never"})
    assert (code, answer["code"]) == (400, 400)
    assert answer["message"].startswith("invalid file path")
    assert not (shared(manager) / "jobs" / "never").exists()
    assert sorted(os.listdir(shared(manager))) in (["file-store"], ["file-store", "jobs"])  # noqa: PTH208


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "/etc/x", "..", "a/..", "C:/x", "\\x", "", "{jobs}", ".unfinished/x"]
)
def test_checkouts_that_would_be_elsewhere(manager: Manager, path: str) -> None:
    """Nor does that of a checkout lead out of the folder of checkouts: what would is made a name that does not."""
    file = GeneratedFile(1006, 10)
    with closing(connect(manager.url)) as connection:
        assert send(connection, file)[0] in (200, 208)
        body = {"files": [file.specification], "checkoutPath": path}
        code, answer = ask(connection, "POST", f"{API}/checkout/create", body)
    assert code == 200
    made = shared(manager) / "jobs" / answer["checkoutPath"]
    assert made.resolve().is_relative_to(shared(manager).resolve() / "jobs")
    assert made.name not in ("jobs", ".unfinished", "..")
    shutil.rmtree(made)


@pytest.mark.parametrize("path", ["%2e%2e/1", "..%2f..%2fjobs/1", "x/..%2f..%2f1", "%00/1", f"{'0' * 64}/..%2f1"])
def test_uploads_that_would_be_elsewhere(manager: Manager, path: str) -> None:
    """No checksum is a path."""
    before = sorted(shared(manager).rglob("*"))
    with closing(connect(manager.url)) as connection:
        code, _ = send_to(connection, f"{API}/files/{path}", GeneratedFile(1006, 1))
    assert code in (400, 404)
    assert sorted(shared(manager).rglob("*")) == before


def test_one_name_for_many_at_once(manager: Manager) -> None:
    """Clients that want one name for their checkouts at the same time get one each, with their own files in it."""
    files = [GeneratedFile(1100 + number, 100 + number) for number in range(CLIENTS)]
    start = threading.Barrier(CLIENTS)

    def create(own: GeneratedFile) -> str:
        with closing(connect(manager.url)) as connection:
            assert send(connection, own)[0] == 200
            start.wait()
            body = {"files": [own.specification | {"path": "own"}], "checkoutPath": "studio/shot"}
            code, answer = ask(connection, "POST", f"{API}/checkout/create", body)
        assert code == 200, answer
        return str(answer["checkoutPath"])

    with ThreadPoolExecutor(CLIENTS) as pool:
        used = list(pool.map(create, files))
    assert len(set(used)) == CLIENTS
    assert used.count("studio/shot") == 1
    for path, own in zip(used, files, strict=True):
        assert os.listdir(shared(manager) / "jobs" / path) == ["own"]  # noqa: PTH208
        assert (shared(manager) / "jobs" / path / "own").read_bytes() == b"".join(own.blocks())


@pytest.mark.longer
def test_many_clients_with_the_same_files(tmp_path: Path) -> None:
    """Eight clients send the same files at once, badly: everything is stored once, whole, and in little memory."""
    sizes = [*(number * 37 % 9000 for number in range(SMALL_FILES)), *[LARGE_BYTES] * LARGE_FILES]
    files = [GeneratedFile(number, size) for number, size in enumerate(sizes)]
    try:
        with running_manager(tmp_path, "--processes", "2") as manager:
            with StoreWatch(shared(manager) / "file-store" / "stored") as watch:
                started = time.monotonic()
                seen = submit_at_once([Client(manager.url, files, number) for number in range(CLIENTS)])
                took = time.monotonic() - started
            assert wait_until(lambda: not leftovers(manager))
            assert watch.wrong == []
            stored = {path for path in watch.whole if path.is_file()}
            assert {f"{path.parent.parent.name}{path.parent.name}" for path in stored} == {file.sha for file in files}
            assert len(stored) == len(files)
            assert all(map(is_whole, stored))
            made = checkout_of(manager, files)
            assert {path.stat().st_size for path in made.iterdir()} == set(sizes)
            peaks = most_resident(manager)
            sys.stderr.write(
                f"\nshaman: {took:.1f} s, {dict(sorted(seen.items()))}, {watch.looks} looks, "
                f"most resident {[f'{peak / MEBIBYTE:.0f} MiB' for peak in sorted(peaks.values())]}\n"
            )
            assert len(peaks) >= 3
            assert max(peaks.values()) < MOST_RESIDENT_BYTES
            for outcome in ("200", "208", "425", "cut", "wrong 417", "again"):
                assert seen[outcome], f"nobody saw {outcome}"
            assert "Traceback" not in manager.log
    finally:
        shutil.rmtree(tmp_path / "data" / "shared", ignore_errors=True)


def checkout_of(manager: Manager, files: list[GeneratedFile]) -> Path:
    """The folder of a job with these files, which are all in one folder of it."""
    with closing(connect(manager.url)) as connection:
        body = {"files": [file.specification for file in files], "checkoutPath": "job"}
        code, answer = ask(connection, "POST", f"{API}/checkout/create", body)
    assert (code, answer) == (200, {"checkoutPath": "job"})
    return shared(manager) / "jobs" / "job" / "textures" / "deep"
