"""Handing in a job, which every surface has an operation for, in words of its own."""

from __future__ import annotations

import falcon

from flamenco.api.middleware.clients import unhurried
from flamenco.api.resource import warner
from flamenco.domain.model import AuthoredJob, Job, Submission
from flamenco.farm import jobs
from flamenco.farm.context import Farm


def submitted(farm: Farm, req: falcon.Request, resp: falcon.Response, asked: Submission, *, strict: bool) -> Job:
    """The job, stored; see `farm.jobs.submit`. Workers' requests do not wait for the compiler meanwhile."""
    with unhurried(req):
        return jobs.submit(farm, asked, req.context.caller, strict=strict, warn=warner(resp))


def compiled(farm: Farm, req: falcon.Request, resp: falcon.Response, asked: Submission, *, strict: bool) -> AuthoredJob:
    """The job as it would be stored; see `farm.jobs.compiled`."""
    with unhurried(req):
        return jobs.compiled(farm, asked, req.context.caller, strict=strict, warn=warner(resp))
