"""A manager in one process: its main thread's loop, what signals have it do, and its end. cheroot reads and writes.

For Windows, where a port cannot be handed on to forks, and for wherever somebody wants that.
"""

from __future__ import annotations

import logging
import os
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Final, NoReturn

import structlog

from flamenco.farm.attempts import Repeated
from flamenco.platforms import signals
from flamenco.server.cheroot import Connection, Settings, client_of
from flamenco.server.clients import Client
from flamenco.server.connections import Connections, allowed
from flamenco.server.generations import Generations
from flamenco.server.lifetime import LifetimeAlone
from flamenco.server.patience import FINISH_TIMEOUT_S, STOP_TIMEOUT_S
from flamenco.server.processes import Manager
from flamenco.server.reception import Reception
from flamenco.server.requests import impatient
from flamenco.server.tls import Tls

log = structlog.get_logger(__name__)

_ROUND_S: Final = 0.5
"""How long the main thread waits for anything; on Windows, a signal is heard of only between two rounds."""


class _Work:
    """What threads and signals leave for the main thread, and a socket that wakes it up, as Windows needs one."""

    def __init__(self) -> None:
        self.woken, self._waking = socket.socketpair()
        self.woken.setblocking(False)  # noqa: FBT003 - it takes no keyword
        self._waking.setblocking(False)  # noqa: FBT003
        self._left: SimpleQueue[Callable[[], object]] = SimpleQueue()

    def add(self, work: Callable[[], object]) -> None:
        """Called in any thread, and in the middle of anything else."""
        self._left.put(work)
        with suppress(BlockingIOError):  # it is being woken up
            self._waking.send(b"\0")

    def do(self, _socket: socket.socket) -> None:
        """Do all that is there by now."""
        with suppress(BlockingIOError):
            self.woken.recv(4096)
        for _ in range(self._left.qsize()):
            try:
                work = self._left.get_nowait()
            except Empty:
                return
            try:
                work()
            except Exception:  # what comes after it is nobody else's to do
                log.exception("the server made a mistake, and goes on")


class Server:
    """A manager's server of one process. `listener` is its own from here on."""

    def __init__(self, manager: Manager, listener: socket.socket) -> None:
        self._manager = manager
        manager.lifetime = LifetimeAlone(self.reload, self.stop)
        self._listener = listener
        self._settings = Settings(self.is_staying)
        self._generations = Generations(manager, lambda application: impatient(application, client_of))
        config = manager.config
        connections: Connections[Connection] = Connections(allowed(config.connections), config.connections_per_address)
        self._reception: Reception[Connection] = Reception(self, connections, config.threads)
        self._poller = selectors.DefaultSelector()
        self._work = _Work()
        self._failures = Repeated()
        self._stays = True
        self._is_told_to_stop = False
        self._deadline = 0.0

    # -- its life -----------------------------------------------------------------------------------------------------

    def run(self) -> NoReturn:
        """Serve until told to stop, and end the process."""
        signals.on_stop(self.stop)
        signals.on_reload(self.reload)
        self._generations.begin()
        self._listener.setblocking(False)  # noqa: FBT003 - it takes no keyword
        self._poller.register(self._listener, selectors.EVENT_READ, self._reception.accept)
        self._poller.register(self._work.woken, selectors.EVENT_READ, self._work.do)
        while self._stays or (self._reception.count and time.monotonic() < self._deadline):
            try:
                self._go_round()
            except Exception:  # there is no other process that could take over
                if times := self._failures.times(""):
                    log.exception("the server made a mistake, and goes on", times=times)
        try:
            self._generations.end()
        except Exception:  # whatever it is, the manager ends
            log.exception("not all of the manager ended as it should")
        _leave()

    def _go_round(self) -> None:
        for key, _ in self._poller.select(_ROUND_S):
            key.data(key.fileobj)
        self._reception.look()

    def reload(self) -> None:
        """Read the configuration anew. Whoever is being answered is answered as before."""
        self._work.add(partial(threading.Thread(target=self._generations.renew, daemon=True).start))

    def stop(self) -> None:
        """Say so, finish what is being answered, and end."""
        self._work.add(self._begin_to_stop)

    def _begin_to_stop(self) -> None:
        if not self._is_told_to_stop:
            threading.Thread(target=self._say_goodbye, daemon=True).start()
            self._is_told_to_stop = True

    def _say_goodbye(self) -> None:
        self._manager.say_goodbye()
        self._work.add(self._finish)

    def _finish(self) -> None:
        self._stays = False
        self._deadline = time.monotonic() + FINISH_TIMEOUT_S
        self._poller.unregister(self._listener)
        self._listener.close()
        # Whatever holds this up, such as a disk that does not answer: the manager ends.
        last = threading.Timer(STOP_TIMEOUT_S, _leave)
        last.daemon = True
        last.start()
        self._generations.manager.stop_waiting()
        self.close_silent()

    # -- what the reception asks --------------------------------------------------------------------------------------

    def poller_in_use(self) -> selectors.BaseSelector:
        """What watches the connections."""
        return self._poller

    def tls_in_use(self) -> Tls | None:
        """What new connections begin with."""
        return self._generations.tls

    def connect(self, client: Client, address: Any, own_address: Any) -> Connection:
        """Make a connection of a client that was let in."""
        with suppress(OSError):  # it may have gone already
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as gunicorn has it for its port
        return Connection(self._settings, client, address, own_address)

    def exchange(self, conn: Connection) -> bool:
        """In a thread: answer the request that has come; whether there may be another one."""
        with self._generations.at_work() as application:
            return conn.answer(application)

    def defer(self, work: Callable[..., object], *arguments: Any) -> None:
        """Have the main thread do something."""
        self._work.add(partial(work, *arguments))

    def is_staying(self) -> bool:
        """Whether it was not told to stop."""
        return self._stays

    def close_silent(self) -> None:
        """Close the connections that are only kept open."""
        self._reception.close_silent(time.monotonic())


def _leave() -> NoReturn:
    """End at once: Python would wait for every thread first, and one may wait for a client that says nothing."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)
