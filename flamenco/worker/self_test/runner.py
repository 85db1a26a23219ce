"""Runs one program for a self-test, as tasks run theirs, and ends it when it says nothing for too long."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

from flamenco.domain.model import Command
from flamenco.hooks.types import CommandCancelled, CommandFailed
from flamenco.worker.cancellation import Cancellation, CancelReason
from flamenco.worker.process import run_process
from flamenco.worker.task_process import Reports, TaskProcess

MOST_LINES: Final = 10_000
"""What prints more is not what it should be."""

GONE_S: Final = 10.0
"""So long is waited for a program to be gone that was ended; then it is left behind."""

_TOO_MUCH: Final = f"it prints more than {MOST_LINES} lines"
_END: Final = None


class TimedOut(Exception):
    """Nothing came of a program for too long. It was ended, as far as that can be done."""


class Run(Protocol):
    """Runs a program to its end, as the user that tasks run as; `on_line` gets what it prints, from another thread."""

    def __call__(self, argv: Sequence[str], on_line: Callable[[str], None], cancellation: Cancellation, /) -> None:
        """Raises `CommandFailed`, `CommandCancelled`."""


def as_worker(argv: Sequence[str], on_line: Callable[[str], None], cancellation: Cancellation) -> None:
    """Run it as the worker's own user, as whom tasks run unless another is named."""
    run_process(argv, lambda _pid, line: on_line(line), cancellation)


def as_user_of(process: TaskProcess) -> Run:
    """What runs programs as the user whom the worker's tasks run as."""

    def run(argv: Sequence[str], on_line: Callable[[str], None], cancellation: Cancellation) -> None:
        command = Command("exec", {"exe": argv[0], "args": list(argv[1:])})
        reports = Reports(_Lines(on_line), lambda _: None, lambda _: None)
        failure = process.run([command], {}, reports, cancellation)
        if cancellation.is_set():
            raise CommandCancelled
        if failure:
            raise CommandFailed(failure.removeprefix("exec: "))

    return run


class _Lines:
    """A task's log, of which only what the program has printed is wanted."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line

    def write(self, text: str) -> None:
        """Pass on the lines of the program."""
        for line in text.splitlines():
            whose, separator, said = line.partition(" > ")
            if separator and whose.startswith("pid="):
                self._on_line(said)

    def show(self, text: str) -> None:
        """Forget it."""


class Programs:
    """Runs programs of a self-test, any number at a time, until `stop`."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._running: set[Cancellation] = set()
        self.is_stopped = False

    def stop(self) -> None:
        """End all of them, and let none begin. May be called from any thread."""
        with self._lock:
            self.is_stopped = True
            running = list(self._running)
        for each in running:
            each.cancel(CancelReason.SHUTDOWN)

    def lines(self, argv: Sequence[str], limit_s: Callable[[], float]) -> Iterator[str]:
        """What it prints, line by line, to its end. `limit_s` says how long the next line may take.

        Raises `TimedOut` after that, and `CommandFailed` when it cannot be started, or ends otherwise than well.
        """
        found: queue.Queue[str | CommandFailed | None] = queue.Queue(MOST_LINES)
        with self._cancelling() as cancellation:
            thread = threading.Thread(
                target=self._fill, args=(argv, found, cancellation), name="self-test", daemon=True
            )
            thread.start()
            try:
                yield from _taken(found, limit_s)
            finally:
                cancellation.cancel(CancelReason.LIMIT)
                thread.join(GONE_S)

    @contextmanager
    def _cancelling(self) -> Iterator[Cancellation]:
        cancellation = Cancellation()
        with self._lock:
            self._running.add(cancellation)
            is_late = self.is_stopped
        if is_late:
            cancellation.cancel(CancelReason.SHUTDOWN)
        try:
            yield cancellation
        finally:
            with self._lock:
                self._running.discard(cancellation)

    def _fill(
        self, argv: Sequence[str], found: queue.Queue[str | CommandFailed | None], cancellation: Cancellation
    ) -> None:
        def on_line(line: str) -> None:
            try:
                found.put_nowait(line)
            except queue.Full:
                raise CommandFailed(_TOO_MUCH) from None

        end: CommandFailed | None = _END
        try:
            self._run(argv, on_line, cancellation)
        except CommandFailed as error:
            end = error
        except CommandCancelled:
            end = CommandFailed("it was ended")
        except Exception as error:  # nobody else would hear of it
            end = CommandFailed(f"unexpected {type(error).__name__}: {error}")
        if found.full():
            found.get_nowait()
        found.put_nowait(end)


def _taken(found: queue.Queue[str | CommandFailed | None], limit_s: Callable[[], float]) -> Iterator[str]:
    for _ in range(MOST_LINES):
        try:
            line = found.get(timeout=limit_s())
        except queue.Empty:
            raise TimedOut from None
        if line is _END:
            return
        if isinstance(line, CommandFailed):
            raise line
        yield line
    raise CommandFailed(_TOO_MUCH)
