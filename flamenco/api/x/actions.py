"""Doing something with many jobs, tasks or workers in one request."""

from __future__ import annotations

from typing import Any, Final

import falcon
import msgspec
from msgspec import UNSET, Struct

from flamenco.api.errors import BadRequest
from flamenco.api.middleware.clients import unhurried
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.api.x import filters
from flamenco.domain.access import Access, Caller, Reach, reach
from flamenco.domain.actions import check_arguments, requested_by
from flamenco.domain.errors import Busy
from flamenco.domain.frames_again import Mode
from flamenco.domain.listing import TaskFilter, WorkerFilter
from flamenco.domain.sleep import schedule_from
from flamenco.domain.time_limits import ALL_TYPES, WORDS
from flamenco.farm import retry_limits
from flamenco.farm.actions.carrying_out import LONGEST_S, carry_out
from flamenco.farm.actions.of_jobs import Jobs
from flamenco.farm.actions.of_tasks import Tasks
from flamenco.farm.actions.of_workers import Workers
from flamenco.farm.actions.values import Arguments, Asked, Kind, Outcome
from flamenco.farm.authorization import require
from flamenco.protocol.x import actions as schemas

_RETURNS: Final = {
    200: Answer(f"What was done, and with what it was refused; within {LONGEST_S:g} seconds.", schemas.ActionOutcome),
    400: Answer("The arguments are wrong, or there are both ids and a filter, or neither."),
    429: Answer("Others have much done; `Retry-After` says how long to wait."),
}
_DECLARED: Final[dict[str, Any]] = {"returns": _RETURNS, "statuses": {Busy: 429}}
_AnyAction = schemas.JobsAction | schemas.TasksAction | schemas.WorkersAction


class OfJobs(Resource):
    """`/jobs/actions`: cancel, pause, requeue … jobs."""

    @Operation(
        id="actOnJobs",
        summary="Have something done with many jobs; with those of others where one may.",
        tag="jobs",
        access=Access.STEER,
        body=schemas.JobsAction,
        lists_own=True,
        **_DECLARED,
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, body: schemas.JobsAction) -> None:
        """Do it."""
        caller: Caller = req.context.caller
        if body.filter is UNSET:
            _do(self, req, resp, body, Jobs())
        else:
            of = None if reach(caller.role, Access.JOB) is Reach.ALL else caller
            _do(self, req, resp, body, Jobs(filters.job_filter(body.filter, of)))


class OfTasks(Resource):
    """`/tasks/actions`: cancel and requeue tasks."""

    @Operation(
        id="actOnTasks",
        summary="Have something done with many tasks; with those of others where one may.",
        tag="tasks",
        access=Access.STEER,
        body=schemas.TasksAction,
        lists_own=True,
        **_DECLARED,
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, body: schemas.TasksAction) -> None:
        """Do it."""
        job_id, chosen = "", TaskFilter()
        if body.filter is not UNSET:
            job_id, chosen = body.filter.job_id.lower(), filters.task_filter(body.filter)
            require(self.farm, req.context.caller, Access.STEER, job_id=job_id)
        _do(self, req, resp, body, Tasks(job_id, chosen))


class OfWorkers(Resource):
    """`/workers/actions`: have workers sleep, wake up, go …"""

    @Operation(
        id="actOnWorkers",
        summary="Have something done with many workers.",
        tag="workers",
        access=Access.MANAGE,
        body=schemas.WorkersAction,
        **_DECLARED,
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, body: schemas.WorkersAction) -> None:
        """Do it."""
        chosen = WorkerFilter() if body.filter is UNSET else filters.worker_filter(body.filter)
        _do(self, req, resp, body, Workers(chosen))


def _do(resource: Resource, req: falcon.Request, resp: falcon.Response, body: _AnyAction, kind: Kind[Any]) -> None:
    asked = _asked(body, kind, req.context.caller)
    with unhurried(req):
        outcome = carry_out(resource.farm, req.context.caller, kind, asked)
    send(resp, _answer(outcome))


def _asked(body: _AnyAction, kind: Kind[Any], by: Caller) -> Asked:
    if (body.ids is UNSET) is (body.filter is UNSET):
        raise BadRequest("ids: give these, or a filter, and not both; an empty filter is for all")
    given = {name: value for name, value in msgspec.structs.asdict(body.arguments).items() if value is not UNSET}
    if wrong := check_arguments(body.action, kind.rules(body.action), given):
        raise BadRequest(wrong)
    return Asked(
        action=body.action,
        arguments=_arguments(given, by),
        ids=None if body.ids is UNSET else tuple(dict.fromkeys(each.lower() for each in body.ids)),
        after=body.after,
        dry_run=body.dry_run,
    )


def _arguments(given: dict[str, Any], by: Caller) -> Arguments:
    """What was given, as the farm takes it. Raises `Refused` for a schedule that is none."""
    schedule = schedule_from(
        is_active=given.get("is_active", False),
        days=given.get("days_of_week", ""),
        start=given.get("start_time", ""),
        end=given.get("end_time", ""),
    )
    return Arguments(
        reason=given.get("reason") or requested_by(by.name),
        priority=given.get("priority", 0),
        frames=given.get("frames", ""),
        mode=given.get("mode", Mode.REQUEUE),
        tag_id=given.get("tag_id", "").lower(),
        lazy=given.get("lazy", True),
        add=tuple(each.lower() for each in given.get("add", ())),
        remove=tuple(each.lower() for each in given.get("remove", ())),
        schedule=schedule,
        start_after=given.get("start_after", ""),
        order=given.get("order", ""),
        task_type=given.get("task_type", ALL_TYPES),
        time_limits={word: given[word] for word in WORDS if word in given},
        max_workers=given.get("max_workers"),
        workers_allowed=tuple(given["workers_allowed"]) if "workers_allowed" in given else None,
        workers_denied=tuple(given["workers_denied"]) if "workers_denied" in given else None,
        workers=tuple(given.get("workers", ())),
        note=given.get("note", ""),
        who=by.name or by.address or "a person",
        retries={word: given[word] for word in retry_limits.WORDS if word in given},
    )


def _answer(outcome: Outcome) -> Struct:
    return schemas.ActionOutcome(
        matched=outcome.matched,
        done=outcome.done,
        refused=[schemas.ActionRefusal(id=each.id, name=each.name, reason=each.reason) for each in outcome.refused],
        refused_count=outcome.refused_count,
        left=outcome.left or UNSET,
        next=outcome.next if outcome.left else UNSET,
        undo=[
            schemas.ActionUndo(ids=list(each.ids), action=each.action, arguments=each.arguments)
            for each in outcome.undo
        ]
        or UNSET,
    )
