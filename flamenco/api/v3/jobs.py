"""Jobs, as today's Flamenco manages them: so far cancelling, pausing and requeueing."""

from __future__ import annotations

import falcon

from flamenco.api.operation import Answer, operation
from flamenco.api.resource import Resource
from flamenco.api.v3 import schemas
from flamenco.farm import jobs


class JobStatus(Resource):
    """`/jobs/{job_id}/setstatus`: a person decides what becomes of a job."""

    @operation(
        "setJobStatus",
        summary="Cancel, pause, resume or requeue a job.",
        tag="jobs",
        body=schemas.JobStatusChange,
        returns={204: Answer("All that follows from it is done."), 404: Answer("There is no such job.")},
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Change the status, with all that follows for the job's tasks."""
        body: schemas.JobStatusChange = req.context.body
        jobs.set_status(self.farm, job_id, body.status, body.reason)
        resp.status = falcon.HTTP_204
