"""Options that several commands share, so that they are spelt and explained the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

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


def json_option(function: F) -> F:
    """Add `--json`, given to the function as `as_json: bool`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for other programs to read.")(function)


def manager_option(function: F) -> F:
    """Add `--manager URL`, given to the function as `manager_url: str`."""
    return click.option(
        "--manager",
        "manager_url",
        envvar="FLAMENCO_MANAGER",
        default="http://localhost:8080",
        show_default=True,
        metavar="URL",
        help="The manager to talk to; FLAMENCO_MANAGER in the environment says the same.",
    )(function)
