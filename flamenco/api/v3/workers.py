"""Workers as people manage them: their tags, when they sleep, and what they are told to do."""

from __future__ import annotations

from typing import Final

import falcon

from flamenco.api.errors import BadRequest
from flamenco.api.middleware.parameters import is_uuid
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.api.v3 import worker_conversion as conversion
from flamenco.domain.access import Access
from flamenco.domain.errors import Conflict
from flamenco.domain.sleep import schedule_from, write_time
from flamenco.domain.statuses import WorkerStatus
from flamenco.farm import sleep, tags, workers
from flamenco.protocol.v3 import worker_management as schemas
from flamenco.protocol.v3.worker_management import WorkerSleepSchedule

_NO_WORKER: Final = Answer("There is no such worker, or it was deleted.")


class Workers(Resource):
    """`/worker-mgt/workers`: all workers."""

    @Operation(
        id="fetchWorkers",
        summary="All workers that were not deleted.",
        tag="worker-mgt",
        access=Access.LOOK,
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
        access=Access.LOOK,
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
        access=Access.MANAGE,
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
        access=Access.MANAGE,
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
        access=Access.MANAGE,
        body=schemas.WorkerTagChangeRequest,
        returns={204: Answer("The worker has these tags."), 404: _NO_WORKER},
    )
    def on_post(
        self, _req: falcon.Request, resp: falcon.Response, worker_id: str, body: schemas.WorkerTagChangeRequest
    ) -> None:
        """Replace the tags."""
        tags.set_of_worker(self.farm, worker_id, [tag_id.lower() for tag_id in body.tag_ids])
        resp.status = falcon.HTTP_204


_NO_TAG: Final = Answer("There is no such tag.")
_TAKEN: Final = Answer("Another tag has that name, or that id.")


class Tags(Resource):
    """`/worker-mgt/tags`: all tags."""

    @Operation(
        id="fetchWorkerTags",
        summary="All worker tags.",
        tag="worker-mgt",
        access=Access.PREPARE,
        returns={200: Answer("The tags, in the order they were made.", schemas.WorkerTagList)},
        gone=418,
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """List the tags."""
        send(resp, schemas.WorkerTagList([conversion.tag(tag) for tag in tags.list_all(self.farm)]))

    @Operation(
        id="createWorkerTag",
        summary="Make a tag.",
        tag="worker-mgt",
        access=Access.MANAGE,
        body=schemas.WorkerTag,
        returns={200: Answer("The tag.", schemas.WorkerTag), 409: _TAKEN},
    )
    def on_post(self, _req: falcon.Request, resp: falcon.Response, body: schemas.WorkerTag) -> None:
        """Store the tag."""
        # As parameters in paths are: what is stored otherwise could not be found by them.
        tag_id = (body.id or "").lower()
        if tag_id and not is_uuid(tag_id):
            raise BadRequest(f"id: {tag_id[:100]!r} is not a UUID", brief=False)
        send(resp, conversion.tag(tags.create(self.farm, body.name, body.description or "", tag_id)))


class Tag(Resource):
    """`/worker-mgt/tag/{tag_id}`: one tag."""

    @Operation(
        id="fetchWorkerTag",
        summary="One worker tag.",
        tag="worker-mgt",
        access=Access.PREPARE,
        returns={200: Answer("The tag.", schemas.WorkerTag), 404: _NO_TAG},
        gone=418,
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, tag_id: str) -> None:
        """Fetch the tag."""
        send(resp, conversion.tag(tags.fetch(self.farm, tag_id)))

    @Operation(
        id="updateWorkerTag",
        summary="Give a tag another name; and another description, where one is given.",
        tag="worker-mgt",
        access=Access.MANAGE,
        body=schemas.WorkerTag,
        returns={204: Answer("The tag is changed."), 404: _NO_TAG, 409: _TAKEN},
    )
    def on_put(self, _req: falcon.Request, resp: falcon.Response, tag_id: str, body: schemas.WorkerTag) -> None:
        """Change the tag."""
        description = body.description if isinstance(body.description, str) else None
        tags.change(self.farm, tag_id, body.name, description)
        resp.status = falcon.HTTP_204

    @Operation(
        id="deleteWorkerTag",
        summary="Forget a tag; its jobs run on all workers from then on.",
        tag="worker-mgt",
        access=Access.MANAGE,
        returns={204: Answer("The tag is gone."), 404: _NO_TAG},
    )
    def on_delete(self, _req: falcon.Request, resp: falcon.Response, tag_id: str) -> None:
        """Delete the tag."""
        tags.remove(self.farm, tag_id)
        resp.status = falcon.HTTP_204


class SleepSchedule(Resource):
    """`/worker-mgt/workers/{worker_id}/sleep-schedule`: when a worker sleeps."""

    @Operation(
        id="fetchWorkerSleepSchedule",
        summary="When a worker sleeps.",
        tag="worker-mgt",
        access=Access.LOOK,
        returns={
            200: Answer("The worker's schedule.", WorkerSleepSchedule),
            204: Answer("The worker has no schedule, or there is no such worker."),
        },
        gone=418,
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, worker_id: str) -> None:
        """Fetch the schedule."""
        found = sleep.fetch(self.farm, worker_id)
        if found is None:
            resp.status = falcon.HTTP_204
            return
        schedule = WorkerSleepSchedule(
            is_active=found.is_active,
            days_of_week=found.days_text,
            start_time=write_time(found.start),
            end_time=write_time(found.end),
        )
        send(resp, schedule)

    @Operation(
        id="setWorkerSleepSchedule",
        summary="Say when a worker is to sleep; this is applied at once.",
        tag="worker-mgt",
        access=Access.MANAGE,
        body=WorkerSleepSchedule,
        returns={204: Answer("The schedule is stored and applied."), 404: Answer("There is no such worker.")},
    )
    def on_post(self, _req: falcon.Request, resp: falcon.Response, worker_id: str, body: WorkerSleepSchedule) -> None:
        """Take over the schedule."""
        schedule = schedule_from(
            is_active=body.is_active, days=body.days_of_week, start=body.start_time, end=body.end_time
        )
        sleep.give(self.farm, worker_id, schedule)
        resp.status = falcon.HTTP_204
