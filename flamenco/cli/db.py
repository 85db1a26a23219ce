"""`flamenco db`: upgrade, check and copy the manager's database. Works on the database itself; no manager is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from flamenco.cli.configuration import configured
from flamenco.cli.options import config_option, data_dir_option, json_option
from flamenco.cli.progress import counted_progress
from flamenco.config.addresses import database_url
from flamenco.domain.errors import ConfigError, StoreError
from flamenco.farm.context import utc_now
from flamenco.store import copying, damage, recount, upgrade
from flamenco.store.engine import Store

_database_option = click.option(
    "--database", metavar="URL", help="SQLite file or postgresql://… instead of the configured one."
)


_MEBIBYTE = 1024 * 1024


@click.group()
def db() -> None:
    """Upgrade, check and back up the database.

    \b
    Example:
      flamenco db check --data-dir /srv/flamenco
    """


@contextmanager
def _opened(
    config_file: Path | None, data_dir: Path | None, url: str | None, *, may_begin: bool = False
) -> Iterator[Store]:
    config = configured(config_file, data_dir, {"database": url} if url else {}).config
    store = Store(config.database_url, pool_size=1, may_begin=may_begin)
    try:
        yield store
    finally:
        store.close()


@db.command("upgrade")
@config_option
@data_dir_option
@_database_option
def upgrade_command(config_file: Path | None, data_dir: Path | None, database: str | None) -> None:
    """Bring the database to the version of this program; an SQLite file is copied aside first.

    `flamenco manager` does the same when it starts.
    """
    with _opened(config_file, data_dir, database, may_begin=True) as store:
        changed = upgrade.upgrade(store, utc_now())
        click.echo(f"{store.url!r}: {'upgraded to' if changed else 'already at'} revision {upgrade.revision(store)}")


@db.command("check")
@config_option
@data_dir_option
@_database_option
@click.option("--repair", is_flag=True, help="Write every counter that is wrong anew.")
@json_option
def check_command(
    config_file: Path | None, data_dir: Path | None, database: str | None, *, repair: bool, as_json: bool
) -> None:
    """Look for damage, and for counters that do not agree with what they count. Exit code 1 when there is any.

    One that cannot be read at all is exit code 2. Plugins that are broken are named as well, on stderr.

    \b
    Example:
      flamenco db check --repair
    """
    with _opened(config_file, data_dir, database) as store:
        if upgrade.revision(store) is None:
            raise StoreError(
                f"there is no Flamenco database at {store.url!r}; name the right --data-dir or --database."
            )
        with store.read() as tx:
            found = damage.look(tx, thorough=True)
        damaged, miscounted = [each.problem for each in found], list[str]()
        # Counters of a file that is broken say nothing, and what is written there may make it worse.
        if not any(each.in_file for each in found):
            with store.write() if repair else store.read() as tx:
                miscounted = recount.miscounted(tx)
                if repair and miscounted:
                    recount.repair(tx)
    problems = damaged if repair else damaged + miscounted
    if as_json:
        report = {"ok": not problems, "problems": problems, "repaired": miscounted if repair else []}
        click.echo(msgspec.json.encode(report))
    else:
        for problem in miscounted if repair else []:
            click.echo(f"repaired: {problem}")
        for problem in problems:
            click.echo(f"problem: {problem}")
        click.echo("problems were found" if problems else "the database is in order")
    if problems:
        raise click.exceptions.Exit(1)


@db.command("compact")
@config_option
@data_dir_option
@_database_option
def compact_command(config_file: Path | None, data_dir: Path | None, database: str | None) -> None:
    """Make the file of the SQLite database anew, as small as it can be. Stop the manager first.

    It needs as much room again while it works. Afterwards the manager gives back by itself what it does not need any
    more; those of databases that were begun by earlier versions do not.

    \b
    Example:
      flamenco db compact
    """
    with _opened(config_file, data_dir, database) as store:
        if store.file is None:
            raise StoreError("Only the built-in SQLite database is made anew by Flamenco; PostgreSQL has VACUUM FULL.")
        before = store.file.stat().st_size
        store.compact()
        click.echo(
            f"{store.file}: {before / _MEBIBYTE:.1f} MiB before, {store.file.stat().st_size / _MEBIBYTE:.1f} now"
        )


@db.command("copy")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@json_option
def copy_command(source: str, target: str, *, as_json: bool) -> None:
    """Copy a database into another, empty one, from SQLite to PostgreSQL or back. Stop the manager first.

    FROM and TO are SQLite files, or postgresql://USER@HOST/NAME. It is all or nothing: what was copied is counted
    before it stays. Afterwards name TO as `database` in flamenco-manager.yaml. Task logs and images are files, and
    stay where they are.

    \b
    Example:
      flamenco db copy /srv/flamenco/flamenco-manager.sqlite postgresql://flamenco@db.studio.lan/flamenco
    """
    with _at(source, may_begin=False) as before, _at(target, may_begin=True) as after:
        if upgrade.usable_revision(before) != upgrade.known_revisions()[-1]:
            raise StoreError(f"{before.url!r} is of an earlier version; run `flamenco db upgrade --database …` first.")
        upgrade.upgrade(after, utc_now())
        with counted_progress() as told:
            counts = copying.copy(before, after, told)
    if as_json:
        click.echo(msgspec.json.encode({"rows": counts}))
    else:
        click.echo(f"copied {sum(counts.values())} rows of {sum(map(bool, counts.values()))} tables to {after.url!r}")


@contextmanager
def _at(place: str, *, may_begin: bool) -> Iterator[Store]:
    """The database at a URL, or in a file."""
    try:
        url = database_url(place, Path.cwd())
    except ValueError as error:
        raise ConfigError(f"{error}.") from error
    store = Store(url, pool_size=1, may_begin=may_begin)
    try:
        yield store
    finally:
        store.close()


@db.command("backup")
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@config_option
@data_dir_option
@_database_option
def backup_command(target: Path, config_file: Path | None, data_dir: Path | None, database: str | None) -> None:
    """Copy the SQLite database to FILE, while the manager runs or not. For PostgreSQL use pg_dump.

    \b
    Example:
      flamenco db backup /backups/flamenco-monday.sqlite
    """
    with _opened(config_file, data_dir, database) as store:
        upgrade.backup(store, target)
    click.echo(f"copied to {target}")
