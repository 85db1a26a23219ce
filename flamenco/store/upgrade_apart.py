"""An upgrade of the database in a process of its own, which a manager makes before it serves.

What Alembic imports would stay in its memory, a tenth of all that a manager has at rest.
"""

from __future__ import annotations

import json
import os
import threading
import traceback
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import Final, NoReturn

from flamenco.domain.errors import Busy, ConfigError, FarmError, Refused, StoreError, Unavailable
from flamenco.store.engine import Store
from flamenco.store.upgrade import upgrade

_HANDED_OVER: Final[dict[str, type[FarmError]]] = {
    kind.__name__: kind for kind in (Busy, ConfigError, Refused, StoreError, Unavailable)
}
"""What is made anew of its text; all else becomes a `StoreError`."""


def upgrade_apart(url: str, now: datetime) -> bool:
    """As `upgrade.upgrade`. No connection to this database may be open in this process: they do not survive a fork."""

    def upgraded() -> bool:
        with closing(Store(url, pool_size=1)) as store:
            return upgrade(store, now)

    # Where other threads run, a fork has a copy of the locks that they hold, and nobody who lets go of them.
    return _in_child(upgraded) if hasattr(os, "fork") and threading.active_count() == 1 else upgraded()


def _in_child(call: Callable[[], bool]) -> bool:
    """What `call` returns or raises in a process that is forked for it."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _tell(writing, call)
    os.close(writing)
    with open(reading, "rb") as pipe:  # noqa: PTH123 - it has no name
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    if not told:
        raise StoreError(
            f"The process that upgrades the database died (exit code {os.waitstatus_to_exitcode(status)})."
        )
    kind, result = json.loads(told)
    if kind:
        raise _HANDED_OVER[kind](result)
    return bool(result)


def _tell(writing: int, call: Callable[[], bool]) -> NoReturn:
    """In the child: write what comes of `call`, and end without what this process would do at its end."""
    try:
        os.write(writing, _outcome(call))
    finally:
        os._exit(0)


def _outcome(call: Callable[[], bool]) -> bytes:
    try:
        told: tuple[str, object] = ("", call())
    except Exception as error:  # whatever it is, the parent raises it
        if (name := type(error).__name__) in _HANDED_OVER:
            told = (name, str(error))
        else:
            traceback.print_exc()
            told = (StoreError.__name__, f"The database cannot be upgraded: {error}")
    return json.dumps(told).encode()
