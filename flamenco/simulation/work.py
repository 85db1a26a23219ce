"""The jobs of a simulation, as the farm has them: submitted, recognised, watched, looked at in the end, deleted."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from flamenco.client import Attempt, DependsOn, JobRequest, ManagerClient, ManagerError, TaskSummary
from flamenco.domain.actions import JobAction
from flamenco.domain.job_waits import When
from flamenco.domain.searching import PROJECT
from flamenco.domain.statuses import JobStatus

JOB_TYPE: Final = "echo-sleep-test"
CLOSED: Final = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELED, JobStatus.PAUSED)
_OPEN: Final = frozenset(JobStatus) - set(CLOSED)
_MORE: Final = 100
NONE: Final[Mapping[str, Mapping[str, str]]] = {}
_NOT_FOUND: Final = 404
_UNKNOWN_ACTION: Final = 400


class Work:
    """Jobs of so many `tasks`, by whose names, which begin with `label`, the simulation knows them again.

    What asks the manager raises what `ManagerClient` does, and belongs into a thread of its own.
    """

    def __init__(
        self,
        client: ManagerClient,
        label: str,
        tasks: int,
        seconds: int,
        time_limits: Mapping[str, Mapping[str, str]] = NONE,
        *,
        is_chained: bool = False,
        start_after_s: float = 0.0,
    ) -> None:
        self.label = label
        self.promised: dict[str, int] = {}
        """How many tasks each job is to have."""
        self.submitted: dict[str, float] = {}
        """When the manager had taken a job, as far as it said so, and it could begin."""
        self.durations: list[float] = []
        self.tag_id = ""
        """What workers must have to be given these jobs; known once it is made."""
        self._client, self._tasks, self._seconds = client, tasks, seconds
        self._limits = {task_type: dict(limits) for task_type, limits in time_limits.items()}
        self._foreign: set[str] = set()
        self._number = 0
        self._is_chained, self._start_after_s = is_chained, start_after_s
        self.chain: list[str] = []
        """The jobs of which each waits for the one before, if they do."""
        self.starts: dict[str, datetime] = {}
        """When jobs may begin that wait for a moment, by the manager's clock."""

    def submit(self) -> None:
        """Hand in one more job."""
        self._number += 1
        settings = {
            "message": self.label,
            "sleep_duration_seconds": self._seconds,
            "sleep_repeats": self._tasks - 1,
        }
        name = f"{self.label} {self._number}"
        before = tuple(DependsOn(job=job_id, when=When.ENDED) for job_id in self.chain[-1:])
        request = JobRequest(
            name=name,
            type=JOB_TYPE,
            settings=settings,
            worker_tag=self.tag_id,
            time_limits=self._limits,
            depends_on=before,
            start_after=f"+{self._start_after_s:g}s" if self._start_after_s else "",
            metadata={PROJECT: self.label},
        )
        begun = time.monotonic()
        job_id = self._client.submit_job(request).id
        taken = time.monotonic()
        self.submitted[job_id] = taken + self._start_after_s
        self.durations.append(taken - begun)
        if self._start_after_s and (start := self._client.lists.job(job_id).start_after):
            self.starts[job_id] = start
        if self._is_chained:
            self.chain.append(job_id)
        self._adopt(job_id)

    def is_ours(self, job_id: str) -> bool:
        """Whether that is a job of this simulation; also one whose submission was never answered."""
        if job_id not in self.promised and job_id not in self._foreign:
            name = self._client.jobs.get(job_id).name
            self._adopt(job_id) if name.startswith(self.label) else self._foreign.add(job_id)
        return job_id in self.promised

    def open_jobs(self) -> set[str]:
        """Those that are not done yet."""
        found = self._client.jobs.newest(self._number + _MORE, statuses=_OPEN, types=[JOB_TYPE])
        return {job.id for job in found if job.name.startswith(self.label)}

    def adopt_all(self) -> None:
        """Find those that were made though nobody said so."""
        for job in self._client.jobs.newest(2 * self._number + _MORE, types=[JOB_TYPE]):
            if job.name.startswith(self.label):
                self._adopt(job.id)

    def tasks(self, job_id: str) -> Sequence[TaskSummary]:
        """All tasks of a job."""
        return self._client.jobs.tasks(job_id)

    def attempts(self, job_id: str) -> Sequence[Attempt] | None:
        """Who was given the tasks of a job; None where a manager does not keep that."""
        try:
            return list(self._client.attempts.of_job(job_id))
        except ManagerError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def log(self, task_id: str) -> str:
        """What a task has said; empty while nothing is there."""
        info = self._client.tasks.log(task_id)
        text = b""
        while info and (part := self._client.tasks.log_part(info, len(text))):
            text += part
        return text.decode(errors="replace")

    def delete_all(self) -> None:
        """Have the manager forget all of it."""
        for job_id in self.promised:
            self.delete(job_id)

    def delete(self, job_id: str) -> None:
        """Have the manager forget a job, unless it has already; one with a trash does not keep it there."""
        try:
            self._client.jobs.delete(job_id)
            self._client.actions.on("jobs", JobAction.PURGE, {}, ids=[job_id])
        except ManagerError as error:
            if error.status not in (_UNKNOWN_ACTION, 404, 409):
                raise

    def _adopt(self, job_id: str) -> None:
        self.promised[job_id] = self._tasks
