"""Looks for patterns that somebody wrote, in a process that ends when that takes too much of the processor.

A pattern on which it ended so is not looked for any more by this process: one failure alone waits for it.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from flamenco.files import rule_scan
from flamenco.files.rule_scan import Hit

BUDGET_S: Final = 0.5
"""So much of the processor the patterns may take for one log."""

PATIENCE_S: Final = 5.0
"""And so long is the answer waited for, on a machine that has others to serve."""

START_S: Final = 2.0
"""How much longer it is waited for where it is started for each log; of the time by the clock, as Windows has it."""

_PROGRAM: Final = (sys.executable, "-I", "-S", str(Path(rule_scan.__file__).resolve()))
_BLOCK: Final = 64 * 1024


class TooSlow(Exception):
    """That pattern takes too long, or too much memory, and is not looked for any more."""

    def __init__(self, pattern: str) -> None:
        super().__init__(pattern)
        self.pattern = pattern


class _Ended(Exception):
    """The process has ended; it was just then at the pattern with this number, or at none, below zero."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


_NOTHING_SAID: Final[Hit] = (-1, "", {})


def _answered(lines: Sequence[bytes]) -> tuple[int, Hit | None]:
    """The number of the pattern that was begun with last, below zero for none, and what was found, if that was said."""
    begun, found = -1, _NOTHING_SAID
    for line in filter(None, lines):
        answer: dict[str, Any] = json.loads(line)
        if "found" in answer:
            hit = answer["found"]
            return begun, None if hit is None else (hit[0], hit[1], hit[2])
        begun = answer["begins"]
    return begun, found


class RuleMatching:
    """Patterns, looked for in a process that starts with the first. Safe to share between threads; not after a fork.

    The process is kept for the next log, but on Windows, where it has no limits of its own either.
    """

    def __init__(
        self,
        budget_s: float = BUDGET_S,
        timer: Callable[[], float] = time.monotonic,
        *,
        is_kept: bool = sys.platform != "win32",
    ) -> None:
        self._command = (*_PROGRAM, str(budget_s))
        self._budget_s = budget_s
        self._is_kept = is_kept
        self._timer = timer
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._too_slow: set[str] = set()
        self._late: set[str] = set()
        self._begun = -1

    def first(self, patterns: Sequence[str], lines: Sequence[str]) -> Hit | None:
        """The first pattern that is in any of the lines.

        Raises `TooSlow`, for each pattern once, and `OSError` where they cannot be looked for just now.
        """
        with self._lock:
            wanted = [(number, each) for number, each in enumerate(patterns) if each not in self._too_slow]
            if not wanted:
                return None
            try:
                hit = self._looked([each for _, each in wanted], lines)
            except TimeoutError as error:
                self._note_late(wanted[self._begun][1] if self._begun >= 0 else "", error)
                raise
        return None if hit is None else (wanted[hit[0]][0], hit[1], hit[2])

    def _note_late(self, pattern: str, error: TimeoutError) -> None:
        """Nobody is to wait a third time where the machine is too busy for the process to end by itself."""
        if pattern in self._late:
            self._too_slow.add(pattern)
            raise TooSlow(pattern) from error
        self._late.add(pattern)

    def close(self) -> None:
        """End the process, if there is one."""
        with self._lock:
            self._end()

    def _looked(self, patterns: Sequence[str], lines: Sequence[str]) -> Hit | None:
        question = json.dumps([patterns, lines]).encode() + b"\n"
        if not self._is_kept:
            return self._looked_once(patterns, question)
        is_new = self._process is None or self._process.poll() is not None
        if is_new:
            self._start()
        try:
            return self._answer(question)
        except _Ended as ended:
            if is_new or ended.number >= 0:
                raise self._why_ended(patterns, ended.number) from ended
        self._start()  # it had just ended by itself, as nobody asked
        try:
            return self._answer(question)
        except _Ended as ended:
            raise self._why_ended(patterns, ended.number) from ended

    def _looked_once(self, patterns: Sequence[str], question: bytes) -> Hit | None:
        """By a process of its own, which is ended in time: pipes cannot be waited for everywhere."""
        self._begun = -1
        try:
            ended = subprocess.run(
                self._command,
                input=question,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=self._budget_s + START_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            self._begun, _ = _answered((error.stdout or b"").splitlines())
            raise TimeoutError("the process that looks for patterns does not answer") from error
        self._begun, found = _answered(ended.stdout.splitlines())
        if found is not _NOTHING_SAID:
            return found
        if self._begun < 0:
            raise OSError(f"the process that looks for patterns ended with code {ended.returncode}")
        self._too_slow.add(patterns[self._begun])
        raise TooSlow(patterns[self._begun])

    def _why_ended(self, patterns: Sequence[str], number: int) -> Exception:
        """What is to be raised when it has ended in the middle, by itself, or as somebody else wanted its memory."""
        code = self._process.wait() if self._process is not None else 0
        if number >= 0 and (code == -signal.SIGPROF or code > 0):
            self._too_slow.add(patterns[number])
            return TooSlow(patterns[number])
        return OSError(f"the process that looks for patterns ended with code {code}")

    def _start(self) -> None:
        self._end()
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None  # noqa: S101 - for types
            os.set_blocking(pipe.fileno(), False)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def _answer(self, question: bytes) -> Hit | None:
        """Raises `_Ended`, and `TimeoutError`."""
        self._begun = -1
        for line in self._lines(question):
            answer: dict[str, Any] = json.loads(line)
            if "found" in answer:
                found = answer["found"]
                return None if found is None else (found[0], found[1], found[2])
            self._begun = answer["begins"]
        raise _Ended(self._begun)

    def _lines(self, question: bytes) -> Iterator[bytes]:
        """The lines of the answer as they come, until the process ends. Raises `TimeoutError`."""
        assert self._process is not None and self._process.stdin and self._process.stdout  # noqa: S101, PT018 - for types
        asks, answers, said = self._process.stdin.fileno(), self._process.stdout.fileno(), b""
        poller = select.poll()  # not `select`, which knows no more than a thousand files
        poller.register(asks, select.POLLOUT)
        poller.register(answers, select.POLLIN)
        deadline = self._timer() + PATIENCE_S
        while (left := deadline - self._timer()) > 0:
            ready = [descriptor for descriptor, _ in poller.poll(left * 1000)]
            if answers in ready:
                block = os.read(answers, _BLOCK)
                if not block:
                    return
                *whole, said = (said + block).split(b"\n")
                yield from whole
            elif asks in ready:
                question = self._write(asks, question)
                if not question:
                    poller.unregister(asks)
        self._end()
        raise TimeoutError("the process that looks for patterns does not answer")

    def _write(self, asks: int, question: bytes) -> bytes:
        """What is still to be asked; nothing where it has ended."""
        try:
            return question[os.write(asks, question[:_BLOCK]) :]
        except BrokenPipeError:
            return b""
