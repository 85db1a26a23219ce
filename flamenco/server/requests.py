"""How requests share the threads of a process, and how long they may wait for their clients."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flamenco.api.middleware.answers import EXPECT_REST
from flamenco.api.middleware.clients import IS_GONE, UNHURRIED
from flamenco.server.clients import Client

READ_TIMEOUT_S = 60.0
"""How long a client may be silent in the middle of a request's body."""

WRITE_TIMEOUT_S = 300.0
"""How long a client may take to read a part of an answer."""

_CLIENT: Final = "flamenco.client"
"""Where in the WSGI environment the connection is."""


def impatient(app: WSGIApplication, client_of: Callable[[WSGIEnvironment], Client]) -> WSGIApplication:
    """The application, with clients that stop in the middle of a body given up; each would hold a thread for ever.

    `client_of` gives the connection that a request came over.
    """

    def call(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        client = environ[_CLIENT] = client_of(environ)
        client.expect(READ_TIMEOUT_S)
        environ[IS_GONE] = client.has_closed
        if client.is_secure:
            environ["wsgi.url_scheme"] = "https"
        if environ.get("CONTENT_LENGTH") or environ.get("HTTP_TRANSFER_ENCODING"):
            environ[EXPECT_REST] = lambda silence_s: client.expect(silence_s, silence_s)
        answer = app(environ, start_response)
        client.expect(WRITE_TIMEOUT_S)
        if isinstance(answer, list) and any(answer):  # a body that is there already goes along with the head
            client.delay()
        return answer

    return call


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
            turn = _Turn(self._free)
            environ[UNHURRIED] = turn.aside
            client: Client | None = environ.get(_CLIENT)
            if client is None:
                return self._app(environ, start_response)
            client.aside = turn.aside
            try:
                return self._app(environ, start_response)
            finally:
                client.aside = nullcontext


class _Turn:
    """The slot that a request has while it is worked on."""

    def __init__(self, free: threading.Semaphore) -> None:
        self._free = free
        self._is_aside = False

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let others have it meanwhile, unless they have it already."""
        if self._is_aside:
            yield
            return
        self._is_aside = True
        self._free.release()
        try:
            yield
        finally:
            self._free.acquire()
            self._is_aside = False
