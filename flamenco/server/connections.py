"""The connections of a process that wait for their clients: how many there may be, and which are to be closed."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from itertools import chain
from typing import Generic, Protocol, TypeVar

import structlog

from flamenco.farm.attempts import Repeated
from flamenco.platforms import open_files

log = structlog.get_logger(__name__)

_FILES_BESIDE = 512
"""So many files a process may have open beside its connections: the database, logs, uploads, and pipes."""


_TOO_MANY = (
    "there are as many connections as there may be, so those that are waited for longest are closed; if the farm is "
    "that large, raise the setting connections"
)
_TOO_MANY_OF_ONE = (
    "an address has as many connections as it may, so those that are waited for longest are closed; if it is that of a "
    "proxy or router with many clients behind it, raise the setting connections_per_address"
)


class Connection(Protocol):
    """What has to be known of one: until when its client is waited for, as `time.monotonic`, and where that is."""

    timeout: float

    @property
    def address(self) -> str:
        """The client's address, without its port."""


C = TypeVar("C", bound=Connection)


class Connections(Generic[C]):
    """At most so many connections, and of one address; `most_of_one` may be 0, for any number.

    Who comes when there are too many is let in, and the client given up that is waited for longest: one that sends its
    request at a stretch, as programs do, has hardly to be waited for.

    All is for one thread, but that any may say that a connection waits.
    """

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._open = 0
        self._open_from: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._unfinished: dict[C, None] = {}
        self._idle: dict[C, None] = {}
        self._told = Repeated()

    def admit(self, address: str, give_up: Callable[[C], None]) -> bool:
        """Count another connection from `address`, for which one may have to be given up; False when none can be."""
        has_room = True
        if self._most_of_one and self._open_from[address] >= self._most_of_one:
            if times := self._told.times(address):
                log.warning(_TOO_MANY_OF_ONE, address=address, most=self._most_of_one, times=times)
            has_room = self._make_room(give_up, address)
        elif self._open >= self._most:
            has_room = self.make_room(give_up)
        if has_room:
            self._open += 1
            self._open_from[address] += 1
        return has_room

    def make_room(self, give_up: Callable[[C], None]) -> bool:
        """Give up the connection that is waited for longest; False when none is waited for."""
        if times := self._told.times(""):
            log.warning(_TOO_MANY, most=self._most, times=times)
        return self._make_room(give_up)

    def _make_room(self, give_up: Callable[[C], None], address: str | None = None) -> bool:
        with self._lock:
            waiting = chain(self._unfinished, self._idle)
            longest = next((each for each in waiting if address in (None, each.address)), None)
        if longest is not None:
            give_up(longest)
        return longest is not None

    def closed(self, connection: C) -> None:
        """It is no more."""
        self._open -= 1
        self._open_from[connection.address] -= 1
        if not self._open_from[connection.address]:
            del self._open_from[connection.address]

    # -- waiting ------------------------------------------------------------------------------------------------------

    def wait(self, connection: C, *, is_idle: bool) -> None:
        """It waits for its client: for all of a request, or, if it `is_idle`, for another one after those before."""
        here, elsewhere = (self._idle, self._unfinished) if is_idle else (self._unfinished, self._idle)
        with self._lock:
            elsewhere.pop(connection, None)
            here.setdefault(connection)

    def stop_waiting(self, connection: C) -> bool:
        """It waits no more; whether it did."""
        with self._lock:
            was_waiting = connection in self._idle or connection in self._unfinished
            self._idle.pop(connection, None)
            self._unfinished.pop(connection, None)
            return was_waiting

    def waiting(self) -> list[C]:
        """All that wait."""
        with self._lock:
            return [*self._unfinished, *self._idle]

    def overdue(self, now: float) -> list[C]:
        """Those whose clients have had their time."""
        return [each for each in self.waiting() if each.timeout <= now]


def allowed(most: int) -> int:
    """So many connections as the system lets a process have, and `most` at most; asks it for them first."""
    most = open_files.most_watched(most)
    wanted = most + _FILES_BESIDE
    granted = open_files.grant(wanted)
    if granted < wanted:
        log.warning("a process may not have enough files open for all connections", files=granted, connections=most)
    return min(most, max(granted - _FILES_BESIDE, granted // 2))
