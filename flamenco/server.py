"""The manager's web server: gunicorn, its settings and why, and what happens when its processes come and go.

The only module that knows gunicorn, so that another WSGI server can stand in where gunicorn does not run.
One main process holds the port and forks the processes that serve; each of those has its own farm, its own
compiler and its own threads of chores, and which of them a request gets to makes no difference.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import select
import selectors
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import msgspec
import structlog
from gunicorn import glogging, util  # type: ignore[import-untyped]
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.http import errors as http_errors  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

from flamenco.api.middleware.gone import IS_GONE
from flamenco.api.middleware.unhurried import UNHURRIED
from flamenco.api.middleware.unread import READ_TIMEOUT
from flamenco.bootstrap import create_app, create_farm, prepare
from flamenco.config import Config, Loaded
from flamenco.discovery.advertising import Advertising
from flamenco.domain.errors import FarmError
from flamenco.domain.events import LifeCycleEventType
from flamenco.farm import lifecycle
from flamenco.farm.context import Farm, utc_now
from flamenco.services.runner import Runner, runners, stop_all
from flamenco.store.engine import Store

log = structlog.get_logger(__name__)

PORT_WAIT_S = 5.0
"""How long to wait for a port that is in use: the processes of a manager that was killed need a moment to notice."""

FINISH_TIMEOUT_S = 2
"""How long requests may still take once the manager is asked to stop."""

STOP_TIMEOUT_S = 3
"""How long a process may take in all to stop; then it is killed."""

KEEPALIVE_S = 30
"""How long an idle connection is kept for the next request, so that workers that poll need no new one each time."""

GOODBYE_S = 0.5
"""How long the manager goes on after it said that it stops, so that those hear it who listen."""

HEARTBEAT_TIMEOUT_S = 120
"""A process whose main loop was silent for so long is replaced. Requests run in threads and never hold it up."""

MOST_SENDING = 64
"""So many clients may be sending large files to one process, beside the requests that it works on. They take long, and
workers that ask for tasks meanwhile must not have to wait for them."""

HEAD_TIMEOUT_S = 10.0
"""How long a client may be silent in the middle of the head of a request, once it has begun."""

READ_TIMEOUT_S = 60.0
"""How long a client may be silent in the middle of a request's body."""

WRITE_TIMEOUT_S = 300.0
"""How long a client may take to read a part of an answer."""

_PORT_POLL_S = 0.1
_BACKLOG = 2048
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a file system, not a file that anybody could have put there
_PR_SET_PDEATHSIG = 1

_STATUS_OF = (
    (http_errors.ConfigurationProblem, 500),
    (http_errors.InvalidResponseHeader, 500),
    (http_errors.InvalidResponseHeaderName, 500),
    (http_errors.LimitRequestLine, 414),
    (http_errors.LimitRequestHeaders, 431),
    (http_errors.ExpectationFailed, 417),
    (http_errors.UnsupportedTransferCoding, 501),
    (http_errors.ForbiddenProxyRequest, 403),
    (http_errors.ParseException, 400),
)
"""What is wrong with bytes that are no HTTP; the first that fits counts."""


class PortInUse(FarmError):
    """Another program has the port."""


def open_port(config: Config, waiting: Callable[[str], None], wait_s: float = PORT_WAIT_S) -> socket.socket:
    """Take the port that `config` names; whoever gets it serves.

    While another program has it, says so once to `waiting` and tries for `wait_s` seconds. Raises
    `PortInUse`, or `FarmError` when there is no such address on this machine.
    """
    deadline = time.monotonic() + wait_s
    told = False
    while True:
        try:
            return _listen(config.host, config.port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise FarmError(f"Cannot listen on {config.listen}: {error.strerror or error}.") from error
            if time.monotonic() >= deadline:
                raise PortInUse(
                    f"{config.listen} is in use by another program; stop it, or choose another address with --listen."
                ) from error
        if not told:
            waiting(f"{config.listen} is in use; waiting up to {wait_s:g} seconds for it to become free")
            told = True
        time.sleep(_PORT_POLL_S)


def _listen(host: str, port: int) -> socket.socket:
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = socket.socket(family, kind)
    try:
        # Without this, connections that were closed a minute ago would still hold the port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # At once: an address that is bound and not listened on could be bound by somebody else too.
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def url_of(listener: socket.socket) -> str:
    """Where `listener` can be reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if listener.family is socket.AF_INET6 else f"http://{host}:{port}"


def serve(
    loaded: Loaded, configure: Callable[[], Loaded], listener: socket.socket, ready: Callable[[str], None]
) -> NoReturn:
    """Serve until SIGTERM or SIGINT, then exit. `ready` is told the URL, in a process that serves, when it does.

    On SIGHUP, `configure` reads the configuration anew, and other processes take over with what it says.
    """
    url = url_of(listener)
    advertising = _advertising(listener)
    # gunicorn takes the descriptor over, and closes it.
    _Server(loaded, configure, listener.detach(), lambda: ready(url), advertising).run()
    sys.exit(0)


def _advertising(listener: socket.socket) -> Advertising | None:
    host, port = listener.getsockname()[:2]
    try:
        return Advertising(host, port)
    except OSError as error:
        log.warning("workers cannot find this manager by themselves; start them with --manager URL", reason=str(error))
        return None


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


class _Connection(TConn):  # type: ignore[misc]
    """A connection, as gunicorn's, but a client that stops in the middle of a head is given up."""

    def init(self) -> None:
        """Called in a thread that is to read a request."""
        super().init()
        self.sock.settimeout(HEAD_TIMEOUT_S)


class _Process(ThreadWorker):  # type: ignore[misc]
    """One process that serves, as gunicorn's, but it stops at once and says what is wrong in JSON.

    And a connection takes no thread before something comes: programs keep some at hand that they may never use.
    """

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
        """On SIGTERM, finish what is being answered; connections that are only kept open are closed."""
        stopping = self.alive
        super().handle_exit(sig, frame)
        if stopping:
            self.method_queue.defer(self.app.stop_waiting)
            self.method_queue.defer(self._close_idle)

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


def _impatient(app: WSGIApplication) -> WSGIApplication:
    """The application, with clients that stop in the middle of a body given up; each would hold a thread for ever."""

    def impatient(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        client: socket.socket = environ["gunicorn.socket"]
        client.settimeout(READ_TIMEOUT_S)
        environ[IS_GONE] = partial(_has_closed, client)
        if environ.get("CONTENT_LENGTH") or environ.get("HTTP_TRANSFER_ENCODING"):
            environ[READ_TIMEOUT] = client.settimeout
        answer = app(environ, start_response)
        client.settimeout(WRITE_TIMEOUT_S)
        return answer

    return impatient


def _has_closed(client: socket.socket) -> bool:
    """Whether the client will send nothing more, as one that waits for no answer."""
    waiting = select.poll()
    waiting.register(client, select.POLLIN)
    try:
        # Never waits: something is there to be read, and be it the end.
        return bool(waiting.poll(0)) and client.recv(1, socket.MSG_PEEK) == b""
    except OSError:
        return True


class _Places:
    """Has no more requests worked on at once than there are places, though there are more threads.

    A request that waits for its client gives its place to another one meanwhile.
    """

    def __init__(self, app: WSGIApplication, places: int) -> None:
        self._app = app
        self._free = threading.Semaphore(places)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
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


class _Main(Arbiter):  # type: ignore[misc]
    """The main process, as gunicorn's, but it says so before it stops the others."""

    def stop(self, graceful: bool = True) -> None:
        """Stop all processes."""
        self.app.say_goodbye()
        super().stop(graceful)


def _tell(store: Store, kind: LifeCycleEventType) -> None:
    """Publish that the manager starts or stops, if the database lets us."""
    try:
        lifecycle.tell(store, kind, utc_now())
    except FarmError as error:
        log.warning("nobody is told of it", event=kind, reason=str(error))


class _Server(BaseApplication):  # type: ignore[misc]
    """The main process: our settings and hooks for gunicorn. A fork of it lives in every process that serves."""

    def __init__(
        self,
        loaded: Loaded,
        configure: Callable[[], Loaded],
        descriptor: int,
        ready: Callable[[], None],
        advertising: Advertising | None = None,
    ) -> None:
        self._loaded = loaded
        self._configure = configure
        self._descriptor = descriptor
        self._ready = ready
        self._advertising = advertising
        self._farm: Farm | None = None
        self._runners: list[Runner] = []
        self._has_said_goodbye = False
        super().__init__()

    def run(self) -> None:
        """Serve until told to stop."""
        _Main(self).run()

    def say_goodbye(self) -> None:
        """Tell, once, that the manager stops, and leave those who listen a moment to hear it."""
        if self._has_said_goodbye:
            return
        self._has_said_goodbye = True
        heard_by = time.monotonic() + GOODBYE_S
        # In a thread: a database that does not answer must not keep the manager from stopping.
        telling = threading.Thread(target=self._tell_shutdown, daemon=True)
        telling.start()
        telling.join(GOODBYE_S)
        time.sleep(max(0.0, heard_by - time.monotonic()))

    def _tell_shutdown(self) -> None:
        store = Store(self._loaded.config.database_url, pool_size=1)
        _tell(store, LifeCycleEventType.SHUTDOWN)
        store.close()

    def load_config(self) -> None:
        """Hand our settings to gunicorn, which calls this."""
        for name, value in self._settings().items():
            self.cfg.set(name, value)

    def reload(self) -> None:
        """Read the configuration anew; gunicorn calls this on SIGHUP, before it starts other processes.

        A configuration that cannot be used is not: the manager goes on with the one it has.
        """
        try:
            loaded = self._configure()
            prepare(loaded.config, loaded.hooks)
        except FarmError as error:
            log.error("the new configuration cannot be used, so the old one stays", reason=str(error))
        else:
            self._loaded = loaded
            log.info("the configuration was read anew")
        super().reload()

    def _settings(self) -> dict[str, Any]:
        return {
            "bind": [f"fd://{self._descriptor}"],
            # Processes do the work side by side, threads wait for the database: many threads in one
            # process are slower than few.
            "worker_class": _Process,
            "workers": self._loaded.config.processes,
            "threads": self._loaded.config.threads + MOST_SENDING,
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

    def load(self) -> WSGIApplication:
        """Make the application; gunicorn calls this in every process that serves, after the fork."""
        loaded = self._loaded
        self._farm = create_farm(loaded.config, loaded.hooks, config_file=loaded.file)
        self._farm.restart = lambda: os.kill(os.getppid(), signal.SIGHUP)
        self._farm.shut_down = lambda: os.kill(os.getppid(), signal.SIGTERM)
        return _impatient(_Places(create_app(self._farm), loaded.config.threads))

    def stop_waiting(self) -> None:
        """Answer requests that wait for something to happen: the process is to end."""
        if self._farm is not None:
            self._farm.event_waits.stop()

    def _started(self, worker: ThreadWorker) -> None:
        _end_with_parent(worker)
        # Less than the main process gives us, so that there is time to leave in order.
        worker.cfg.set("graceful_timeout", FINISH_TIMEOUT_S)
        if self._farm is not None:
            self._runners = runners(self._farm)
            for runner in self._runners:
                runner.start()
        # Whether it is wanted may change with the configuration, so that is asked of every process anew.
        if self._advertising is not None and self._loaded.config.autodiscoverable:
            self._advertising.start()
        # The later ones replace processes that died: whoever waits for us is not waiting any more.
        if worker.age == 1:
            if self._farm is not None:
                _tell(self._farm.store, LifeCycleEventType.STARTUP)
            self._ready()

    def _ended(self, _arbiter: object, worker: ThreadWorker) -> None:
        # gunicorn calls this in the main process as well, for processes that are gone.
        if worker.pid != os.getpid():
            return
        if self._advertising is not None:
            self._advertising.stop()
        stop_all(self._runners)
        if self._farm is not None:
            self._farm.close()
        if worker.booted:
            # Python would wait for every thread first, and one may wait for a client that says nothing.
            logging.shutdown()
            os._exit(0)


def _end_with_parent(worker: ThreadWorker) -> None:
    """Have the kernel tell this process when the main one dies; gunicorn looks only once a second by itself.

    A manager that was killed can then be started again at once: its port is free.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != worker.ppid:
        os.kill(os.getpid(), signal.SIGTERM)
