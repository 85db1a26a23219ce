"""Runs the commands of a task one after the other. Whatever goes wrong in one ends the task, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import structlog

from flamenco.domain.errors import FarmError
from flamenco.domain.model import Command
from flamenco.hooks.discovery import owner_of
from flamenco.hooks.parameters import read_parameters
from flamenco.hooks.types import CommandCancelled, CommandFailed, CommandType
from flamenco.worker.task_context import TaskContext

log = structlog.get_logger()


def run_commands(commands: Iterable[Command], kinds: Mapping[str, CommandType], context: TaskContext) -> str:
    """Run all of them until one fails or the task is taken away; gives the reason why it failed, or nothing."""
    for command in commands:
        if context.cancelled():
            break
        if failure := _run_command(command, kinds.get(command.name), context):
            return failure
    return ""


def _run_command(command: Command, kind: CommandType | None, context: TaskContext) -> str:
    """Run one command; gives the reason why it failed, or nothing."""
    context.command_reports_steps = command.total_step_count > 0
    try:
        if not kind:
            return f'unknown command: "{command.name}"'
        kind.run(context, read_parameters(kind, command.parameters))
        if not context.command_reports_steps:
            context.count_step()
    except CommandCancelled:
        return "" if context.cancelled() else f"{command.name}: the command gave up"
    except (CommandFailed, FarmError) as error:
        text = str(error)
        return text if text.startswith(f"{command.name}:") else f"{command.name}: {text}"
    except (Exception, SystemExit) as error:
        plugin = owner_of(kind.run if kind else None)
        log.exception("a command failed unexpectedly", command=command.name, plugin=plugin)
        whose = f" (plugin {plugin})" if plugin else ""
        return f"{command.name}: unexpected {type(error).__name__}: {error}{whose}"
    return ""
