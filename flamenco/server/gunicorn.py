"""gunicorn, bent to what a manager needs: all that this program knows of it, its private names included.

They are promised by nobody, so gunicorn is pinned, and `tests/unit/test_gunicorn.py` holds each of them against the
gunicorn that is installed. What a process does with its life is in `processes`, which knows nothing of gunicorn.

What becomes of connections before a request is there, and after it was answered, is in `reception`.
"""

from __future__ import annotations

import gc
import logging
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any
from wsgiref.types import WSGIApplication

import structlog
from gunicorn import glogging  # type: ignore[import-untyped]
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.http import errors as http_errors  # type: ignore[import-untyped]
from gunicorn.http.unreader import Unreader  # type: ignore[import-untyped]
from gunicorn.workers.gthread import PollableMethodQueue, TConn, ThreadWorker  # type: ignore[import-untyped]

from flamenco.server.clients import Client
from flamenco.server.connections import Connections, allowed
from flamenco.server.patience import (
    BEAT_EVERY_S,
    FINISH_TIMEOUT_S,
    HEARTBEAT_TIMEOUT_S,
    KEEPALIVE_S,
    LINGER_S,
    MOST_WAITING,
    REPLACED_TIMEOUT_S,
    STOP_TIMEOUT_S,
)
from flamenco.server.processes import Manager
from flamenco.server.reception import Received, Reception
from flamenco.server.refusals import refusal
from flamenco.server.requests import impatient
from flamenco.server.tls import Tls

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


class _Connection(Received, TConn):  # type: ignore[misc]
    """A connection, as gunicorn's, but what comes is gathered before a thread is given to it."""

    def __init__(self, *args: Any) -> None:
        TConn.__init__(self, *args)
        Received.__init__(self)
        self.data_ready = True

    def init(self) -> None:
        """Called in the thread that is to answer a request: what has come is read first."""
        super().init()
        if arrived := self.take_arrived():
            unreader: Unreader = self.parser.unreader
            unreader.unread(arrived)

    def take_unread(self) -> bytes:
        """What was read from the client, and belongs to no request that was answered."""
        unreader: Unreader = self.parser.unreader
        return bytes(unreader.take_buffered())

    def close(self, graceful: bool = False) -> None:  # noqa: FBT001, FBT002 - as gunicorn calls it
        """Let go of the client."""
        TConn.close(self, graceful)


class WakeUps(PollableMethodQueue):  # type: ignore[misc]
    """What threads and signals leave for the main thread, as gunicorn's, but its pipe is open until the process ends.

    A request that ends late, or a second signal, still writes a byte into it. Once closed, the number of the pipe would
    be that of the next file that is opened, such as the database.
    """

    def close(self) -> None:
        """Leave that to the end of the process."""


class Process(ThreadWorker):  # type: ignore[misc]
    """One process that serves, as gunicorn's, but it stops at once and says what is wrong in JSON.

    And its main thread has all connections but those over which a request is there to be answered, see `reception`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        config = self.app.manager.config
        self.method_queue = WakeUps()
        connections: Connections[_Connection] = Connections(allowed(config.connections), config.connections_per_address)
        self.reception: Reception[_Connection] = Reception(self, connections, config.threads)
        self.next_beat: float = 0.0
        self.is_leaving: bool = False

    def init_process(self) -> None:
        """Begin to serve. The settings are read some twenty times in a request, which is made quick here."""
        for name in self.cfg.settings.keys() - _CHANGING - set(dir(type(self.cfg))):
            object.__setattr__(self.cfg, name, getattr(self.cfg, name))
        self.app.manager.number = self.age
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
        self.reception.accept(listener)

    def poller_in_use(self) -> selectors.BaseSelector:
        """What watches the connections; gunicorn makes it after the fork."""
        poller: selectors.BaseSelector = self.poller
        return poller

    def tls_in_use(self) -> Tls | None:
        """What new connections begin with."""
        manager: Manager = self.app.manager
        return manager.tls

    def connect(self, client: Client, address: Any, own_address: Any) -> _Connection:
        """Make a connection of a client that was let in."""
        return _Connection(self.cfg, client, address, own_address)

    def exchange(self, conn: _Connection) -> bool:
        """In a thread: answer the request that has come; whether there may be another one."""
        return bool(self.handle(conn))

    def defer(self, work: Callable[..., object], *arguments: Any) -> None:
        """Have the main thread do something."""
        self.method_queue.defer(work, *arguments)

    def is_staying(self) -> bool:
        """Whether the process was not told to end."""
        return bool(self.alive)

    def murder_pending(self) -> None:
        """Close the connections of those who have taken too long; called at least every second."""
        self.reception.look()
        self.nr_conns = 0 if self.is_leaving else self.reception.count

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
            self.method_queue.defer(self.close_silent)
        elif not is_replaced and self.cfg.graceful_timeout == REPLACED_TIMEOUT_S:
            self.method_queue.defer(self._leave)

    def _leave(self) -> None:
        """Wait for no connection any more."""
        self.is_leaving = True

    def close_silent(self) -> None:
        """Close the connections that are only kept open."""
        # What is on its way would be lost. Where others serve already there is time for it, and its answer says that
        # there is to be another connection.
        linger_s = LINGER_S if self.app.manager.lifetime.is_replaced(self.age) else 0.0
        self.reception.close_silent(time.monotonic() + linger_s)

    def handle_error(self, req: Any, client: Client, addr: Any, exc: BaseException) -> None:  # noqa: ARG002 - its signature
        """Answer for a request that never became one."""
        status = next((status for kind, status in _STATUS_OF if isinstance(exc, kind)), 500)
        if status == 500:
            log.error("a request failed in the server", exc_info=exc)
        try:
            client.sendall(refusal(status, str(exc)))
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
