"""`flamenco config set`: settings in the file, here or through a manager that runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from flamenco.cli.configuration import configured
from flamenco.cli.options import config_option, data_dir_option
from flamenco.cli.output import print_line
from flamenco.client import ManagerClient
from flamenco.config.changing import changed
from flamenco.config.content import META
from flamenco.config.layers import DEFAULT
from flamenco.config.loading import Loaded, check, read_content
from flamenco.config.paths import CONFIG_FILE_NAME
from flamenco.config.writing import write


@click.command("set")
@click.argument("pairs", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--default", "defaults", multiple=True, metavar="KEY", help="Take KEY out of the file; repeatable.")
@click.option("--manager", "manager_url", metavar="URL", help="Have the manager at URL change its own file.")
@config_option
@data_dir_option
def change(
    pairs: tuple[str, ...],
    defaults: tuple[str, ...],
    manager_url: str | None,
    config_file: Path | None,
    data_dir: Path | None,
) -> None:
    """Write settings into the configuration file, where the rest stays as it is; what was there is in NAME.bak.

    Lists, maps and variables are written as YAML. A manager reads the file when it starts, or when it gets the signal
    HUP; with --manager, it does so at once, and refuses what is changed on its machine alone.

    \b
    Example:
      flamenco config set task_timeout=20m 'variables.scenes={values: [{platform: all, value: /mnt/scenes}]}'
      flamenco config set --default task_timeout --manager http://farm:8080
    """
    values = {**dict(map(_pair, pairs)), **dict.fromkeys(defaults)}
    if not values:
        raise click.UsageError("Say which setting: KEY=VALUE, or --default KEY.")
    if manager_url is None:
        _write(configured(config_file, data_dir), values)
    elif config_file or data_dir:
        raise click.UsageError("--manager changes that manager's own file, without --config and --data-dir.")
    else:
        with ManagerClient(manager_url) as client:
            client.settings.change(values)
        print_line(f"{manager_url}: changed {', '.join(values)}")


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise click.UsageError(f"{text!r}: write KEY=VALUE.")
    return key, value


def _write(loaded: Loaded, values: Mapping[str, str | None]) -> None:
    """Check the file as it is going to be, and write it. Raises `ConfigError`."""
    file = loaded.file or loaded.config.data_dir / CONFIG_FILE_NAME
    after = changed(read_content(file), loaded.settings, values)
    check(after, "the new configuration", file, loaded.config.data_dir)
    write(file, {key: value for key, value in after.items() if key != META}, datetime.now(UTC))
    print_line(f"{file}: changed {', '.join(values)}")
    for key in values:
        source = loaded.sources.get(key, DEFAULT)
        if source.startswith("environment"):
            click.echo(f"flamenco: {key} is said by the {source}, which wins over the file", err=True)
