"""Tasks, as people look at them and steer them, and where their logs are."""

from __future__ import annotations

import falcon

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, public_path, send
from flamenco.api.v3 import job_conversion as conversion
from flamenco.domain.access import Access
from flamenco.farm import task_logs, tasks
from flamenco.protocol.v3 import tasks as schemas
from flamenco.protocol.v3.meta import TaskLogInfo


class Task(Resource):
    """`/tasks/{task_id}`: one task."""

    @Operation(
        id="fetchTask",
        summary="One task, with its commands.",
        tag="tasks",
        access=Access.JOB,
        returns={200: Answer("The task.", schemas.Task), 404: Answer("There is no such task.")},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        """Fetch the task."""
        send(resp, conversion.task(tasks.details(self.farm, task_id)))


class TaskStatus(Resource):
    """`/tasks/{task_id}/setstatus`: a person decides what becomes of a task."""

    @Operation(
        id="setTaskStatus",
        summary="Cancel or requeue a task.",
        tag="tasks",
        access=Access.STEER,
        body=schemas.TaskStatusChange,
        any_id=True,
        returns={204: Answer("All that follows from it is done."), 404: Answer("There is no such task.")},
    )
    def on_post(
        self, _req: falcon.Request, resp: falcon.Response, task_id: str, body: schemas.TaskStatusChange
    ) -> None:
        """Change the status, with all that follows for the task's job."""
        tasks.set_status(self.farm, task_id, body.status, body.reason)
        resp.status = falcon.HTTP_204


_NO_TASK = Answer("There is no such task.")
_NO_LOG = Answer("Nothing was logged yet.")


class Tail(Resource):
    """`/tasks/{task_id}/logtail`: the end of a task's log."""

    @Operation(
        id="fetchTaskLogTail",
        summary="The last lines of a task's log, at most 2048 bytes.",
        tag="tasks",
        access=Access.LOG,
        coded=True,
        returns={200: Answer("The last lines.", str, media="text/plain"), 204: _NO_LOG, 404: _NO_TASK},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        """Send the lines."""
        text = task_logs.tail(self.farm, task_id)
        if not text:
            resp.status = falcon.HTTP_204
            return
        resp.content_type = falcon.MEDIA_TEXT
        resp.text = text


class Info(Resource):
    """`/tasks/{task_id}/log`: where a task's log is."""

    @Operation(
        id="fetchTaskLogInfo",
        summary="Where a task's log can be downloaded, and how large it is.",
        tag="tasks",
        access=Access.LOG,
        coded=True,
        returns={200: Answer("There it is.", TaskLogInfo), 204: _NO_LOG, 404: _NO_TASK},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        """Tell where it is."""
        found = task_logs.info(self.farm, task_id)
        if found is None:
            resp.status = falcon.HTTP_204
            return
        url = public_path(req, found.url)
        send(resp, TaskLogInfo(task_id=found.task_id, job_id=found.job_id, url=url, size=found.size))
