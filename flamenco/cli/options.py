"""What several commands share: options, spelt and explained the same everywhere, and asking first."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import click

from flamenco.domain.errors import Refused
from flamenco.domain.visible import visible_lines
from flamenco.hooks.cli_options import json_option, manager_option

__all__ = [
    "ListingGroup",
    "config_option",
    "confirm",
    "data_dir_option",
    "json_option",
    "manager_option",
    "override_option",
    "status_option",
    "yes_option",
]

F = TypeVar("F", bound=Callable[..., Any])


def config_option(function: F) -> F:
    """Add `--config FILE`, given to the function as `config_file: Path | None`."""
    return click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Read the settings from FILE instead of flamenco-manager.yaml here or in the data directory.",
    )(function)


def data_dir_option(function: F) -> F:
    """Add `--data-dir DIR`, given to the function as `data_dir: Path | None`."""
    return click.option(
        "--data-dir",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        help="Keep the database, task logs and images below DIR.",
    )(function)


def status_option(kind: type[StrEnum]) -> Callable[[F], F]:
    """Add `--status STATUS,…`, given to the function as `statuses: frozenset[kind]`, empty for any."""
    return click.option(
        "--status",
        "statuses",
        multiple=True,
        metavar="STATUS,...",
        callback=lambda _context, _option, given: frozenset(_statuses(kind, given)),
        help=f"Only those in one of these statuses: {', '.join(kind)}.",
    )


def _statuses(kind: type[StrEnum], given: Iterable[str]) -> Iterable[StrEnum]:
    for word in ",".join(given).split(","):
        try:
            if word.strip():
                yield kind(word.strip().lower())
        except ValueError:
            raise click.BadParameter(f"{word.strip()!r} is none of {', '.join(kind)}.") from None


def override_option(function: F) -> F:
    """Add `--set KEY=VALUE`, given to the function as `overrides: dict[str, str]`."""
    return click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        callback=lambda _context, _option, given: dict(_key_and_value(text) for text in given),
        help="Any setting by its key, such as plugins.ageing.points_per_hour=2; repeatable.",
    )(function)


def _key_and_value(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise click.BadParameter(f"{text!r}: write KEY=VALUE.")
    return key, value


def yes_option(function: F) -> F:
    """Add `--yes`, given to the function as `sure: bool`."""
    return click.option("-y", "--yes", "sure", is_flag=True, help="Do it without asking.")(function)


def confirm(what: str, question: str, *, sure: bool, undone: str = "nothing was deleted") -> None:
    """Say what would be done and ask for a yes, unless it is `sure` already. Raises `Refused` when the answer is no."""
    if sure:
        return
    click.echo(visible_lines(what), err=True)
    try:
        if click.confirm(question, err=True):
            return
    except click.Abort:
        if sys.stdin.isatty():  # Ctrl-C
            raise
        click.echo(err=True)  # the question has no end of line yet
    raise Refused(f"{undone}; with --yes it is done without asking.")


class ListingGroup(click.Group):
    """`flamenco things --json` is `flamenco things list --json`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert `list` where options come without a command."""
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)
