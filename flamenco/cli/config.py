"""`flamenco config`: what the settings are and what they mean, and who set them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flamenco.cli.config_change import change
from flamenco.cli.configuration import configured
from flamenco.cli.options import config_option, data_dir_option, json_option, override_option
from flamenco.config import documentation
from flamenco.config.documentation import SettingDocs, as_text
from flamenco.config.layers import DEFAULT
from flamenco.config.loading import Loaded, Shown
from flamenco.config.plugins import PREFIX
from flamenco.config.validation import nearest_key
from flamenco.domain.errors import ConfigError
from flamenco.hooks.setting import Setting
from flamenco.worker import worker_settings as worker_documentation


@click.group()
def config() -> None:
    """Show and change the settings: their values, where they come from, what they mean.

    \b
    flamenco config show                      what is set, and by whom
    flamenco config describe task_timeout     what a setting means, and how to set it
    flamenco config set task_timeout=20m      write it into the file
    """


config.add_command(change)


@config.command()
@config_option
@data_dir_option
@override_option
@json_option
def show(config_file: Path | None, data_dir: Path | None, overrides: dict[str, str], *, as_json: bool) -> None:
    """Print each setting, its value, and whether a file, the environment or nobody set it.

    Passwords are not shown.

    \b
    Example:
      FLAMENCO_TASK_TIMEOUT=5m flamenco config show --config farm.yaml
    """
    settings = configured(config_file, data_dir, overrides).shown()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(settings), indent=2))
    elif sys.stdout.isatty():
        _print_table(settings)
    else:
        _print_columns(settings)


@config.command()
@click.argument("keys", metavar="[KEY]...", nargs=-1)
@config_option
@data_dir_option
@override_option
@json_option
def describe(
    keys: Sequence[str], config_file: Path | None, data_dir: Path | None, overrides: dict[str, str], *, as_json: bool
) -> None:
    """Say what settings mean, what they may be, and the ways to set them.

    KEY is a setting, or the beginning of several, such as mqtt or plugins.ageing. Without one it is all settings, of
    the manager and of the plugins that are enabled.

    \b
    Example:
      flamenco config describe task_timeout mqtt
    """
    loaded = configured(config_file, data_dir, overrides)
    found = [documentation.documented(setting) for setting in _chosen(loaded, keys)]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
    else:
        click.echo("\n\n".join(_in_words(docs) for docs in found))


@config.command()
@click.option("--worker", "of_worker", is_flag=True, help="The page about the settings of a worker instead.")
def docs(*, of_worker: bool) -> None:
    """Print the page about all settings, of the manager and of the shipped plugins, in Markdown.

    \b
    Example:
      flamenco config docs > docs/settings.md
      flamenco config docs --worker > docs/worker-settings.md
    """
    click.echo(worker_documentation.settings_page() if of_worker else documentation.settings_page(), nl=False)


def _chosen(loaded: Loaded, keys: Iterable[str]) -> list[Setting]:
    """The settings of these keys or below them, each once. Raises `ConfigError` for a key that nothing has."""
    chosen: dict[str, Setting] = {}
    for key in keys:
        below = {name: each for name, each in loaded.settings.items() if f"{name}.".startswith(f"{key}.")}
        if not below:
            raise ConfigError(f"There is no setting {key!r}; {_hint(loaded, key)}")
        chosen |= below
    return list(chosen.values()) if keys else list(loaded.settings.values())


def _hint(loaded: Loaded, key: str) -> str:
    name = key.removeprefix(PREFIX).partition(".")[0]
    if any(plugin.name == name for plugin in loaded.hooks.plugins()):
        return f"`flamenco plugins show {name}` has the settings of that plugin, if any."
    nearest = nearest_key(key, loaded.settings)
    return f"did you mean {nearest!r}?" if nearest else "`flamenco config describe` has all there are."


def _in_words(docs: SettingDocs) -> str:
    rows = {
        "type": docs.type,
        "default": as_text(docs.default),
        "environment": docs.environment,
        "command line": docs.command_line,
    }
    return "\n".join([docs.key, f"  {docs.help}", *(f"  {name + ':':<13} {text}" for name, text in rows.items())])


def _print_table(settings: Sequence[Shown]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("setting", no_wrap=True)
    table.add_column("from", overflow="fold")
    table.add_column("value", overflow="fold")
    for setting in settings:
        # What somebody set is what one looks for in this list. Text, because values are not rich's markup.
        style = "dim" if setting.source == DEFAULT else ""
        table.add_row(Text(setting.key, style), Text(setting.source, style), Text(as_text(setting.value), style))
    Console().print(table)


def _print_columns(settings: Sequence[Shown]) -> None:
    rows = [(setting.key, setting.source, as_text(setting.value)) for setting in settings]
    key_width, source_width = (max(len(row[column]) for row in rows) for column in (0, 1))
    for key, source, value in rows:
        click.echo(f"{key:<{key_width}}  {source:<{source_width}}  {value}")
