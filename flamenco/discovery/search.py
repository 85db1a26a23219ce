"""The worker's end: asks everybody on the network for a manager until one that can be used answers."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

import structlog

from flamenco.discovery import messages, networks
from flamenco.discovery.own_urls import Interface
from flamenco.domain.backoff import Backoff
from flamenco.domain.errors import FarmError

ASK_PERIOD_S: Final = 1.0
MOST_CHECKS: Final = 16
"""So many URLs are tried at the same time. A manager has several, of which this machine may reach one."""

RECHECK_S: Final = 5.0
"""A URL that was of no use is not tried again sooner."""

PROGRESS: Final = Backoff(first=10.0, longest=300.0)
"""When it is said that nothing was found so far."""

_STOP_CHECK_S: Final = 0.1
_MOST_REMEMBERED: Final = 256

log = structlog.get_logger(__name__)


class ManagerSearch:
    """A search for a manager.

    `check` makes sure that a URL can be used: it returns, within a few seconds, or raises a `FarmError` that says why
    not. It is called in threads of its own.
    """

    def __init__(
        self,
        check: Callable[[str], None],
        *,
        port: int = messages.PORT,
        read_interfaces: Callable[[], list[Interface]] = networks.interfaces,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._check = check
        self._port = port
        self._read_interfaces = read_interfaces
        self._clock = clock
        self._usable: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._checking: set[str] = set()
        self._recheck_at: dict[str, float] = {}
        self._told: set[str] = set()

    def run(self, is_stopping: Callable[[], bool] = lambda: False, limit_s: float | None = None) -> str | None:
        """Search until a manager is found; gives its URL.

        None when `is_stopping` became true, which is noticed soon, or `limit_s` seconds are over.
        """
        started = self._clock()
        ask_at, progress_s = started, PROGRESS.after()
        progress_at = started + progress_s
        with networks.open_socket() as asker:
            asker.bind(("", 0))
            asker.settimeout(_STOP_CHECK_S)
            while not is_stopping():
                now = self._clock()
                if limit_s is not None and now - started >= limit_s:
                    return None
                if now >= ask_at:
                    self._ask(asker)
                    ask_at = now + ASK_PERIOD_S
                if now >= progress_at:
                    self._report_progress(now - started)
                    progress_s = PROGRESS.after(progress_s)
                    progress_at = now + progress_s
                self._hear(asker)
                try:
                    return self._usable.get_nowait()
                except queue.Empty:
                    continue
        return None

    def _ask(self, asker: socket.socket) -> None:
        problems = []
        addresses = networks.ipv4_of(self._read_interfaces())
        for address in addresses:
            try:
                networks.tell_all(asker, messages.search_message(self._port), self._port, address)
            except OSError as error:
                problems.append(f"{address}: {error}")
        if len(problems) == len(addresses):
            self._tell_once(
                "there is no network to search for a manager on", reason="; ".join(problems) or "none is up"
            )

    def _hear(self, asker: socket.socket) -> None:
        """Wait a moment for an answer, and have what it says checked."""
        try:
            message, source = asker.recvfrom(messages.LONGEST_MESSAGE)
        except TimeoutError:
            return
        except OSError as error:
            # Windows tells here that nobody is where a question went to.
            log.debug("an answer cannot be read", reason=str(error))
            return
        if url := messages.read_answer(message):
            log.debug("a manager answered", url=url, source=source[0])
            self._start_check(url)

    def _start_check(self, url: str) -> None:
        with self._lock:
            if len(self._recheck_at) > _MOST_REMEMBERED:
                self._recheck_at.clear()
            is_early = self._clock() < self._recheck_at.get(url, 0.0)
            if url in self._checking or len(self._checking) >= MOST_CHECKS or is_early:
                return
            self._checking.add(url)
        threading.Thread(target=self._run_check, args=(url,), name="discovery-check", daemon=True).start()

    def _run_check(self, url: str) -> None:
        try:
            self._check(url)
            self._usable.put(url)
        except FarmError as error:
            self._tell_once("a manager answered, and cannot be used", url=url, reason=str(error))
        finally:
            with self._lock:
                self._checking.discard(url)
                self._recheck_at[url] = self._clock() + RECHECK_S

    def _tell_once(self, text: str, **what: str) -> None:
        """Log what is wrong; once only, since it is found again every second."""
        key = f"{text} {what}"
        if key not in self._told and len(self._told) < _MOST_REMEMBERED:
            self._told.add(key)
            log.warning(text, **what)

    def _report_progress(self, seconds: float) -> None:
        log.info(
            "no manager found yet, still searching; start one that other machines can reach (flamenco manager --listen"
            " :8080), or say where it is with --manager URL",
            searching_for=f"{seconds:.0f} s",
        )
