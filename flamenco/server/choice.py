"""Which web server a manager has: gunicorn, whose processes are forked, or cheroot, in one process."""

from __future__ import annotations

import socket
from typing import Protocol

from flamenco.config.manager_settings import WebServer
from flamenco.domain.errors import ConfigError
from flamenco.server.processes import Manager

_NO_GUNICORN = (
    "server: gunicorn does not run on this machine; write `server: cheroot`, and install flamenco-farm[cheroot]."
)
_NO_CHEROOT = "server: cheroot is not installed; install flamenco-farm[cheroot], or leave the setting `server` away."


class ManagerServer(Protocol):
    """What serves a manager on a port that is taken."""

    def run(self) -> object:
        """Serve until a signal, or somebody with the right to it, says that it is enough; a reload is no end."""


def server_of(kind: WebServer, manager: Manager, listener: socket.socket) -> ManagerServer:
    """The server of that kind, which has the port from here on. Raises `ConfigError` where it cannot run.

    Both are imported only here: neither has to be installed for the other.
    """
    try:
        if kind == "cheroot":
            from flamenco.server import one_process  # noqa: PLC0415

            return one_process.Server(manager, listener)
        from flamenco.server import gunicorn  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigError(_NO_CHEROOT if kind == "cheroot" else _NO_GUNICORN) from error
    return gunicorn.Server(manager, listener.detach())  # which it takes over as a number, and closes
