"""`flamenco backup` and `flamenco restore`: all that a manager has, in one file, and back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click

from flamenco import __version__
from flamenco.cli.configuration import configured
from flamenco.cli.options import config_option, data_dir_option, json_option
from flamenco.cli.output import print_json
from flamenco.cli.progress import counted_progress
from flamenco.config import Config, Loaded
from flamenco.config.paths import CONFIG_FILE_NAME
from flamenco.domain.errors import Refused, StoreError
from flamenco.farm.context import utc_now
from flamenco.files import backups
from flamenco.store import copying, damage, upgrade
from flamenco.store.engine import Store

_STORED = ("file-store", "stored")
"""Where Shaman has its files, below the shared storage."""


@click.command()
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@config_option
@data_dir_option
@json_option
def backup(target: Path, config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Copy all that this machine's manager has into FILE, while it runs or not.

    That is the database, SQLite or PostgreSQL, as it is at one moment; task logs, images, archives, the studio's job
    types and plugins, and the configuration. Of Shaman's files, which lie in the shared storage, there is a list, so
    that `flamenco restore` can say what is missing. FILE is packed if it ends in .gz. Keep it as you keep a password.

    \b
    Example:
      flamenco backup /backups/flamenco-monday.tar.gz --data-dir /srv/flamenco
    """
    loaded = configured(config_file, data_dir)
    with _snapshot(loaded.config, target) as (copy, manifest), backups.writing(target, manifest) as writer:
        writer.copy_large(backups.DATABASE, copy)
        counts = _add_files(writer, loaded)
    size = target.stat().st_size
    if as_json:
        print_json({"file": str(target), "bytes": size, "rows": manifest.rows, "files": counts})
        return
    told = ", ".join(f"{count} of {name}" for name, count in counts.items() if count) or "none"
    click.echo(f"{target}: {size / 1024**2:.1f} MiB, {sum(manifest.rows.values())} rows of the database; files: {told}")


@contextmanager
def _snapshot(config: Config, target: Path) -> Iterator[tuple[Path, backups.Manifest]]:
    """The database as it is now, in a file of its own beside the target, and what is said of it."""
    with (
        tempfile.TemporaryDirectory(prefix=".flamenco-backup-", dir=target.absolute().parent) as folder,
        closing(Store(config.database_url, pool_size=1)) as store,
    ):
        revision = upgrade.usable_revision(store)
        if revision != upgrade.known_revisions()[-1]:
            raise StoreError(f"{store.url!r} is of an earlier version; run `flamenco db upgrade` first.")
        copy = Path(folder) / backups.DATABASE
        if store.file is not None:
            upgrade.backup(store, copy)
        with closing(Store(f"sqlite:///{copy}", pool_size=1, may_begin=True)) as copied:
            if store.file is None:
                upgrade.upgrade(copied, utc_now())
                with counted_progress() as told:
                    copying.copy(store, copied, told)
            rows = copying.count_rows(copied)
            copied.checkpoint()
        yield (
            copy,
            backups.Manifest(
                version=__version__,
                revision=revision,
                made=utc_now(),
                rows=rows,
                manager_name=config.manager_name,
            ),
        )


def _add_files(writer: backups.Writer, loaded: Loaded) -> dict[str, int]:
    if loaded.file is not None:
        writer.copy(backups.CONFIGURATION, loaded.file)
    stored = loaded.config.shared_path.joinpath(*_STORED)
    writer.put(backups.SHAMAN, "\n".join(backups.shaman_list(stored)).encode())
    with counted_progress() as told:
        return {name: writer.copy_folder(name, folder, told) for name, folder in _folders(loaded.config).items()}


def _folders(config: Config) -> dict[str, Path]:
    places = (config.local_storage_path, config.archives_path, config.job_types_path, config.plugins_path)
    return dict(zip(backups.FOLDERS, places, strict=True))


@click.command()
@click.argument("source", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@config_option
@data_dir_option
@click.option("--database", metavar="URL", help="SQLite file or postgresql://… instead of the configured one.")
@json_option
def restore(
    source: Path, config_file: Path | None, data_dir: Path | None, database: str | None, *, as_json: bool
) -> None:
    """Bring back what `flamenco backup` has put into FILE, to a data directory that has no database yet.

    Or to another database, which has to be empty: PostgreSQL as well, whatever it came from. Files that are there
    already stay as they are. What was restored is looked through and counted before it stays. Where there is no
    configuration, the one in FILE becomes that of the data directory; read it before the manager is started.

    \b
    Example:
      flamenco restore /backups/flamenco-monday.tar.gz --data-dir /srv/flamenco
    """
    loaded = configured(config_file, data_dir, {"database": database} if database else {})
    config, manifest = loaded.config, backups.read_manifest(source)
    if manifest.revision not in upgrade.known_revisions():
        raise Refused(
            f"{source} was made by Flamenco {manifest.version}, which is newer than this one; install that version, "
            "or a later one, and restore it with that."
        )
    config.data_dir.mkdir(0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".flamenco-restore-", dir=config.data_dir) as folder:
        places = {name: Path(folder) / name for name in (backups.DATABASE, backups.SHAMAN)}
        with counted_progress() as told:
            backups.unpack(source, places, told)
            _restore_database(places[backups.DATABASE], manifest, config, source)
            there = {**_folders(config), **_configuration(loaded)}
            counts = backups.unpack(source, there, told)
        missing = _missing(places[backups.SHAMAN], config)
    if as_json:
        print_json({"rows": manifest.rows, "files": counts, "missing": missing})
        return
    files = sum(counts.values())
    click.echo(f"restored {sum(manifest.rows.values())} rows and {files} files of {manifest.made:%Y-%m-%d %H:%M} UTC")
    if missing:
        click.echo(
            f"flamenco: {len(missing)} stored files of Shaman are not in {config.shared_path}: restore the shared "
            "storage, or submit the jobs anew that need them; --json names them.",
            err=True,
        )


def _restore_database(copy: Path, manifest: backups.Manifest, config: Config, source: Path) -> None:
    """Bring the copy to the version of this program, look through it, and put it where the manager has its database."""
    if not copy.is_file():
        raise Refused(f"{source} has no {backups.DATABASE}: it was cut short, or changed.")
    with closing(Store(f"sqlite:///{copy}", pool_size=1)) as restored:
        with restored.read() as tx:
            found = [each.problem for each in damage.look(tx, thorough=True)]
        if found or copying.count_rows(restored, manifest.rows) != manifest.rows:
            why = "; ".join(found) or "it has other rows"
            raise StoreError(f"The database in {source} is not what was put there: {why}.")
        upgrade.upgrade(restored, utc_now())
        # Not before: an empty file would be left behind where there is nothing to restore.
        with closing(Store(config.database_url, pool_size=1, may_begin=True)) as target:
            upgrade.upgrade(target, utc_now())
            copying.copy(restored, target)


def _configuration(loaded: Loaded) -> dict[str, Path]:
    return {} if loaded.file else {backups.CONFIGURATION: loaded.config.data_dir / CONFIG_FILE_NAME}


def _missing(listed: Path, config: Config) -> list[str]:
    lines = listed.read_text("utf-8").splitlines() if listed.is_file() else []
    return backups.missing(iter(lines), config.shared_path.joinpath(*_STORED))
