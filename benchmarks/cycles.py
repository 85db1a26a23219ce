"""Workers that do nothing but ask, report and ask again, over real connections to a real manager of any checkout.

They speak the protocol of today's Flamenco, so that earlier versions can be measured with them as well. Each is a
thread with a connection of its own; what they take of the processor is not counted.
"""

from __future__ import annotations

import atexit
import base64
import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psutil
from msgspec import Struct

from flamenco.demo.run import free_port
from flamenco.domain.errors import Failed

SECRET: Final = "a secret of the benchmarks, for nobody else"  # noqa: S105 - it opens nothing
TIMEOUT_S: Final = 60.0
_MEBIBYTE = 1024 * 1024

MANY: Final = """
const JOB_TYPE = { label: "Many", settings: [{ key: "count", type: "int32", required: true }] };

function compileJob(job) {
    for (let number = 0; number < job.settings.count; number++) {
        const task = author.Task(`task ${number}`, "misc");
        task.addCommand(author.Command("echo", { message: `hello ${number}` }));
        job.addTask(task);
    }
}
"""
"""A job type of the benchmarks: so many tasks, each with one command."""


class Size(Struct, frozen=True):
    """So many workers, and so many jobs of so many tasks."""

    workers: int
    jobs: int
    tasks: int

    def __str__(self) -> str:
        return f"{self.workers} workers, {self.jobs} x {self.tasks}"


class Cycles(Struct, frozen=True, kw_only=True):
    """What came of a run: `cpu_ms` of all processes of the manager for each cycle, answers in milliseconds by call.

    `rest_mb` and `after_mb`: memory of the manager, shared pages counted in part, before anything and afterwards.
    """

    per_second: float
    cpu_ms: float
    errors: int
    rest_mb: float
    after_mb: float
    answers_ms: dict[str, list[float]]

    def percentile(self, call: str, part: float) -> float:
        """How long that part of the answers to a call took at most, in milliseconds."""
        times = sorted(self.answers_ms[call])
        return times[min(len(times) - 1, int(len(times) * part))] if times else 0.0


class Caller:
    """One connection to the manager."""

    def __init__(self, port: int, authorization: str = "") -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        self._authorization = authorization

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """The status and the body of an answer."""
        headers = {"Accept": "application/json"}
        if self._authorization:
            headers["Authorization"] = self._authorization
        if body is not None:
            headers["Content-Type"] = "application/json"
        self._http.request(method, f"/api/v3{path}", None if body is None else json.dumps(body), headers)
        answer = self._http.getresponse()
        return answer.status, answer.read()

    def get(self, method: str, path: str, body: Any = None) -> Any:
        """What is in an answer that says that all is well. Raises `Failed` for others."""
        status, content = self.ask(method, path, body)
        if status not in (200, 204):
            raise Failed(f"{method} {path}: {status} {content.decode(errors='replace')[:500]}")
        return json.loads(content) if content else None


@contextmanager
def manager_of(
    checkout: Path, database: str = "", arguments: Sequence[str] = ()
) -> Iterator[tuple[int, psutil.Process]]:
    """A manager of that checkout, with its own `.venv`, in a scratch folder: its port, and its main process."""
    folder, port = _scratch(), free_port(0)
    (folder / "jobtypes").mkdir()
    (folder / "jobtypes" / "many.js").write_text(MANY)
    command: list[str | Path] = [checkout / ".venv" / "bin" / "python", "-m", "flamenco", "manager"]
    command += ["--data-dir", folder]
    command += ["--listen", f"127.0.0.1:{port}", *(["--database", database] if database else []), *arguments]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("FLAMENCO_", "PYTHON"))}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=checkout, env=clean, stdout=log, stderr=log, start_new_session=True, stdin=subprocess.DEVNULL
        )
    try:
        _wait_for(port, process, folder / "log")
        yield port, psutil.Process(process.pid)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _scratch() -> Path:
    """A folder for one run, which is removed when all are over.

    ext4 passes over the numbers of files that were deleted in the last minutes, one by one, whenever it makes a new
    one: where thousands of logs were removed between runs, that took a fifth of what a manager takes of the processor.
    """
    folder = Path(tempfile.mkdtemp(prefix="flamenco-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + TIMEOUT_S
    while True:
        try:
            Caller(port).get("GET", "/version")
        except (OSError, http.client.HTTPException) as error:
            if process.poll() is not None or time.monotonic() > until:
                raise Failed(f"the manager does not serve:\n{log.read_text()[-2000:]}") from error
            time.sleep(0.05)
        else:
            return


def measure(checkout: Path, size: Size, seconds: float, database: str = "", arguments: Sequence[str] = ()) -> Cycles:
    """Have workers go through their cycles for so long, or until there is no task any more."""
    with manager_of(checkout, database, arguments) as (port, process):
        rest_mb = _memory_mb(process)
        people = Caller(port)
        types = people.get("GET", "/jobs/types")["job_types"]
        etag = next(each["etag"] for each in types if each["name"] == "many")
        for number in range(size.jobs):
            job = {"name": f"job {number}", "type": "many", "type_etag": etag, "priority": 50}
            people.get("POST", "/jobs", {**job, "submitter_platform": "linux", "settings": {"count": size.tasks}})
        workers = [_Worker(port, number, time.monotonic() + seconds) for number in range(size.workers)]
        before, began = _processor_s(process), time.monotonic()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        took = time.monotonic() - began
        cycles = sum(worker.cycles for worker in workers)
        answers: dict[str, list[float]] = {}
        for worker in workers:
            for call, times in worker.answers_ms.items():
                answers.setdefault(call, []).extend(times)
        return Cycles(
            per_second=cycles / took,
            cpu_ms=(_processor_s(process) - before) / max(1, cycles) * 1000,
            errors=sum(worker.errors for worker in workers),
            rest_mb=rest_mb,
            after_mb=_memory_mb(process),
            answers_ms=answers,
        )


class _Worker(threading.Thread):
    """Asks for a task, reports thrice on it, and again; now and then it asks for the version, to compare."""

    _VERSION_EVERY = 10

    def __init__(self, port: int, number: int, until: float) -> None:
        super().__init__(daemon=True)
        self.cycles = self.errors = 0
        self.answers_ms: dict[str, list[float]] = {name: [] for name in ("schedule", "update", "log", "version")}
        self._until = until
        about = {"name": f"worker {number}", "supported_task_types": ["misc"]}
        registered = Caller(port).get(
            "POST", "/worker/register-worker", {**about, "secret": SECRET, "platform": "linux"}
        )
        encoded = base64.b64encode(f"{registered['uuid']}:{SECRET}".encode()).decode()
        self._caller = Caller(port, f"Basic {encoded}")
        self._caller.get("POST", "/worker/sign-on", {**about, "software_version": "bench"})
        self._caller.get("POST", "/worker/state-changed", {"status": "awake"})

    def run(self) -> None:
        """Go on until there is nothing to do, or the time is over."""
        while time.monotonic() < self._until:
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


def _processes(main: psutil.Process) -> list[psutil.Process]:
    return [main, *main.children(recursive=True)]


def _processor_s(main: psutil.Process) -> float:
    return sum(sum(each.cpu_times()[:2]) for each in _processes(main))


def _memory_mb(main: psutil.Process) -> float:
    """Proportional to how many share a page, where the system tells."""
    total = 0
    for each in _processes(main):
        with suppress(psutil.NoSuchProcess):
            full = each.memory_full_info()
            total += getattr(full, "pss", full.rss)
    return total / _MEBIBYTE
