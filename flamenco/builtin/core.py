"""The core's own settings, shipped job types, checks of commands and scheduling policy: hooks like anybody's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from flamenco import (
    AuthoredJob,
    CommandType,
    FailureRule,
    FarmView,
    JobCandidate,
    Refused,
    SchedulingPolicy,
    Setting,
    Term,
    bundled,
    hookimpl,
)
from flamenco.config import Config
from flamenco.config.declared import settings_of
from flamenco.domain.shipped_rules import SHIPPED
from flamenco.hooks.parameters import ParameterError, read_parameters


@hookimpl(specname="settings")
def settings() -> Iterable[Setting]:
    """Every setting of the core, with dotted keys."""
    return list(settings_of(Config))


@hookimpl
def job_type_folders() -> Iterable[Path]:
    """The folder `jobtypes/` that travels with the program."""
    return [bundled.job_types()]


@hookimpl
def job_compiled(job: AuthoredJob, command_types: Mapping[str, CommandType]) -> None:
    """Read every command's parameters as a worker would. Raises `Refused` naming the task whose command is wrong."""
    for task in job.tasks:
        for command in task.commands:
            command_type = command_types.get(command.name)
            if command_type is None:
                continue
            try:
                read_parameters(command_type, command.parameters)
            except ParameterError as error:
                raise Refused(f'task "{task.name}": {error}') from error


def by_priority(jobs: Sequence[JobCandidate], farm: FarmView) -> dict[str, Term]:  # noqa: ARG001 (a policy gets both)
    """Score every job by its priority, exactly."""
    return {job.id: Term(float(job.priority), f"priority {job.priority}") for job in jobs}


@hookimpl(trylast=True)
def failure_rules(config: Config) -> Iterable[FailureRule]:
    """The rules that Flamenco comes with, but for those that the configuration leaves out."""
    return [rule for name, rule in SHIPPED.items() if name not in config.failures.without]


@hookimpl
def scheduling_policies() -> Iterable[SchedulingPolicy]:
    """The policy that is active unless the configuration says otherwise."""
    yield SchedulingPolicy(
        name="priority",
        description="The job with the higher priority comes first, the older one among equals.",
        score=by_priority,
        depends_on="job",
    )
