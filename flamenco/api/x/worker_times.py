"""For how long a worker was at tasks, day by day."""

from __future__ import annotations

import falcon

from flamenco.api.conditional import UNCHANGED, send_unless_known
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource
from flamenco.domain.access import Access
from flamenco.farm import worker_times
from flamenco.protocol.x import worker_times as schemas


class WorkerTimes(Resource):
    """`/workers/{worker_id}/times`."""

    @Operation(
        id="getWorkerTimes",
        summary="For how long a worker was at tasks on each day, and what came of them.",
        tag="workers",
        access=Access.LOOK,
        query=schemas.WorkerTimesQuery,
        returns={200: Answer("The days.", schemas.WorkerTimes), 304: UNCHANGED},
    )
    def on_get(
        self, req: falcon.Request, resp: falcon.Response, worker_id: str, query: schemas.WorkerTimesQuery
    ) -> None:
        """Sum them up."""
        found = worker_times.of_worker(self.farm, worker_id, query.days)
        days = [
            schemas.WorkerDay(at=at, seconds=round(sums.seconds, 3), completed=sums.completed, failed=sums.failed)
            for at, sums in found.days.items()
        ]
        send_unless_known(req, resp, schemas.WorkerTimes(since=found.since, days=days))
