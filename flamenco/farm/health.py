"""Whether this process of the manager does its work: for load balancers, containers, and whoever looks after services.

Nothing here waits for longer than `PATIENCE_S`, whatever hangs: a storage that is gone keeps one thread, and no more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Final

import structlog
from msgspec import Struct

from flamenco.domain.errors import FarmError
from flamenco.farm.context import Farm
from flamenco.files import shared_storage
from flamenco.store import leases

log = structlog.get_logger(__name__)

PATIENCE_S: Final = 2.0
"""How long whoever asks waits for something to be looked at."""

KEPT_S: Final = 5.0
"""What was seen is told for so long: however many ask, and however often, it costs no more."""

LATE_S: Final = 300.0
"""Chores that nothing was heard of for so long after they were due are taken to be stuck."""


class Health(Struct, frozen=True):
    """Whether requests should be sent here. `problems`: what is wrong, a sentence by what it is about.

    The sentences name no path and no address, so anybody may read them; the manager's log says more.
    """

    ready: bool
    problems: dict[str, str]


class Readiness:
    """Looks at what the manager needs. Safe to share between threads."""

    def __init__(self, farm: Farm) -> None:
        self._farm = farm
        self._looks = {
            "database": Look(self._database, farm.timer),
            "storage": Look(self._storage, farm.timer),
        }

    def health(self) -> Health:
        """What is wrong now, or was within the last seconds."""
        for look in self._looks.values():
            look.begin()
        seen = {name: look.seen() for name, look in self._looks.items()}
        seen["chores"] = late(self._farm.chores_due, self._farm.timer())
        problems = {name: problem for name, problem in seen.items() if problem}
        return Health(ready=not problems, problems=problems)

    def _database(self) -> str:
        try:
            with self._farm.store.read() as tx:
                leases.held(tx, "health")  # some row of some table
        except FarmError as error:
            log.warning("not ready: the database", reason=str(error))
            return "The database does not answer, or not in time."
        return ""

    def _storage(self) -> str:
        """Where the manager keeps logs and images, and what it shares with workers, where somebody has said that."""
        config = self._farm.config
        for path in (config.local_storage_path, *([config.shared_path] if config.shared_storage_path else ())):
            found = shared_storage.check(str(path))
            if not found.is_usable:
                log.warning("not ready: the storage", path=str(path), reason=found.cause)
                return "The manager cannot write to its storage."
        return ""


def late(due: Mapping[str, float], now: float) -> str:
    """What is wrong with chores that were to do something at moments of the timer; nothing is the empty text."""
    stuck = sorted(name for name, moment in list(due.items()) if now - moment > LATE_S)
    return f"Nothing was heard for minutes of: {', '.join(stuck)}." if stuck else ""


class Look:
    """Something that is looked at in a thread of its own, of which there is one at most: it may hang for ever."""

    def __init__(self, look: Callable[[], str], timer: Callable[[], float]) -> None:
        self._look = look
        self._timer = timer
        self._lock = threading.Lock()
        self._seen: tuple[float, str] | None = None
        self._looking: threading.Thread | None = None

    def begin(self) -> None:
        """Look, unless that was done just now, or somebody is at it."""
        with self._lock:
            is_fresh = self._seen is not None and self._timer() - self._seen[0] < KEPT_S
            if not is_fresh and (self._looking is None or not self._looking.is_alive()):
                self._looking = threading.Thread(target=self._run, name="health", daemon=True)
                self._looking.start()

    def seen(self) -> str:
        """What was seen, once it is, or that it takes too long."""
        with self._lock:
            looking = self._looking
        if looking is not None:
            looking.join(PATIENCE_S)
            if looking.is_alive():
                return "It does not answer in time."
        with self._lock:
            return self._seen[1] if self._seen else "It could not be looked at."

    def _run(self) -> None:
        try:
            seen = self._look()
        except Exception:  # whatever it is, somebody waits for an answer
            log.exception("not ready")
            seen = "It cannot be looked at; the manager's log says why."
        with self._lock:
            self._seen = self._timer(), seen
