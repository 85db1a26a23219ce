"""Connections before a request is there, and after it was answered: what the main thread of a server does with them.

They take a thread only when a request is there: clients that say nothing, or stop half-way, must not keep a farm
waiting, however many they are. Who reads a request, and answers it, is the server's affair: `gunicorn`, `cheroot`.
"""

from __future__ import annotations

import errno
import selectors
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

import structlog

from flamenco.server.arriving import HEAD_TIMEOUT_S, MOST_HELD, Arriving
from flamenco.server.clients import Client, Places
from flamenco.server.connections import Connections
from flamenco.server.lending import Loan
from flamenco.server.patience import KEEPALIVE_S, LOOK_EVERY_S, MOST_WAITING, PART_S
from flamenco.server.secure_clients import SecureClient
from flamenco.server.threads import Threads
from flamenco.server.tls import Tls

log = structlog.get_logger(__name__)


_NOBODY_THERE: Final = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED, errno.ECONNRESET)
"""Who has connected is gone again; Windows says the last."""


class Received:
    """What the reception keeps with a connection. Servers have more with theirs."""

    sock: Client
    client: Any
    timeout: float

    def __init__(self) -> None:
        self.arriving: Arriving | None = None
        self.is_parting: bool = False
        self.loan: Loan = Loan()
        self.ahead: bytes = b""

    @property
    def address(self) -> str:
        """Where the client is."""
        return str(self.client[0])

    def add(self, data: bytes) -> bool:
        """Something has come; returns whether a thread is to take over."""
        now = time.monotonic()
        self.arriving = self.arriving or Arriving(now)
        is_here = self.arriving.add(data, now)
        self.timeout = self.arriving.deadline
        return is_here

    def take_arrived(self) -> bytes:
        """What has come of a request; called in the thread that is to answer it, and reads the rest."""
        self.sock.expect(HEAD_TIMEOUT_S)
        arriving, self.arriving = self.arriving, None
        return b"" if arriving is None else arriving.data

    def take_unread(self) -> bytes:
        """What was read from the client, and belongs to no request that was answered. For servers to say."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the client. For servers to do."""
        raise NotImplementedError

    @property
    def is_silent(self) -> bool:
        """Whether nothing of a request was read."""
        return self.arriving is None and not self.is_parting


C = TypeVar("C", bound=Received)

_OnReady: TypeAlias = "Callable[[Any, Any], None]"
"""What is done with a connection when something comes over it."""


class Server(Protocol[C]):
    """What the reception asks of the server that it is part of."""

    def poller_in_use(self) -> selectors.BaseSelector:
        """What watches the connections."""

    def tls_in_use(self) -> Tls | None:
        """What new connections begin with."""

    def connect(self, client: Client, address: Any, own_address: Any) -> C:
        """Make a connection of a client that was let in."""

    def exchange(self, conn: C) -> bool:
        """In a thread: answer the request that has come; whether there may be another one."""

    def defer(self, work: Callable[..., object], *arguments: Any) -> None:
        """Have the main thread do something; called in any thread."""

    def is_staying(self) -> bool:
        """Whether there may be other requests: the server was not told to stop."""

    def close_silent(self) -> None:
        """Close those that are only kept open; called in the main thread once it is not staying."""


class Reception(Generic[C]):
    """All connections of a process, which answers requests in `threads` threads. For the main thread alone."""

    def __init__(self, server: Server[C], connections: Connections[C], threads: int) -> None:
        self._server = server
        self._connections = connections
        self._places = Places(MOST_WAITING)
        self._threads: Threads[C] = Threads(threads + MOST_WAITING, self._answer)
        self._next_look = 0.0
        self.count = 0
        """How many there are."""

    # -- who comes ----------------------------------------------------------------------------------------------------

    def accept(self, listener: socket.socket) -> None:
        """A client has connected; wait for what it wants where all connections wait."""
        if listener.fileno() < 0:
            return  # closed in the same round
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._connections.make_room(self._close)
            elif error.errno not in _NOBODY_THERE:
                raise
            return
        if not self._connections.admit(address[0], self._close):
            client.close()
            return
        self.count += 1
        tls = self._server.tls_in_use()
        if tls is None:
            connection = self._server.connect(Client(client, self._places), address, listener.getsockname())
            self._wait(connection, KEEPALIVE_S)
            self._close_silent_if_leaving()
        else:
            secure = SecureClient(client, self._places, tls.context)
            connection = self._server.connect(secure, address, listener.getsockname())
            self._wait(connection, HEAD_TIMEOUT_S, on_ready=self._shake_hands)

    def _wait(self, conn: C, timeout_s: float, *, is_idle: bool = False, on_ready: _OnReady | None = None) -> None:
        conn.timeout = time.monotonic() + timeout_s
        self._connections.wait(conn, is_idle=is_idle)
        if not conn.loan.is_watched:
            on_event = partial(on_ready or self._on_readable, conn)
            self._server.poller_in_use().register(conn.sock, selectors.EVENT_READ, on_event)
            conn.loan.is_watched = True

    def _stop_watching(self, conn: C) -> None:
        if conn.loan.is_watched:
            self._server.poller_in_use().unregister(conn.sock)
            conn.loan.is_watched = False

    def _shake_hands(self, conn: C, client: SecureClient) -> None:
        """Go on agreeing on TLS, for as long as that may take from the first moment on."""
        if client.fileno() < 0:
            return
        events = client.shake_hands()
        if events:
            self._server.poller_in_use().modify(client, events, partial(self._shake_hands, conn))
            return
        self._connections.stop_waiting(conn)
        self._stop_watching(conn)
        if events is None:
            self._part(conn)
        else:
            self._wait(conn, KEEPALIVE_S)
            self._on_readable(conn, client)
            self._close_silent_if_leaving()

    def _on_readable(self, conn: C, client: Client) -> None:
        """Something comes, unless the connection was closed a moment ago, in the same round."""
        if client.fileno() < 0 or conn.loan.interrupt(partial(self._server.poller_in_use().unregister, client)):
            return
        data = client.read_at_once(MOST_HELD)
        if data == b"" and conn.arriving is not None and conn.arriving.has_head:
            self._hand_over(conn)  # who only sends no more may well listen for what is wrong with that
        elif data == b"":
            self._close(conn)
        elif data and not conn.is_parting:
            self._add(conn, data)

    def _add(self, conn: C, data: bytes) -> None:
        if conn.add(data):
            self._hand_over(conn)
        else:
            self._connections.wait(conn, is_idle=False)

    # -- in a thread, and back ----------------------------------------------------------------------------------------

    def _hand_over(self, conn: C) -> None:
        self._connections.stop_waiting(conn)
        conn.loan.lend()
        conn.sock.is_lent = True
        self._threads.give(conn)

    def _answer(self, conn: C) -> None:
        """In a thread: answer the request that has come."""
        try:
            is_kept = self._server.exchange(conn)
            conn.sock.send_delayed()
        except BaseException:  # whatever it is, the thread has others to answer
            log.exception("a request failed in the server")
            is_kept = False
        if not is_kept or not self._gives_back(conn):
            self._server.defer(self._answered, conn, is_kept)
        elif not self._server.is_staying():
            self._server.defer(self._server.close_silent)

    def _gives_back(self, conn: C) -> bool:
        """In a thread: there may be another request; whether the main thread can wait for it without being told."""
        conn.ahead = conn.take_unread() + conn.sock.take_held()
        if conn.ahead:
            return False
        conn.timeout = time.monotonic() + KEEPALIVE_S
        return conn.loan.give_back(partial(self._wait_again, conn))

    def _wait_again(self, conn: C) -> None:
        conn.sock.is_lent = False
        self._connections.wait(conn, is_idle=True)

    def _answered(self, conn: C, is_kept: bool) -> None:  # noqa: FBT001 - by way of the queue
        """A thread is done with a request, and says whether there may be another one; keep it only while we stay."""
        conn.loan.end()
        conn.sock.is_lent = False
        if not is_kept:
            self._part(conn)
            return
        ahead, conn.ahead = conn.ahead, b""
        self._wait(conn, KEEPALIVE_S, is_idle=True)
        if ahead:
            self._add(conn, ahead)
        self._close_silent_if_leaving()

    # -- who goes -----------------------------------------------------------------------------------------------------

    def _part(self, conn: C) -> None:
        """No more comes from us. The client reads to the end, and closes the connection."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
        else:
            conn.is_parting = True
            self._wait(conn, PART_S)

    def _close(self, conn: C) -> None:
        self._connections.stop_waiting(conn)
        self._stop_watching(conn)
        self._connections.closed(conn)
        self.count -= 1
        conn.close()

    def look(self) -> None:
        """Close the connections of those who have taken too long; to be called at least every second."""
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + LOOK_EVERY_S
            for conn in self._connections.overdue(now):
                # What has come is read next: it is not to be lost.
                if not (conn.is_silent and conn.loan.is_watched and conn.sock.has_sent()):
                    self._close(conn)

    def close_silent(self, deadline: float) -> None:
        """Close those over which nothing of a request comes until then, as `time.monotonic`."""
        for conn in self._connections.waiting():
            if conn.is_silent:
                conn.timeout = min(conn.timeout, deadline)
        self._next_look = 0.0
        self.look()

    def _close_silent_if_leaving(self) -> None:
        if not self._server.is_staying():
            self._server.close_silent()
