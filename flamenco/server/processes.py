"""The main process and those that serve: how they start, share their work, and end."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.sharedctypes import RawValue
from pathlib import Path
from typing import Any, NoReturn
from wsgiref.types import WSGIApplication

import structlog
from gunicorn import glogging  # type: ignore[import-untyped]
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from flamenco.bootstrap import create_app, create_farm, prepare
from flamenco.config import Loaded
from flamenco.discovery.advertising import Advertising
from flamenco.domain.errors import FarmError
from flamenco.farm import lifecycle
from flamenco.farm.context import Farm, utc_now
from flamenco.server.gunicorn import Process
from flamenco.server.listening import url_of
from flamenco.server.requests import Places, impatient
from flamenco.services.runner import Runner, runners, stop_all
from flamenco.store.engine import Store

log = structlog.get_logger(__name__)

STOP_TIMEOUT_S = 3
"""How long a process may take in all to stop; then it is killed."""

KEEPALIVE_S = 30
"""How long an idle connection is kept for the next request, so that workers that poll need no new one each time."""

GOODBYE_S = 0.5
"""How long the manager goes on after it said that it stops, so that those hear it who listen."""

HEARTBEAT_TIMEOUT_S = 120
"""A process whose main loop was silent for so long is replaced. Requests run in threads and never hold it up."""

SWITCH_S = 0.001
"""How long a thread may go on while another one waits for its turn; Python's own 0.005 is felt by workers that ask for
tasks while jobs are read and stored."""

MOST_SENDING = 64
"""So many clients may be sending large files to one process, beside the requests that it works on. They take long, and
workers that ask for tasks meanwhile must not have to wait for them."""

_GOODBYE_POLL_S = 0.02
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a file system, not a file that anybody could have put there
_PR_SET_PDEATHSIG = 1


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


class _Main(Arbiter):  # type: ignore[misc]
    """The main process, as gunicorn's, but it says so before it stops the others, and lets replaced ones finish."""

    _last_replaced = 0

    def stop(self, graceful: bool = True) -> None:
        """Stop all processes."""
        self.app.say_goodbye()
        super().stop(graceful)

    def reload(self) -> None:
        """Read the configuration anew, and replace all processes."""
        last_replaced = self.worker_age
        self.app.replaces(last_replaced)
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
        # Shared with all processes: whoever is told to end wants to know why, and when.
        self._last_replaced = RawValue("l", 0)
        self._is_stopping = RawValue("b", 0)
        self._has_told = RawValue("b", 0)
        super().__init__()

    def run(self) -> None:
        """Serve until told to stop."""
        _Main(self).run()

    def say_goodbye(self) -> None:
        """Tell, once, that the manager stops, and leave those who listen a moment to hear it."""
        if self._is_stopping.value:
            return
        self._is_stopping.value = 1
        heard_by = time.monotonic() + GOODBYE_S
        # In a thread: a database that does not answer must not keep the manager from stopping.
        telling = threading.Thread(target=self._tell_shutdown, daemon=True)
        telling.start()
        telling.join(GOODBYE_S)
        self._has_told.value = 1
        time.sleep(max(0.0, heard_by - time.monotonic()))

    def _tell_shutdown(self) -> None:
        store = Store(self._loaded.config.database_url, pool_size=1)
        lifecycle.tell_shutdown(store, utc_now())
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
            "worker_class": Process,
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
        sys.setswitchinterval(SWITCH_S)
        loaded = self._loaded
        self._farm = create_farm(loaded.config, loaded.hooks, config_file=loaded.file)
        self._farm.restart = lambda: os.kill(os.getppid(), signal.SIGHUP)
        self._farm.shut_down = lambda: os.kill(os.getppid(), signal.SIGTERM)
        return impatient(Places(create_app(self._farm), loaded.config.threads))

    def replaces(self, last: int) -> None:
        """All processes up to the one of that age make room for others."""
        self._last_replaced.value = last

    def is_replaced(self, worker: ThreadWorker) -> bool:
        """Whether a process that is told to end has been replaced, and the manager goes on."""
        goes_on = worker.ppid == os.getppid() and not self._is_stopping.value
        return goes_on and bool(worker.age <= self._last_replaced.value)

    def retire(self) -> None:
        """Leave to others what is not answering requests: this process was replaced."""
        self.stop_waiting()
        if self._advertising is not None:
            self._advertising.stop()
        threading.Thread(target=stop_all, args=(self._runners,), daemon=True).start()

    def stop_waiting(self) -> None:
        """Answer requests that wait for something to happen: the process is to end."""
        if self._farm is not None:
            self._farm.event_waits.stop()

    def _started(self, worker: ThreadWorker) -> None:
        _end_with_parent(worker)
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
                lifecycle.tell_startup(self._farm)
            self._ready()

    def _ended(self, _arbiter: object, worker: ThreadWorker) -> None:
        # gunicorn calls this in the main process as well, for processes that are gone.
        if worker.pid != os.getpid():
            return
        if self._advertising is not None:
            self._advertising.stop()
        if not self.is_replaced(worker):
            self._await_goodbye(worker)
        stop_all(self._runners)
        if self._farm is not None:
            self._farm.close()
        if worker.booted:
            # Python would wait for every thread first, and one may wait for a client that says nothing.
            logging.shutdown()
            os._exit(0)

    def _await_goodbye(self, worker: ThreadWorker) -> None:
        """Wait until the main process has told that the manager stops, if it is told to end at the same time as we."""
        end = time.monotonic() + GOODBYE_S
        while not self._has_told.value and os.getppid() == worker.ppid and time.monotonic() < end:
            time.sleep(_GOODBYE_POLL_S)


def _end_with_parent(worker: ThreadWorker) -> None:
    """Have the kernel tell this process when the main one dies; gunicorn looks only once a second by itself.

    A manager that was killed can then be started again at once: its port is free.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != worker.ppid:
        os.kill(os.getpid(), signal.SIGTERM)
