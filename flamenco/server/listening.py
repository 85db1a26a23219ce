"""Taking the port that the manager is to be reached on."""

from __future__ import annotations

import errno
import socket
import sys
import time
from collections.abc import Callable

from flamenco.config import Config
from flamenco.domain.errors import Failed

PORT_WAIT_S = 5.0
"""How long to wait for a port that is in use: the processes of a manager that was killed need a moment to notice."""

_PORT_POLL_S = 0.1
_EVERYWHERE = "::"
_BACKLOG = 2048


def open_port(config: Config, waiting: Callable[[str], None], wait_s: float = PORT_WAIT_S) -> socket.socket:
    """Take the port that `config` names; whoever gets it serves.

    While another program has it, says so once to `waiting` and tries for `wait_s` seconds. Raises
    `Failed` when it has it still, or there is no such address on this machine.
    """
    deadline = time.monotonic() + wait_s
    told = False
    while True:
        try:
            return _listen(config.host, config.port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise Failed(f"Cannot listen on {config.listen}: {error.strerror or error}.") from error
            if time.monotonic() >= deadline:
                raise Failed(
                    f"{config.listen} is in use by another program; stop it, or choose another address with --listen."
                ) from error
        if not told:
            waiting(f"{config.listen} is in use; waiting up to {wait_s:g} seconds for it to become free")
            told = True
        time.sleep(_PORT_POLL_S)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return _bound(host, port)
    except OSError as error:
        if host != _EVERYWHERE or error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            raise
        return _bound("0.0.0.0", port)  # noqa: S104 - this machine has no IPv6, and is to be reached all the same


def _bound(host: str, port: int) -> socket.socket:
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = socket.socket(family, kind)
    try:
        if sys.platform == "win32":  # where others could take the port from us, else
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:  # or connections that were closed a minute ago would still hold it
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if host == _EVERYWHERE:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        # At once: an address that is bound and not listened on could be bound by somebody else too.
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def url_of(listener: socket.socket, *, is_secure: bool) -> str:
    """Where `listener` can be reached."""
    host, port = listener.getsockname()[:2]
    scheme = "https" if is_secure else "http"
    return f"{scheme}://[{host}]:{port}" if listener.family is socket.AF_INET6 else f"{scheme}://{host}:{port}"
