"""Puts away the jobs that people delete, and purges them in time: one bit at a time, about in the order of asking."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog

from flamenco.domain.errors import Busy, FarmError, Unavailable
from flamenco.farm import deletion, small_deletions, trash
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
        """Put jobs away, or delete some, or a part of one. Pauses for as long as that took, for others to get on."""
        now = farm.timer()
        self._retry_at = {job_id: moment for job_id, moment in self._retry_at.items() if moment > now}
        most = len(self._retry_at) + small_deletions.AT_ONCE
        started = time.monotonic()
        if wanted := self._untried(trash.doomed(farm, most)):
            if len(wanted) == 1 or not _together(farm, wanted, small_deletions.put_away):
                self._try(farm, wanted[0], trash.put_away)
        elif wanted := self._untried(deletion.requested(farm, most)):
            if len(wanted) == 1 or not _together(farm, wanted, _delete_small):
                self._try(farm, wanted[0], _delete)
        elif not trash.purge_overdue(farm):
            return EVERY_S
        return time.monotonic() - started

    def _untried(self, wanted: Sequence[str]) -> Sequence[str]:
        return [each for each in wanted if each not in self._retry_at][: small_deletions.AT_ONCE]

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


def _together(farm: Farm, wanted: Sequence[str], do: Callable[[Farm, Sequence[str]], bool]) -> bool:
    """Do it with those of them that are small. Whether there were any; where it fails, each is tried by itself."""
    try:
        return do(farm, wanted)
    except (Busy, Unavailable):
        raise  # what is wrong is not the jobs
    except Exception:
        log.exception("jobs could not be deleted together; trying one after the other")
        return False


def _delete_small(farm: Farm, job_ids: Sequence[str]) -> bool:
    gone = small_deletions.delete(farm, job_ids)
    for job_id in gone:
        log.info("job deleted", job=job_id)
    return bool(gone)


def _delete(farm: Farm, job_id: str) -> None:
    if deletion.delete_some(farm, job_id):
        log.info("job deleted", job=job_id)
