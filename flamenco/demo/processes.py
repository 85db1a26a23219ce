"""The demo's own processes: starts each in a session of its own with its log in a file, and leaves none behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from flamenco.demo import orphans
from flamenco.domain.errors import Failed

STOP_TIMEOUT_S = 15.0
"""How long a process may take to stop when asked; then it is killed."""

KILL_TIMEOUT_S = 5.0


class Child:
    """One process, its name for people and its log."""

    def __init__(self, name: str, argv: Sequence[str], log: Path, environ: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environ),
                cwd=folder,
                start_new_session=True,  # Ctrl-C in the terminal is ours to handle: workers first, then the manager
            )

    @property
    def pid(self) -> int:
        """The process id, which is the id of its process group as well."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def check(self) -> None:
        """Raise `Failed` when it runs no more."""
        if self.exit_code is not None:
            raise Failed(f"the {self.name} ended with exit code {self.exit_code}; its log says:\n{self.tail()}")

    def tail(self, lines: int = 15) -> str:
        """The last lines of its log."""
        return last_lines(self.log, lines)

    def ask_to_stop(self) -> None:
        """Send SIGTERM; the process itself ends what it started."""
        if self.exit_code is None:
            self._process.terminate()

    def wait(self, deadline: float) -> bool:
        """Wait until it ended or `deadline` (monotonic) passed; whether it ended."""
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """Kill what is left of its process group, also when it has ended itself."""
        kill_group(self.pid)
        self.wait(time.monotonic() + KILL_TIMEOUT_S)


class Children:
    """All processes of the demo, the manager first. Leaving the context stops them and waits until they are gone."""

    def __init__(self, logs: Path, environ: Mapping[str, str], stop_timeout_s: float = STOP_TIMEOUT_S) -> None:
        self._logs = logs
        self._stop_timeout_s = stop_timeout_s
        self._environ = environ
        self._running: list[Child] = []
        self._strangers = orphans.children_of(os.getpid())
        orphans.adopt()

    def start(self, name: str, argv: Sequence[str], folder: Path) -> Child:
        """Start a process with working directory `folder`. Its log is named after it."""
        folder.mkdir(parents=True, exist_ok=True)
        self._logs.mkdir(parents=True, exist_ok=True)
        child = Child(name, argv, self._logs / f"{name}.log", self._environ, folder)
        self._running.append(child)
        return child

    def check(self) -> None:
        """Raise `Failed` when one of them runs no more."""
        for child in self._running:
            child.check()

    def stop(self) -> None:
        """Stop all but the first, so that workers can sign off at their manager; then the first; then what is left."""
        for generation in (self._running[1:], self._running[:1]):
            for child in generation:
                child.ask_to_stop()
            deadline = time.monotonic() + self._stop_timeout_s
            for child in generation:
                child.wait(deadline)
        for child in self._running:
            child.kill()
        self._running.clear()
        orphans.end(self._strangers)

    def __enter__(self) -> Children:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def last_lines(path: Path, lines: int) -> str:
    """The end of a text file, or a word that there is nothing."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "  (no log)"
    return "\n".join(f"  {line}" for line in text.splitlines()[-lines:]) or "  (nothing)"


def kill_group(group: int) -> None:
    """Kill a process group, if there is one of that id."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
