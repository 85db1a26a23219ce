"""Updates that the manager has not accepted yet, kept in an SQLite file so that they survive the worker."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Final

import msgspec
import structlog
from msgspec import UNSET, Struct, structs

from flamenco.client import TaskUpdate
from flamenco.domain.errors import ConfigError

FILE_NAME: Final = "flamenco-worker.sqlite"
DATABASE_TIMEOUT_S: Final = 10.0
GAP_TEXT: Final = "[log text is missing here: the manager was away for too long]\n"

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS task_updates (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    task_id TEXT NOT NULL,
    payload BLOB NOT NULL
)"""

log = structlog.get_logger()


class QueuedUpdate(Struct, frozen=True):
    """An update to be sent; `payload` is the JSON of a `TaskUpdate`."""

    key: int
    task_id: str
    payload: bytes


class UpdateQueue:
    """First in, first out. Any thread may use it.

    It holds at most about `limit_bytes`. Beyond that log text is left out, with one line that says so; what
    changes a task's status, activity or steps is never left out.
    """

    def __init__(self, file: Path, limit_bytes: int) -> None:
        self._lock = threading.Lock()
        self._limit_bytes = limit_bytes
        self._database = _open(file)
        total = self._database.execute("SELECT coalesce(sum(length(payload)), 0) FROM task_updates").fetchone()
        self._bytes = int(total[0])
        self._has_gap = False
        self._is_closed = False

    def append(self, task_id: str, update: TaskUpdate) -> None:
        """Add an update at the end."""
        with self._lock, self._database:
            update = self._within_limit(update)
            if update == TaskUpdate():
                return
            payload = msgspec.json.encode(update)
            self._drop_outdated_progress(task_id, update)
            insert = "INSERT INTO task_updates (task_id, payload) VALUES (?, ?)"
            self._database.execute(insert, (task_id, payload))
            self._bytes += len(payload)

    def first(self) -> QueuedUpdate | None:
        """The update to send next, if any; it stays in the queue."""
        with self._lock:
            if self._is_closed:
                return None
            select = "SELECT id, task_id, payload FROM task_updates ORDER BY id LIMIT 1"
            row = self._database.execute(select).fetchone()
        return QueuedUpdate(*row) if row else None

    def remove(self, update: QueuedUpdate) -> None:
        """Take out an update that the manager has answered."""
        with self._lock:
            if self._is_closed:  # a delivery outlived the worker's patience; it will be repeated at the next start
                return
            with self._database:
                self._delete(update.key, len(update.payload))

    def close(self) -> None:
        """Close the file; what is in it is there at the next start."""
        with self._lock:
            self._is_closed = True
            self._database.close()

    def _delete(self, key: int, size: int) -> None:
        self._database.execute("DELETE FROM task_updates WHERE id = ?", (key,))
        self._bytes -= size
        if self._bytes < self._limit_bytes // 2:
            self._has_gap = False

    def _within_limit(self, update: TaskUpdate) -> TaskUpdate:
        if update.log is UNSET or self._bytes + len(update.log) <= self._limit_bytes:
            return update
        if not self._has_gap:
            log.warning("the queue of updates is full; log text is left out until the manager is back")
        text = UNSET if self._has_gap else GAP_TEXT
        self._has_gap = True
        return structs.replace(update, log=text)

    def _drop_outdated_progress(self, task_id: str, update: TaskUpdate) -> None:
        """Of reports of progress that follow each other the last one is enough; without this they had no limit."""
        if not _is_progress(update):
            return
        # The first one is left alone, it may be under way to the manager.
        select = """
            SELECT id, task_id, payload FROM task_updates
            WHERE id > (SELECT min(id) FROM task_updates) ORDER BY id DESC LIMIT 1"""
        row = self._database.execute(select).fetchone()
        if row and row[1] == task_id and _is_progress(msgspec.json.decode(row[2], type=TaskUpdate)):
            self._delete(row[0], len(row[2]))


def described(update: QueuedUpdate) -> str:
    """What the update says, for people: a status and so on, and of log text how much there is."""
    said = msgspec.json.decode(update.payload, type=TaskUpdate)
    parts = [
        f"status {said.status}" if said.status is not UNSET else "",
        f"activity {said.activity!r}" if said.activity is not UNSET else "",
        f"step {said.steps_completed}" if said.steps_completed is not UNSET else "",
        f"{len(said.log)} characters of log" if said.log is not UNSET else "",
    ]
    return ", ".join(part for part in parts if part)


def _is_progress(update: TaskUpdate) -> bool:
    return update.steps_completed is not UNSET and update.status is UNSET and update.log is UNSET


def _open(file: Path) -> sqlite3.Connection:
    """Open the file for this process alone; a damaged one is put aside. Raises `ConfigError`."""
    try:
        return _connect(file)
    except sqlite3.OperationalError as error:
        reason = f"The queue of updates {file} cannot be opened: {error}."
        if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            reason = f"Another worker is using {file.parent}; give each its own folder with --data-dir."
        raise ConfigError(reason) from error
    except sqlite3.DatabaseError as error:
        aside = file.with_name(f"{file.name}.damaged")
        log.error("the queue of updates is damaged, starting with an empty one", put_aside=str(aside), error=str(error))
        file.replace(aside)
        for name in (f"{file.name}-wal", f"{file.name}-journal"):
            file.with_name(name).unlink(missing_ok=True)
        return _connect(file)


def _connect(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(file, timeout=DATABASE_TIMEOUT_S, check_same_thread=False)
    try:
        # Whoever else opens the file is refused, at once: two workers as one would steal each other's updates.
        database.execute("PRAGMA busy_timeout = 0")
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA journal_mode = WAL")
        # An update that a power cut takes away is lost together with the work it reports.
        database.execute("PRAGMA synchronous = NORMAL")
        check = database.execute("PRAGMA quick_check(1)").fetchone()[0]
        if check != "ok":
            raise sqlite3.DatabaseError(check)
        with database:
            database.execute("BEGIN EXCLUSIVE")
            database.execute(_TABLE)
    except BaseException:
        database.close()
        raise
    return database
