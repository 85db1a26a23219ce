"""Tasks, as people look at them and steer them."""

from __future__ import annotations

import falcon

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.api.v3 import job_conversion as conversion
from flamenco.farm import tasks
from flamenco.protocol.v3 import tasks as schemas


class Task(Resource):
    """`/tasks/{task_id}`: one task."""

    @Operation(
        id="fetchTask",
        summary="One task, with its commands.",
        tag="tasks",
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
