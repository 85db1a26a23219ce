"""Wakes workers and sends them to sleep, when their schedules say so."""

from __future__ import annotations

from flamenco.domain.timeouts import was_moved
from flamenco.farm import sleep
from flamenco.farm.attempts import Attempts
from flamenco.farm.context import Farm

FIRST_AFTER_S = 2.0

EVERY_S = 60.0
"""Schedules go by minutes."""


def tick(farm: Farm) -> float:
    """Apply the schedules that are due. What goes wrong with one keeps none of the others, and is tried again.

    All are when the clock was moved: when to look again was reckoned by what it showed before.
    """
    now = farm.moment()
    due = sleep.due(farm, everybody=was_moved(farm.sleep_checked, now))
    farm.sleep_checked = now
    attempts = Attempts()
    for worker_id in due:
        with attempts.one("a sleep schedule could not be applied; trying again at the next check", worker=worker_id):
            sleep.apply(farm, worker_id)
    attempts.end()
    return EVERY_S
