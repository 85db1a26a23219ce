"""The configuration for commands that go on without the plugins that are broken."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from flamenco import bootstrap
from flamenco.config import Loaded


def configured(config_file: Path | None, data_dir: Path | None, overrides: Mapping[str, str] | None = None) -> Loaded:
    """The configuration; what is doubtful in it, and which plugins are left out and why, is told on stderr.

    Raises `ConfigError` for what cannot be used at all.
    """
    loaded = bootstrap.configure(config_file, data_dir, overrides, without_broken=True)
    for sentence in (*loaded.warnings, *(plugin.problem for plugin in loaded.hooks.plugins() if plugin.problem)):
        click.echo(f"flamenco: {sentence}", err=True)
    return loaded
