"""Opening the database, and the two kinds of transaction. Every choice has its why.

Correctness rests on the database alone: no lock in Python guards anything, so two manager processes,
or two hosts on PostgreSQL, are as safe as one. In which order threads come to write to SQLite is for `write_queue`.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from flamenco.config import private
from flamenco.domain.errors import Busy, FarmError, StoreError, Unavailable
from flamenco.store.write_queue import WriteQueue

Tx = Connection
"""An open transaction. Functions of the store take one; only `Store` makes one."""

BUSY_TIMEOUT_S = 10
"""How long a transaction waits for another one's lock before the client is told to come back."""

HOW_TO_RECOVER = "restore a copy of it, or have `sqlite3 FILE .recover` make a new one of what can still be read"

_CHECKPOINT_TIMEOUT_S = 0.1

_ASK_AGAIN_S = 0.002
"""How often somebody who waits for the write lock of SQLite asks for it."""

_PRIMARY_CODE = 0xFF
"""The part of SQLite's extended error codes that says what kind of error it is."""

_WRITES = "flamenco_writes"
_ONE_STATE = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


class Store:
    """The database of one manager. Safe to share between threads; not to be carried across a fork.

    Without `may_begin` it has to be there. A transaction waits for another one's lock for `busy_timeout_s`. Raises
    `StoreError` when it is not there, when there can be no folder for it, and when the driver of a server is not
    installed.
    """

    def __init__(
        self, url: str, pool_size: int = 10, *, may_begin: bool = True, busy_timeout_s: float = BUSY_TIMEOUT_S
    ) -> None:
        self.url = make_url(url)
        if self.url.get_backend_name() == "sqlite" and self.url.database:
            _look_for(Path(self.url.database), may_begin=may_begin)
        self.busy_timeout_s = busy_timeout_s
        self._queue = WriteQueue()
        self.engine = _create_engine(url, pool_size, busy_timeout_s)
        self._writer = self.engine.execution_options(**{_WRITES: True})
        # A transaction of SQLite sees one state anyway; PostgreSQL would show every statement the newest.
        self._reader = self.engine if self.is_sqlite else self.engine.execution_options(**_ONE_STATE)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the built-in database, rather than a server."""
        return self.engine.dialect.name == "sqlite"

    @property
    def file(self) -> Path | None:
        """The file of an SQLite database."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """A transaction that may write; commits at the end, rolls back on any exception."""
        with self._turn(), _translated(self.url), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """A transaction that sees one consistent state and changes nothing."""
        with _translated(self.url), self._reader.connect() as connection:
            connection.begin()  # which SQLAlchemy does by itself at its own first statement only
            yield connection

    def _turn(self) -> AbstractContextManager[object]:
        """The wait for other threads. A server has more than one writer, and lets them wait in their order."""
        return self._queue.turn(self.busy_timeout_s) if self.is_sqlite else nullcontext()

    def checkpoint(self) -> bool:
        """Have SQLite move what is in its log to the database itself, and empty the log. False when others are busy."""
        if self.file is None:
            return True
        # Not one of ours: those wait for long, and whoever waits here keeps everybody else from writing.
        connection = sqlite3.connect(self.file, timeout=_CHECKPOINT_TIMEOUT_S)
        try:
            busy: int = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.OperationalError:
            return False
        finally:
            connection.close()
        return not busy

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _look_for(file: Path, *, may_begin: bool) -> None:
    """Raises `StoreError` when there is no such file, or, if there `may_begin` to be one, no folder for it."""
    try:
        if may_begin:
            private.make_folder(file.parent, passable=True)  # the shared storage may be made in it
            private.make_file(file)  # what SQLite keeps beside it gets the same mode
        elif not file.stat().st_size:
            raise FileNotFoundError  # SQLite makes such a file of the name alone
    except FileNotFoundError as error:
        raise StoreError(f"there is no Flamenco database {file}; name the right --data-dir or --database.") from error
    except OSError as error:
        raise StoreError(f"The database {file} cannot be used: {error.filename}: {error.strerror}.") from error


def _create_engine(url: str, pool_size: int, busy_timeout_s: float) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(url, **_pool(pool_size, busy_timeout_s), connect_args={"timeout": busy_timeout_s})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", partial(_begin_sqlite, busy_timeout_s))
        return engine
    # `lock_timeout` is what busy_timeout is to SQLite. pre_ping: a server may have been restarted meanwhile.
    options = f"-c lock_timeout={busy_timeout_s * 1000:.0f}ms -c timezone=UTC"
    arguments = {"options": options, "connect_timeout": 10}
    try:
        return create_engine(url, **_pool(pool_size, busy_timeout_s), pool_pre_ping=True, connect_args=arguments)
    except ImportError as error:  # of psycopg, or of what it needs of PostgreSQL itself
        raise StoreError(
            f"The database {parsed!r} needs a driver that is not installed ({_first_line(error)}); "
            "`pip install 'flamenco-farm[postgres]'` brings it."
        ) from error


def _pool(size: int, timeout_s: float) -> dict[str, Any]:
    return {"pool_size": size, "max_overflow": 0, "pool_timeout": timeout_s}


def _prepare_sqlite(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    # The driver's own idea of when a transaction starts is switched off: `_begin_sqlite` says so.
    connection.isolation_level = None
    # WAL lets readers go on while one writes. NORMAL loses nothing when the process dies, only, perhaps,
    # the last transactions when the machine loses power; it never damages the file.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(busy_timeout_s: float, connection: Connection) -> None:
    # A plain BEGIN that turns into a write later fails at once when somebody else wrote meanwhile, whatever
    # the busy timeout says; taking the write lock at the start waits for it.
    writes = connection.get_execution_options().get(_WRITES)
    if not writes:
        connection.exec_driver_sql("BEGIN")
        return
    driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment] # it is SQLite's
    _take_write_lock(driver, busy_timeout_s)


def _take_write_lock(connection: sqlite3.Connection, timeout_s: float) -> None:
    """Begin to write as soon as no other process does. Raises `sqlite3.OperationalError` when that takes too long.

    SQLite itself would ask again after ever longer pauses, of up to 100 ms: whoever waits for long would wait longer
    than whoever has just come, as a worker's update does that comes while job after job is stored.
    """
    deadline = time.monotonic() + timeout_s
    connection.execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & _PRIMARY_CODE != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
            time.sleep(_ASK_AGAIN_S)
    finally:
        connection.execute(f"PRAGMA busy_timeout={timeout_s * 1000:.0f}")


_COME_BACK = (
    "database is locked",
    "database table is locked",
    "lock timeout",
    "deadlock detected",
    "canceling statement due to lock",
)

_BROKEN_FILE = ("malformed", "is not a database")
"""How SQLite says that a file is damaged, or none of its own."""

_AWAY = ("08", "57P", "53300")
"""PostgreSQL's codes for connections that fail, servers that start or stop, and too many connections."""
_NOT_ALLOWED = "42501"
"""PostgreSQL's code for a user that lacks a right."""

_FULL = "53100"
_FULL_SQLITE = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
"""The codes for a disk that is full; SQLite has one of its own for the file by which its processes share a log."""


@contextmanager
def _translated(url: URL) -> Iterator[None]:
    """Driver errors become the farm's own, here and nowhere else."""
    try:
        yield
    except PoolTimeout as error:
        raise Busy("All database connections are in use; try again in a moment.") from error
    except (DBAPIError, sqlite3.OperationalError) as error:  # the driver's own while a connection is prepared
        found = _translation(error, url)
        if found is None:
            raise
        raise found from error


def _translation(error: DBAPIError | sqlite3.OperationalError, url: URL) -> FarmError | None:  # noqa: PLR0911 - a row each
    """What a driver's error means for who asked; None when it is a mistake of ours.

    PostgreSQL has a code for each of its errors, and none when there was no connection to send it over.
    """
    told = error.orig if isinstance(error, DBAPIError) else error
    is_lost = isinstance(error, DBAPIError) and error.connection_invalidated
    code: str | None = getattr(told, "sqlstate", "")
    if code == _FULL or getattr(told, "sqlite_errorcode", None) in _FULL_SQLITE:
        return Unavailable(f"The disk of the database is full, so free some space: {_first_line(told)}")
    if not isinstance(error, OperationalError | sqlite3.OperationalError):
        if (code or "").startswith(_AWAY):
            return Unavailable(f"The database does not answer: {_first_line(told)}")
        if is_lost:
            return Busy("The connection to the database was lost; try again in a moment.")
        return _unusable(told, code, url)
    if any(sign in str(told) for sign in _COME_BACK):
        return Busy("The database is busy; try again in a moment.")
    if is_lost or code is None or code.startswith(_AWAY):
        return Unavailable(f"The database does not answer: {_first_line(told)}")
    return StoreError(f"The database cannot be used: {_first_line(told)}")


def _unusable(told: Any, code: str | None, url: URL) -> StoreError | None:
    """What lasts until somebody has seen to it; None for a mistake of ours."""
    if any(sign in str(told) for sign in _BROKEN_FILE):
        return StoreError(f"The database {url.database} is damaged ({told}); {HOW_TO_RECOVER}.")
    if code == _NOT_ALLOWED:
        return StoreError(f"The database {url!r} may not be used: {_first_line(told)}")
    return None


def _first_line(error: Any) -> str:
    return str(error).strip().partition("\n")[0]
