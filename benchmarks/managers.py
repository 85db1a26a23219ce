"""Managers of any checkout, in scratch folders, one or several on one database: asked over HTTP, and looked at.

They are spoken to in the protocol of today's Flamenco, so that earlier versions can be measured as well.
"""

from __future__ import annotations

import atexit
import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psutil
from msgspec import Struct

from flamenco.demo.run import free_port
from flamenco.domain.errors import Failed

TIMEOUT_S: Final = 120.0
_MEBIBYTE = 1024 * 1024

MANY: Final = """
const JOB_TYPE = { label: "Many", settings: [
    { key: "count", type: "int32", required: true },
    { key: "kind", type: "string", default: "misc" },
    { key: "frames", type: "bool", default: false },
] };

function compileJob(job) {
    for (let number = 0; number < job.settings.count; number++) {
        const task = author.Task(`task ${number}`, job.settings.kind || "misc");
        const frames = job.settings.frames ? { frames: `${number}` } : {};
        task.addCommand(author.Command("echo", { message: `hello ${number}`, ...frames }));
        job.addTask(task);
    }
}
"""
"""A job type of the benchmarks: so many tasks of a type, each with one command, and maybe each for one frame."""


class Setting(Struct, frozen=True, kw_only=True):
    """What is measured: managers of that checkout, with its own `.venv`, on their own SQLite or on `database`.

    `in_use`: jobs use what can be used, see `benchmarks.in_use`.
    """

    checkout: Path
    database: str = ""
    arguments: tuple[str, ...] = ()
    managers: int = 1
    in_use: bool = False


class Caller:
    """One connection to the manager."""

    def __init__(self, port: int, authorization: str = "") -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        self._authorization = authorization

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """The status and the body of an answer; of today's protocol, where the path does not say of which."""
        headers = {"Accept": "application/json"}
        if self._authorization:
            headers["Authorization"] = self._authorization
        if body is not None:
            headers["Content-Type"] = "application/json"
        whole = path if path.startswith("/api/") else f"/api/v3{path}"
        self._http.request(method, whole, None if body is None else json.dumps(body), headers)
        answer = self._http.getresponse()
        return answer.status, answer.read()

    def get(self, method: str, path: str, body: Any = None) -> Any:
        """What is in an answer that says that all is well. Raises `Failed` for others."""
        status, content = self.ask(method, path, body)
        if status not in (200, 204):
            raise Failed(f"{method} {path}: {status} {content.decode(errors='replace')[:500]}")
        return json.loads(content) if content else None


def submit(people: Caller, name: str, tasks: int, kind: str = "misc") -> None:
    """Submit a job of so many tasks of a type."""
    people.get("POST", "/jobs", about(name, tasks, kind))


def about(name: str, tasks: int, kind: str) -> dict[str, Any]:
    """What is said of such a job."""
    settings = {"count": tasks, "kind": kind}
    return {"name": name, "type": "many", "priority": 50, "submitter_platform": "linux", "settings": settings}


class Manager:
    """One that serves."""

    def __init__(self, port: int, main: psutil.Process) -> None:
        self.port = port
        self._main = main

    def processor_s(self) -> float:
        """How much of the processor all its processes took that are there."""
        return sum(sum(each.cpu_times()[:2]) for each in self.processes())

    def processes(self) -> list[psutil.Process]:
        """The main one first."""
        return [self._main, *self._main.children(recursive=True)]


class Memory(Struct, frozen=True):
    """Of all processes, pages that many share counted in part; what the helper has goes once it is idle."""

    all_mb: float
    helper_mb: float


def memory_of(managers: list[Manager]) -> Memory:
    """That of all of them, now."""
    of_all = of_helpers = 0.0
    for each in (each for manager in managers for each in manager.processes()):
        with suppress(psutil.NoSuchProcess):
            full = each.memory_full_info()
            size = getattr(full, "pss", full.rss) / _MEBIBYTE
            of_all += size
            of_helpers += size if "flamenco.compiler.helper" in each.cmdline() else 0.0
    return Memory(of_all, of_helpers)


def settled(managers: list[Manager]) -> Memory:
    """The same, once they have started all that they start by themselves."""
    until, last, now = time.monotonic() + TIMEOUT_S, 0.0, memory_of(managers)
    while abs(now.all_mb - last) > 1 and time.monotonic() < until:
        time.sleep(1)
        last, now = now.all_mb, memory_of(managers)
    return now


@contextmanager
def managers_of(setting: Setting) -> Iterator[list[Manager]]:
    """All that it says."""
    with ExitStack() as stack:
        yield [stack.enter_context(_manager_of(setting)) for _ in range(setting.managers)]


@contextmanager
def _manager_of(setting: Setting) -> Iterator[Manager]:
    folder, port = _scratch(), free_port(0)
    (folder / "jobtypes").mkdir()
    (folder / "jobtypes" / "many.js").write_text(MANY)
    command: list[str | Path] = [setting.checkout / ".venv" / "bin" / "python", "-m", "flamenco", "manager"]
    command += ["--data-dir", folder]
    command += ["--listen", f"127.0.0.1:{port}", *(["--database", setting.database] if setting.database else [])]
    command += setting.arguments
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("FLAMENCO_", "PYTHON"))}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=setting.checkout,
            env=clean,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_for(port, process, folder / "log")
        yield Manager(port, psutil.Process(process.pid))
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
