"""Connections to clients, as threads use them: nobody waits for one for long, and few threads do so at once."""

from __future__ import annotations

import errno
import math
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

import structlog

from flamenco.farm.attempts import Repeated
from flamenco.platforms.readiness import can_read, can_write
from flamenco.server.arriving import LEAST_RATE, PATIENCE_S

log = structlog.get_logger(__name__)


class Places:
    """Places for threads that wait for clients. Where there are none left, the client is given up that is waited for
    longest: those that go on sending or reading have their place for a moment at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._taken: dict[Client, None] = {}
        self._crowded = Repeated()

    @contextmanager
    def one(self, client: Client) -> Iterator[None]:
        """A place to wait for `client` in."""
        with self._lock:
            longest = next(iter(self._taken)) if len(self._taken) >= self._most else None
            if longest is not None:
                del self._taken[longest]
                longest.give_up()
            self._taken[client] = None
        if longest is not None and (times := self._crowded.times("crowded")):
            log.warning("clients that are slow to send or to read were given up for others", times=times)
        try:
            yield
        finally:
            with self._lock:
                self._taken.pop(client, None)


class Client(socket.socket):
    """The connection to a client; it takes over the one that was accepted.

    Never waits but in a place, and only for as long as the client deserves by what it has sent, or read, so far.
    """

    is_secure = False
    """Whether nobody on the way can read along."""

    def __init__(self, accepted: socket.socket, places: Places) -> None:
        family, kind, protocol = accepted.family, accepted.type, accepted.proto
        super().__init__(family, kind, protocol, accepted.detach())
        super().setblocking(False)  # noqa: FBT003 - it takes no keyword
        self._places = places
        self._is_given_up = False
        self._delays = False
        self._delayed = b""
        self.is_lent = False
        """Whether the main thread has it watched while another one answers."""
        self.aside: Callable[[], AbstractContextManager[None]] = nullcontext
        """What a thread does of its own while it waits here."""
        self.expect(PATIENCE_S)

    # -- waiting for it -----------------------------------------------------------------------------------------------

    def expect(self, silence_s: float, patience_s: float | None = None) -> None:
        """From here on something else is sent or read, with pauses of at most `silence_s`, and of `patience_s` in all
        beside what it earns."""
        self._silence_s = silence_s
        self._patience_s = PATIENCE_S if patience_s is None else patience_s
        self._moved = 0
        self._waited_s = 0.0

    def settimeout(self, value: float | None, /) -> None:
        """Change the longest pause."""
        self._silence_s = math.inf if value is None else value

    def gettimeout(self) -> float | None:
        """The longest pause."""
        return self._silence_s

    def setblocking(self, flag: bool, /) -> None:  # noqa: FBT001 - as it is called
        """Nothing: whether there is a wait depends on the call."""

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Read what there is, or what comes next."""
        while True:
            try:
                data = self._receive(bufsize, flags)
            except BlockingIOError:
                self._wait(can_read)
            else:
                self._moved += len(data)
                return data

    def delay(self) -> None:
        """Keep what is sent next for what is sent after it: the head of an answer, say, until there is its body."""
        self._delays = True

    def send_delayed(self) -> None:
        """Send what was kept, where nothing came after it."""
        self._delays = False
        if self._delayed:
            self.sendall(b"")

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send all of it."""
        if self._delays:
            self._delays, self._delayed = False, bytes(data)
            return
        if self._delayed:
            data, self._delayed = self._delayed + bytes(data), b""
        for piece in self._encoded(data):
            rest = memoryview(piece)
            while rest:
                try:
                    sent = super().send(rest, flags)
                except BlockingIOError:
                    self._wait(can_write)
                else:
                    self._moved += sent
                    rest = rest[sent:]

    def _receive(self, size: int, flags: int = 0) -> bytes:
        """Read what there is. Raises `BlockingIOError` for nothing."""
        return super().recv(size, flags)

    def _encoded(self, data: Any) -> Iterable[Any]:
        """What goes over the wire for it."""
        return (data,)

    def send(self, data: Any, flags: int = 0, /) -> int:
        """The same."""
        self.sendall(data, flags)
        return len(data)

    def _wait(self, is_ready_within: Callable[[socket.socket, float], bool]) -> None:
        left_s = self._patience_s + self._moved / LEAST_RATE - self._waited_s
        with self.aside(), self._places.one(self):
            began = time.monotonic()
            is_ready = is_ready_within(self, max(0.0, min(left_s, self._silence_s)))
            self._waited_s += time.monotonic() - began
        if self._is_given_up:
            raise ConnectionResetError(errno.ECONNRESET, "the client was slow, and others were waiting")
        if not is_ready:
            raise TimeoutError("the client was too slow")

    def close(self) -> None:
        """Let go of it. While it is lent it says no more, but its number stays: it may not be that of another yet."""
        if self.is_lent:
            with suppress(OSError):
                super().shutdown(socket.SHUT_RDWR)
        else:
            super().close()

    def give_up(self) -> None:
        """Let the thread go that waits for it; called in another one."""
        self._is_given_up = True
        with suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)

    # -- not waiting for it -------------------------------------------------------------------------------------------

    def read_at_once(self, size: int, flags: int = 0) -> bytes | None:
        """What it has sent so far; nothing when it will send no more, None when it has only not sent anything yet."""
        try:
            return super().recv(size, flags)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def take_held(self) -> bytes:
        """What was read from the socket, and by nobody from here. Without TLS there is no such thing."""
        return b""

    def has_sent(self) -> bool:
        """Whether there is something that nobody has read yet."""
        return bool(self.read_at_once(1, socket.MSG_PEEK))

    def has_closed(self) -> bool:
        """Whether it will send nothing more, as one that waits for no answer."""
        return self.read_at_once(1, socket.MSG_PEEK) == b""
