"""What follows when tasks fail."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from flamenco.domain.failure_rules import MOST_RULES, FailureRule
from flamenco.domain.shipped_rules import SHIPPED, ShippedName

FailureRules = Annotated[
    tuple[FailureRule, ...],
    Meta(
        description="What follows from what a failed task logged, as in [{match: License server is down, then: "
        "hold_job 5m, say: The license server is down.}]; the first that matches decides. `flamenco rules` lists all.",
        max_length=MOST_RULES,
        extra={"only_in_file": True},
    ),
]


class FailuresConfig(Struct, frozen=True, kw_only=True):
    """When tasks, jobs and workers have failed."""

    rules: FailureRules = ()
    without: Annotated[
        tuple[ShippedName, ...],
        Meta(description=f"Rules that are not to count of those that Flamenco comes with: {', '.join(SHIPPED)}."),
    ] = ()
    job_fail_percent: Annotated[
        int,
        Meta(
            description="A job fails when so many percent of its tasks have failed; 0 for the first, 100 for all. Jobs "
            "and job types may say something else.",
            ge=0,
            le=100,
        ),
    ] = 10
    free_retries: Annotated[
        int,
        Meta(
            description="So often a rule may have a task tried again without counting that as a failure; then it does.",
            ge=0,
            le=100_000,
        ),
    ] = 100
    sick_after_failures: Annotated[
        int,
        Meta(
            description="A worker that failed so many tasks, one after the other, is sick, and given nothing until "
            "`flamenco workers heal`; 0 for never.",
            ge=0,
            le=100,
        ),
    ] = 5
    sick_after_jobs: Annotated[
        int,
        Meta(
            description="But only if those were of so many jobs, so that one bad job makes nobody sick.", ge=1, le=100
        ),
    ] = 2
    sick_by_job: Annotated[
        int,
        Meta(
            description="So many workers a job may have in error by rules that say worker_error; then it is held for "
            "five minutes instead: it is the storage, or the job itself.",
            ge=1,
            le=1_000,
        ),
    ] = 2
