"""When workers sleep, as people arrange it."""

from __future__ import annotations

import falcon

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.domain.sleep import schedule_from, write_time
from flamenco.farm import sleep
from flamenco.protocol.v3.worker_management import WorkerSleepSchedule


class SleepSchedule(Resource):
    """`/worker-mgt/workers/{worker_id}/sleep-schedule`: when a worker sleeps."""

    @Operation(
        id="fetchWorkerSleepSchedule",
        summary="When a worker sleeps.",
        tag="worker-mgt",
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
