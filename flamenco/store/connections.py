"""Connections that stay open from one transaction to the next, and how a transaction begins and ends on one of them.

SQLAlchemy has a pool and transactions of its own, which do much that nobody here asks for, at every transaction: that
took longer than what most of ours do. So a connection of SQLAlchemy's is kept, rather than the driver's within it, and
the driver is told itself where a transaction begins and ends. Once a statement goes through SQLAlchemy it takes note
of a transaction as well, and is told of the end.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection, Engine

from flamenco.domain.errors import Busy
from flamenco.platforms.readiness import can_read
from flamenco.store import later
from flamenco.store.driver_errors import of_sqlalchemy
from flamenco.store.process_turns import ProcessTurn

_ASK_AGAIN_FIRST_S: Final = 0.00025
_ASK_AGAIN_S: Final = 0.002
"""How often somebody who waits for the write lock of SQLite asks for it, at first and later on: most have it for less
than a millisecond, and who asks all the time keeps them from it. Other processes of a manager say when it is free, but
for those that were killed, and programs beside it."""

_PRIMARY_CODE: Final = 0xFF
"""The part of SQLite's extended error codes that says what kind of error it is."""


class Connections:
    """At most so many connections of an engine. Whoever wants one waits for `timeout_s` at most.

    What was used last is used first, so that those that are not needed at all stay as they are. `prepare` is called
    with each that is new.
    """

    def __init__(
        self, engine: Engine, most: int, timeout_s: float, prepare: Callable[[Connection], object] = lambda _: None
    ) -> None:
        self._engine = engine
        self._prepare = prepare
        self._timeout_s = timeout_s
        self._slots = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._is_closed = False

    def take(self) -> Connection:
        """One that nobody else uses. Raises `Busy`, and what SQLAlchemy raises when there can be none."""
        if not self._slots.acquire(timeout=self._timeout_s):
            raise Busy("All database connections are in use; try again in a moment.")
        try:
            while (known := self._newest()) is not None:
                if not _has_ended(known):
                    return known
                known.close()
            new = self._engine.connect()
            self._prepare(new)
        except BaseException:
            self._slots.release()
            raise
        return new

    def give_back(self, connection: Connection) -> None:
        """Let others have it, unless it was lost."""
        if connection.closed or connection.invalidated:
            connection.close()
        else:
            with self._lock:
                is_kept = not self._is_closed
                if is_kept:
                    self._idle.append(connection)
            if not is_kept:
                connection.close()
        self._slots.release()

    def close(self) -> None:
        """Close them all; those that are in use still, once they are given back."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _newest(self) -> Connection | None:
        with self._lock:
            return self._idle.pop() if self._idle else None


def _has_ended(connection: Connection) -> bool:
    """Whether a server has closed it meanwhile, as one does that was restarted.

    To send it something each time, and wait for the answer, would be safer by little: that it is there now does not
    say that it is in a moment. What has come without being asked for is the end, or says that something has changed.
    """
    if connection.dialect.name == "sqlite":
        return False
    driver: Any = connection.connection.driver_connection
    return driver.closed or can_read(driver.fileno())


def begin(
    connection: Connection, *, writes: bool, is_one: bool, timeout_s: float, process: ProcessTurn | None = None
) -> None:
    """Begin a transaction. One that reads sees one state of the database from its first statement to its last.

    Of one that `is_one` statement alone a server need not be told where it begins and ends. With a `process`, others
    say when they do not write to SQLite any more.
    """
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name != "sqlite":
        _begin_on_server(driver, writes=writes, is_one=is_one)
    elif writes:
        _take_write_lock(driver, timeout_s, process)
    else:
        driver.execute("BEGIN")


def _begin_on_server(driver: Any, *, writes: bool, is_one: bool) -> None:
    """Say what is to begin with the first statement, which is when psycopg does. Writers see the newest each time."""
    if driver.autocommit is not is_one:
        driver.autocommit = is_one
    if not is_one and driver.read_only is not (None if writes else True):
        import psycopg  # noqa: PLC0415 - it is an extra

        driver.read_only = None if writes else True
        driver.isolation_level = None if writes else psycopg.IsolationLevel.REPEATABLE_READ


def ask_at_once(connection: Connection) -> None:
    """Have SQLite say at once that somebody else writes.

    It would ask again itself after ever longer pauses, of up to 100 ms: whoever waits for long would wait longer than
    whoever has just come, as a worker's update does that comes while job after job is stored.
    """
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA busy_timeout=0")


def _take_write_lock(connection: sqlite3.Connection, timeout_s: float, process: ProcessTurn | None) -> None:
    """Begin to write as soon as no other process does. Raises `sqlite3.OperationalError` when that takes too long.

    A plain BEGIN that turns into a write later fails at once when somebody else wrote meanwhile, whatever the busy
    timeout says; taking the write lock at the start waits for it.
    """
    deadline, pause_s = time.monotonic() + timeout_s, _ASK_AGAIN_FIRST_S
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY_CODE != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        if process is None:
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _ASK_AGAIN_S)
        else:
            process.wait(_ASK_AGAIN_S)
    if process is not None:
        process.came()


def commit(connection: Connection) -> None:
    """End a transaction so that what it did counts. Raises what SQLAlchemy raises."""
    later.carry_out(connection)
    if connection.in_transaction():
        connection.commit()
        return
    driver: Any = connection.connection.driver_connection
    try:
        driver.commit()
    except connection.dialect.loaded_dbapi.Error as error:
        raise of_sqlalchemy(connection, error, "COMMIT") from error


def roll_back(connection: Connection) -> None:
    """End a transaction as if it had never been. A connection on which that fails can be used no more."""
    try:
        if not (connection.closed or connection.invalidated):
            later.forget(connection)
        # Not `in_transaction`: where a COMMIT failed that is over, and SQLAlchemy refuses all else until it is told.
        if connection.get_transaction() is not None:
            connection.rollback()
        if not (connection.closed or connection.invalidated):
            # Also then: SQLAlchemy takes a transaction whose COMMIT failed for ended, which SQLite does not.
            driver: Any = connection.connection.driver_connection
            driver.rollback()
    except Exception:  # whatever it is, the database forgets what was not committed
        if not connection.closed:
            connection.invalidate()
            connection.close()
