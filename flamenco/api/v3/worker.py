"""What workers of today's Flamenco call. They insist on these very statuses: an update is 204, an image is 202."""

from __future__ import annotations

import falcon

from flamenco.api.operation import Answer, operation
from flamenco.api.resource import Resource, client_address, send
from flamenco.api.v3 import worker_conversion as conversion
from flamenco.domain.errors import QueueFull, Refused
from flamenco.domain.identity import SIGN_ON_HEADER
from flamenco.domain.statuses import WorkerStatus
from flamenco.farm import tasks, workers
from flamenco.farm.scheduling import claim
from flamenco.protocol.v3 import worker as schemas

IMAGE_LIMIT_BYTES = 25 * 1024 * 1024
"""Largest image that a worker may hand in."""


class RegisterWorker(Resource):
    """`/worker/register-worker`: a program becomes a worker of this farm."""

    @operation(
        "registerWorker",
        summary="Register a new worker.",
        tag="worker",
        body=schemas.WorkerRegistration,
        returns={200: Answer("The worker, with the UUID it goes by from now on.", schemas.RegisteredWorker)},
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Store the worker; every call makes a new one."""
        body: schemas.WorkerRegistration = req.context.body
        worker = workers.register(
            self.farm,
            name=body.name,
            platform=body.platform,
            secret=body.secret,
            task_types=body.supported_task_types,
            address=client_address(req),
        )
        send(resp, conversion.registered_worker(worker))


class SignOn(Resource):
    """`/worker/sign-on`: a worker starts, and says what it can do."""

    @operation(
        "signOn",
        summary="A worker starts, and says what it can do.",
        tag="worker",
        auth=True,
        body=schemas.WorkerSignOn,
        returns={200: Answer("The status the worker is to take.", schemas.WorkerStateChange)},
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Take over what the worker says of itself."""
        body: schemas.WorkerSignOn = req.context.body
        signed_on = workers.sign_on(
            self.farm,
            req.context.worker,
            name=body.name,
            software=body.software_version,
            task_types=body.supported_task_types,
            can_restart=body.can_restart is True,
            address=client_address(req),
        )
        resp.set_header(SIGN_ON_HEADER, str(signed_on.number))
        send(resp, conversion.requested_status(signed_on.status))


class SignOff(Resource):
    """`/worker/sign-off`: a worker leaves."""

    @operation(
        "signOff",
        summary="A worker leaves; what it was working on is given to others.",
        tag="worker",
        auth=True,
        returns={204: Answer("Goodbye.")},
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Mark the worker as offline."""
        workers.sign_off(self.farm, req.context.worker)
        resp.status = falcon.HTTP_204


class State(Resource):
    """`/worker/state`: a worker that is not working asks what it should become."""

    @operation(
        "workerState",
        summary="Whether the worker is to take another status.",
        tag="worker",
        auth=True,
        returns={
            200: Answer("The worker is to take this status.", schemas.WorkerStateChange),
            204: Answer("The worker may stay as it is."),
        },
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Tell what is requested, if anything."""
        status = workers.requested_status(self.farm, req.context.worker)
        if status is None:
            resp.status = falcon.HTTP_204
        else:
            send(resp, conversion.requested_status(status))


class StateChanged(Resource):
    """`/worker/state-changed`: a worker has taken another status."""

    @operation(
        "workerStateChanged",
        summary="A worker has taken another status, because it was asked to or by itself.",
        tag="worker",
        auth=True,
        body=schemas.WorkerStateChanged,
        returns={204: Answer("The status is noted.")},
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Note the status."""
        body: schemas.WorkerStateChanged = req.context.body
        workers.state_changed(self.farm, req.context.worker, WorkerStatus(body.status))
        resp.status = falcon.HTTP_204


class ScheduleTask(Resource):
    """`/worker/task`: a worker wants something to do."""

    @operation(
        "scheduleTask",
        summary="Get a task to run.",
        tag="worker",
        auth=True,
        returns={
            200: Answer("The task to run.", schemas.AssignedTask),
            204: Answer("There is nothing to do for this worker."),
            409: Answer("The worker is not awake, and so gets no task."),
            423: Answer("The worker is to take another status first.", schemas.WorkerStateChange),
        },
        gone=400,
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Hand out the best task."""
        given = claim.assign_next(self.farm, req.context.worker)
        if given is None:
            resp.status = falcon.HTTP_204
        elif isinstance(given, WorkerStatus):
            send(resp, conversion.requested_status(given), 423)
        else:
            send(resp, conversion.assigned_task(given))


class TaskUpdate(Resource):
    """`/worker/task/{task_id}`: a worker reports on a task."""

    @operation(
        "taskUpdate",
        summary="Report progress, log lines, completion or failure of a task.",
        tag="worker",
        auth=True,
        body=schemas.TaskUpdate,
        returns={
            204: Answer("The report is noted."),
            404: Answer("There is no such task."),
            409: Answer("The task is not this worker's, or not active any more; the worker drops it."),
        },
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        """Note what the worker reports."""
        tasks.update(self.farm, req.context.worker, task_id, conversion.task_change(req.context.body))
        resp.status = falcon.HTTP_204


class MayRun(Resource):
    """`/worker/task/{task_id}/may-i-run`: a worker makes sure that it should go on."""

    @operation(
        "mayWorkerRun",
        summary="Whether the worker may go on with a task.",
        tag="worker",
        auth=True,
        returns={200: Answer("Yes, or no and why.", schemas.MayKeepRunning)},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        """Say yes or no."""
        send(resp, conversion.may_keep_running(tasks.may_run(self.farm, req.context.worker, task_id)))


class OutputProduced(Resource):
    """`/worker/task/{task_id}/output-produced`: a worker shows what it rendered."""

    @operation(
        "taskOutputProduced",
        summary="Hand in an image that the task produced, for people to look at.",
        tag="worker",
        auth=True,
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
    def on_post(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        """Have the image shown soon."""
        tasks.output_produced(self.farm, req.context.worker, task_id, req.context.body)
        resp.status = falcon.HTTP_202
