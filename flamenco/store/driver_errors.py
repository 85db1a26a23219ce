"""What a driver's errors mean for whoever asked: the farm's own errors, and sentences that say what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError, OperationalError

from flamenco.domain.errors import Busy, FarmError, StoreError, Unavailable

HOW_TO_RECOVER = "restore a copy of it, or have `sqlite3 FILE .recover` make a new one of what can still be read"

_COME_BACK: Final = (
    "database is locked",
    "database table is locked",
    "lock timeout",
    "deadlock detected",
    "canceling statement due to lock",
)

_BROKEN_FILE: Final = ("malformed", "is not a database")
"""How SQLite says that a file is damaged, or none of its own."""

_AWAY: Final = ("08", "57P", "53300")
"""PostgreSQL's codes for connections that fail, servers that start or stop, and too many connections."""

_NOT_ALLOWED: Final = "42501"
"""PostgreSQL's code for a user that lacks a right."""

_FULL: Final = "53100"
_FULL_SQLITE: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
"""The codes for a disk that is full; SQLite has one of its own for the file by which its processes share a log."""


def of_sqlalchemy(used: Connection, error: Any, sql: str, parameters: Any = None, cursor: Any = None) -> BaseException:
    """The driver's error as SQLAlchemy would raise it. A connection that was lost by it can be used no more."""
    is_lost = used.dialect.is_disconnect(error, used.connection.driver_connection, cursor)
    if is_lost:
        used.invalidate(error)
        used.close()  # or the next statement would be sent over another one, in the middle of a transaction
    driver = used.dialect.loaded_dbapi
    found: BaseException = DBAPIError.instance(
        sql, parameters, error, driver.Error, connection_invalidated=is_lost, dialect=used.dialect
    )
    return found


def translation(error: BaseException, url: URL) -> FarmError | None:
    """What a driver's error means for who asked; None when it is a mistake of ours, or no driver's.

    PostgreSQL has a code for each of its errors, and none when there was no connection to send it over.
    """
    if not isinstance(error, DBAPIError | sqlite3.DatabaseError):  # the driver's own while a connection is prepared
        return None
    told = error.orig if isinstance(error, DBAPIError) else error
    is_lost = isinstance(error, DBAPIError) and error.connection_invalidated
    code: str | None = getattr(told, "sqlstate", "")
    if lacking := _lacking(told, code, url):
        return lacking
    if not isinstance(error, OperationalError | sqlite3.OperationalError):
        return _not_operational(told, code, url, is_lost=is_lost)
    if any(sign in str(told) for sign in _COME_BACK):
        return Busy("The database is busy; try again in a moment.")
    if is_lost or code is None or code.startswith(_AWAY):
        return Unavailable(f"The database does not answer: {first_line(told)}")
    return StoreError(f"The database cannot be used: {first_line(told)}")


def _lacking(told: Any, code: str | None, url: URL) -> Unavailable | None:
    """What the machine has no more of: room on a disk, or files that may be open."""
    sqlite_code = getattr(told, "sqlite_errorcode", None)
    if code == _FULL or sqlite_code in _FULL_SQLITE:
        return Unavailable(f"The disk of the database is full, so free some space: {first_line(told)}")
    if sqlite_code == sqlite3.SQLITE_CANTOPEN and Path(url.database or "").is_file():
        return Unavailable(f"The database cannot be opened at this moment: {first_line(told)}")
    return None


def _not_operational(told: Any, code: str | None, url: URL, *, is_lost: bool) -> FarmError | None:
    if (code or "").startswith(_AWAY):
        return Unavailable(f"The database does not answer: {first_line(told)}")
    if is_lost:
        return Busy("The connection to the database was lost; try again in a moment.")
    if any(sign in str(told) for sign in _BROKEN_FILE):
        return StoreError(f"The database {url.database} is damaged ({told}); {HOW_TO_RECOVER}.")
    if code == _NOT_ALLOWED:
        return StoreError(f"The database {url!r} may not be used: {first_line(told)}")
    return None


def first_line(error: Any) -> str:
    """The first line of what it says."""
    return str(error).strip().partition("\n")[0]
