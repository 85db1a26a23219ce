"""The core's scheduling policy: the job with the higher priority comes first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flamenco import FarmView, JobCandidate, SchedulingPolicy, Term, hookimpl


def by_priority(jobs: Sequence[JobCandidate], farm: FarmView) -> dict[str, Term]:  # noqa: ARG001 (a policy gets both)
    """Score every job by its priority, exactly."""
    return {job.id: Term(float(job.priority), f"priority {job.priority}") for job in jobs}


@hookimpl
def scheduling_policies() -> Iterable[SchedulingPolicy]:
    """The policy that is active unless the configuration says otherwise."""
    yield SchedulingPolicy(
        name="priority",
        description="The job with the higher priority comes first, the older one among equals.",
        score=by_priority,
        depends_on="job",
    )
