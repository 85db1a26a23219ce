"""One helper process for all processes of a manager: one of them has it, and runs what the others want to be run."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal

import msgspec
from msgspec import Struct

from flamenco.compiler.channel import Channel
from flamenco.compiler.protocol import Request
from flamenco.compiler.run_time import longest_s
from flamenco.compiler.sandbox import GRACE_S, START_S, Sandbox, ScriptKilled
from flamenco.compiler.script_limits import ScriptLimits
from flamenco.domain.errors import Busy, Unavailable

log = logging.getLogger(__name__)

SEEN_S: Final = 5.0
"""How long whoever has the helper may take to say that it will see to a request; it may have been stopped."""

READ_S: Final = 10.0
"""How long a process may take to send its request, or to read on in the answer: others wait for the helper."""

STARTS_AFTER_S: Final = 1.0
"""The helper is left for so long to a manager that has just started: its other processes need the processor more."""

MOST_LENT: Final = 256
"""So many requests of other processes are seen to at a time, most of which wait; each has a thread."""

_ATTEMPTS = 5
"""How many processes in a row may end before they have answered."""

_SEEN = b"seen\n"
_BUFFER = 2**20
_FAILED = b"!"
_ENCODER = msgspec.json.Encoder()


class Failure(Struct, frozen=True, kw_only=True):
    """Why there is no answer, from one process to another."""

    kind: Literal["busy", "killed"]
    text: str
    retry_after: int = 1


class _Lost(Exception):
    """Whoever has the helper is gone, and has said nothing of what came out."""


class SharedSandbox:
    """As `Sandbox`, for a process that shares the helper with others by way of `channel`. To be made after the fork."""

    def __init__(self, limits: ScriptLimits, channel: Channel) -> None:
        self._limits = limits
        self._channel = channel
        self._own = Sandbox(limits)
        self._has_turn = threading.Event()
        self._lent = 0
        self._lent_changed = threading.Condition()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._take_turn, name="helper-for-all", daemon=True)

    def start(self) -> None:
        """Have the helper once nobody else has it, and start it soon, so that the first job need not wait for that."""
        self._thread.start()

    def expect(self) -> None:
        """Have it started where it has ended, without waiting for that: somebody is about to submit a job."""
        if self._has_turn.is_set() and self._own.is_running:
            return
        with suppress(OSError):  # the first request starts it as well
            self._channel.wake()

    def ask(self, request: Request, keep: Callable[[bytes], None]) -> bytes:
        """As that of `Sandbox`."""
        for _ in range(_ATTEMPTS):
            if self._closed.is_set():
                raise Busy("the manager is shutting down")
            if self._has_turn.is_set():
                return self._own.ask(request, keep)
            with suppress(_Lost):
                return self._asked_of_another(request, keep)
        raise Busy("the processes that run job types end again and again, try again in a moment", retry_after=5)

    def close(self, wait_s: float = 0.0) -> None:
        """End the helper if it is ours, once it has done what others wait for, but for that no longer than `wait_s`."""
        with self._lent_changed:
            self._lent_changed.wait_for(lambda: not self._lent, wait_s)
        self._closed.set()
        self._own.close()
        if self._has_turn.is_set():
            with suppress(OSError):
                self._channel.wake()
            self._thread.join(GRACE_S)

    @property
    def process_id(self) -> int | None:
        """The process id of the helper, while there is one and it is ours."""
        return self._own.process_id

    # -- where the helper is another process's ------------------------------------------------------------------------

    def _asked_of_another(self, request: Request, keep: Callable[[bytes], None]) -> bytes:
        # That is the longest that anything takes there, one after the other.
        longest = self._limits.wait_s + START_S + longest_s(request.timeout_s) + 2 * GRACE_S
        try:
            with self._channel.connect() as connection, connection.makefile("rb", _BUFFER) as lines:
                connection.settimeout(SEEN_S)
                if lines.readline() != _SEEN:
                    raise _Lost
                connection.settimeout(longest)
                connection.sendall(_ENCODER.encode(request) + b"\n")
                return _answer(lines.readline, keep)
        except TimeoutError as error:
            raise Busy("the process that runs job types does not answer, try again in a moment", 5) from error
        except ConnectionError as error:
            raise _Lost from error
        except OSError as error:
            raise Busy(f"job types cannot be run now: {error.strerror}", retry_after=5) from error

    # -- where it is ours ---------------------------------------------------------------------------------------------

    def _take_turn(self) -> None:
        self._channel.await_turn()
        try:
            self._has_turn.set()
            threading.Thread(target=self._start_soon, name="helper-start", daemon=True).start()
            while not self._closed.is_set():
                self._take()
        finally:
            self._channel.give_up_turn()

    def _start_soon(self) -> None:
        if not self._closed.wait(STARTS_AFTER_S):
            self._own.start()

    def _take(self) -> None:
        try:
            connection = self._channel.take()
        except OSError:
            log.exception("a request of another process could not be taken")
            time.sleep(GRACE_S)  # whatever it is, there may be no end of it
            return
        if self._closed.is_set() or self._lent >= MOST_LENT:
            if connection is not None:
                connection.close()
        elif connection is not None:
            with self._lent_changed:
                self._lent += 1
            threading.Thread(target=self._lend, args=(connection,), name="helper-lent", daemon=True).start()
        elif not self._own.is_running:
            threading.Thread(target=self._own.start, name="helper-start", daemon=True).start()

    def _lend(self, connection: socket.socket) -> None:
        try:
            with connection, suppress(OSError):  # it may be gone by now
                connection.settimeout(READ_S)
                connection.sendall(_SEEN)
                with connection.makefile("rb", _BUFFER) as lines:
                    line = lines.readline()
                if line.endswith(b"\n"):
                    connection.sendall(self._outcome(msgspec.json.decode(line, type=Request), connection))
        finally:
            with self._lent_changed:
                self._lent -= 1
                self._lent_changed.notify_all()

    def _outcome(self, request: Request, connection: socket.socket) -> bytes:
        def hand_on(tasks: bytes) -> None:
            try:
                connection.sendall(tasks)
            except OSError as error:  # the helper has to be told to stop
                raise Unavailable("whoever wanted this is gone, or does not read it") from error

        try:
            return self._own.ask(request, hand_on)
        except ScriptKilled as error:
            failure = Failure(kind="killed", text=str(error))
        except Busy as error:
            failure = Failure(kind="busy", text=str(error), retry_after=error.retry_after)
        except Unavailable:
            return b""
        return _FAILED + _ENCODER.encode(failure) + b"\n"


def _answer(read_line: Callable[[], bytes], keep: Callable[[bytes], None]) -> bytes:
    """What comes from the process that has the helper, as `Sandbox.ask` gives it."""
    was_kept = False
    while (line := _line_of(read_line)).endswith(b"\n"):
        if line.startswith(_FAILED):
            raise _error(msgspec.json.decode(line[len(_FAILED) :], type=Failure))
        if line.startswith(b"{"):
            return line
        keep(line)
        was_kept = True
    if was_kept:  # asked again, there would be tasks twice
        raise Busy("the process that compiled this job was lost, try again in a moment", retry_after=2)
    raise _Lost


def _line_of(read_line: Callable[[], bytes]) -> bytes:
    try:
        return read_line()
    except ConnectionError:
        return b""


def _error(failure: Failure) -> Exception:
    if failure.kind == "killed":
        return ScriptKilled(failure.text)
    return Busy(failure.text, retry_after=failure.retry_after)
