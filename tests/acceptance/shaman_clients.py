"""Clients of Shaman that behave like the add-on, and some that do not, over plain connections.

Like most clients they send all of a body before they look for an answer.
"""

from __future__ import annotations

import hashlib
import json
import random
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import cached_property
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self

API = "/api/v3/shaman"
TIMEOUT_S = 60.0

BLOCK_BYTES = 1 << 20
MOST_ROUNDS = 50
MOST_DEFERRED = 8


class GeneratedFile:
    """A file that is nowhere: `size` bytes that follow from its number, made block by block."""

    def __init__(self, number: int, size: int) -> None:
        self.number = number
        self.size = size
        self.path = f"textures\\deep/{number}.png"
        self._block = random.Random(number).randbytes(min(size, BLOCK_BYTES))  # noqa: S311 - the same every time

    def blocks(self) -> Iterator[bytes]:
        """The content."""
        whole, rest = divmod(self.size, BLOCK_BYTES)
        for _ in range(whole):
            yield self._block
        yield self._block[:rest]

    @cached_property
    def sha(self) -> str:
        """The checksum."""
        digest = hashlib.sha256()
        for block in self.blocks():
            digest.update(block)
        return digest.hexdigest()

    @property
    def specification(self) -> dict[str, Any]:
        """The file, as a client lists it."""
        return {"sha": self.sha, "size": self.size, "path": self.path}

    @property
    def url(self) -> str:
        """Where it is sent to."""
        return f"{API}/files/{self.sha}/{self.size}"


def connect(url: str) -> HTTPConnection:
    """A connection to the manager, which is kept for several requests."""
    return HTTPConnection(url.removeprefix("http://"), timeout=TIMEOUT_S)


def ask(connection: HTTPConnection, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Send JSON and read JSON: the status, and what came."""
    headers = {} if body is None else {"Content-Type": "application/json"}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    data = answer.read()
    return answer.status, json.loads(data) if data else None


def send(
    connection: HTTPConnection, file: GeneratedFile, *, can_defer: bool = False, wrong: bool = False
) -> tuple[int, bytes]:
    """Upload the file, with its last byte changed if it is to be `wrong`. The status, and what came."""
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(file.size),
        "X-Shaman-Can-Defer-Upload": str(can_defer),
        "X-Shaman-Original-Filename": "=?utf-8?q?h=C3=A4?=",
    }
    connection.request("POST", file.url, _spoilt(file) if wrong else file.blocks(), headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def _spoilt(file: GeneratedFile) -> Iterator[bytes]:
    left = file.size
    for block in file.blocks():
        left -= len(block)
        yield block[:-1] + bytes([block[-1] ^ 1]) if block and not left else block


def begin(url: str, file: GeneratedFile, size: int) -> socket.socket:
    """The beginning of an upload, `size` bytes of it; whoever gets it may send more, or close it."""
    host, port = url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=TIMEOUT_S)
    connection.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (file.url.encode(), file.size))
    for block in file.blocks():
        connection.sendall(block[:size])
        size -= len(block[:size])
        if not size:
            break
    return connection


class Client:
    """One client that submits all `files`, and makes mistakes on the way. `seen` counts what became of its uploads.

    Every other client never lets others go first.
    """

    def __init__(self, url: str, files: list[GeneratedFile], number: int) -> None:
        self._url = url
        self._files = files
        self._random = random.Random(number)  # noqa: S311 - the same every time
        self._patient = number % 2 == 0
        self.seen: Counter[str] = Counter()

    def submit(self) -> None:
        """Send what is missing, round after round, until nothing is."""
        by_sha = {file.sha: file for file in self._files}
        wanted = {"files": [file.specification for file in self._files]}
        for _ in range(MOST_ROUNDS):
            with closing(connect(self._url)) as connection:
                status, missing = ask(connection, "POST", f"{API}/checkout/requirements", wanted)
                assert status == 200, missing
                if not missing["files"]:
                    return
                todo = [
                    (each["status"] == "uploading", self._random.random(), each["sha"]) for each in missing["files"]
                ]
                self._round(connection, [by_sha[sha] for _, _, sha in sorted(todo)])
        raise AssertionError("some files are missing after so many rounds")

    def _round(self, connection: HTTPConnection, files: list[GeneratedFile]) -> None:
        deferred = 0
        for file in files:
            mistake = self._random.random()
            if mistake < 0.05:
                begin(self._url, file, self._random.randrange(file.size or 1)).close()
                self.seen["cut"] += 1
            elif mistake < 0.10 and file.size:
                status, _ = send(connection, file, wrong=True)
                assert status in (208, 417), status
                self.seen[f"wrong {status}"] += 1
            status, _ = send(connection, file, can_defer=self._patient and deferred < MOST_DEFERRED)
            self.seen[str(status)] += 1
            assert status in (200, 208, 425), status
            deferred += status == 425
            if mistake > 0.95 and status != 425:
                assert send(connection, file)[0] == 208
                self.seen["again"] += 1


def submit_at_once(clients: list[Client]) -> Counter[str]:
    """Have all of them submit at the same time. What became of their uploads."""
    start = threading.Barrier(len(clients))

    def submit(client: Client) -> None:
        start.wait()
        client.submit()

    with ThreadPoolExecutor(len(clients)) as pool:
        for done in [pool.submit(submit, client) for client in clients]:
            done.result()
    return sum((client.seen for client in clients), Counter())


class StoreWatch:
    """Looks at the stored files all the time within it, and once more then, and at each as soon as it is there."""

    def __init__(self, stored: Path) -> None:
        self._stored = stored
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.looks = 0
        self.whole: set[Path] = set()
        self.wrong: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        self._look()

    def _run(self) -> None:
        while not self._stopped.wait(0.01):
            self._look()

    def _look(self) -> None:
        self.looks += 1
        for path in self._stored.glob("*/*/*"):
            if path not in self.whole:
                if not is_whole(path):
                    self.wrong.append(str(path))
                self.whole.add(path)


def is_whole(blob: Path) -> bool:
    """Whether a stored file is what its name says."""
    with blob.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        sha = hashlib.file_digest(file, "sha256").hexdigest()
    return (f"{blob.parent.parent.name}{blob.parent.name}", blob.name) == (sha, f"{size}.blob")
