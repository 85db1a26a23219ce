"""Runs the chores: a lease for each, so that of all manager processes one at a time runs it.

The manager's own chores share one thread. Every event sink has a thread of its own: one that hangs holds up nothing.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

import structlog
from msgspec import Struct

from flamenco.domain.errors import Busy, FarmError, Unavailable
from flamenco.domain.timeouts import Moment, was_moved
from flamenco.farm import limits, putting_away
from flamenco.farm.context import Farm
from flamenco.services import (
    archiving,
    deletion,
    delivery,
    overdue,
    previews,
    ranking,
    retention,
    roll_ups,
    shaman,
    sleep,
    telling,
    timeouts,
    upkeep,
)
from flamenco.store import leases

log = structlog.get_logger()

LEASE_S = 60.0
"""A chore whose process died is taken over this long after it was due."""

PROMPT_LEASE_S = 10.0
"""The same for what is to happen within a second or so."""

LEASE_RETRY_S = 5.0
"""When to ask again for a lease that another process has; it may give it up at any time, as when it is replaced."""

UNAVAILABLE_RETRY_S = 5.0
"""When to try again while the database does not answer, or a disk is full."""

FINISH_S = 0.5
"""How long after it was asked to stop a runner still begins what must not be left behind; it has to end as well."""

ALONE_S = 3600.0
"""How long a chore with a thread of its own may be at work before it is taken to be stuck: some look at many files."""

_FINISH_POLL_S = 0.05
_STOP_WAIT_S = 5.0
_STOP_ALL_WAIT_S = 1.0


class Chore(Struct, frozen=True):
    """Something to do now and then. `first_after_s` gives workers time to come back after a restart.

    One that is not `leased` is done by every process, for itself. `lease_s` is how long after it was due another
    process takes it over from one that died. `is_behind` says whether there is something that must not be left behind:
    then it is done once more before the process ends.
    """

    name: str
    tick: Callable[[Farm], float]
    first_after_s: float = 0.0
    leased: bool = True
    lease_s: float = LEASE_S
    is_behind: Callable[[Farm], bool] | None = None


def chores(farm: Farm) -> list[Chore]:
    """All chores of a manager."""
    return [
        Chore("timeouts", timeouts.tick, farm.config.timeout_check_delay),
        Chore("sleep", sleep.tick, sleep.FIRST_AFTER_S),
        Chore("stranding", upkeep.look_for_stranded, upkeep.STRANDED_FIRST_AFTER_S),
        Chore("events", upkeep.forget_events, 60.0),
        Chore("task-log-events", upkeep.forget_task_logs, 60.0),
        Chore("access", upkeep.forget_access, 60.0),
        Chore("roll-ups", roll_ups.RollUps().tick, 10.0),
        Chore("forgotten", telling.look_for_forgotten, 120.0),
        Chore("space", upkeep.give_space_back, 300.0),
        Chore("checkpoint", upkeep.checkpoint, 60.0),
        Chore("sinks", delivery.look_after_sinks),
        Chore("previews", previews.tick, previews.EVERY_S),
        Chore("limits", limits.settle, limits.EVERY_S),
        Chore("put-away", putting_away.tick, putting_away.FIRST_AFTER_S),
        Chore("retention", retention.Retention().tick, retention.FIRST_AFTER_S),
    ]


def runners(farm: Farm) -> list[Runner]:
    """Everything that runs in the background of one process; whoever has it starts it, and ends it with `stop_all`."""
    # The end of the manager is an event as well, and the last one of the outbox.
    sinks = (
        Chore(f"sink:{name}", partial(delivery.tick, sink=sink), is_behind=partial(delivery.is_behind, sink=sink))
        for name, sink in farm.event_sinks.items()
    )
    # In threads of their own too: what is measured is taken to be of a process that ended when it is a minute old,
    # and some are for the next second; checking a large database takes long.
    alone = [
        Chore("measurements", upkeep.write_measurements, leased=False),
        Chore("farm-status", upkeep.look_at_farm, upkeep.STATUS_EVERY_S, lease_s=PROMPT_LEASE_S),
        Chore("moves", upkeep.finish_moves, upkeep.MOVES_EVERY_S, lease_s=PROMPT_LEASE_S),
        Chore("telling", telling.tell, telling.EVERY_S, lease_s=PROMPT_LEASE_S),
        Chore("deletion", deletion.Deletions().tick, lease_s=PROMPT_LEASE_S),
        Chore("time-limits", overdue.Overdue().tick, overdue.EVERY_S, lease_s=PROMPT_LEASE_S),
        Chore("archives", archiving.Archiving().tick, lease_s=PROMPT_LEASE_S),
        Chore("database-check", upkeep.check_database, min(upkeep.FIRST_CHECK_S, farm.config.database_check_period)),
        *sinks,
    ]
    if not farm.policies.is_static:
        alone.append(Chore("ranking", ranking.tick, lease_s=PROMPT_LEASE_S))
    if shaman.is_due(farm):
        # It looks at every file of every job, which may take long.
        alone.append(Chore("shaman", shaman.collect, shaman.FIRST_AFTER_S))
    return [Runner(farm), *(Runner(farm, [chore], thread_name=chore.name) for chore in alone)]


def stop_all(running: Sequence[Runner]) -> None:
    """Have all of them end, and wait a second for that.

    Sinks are given what has happened until now. One that is still at work then begins there again next time.
    """
    for runner in running:
        runner.ask_to_stop()
    deadline = time.monotonic() + _STOP_ALL_WAIT_S
    for runner in running:
        runner.stop(max(0.0, deadline - time.monotonic()))


class Runner:
    """The thread that runs the chores of one process, from `start` (after the fork) to `stop`.

    `todo`: other chores than the manager's own.
    """

    def __init__(self, farm: Farm, todo: Sequence[Chore] | None = None, thread_name: str = "chores") -> None:
        self._farm = farm
        self._chores = chores(farm) if todo is None else todo
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._held_until: dict[str, float] = {}
        self._others: dict[str, tuple[leases.Held, float]] = {}
        # What a server's clock shows is not known before it was asked.
        self._began = farm.moment() if farm.store.is_sqlite else None
        self._stopped = threading.Event()
        self._finish_by = math.inf
        self._thread = threading.Thread(target=self._run, name=thread_name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Begin nothing but what must not be left behind, and do not wait for what is being done."""
        self._finish_by = min(self._finish_by, time.monotonic() + FINISH_S)
        self._stopped.set()

    def stop(self, wait_s: float = _STOP_WAIT_S) -> None:
        """Finish the present chore, give up the leases, and end."""
        self.ask_to_stop()
        self._thread.join(wait_s)

    def _run(self) -> None:
        started = time.monotonic()
        due = [(started + chore.first_after_s, chore) for chore in self._chores]
        while due:
            due.sort(key=lambda entry: entry[0])
            moment, chore = due.pop(0)
            self._expect(moment - time.monotonic())
            if self._stopped.wait(max(0.0, moment - time.monotonic())):
                break
            self._expect(0.0 if len(self._chores) > 1 else ALONE_S)
            due.append((time.monotonic() + self._run_once(chore), chore))
        self._farm.chores_due.pop(self._thread.name, None)
        for chore in self._chores:
            self._finish(chore)
        self._release()

    def _expect(self, within_s: float) -> None:
        """Say by when something is to be heard of this thread; see `farm.health`."""
        self._farm.chores_due[self._thread.name] = self._farm.timer() + max(0.0, within_s)

    def _finish(self, chore: Chore) -> None:
        """See to it that a chore leaves nothing behind, if there is time: by this process, or whoever has the lease.

        Not by that one alone: it may have looked for the last time before this process wrote its last.
        """
        try:
            while chore.is_behind and time.monotonic() < self._finish_by and chore.is_behind(self._farm):
                if self._hold_lease(chore, 0.0):
                    chore.tick(self._farm)
                time.sleep(_FINISH_POLL_S)
        except (Busy, Unavailable) as error:
            log.warning("a chore was not finished before the process ends", chore=chore.name, reason=str(error))
        except Exception:
            log.exception("a chore was not finished before the process ends", chore=chore.name)

    def _run_once(self, chore: Chore) -> float:
        try:
            if not self._hold_lease(chore, 0.0):
                return LEASE_RETRY_S
            pause = chore.tick(self._farm)
            # Kept until the next time, or the other processes would do it meanwhile.
            self._hold_lease(chore, pause)
        except Busy as error:  # nothing is wrong, and whoever is busy knows for how long
            self._log_wait(logging.WARNING, chore, error)
            return float(error.retry_after)
        except Unavailable as error:  # whatever it is about, the chore can do nothing about that
            self._log_wait(logging.ERROR, chore, error)
            return UNAVAILABLE_RETRY_S
        except Exception:  # one chore that fails must not end the others; it is tried again
            if times := self._farm.repeated.times(chore.name):
                log.exception("a chore failed and will be tried again", chore=chore.name, times=times)
            return chore.lease_s
        return pause

    def _log_wait(self, level: int, chore: Chore, error: FarmError) -> None:
        if times := self._farm.repeated.times(f"{chore.name}: {type(error).__name__}"):
            log.log(level, "a chore has to wait", chore=chore.name, reason=str(error), times=times)

    def _hold_lease(self, chore: Chore, pause_s: float) -> bool:
        """Make sure that nobody else runs the chore now, nor within `pause_s`. False when somebody else does."""
        if not chore.leased or self._held_until.get(chore.name, 0.0) > time.monotonic() + pause_s + chore.lease_s / 2:
            return True
        seconds = pause_s + chore.lease_s
        until = time.monotonic() + seconds
        with self._farm.store.read() as tx:  # which keeps nobody from writing
            found = leases.held(tx, chore.name)
            now = Moment(leases.clock(tx, self._farm.clock()), self._farm.timer())
        is_ours = self._is_free(chore.name, found, now)
        if is_ours:
            expires = now.clock + timedelta(seconds=seconds)
            with self._farm.store.write() as tx:
                is_ours = leases.take(tx, chore.name, self._owner, now.clock, expires, given_up=found)
        self._held_until[chore.name] = until if is_ours else 0.0
        return is_ours

    def _is_free(self, name: str, found: leases.Held | None, now: Moment) -> bool:
        """Whether nobody else has the lease: it expired by the clock, or was not renewed for as long as it holds.

        Only the latter counts once the clock was moved.
        """
        self._began = self._began or now
        if found is None or found.owner == self._owner:
            return True
        if name not in self._others or self._others[name][0] != found:
            self._others[name] = found, now.timer_s
        if found.seconds and now.timer_s - self._others[name][1] >= found.seconds:
            return True
        return found.expires <= now.clock and not was_moved(self._began, now)

    def _release(self) -> None:
        try:
            with self._farm.store.write() as tx:
                leases.release(tx, self._owner)
        except (Busy, Unavailable) as error:
            log.warning("could not give up leases; they expire by themselves", reason=str(error))
        except Exception:
            log.exception("could not give up leases; they expire by themselves", seconds=LEASE_S)
