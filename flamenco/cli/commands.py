"""`flamenco commands`: what a job type may tell workers to do, the commands of the core and of plugins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from flamenco.cli.configuration import configured
from flamenco.cli.options import config_option, data_dir_option, json_option
from flamenco.cli.task_commands import of
from flamenco.config.declared import nearest_of
from flamenco.config.documentation import as_text
from flamenco.domain.errors import NotFound
from flamenco.hooks.command_docs import CommandDocs, ParameterDocs, documented
from flamenco.hooks.manager import Hooks


class ListedCommand(CommandDocs, frozen=True, kw_only=True):
    """A documented command, and the plugin it comes from."""

    plugin: str


@click.group()
def commands() -> None:
    """Show the commands that tasks are made of, and their parameters.

    \b
    Example:
      flamenco commands show blender-render
      flamenco commands of "Shot 12" 3
    """


commands.add_command(of)


@commands.command("list")
@config_option
@data_dir_option
@json_option
def list_(config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """List the commands of the core and of the plugins that are enabled.

    \b
    Example:
      flamenco commands list --json | jq -r '.[].name'
    """
    found = _listed(configured(config_file, data_dir).hooks)
    if as_json:
        _print_json(found)
        return
    narrow = [Column(title, no_wrap=True) for title in ("Name", "Task types", "Plugin")]
    table = Table(*narrow, "Description", box=None)
    for each in found:
        table.add_row(*map(escape, (each.name, ", ".join(each.task_types), each.plugin, each.description)))
    Console(highlight=False).print(table)


@commands.command()
@click.argument("name", metavar="NAME")
@config_option
@data_dir_option
@json_option
def show(name: str, config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Show what the command NAME does, and its parameters by the names that job types use.

    \b
    Example:
      flamenco commands show exec
    """
    by_name = {each.name: each for each in _listed(configured(config_file, data_dir).hooks)}
    if name not in by_name:
        near = nearest_of(name, by_name)
        hint = f"did you mean {near!r}?" if near else "see `flamenco commands list`; plugins have more of them."
        raise NotFound(f"There is no command {name!r}; {hint}")
    if as_json:
        _print_json(by_name[name])
    else:
        click.echo("\n".join(_in_words(by_name[name])))


def _listed(hooks: Hooks) -> list[ListedCommand]:
    """Every command by name, documented."""
    plugins = hooks.command_plugins()
    return [
        ListedCommand(**msgspec.structs.asdict(documented(command)), plugin=plugins[name])
        for name, command in sorted(hooks.command_types().items())
    ]


def _print_json(value: ListedCommand | Sequence[ListedCommand]) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))


def _in_words(command: ListedCommand) -> Iterable[str]:
    yield f"{command.name}: {command.description}"
    yield f"For tasks of type {', '.join(command.task_types)}; from the plugin {command.plugin}."
    if command.time_limits:
        yield f"By default, {', '.join(f'{word} is {span}' for word, span in command.time_limits.items())}."
    if not command.parameters:
        yield "It has no parameters."
    for parameter in command.parameters:
        yield f"\n  {parameter.name}  ({parameter.type}; {_need(parameter)})"
        if parameter.description:
            yield f"      {parameter.description}"


def _need(parameter: ParameterDocs) -> str:
    return "required" if parameter.required else f"default {as_text(parameter.default)}"
