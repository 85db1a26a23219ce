"""Never more workers on a job than it says, and never more tasks with a licence than there are licences.

Every job type gets a setting `max_workers`: so many of a job's tasks may run at once, 0 for as many as there are
workers. Named limits are counted in the whole farm: tasks of the types in `task_types`, and all tasks of the job
types in `job_types`, fall under the limits named there, one of each per running task.

```yaml
plugins:
  worker_limits:
    limits: {nuke: 5, houdini: 10}
    task_types:
      nuke: [nuke]
    job_types:
      bake-simulation: [houdini]
```

Both are kept exactly, also when several manager processes, or hosts, hand out tasks at the same moment. A worker that
renders something with a licence by other means is not counted. `flamenco limits` shows what is in use;
`GET /api/x/worker_limits/usage` is the same for programs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated

from msgspec import Meta

from flamenco import (
    ApiRequest,
    ApiResponse,
    FarmReader,
    JobCandidate,
    JobTypeSetting,
    Limit,
    ManagerConfig,
    Refused,
    Route,
    SchedulingPolicy,
    Setting,
    Submission,
    hookimpl,
)

MAX_WORKERS = "max_workers"

_Names = tuple[str, ...]


@hookimpl
def settings() -> Iterable[Setting]:
    """The limits there are, and what falls under them."""
    yield Setting(
        key="limits",
        type=dict[str, Annotated[int, Meta(ge=0)]],
        default={},
        help="How many tasks may run at once under each limit, such as the licences of a program.",
    )
    yield Setting(
        key="task_types",
        type=dict[str, _Names],
        default={},
        help="The limits that tasks of a type fall under.",
    )
    yield Setting(
        key="job_types",
        type=dict[str, _Names],
        default={},
        help="The limits that all tasks of jobs of a type fall under.",
    )


@hookimpl
def job_settings() -> Iterable[JobTypeSetting]:
    """A setting that every job has."""
    yield JobTypeSetting(
        key=MAX_WORKERS,
        type="int32",
        default=0,
        label="Max Workers",
        description="Most workers that may be busy with this job at once; 0 for no limit.",
        propargs={"min": 0},
        visible="visible",
    )


@hookimpl
def job_submitting(submission: Submission) -> None:
    """Refuse a number of workers that is none."""
    given = submission.settings.get(MAX_WORKERS, 0)
    if isinstance(given, bool) or not isinstance(given, int | float) or given < 0 or given != int(given):
        raise Refused(f'setting "{MAX_WORKERS}" is {given!r}; a whole number is needed, 0 for no limit.')


@hookimpl
def scheduling_policies(config: ManagerConfig) -> Iterable[SchedulingPolicy]:
    """A policy that ranks nothing and limits."""
    given = config.plugins.worker_limits
    _check(given.limits, {**given.task_types, **given.job_types})

    def limits(job: JobCandidate, task_type: str) -> Iterable[Limit]:
        for name in {*given.task_types.get(task_type, ()), *given.job_types.get(job.type, ())}:
            yield Limit(name, given.limits[name])
        if most := job.settings.get(MAX_WORKERS):
            yield Limit(MAX_WORKERS, int(most), per_job=True)

    yield SchedulingPolicy(
        name="worker_limits",
        description="Jobs with a limit on their workers, and licences.",
        limits=limits,
        depends_on="job",
    )


def _check(limits: Mapping[str, int], wanted: Mapping[str, _Names]) -> None:
    for what, names in wanted.items():
        for name in names:
            if name not in limits:
                there = ", ".join(limits) or "none"
                raise Refused(
                    f"{what!r} names the limit {name!r}, which is none of plugins.worker_limits.limits: {there}."
                )


@hookimpl
def api_routes() -> Iterable[Route]:
    """What is in use, for programs."""
    yield Route(
        path="usage",
        respond=_usage,
        summary="Every limit of the farm, and how many running tasks are under it.",
        access="look",
    )


def _usage(_request: ApiRequest, farm: FarmReader) -> ApiResponse:
    return ApiResponse(body=list(farm.limits()))
