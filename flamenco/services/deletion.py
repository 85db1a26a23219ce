"""Puts away the jobs that people delete, and purges them in time: one bit at a time, in the order of asking."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog

from flamenco.domain.errors import Busy, FarmError, Unavailable
from flamenco.farm import deletion, trash
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
        """Put a job away, or delete one, or a part of it. Pauses for as long as that took, for others to get on."""
        now = farm.timer()
        self._retry_at = {job_id: moment for job_id, moment in self._retry_at.items() if moment > now}
        most = len(self._retry_at) + 1
        started = time.monotonic()
        if (job_id := self._next(trash.doomed(farm, most))) is not None:
            self._try(farm, job_id, trash.put_away)
        elif (job_id := self._next(deletion.requested(farm, most))) is not None:
            self._try(farm, job_id, _delete)
        elif not trash.purge_overdue(farm):
            return EVERY_S
        return time.monotonic() - started

    def _next(self, wanted: Sequence[str]) -> str | None:
        return next((each for each in wanted if each not in self._retry_at), None)

    def _try(self, farm: Farm, job_id: str, do: Callable[[Farm, str], None]) -> None:
        try:
            do(farm, job_id)
            return
        except (Busy, Unavailable):
            raise  # what is wrong is not the job
        except FarmError as error:
            log.error("a job could not be deleted; trying again soon", job=job_id, reason=str(error))
        except Exception:
            log.exception("a job could not be deleted; trying again soon", job=job_id)
        self._retry_at[job_id] = farm.timer() + RETRY_AFTER.total_seconds()


def _delete(farm: Farm, job_id: str) -> None:
    if deletion.delete_some(farm, job_id):
        log.info("job deleted", job=job_id)
