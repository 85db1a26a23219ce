"""Farms of one process, one after the other: for a server that does not fork, what processes are for one that does.

Who comes is answered by the newest. One that was replaced ends once it has answered all that it had begun with.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final
from wsgiref.types import WSGIApplication

import structlog

from flamenco.server.processes import Manager
from flamenco.server.tls import Tls

log = structlog.get_logger(__name__)

_TAKE_OVER_S: Final = 1.0


class _Generation:
    def __init__(self, manager: Manager, application: WSGIApplication) -> None:
        self.manager = manager
        self.application = application
        self.busy = 0
        self.is_replaced = False


class Generations:
    """Those of `main`, which has no farm itself. `wrapped` is what each application is put into."""

    def __init__(self, main: Manager, wrapped: Callable[[WSGIApplication], WSGIApplication]) -> None:
        self._main = main
        self._wrapped = wrapped
        self._lock = threading.Lock()
        self._renewing = threading.Lock()
        self._newest: _Generation | None = None

    def begin(self) -> None:
        """Make the first, which says that the manager is there."""
        self._newest = self._made()
        self._newest.manager.start(is_first=True)

    def renew(self) -> None:
        """Read the configuration anew, and make another one that goes by it. Called in a thread of its own."""
        with self._renewing:
            self._main.reconfigure()
            try:
                made = self._made()
            except Exception:  # the one that is there goes on
                log.exception("the manager goes on with the configuration it has")
                return
            try:
                made.manager.start(is_first=False)
            except Exception:
                log.exception("the manager goes on with the configuration it has")
                made.manager.end(is_replaced=True)
                return
            with self._lock:
                old, self._newest = self._newest, made
                assert old is not None  # noqa: S101 - for types
                old.is_replaced = True
                is_over = not old.busy
            old.manager.retire()
            if is_over:
                old.manager.end(is_replaced=True)

    def _made(self) -> _Generation:
        manager = self._main.successor()
        return _Generation(manager, self._wrapped(manager.application()))

    @property
    def manager(self) -> Manager:
        """That of the newest."""
        return self._main if self._newest is None else self._newest.manager

    @property
    def tls(self) -> Tls | None:
        """What new connections begin with."""
        return self.manager.tls

    @contextmanager
    def at_work(self) -> Iterator[WSGIApplication]:
        """The newest application; it does not end within this."""
        with self._lock:
            generation = self._newest
            assert generation is not None  # noqa: S101 - for types
            generation.busy += 1
        try:
            yield generation.application
        finally:
            with self._lock:
                generation.busy -= 1
                is_over = generation.is_replaced and not generation.busy
            if is_over:
                generation.manager.end(is_replaced=True)

    def end(self) -> None:
        """Let go of the newest: the manager ends. One that is just taking over has a moment to do so."""
        self._renewing.acquire(timeout=_TAKE_OVER_S)  # not given back: nobody takes over from here on
        self.manager.end(is_replaced=False)
