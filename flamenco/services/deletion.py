"""Deletes the jobs that people asked to be deleted: one bit at a time, the job first that was asked for first."""

from __future__ import annotations

import time
from datetime import timedelta

import structlog

from flamenco.domain.errors import Busy, FarmError, Unavailable
from flamenco.farm import deletion
from flamenco.farm.context import Farm

log = structlog.get_logger()

EVERY_S = 1.0
"""How soon a job goes once that was asked for."""

RETRY_AFTER = timedelta(seconds=60)
"""When to try again with a job that could not be deleted."""


class Deletions:
    """Remembers which jobs could not be deleted just now, so that they do not hold up the others."""

    def __init__(self) -> None:
        self._retry_at: dict[str, float] = {}

    def tick(self, farm: Farm) -> float:
        """Delete one job, or a part of it. Pauses for as long as that took, so that others get at the database."""
        now = farm.timer()
        self._retry_at = {job_id: moment for job_id, moment in self._retry_at.items() if moment > now}
        requested = deletion.requested(farm, len(self._retry_at) + 1)
        job_id = next((each for each in requested if each not in self._retry_at), None)
        if job_id is None:
            return EVERY_S
        started = time.monotonic()
        try:
            if deletion.delete_some(farm, job_id):
                log.info("job deleted", job=job_id)
        except (Busy, Unavailable):
            raise  # what is wrong is not the job
        except FarmError as error:
            log.error("a job could not be deleted; trying again soon", job=job_id, reason=str(error))
            self._retry_at[job_id] = now + RETRY_AFTER.total_seconds()
        except Exception:
            log.exception("a job could not be deleted; trying again soon", job=job_id)
            self._retry_at[job_id] = now + RETRY_AFTER.total_seconds()
        return time.monotonic() - started
