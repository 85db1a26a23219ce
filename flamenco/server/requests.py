"""How requests share the threads of a process, and how long they may wait for their clients."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flamenco.api.middleware.answers import READ_TIMEOUT
from flamenco.api.middleware.clients import IS_GONE, UNHURRIED

READ_TIMEOUT_S = 60.0
"""How long a client may be silent in the middle of a request's body."""

WRITE_TIMEOUT_S = 300.0
"""How long a client may take to read a part of an answer."""


def impatient(app: WSGIApplication, client_of: Callable[[WSGIEnvironment], socket.socket]) -> WSGIApplication:
    """The application, with clients that stop in the middle of a body given up; each would hold a thread for ever.

    `client_of` gives the connection that a request came over.
    """

    def call(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        client = client_of(environ)
        client.settimeout(READ_TIMEOUT_S)
        environ[IS_GONE] = partial(_has_closed, client)
        if environ.get("CONTENT_LENGTH") or environ.get("HTTP_TRANSFER_ENCODING"):
            environ[READ_TIMEOUT] = client.settimeout
        answer = app(environ, start_response)
        client.settimeout(WRITE_TIMEOUT_S)
        return answer

    return call


def _has_closed(client: socket.socket) -> bool:
    """Whether the client will send nothing more, as one that waits for no answer."""
    waiting = select.poll()
    waiting.register(client, select.POLLIN)
    try:
        # Never waits: something is there to be read, and be it the end.
        return bool(waiting.poll(0)) and client.recv(1, socket.MSG_PEEK) == b""
    except OSError:
        return True


class RequestSlots:
    """Has no more requests worked on at once than there are slots, though there are more threads.

    A request that waits for its client gives its slot to another one meanwhile.
    """

    def __init__(self, app: WSGIApplication, slots: int) -> None:
        self._app = app
        self._free = threading.Semaphore(slots)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer the request once it is its turn."""
        with self._free:
            environ[UNHURRIED] = self._aside
            return self._app(environ, start_response)

    @contextmanager
    def _aside(self) -> Iterator[None]:
        self._free.release()
        try:
            yield
        finally:
            self._free.acquire()
