"""Finishing what was begun with very many tasks of a job: some at a time, so that others get at the database.

Who has asked for it does it, in slices, before the answer. Where that process has died, or nobody has asked, as when a
job fails, a chore does, and a manager that starts. Whoever locks the job next goes on, so nothing is done twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from flamenco.domain.errors import NotFound
from flamenco.farm.cascade import Cascade
from flamenco.farm.context import Farm
from flamenco.farm.pausing import LEAST_PAUSE_S
from flamenco.farm.scheduling import placing
from flamenco.store import jobs, moves
from flamenco.store.engine import Tx

SLICE_S: Final = 0.01
"""How long a transaction should take that keeps all others from writing: SQLite's."""

SERVER_SLICE_S: Final = 0.05
"""The same of a server's, which keeps this job alone, and whoever is about to take a task of it or reports on one."""

_LEAST: Final = 100
_FIRST: Final = 500
"""So many to begin with; how long those take says how many the next are."""


def finish(farm: Farm, job_key: int) -> None:
    """Move all tasks of a job that are still to be moved, with all that follows for the job."""
    most = min(moves.AT_ONCE, _FIRST)
    while took := _go_on(farm, job_key, most):
        slice_s = SLICE_S if farm.store.is_sqlite else SERVER_SLICE_S
        most = min(moves.AT_ONCE, max(_LEAST, int(most * slice_s / took)))
        time.sleep(max(LEAST_PAUSE_S, took))


def alone(farm: Farm, lock: Callable[[Tx], Cascade], change: Callable[[Tx, Cascade], None]) -> None:
    """Change a job once what was begun with its tasks before is finished, and finish what that begins."""
    while True:
        with farm.store.write() as tx:
            cascade = lock(tx)
            is_next = not cascade.job.moves
            if is_next:
                change(tx, cascade)
        if is_next:
            cascade.write_logs(farm)
        if cascade.job.moves:
            finish(farm, cascade.job.key)
        if is_next:
            return


def finish_all(farm: Farm) -> int:
    """Do so with all jobs. Returns how many there were."""
    with farm.store.read() as tx:
        moving = moves.keys_moving(tx)
    for job_key in moving:
        finish(farm, job_key)
    return len(moving)


def _go_on(farm: Farm, job_key: int, most: int) -> float:
    """Move some. How many seconds others waited for that; 0 when there are no more, as when the job was deleted."""
    with suppress(NotFound):
        with farm.store.write() as tx:
            cascade = Cascade(tx, jobs.lock(tx, job_key), farm.clock())
            started = time.monotonic()  # what we waited for others does not say how long they wait for us
            if not cascade.job.moves or cascade.job.delete_requested:
                return 0.0
            was_open = cascade.job.is_open
            cascade.go_on(most)
            cascade.save()
            if cascade.job.is_open and not was_open:
                placing.place(tx, farm, job_key, cascade.now)
        cascade.write_logs(farm)
        return time.monotonic() - started if cascade.job.moves else 0.0
    return 0.0
