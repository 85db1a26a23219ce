"""Attempts at tasks: who was given what, when, and what came of it."""

from __future__ import annotations

from typing import Any, Final

import falcon
from msgspec import UNSET, UnsetType

from flamenco.api.conditional import UNCHANGED, send_unless_known
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.api.x import list_conversion as conversion
from flamenco.domain.access import Access
from flamenco.domain.attempts import Attempt, GivenTask, Place
from flamenco.farm import timeline, times
from flamenco.protocol.x import attempts as schemas

MOST_WORKERS: Final = 500


class OfTask(Resource):
    """`/tasks/{task_id}/attempts`."""

    @Operation(
        id="getTaskAttempts",
        summary="Who was given a task, when, and what came of it.",
        tag="tasks",
        access=Access.JOB,
        returns={200: Answer("The attempts, in their order.", schemas.TaskAttempts)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        """List them."""
        found = timeline.of_task(self.farm, task_id)
        told = [schemas.TaskAttempt(**_told(each), log_offset=each.log_begins) for each in found]
        send(resp, schemas.TaskAttempts(attempts=told))


class OfJob(Resource):
    """`/jobs/{job_id}/attempts`."""

    @Operation(
        id="getJobAttempts",
        summary="Who was given the tasks of a job, when, and what came of it.",
        tag="jobs",
        access=Access.JOB,
        query=schemas.AttemptsQuery,
        returns={200: Answer("A page of the attempts.", schemas.JobAttempts)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, job_id: str, query: schemas.AttemptsQuery) -> None:
        """List some."""
        span = timeline.Span(since=_or_none(query.since), until=_or_none(query.until))
        after = None if query.after is UNSET else Place.parse(query.after)
        page = timeline.of_job(self.farm, job_id, span, after, query.limit)
        told = [
            schemas.JobAttempt(
                **_told(each),
                task=schemas.AttemptTask(id=each.task_id, index=each.task_index, name=each.task_name),
            )
            for each in page.attempts
        ]
        send(resp, schemas.JobAttempts(attempts=told, next=str(page.after) if page.after else UNSET))


class OfWorker(Resource):
    """`/workers/{worker_id}/tasks`."""

    @Operation(
        id="getWorkerTasks",
        summary="The tasks that a worker was given last, and what came of that.",
        tag="workers",
        access=Access.JOB,
        lists_own=True,
        query=schemas.GivenQuery,
        returns={200: Answer("The newest first.", schemas.GivenTasks)},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, worker_id: str, query: schemas.GivenQuery) -> None:
        """List them."""
        of = req.context.caller if req.context.only_own else None
        found = timeline.of_worker(self.farm, worker_id, query.limit, of)
        send(resp, schemas.GivenTasks(tasks=[_given(each) for each in found]))


def _given(task: GivenTask) -> schemas.GivenTask:
    return schemas.GivenTask(
        task=schemas.AttemptTask(id=task.task_id, index=task.task_index, name=task.task_name),
        job=schemas.GivenJob(id=task.job_id, name=task.job_name),
        given=task.given,
        seconds=_seconds(task.seconds),
        outcome=task.outcome or UNSET,
        reason=task.reason,
    )


class Times(Resource):
    """`/jobs/{job_id}/times`."""

    @Operation(
        id="getJobTimes",
        summary="How long a job takes, by whom, and when it will be done.",
        tag="jobs",
        access=Access.JOB,
        returns={200: Answer("What is known of it now.", schemas.JobTimes), 304: UNCHANGED},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Tell them."""
        found = times.of_job(self.farm, job_id)
        send_unless_known(
            req,
            resp,
            schemas.JobTimes(
                elapsed_s=_seconds(found.elapsed_s),
                worker_s=round(found.worker_s, 3),
                median_s=_seconds(found.median_s),
                workers=found.workers,
                eta=conversion.eta(found.eta),
                by_worker=[
                    schemas.WorkerTime(
                        worker=_worker(each.worker_id, each.worker_name),
                        seconds=round(each.seconds, 3),
                        tasks=each.tasks,
                    )
                    for each in found.by_worker[:MOST_WORKERS]
                ],
            ),
        )


def _seconds(value: float | None) -> float | UnsetType:
    return UNSET if value is None else round(value, 3)


def _worker(worker_id: str, name: str) -> schemas.AttemptWorker | UnsetType:
    return schemas.AttemptWorker(id=worker_id, name=name) if worker_id else UNSET


def _or_none(value: Any) -> Any:
    return None if isinstance(value, UnsetType) else value


def _told(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "worker": _worker(attempt.worker_id, attempt.worker_name),
        "started": attempt.started,
        "ended": attempt.ended or UNSET,
        "seconds": round(attempt.seconds, 3),
        "outcome": attempt.outcome,
        "reason": attempt.reason,
        "steps": attempt.steps,
    }
