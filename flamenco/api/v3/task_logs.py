"""Logs of tasks: their last lines, and where the whole of one is."""

from __future__ import annotations

import falcon

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, public_path, send
from flamenco.farm import task_logs
from flamenco.protocol.v3 import files as schemas

_NO_TASK = Answer("There is no such task.")
_NO_LOG = Answer("Nothing was logged yet.")


class Tail(Resource):
    """`/tasks/{task_id}/logtail`: the end of a task's log."""

    @Operation(
        id="fetchTaskLogTail",
        summary="The last lines of a task's log, at most 2048 bytes.",
        tag="tasks",
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
        coded=True,
        returns={200: Answer("There it is.", schemas.TaskLogInfo), 204: _NO_LOG, 404: _NO_TASK},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        """Tell where it is."""
        found = task_logs.info(self.farm, task_id)
        if found is None:
            resp.status = falcon.HTTP_204
            return
        url = public_path(req, found.url)
        send(resp, schemas.TaskLogInfo(task_id=found.task_id, job_id=found.job_id, url=url, size=found.size))
