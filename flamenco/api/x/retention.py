"""What becomes of jobs that ended long ago: tried, and nothing done."""

from __future__ import annotations

from datetime import timedelta

import falcon
from msgspec import UNSET

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.domain.access import Access
from flamenco.domain.retention import RetentionRule, parse
from flamenco.farm import retention
from flamenco.farm.retention import Due
from flamenco.protocol.x import retention as schemas


class Retention(Resource):
    """`/retention`: what the rules would do."""

    @Operation(
        id="getRetention",
        summary="What the rules for jobs that ended long ago would do now, or later, or others in their place.",
        tag="jobs",
        access=Access.MANAGE,
        query=schemas.RetentionQuery,
        returns={200: Answer("The rules, and the jobs; nothing is done.", schemas.Retention)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, query: schemas.RetentionQuery) -> None:
        """Look through all jobs that have ended."""
        rules = [parse(each) for each in query.rule] or None
        found = retention.look(self.farm, rules, self.farm.clock() + timedelta(days=query.days))
        told = schemas.Retention(
            rules=[_rule(each) for each in found.rules], total=found.total, jobs=[_job(each) for each in found.first]
        )
        send(resp, told)


def _rule(rule: RetentionRule) -> schemas.Rule:
    return schemas.Rule(status=rule.status, after=str(rule.after), do=rule.do, project=rule.project or UNSET)


def _job(due: Due) -> schemas.DueJob:
    job = due.job
    return schemas.DueJob(
        id=job.id,
        name=job.name,
        user=job.user or UNSET,
        project=job.project or UNSET,
        status=job.status,
        updated=job.updated,
        do=due.rule.do,
    )
