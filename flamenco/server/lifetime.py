"""What the processes of a manager know of one another: who has replaced whom, and whether all of them are to end."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from enum import IntEnum
from multiprocessing.sharedctypes import RawValue

GOODBYE_S = 0.5
"""How long the manager goes on after it said that it stops, so that those hear it who listen."""

_GOODBYE_POLL_S = 0.02
_PR_SET_PDEATHSIG = 1


class Stage(IntEnum):
    """How far the life of a manager is; it goes forward only."""

    SERVING = 0
    STOPPING = 1
    TOLD = 2
    """It stops, and has told that."""


class _Shared(ctypes.Structure):
    _fields_ = (("stage", ctypes.c_int), ("last_replaced", ctypes.c_long))


class Lifetime:
    """The life of a manager, in memory that its main process, which makes this, shares with those that it forks.

    Only the main process changes it. The others are known by their age: they are counted as they are forked.
    """

    def __init__(self) -> None:
        self._main = os.getpid()
        self._shared = RawValue(_Shared)

    # -- in the main process ------------------------------------------------------------------------------------------

    def replace(self, last: int) -> None:
        """All processes up to the one of that age make room for others."""
        self._shared.last_replaced = last

    def stop(self, tell: Callable[[], None]) -> None:
        """Have the manager stop, once; `tell` says so, and those who listen are left a moment to hear it."""
        if self._shared.stage != Stage.SERVING:
            return
        self._shared.stage = Stage.STOPPING
        heard_by = time.monotonic() + GOODBYE_S
        # In a thread: a database that does not answer must not keep the manager from stopping.
        telling = threading.Thread(target=tell, daemon=True)
        telling.start()
        telling.join(GOODBYE_S)
        self._shared.stage = Stage.TOLD
        time.sleep(max(0.0, heard_by - time.monotonic()))

    # -- in a process that serves -------------------------------------------------------------------------------------

    def is_replaced(self, age: int) -> bool:
        """Whether a process that is told to end has been replaced, and the manager goes on."""
        return self._has_main and self._shared.stage == Stage.SERVING and age <= self._shared.last_replaced

    def await_goodbye(self) -> None:
        """Wait until the main process has told that the manager stops, if it is told to end at the same time as we."""
        end = time.monotonic() + GOODBYE_S
        while self._shared.stage != Stage.TOLD and self._has_main and time.monotonic() < end:
            time.sleep(_GOODBYE_POLL_S)

    def end_with_main(self) -> None:
        """Have the kernel tell this process when the main one dies; gunicorn looks only once a second by itself.

        A manager that was killed can then be started again at once: its port is free.
        """
        if sys.platform != "linux":
            return
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if not self._has_main:
            os.kill(os.getpid(), signal.SIGTERM)

    def reload(self) -> None:
        """Have the main process read the configuration anew, and replace this process."""
        self._signal(signal.SIGHUP)

    def end(self) -> None:
        """Have the main process end the manager."""
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        if self._has_main:  # or its number may be that of any program
            os.kill(self._main, number)

    @property
    def _has_main(self) -> bool:
        return os.getppid() == self._main


class LifetimeAlone(Lifetime):
    """That of a manager which is one process; `reload` and `end` are what its server does about them."""

    def __init__(self, reload: Callable[[], None], end: Callable[[], None]) -> None:
        super().__init__()
        self._reload = reload
        self._end = end

    def await_goodbye(self) -> None:
        """Nothing: it is told before."""

    def end_with_main(self) -> None:
        """Nothing: it is the main one."""

    def reload(self) -> None:
        """Have the configuration read anew."""
        self._reload()

    def end(self) -> None:
        """Have the manager end."""
        self._end()
