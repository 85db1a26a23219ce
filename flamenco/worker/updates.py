"""Delivers what tasks report: in order, each until the manager has answered it, whatever happens in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from enum import Enum
from http import HTTPStatus
from typing import Final, Protocol

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace

from flamenco.client import ManagerError, ManagerUnreachable, TaskUpdate
from flamenco.domain.durations import Duration
from flamenco.worker.ticker import Ticker
from flamenco.worker.update_queue import QueuedUpdate, UpdateQueue, described

REASSIGNED_STATUS: Final = 409

GIVE_UP: Final = Duration(300)
MOST_ERRORS: Final = 5
"""A manager that wants to be asked again in an hour has not said no after two of them."""

ROOM_BYTES: Final = 4 * 1024 * 1024
"""So much may wait for a manager that is there; then whoever writes more log text waits as well."""

LOG_HOLD: Final = Duration(120)
LONGEST_TICK_S: Final = 1.0
_LOOK_S: Final = 0.02

log = structlog.get_logger()


class Recipient(Protocol):
    """Who takes the updates: the manager."""

    def update_task(self, task_id: str, update: TaskUpdate | msgspec.Raw, timeout_s: float | None = None) -> None:
        """Take an update. Raises `ManagerUnreachable` or `ManagerError`."""


class Interruption(Protocol):
    """What ends waiting for the manager, such as the cancellation of a task."""

    def is_set(self) -> bool:
        """Whether it has come."""

    def wait(self, seconds: float) -> bool:
        """Wait so long, and no longer than until it comes; whether it has."""


class Delivery(Enum):
    """What came of waiting for the queue to be delivered."""

    COMPLETE = "the manager has answered everything"
    PUT_OFF = "the manager is to be left alone for a while"
    INTERRUPTED = "the time was over, or somebody had no use for it any more"


class _Verdict(Enum):
    """What becomes of an update that was sent."""

    SETTLED = "it leaves the queue: the manager has decided about it, or never will"
    LATER = "it is sent again later"


class _Stumbling(Struct, frozen=True):
    """The update, by its key in the queue, that the manager answers with errors: how often, and since when."""

    key: int = -1
    since: float = 0.0
    errors: int = 0


class Updates:
    """The way out for all updates. Every one goes through the queue, so there is one order and nothing is lost.

    One thread sends them, that of `delivering`: whoever has something to report, such as the reader of a program's
    output, only adds it to the queue, and is not held up by a manager that takes connections and answers nothing.

    No answer or a temporary error (5xx) leaves the update where it is, to be sent again later. Every other answer
    takes it out: accepted, 409 (the task is not ours any more, `on_reassigned` is called) or refused. An update that
    was answered with errors `MOST_ERRORS` times and for `give_up` (zero is for ever), by a manager that answers
    other questions, is left out too: it stumbles over that one, and whatever comes after it would never arrive. `ask`
    asks such a question, and raises what an update would.

    Where log text comes faster than it goes, `wait_for_room` keeps who writes it from filling the queue. A manager that
    is away for `log_hold` and longer is not waited for.
    """

    def __init__(
        self,
        queue: UpdateQueue,
        manager: Recipient,
        retry: Duration,
        on_reassigned: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        give_up: Duration = GIVE_UP,
        ask: Callable[[], object] = lambda: None,
        log_hold: Duration = LOG_HOLD,
    ) -> None:
        self.on_reassigned = on_reassigned
        self._queue = queue
        self._manager = manager
        self._retry = retry
        self._clock = clock
        self._give_up = give_up
        self._ask = ask
        self._log_hold = log_hold
        self._stumbling = _Stumbling()
        self._sending = threading.Lock()
        self._retry_at = 0.0
        self._away_since: float | None = None
        self._thread = Ticker("update-delivery", min(retry, LONGEST_TICK_S), self._tick)

    def delivering(self) -> Ticker:
        """The thread that delivers; for a `with` block, once."""
        return self._thread

    def put(self, task_id: str, update: TaskUpdate) -> None:
        """Queue `update`, to be delivered soon. Waits for nothing but the disk."""
        self._queue.append(task_id, update)
        self._thread.wake()

    def wait_for_room(self, interruption: Interruption) -> None:
        """Wait while more log text would only fill the queue: its writer slows down with the manager."""
        while self._is_to_be_waited_for() and not interruption.wait(_LOOK_S):
            pass

    def wait_until_delivered(self, interruption: Interruption) -> Delivery:
        """Wait until nothing is left, or what is left has to wait for another attempt."""
        self._thread.wake()
        while not interruption.is_set():
            if self._queue.first() is None:
                return Delivery.COMPLETE
            if self.seconds_to_retry:
                return Delivery.PUT_OFF
            interruption.wait(_LOOK_S)
        return Delivery.INTERRUPTED

    def has_space(self) -> bool:
        """Whether the disk takes what a task may have to say."""
        return self._queue.has_space()

    def deliver(self, unless: Interruption | None = None) -> None:
        """Send what is queued, unless it is too early for another attempt."""
        with self._sending:
            if not self.seconds_to_retry:
                self._send_all(unless=unless)

    def deliver_all(self, *, within_s: float | None = None, unless: Interruption | None = None) -> Delivery:
        """Send what is queued now, early or not, before or after the thread's time.

        Takes at most `within_s` seconds, and no longer than to the next update once `unless` is set.
        """
        deadline = None if within_s is None else self._clock() + within_s
        # It may be in the middle of a request still.
        if not self._sending.acquire(timeout=-1 if within_s is None else within_s):
            return Delivery.INTERRUPTED
        try:
            return self._send_all(deadline, unless)
        finally:
            self._sending.release()

    def retry_now(self) -> None:
        """Deliver soon what is waiting: there is reason to believe that the manager is back."""
        if self._retry_at:
            self._retry_at = 0.0
            self._thread.wake()

    @property
    def seconds_to_retry(self) -> float:
        """How long to leave the manager alone before the next attempt."""
        return max(0.0, self._retry_at - self._clock())

    def _tick(self) -> None:
        self.deliver(self._thread.stopping)

    def _is_to_be_waited_for(self) -> bool:
        half = self._queue.limit // 2
        if self._away_since is None:
            return self._queue.size > min(ROOM_BYTES, half)
        return self._queue.size > half and self._clock() - self._away_since < self._log_hold

    def _send_all(self, deadline: float | None = None, unless: Interruption | None = None) -> Delivery:
        while update := self._queue.first():
            timeout_s = None if deadline is None else deadline - self._clock()
            if (unless and unless.is_set()) or (timeout_s is not None and timeout_s <= 0):
                return Delivery.INTERRUPTED
            if self._send(update, timeout_s) is _Verdict.LATER:
                return Delivery.PUT_OFF
            self._queue.remove(update)
            self._retry_at = 0.0
            self._away_since = None
        return Delivery.COMPLETE

    def _send(self, update: QueuedUpdate, timeout_s: float | None) -> _Verdict:
        try:
            self._manager.update_task(update.task_id, msgspec.Raw(update.payload), timeout_s)
        except ManagerUnreachable as error:
            self._put_off(self._retry, error)
            return _Verdict.LATER
        except ManagerError as error:
            # With the time so short the worker is on its way out, and decides nothing more.
            if error.is_temporary and (timeout_s is not None or self._stumble(update, error) is _Verdict.LATER):
                self._put_off(self._retry if error.retry_after is None else error.retry_after, error)
                return _Verdict.LATER
            if error.status == REASSIGNED_STATUS:
                log.warning("the task is not ours any more, dropping what we know of it", task=update.task_id)
                self.on_reassigned(update.task_id)
            elif not error.is_temporary:
                log.error("the manager refused an update", task=update.task_id, status=error.status, reason=str(error))
        return _Verdict.SETTLED

    def _stumble(self, update: QueuedUpdate, error: ManagerError) -> _Verdict:
        """Count an error that the manager answered; when there were enough of them, a line in the log settles it.

        One that says when to come back does not stumble: it is waiting for its database, or for space on its disk.
        """
        if error.status == HTTPStatus.SERVICE_UNAVAILABLE and error.retry_after is not None:
            return _Verdict.LATER
        now = self._clock()
        if self._stumbling.key != update.key:
            self._stumbling = _Stumbling(update.key, now)
        self._stumbling = replace(self._stumbling, errors=self._stumbling.errors + 1)
        lasted = now - self._stumbling.since
        if not self._give_up or self._stumbling.errors < MOST_ERRORS or lasted < self._give_up:
            return _Verdict.LATER
        if not self._is_otherwise_fine():
            return _Verdict.LATER
        log.error(
            "the manager answers an update with nothing but errors; leaving it out, so that the next ones arrive",
            task=update.task_id,
            left_out=described(update),
            status=error.status,
            reason=str(error),
            attempts=self._stumbling.errors,
            since=str(Duration(lasted)),
        )
        return _Verdict.SETTLED

    def _is_otherwise_fine(self) -> bool:
        """Whether the manager, with its database, has answers to other questions; what they are does not matter."""
        try:
            self._ask()
        except ManagerUnreachable:
            return False
        except ManagerError as error:
            return not error.is_temporary
        return True

    def _put_off(self, seconds: float, error: Exception) -> None:
        self._retry_at = self._clock() + seconds
        if self._away_since is None:
            self._away_since = self._clock()
        log.warning("keeping updates for later", reason=str(error), retry_in=str(Duration(seconds)))
