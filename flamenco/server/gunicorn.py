"""gunicorn, bent to what a manager needs: all that this program knows of it, its private names included.

They are promised by nobody, so gunicorn is pinned, and `tests/unit/test_gunicorn.py` holds each of them against the
gunicorn that is installed. What a process does with its life is in `processes`, which knows nothing of gunicorn.

Connections take a thread only when a request is there: clients that say nothing, or stop half-way, must not keep a farm
waiting, however many they are.
"""

from __future__ import annotations

import errno
import gc
import logging
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from pathlib import Path
from types import FrameType
from typing import Any, TypeAlias
from wsgiref.types import WSGIApplication

import msgspec
import structlog
from gunicorn import glogging  # type: ignore[import-untyped]
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.http import errors as http_errors  # type: ignore[import-untyped]
from gunicorn.http.unreader import Unreader  # type: ignore[import-untyped]
from gunicorn.workers.gthread import PollableMethodQueue, TConn, ThreadWorker  # type: ignore[import-untyped]

from flamenco.server.arriving import HEAD_TIMEOUT_S, MOST_HELD, Arriving
from flamenco.server.clients import Client, Places
from flamenco.server.connections import Connections, allowed
from flamenco.server.lending import Loan
from flamenco.server.patience import (
    BEAT_EVERY_S,
    FINISH_TIMEOUT_S,
    HEARTBEAT_TIMEOUT_S,
    KEEPALIVE_S,
    LINGER_S,
    LOOK_EVERY_S,
    MOST_WAITING,
    PART_S,
    REPLACED_TIMEOUT_S,
    STOP_TIMEOUT_S,
)
from flamenco.server.processes import Manager
from flamenco.server.requests import impatient
from flamenco.server.secure_clients import SecureClient
from flamenco.server.threads import Threads

log = structlog.get_logger(__name__)

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a file system, not a file that anybody could have put there

_CHANGING = frozenset({"graceful_timeout"})
"""What is set anew while a process serves."""

_CLIENT = "gunicorn.socket"
"""The name under which the environment of a request has the connection that it came over."""

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
    """A connection, as gunicorn's, but what comes is gathered before a thread is given to it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.data_ready = True
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

    def init(self) -> None:
        """Called in the thread that is to answer a request: what has come is read first."""
        super().init()
        self.sock.expect(HEAD_TIMEOUT_S)
        if self.arriving is not None:
            unreader: Unreader = self.parser.unreader
            unreader.unread(self.arriving.data)
            self.arriving = None

    def is_silent(self) -> bool:
        """Whether nothing of a request has come."""
        return self.arriving is None and not self.is_parting and not self.sock.has_sent()


_OnReady: TypeAlias = Callable[[_Connection, Any], None]
"""What is done with a connection when something comes over it."""


class WakeUps(PollableMethodQueue):  # type: ignore[misc]
    """What threads and signals leave for the main thread, as gunicorn's, but its pipe is open until the process ends.

    A request that ends late, or a second signal, still writes a byte into it. Once closed, the number of the pipe would
    be that of the next file that is opened, such as the database.
    """

    def close(self) -> None:
        """Leave that to the end of the process."""


class Process(ThreadWorker):  # type: ignore[misc]
    """One process that serves, as gunicorn's, but it stops at once and says what is wrong in JSON.

    And its main thread has all connections but those over which a request is there to be answered.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        config = self.app.manager.config
        self.method_queue = WakeUps()
        self.places: Places = Places(MOST_WAITING)
        self.connections: Connections[_Connection] = Connections(
            allowed(config.connections), config.connections_per_address
        )
        self.next_look: float = 0.0
        self.next_beat: float = 0.0
        self.threads: Threads[_Connection] = Threads(self.cfg.threads, self._answer)

    def init_process(self) -> None:
        """Begin to serve. The settings are read some twenty times in a request, which is made quick here."""
        for name in self.cfg.settings.keys() - _CHANGING - set(dir(type(self.cfg))):
            object.__setattr__(self.cfg, name, getattr(self.cfg, name))
        super().init_process()

    def notify(self) -> None:
        """Tell the main process that all is well, once a second rather than whenever something happens."""
        now = time.monotonic()
        if now >= self.next_beat:
            self.next_beat = now + BEAT_EVERY_S
            super().notify()

    def init_signals(self) -> None:
        """Hear of the end. The rest is for the main process alone: it has something to tell, or others to start."""
        super().init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def accept(self, listener: socket.socket) -> None:
        """A client has connected; wait for what it wants where all connections wait."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self.connections.make_room(self._close)
            elif error.errno not in (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED):
                raise
            return
        if not self.connections.admit(address[0], self._close):
            client.close()
            return
        self.nr_conns += 1
        if self.app.manager.tls is None:
            connection = _Connection(self.cfg, Client(client, self.places), address, listener.getsockname())
            self._wait(connection, KEEPALIVE_S)
        else:
            secure = SecureClient(client, self.places, self.app.manager.tls.context)
            connection = _Connection(self.cfg, secure, address, listener.getsockname())
            self._wait(connection, HEAD_TIMEOUT_S, on_ready=self._shake_hands)

    def _wait(
        self, conn: _Connection, timeout_s: float, *, is_idle: bool = False, on_ready: _OnReady | None = None
    ) -> None:
        conn.timeout = time.monotonic() + timeout_s
        self.connections.wait(conn, is_idle=is_idle)
        if not conn.loan.is_watched:
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(on_ready or self._on_readable, conn))
            conn.loan.is_watched = True

    def _stop_watching(self, conn: _Connection) -> None:
        if conn.loan.is_watched:
            self.poller.unregister(conn.sock)
            conn.loan.is_watched = False

    def _shake_hands(self, conn: _Connection, client: SecureClient) -> None:
        """Go on agreeing on TLS, for as long as that may take from the first moment on."""
        if client.fileno() < 0:
            return
        events = client.shake_hands()
        if events:
            self.poller.modify(client, events, partial(self._shake_hands, conn))
            return
        self.connections.stop_waiting(conn)
        self._stop_watching(conn)
        if events is None:
            self._part(conn)
        else:
            self._wait(conn, KEEPALIVE_S)
            self._on_readable(conn, client)

    def _on_readable(self, conn: _Connection, client: Client) -> None:
        """Something comes, unless the connection was closed a moment ago, in the same round."""
        if client.fileno() < 0 or conn.loan.interrupt(partial(self.poller.unregister, client)):
            return
        data = client.read_at_once(MOST_HELD)
        if data == b"" and conn.arriving is not None and conn.arriving.has_head:
            self._hand_over(conn)  # who only sends no more may well listen for what is wrong with that
        elif data == b"":
            self._close(conn)
        elif data and not conn.is_parting:
            self._add(conn, data)

    def _add(self, conn: _Connection, data: bytes) -> None:
        if conn.add(data):
            self._hand_over(conn)
        else:
            self.connections.wait(conn, is_idle=False)

    def _hand_over(self, conn: _Connection) -> None:
        self.connections.stop_waiting(conn)
        conn.loan.lend()
        conn.sock.is_lent = True
        self.threads.give(conn)

    def _answer(self, conn: _Connection) -> None:
        """In a thread: answer the request that has come."""
        try:
            is_kept = self.handle(conn)
            conn.sock.send_delayed()
        except BaseException:  # whatever it is, the thread has others to answer
            log.exception("a request failed in the server")
            is_kept = False
        if not is_kept or not self._gives_back(conn):
            self.method_queue.defer(self._answered, conn, is_kept)
        elif not self.alive:
            self.method_queue.defer(self._close_silent)

    def _gives_back(self, conn: _Connection) -> bool:
        """In a thread: there may be another request; whether the main thread can wait for it without being told."""
        unreader: Unreader = conn.parser.unreader
        conn.ahead = unreader.take_buffered() + conn.sock.take_held()
        if conn.ahead:
            return False
        conn.timeout = time.monotonic() + KEEPALIVE_S
        return conn.loan.give_back(partial(self._wait_again, conn))

    def _wait_again(self, conn: _Connection) -> None:
        conn.sock.is_lent = False
        self.connections.wait(conn, is_idle=True)

    def _answered(self, conn: _Connection, is_kept: bool) -> None:  # noqa: FBT001 - by way of the queue
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
        if not self.alive:
            self._close_silent()

    def _part(self, conn: _Connection) -> None:
        """No more comes from us. The client reads to the end, and closes the connection."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
        else:
            conn.is_parting = True
            self._wait(conn, PART_S)

    def _close(self, conn: _Connection) -> None:
        self.connections.stop_waiting(conn)
        self._stop_watching(conn)
        self.connections.closed(conn)
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """Close the connections of those who have taken too long; called at least every second."""
        now = time.monotonic()
        if now >= self.next_look:
            self.next_look = now + LOOK_EVERY_S
            for conn in self.connections.overdue(now):
                self._close(conn)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """On SIGTERM, finish what is being answered; connections that are only kept open are closed.

        A process that others have replaced has much time for that, until the manager stops.
        """
        is_first = self.alive
        is_replaced = self.app.manager.lifetime.is_replaced(self.age)
        super().handle_exit(sig, frame)
        if is_first:
            self.cfg.set("graceful_timeout", REPLACED_TIMEOUT_S if is_replaced else FINISH_TIMEOUT_S)
            self.method_queue.defer(self.app.manager.retire if is_replaced else self.app.manager.stop_waiting)
            self.method_queue.defer(self._close_silent)
        elif not is_replaced and self.cfg.graceful_timeout == REPLACED_TIMEOUT_S:
            self.method_queue.defer(self._leave)

    def _leave(self) -> None:
        """Wait for no connection any more."""
        self.nr_conns = 0

    def _close_silent(self) -> None:
        # What has come meanwhile is answered: closed now, it would be lost, and its client told of a broken connection.
        # And who has only just connected is about to ask; where others serve already, there is time for that.
        linger_s = LINGER_S if self.app.manager.lifetime.is_replaced(self.age) else 0.0
        deadline = time.monotonic() + linger_s
        for conn in filter(_Connection.is_silent, self.connections.waiting()):
            conn.timeout = min(conn.timeout, 0.0 if conn.initialized else deadline)
        self.next_look = 0.0
        self.murder_pending()

    def handle_error(self, req: Any, client: Client, addr: Any, exc: BaseException) -> None:  # noqa: ARG002 - its signature
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
            client.sendall(head.encode("latin-1") + body)
        except OSError:
            log.debug("a client went away before it could be told what is wrong")


class _Log(glogging.Logger):  # type: ignore[misc]
    """Lets what gunicorn has to say come out with everything else, instead of in a form of its own."""

    def setup(self, cfg: Any) -> None:
        """Undo gunicorn's own handlers."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Something went wrong, and is worth a traceback unless a client was just too slow."""
        if isinstance(sys.exc_info()[1], TimeoutError):
            log.debug("a client was given up that was silent for too long")
        else:
            super().exception(msg, *args, **kwargs)


class _Main(Arbiter):  # type: ignore[misc]
    """The main process, as gunicorn's, but it says so before it stops the others, and lets replaced ones finish."""

    _last_replaced = 0

    def stop(self, graceful: bool = True) -> None:  # noqa: FBT001, FBT002 - as gunicorn calls it
        """Stop all processes."""
        self.app.manager.say_goodbye()
        super().stop(graceful)

    def reload(self) -> None:
        """Read the configuration anew, and replace all processes."""
        last_replaced = self.worker_age
        self.app.manager.lifetime.replace(last_replaced)
        super().reload()
        self._last_replaced = last_replaced

    def manage_workers(self) -> None:
        """Have as many processes as there should be, beside those that were replaced and have something to finish."""
        finishing = {pid: each for pid, each in self.WORKERS.items() if each.age <= self._last_replaced}
        for pid in finishing:
            del self.WORKERS[pid]
        try:
            super().manage_workers()
        finally:
            self.WORKERS.update(finishing)


class Server(BaseApplication):  # type: ignore[misc]
    """Our settings for gunicorn, and what it is to call. A fork of it lives in every process that serves."""

    def __init__(self, manager: Manager, descriptor: int) -> None:
        self.manager = manager
        self._descriptor = descriptor
        super().__init__()

    def run(self) -> None:
        """Serve until told to stop."""
        # Processes share what is in memory until one writes there, and the collector writes to all that it looks at.
        self.manager.share()
        gc.collect()
        gc.freeze()
        _Main(self).run()

    def load_config(self) -> None:
        """Hand our settings to gunicorn, which calls this."""
        for name, value in self._settings().items():
            self.cfg.set(name, value)

    def reload(self) -> None:
        """Read the configuration anew; gunicorn calls this on SIGHUP, before it starts other processes."""
        self.manager.reconfigure()
        super().reload()

    def load(self) -> WSGIApplication:
        """Make the application; gunicorn calls this in every process that serves, after the fork."""
        return impatient(self.manager.application(), lambda environ: environ[_CLIENT])

    def _settings(self) -> dict[str, Any]:
        config = self.manager.config
        return {
            "bind": [f"fd://{self._descriptor}"],
            # Processes do the work side by side, threads wait for the database: many threads in one
            # process are slower than few.
            "worker_class": Process,
            "workers": config.processes,
            "threads": config.threads + MOST_WAITING,
            # More than there are: how many there may be is our own affair, and it would let others wait.
            "worker_connections": config.connections + config.threads + MOST_WAITING + 1,
            # Every write goes by way of our connections, which do not wait for ever.
            "sendfile": False,
            "keepalive": KEEPALIVE_S,
            "timeout": HEARTBEAT_TIMEOUT_S,
            "graceful_timeout": STOP_TIMEOUT_S,
            # Each process makes its own farm after the fork; a database connection cannot be shared.
            "preload_app": False,
            # Heartbeats are written to a file; on a disk they would stop while the disk is busy.
            "worker_tmp_dir": str(_SHARED_MEMORY) if os.access(_SHARED_MEMORY, os.W_OK) else None,
            # It would put a socket into the user's home directory.
            "control_socket_disable": True,
            # Nobody but the configuration decides below which path the application lives.
            "forwarder_headers": "",
            "proc_name": "flamenco-manager",
            "accesslog": None,
            "errorlog": "-",
            "loglevel": "warning",
            "logger_class": _Log,
            "post_worker_init": self._started,
            "worker_exit": self._ended,
        }

    def _started(self, process: ThreadWorker) -> None:
        # The later ones replace processes that died: whoever waits for us is not waiting any more.
        self.manager.start(is_first=process.age == 1)

    def _ended(self, _arbiter: object, process: ThreadWorker) -> None:
        # gunicorn calls this in the main process as well, for processes that are gone.
        if process.pid != os.getpid():
            return
        self.manager.end(is_replaced=self.manager.lifetime.is_replaced(process.age))
        if process.booted:
            # Python would wait for every thread first, and one may wait for a client that says nothing.
            logging.shutdown()
            os._exit(0)
