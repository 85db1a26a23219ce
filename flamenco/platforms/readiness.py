"""Whether something can be read from, or written to, without a wait: sockets everywhere, and pipes but on Windows."""

from __future__ import annotations

import math
import select
import socket

_MILLISECONDS = 1000


def can_read(source: int | socket.socket, timeout_s: float = 0.0) -> bool:
    """Whether there is something to read, or the end, within that time; `math.inf` for any time."""
    return _is_ready(source, timeout_s, writes=False)


def can_write(target: int | socket.socket, timeout_s: float = 0.0) -> bool:
    """Whether something can be written within that time."""
    return _is_ready(target, timeout_s, writes=True)


def _is_ready(what: int | socket.socket, timeout_s: float, *, writes: bool) -> bool:
    waited_s = None if math.isinf(timeout_s) else max(0.0, timeout_s)
    if not hasattr(select, "poll"):  # Windows, where `select` takes any number
        reading, writing = ([], [what]) if writes else ([what], [])
        return any(select.select(reading, writing, reading or writing, waited_s))
    polled = select.poll()  # not `select`, which knows no more than a thousand files
    polled.register(what, select.POLLOUT if writes else select.POLLIN)
    return bool(polled.poll(None if waited_s is None else waited_s * _MILLISECONDS))
