"""Opening the database, and the two kinds of transaction. Every choice has its why.

Correctness rests on the database alone: no lock in Python guards anything, so two manager processes,
or two hosts on PostgreSQL, are as safe as one. In which order threads come to write to SQLite is for `write_queue`.
"""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager, closing
from pathlib import Path
from types import TracebackType

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from flamenco.config import private
from flamenco.domain.errors import StoreError
from flamenco.store import connections, later
from flamenco.store.connections import Connections
from flamenco.store.driver_errors import first_line, translation
from flamenco.store.process_turns import ProcessTurn
from flamenco.store.write_queue import WriteQueue

Tx = Connection
"""An open transaction. Functions of the store take one; only `Store` makes one."""

BUSY_TIMEOUT_S = 10
"""How long a transaction waits for another one's lock before the client is told to come back."""

_CHECKPOINT_TIMEOUT_S = 0.1

_LOG_PAGES = 2000
"""How long SQLite's log becomes under load, in pages: 8 MB. Whenever there is less to do it is emptied."""


class Store:
    """The database of one manager. Safe to share between threads; not to be carried across a fork.

    Without `may_begin` it has to be there. A transaction waits for another one's lock for `busy_timeout_s`; `process`
    is how other processes say when they do not write to SQLite any more. Raises `StoreError` when it is not there,
    when there can be no folder for it, and when the driver of a server is not installed.
    """

    def __init__(
        self,
        url: str,
        pool_size: int = 10,
        *,
        may_begin: bool = True,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        process: ProcessTurn | None = None,
    ) -> None:
        self.url = make_url(url)
        if self.url.get_backend_name() == "sqlite" and self.url.database:
            _look_for(Path(self.url.database), may_begin=may_begin)
        self.busy_timeout_s = busy_timeout_s
        self.engine = _create_engine(self.url, busy_timeout_s)
        self._connections = self._writers = Connections(self.engine, pool_size, busy_timeout_s)
        self._queue: WriteQueue | None = None
        self._process: ProcessTurn | None = None
        if self.is_sqlite:  # a server has more than one writer, and lets them wait in their order
            self._writers = Connections(self.engine, 1, busy_timeout_s, prepare=connections.ask_at_once)
            self._queue = WriteQueue(process)
            self._process = process

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the built-in database, rather than a server."""
        return self.engine.dialect.name == "sqlite"

    @property
    def version(self) -> str:
        """Kind and version, such as `sqlite 3.45.1`."""
        numbers = self.engine.dialect.server_version_info if hasattr(self.engine.dialect, "server_version_info") else ()
        known = sqlite3.sqlite_version if self.is_sqlite else ".".join(map(str, numbers or ()))
        return f"{self.engine.dialect.name} {known}".strip()

    @property
    def file(self) -> Path | None:
        """The file of an SQLite database."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    def write(self) -> AbstractContextManager[Tx]:
        """A transaction that may write; commits at the end, rolls back on any exception."""
        return _Transaction(self, writes=True)

    def read(self) -> AbstractContextManager[Tx]:
        """A transaction that sees one consistent state and changes nothing."""
        return _Transaction(self, writes=False)

    def write_at_once(self) -> AbstractContextManager[Tx]:
        """As `write`, for one statement alone: a server commits it with the answer, without more round trips."""
        return _Transaction(self, writes=True, is_one=True)

    def read_at_once(self) -> AbstractContextManager[Tx]:
        """As `read`, for one statement alone. If there are more after all, each sees another state."""
        return _Transaction(self, writes=False, is_one=True)

    def _begin(self, *, writes: bool, is_one: bool) -> Tx:
        if writes and self._queue:
            self._queue.wait(self.busy_timeout_s)
        try:
            return self._begun(writes=writes, is_one=is_one)
        except BaseException:
            if writes and self._queue:
                self._queue.go_on()
            raise

    def _begun(self, *, writes: bool, is_one: bool) -> Tx:
        kept = self._writers if writes else self._connections
        tx = kept.take()
        try:
            connections.begin(tx, writes=writes, is_one=is_one, timeout_s=self.busy_timeout_s, process=self._process)
        except BaseException:
            connections.roll_back(tx)
            kept.give_back(tx)
            raise
        return tx

    def _end(self, tx: Tx, *, writes: bool, succeeded: bool) -> None:
        try:
            if writes and succeeded:
                connections.commit(tx)
        except BaseException:
            succeeded = False
            raise
        finally:
            if not (writes and succeeded):
                connections.roll_back(tx)
            (self._writers if writes else self._connections).give_back(tx)
            if writes and self._queue:
                self._queue.go_on()

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

    def compact(self) -> None:
        """Make the file of an SQLite database anew. Raises `Busy` while anybody else is at work on it."""
        if self.file is None:
            return
        try:
            with closing(sqlite3.connect(self.file, timeout=self.busy_timeout_s, isolation_level=None)) as alone:
                # Otherwise whoever reads the log meanwhile keeps the file from becoming smaller.
                for statement in ("PRAGMA auto_vacuum=INCREMENTAL", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                    alone.execute(statement).fetchall()
        except sqlite3.DatabaseError as error:
            raise translation(error, self.url) or error from error

    def close(self) -> None:
        """Close all connections."""
        self._connections.close()
        self._writers.close()


class _Transaction(AbstractContextManager[Tx]):
    """One transaction of a store. Drivers' errors become the farm's own, here and nowhere else.

    A class, since every request has several and a generator takes three times as long.
    """

    def __init__(self, store: Store, *, writes: bool, is_one: bool = False) -> None:
        self._store = store
        self._writes = writes
        self._is_one = is_one

    def __enter__(self) -> Tx:
        try:
            self._tx = self._store._begin(writes=self._writes, is_one=self._is_one)
        except Exception as error:
            self._raise_as_ours(error)
            raise
        return self._tx

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            self._store._end(self._tx, writes=self._writes, succeeded=kind is None)
        except Exception as failed:
            self._raise_as_ours(failed)
            raise
        if error is not None:
            self._raise_as_ours(error)

    def _raise_as_ours(self, error: BaseException) -> None:
        if ours := translation(error, self._store.url):
            raise ours from error


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


def _create_engine(url: URL, busy_timeout_s: float) -> Engine:
    """SQLAlchemy's own, without a pool: see `connections`."""
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": busy_timeout_s})
        event.listen(engine, "connect", _prepare_sqlite)
        return engine
    # `lock_timeout` is what busy_timeout is to SQLite.
    options = f"-c lock_timeout={busy_timeout_s * 1000:.0f}ms -c timezone=UTC"
    try:
        engine = create_engine(url, poolclass=NullPool, connect_args={"options": options, "connect_timeout": 10})
    except ImportError as error:  # of psycopg, or of what it needs of PostgreSQL itself
        raise StoreError(
            f"The database {url!r} needs a driver that is not installed ({first_line(error)}); "
            "`pip install 'flamenco-farm[postgres]'` brings it (with uv or pipx: docs/packages.md)."
        ) from error
    event.listen(engine, "before_cursor_execute", lambda tx, *_: later.carry_out(tx))
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    # The driver's own idea of when a transaction starts is switched off: `connections.begin` says so.
    connection.isolation_level = None
    # WAL lets readers go on while one writes. NORMAL loses nothing when the process dies, only, perhaps,
    # the last transactions when the machine loses power; it never damages the file.
    # Who commits moves the log to the database once it has so many pages, and all others wait for the disk that long:
    # twice as many as usual make that twice as rare, and little longer while workers report, for the same pages change
    # again. Where all change that are written, as those of 100,000 tasks, four times as many take 30 ms.
    # What is freed can be given back to the disk, where the file is begun so: see `space`.
    is_new = connection.execute("PRAGMA page_count").fetchone() == (0,)
    for pragma in (
        *(["auto_vacuum=INCREMENTAL"] if is_new else []),
        *(
            "journal_mode=WAL",
            f"wal_autocheckpoint={_LOG_PAGES}",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
        ),
    ):
        connection.execute(f"PRAGMA {pragma}")
