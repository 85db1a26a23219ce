"""A job comes sooner the longer it has waited, so that none waits for ever.

A job gains points for every hour since one of its tasks was last given to a worker, or since it was submitted when
none was. There is no most: sooner or later a job has enough of them to come before any other. With the priority
beside it, a job that has waited for ten hours is level with a fresh one whose priority is 20 higher:

```yaml
plugins:
  ageing:
    points_per_hour: 2
```

More points make waiting count for more against the priority; the setting `policies` weighs policies as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

from msgspec import Meta

from flamenco import FarmView, JobCandidate, ManagerConfig, SchedulingPolicy, Setting, Term, hookimpl, in_words


@hookimpl
def settings() -> Iterable[Setting]:
    """How much waiting is worth."""
    yield Setting(
        key="points_per_hour",
        type=Annotated[float, Meta(ge=0, le=1_000_000)],
        default=1.0,
        help="What a job gains for every hour that it waits; a step of priority is worth one point.",
    )


@hookimpl
def scheduling_policies(config: ManagerConfig) -> Iterable[SchedulingPolicy]:
    """The policy, with the configured points."""
    points_per_hour: float = config.plugins.ageing.points_per_hour

    def score(jobs: Sequence[JobCandidate], farm: FarmView) -> dict[str, Term]:
        return {job.id: waiting_term(job, farm, points_per_hour) for job in jobs}

    yield SchedulingPolicy(
        name="ageing",
        description="A job comes sooner the longer none of its tasks was given to a worker.",
        score=score,
        depends_on="farm",
    )


def waiting_term(job: JobCandidate, farm: FarmView, points_per_hour: float) -> Term:
    """What the job gets for having waited so long; nothing while the clock is behind its last task."""
    waited_s = max(0.0, (farm.now - (job.last_assigned or job.created)).total_seconds())
    return Term(points_per_hour * waited_s / 3600, f"waiting for {in_words(waited_s)}")
