"""The configuration for commands that work on it, or on the files and the database that it names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from flamenco import builtin
from flamenco.config import Loaded, load


def configure(
    config_file: Path | None = None,
    data_dir: Path | None = None,
    overrides: Mapping[str, str] | None = None,
    *,
    without_broken: bool = False,
) -> Loaded:
    """Read the configuration, with the core's own plugins and those that it enables. Raises `ConfigError`.

    `without_broken` is as that of `load`.
    """
    return load(config_file, data_dir, overrides, hooks=builtin.core_hooks(), without_broken=without_broken)


def configured(config_file: Path | None, data_dir: Path | None, overrides: Mapping[str, str] | None = None) -> Loaded:
    """The configuration; what is doubtful in it, and which plugins are left out and why, is told on stderr.

    Raises `ConfigError` for what cannot be used at all.
    """
    loaded = configure(config_file, data_dir, overrides, without_broken=True)
    for sentence in (*loaded.warnings, *(plugin.problem for plugin in loaded.hooks.plugins() if plugin.problem)):
        click.echo(f"flamenco: {sentence}", err=True)
    return loaded
