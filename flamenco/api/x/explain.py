"""Why a job is not running."""

from __future__ import annotations

import falcon
from msgspec import UNSET

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.domain.statuses import TaskStatus
from flamenco.farm.scheduling.explanation import Explanation, explain
from flamenco.protocol.x import explanation as schemas


class Explain(Resource):
    """`/jobs/{job_id}/explain`: where a job stands, and what its tasks wait for."""

    @Operation(
        id="explainJob",
        summary="Why a job is where it is, and what its waiting tasks wait for.",
        tag="jobs",
        returns={200: Answer("What the scheduler goes by at this moment.", schemas.Explanation)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Explain the job."""
        send(resp, _explanation(explain(self.farm, job_id)))


class ExplainForWorker(Resource):
    """`/jobs/{job_id}/explain/{worker_id}`: the same, for one worker."""

    @Operation(
        id="explainJobForWorker",
        summary="Why one worker is not given the waiting tasks of a job.",
        tag="jobs",
        returns={200: Answer("What the scheduler goes by at this moment.", schemas.Explanation)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, job_id: str, worker_id: str) -> None:
        """Explain the job to the worker."""
        send(resp, _explanation(explain(self.farm, job_id, worker_id)))


def _explanation(found: Explanation) -> schemas.Explanation:
    return schemas.Explanation(
        job=schemas.ExplainedJob(
            id=found.job.id,
            name=found.job.name,
            status=found.job.status,
            priority=found.job.priority,
            activity=found.job.activity,
        ),
        position=UNSET if found.position is None else found.position,
        open_jobs=found.open_jobs,
        rank=UNSET if found.ranked.rank is None else found.ranked.rank,
        terms=[
            schemas.ExplainedTerm(policy=name, score=term.score, weight=found.weights[name], reason=term.reason)
            for name, term in found.ranked.terms.items()
        ],
        holds=[schemas.ExplainedHold(policy=name, reason=hold.reason) for name, hold in found.ranked.holds.items()],
        running=found.job.counts.active,
        waiting=[
            schemas.WaitingTasks(why=reason.why, reason=reason.text, count=reason.count, tasks=list(reason.names))
            for reason in found.waiting
        ],
        failed=[
            schemas.FailedTask(
                index_in_job=each.number, name=each.name, status=TaskStatus(each.status), why=each.activity
            )
            for each in found.failed
        ],
        worker=found.worker.name if found.worker else UNSET,
    )
