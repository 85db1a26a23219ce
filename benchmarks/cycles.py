"""Workers that do nothing but ask, report and ask again, over real connections to a real manager of any checkout.

They speak the protocol of today's Flamenco, so that earlier versions can be measured with them as well. Each is a
thread with a connection of its own; what they take of the processor is not counted. It is little all the same: where
they share two processors with the manager, and one lock with each other, answers would seem to take longer than they
do. So a request is put together and sent at once, as workers in Go do, and of an answer is read what is needed.
"""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from typing import Any, Final

import psutil
from msgspec import Struct

from benchmarks.in_use import submit_in_use
from benchmarks.managers import TIMEOUT_S, Caller, Manager, Memory, Setting, managers_of, memory_of, settled, submit
from flamenco.domain.errors import Failed

SECRET: Final = "a secret of the benchmarks, for nobody else"  # noqa: S105 - it opens nothing


class Size(Struct, frozen=True):
    """So many workers, and so many jobs of so many tasks; `apart`: each worker can do those of one job alone."""

    workers: int
    jobs: int
    tasks: int
    apart: bool = False

    def __str__(self) -> str:
        apart = ", each worker on one of them" if self.apart else ""
        return f"{self.workers} workers, {self.jobs} x {self.tasks}{apart}"

    def kind(self, number: int) -> str:
        """The type of the tasks of a job, or of those that a worker does."""
        return f"misc{number % self.jobs}" if self.apart else "misc"


class Cycles(Struct, frozen=True, kw_only=True):
    """What came of a run: `cpu_ms` of all processes of the manager for each cycle, answers in milliseconds by call.

    `rest` and `after`: memory before anything and afterwards. `idle_processors`: how many processors of the machine
    had nothing to do meanwhile, for workers either.
    """

    per_second: float
    cpu_ms: float
    idle_processors: float
    errors: int
    rest: Memory
    after: Memory
    answers_ms: dict[str, list[float]]

    def percentile(self, call: str, part: float) -> float:
        """How long that part of the answers to a call took at most, in milliseconds."""
        times = sorted(self.answers_ms[call])
        return times[min(len(times) - 1, int(len(times) * part))] if times else 0.0


def measure(setting: Setting, size: Size, seconds: float) -> Cycles:
    """Have workers go through their cycles for so long, or until there is no task any more."""
    with managers_of(setting) as managers:
        rest = settled(managers)
        people = Caller(managers[0].port)
        for number in range(size.jobs):
            (submit_in_use if setting.in_use else submit)(people, f"job {number}", size.tasks, size.kind(number))
        workers = [
            _Worker(managers[number % len(managers)].port, number, size.kind(number)) for number in range(size.workers)
        ]
        before, machine_before, began = _processor_s(managers), psutil.cpu_times(), time.monotonic()
        for worker in workers:
            worker.until = began + seconds
            worker.start()
        for worker in workers:
            worker.join()
        took, machine = time.monotonic() - began, psutil.cpu_times()
        cycles = sum(worker.cycles for worker in workers)
        return Cycles(
            per_second=cycles / took,
            cpu_ms=(_processor_s(managers) - before) / max(1, cycles) * 1000,
            idle_processors=(machine.idle - machine_before.idle) / took,
            errors=sum(worker.errors for worker in workers),
            rest=rest,
            after=memory_of(managers),
            answers_ms=_answers_of(workers),
        )


def _processor_s(managers: list[Manager]) -> float:
    return sum(manager.processor_s() for manager in managers)


def _answers_of(workers: list[_Worker]) -> dict[str, list[float]]:
    answers: dict[str, list[float]] = {}
    for worker in workers:
        for call, times in worker.answers_ms.items():
            answers.setdefault(call, []).extend(times)
    return answers


_END: Final = b"\r\n\r\n"


class _Connection:
    """A connection on which hardly anything is done but waiting for the manager."""

    def __init__(self, port: int, authorization: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = (
            f"Host: 127.0.0.1:{port}\r\nAuthorization: {authorization}\r\nAccept: application/json\r\n"
            "User-Agent: bench\r\nContent-Type: application/json\r\n"
        )

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """The status and the body of an answer. Raises `Failed` where the manager hangs up."""
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} /api/v3{path} HTTP/1.1\r\n{self._head}Content-Length: {len(content)}\r\n\r\n"
        self._socket.sendall(head.encode() + content)
        found = self._read(b"")
        while _END not in found:
            found = self._read(found)
        before, _, answer = found.partition(_END)
        length = before.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        while len(answer) < int(length or 0):
            answer = self._read(answer)
        return int(before[9:12]), answer

    def _read(self, before: bytes) -> bytes:
        more = self._socket.recv(65536)
        if not more:
            raise Failed("the manager closed a connection without an answer")
        return before + more


class _Worker(threading.Thread):
    """Asks for a task, reports thrice on it, and again; now and then it asks for the version, to compare."""

    _VERSION_EVERY = 10

    def __init__(self, port: int, number: int, kind: str) -> None:
        super().__init__(daemon=True)
        self.cycles = self.errors = 0
        self.answers_ms: dict[str, list[float]] = {name: [] for name in ("schedule", "update", "log", "version")}
        self.until = 0.0
        about = {"name": f"worker {number}", "supported_task_types": [kind]}
        registered = Caller(port).get(
            "POST", "/worker/register-worker", {**about, "secret": SECRET, "platform": "linux"}
        )
        encoded = base64.b64encode(f"{registered['uuid']}:{SECRET}".encode()).decode()
        caller = Caller(port, f"Basic {encoded}")
        caller.get("POST", "/worker/sign-on", {**about, "software_version": "bench"})
        caller.get("POST", "/worker/state-changed", {"status": "awake"})
        caller.close()
        self._connection = _Connection(port, f"Basic {encoded}")

    def run(self) -> None:
        """Go on until there is nothing to do, or the time is over."""
        while time.monotonic() < self.until:
            status, content = self._timed("schedule", "POST", "/worker/task")
            if status == 204:
                return
            if status != 200:
                self.errors += 1
                continue
            path = f"/worker/task/{json.loads(content)['uuid']}"
            for call, body in (
                ("update", {"taskStatus": "active", "activity": "it runs"}),
                ("log", {"log": "one line of a log"}),
                ("update", {"taskStatus": "completed", "activity": "it is done"}),
            ):
                self.errors += self._timed(call, "POST", path, body)[0] != 204
            self.cycles += 1
            if self.cycles % self._VERSION_EVERY == 0:
                self._timed("version", "GET", "/version")

    def _timed(self, call: str, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        began = time.perf_counter()
        answer = self._connection.ask(method, path, body)
        self.answers_ms[call].append((time.perf_counter() - began) * 1000)
        return answer
