"""Workers, as people look at them and steer them."""

from __future__ import annotations

from typing import Final

import falcon

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.api.v3 import worker_management_conversion as conversion
from flamenco.domain.errors import Conflict
from flamenco.domain.statuses import WorkerStatus
from flamenco.farm import tags, workers
from flamenco.protocol.v3 import worker_management as schemas

_NO_WORKER: Final = Answer("There is no such worker, or it was deleted.")


class Workers(Resource):
    """`/worker-mgt/workers`: all workers."""

    @Operation(
        id="fetchWorkers",
        summary="All workers that were not deleted.",
        tag="worker-mgt",
        returns={200: Answer("The workers, in the order they registered.", schemas.WorkerList)},
        gone=418,
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """List the workers."""
        send(resp, schemas.WorkerList([conversion.summary(worker) for worker in workers.list_all(self.farm)]))


class Worker(Resource):
    """`/worker-mgt/workers/{worker_id}`: one worker."""

    @Operation(
        id="fetchWorker",
        summary="One worker, its tags, and the task it is on or was on last.",
        tag="worker-mgt",
        returns={200: Answer("The worker.", schemas.Worker), 404: _NO_WORKER},
        gone=418,
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, worker_id: str) -> None:
        """Fetch the worker."""
        send(resp, conversion.details(workers.details(self.farm, worker_id)))

    @Operation(
        id="deleteWorker",
        summary="Forget a worker; its tasks go to others, and its secret opens nothing any more.",
        tag="worker-mgt",
        returns={204: Answer("It is gone."), 404: _NO_WORKER},
    )
    def on_delete(self, _req: falcon.Request, resp: falcon.Response, worker_id: str) -> None:
        """Delete the worker."""
        workers.delete(self.farm, worker_id)
        resp.status = falcon.HTTP_204


class WorkerStatusRequest(Resource):
    """`/worker-mgt/workers/{worker_id}/setstatus`: a person wants something of a worker."""

    @Operation(
        id="requestWorkerStatusChange",
        summary="Ask a worker for another status; asking for the present one takes back what was asked before.",
        tag="worker-mgt",
        body=schemas.WorkerStatusChangeRequest,
        statuses={Conflict: 412},
        returns={
            204: Answer("The worker will be told."),
            404: _NO_WORKER,
            412: Answer("The worker does not know how to restart."),
        },
    )
    def on_post(
        self, _req: falcon.Request, resp: falcon.Response, worker_id: str, body: schemas.WorkerStatusChangeRequest
    ) -> None:
        """Note what is asked."""
        workers.request_status(self.farm, worker_id, WorkerStatus(body.status), lazy=body.is_lazy)
        resp.status = falcon.HTTP_204


class WorkerTags(Resource):
    """`/worker-mgt/workers/{worker_id}/settags`: which jobs a worker is for."""

    @Operation(
        id="setWorkerTags",
        summary="Give a worker these tags and no others; tags that do not exist are passed over.",
        tag="worker-mgt",
        body=schemas.WorkerTagChangeRequest,
        returns={204: Answer("The worker has these tags."), 404: _NO_WORKER},
    )
    def on_post(
        self, _req: falcon.Request, resp: falcon.Response, worker_id: str, body: schemas.WorkerTagChangeRequest
    ) -> None:
        """Replace the tags."""
        tags.set_of_worker(self.farm, worker_id, [tag_id.lower() for tag_id in body.tag_ids])
        resp.status = falcon.HTTP_204
