"""Runs the chores: one thread per manager process, and a lease per chore, so that one process at a time runs each."""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog
from msgspec import Struct

from flamenco.farm.context import Farm
from flamenco.services import timeouts, upkeep
from flamenco.store import leases

log = structlog.get_logger()

LEASE_S = 60.0
"""A chore whose process died is taken over this long after it was due."""

_STOP_WAIT_S = 5.0


class Chore(Struct, frozen=True):
    """Something to do now and then. `first_after_s` gives workers time to come back after a restart."""

    name: str
    tick: Callable[[Farm], float]
    first_after_s: float = 0.0


def chores(farm: Farm) -> list[Chore]:
    """All chores of a manager."""
    return [
        Chore("timeouts", timeouts.tick, farm.config.timeout_check_delay),
        Chore("events", upkeep.forget_events, 60.0),
        Chore("database-check", upkeep.check_database, 60.0),
    ]


class Runner:
    """The thread that runs the chores of one process, from `start` (after the fork) to `stop`.

    `todo`: other chores than the manager's own.
    """

    def __init__(self, farm: Farm, todo: Sequence[Chore] | None = None) -> None:
        self._farm = farm
        self._chores = chores(farm) if todo is None else todo
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chores", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the present chore, give up the leases, and end."""
        self._stopped.set()
        self._thread.join(_STOP_WAIT_S)

    def _run(self) -> None:
        started = time.monotonic()
        due = [(started + chore.first_after_s, chore) for chore in self._chores]
        while due:
            due.sort(key=lambda entry: entry[0])
            moment, chore = due.pop(0)
            if self._stopped.wait(max(0.0, moment - time.monotonic())):
                break
            due.append((time.monotonic() + self._run_once(chore), chore))
        self._release()

    def _run_once(self, chore: Chore) -> float:
        try:
            if not self._take_lease(chore, LEASE_S):
                return LEASE_S
            pause = chore.tick(self._farm)
            # Kept until the next time, or the other processes would do it meanwhile.
            self._take_lease(chore, pause + LEASE_S)
        except Exception:  # one chore that fails must not end the others; it is tried again
            log.exception("a chore failed and will be tried again", chore=chore.name)
            return LEASE_S
        return pause

    def _take_lease(self, chore: Chore, seconds: float) -> bool:
        now = self._farm.clock()
        with self._farm.store.write() as tx:
            return leases.take(tx, chore.name, self._owner, now, now + timedelta(seconds=seconds))

    def _release(self) -> None:
        try:
            with self._farm.store.write() as tx:
                leases.release(tx, self._owner)
        except Exception:
            log.exception("could not give up leases; they expire by themselves", seconds=LEASE_S)
