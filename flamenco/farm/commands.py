"""Checking the commands of a compiled job: what no worker could run is refused before anything is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import structlog

from flamenco.domain.errors import Refused
from flamenco.domain.model import AuthoredJob
from flamenco.hooks.parameters import ParameterError, read_parameters
from flamenco.hooks.types import CommandType

log = structlog.get_logger()


def check_commands(job: AuthoredJob, known: Mapping[str, CommandType]) -> list[str]:
    """Read every command's parameters as a worker would. Raises `Refused` naming the task whose command is wrong.

    Returns a warning for each command that this manager does not know; some worker may.
    """
    unknown: Counter[str] = Counter()
    for task in job.tasks:
        for command in task.commands:
            command_type = known.get(command.name)
            if command_type is None:
                unknown[command.name] += 1
                continue
            try:
                read_parameters(command_type, command.parameters)
            except ParameterError as error:
                raise Refused(f'task "{task.name}": {error}') from error
    return [f'command "{name}" is unknown to the manager; it is used {count} times' for name, count in unknown.items()]


def warn(job: AuthoredJob, warnings: list[str]) -> None:
    """Say in the log what is suspicious about a job."""
    for warning in warnings:
        log.warning("suspicious command", job=job.id, job_type=job.type, warning=warning)
