"""What workers of today's Flamenco call. They insist on these very statuses: an update is 204, an image is 202."""

from __future__ import annotations

from typing import Final

import falcon

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.api.v3 import worker_conversion as conversion
from flamenco.api.worker_calls import Dialect
from flamenco.domain.access import Access
from flamenco.domain.errors import QueueFull, Refused
from flamenco.farm import tasks
from flamenco.protocol.v3 import worker as schemas
from flamenco.protocol.worker import WorkerRegistration

IMAGE_LIMIT_BYTES = 25 * 1024 * 1024
"""Largest image that a worker may hand in."""


DIALECT: Final = Dialect(
    registration=WorkerRegistration,
    registered=schemas.RegisteredWorker,
    registered_worker=conversion.registered_worker,
    sign_on=schemas.WorkerSignOn,
    can_restart=conversion.can_restart,
    state_change=schemas.WorkerStateChange,
    requested_status=conversion.requested_status,
    state_changed=schemas.WorkerStateChanged,
    reported_status=conversion.reported_status,
    assigned=schemas.AssignedTask,
    assigned_task=conversion.assigned_task,
    update=schemas.TaskUpdate,
    task_change=conversion.task_change,
    unknown_task={404: Answer("There is no such task.")},
    gone=400,
)


class MayRun(Resource):
    """`/worker/task/{task_id}/may-i-run`: a worker makes sure that it should go on."""

    @Operation(
        id="mayWorkerRun",
        summary="Whether the worker may go on with a task.",
        tag="worker",
        access=Access.WORK,
        returns={200: Answer("Yes, or no and why.", schemas.MayKeepRunning)},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        """Say yes or no."""
        send(resp, conversion.may_keep_running(tasks.may_run(self.farm, req.context.worker, task_id)))


class OutputProduced(Resource):
    """`/worker/task/{task_id}/output-produced`: a worker shows what it rendered."""

    @Operation(
        id="taskOutputProduced",
        summary="Hand in an image that the task produced, for people to look at.",
        tag="worker",
        access=Access.WORK,
        media=("image/jpeg", "image/png"),
        body_limit=IMAGE_LIMIT_BYTES,
        # Flamenco answers this one with a text alone.
        plain=frozenset({404}),
        statuses={Refused: 415, QueueFull: 429},
        returns={
            202: Answer("The image will be shown."),
            404: Answer("There is no such task."),
            409: Answer("The task is not assigned to this worker."),
            411: Answer("The request does not say how large the image is."),
            413: Answer("The image is too large."),
            415: Answer("This is no image of these kinds, whatever its type says."),
            429: Answer("More images are waiting than the manager keeps; show it a later one."),
        },
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, task_id: str, body: bytes) -> None:
        """Have the image shown soon."""
        tasks.output_produced(self.farm, req.context.worker, task_id, body)
        resp.status = falcon.HTTP_202
