"""Opens the database of an old manager: a copy of it, so that nothing of the old one is written, not even by SQLite."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from flamenco.domain.errors import StoreError

NEWEST: Final = 8
"""The version of the tables, as goose numbers them, that Flamenco 3.9 has."""

REQUIRED: Final = {
    "jobs": ("id", "uuid", "name", "job_type", "status", "settings", "metadata"),
    "tasks": ("id", "uuid", "name", "type", "job_id", "status", "commands"),
    "task_dependencies": ("task_id", "dependency_id"),
    "workers": ("id", "uuid", "secret", "name"),
}
"""Without these tables and columns it is no database of Flamenco 3; others came later, or are missing in some."""

_MAGIC: Final = b"SQLite format 3\0"
_BESIDE: Final = ("", "-wal", "-journal")
_CACHE: Final = "PRAGMA cache_size = -65536"


class OldDatabase:
    """An old database, open for reading; columns and tables that it does not have are empty."""

    def __init__(self, connection: sqlite3.Connection, tables: dict[str, set[str]]) -> None:
        self._connection = connection
        self.tables = tables

    def rows(
        self, table: str, columns: Sequence[str], more: str = "", values: Sequence[object] = ()
    ) -> Iterator[dict[str, Any]]:
        """What is in these columns; `more` is SQL of ours."""
        there = self.tables.get(table)
        if there is None:
            return
        wanted = ", ".join(each if each in there else f"NULL AS {each}" for each in columns)
        cursor = self._connection.execute(f"SELECT {wanted} FROM {table} {more}", values)  # noqa: S608 - names of ours
        while some := cursor.fetchmany(500):
            yield from (dict(zip(columns, row, strict=True)) for row in some)

    def number(self, table: str, more: str = "") -> int:
        """How many rows there are."""
        if table not in self.tables:
            return 0
        return int(self._connection.execute(f"SELECT count(*) FROM {table} {more}").fetchone()[0])  # noqa: S608 - ours

    def has(self, table: str, column: str) -> bool:
        """Whether there is that column."""
        return column in self.tables.get(table, ())


@contextmanager
def opened(file: Path) -> Iterator[OldDatabase]:
    """The database in that file, read from a copy. Raises `StoreError`, also for what goes wrong while it is read."""
    with tempfile.TemporaryDirectory(prefix="flamenco-migrate-") as folder:
        copy = _copied(file, Path(folder))
        try:
            with closing(sqlite3.connect(copy)) as connection:
                # Whatever is no UTF-8 is shown as such, rather than being an error.
                connection.text_factory = lambda data: data.decode("utf-8", "replace")
                for pragma in ("PRAGMA trusted_schema = OFF", "PRAGMA query_only = ON", _CACHE):
                    connection.execute(pragma)
                yield OldDatabase(connection, _tables(connection, file))
        except sqlite3.Error as error:
            raise StoreError(f"The database {file} cannot be read: {error}.") from error


def warning_of(file: Path) -> str:
    """What to say of a database that somebody may still use; empty for nothing."""
    if not Path(f"{file}-wal").exists():
        return ""
    return (
        f"{file}-wal is there: the old manager is still running, or ended in a crash. Stop it before you go on; what "
        "it does from now on does not come."
    )


def _copied(file: Path, folder: Path) -> Path:
    copy = folder / "old.sqlite"
    try:
        before = _state(file)
        with file.open("rb") as stream:
            if stream.read(len(_MAGIC)) != _MAGIC:
                raise StoreError(f"{file} is no SQLite database, so it is none of a Flamenco 3 manager.")
        for suffix in _BESIDE:
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{file}{suffix}", f"{copy}{suffix}")
        after = _state(file)
    except OSError as error:
        raise StoreError(f"The database {file} cannot be copied to {folder}: {error.strerror}.") from error
    if before != after:
        raise StoreError(f"The database {file} is being written: stop the old manager first.")
    return copy


def _state(file: Path) -> list[tuple[int, int]]:
    found = []
    for suffix in _BESIDE:
        try:
            status = Path(f"{file}{suffix}").stat()
            found.append((status.st_size, status.st_mtime_ns))
        except FileNotFoundError:
            if not suffix:
                raise
            found.append((0, 0))
    return found


def _tables(connection: sqlite3.Connection, file: Path) -> dict[str, set[str]]:
    for (problem,) in connection.execute("PRAGMA quick_check(1)"):
        if problem != "ok":
            raise StoreError(f"The database {file} is damaged ({problem}); use a copy that is not.")
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    columns = "SELECT name FROM pragma_table_info(?)"
    tables = {name: {row[0] for row in connection.execute(columns, [name])} for name in names}
    for table, wanted in REQUIRED.items():
        if table not in tables:
            raise StoreError(f"{file} is no database of a Flamenco 3 manager: it has no table {table}.")
        if missing := [each for each in wanted if each not in tables[table]]:
            raise StoreError(f"{file} cannot be read: its table {table} has no column {missing[0]}.")
    _check_version(connection, tables, file)
    return tables


def _check_version(connection: sqlite3.Connection, tables: dict[str, set[str]], file: Path) -> None:
    if not {"version_id", "is_applied"} <= tables.get("goose_db_version", set()):
        return  # it is older than that table
    version = connection.execute("SELECT max(version_id) FROM goose_db_version WHERE is_applied").fetchone()[0]
    if isinstance(version, int) and version > NEWEST:
        raise StoreError(
            f"{file} is of a newer Flamenco (version {version} of its tables; {NEWEST} is the newest known here)."
        )
