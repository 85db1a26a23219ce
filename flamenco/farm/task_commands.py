"""The commands of a task as a worker gets them: without variables, in the paths of its platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import structlog
from msgspec import Struct

from flamenco.domain.model import Command, Task
from flamenco.domain.shell_lines import shell_line
from flamenco.farm.context import Farm
from flamenco.hooks.discovery import owner_of
from flamenco.hooks.parameters import ParameterError, read_parameters
from flamenco.store import jobs, tasks

log = structlog.get_logger(__name__)

PLATFORMS: Final = ("linux", "windows", "darwin")
"""Those that workers are mostly on."""


class GivenCommand(Struct, frozen=True):
    """A command, and the line by which a person runs what it runs; empty where its parameters alone do not say it.

    `problem` is why it cannot be run at all.
    """

    command: Command
    line: str
    problem: str


class GivenCommands(Struct, frozen=True):
    """A task's commands on a platform, and the platforms to ask about: first the manager's own."""

    platform: str
    platforms: tuple[str, ...]
    commands: list[GivenCommand]


def as_given(farm: Farm, task_id: str, platform: str = "") -> GivenCommands:
    """What a worker on `platform` gets, or one on the manager's own. Raises `NotFound`."""
    with farm.store.read() as tx:
        task = tasks.fetch_whole(tx, task_id)
        variables = jobs.variables(tx, task.job_key)
    own = farm.variables.manager_platform
    platform = platform or own
    return GivenCommands(
        platform=platform,
        platforms=(own, *(each for each in PLATFORMS if each != own)),
        commands=[_given(farm, command, platform) for command in expanded(farm, task, variables, platform)],
    )


def expanded(farm: Farm, task: Task, variables: Mapping[str, str], platform: str) -> tuple[Command, ...]:
    """The commands for a worker on `platform`; `variables` are those of the job."""
    return farm.variables.for_worker(platform).with_those_of(variables).commands(task.commands)


def _given(farm: Farm, command: Command, platform: str) -> GivenCommand:
    kind = farm.command_types.get(command.name)
    if kind is None:
        return GivenCommand(command, "", "")  # of a plugin that only workers have
    try:
        parameters = read_parameters(kind, command.parameters)
        argv = kind.argv(parameters) if kind.argv else ()
        line = shell_line(argv, platform) if argv else ""
    except ParameterError as error:
        return GivenCommand(command, "", str(error))
    except Exception:
        log.exception("a command does not say what it runs", command=command.name, plugin=owner_of(kind.argv))
        return GivenCommand(command, "", "")
    return GivenCommand(command, line, "")
