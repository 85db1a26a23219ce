"""What workers of the original API and of today's call alike: one resource for each call, in either's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import falcon
from msgspec import Struct

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, client_address, send
from flamenco.domain.access import Access
from flamenco.domain.identity import SIGN_ON_HEADER
from flamenco.domain.model import Assignment, Worker
from flamenco.domain.statuses import WorkerStatus
from flamenco.farm import tasks, workers
from flamenco.farm.scheduling import claim
from flamenco.farm.tasks import TaskChange
from flamenco.protocol import worker as schemas


class Dialect(Struct, frozen=True, kw_only=True):
    """In which words an API and its workers speak: the Structs, and the functions between those and the farm's values.

    `unknown_task` is what an update of a task that is not there is documented to get, `gone` as in `Operation`.
    """

    registration: type[schemas.WorkerRegistration]
    registered: type[Struct]
    registered_worker: Callable[[Worker], Struct]
    sign_on: type[schemas.WorkerSignOn]
    can_restart: Callable[[Any], bool]
    state_change: type[Struct]
    requested_status: Callable[[WorkerStatus], Struct]
    state_changed: type[Struct]
    reported_status: Callable[[Any], WorkerStatus]
    assigned: type[Struct]
    assigned_task: Callable[[Assignment], Struct]
    update: type[schemas.TaskUpdate]
    task_change: Callable[[Any], TaskChange]
    unknown_task: Mapping[int, Answer] = {}
    gone: int | None = None


def worker_calls(dialect: Dialect) -> dict[str, type[Resource]]:
    """The resources by their paths."""
    return {
        "/worker/register-worker": _register_worker(dialect),
        "/worker/sign-on": _sign_on(dialect),
        "/worker/sign-off": SignOff,
        "/worker/state": _state(dialect),
        "/worker/state-changed": _state_changed(dialect),
        "/worker/task": _schedule_task(dialect),
        "/worker/task/{task_id}": _task_update(dialect),
    }


def _register_worker(dialect: Dialect) -> type[Resource]:
    class RegisterWorker(Resource):
        """`/worker/register-worker`: a program becomes a worker of this farm."""

        @Operation(
            id="registerWorker",
            summary="Register a new worker.",
            tag="worker",
            access=Access.REGISTER,
            body=dialect.registration,
            returns={200: Answer("The worker, with the UUID it goes by from now on.", dialect.registered)},
        )
        def on_post(self, req: falcon.Request, resp: falcon.Response, body: schemas.WorkerRegistration) -> None:
            """Store the worker; every call makes a new one."""
            worker = workers.register(
                self.farm,
                req.context.caller,
                name=body.name,
                platform=body.platform,
                secret=body.secret,
                task_types=body.supported_task_types,
                address=client_address(req),
            )
            send(resp, dialect.registered_worker(worker))

    return RegisterWorker


def _sign_on(dialect: Dialect) -> type[Resource]:
    class SignOn(Resource):
        """`/worker/sign-on`: a worker starts, and says what it can do."""

        @Operation(
            id="signOn",
            summary="A worker starts, and says what it can do.",
            tag="worker",
            access=Access.WORK,
            body=dialect.sign_on,
            returns={200: Answer("The status the worker is to take.", dialect.state_change)},
        )
        def on_post(self, req: falcon.Request, resp: falcon.Response, body: schemas.WorkerSignOn) -> None:
            """Take over what the worker says of itself."""
            signed_on = workers.sign_on(
                self.farm,
                req.context.worker,
                name=body.name,
                software=body.software_version,
                task_types=body.supported_task_types,
                can_restart=dialect.can_restart(body),
                address=client_address(req),
            )
            resp.set_header(SIGN_ON_HEADER, str(signed_on.number))
            send(resp, dialect.requested_status(signed_on.status))

    return SignOn


class SignOff(Resource):
    """`/worker/sign-off`: a worker leaves."""

    @Operation(
        id="signOff",
        summary="A worker leaves; what it was working on is given to others.",
        tag="worker",
        access=Access.WORK,
        returns={204: Answer("Goodbye.")},
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Mark the worker as offline."""
        workers.sign_off(self.farm, req.context.worker)
        resp.status = falcon.HTTP_204


def _state(dialect: Dialect) -> type[Resource]:
    class State(Resource):
        """`/worker/state`: a worker that is not working asks what it should become."""

        @Operation(
            id="workerState",
            summary="Whether the worker is to take another status.",
            tag="worker",
            access=Access.WORK,
            returns={
                200: Answer("The worker is to take this status.", dialect.state_change),
                204: Answer("The worker may stay as it is."),
            },
        )
        def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
            """Tell what is requested, if anything."""
            status = workers.requested_status(self.farm, req.context.worker)
            if status is None:
                resp.status = falcon.HTTP_204
            else:
                send(resp, dialect.requested_status(status))

    return State


def _state_changed(dialect: Dialect) -> type[Resource]:
    class StateChanged(Resource):
        """`/worker/state-changed`: a worker has taken another status."""

        @Operation(
            id="workerStateChanged",
            summary="A worker has taken another status, because it was asked to or by itself.",
            tag="worker",
            access=Access.WORK,
            body=dialect.state_changed,
            returns={204: Answer("The status is noted.")},
        )
        def on_post(self, req: falcon.Request, resp: falcon.Response, body: Struct) -> None:
            """Note the status."""
            workers.state_changed(self.farm, req.context.worker, dialect.reported_status(body))
            resp.status = falcon.HTTP_204

    return StateChanged


def _schedule_task(dialect: Dialect) -> type[Resource]:
    class ScheduleTask(Resource):
        """`/worker/task`: a worker wants something to do."""

        @Operation(
            id="scheduleTask",
            summary="Get a task to run.",
            tag="worker",
            access=Access.WORK,
            returns={
                200: Answer("The task to run.", dialect.assigned),
                204: Answer("There is nothing to do for this worker."),
                409: Answer("The worker is not awake, and so gets no task."),
                423: Answer("The worker is to take another status first.", dialect.state_change),
            },
            gone=dialect.gone,
        )
        def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
            """Hand out the best task."""
            given = claim.assign_next(self.farm, req.context.worker)
            if given is None:
                resp.status = falcon.HTTP_204
            elif isinstance(given, WorkerStatus):
                send(resp, dialect.requested_status(given), 423)
            else:
                send(resp, dialect.assigned_task(given))

    return ScheduleTask


def _task_update(dialect: Dialect) -> type[Resource]:
    class TaskUpdate(Resource):
        """`/worker/task/{task_id}`: a worker reports on a task."""

        @Operation(
            id="taskUpdate",
            summary="Report progress, log lines, completion or failure of a task.",
            tag="worker",
            access=Access.WORK,
            body=dialect.update,
            returns={
                204: Answer("The report is noted."),
                409: Answer("The task is not this worker's, or not active any more; the worker drops it."),
                **dialect.unknown_task,
            },
        )
        def on_post(self, req: falcon.Request, resp: falcon.Response, task_id: str, body: schemas.TaskUpdate) -> None:
            """Note what the worker reports."""
            tasks.update(self.farm, req.context.worker, task_id, dialect.task_change(body))
            resp.status = falcon.HTTP_204

    return TaskUpdate
