"""Workers that do nothing but ask, report and ask again, over real connections to a real manager of any checkout.

They speak the protocol of today's Flamenco, so that earlier versions can be measured with them as well. Each is a
thread with a connection of its own; what they take of the processor is not counted.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import Any, Final

import psutil
from msgspec import Struct

from benchmarks.in_use import submit_in_use
from benchmarks.managers import Caller, Manager, Memory, Setting, managers_of, memory_of, settled, submit

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
        self._caller = Caller(port, f"Basic {encoded}")
        self._caller.get("POST", "/worker/sign-on", {**about, "software_version": "bench"})
        self._caller.get("POST", "/worker/state-changed", {"status": "awake"})

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
        answer = self._caller.ask(method, path, body)
        self.answers_ms[call].append((time.perf_counter() - began) * 1000)
        return answer
