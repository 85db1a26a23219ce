"""How a process that serves treats its connections: which of them take a thread, and for how long.

A few clients that say nothing, or stop half-way, must not keep a farm waiting.
"""

from __future__ import annotations

import errno
import selectors
import signal
import socket
from functools import partial
from http import HTTPStatus
from types import FrameType
from typing import Any

import msgspec
import structlog
from gunicorn import util  # type: ignore[import-untyped]
from gunicorn.http import errors as http_errors  # type: ignore[import-untyped]
from gunicorn.workers.gthread import PollableMethodQueue, TConn, ThreadWorker  # type: ignore[import-untyped]

log = structlog.get_logger(__name__)

FINISH_TIMEOUT_S = 2
"""How long requests may still take once the manager is asked to stop."""

REPLACED_TIMEOUT_S = 3600
"""How long they may take in a process that others have replaced: whoever sends a large file is not to begin anew."""

HEAD_TIMEOUT_S = 10.0
"""How long a client may be silent in the middle of the head of a request, once it has begun."""

_STATUS_OF = (
    (http_errors.ConfigurationProblem, 500),
    (http_errors.InvalidResponseHeader, 500),
    (http_errors.InvalidResponseHeaderName, 500),
    (http_errors.LimitRequestLine, 414),
    (http_errors.LimitRequestHeaders, 431),
    (http_errors.ExpectationFailed, 417),
    (http_errors.ForbiddenProxyRequest, 403),
    (http_errors.ParseException, 400),
)
"""What is wrong with bytes that are no HTTP; the first that fits counts."""


class _Connection(TConn):  # type: ignore[misc]
    """A connection, as gunicorn's, but a client that stops in the middle of a head is given up."""

    def init(self) -> None:
        """Called in a thread that is to read a request."""
        super().init()
        self.sock.settimeout(HEAD_TIMEOUT_S)


class WakeUps(PollableMethodQueue):  # type: ignore[misc]
    """What threads and signals leave for the main thread, as gunicorn's, but its pipe is open until the process ends.

    A request that ends late, or a second signal, still writes a byte into it. Once closed, the number of the pipe would
    be that of the next file that is opened, such as the database.
    """

    def close(self) -> None:
        """Leave that to the end of the process."""


class Process(ThreadWorker):  # type: ignore[misc]
    """One process that serves, as gunicorn's, but it stops at once and says what is wrong in JSON.

    And a connection takes no thread before something comes: programs keep some at hand that they may never use.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.method_queue = WakeUps()

    def init_signals(self) -> None:
        """Hear of the end. The rest is for the main process alone: it has something to tell, or others to start."""
        super().init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def accept(self, listener: socket.socket) -> None:
        """A client has connected; wait for what it wants where all idle connections wait."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED):
                raise
            return
        self.nr_conns += 1
        connection = _Connection(self.cfg, client, address, listener.getsockname())
        connection.set_timeout()
        self.pending_conns.append(connection)
        self.poller.register(client, selectors.EVENT_READ, partial(self.on_pending_socket_readable, connection))

    def on_pending_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """Something comes over a new connection, unless it was closed a moment ago, in the same round."""
        if client.fileno() >= 0:
            super().on_pending_socket_readable(conn, client)

    def on_client_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """The same for one that was used before."""
        if client.fileno() >= 0:
            super().on_client_socket_readable(conn, client)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """On SIGTERM, finish what is being answered; connections that are only kept open are closed.

        A process that others have replaced has much time for that, until the manager stops.
        """
        is_first = self.alive
        is_replaced = self.app.is_replaced(self)
        super().handle_exit(sig, frame)
        if is_first:
            self.cfg.set("graceful_timeout", REPLACED_TIMEOUT_S if is_replaced else FINISH_TIMEOUT_S)
            self.method_queue.defer(self.app.retire if is_replaced else self.app.stop_waiting)
            self.method_queue.defer(self._close_idle)
        elif not is_replaced and self.cfg.graceful_timeout == REPLACED_TIMEOUT_S:
            self.method_queue.defer(self._leave)

    def _leave(self) -> None:
        """Wait for no connection any more."""
        self.nr_conns = 0

    def finish_request(self, conn: Any, fs: Any) -> None:
        """A connection is done with a request, or had none for a while; keep it only while we stay."""
        super().finish_request(conn, fs)
        if not self.alive:
            self._close_idle()

    def _close_idle(self) -> None:
        self.murder_keepalived(force=True)
        for conn in self.pending_conns:
            conn.timeout = 0.0
        self.murder_pending()

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:  # noqa: ARG002 - its signature
        """Answer for a request that never became one."""
        status = next((status for kind, status in _STATUS_OF if isinstance(exc, kind)), 500)
        if status == 500:
            log.error("a request failed in the server", exc_info=exc)
        message = "the manager made a mistake" if status == 500 else f"this is not HTTP as the manager speaks it: {exc}"
        body = msgspec.json.encode({"code": status, "message": message}) + b"\n"
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            util.write_nonblock(client, head.encode("latin-1") + body)
        except OSError:
            log.debug("a client went away before it could be told what is wrong")
