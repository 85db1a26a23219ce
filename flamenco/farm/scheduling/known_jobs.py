"""What policies see of jobs: what does not change of a job is read once per process, and kept."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from flamenco.domain.scheduling.values import JobCandidate
from flamenco.store.engine import Tx
from flamenco.store.scheduling import ranking
from flamenco.store.scheduling.ranking import JobSnapshot

MOST_KNOWN = 20_000
"""So many jobs are kept in mind by a process that ranks none."""

_NEVER = datetime.min.replace(tzinfo=UTC)


class _Known(Struct, frozen=True):
    """A job as it was read, when it had been updated last at that moment."""

    updated: datetime
    job: JobCandidate


class KnownJobs:
    """The jobs that this process has read, by row number. Safe for many threads at once.

    The lock is never held while the database is asked: what else was forgotten or read meanwhile does not matter,
    since whoever asks goes by what it found and read itself.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[int, _Known] = {}

    def candidates(self, tx: Tx, jobs_there: Sequence[JobSnapshot]) -> dict[int, JobCandidate]:
        """The jobs as policies see them, by row number; without those deleted since `jobs_there` was read."""
        with self._lock:
            known = {job.key: self._known.get(job.key) for job in jobs_there}
        found = {job.key: kept.job for job in jobs_there if (kept := known[job.key]) and kept.updated == job.updated}
        if missing := [job for job in jobs_there if job.key not in found]:
            read = ranking.candidates(tx, [job.key for job in missing])
            found.update(read)
            with self._lock:
                self._known.update({job.key: _Known(job.updated, read[job.key]) for job in missing if job.key in read})
        return {
            job.key: replace(
                found[job.key],
                priority=job.priority,
                counts=job.counts,
                last_assigned=job.last_assigned,
                mean_task_s=job.mean_task_s,
            )
            for job in jobs_there
            if job.key in found
        }

    def seen_last(self, tx: Tx, job_key: int, job_id: str) -> JobCandidate | None:
        """The job as this process saw it last; None when it was deleted, as whoever locks it will find."""
        with self._lock:
            known = self._known.get(job_key)
        # SQLite gives the row number of a deleted job to another one.
        if known is not None and known.job.id == job_id:
            return known.job
        read = ranking.candidates(tx, [job_key]).get(job_key)
        if read is not None:
            with self._lock:
                if len(self._known) >= MOST_KNOWN:
                    self._known.clear()
                # Not as of any moment, so that whoever ranks reads it again; but not read again at every poll.
                self._known[job_key] = _Known(_NEVER, read)
        return read

    def forget(self, job_key: int) -> None:
        """Forget a job that is deleted."""
        with self._lock:
            self._known.pop(job_key, None)

    def forget_all_but(self, jobs_there: Sequence[JobSnapshot]) -> None:
        """Forget the jobs that are not among these, once they are most of what is kept."""
        kept = {job.key for job in jobs_there}
        with self._lock:
            if len(self._known) > 2 * len(kept) + 1_000:
                self._known = {key: known for key, known in self._known.items() if key in kept}
