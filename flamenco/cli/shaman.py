"""`flamenco shaman`: the store of the files of jobs. Works on the shared storage itself; no manager is needed."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.filesize import decimal

from flamenco.cli.configuration import configured
from flamenco.cli.options import config_option, data_dir_option, json_option, override_option
from flamenco.domain.errors import Failed
from flamenco.farm.context import utc_now
from flamenco.files.shaman.collect import Collection
from flamenco.files.shaman.system import shaman_of


@click.group()
def shaman() -> None:
    """Look after the store of the files that clients handed in for their jobs.

    \b
    Example:
      flamenco shaman gc --dry-run
    """


@shaman.command()
@click.option("--dry-run", is_flag=True, help="Remove nothing, and list what would be.")
@config_option
@data_dir_option
@override_option
@json_option
def gc(
    config_file: Path | None, data_dir: Path | None, overrides: dict[str, str], *, dry_run: bool, as_json: bool
) -> None:
    """Remove the stored files that no job uses, and that nobody asked for within shaman.garbageCollect.maxAge.

    The manager does the same by itself, every shaman.garbageCollect.period.

    \b
    Example:
      flamenco shaman gc --dry-run --set shaman.garbageCollect.maxAge=168h
    """
    config = configured(config_file, data_dir, overrides).config
    store = shaman_of(config, utc_now)
    if store is None:
        raise Failed("Shaman is off here; see the settings shaman.enabled and shared_storage_path.")
    with Console(stderr=True).status("looking at the stored files …") as status:
        found = store.collect(
            utc_now(), dry_run=dry_run, progress=lambda what, count: status.update(f"{what}: {count:,} …")
        )
    if not found.files_stored:
        click.echo(
            f"Nothing is stored in {store.folders.stored}; --config or --data-dir say which manager is meant.", err=True
        )
    click.echo(msgspec.json.encode(found) if as_json else _in_words(found))


def _in_words(found: Collection) -> str:
    lines = [f"{file.last_used:%Y-%m-%d}  {decimal(file.size):>10}  {file.name}" for file in found.files]
    verb = "would be removed" if found.dry_run else "removed"
    lines.append(f"{len(found.files)} of {found.files_stored} stored files {verb}, {decimal(found.bytes)}")
    if found.leftovers:
        lines.append(f"{found.leftovers} unfinished uploads and checkouts {verb}")
    return "\n".join(lines)
