"""`flamenco db`: upgrade, check and copy the manager's database. Works on the database itself; no manager is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from flamenco.cli.configuration import configured
from flamenco.cli.options import config_option, data_dir_option, json_option
from flamenco.domain.errors import StoreError
from flamenco.farm.context import utc_now
from flamenco.store import damage, recount, upgrade
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
