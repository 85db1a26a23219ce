"""Waiting for a job: told by the manager's events where it has them, else by looking again and again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final, TypeVar

from flamenco.client import FarmEvent, Job, ManagerClient, ManagerError, ManagerUnreachable
from flamenco.domain.statuses import FINISHED_JOB, JobStatus

POLL_S: Final = 1.0
"""How often to look where nobody tells of news."""
BREATH_S: Final = 0.2
"""So long news are gathered before looking: a busy job has many."""
LOOK_S: Final = 10.0
"""A job is looked at as often as that, whatever is told."""
AWAY_S: Final = 120.0
"""How long a manager that does not answer is put up with."""

RESTING: Final = FINISHED_JOB | {JobStatus.PAUSED}
"""Nothing happens to such a job by itself."""

T = TypeVar("T")


def patiently(ask: Callable[[], T]) -> T:
    """What `ask` gives; it is called again while the manager is away, or too busy. Raises what it raises after that."""
    deadline: float | None = None
    while True:
        try:
            return ask()
        except (ManagerUnreachable, ManagerError) as error:
            deadline = deadline or time.monotonic() + AWAY_S
            if time.monotonic() > deadline or not _may_pass(error):
                raise
        time.sleep(POLL_S)


def _may_pass(error: ManagerUnreachable | ManagerError) -> bool:
    # What is no error by its status was not understood, which it will not be the next time either.
    return isinstance(error, ManagerUnreachable) or (error.is_temporary and error.status >= 400)


def wait_for_job(client: ManagerClient, job_id: str, show: Callable[[Job], None]) -> Job:
    """The job once it rests; until then, `show` is given it each time that something may have changed.

    Raises `ManagerUnreachable` when the manager is away for too long, `ManagerError` when the job is gone.
    """
    news = JobNews(client, job_id)
    while True:
        job = patiently(lambda: client.jobs.get(job_id))
        show(job)
        if job.status in RESTING:
            return job
        patiently(news.wait)


class JobNews:
    """What the manager tells of a job from now on."""

    def __init__(self, client: ManagerClient, job_id: str) -> None:
        self._client = client
        self._topics = ("/jobs", f"/jobs/{job_id}")
        self._job_id = job_id
        self._after: int | None = None
        start = patiently(lambda: client.events.after(None, self._topics))
        self._after = start.next if start else None

    def wait(self) -> None:
        """Return soon after something happened to the job, or after a while."""
        if self._after is None:
            time.sleep(POLL_S)
            return
        deadline = time.monotonic() + LOOK_S
        while (left := deadline - time.monotonic()) > 0:
            answer = self._client.events.after(self._after, self._topics, math.ceil(left))
            time.sleep(BREATH_S)
            if answer is None:  # another program than before answers at that address
                self._after = None
                return
            self._after = answer.next
            if answer.missed or any(self._is_mine(event) for event in answer.events):
                return
            if answer.retry_after is not None:
                time.sleep(POLL_S)
                return

    def _is_mine(self, event: FarmEvent) -> bool:
        return self._job_id in (event.payload.get("id"), event.payload.get("job_id"))
