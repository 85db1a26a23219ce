"""Tasks that a failure rule has wait for a moment are let go once it has come, some in each transaction."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from flamenco.domain.errors import NotFound
from flamenco.farm.attempts import Attempts
from flamenco.farm.context import Farm
from flamenco.store import jobs, retries

AT_ONCE: Final = 500
"""So many tasks are let go at one look, and of a job in one transaction; the others come at the next."""

_FAILED: Final = "tasks that are to be tried again could not be let go; trying again at the next look"


def let_go(farm: Farm) -> int:
    """Have tasks tried again whose moment has come; how many those were."""
    now, found = farm.clock(), 0
    with farm.store.read() as tx:
        due = retries.due(tx, now, AT_ONCE)
    attempts = Attempts()
    for job_key in due:
        with attempts.one(_FAILED, job=job_key), suppress(NotFound), farm.store.write() as tx:
            jobs.lock(tx, job_key)
            found += retries.let_go(tx, job_key, now, AT_ONCE)
    attempts.end()
    return found
