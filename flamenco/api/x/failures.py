"""What follows from failures: which rules there are."""

from __future__ import annotations

import falcon
from msgspec import UNSET

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.domain.access import Access
from flamenco.domain.failure_rules import KnownRule
from flamenco.farm import failure_rules
from flamenco.protocol.x import failures as schemas


class Rules(Resource):
    """`/failure-rules`: what follows from what failed tasks have logged."""

    @Operation(
        id="listFailureRules",
        summary="The rules for tasks that fail, in the order in which they are asked, and who says so.",
        tag="jobs",
        access=Access.LOOK,
        query=schemas.RulesQuery,
        returns={200: Answer("Those of job types come first.", schemas.Rules)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, query: schemas.RulesQuery) -> None:
        """List them."""
        found = failure_rules.listed(self.farm, query.job_type)
        send(resp, schemas.Rules([_rule(job_type, known) for job_type, known in found]))


def _rule(job_type: str, known: KnownRule) -> schemas.ListedRule:
    rule = known.rule
    return schemas.ListedRule(
        by=known.by,
        name=known.name or UNSET,
        job_type=job_type or UNSET,
        match=rule.match or UNSET,
        exit_code=UNSET if rule.exit_code is None else rule.exit_code,
        task_types=list(rule.task_types),
        workers=rule.workers,
        then=rule.then,
        say=rule.say or UNSET,
    )
