"""The demo's own processes, each in a session of its own with a log; none of them and no renderer is left behind.

On Linux the demo becomes the parent of such orphans, so that it can end them. Elsewhere there is no such thing and
the farm's own way of ending what it started has to do.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from flamenco.domain.errors import Failed
from flamenco.platforms import groups

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
                **groups.OWN_GROUP,  # Ctrl-C in the terminal is ours to handle: workers first, then the manager
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
        """Send SIGTERM, or what Windows has for it; the process itself ends what it started."""
        if self.exit_code is None:
            groups.ask_to_end(self._process)

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
        self._strangers = children_of(os.getpid())
        adopt()

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
        end(self._strangers)

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
    with contextlib.suppress(PermissionError):
        groups.kill(group)


PR_SET_CHILD_SUBREAPER = 36
ROUNDS = 20
ROUND_S = 0.1


def adopt() -> None:
    """Become the parent of every process below this one whose own parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children_of(parent: int) -> set[int]:
    """Ids of the processes that `parent` is the parent of, dead ones included that nobody asked about yet."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # the name in parentheses may have spaces and parentheses of its own; after it: state, then the parent
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.add(int(stat.parent.name))
    return found


def end(keep: set[int]) -> None:
    """Kill all children of this process but those in `keep`, then what they leave behind, until there is nothing."""
    for _ in range(ROUNDS):
        left = children_of(os.getpid()) - keep
        if not left:
            return
        for child in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, os.WNOHANG)
        time.sleep(ROUND_S)
