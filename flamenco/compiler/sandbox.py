"""The parent's side of the helper process: started when first needed, asked one thing at a time, replaced when lost."""

from __future__ import annotations

import logging
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from flamenco.compiler.protocol import EXIT_IDLE, EXIT_MEMORY, EXIT_TIME, RUNNING, Request, Setup
from flamenco.compiler.run_time import longest_s
from flamenco.compiler.script_limits import ScriptLimits
from flamenco.domain.errors import Busy, Unavailable

log = logging.getLogger(__name__)

START_S = 30.0
"""V8 needs a third of a second to start, on an idle machine."""

GRACE_S = 1.0
"""How much later than the helper itself the parent notices that a script runs too long."""

_ATTEMPTS = 5
"""How many helpers in a row may end before they are reached by a request."""

_STDERR_LINES = 20
_LINES_AHEAD = 4
"""How many lines of an answer are read before somebody has taken them."""

_PACKAGE_ROOT = Path(__file__).resolve().parents[2]
_KEEPS_MEMORY = {"MALLOC_TOP_PAD_": str(8 * 2**20)}
"""A setting of glibc: memory is asked for in pieces of that size, and so much of what is free is kept. Without it, what
one list of tasks took in small pieces goes back to the system, and has to be had again for the next one: a twentieth of
the time of large jobs."""

_ENCODER = msgspec.json.Encoder()


class ScriptKilled(Exception):
    """The helper process was lost while it ran a script; the text says why, in the words of whoever wrote it."""


class ScriptRunner(Protocol):
    """What a compiler has scripts run by: a `Sandbox`, or one that several processes share."""

    def ask(self, request: Request, keep: Callable[[bytes], None]) -> bytes:
        """See `Sandbox.ask`."""

    def expect(self) -> None:
        """Somebody is about to submit a job."""

    def close(self) -> None:
        """End what there is to end."""

    @property
    def process_id(self) -> int | None:
        """The helper's process id while there is one in reach."""


class Sandbox:
    """One helper process, shared by all threads of this process. Not to be carried across a fork.

    A web process never runs V8 itself: a script can abort the process it runs in.
    """

    def __init__(self, limits: ScriptLimits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._seats = threading.Semaphore(limits.waiting)
        self._is_started = threading.Event()  # or nobody is about to
        self._is_started.set()
        self._helper: _Helper | None = None
        self._closed = False

    def ask(self, request: Request, keep: Callable[[bytes], None]) -> bytes:
        """The helper's reply to `request`, a `Reply` as JSON; `keep` gets each list of tasks that comes before it.

        Whether those are of any worth, the reply says. Raises `Busy` when other requests keep the helper for too long
        or it cannot be started, and `ScriptKilled` when the script takes the helper down or does not end.
        """
        if not self._wait():
            raise Busy("other jobs are being compiled, try again in a moment", retry_after=2)
        try:
            return self._asked(_ENCODER.encode(request) + b"\n", longest_s(request.timeout_s) + GRACE_S, keep)
        except Unavailable:
            self._discard()  # what it has still to say is of no use
            raise
        finally:
            self._lock.release()

    def start(self) -> None:
        """Start the helper, unless it runs or somebody is about to start it. What keeps it from starting is logged."""
        if self._lock.acquire(blocking=False):
            self._is_started.clear()
            try:
                with suppress(Busy, OSError):
                    self._running()
            finally:
                self._is_started.set()
                self._lock.release()

    def expect(self) -> None:
        """Somebody is about to submit a job. Who does not share a helper with others has it only once it is needed."""

    def _wait(self) -> bool:
        """Wait for the helper to be free; only so many callers may wait for long."""
        if not self._seats.acquire(blocking=False):
            return self._lock.acquire(timeout=self._limits.crowded_wait_s)
        try:
            self._is_started.wait(START_S)  # as long as for one's own start
            return self._lock.acquire(timeout=self._limits.wait_s)
        finally:
            self._seats.release()

    def close(self) -> None:
        """End the helper process. Whoever waits for it gets an error; the sandbox cannot be used again."""
        self._closed = True
        # Killed before the lock is asked for: whoever holds it waits for the helper.
        helper = self._helper
        if helper is not None:
            helper.kill()
        with self._lock:
            self._discard()

    @property
    def process_id(self) -> int | None:
        """The helper's process id while there is one."""
        helper = self._helper
        return None if helper is None else helper.process.pid

    @property
    def is_running(self) -> bool:
        """Whether there is a helper, as far as can be told without waiting."""
        helper = self._helper
        return helper is not None and helper.process.poll() is None

    def _asked(self, line: bytes, timeout_s: float, keep: Callable[[bytes], None]) -> bytes:
        for _ in range(_ATTEMPTS):
            helper = self._running()
            answer = helper.ask(line, timeout_s, keep)
            if answer is not None:
                return answer
            why = self._why_lost(helper)
            self._discard()
            if why is not None:
                raise ScriptKilled(why)
        raise Busy("the helper process for job types ends again and again, try again in a moment", retry_after=5)

    def _running(self) -> _Helper:
        if self._helper is not None and not self.is_running:
            self._discard()
        if self._closed:
            raise Busy("the manager is shutting down")
        if self._helper is None:
            self._helper = _Helper(self._limits)
            if not self._helper.ready():
                why = self._helper.last_words()
                self._discard()
                log.error("the helper process for job types does not start: %s", why)
                raise Busy(
                    "job types cannot be run, as their helper process does not start; it needs a terabyte of address"
                    f" space, so look at `ulimit -v`. It said: {why}",
                    retry_after=30,
                )
        return self._helper

    def _why_lost(self, helper: _Helper) -> str | None:
        """What became of a helper that gave no answer; None when the question never reached it."""
        if helper.oversized:
            return f"made a job of more than {self._limits.result_mb} MiB"
        with suppress(subprocess.TimeoutExpired):
            # It closed its pipe, so it is about to end, if not at work still.
            code = helper.process.wait(0 if helper.silent else GRACE_S)
            if self._closed or code == EXIT_IDLE or not helper.reached:
                return None
            if code == EXIT_MEMORY:
                return f"used more than {self._limits.memory_mb} MiB of memory"
            if code == EXIT_TIME:
                return f"ran longer than {self._limits.timeout_s:g} seconds"
            log.warning("the helper process for job types died with exit code %d: %s", code, helper.last_words())
            return f"crashed the JavaScript engine (exit code {code})"
        return f"ran longer than {self._limits.timeout_s:g} seconds"

    def _discard(self) -> None:
        if self._helper is not None:
            self._helper.kill()
            self._helper.close()
            self._helper = None


class _Helper:
    """One helper process and the threads that read its pipes; they let waiting for it have a time limit."""

    def __init__(self, limits: ScriptLimits) -> None:
        setup = Setup(memory_mb=limits.memory_mb, idle_s=limits.idle_s, grown_idle_s=limits.grown_idle_s)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flamenco.compiler.helper", _ENCODER.encode(setup).decode()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=2**20,
            # Python looks for modules in the current folder first: let that be ours, not one full of somebody's files.
            cwd=_PACKAGE_ROOT,
            env=_KEEPS_MEMORY | os.environ,
        )
        self.oversized = False
        self.silent = False
        self.reached = False
        self._longest = limits.result_mb * 2**20
        self._answers: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(_LINES_AHEAD)
        self._is_closed = False
        self._words: deque[str] = deque(maxlen=_STDERR_LINES)
        self._threads = [
            threading.Thread(target=self._read_answers, args=(self.process.stdout,), daemon=True),
            threading.Thread(target=self._read_words, args=(self.process.stderr,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def ready(self) -> bool:
        """Whether it has come up."""
        return self._answer(START_S) == b"ready\n"

    def ask(self, line: bytes, timeout_s: float, keep: Callable[[bytes], None]) -> bytes | None:
        """Its answer to `line`; None when it died, has nothing said for `timeout_s`, or says too much."""
        assert self.process.stdin is not None  # noqa: S101 - a pipe was asked for
        self.reached = False
        try:
            self.process.stdin.write(line)
            self.process.stdin.flush()
        except OSError:
            return None
        self.reached = self._answer(timeout_s) == RUNNING
        left = self._longest
        while self.reached:
            answer = self._answer(timeout_s)
            left -= len(answer or b"")
            self.oversized = self.oversized or left < 0
            if answer is None or self.oversized:
                return None
            if answer.startswith(b"{"):
                return answer
            keep(answer)
        return None

    def kill(self) -> None:
        """End it now, whatever it is doing."""
        self.process.kill()

    def close(self) -> None:
        """Wait until it has ended, and let go of its pipes. To be called after `kill`."""
        self.process.wait()
        self._is_closed = True
        self._room.release()
        for thread in self._threads:
            thread.join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            # What could not be written to a dead process any more is no loss.
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def last_words(self) -> str:
        """The end of what it wrote to stderr."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(GRACE_S)
            self._threads[1].join(GRACE_S)
        return " | ".join(self._words) or "nothing"

    def _answer(self, timeout_s: float) -> bytes | None:
        try:
            answer = self._answers.get(timeout=timeout_s)
        except queue.Empty:
            self.silent = True
            return None
        self._room.release()
        return answer

    def _read_answers(self, pipe: BinaryIO) -> None:
        # A line without its end is what a helper leaves behind that dies while it writes.
        while (line := self._line_when_there_is_room(pipe)).endswith(b"\n"):
            self._answers.put(line)
        self.oversized = len(line) == self._longest
        self._answers.put(None)

    def _line_when_there_is_room(self, pipe: BinaryIO) -> bytes:
        self._room.acquire()
        return b"" if self._is_closed else pipe.readline(self._longest)

    def _read_words(self, pipe: BinaryIO) -> None:
        for line in pipe:
            text = line.decode(errors="replace").rstrip()
            log.debug("helper process for job types: %s", text)
            self._words.append(text)
