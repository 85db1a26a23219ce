"""Options that several commands share, so that they are spelt and explained the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from flamenco.hooks.cli_options import json_option, manager_option

__all__ = ["config_option", "data_dir_option", "json_option", "manager_option", "override_option"]

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
