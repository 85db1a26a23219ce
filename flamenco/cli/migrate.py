"""`flamenco migrate`: a farm of Flamenco 3 comes over. Works on the database itself; no manager is needed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from msgspec import Struct

from flamenco import bootstrap
from flamenco.cli.configuration import configure
from flamenco.cli.options import confirm, data_dir_option, json_option, yes_option
from flamenco.cli.output import print_json, print_line, print_table
from flamenco.cli.progress import counted_progress
from flamenco.config import Loaded, writing
from flamenco.config.paths import CONFIG_FILE_NAME, absolute, default_data_dir
from flamenco.domain.errors import StoreError
from flamenco.farm.context import Farm, utc_now
from flamenco.files import own_folders
from flamenco.migration import bringing, folder, looking, opening
from flamenco.migration.folder import OldFolder
from flamenco.migration.logs import OldStorage
from flamenco.migration.looking import OldFarm
from flamenco.migration.report import KINDS, Report
from flamenco.store import upgrade
from flamenco.store.engine import Store

_MOST_SHOWN: Final = 50
_SQLITE: Final = "sqlite:///"
_STAYS: Final = (
    "The shared storage stays where it is, with the files of jobs and of Shaman: what is in file-store/ and jobs/ is "
    "used as it is. Nothing of the old manager is changed."
)


class Target(Struct, frozen=True):
    """Where the farm comes to: its data directory, its settings, and what its configuration file is to say.

    `content` is None where there is such a file already, which is left alone.
    """

    file: Path
    loaded: Loaded
    content: dict[str, Any] | None
    notes: list[str]


@click.command()
@click.argument("path", metavar="FOLDER", type=click.Path(path_type=Path, exists=True, file_okay=False))
@data_dir_option
@click.option("--database", metavar="URL", default="", help="postgresql://… instead of a file in the data directory.")
@click.option("--dry-run", is_flag=True, help="Only show what would come, and what not.")
@yes_option
@json_option
def migrate(path: Path, data_dir: Path | None, database: str, *, dry_run: bool, sure: bool, as_json: bool) -> None:
    """Bring the farm of a Flamenco 3 manager over. Stop that manager first.

    FOLDER is the one with its flamenco-manager.yaml and flamenco-manager.sqlite. Jobs, tasks, workers with their
    secrets, tags, sleep schedules, blocklists, failures, logs, images and settings come; nothing of the old manager is
    changed. It shows first what comes and what not. If it is interrupted, do it again: what is there is left alone.

    \b
    Example:
      flamenco migrate /opt/flamenco-3.9 --data-dir /srv/flamenco --dry-run
      flamenco migrate /opt/flamenco-3.9 --data-dir /srv/flamenco
    """
    source = folder.find(path)
    target = _target(source, data_dir, database)
    with opening.opened(source.database) as db:
        _check_apart(source, target)
        there = _there(target)
        with counted_progress() as told:
            old = looking.look(db, OldStorage(source.storage), there, told)
        old.report.notes[:0] = [*filter(None, [opening.warning_of(source.database)]), *target.notes]
        if dry_run or not as_json:
            _show(old.report, target, done=False, as_json=as_json)
        if dry_run:
            return
        bringing.check_room(target.loaded.config.data_dir, old.bytes)
        confirm(f"To: {target.loaded.config.data_dir}", "Bring it over?", sure=sure, undone="nothing was brought over")
        came = _bring(target, old)
    if as_json:
        _show(came, target, done=True, as_json=True)
    else:
        _say_done(came, target)


def _target(source: OldFolder, data_dir: Path | None, database: str) -> Target:
    home = Path(absolute(str(data_dir or os.environ.get("FLAMENCO_DATA_DIR") or default_data_dir()), Path.cwd()))
    bringing.check_apart(home, source.path, "the folder")
    file = home / CONFIG_FILE_NAME
    overrides = {"database": database} if database else {}
    if file.is_file():
        return Target(file, configure(file, home, overrides), None, [f"{file} is there, and is left as it is."])
    content, notes = folder.settings(source, home, database)
    with tempfile.TemporaryDirectory(prefix="flamenco-migrate-") as aside:
        trial = Path(aside) / CONFIG_FILE_NAME
        writing.write(trial, content, utc_now())
        return Target(file, configure(trial, home, overrides), content, notes)


def _check_apart(source: OldFolder, target: Target) -> None:
    config = target.loaded.config
    bringing.check_apart(config.local_storage_path, source.storage, "the folder of logs and images")
    if (file := _file(config.database_url)) is not None:
        bringing.check_apart(file, source.database, "the database")


def _file(url: str) -> Path | None:
    """The file of an SQLite database, which may not be there."""
    return Path(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else None


def _there(target: Target) -> looking.Present:
    url = target.loaded.config.database_url
    file = _file(url)
    if file is not None and not file.exists():
        return looking.Present()
    store = Store(url, pool_size=1, may_begin=False)
    try:
        return looking.what_is_there(store)
    finally:
        store.close()


def _bring(target: Target, old: OldFarm) -> Report:
    with _farm(target) as farm, counted_progress() as told:
        return bringing.bring(farm, old, told)


@contextmanager
def _farm(target: Target) -> Iterator[Farm]:
    config = target.loaded.config
    try:
        own_folders.make(config)
    except OSError as error:
        raise StoreError(f"The folder {error.filename} cannot be used: {error.strerror}.") from error
    if target.content is not None:
        writing.write(target.file, target.content, utc_now())
    farm = bootstrap.create_farm(config, target.loaded.hooks)
    try:
        upgrade.upgrade(farm.store, farm.clock())
        yield farm
    finally:
        farm.close()


def _show(report: Report, target: Target, *, done: bool, as_json: bool) -> None:
    if as_json:
        about = {"done": done, "data_dir": str(target.loaded.config.data_dir), "configuration": str(target.file)}
        print_json({**about, **msgspec.to_builtins(report)})
        return
    rows = ((kind, *(str(number) for number in _numbers(report, kind))) for kind in KINDS)
    print_table(("What", "Comes", "There already", "Left out"), rows)
    _print_left_out(report)
    for note in report.notes:
        print_line(note)
    click.echo(_STAYS)


def _numbers(report: Report, kind: str) -> tuple[int, int, int]:
    return report.coming[kind], report.there[kind], report.left(kind)


def _print_left_out(report: Report) -> None:
    if not report.left_out:
        return
    click.echo()
    shown = report.left_out[:_MOST_SHOWN]
    print_table(("Left out", "ID", "Name", "Why"), ((each.kind, each.id, each.name, each.why) for each in shown))
    if len(report.left_out) > len(shown):
        click.echo(f"… and {len(report.left_out) - len(shown)} more; --json has all of them.")
    click.echo()


def _say_done(came: Report, target: Target) -> None:
    number = came.coming["jobs"], came.coming["workers"], came.left("jobs")
    print_line("{} jobs and {} workers came over; {} jobs were left out.".format(*number))
    print_line(f"Now start it: flamenco manager --data-dir {target.loaded.config.data_dir}")
