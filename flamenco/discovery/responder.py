"""The manager's end: answers those who search for a manager, and tells everybody now and then that it is there.

Nothing that arrives can stop it. It reads a limited number of messages in a second and the rest is lost, so that a
flood costs neither memory nor the time of whoever shares the process; who searches in earnest asks again.
"""

from __future__ import annotations

import errno
import random
import socket
import threading
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Final

import structlog

from flamenco.discovery import messages, networks
from flamenco.discovery.own_urls import Interface, of_this_machine_alone, own_urls, urls_for
from flamenco.discovery.responses import PendingResponses, Searcher

FIRST_ANNOUNCEMENTS_S: Final = (1.0, 3.0)
"""How long after the start everybody is told: twice, since one may be lost."""

ANNOUNCEMENT_PERIOD_S: Final = float(messages.MAX_AGE_S)

REFRESH_S: Final = 10.0
"""How often the interfaces are looked at: a manager may be started before the network is there."""

BURST: Final = 32
BURST_PAUSE_S: Final = 0.05
"""So many messages are read without a pause, and this pause follows."""

_LONGEST_WAIT_S: Final = 0.5

log = structlog.get_logger(__name__)


class Responder:
    """Makes a manager that listens on `host` and `port` known, from where `listener` hears the questions.

    Over TLS, `certified` are the names and addresses that its certificate is for.
    """

    def __init__(
        self,
        listener: socket.socket,
        host: str,
        port: int,
        certified: Collection[str] | None = None,
        *,
        read_interfaces: Callable[[], list[Interface]] = networks.interfaces,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listener = listener
        self._group_port = listener.getsockname()[1]
        self._host, self._port, self._certified = host, port, certified
        self._read_interfaces = read_interfaces
        self._clock = clock
        self._pending = PendingResponses(random.uniform)
        self._addresses: list[IPv4Address] = []
        self._failed: set[IPv4Address] = set()
        self._urls: tuple[str, ...] = ()
        now = clock()
        self._refresh_at = now
        self._announce_at = [now + delay for delay in FIRST_ANNOUNCEMENTS_S]

    def run(self, stopping: threading.Event) -> None:
        """Answer until `stopping` is set, which is noticed within half a second."""
        while not stopping.is_set():
            now = self._clock()
            if now >= self._refresh_at:
                self.refresh()
                self._refresh_at = now + REFRESH_S
            if now >= self._announce_at[0]:
                self._announce()
                self._announce_at = self._announce_at[1:] or [now + ANNOUNCEMENT_PERIOD_S]
            self.send_due()
            if self._take_in():
                stopping.wait(BURST_PAUSE_S)

    def refresh(self) -> None:
        """Look at the interfaces, and listen on those that are new."""
        found = self._read_interfaces()
        urls = own_urls(self._host, self._port, found, self._certified)
        if urls != self._urls:
            log.info("workers can find this manager", urls=", ".join(urls))
        self._urls = urls
        # A manager that others cannot reach has nothing to say to them.
        only_here = all(of_this_machine_alone(url) for url in urls)
        self._addresses = [each for each in networks.ipv4_of(found) if each.is_loopback or not only_here]
        for address in self._addresses:
            self._join(address)

    def send_due(self) -> None:
        """Send the answers whose moment has come."""
        for response in self._pending.due(self._clock()):
            message = messages.answer_message(response.target, response.url, datetime.now(UTC))
            try:
                self._listener.sendto(message, response.source)
            except OSError as error:
                log.debug("a worker that searches cannot be answered", worker=response.source[0], reason=str(error))

    def take(self, message: bytes, source: Searcher) -> None:
        """Note the answers to `message`, if it is a question for managers."""
        search = messages.read_search(message)
        if search is None:
            return
        urls = urls_for(IPv4Address(source[0]), self._urls, self._addresses)
        if urls and not self._pending.add(search, source, urls, self._clock()):
            log.debug("too many search at once; one of them is not answered", worker=source[0])

    def _take_in(self) -> bool:
        """Wait for messages, until there is something else to do, and read them; whether there may be more."""
        next_answer = self._pending.seconds_to_next(self._clock())
        wait_s = _LONGEST_WAIT_S if next_answer is None else min(_LONGEST_WAIT_S, next_answer)
        for count in range(BURST):
            # Zero would be another mode, in which to find nothing is an error of another kind.
            self._listener.settimeout(max(wait_s, 0.001) if count == 0 else 0.001)
            try:
                message, source = self._listener.recvfrom(messages.LONGEST_MESSAGE)
            except TimeoutError:
                return False
            except OSError as error:
                # Windows tells here that an earlier answer did not arrive; anything else is better tried again too.
                log.debug("a message cannot be read", reason=str(error))
                return True
            self.take(message, source)
        return True

    def _announce(self) -> None:
        for address in self._addresses:
            for url in self._urls:
                if of_this_machine_alone(url) and not address.is_loopback:
                    continue
                try:
                    message = messages.alive_message(url, self._group_port)
                    networks.tell_all(self._listener, message, self._group_port, address)
                except OSError as error:
                    log.debug("a network cannot be told of this manager", address=str(address), reason=str(error))

    def _join(self, address: IPv4Address) -> None:
        try:
            networks.join(self._listener, address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return  # joined already
            if address not in self._failed:
                self._failed.add(address)
                log.info("workers on one network cannot find this manager", address=str(address), reason=str(error))
