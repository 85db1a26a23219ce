"""Signals that have a program end, or begin anew, as far as the system has them."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Final

ENDING: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""Those that end a program which has nothing to read anew. SIGBREAK is Ctrl-Break, or CTRL_BREAK_EVENT, on Windows."""

_STOPPING: Final = ("SIGINT", "SIGTERM", "SIGBREAK")
_RELOADING: Final = ("SIGHUP",)


def known(names: tuple[str, ...]) -> list[int]:
    """The numbers of those that this system has."""
    return [getattr(signal, name) for name in names if hasattr(signal, name)]


def on_stop(do: Callable[[], None]) -> None:
    """Have `do` called, in the main thread, when the program is to end."""
    for number in known(_STOPPING):
        signal.signal(number, lambda *_: do())


def on_reload(do: Callable[[], None]) -> None:
    """Have `do` called when it is to read its configuration anew; on Windows, no signal says that."""
    for number in known(_RELOADING):
        signal.signal(number, lambda *_: do())
