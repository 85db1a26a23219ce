"""Checking the commands of a compiled job: what no worker could run is refused before anything is stored."""

from __future__ import annotations

from collections.abc import Mapping

from flamenco import AuthoredJob, CommandType, Refused, hookimpl
from flamenco.hooks.parameters import ParameterError, read_parameters


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
