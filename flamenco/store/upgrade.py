"""Bringing the database to the shape this program expects, or refusing to touch it."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError

from flamenco.config import private
from flamenco.domain.errors import StoreError
from flamenco.store.engine import Store

_ADVISORY_LOCK = 0x666C616D656E  # "flamen": of several managers that start at once, one migrates
_MIGRATIONS = Path(__file__).parent / "migrations"
_TABLE = "alembic_version"


def known_revisions() -> list[str]:
    """The revisions that a database of ours can be at, oldest first: the numbers that their files begin with.

    As is the revision of a database, they are read without Alembic, which takes a seventh of a second to import.
    """
    return sorted(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def upgrade(store: Store, now: datetime) -> bool:
    """Create or upgrade the database; an older SQLite file is copied aside first. Returns whether anything changed.

    Raises `StoreError` as `usable_revision`.
    """
    current = usable_revision(store)
    if current == known_revisions()[-1]:
        return False
    if current is not None:
        _copy_aside(store, current, now)
    with store.write() as tx:
        _migrate(tx)
    return True


def usable_revision(store: Store) -> str | None:
    """The revision that the database is at; None for an empty one.

    Raises `StoreError` when it cannot be reached, is newer than this program, or is no database of ours.
    """
    try:
        with store.read() as tx:
            current = _revision(tx)
            is_empty = current is None and not store.engine.dialect.get_table_names(tx)
    except DatabaseError as error:
        raise StoreError(f"The database {store.url!r} cannot be read: {error.orig}") from error
    if current is None and not is_empty:
        raise StoreError(
            f"The database {store.url!r} is not of this manager: it is that of another program, or of an "
            "earlier Flamenco, which cannot be taken over. Leave it there, and name another one, or none, as "
            "`database`."
        )
    if current is not None and current not in known_revisions():
        raise StoreError(
            f"The database {store.url!r} was made by a newer version of Flamenco (revision {current}); "
            "install that version, or restore the copy that was made when it was upgraded."
        )
    return current


def revision(store: Store) -> str | None:
    """The revision that the database is at; None for an empty one."""
    with store.read() as tx:
        return _revision(tx)


def _revision(connection: Connection) -> str | None:
    if not connection.dialect.has_table(connection, _TABLE):
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {_TABLE}"))  # noqa: S608 - a name of ours
    return found


def _migrate(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - see known_revisions
    from alembic.config import Config  # noqa: PLC0415

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _copy_aside(store: Store, current: str, now: datetime) -> None:
    if store.file:
        backup(store, store.file.with_name(f"{store.file.name}.{current}-{now:%Y%m%d-%H%M%S}"))


def backup(store: Store, target: Path) -> None:
    """Copy a running SQLite database to `target`, consistently.

    Raises `StoreError` for other databases, for one that is not there or damaged, and where nothing can be written.
    """
    if store.file is None:
        raise StoreError("Only the built-in SQLite database is backed up by Flamenco; for PostgreSQL use pg_dump.")
    if target.exists():
        raise StoreError(f"{target} exists already; choose another name for the copy.")
    if not store.file.is_file():
        raise StoreError(f"There is no database {store.file} to copy.")
    aside = target.with_name(f"{target.name}~")
    try:
        private.make_file(aside)
        with closing(sqlite3.connect(store.file)) as source, closing(sqlite3.connect(aside)) as copy:
            source.backup(copy)
        aside.replace(target)
    except (sqlite3.Error, OSError) as error:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise StoreError(f"The database {store.file} cannot be copied to {target}: {error}.") from error
