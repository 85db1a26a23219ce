"""From a port that is taken to a manager that serves on it."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import NoReturn

import structlog

from flamenco.config import Loaded
from flamenco.discovery.advertising import Advertising
from flamenco.server.choice import server_of
from flamenco.server.listening import url_of
from flamenco.server.processes import Manager

log = structlog.get_logger(__name__)


def serve(
    loaded: Loaded, configure: Callable[[], Loaded], listener: socket.socket, ready: Callable[[str], None]
) -> NoReturn:
    """Serve until SIGTERM or SIGINT, then exit. `ready` is told the URL, in a process that serves, when it does.

    On SIGHUP, `configure` reads the configuration anew, and other processes take over with what it says.
    """
    manager = Manager(
        loaded,
        configure,
        partial(ready, url_of(listener, is_secure=loaded.config.tls_files is not None)),
        _advertising(listener),
    )
    server_of(loaded.config.server, manager, listener).run()
    sys.exit(0)


def _advertising(listener: socket.socket) -> Advertising | None:
    host, port = listener.getsockname()[:2]
    try:
        return Advertising(host, port)
    except OSError as error:
        log.warning("workers cannot find this manager by themselves; start them with --manager URL", reason=str(error))
        return None
