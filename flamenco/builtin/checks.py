"""Checking the commands of a compiled job: what no worker could run is refused before anything is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import structlog

from flamenco import AuthoredJob, CommandType, Refused, hookimpl
from flamenco.hooks.parameters import ParameterError, read_parameters

log = structlog.get_logger()


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
    for warning in warnings(job, command_types):
        log.warning("suspicious command", job=job.id, job_type=job.type, warning=warning)


def warnings(job: AuthoredJob, command_types: Mapping[str, CommandType]) -> list[str]:
    """A sentence for each command that is not known here; some worker may have it."""
    names = Counter(command.name for task in job.tasks for command in task.commands)
    return [
        f'command "{name}" is unknown to the manager; it is used {count} times'
        for name, count in names.items()
        if name not in command_types
    ]
