"""Makes the archives that people asked for: one at a time, in a thread of its own, since large jobs take long."""

from __future__ import annotations

import time
from datetime import timedelta

import structlog

from flamenco.domain.errors import Busy, FarmError
from flamenco.farm import archives
from flamenco.farm.context import Farm

log = structlog.get_logger()

EVERY_S = 1.0
"""How soon an archive is begun once its job is put away."""

RETRY_AFTER = timedelta(seconds=60)
"""When to try again with a job of which none could be made."""


class Archiving:
    """Remembers of which jobs no archive could be made just now, so that they do not hold up the others."""

    def __init__(self) -> None:
        self._retry_at: dict[str, float] = {}

    def tick(self, farm: Farm) -> float:
        """Archive one job. Pauses for as long as that took, so that others get at the database."""
        now = farm.timer()
        self._retry_at = {job_id: moment for job_id, moment in self._retry_at.items() if moment > now}
        waiting = archives.waiting(farm, len(self._retry_at) + 1)
        job_id = next((each for each in waiting if each not in self._retry_at), None)
        if job_id is None:
            return EVERY_S
        started = time.monotonic()
        try:
            archives.archive(farm, job_id)
        except Busy:
            raise  # what is wrong is not the job
        except FarmError as error:
            log.error("a job could not be archived; trying again soon", job=job_id, reason=str(error))
            self._retry_at[job_id] = now + RETRY_AFTER.total_seconds()
        except Exception:
            log.exception("a job could not be archived; trying again soon", job=job_id)
            self._retry_at[job_id] = now + RETRY_AFTER.total_seconds()
        return time.monotonic() - started
