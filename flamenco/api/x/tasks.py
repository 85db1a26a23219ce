"""Tasks of a job, page by page, and the status of all of them at once."""

from __future__ import annotations

from typing import Final

import falcon
from msgspec import UNSET

from flamenco.api import conditional
from flamenco.api.conditional import UNCHANGED, send_unless_known
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.api.x import list_conversion as conversion
from flamenco.api.x.filters import task_filter
from flamenco.domain.access import Access
from flamenco.farm import task_commands
from flamenco.farm.lists import task_at, task_page, task_statuses
from flamenco.protocol.x import lists
from flamenco.protocol.x import tasks as schemas

_NO_JOB: Final = Answer("There is no such job.")
_LETTERS: Final = "a active, c canceled, d completed, f failed, p paused, q queued, s soft-failed."
_BYTES: Final = "application/octet-stream"


class Tasks(Resource):
    """`/jobs/{job_id}/tasks`: what a job is made of."""

    @Operation(
        id="listTasks",
        summary="The tasks of a job, page by page, and how many are in which status.",
        tag="tasks",
        access=Access.JOB,
        query=lists.TasksQuery,
        returns={200: Answer("A page of them.", lists.Tasks), 304: UNCHANGED, 404: _NO_JOB},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, job_id: str, query: lists.TasksQuery) -> None:
        """List tasks."""
        found = task_page(self.farm, job_id, task_filter(query), conversion.wanted(query))
        page = lists.Tasks(
            tasks=[conversion.task_row(each) for each in found.entries],
            next=found.next or UNSET,
            total=found.total,
            counts=conversion.counts(found.counts),
        )
        send_unless_known(req, resp, page)


class TaskStatuses(Resource):
    """`/jobs/{job_id}/tasks/statuses`: a letter for each task, however many there are."""

    @Operation(
        id="getTaskStatuses",
        summary="The status of each task of a job, in their order: a letter each, such as d for one that is done.",
        tag="tasks",
        access=Access.JOB,
        returns={
            200: Answer(
                "a active, c canceled, d completed, f failed, p paused, q queued, s soft-failed.", media=_BYTES
            ),
            304: UNCHANGED,
            404: _NO_JOB,
        },
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Show them all."""
        found = task_statuses(self.farm, job_id, conditional.known(req))
        conditional.mark(resp, found.etag)
        if found.letters is None:
            resp.status = falcon.HTTP_304
        else:
            resp.content_type = _BYTES
            resp.data = found.letters.encode()


class TaskAt(Resource):
    """`/jobs/{job_id}/tasks/at/{index}`: the task in a place."""

    @Operation(
        id="getTaskAt",
        summary="A task by its place in its job, from 1.",
        tag="tasks",
        access=Access.JOB,
        path=lists.TaskPath,
        returns={200: Answer("The task.", lists.TaskRow), 404: Answer("There is no such job, or no such task of it.")},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, job_id: str, index: int) -> None:
        """Show the task."""
        send(resp, conversion.task_row(task_at(self.farm, job_id, index)))


class Commands(Resource):
    """`/tasks/{task_id}/commands`: what a worker is to do."""

    @Operation(
        id="getTaskCommands",
        summary="The commands of a task as a worker on a platform gets them, without variables.",
        tag="tasks",
        access=Access.JOB,
        query=schemas.CommandsQuery,
        returns={200: Answer("The commands, in their order.", schemas.TaskCommands)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, task_id: str, query: schemas.CommandsQuery) -> None:
        """Show them."""
        found = task_commands.as_given(self.farm, task_id, "" if query.platform is UNSET else query.platform)
        told = [
            schemas.TaskCommand(
                name=each.command.name,
                parameters=each.command.parameters or {},
                line=each.line or UNSET,
                problem=each.problem or UNSET,
            )
            for each in found.commands
        ]
        send(resp, schemas.TaskCommands(platform=found.platform, platforms=list(found.platforms), commands=told))
