"""`flamenco config`: what the settings are, and who set them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flamenco import bootstrap
from flamenco.cli.options import config_option, data_dir_option, json_option, override_option
from flamenco.config.loading import DEFAULT, Shown


@click.group()
def config() -> None:
    """Show the settings and where they come from."""


@config.command()
@config_option
@data_dir_option
@override_option
@json_option
def show(config_file: Path | None, data_dir: Path | None, overrides: dict[str, str], as_json: bool) -> None:
    """Print each setting, its value, and whether a file, the environment or nobody set it.

    Passwords are not shown.

    \b
    Example:
      FLAMENCO_TASK_TIMEOUT=5m flamenco config show --config farm.yaml
    """
    settings = bootstrap.configure(config_file, data_dir, overrides).shown()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(settings), indent=2))
    elif sys.stdout.isatty():
        _print_table(settings)
    else:
        _print_columns(settings)


def _print_table(settings: Sequence[Shown]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("setting", no_wrap=True)
    table.add_column("from", overflow="fold")
    table.add_column("value", overflow="fold")
    for setting in settings:
        # What somebody set is what one looks for in this list. Text, because values are not rich's markup.
        style = "dim" if setting.source == DEFAULT else ""
        table.add_row(Text(setting.key, style), Text(setting.source, style), Text(_as_text(setting.value), style))
    Console().print(table)


def _print_columns(settings: Sequence[Shown]) -> None:
    rows = [(setting.key, setting.source, _as_text(setting.value)) for setting in settings]
    key_width, source_width = (max(len(row[column]) for row in rows) for column in (0, 1))
    for key, source, value in rows:
        click.echo(f"{key:<{key_width}}  {source:<{source_width}}  {value}")


def _as_text(value: Any) -> str:
    """A value on one line: text as it is, everything else as JSON, which is YAML as well."""
    if isinstance(value, str) and value and value.isprintable():
        return value
    return msgspec.json.encode(value).decode()
