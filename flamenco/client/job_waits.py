"""What a manager is asked about the jobs that a job waits for."""

from __future__ import annotations

from flamenco.client.connection import Connection, in_path
from flamenco.protocol.x.job_waits import Dependencies, Dependency, DependsOn


class JobWaitCalls:
    """Jobs that wait for jobs. Every call raises `ManagerError` with status 404 for what is not there."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of_job(self, job_id: str) -> Dependencies:
        """What a job waits for, and what waits for it."""
        return self._connection.fetch(_path(job_id), Dependencies)

    def add(self, job_id: str, on: DependsOn) -> Dependency:
        """Have a job wait for another from now on."""
        return self._connection.decoded(self._connection.call("POST", _path(job_id), on), Dependency)

    def drop(self, job_id: str, other_id: str) -> None:
        """Have a job not wait for another, as if nobody had asked for it."""
        self._connection.call("DELETE", _path(job_id, other_id))

    def satisfy(self, job_id: str, other_id: str) -> None:
        """Have what a job waits for count as done."""
        self._connection.call("POST", _path(job_id, other_id, "satisfy"))


def _path(job_id: str, *rest: str) -> str:
    return "/".join(["/api/x/jobs", in_path(job_id), "dependencies", *(in_path(each) for each in rest)])
