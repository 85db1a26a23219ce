"""Updates that the manager has not accepted yet, kept in an SQLite file so that they survive the worker."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import structlog
from msgspec import UNSET, Struct, structs

from flamenco.client import TaskUpdate
from flamenco.config import private
from flamenco.domain.errors import ConfigError

FILE_NAME: Final = "flamenco-worker.sqlite"
SPACE_FILE_NAME: Final = "flamenco-worker.space"
DATABASE_TIMEOUT_S: Final = 10.0

MOST_IN_MEMORY_BYTES: Final = 16 * 1024 * 1024
"""What is kept in memory, of log text, while the disk takes nothing."""

SPACE_BYTES: Final = 256 * 1024
"""So much must fit on the disk before a task is begun."""

PAUSE_S: Final = 1.0
"""How long a disk that was full is left alone."""

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS {}.task_updates (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    task_id TEXT NOT NULL,
    payload BLOB NOT NULL
)"""

_NO_FILE: Final = Path(":memory:")
"""What SQLite makes no file for."""

_DISK: Final = "main"
_MEMORY: Final = "held"

_FIRST: Final = "SELECT id, task_id, payload FROM {}.task_updates WHERE id > ? ORDER BY id LIMIT 1"
_LAST: Final = """
SELECT id, task_id, payload FROM {0}.task_updates
WHERE id > (SELECT min(id) FROM {0}.task_updates) ORDER BY id DESC LIMIT 1"""
"""The update that would be sent last; never the first one, which may be under way to the manager."""
_INSERT: Final = "INSERT INTO {}.task_updates (id, task_id, payload) VALUES (?, ?, ?)"
_REPLACE: Final = """
UPDATE {0}.task_updates SET payload = ? WHERE id = ? AND id > (SELECT min(id) FROM {0}.task_updates)"""
_MOVE: Final = "INSERT INTO main.task_updates SELECT * FROM held.task_updates WHERE id > ? ORDER BY id"
_DELETE: Final = "DELETE FROM {}.task_updates WHERE id = ?"
_DELETE_TO: Final = "DELETE FROM {}.task_updates WHERE id <= ?"
_KNOWN: Final = "SELECT coalesce(max(id), 0), coalesce(sum(length(payload)), 0) FROM main.task_updates"
_COUNT: Final = "SELECT coalesce(sum(length(payload)), 0) FROM {}.task_updates WHERE id > ?"

log = structlog.get_logger()


class QueuedUpdate(Struct, frozen=True):
    """An update to be sent; `payload` is the JSON of a `TaskUpdate`."""

    key: int
    task_id: str
    payload: bytes


class _Gap(Struct, frozen=True):
    """Log text that is being left out: the row that says so, whose text it is, how many characters, and why."""

    key: int
    task_id: str
    characters: int
    reason: str

    @property
    def update(self) -> TaskUpdate:
        return TaskUpdate(log=f"[{self.characters:,} characters of log text are missing here: {self.reason}]\n")


class UpdateQueue:
    """First in, first out. Any thread may use it.

    It holds at most about `limit_bytes`. Beyond that log text is left out, with one line that says how much and why;
    what changes a task's status, activity or steps is never left out. While the disk is full, updates are held in
    memory, and written to the disk as soon as it takes them.
    """

    def __init__(self, file: Path, limit_bytes: int) -> None:
        self._lock = threading.Lock()
        self._folder = file.parent
        self._limit_bytes = limit_bytes
        self._database = _open(file)
        self._answered = 0
        """Updates up to this key are answered, though a full disk may not have let go of them."""
        self._last_key, self._bytes = map(int, self._database.execute(_KNOWN).fetchone())
        self._gap: _Gap | None = None
        self._problem = ""
        """Why updates are held in memory; empty while they are not."""
        self._try_at = 0.0
        self._is_closed = False

    @property
    def size(self) -> int:
        """How many bytes of updates there are."""
        return self._bytes

    @property
    def limit(self) -> int:
        """From how many bytes on log text is left out."""
        return min(self._limit_bytes, MOST_IN_MEMORY_BYTES) if self._problem else self._limit_bytes

    def append(self, task_id: str, update: TaskUpdate) -> None:
        """Add an update at the end; nothing happens once the queue is closed."""
        with self._lock:
            if self._is_closed:
                return
            before = self._problem, self._gap
            if self._is_written(lambda: self._add(_DISK, task_id, update)):
                return
            was_fine, self._gap = not before[0], before[1]
            with self._database:
                if was_fine:
                    self._insert(_MEMORY, task_id, TaskUpdate(log=f"[{self._problem}; it goes on without]\n"))
                self._add(_MEMORY, task_id, update)

    def first(self) -> QueuedUpdate | None:
        """The update to send next, if any; it stays in the queue."""
        with self._lock:
            if self._is_closed:
                return None
            row = self._run(_FIRST, _DISK, self._answered).fetchone()
            if not row and self._problem:
                row = self._run(_FIRST, _MEMORY, self._answered).fetchone()
        return QueuedUpdate(*row) if row else None

    def remove(self, update: QueuedUpdate) -> None:
        """Take out an update that the manager has answered."""
        with self._lock:
            if self._is_closed:  # a delivery outlived the worker's patience; it will be repeated at the next start
                return
            # A full disk does not even let go of anything; the next update that it takes takes this one away.
            self._answered = update.key
            self._bytes -= len(update.payload)
            if self._bytes < self.limit // 2:
                self._gap = None
            if self._problem:
                with self._database:
                    self._run(_DELETE_TO, _MEMORY, update.key)
            self._is_written(lambda: self._run(_DELETE_TO, _DISK, update.key))

    def has_space(self) -> bool:
        """Whether the disk takes what a task may have to say; what is held in memory is written to it if so."""
        with self._lock:
            self._try_at = 0.0
            return self._is_written(self._try_space)

    def close(self) -> None:
        """Close the file; what is in it is there at the next start."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            self._try_at = 0.0
            if not self._is_written(lambda: None) and self._run(_FIRST, _MEMORY, self._answered).fetchone():
                log.error("updates are lost: they could be neither delivered nor written", folder=str(self._folder))
            self._database.close()

    # -- within the lock ----------------------------------------------------------------------------------------------

    def _is_written(self, change: Callable[[], object]) -> bool:
        """Make a change of the file, with all that was held in memory before it; whether the disk took it."""
        if self._problem and time.monotonic() < self._try_at:
            return False
        try:
            if self._problem:
                # What it takes up itself for a change that failed is given back first.
                self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._try_space()
            with self._database:
                if self._problem:
                    self._database.execute(_MOVE, (self._answered,))
                    self._run(_DELETE_TO, _DISK, self._answered)
                    self._run(_DELETE_TO, _MEMORY, self._last_key)
                change()
        except (OSError, sqlite3.Error) as error:
            self._hold(error)
            return False
        if self._problem:
            log.info("the worker can write to its folder again", folder=str(self._folder))
        self._problem = ""
        return True

    def _try_space(self) -> None:
        """Try whether the disk takes something, quotas and all. Raises `OSError`."""
        file = self._folder / SPACE_FILE_NAME
        try:
            file.write_bytes(bytes(SPACE_BYTES))
        finally:
            file.unlink(missing_ok=True)

    def _hold(self, error: Exception) -> None:
        """From now on updates are held in memory, until the disk takes them."""
        self._try_at = time.monotonic() + PAUSE_S
        # What was counted in a transaction that failed was not so.
        self._bytes = sum(self._run(_COUNT, place, self._answered).fetchone()[0] for place in (_DISK, _MEMORY))
        if self._problem:
            return
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        self._problem = f"this worker could not write to {self._folder}: {reason}"
        log.error("no task is begun before the worker can write to its folder", folder=str(self._folder), reason=reason)

    def _run(self, statement: str, place: str, *values: object) -> sqlite3.Cursor:
        return self._database.execute(statement.format(place), values)

    def _add(self, place: str, task_id: str, update: TaskUpdate) -> None:
        """Add an update, or what is left of it when there is no room."""
        if update.log is not UNSET and (self._gap or self._bytes + len(update.log) > self.limit):
            self._leave_out(place, task_id, len(update.log))
            update = structs.replace(update, log=UNSET)
        if update == TaskUpdate():
            return
        if _is_progress(update):
            self._drop_outdated_progress(place, task_id)
        self._insert(place, task_id, update)

    def _insert(self, place: str, task_id: str, update: TaskUpdate) -> None:
        payload = msgspec.json.encode(update)
        self._last_key += 1
        self._run(_INSERT, place, self._last_key, task_id, payload)
        self._bytes += len(payload)

    def _leave_out(self, place: str, task_id: str, characters: int) -> None:
        """Count text that is left out, in one line that stands where it would be."""
        if self._gap and self._gap.task_id == task_id:
            self._gap = structs.replace(self._gap, characters=self._gap.characters + characters)
            if self._run(_REPLACE, place, msgspec.json.encode(self._gap.update), self._gap.key).rowcount:
                return
        reason = self._why_there_is_no_room()
        log.warning("log text is left out", task=task_id, reason=reason)
        self._gap = _Gap(self._last_key + 1, task_id, characters, reason)
        self._insert(place, task_id, self._gap.update)

    def _why_there_is_no_room(self) -> str:
        if self._problem:
            return f"{self._problem}, and the manager was away"
        kept = f"{self._limit_bytes / 1024 / 1024:,.0f} MB (update_queue_mb)"
        return f"the manager was away, and the worker keeps no more than {kept} for it"

    def _drop_outdated_progress(self, place: str, task_id: str) -> None:
        """Of reports of progress that follow each other the last one is enough; without this they had no limit."""
        row = self._run(_LAST, place).fetchone()
        if row and row[1] == task_id and _is_progress(msgspec.json.decode(row[2], type=TaskUpdate)):
            self._run(_DELETE, place, row[0])
            self._bytes -= len(row[2])


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
    except OSError as error:
        raise ConfigError(f"The queue of updates {file} cannot be opened: {error.strerror}.") from error
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
    if file != _NO_FILE:
        private.make_file(file)  # what SQLite keeps beside it gets the same mode
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
            database.execute(_TABLE.format(_DISK))
        database.execute("ATTACH ':memory:' AS held")
        database.execute(_TABLE.format(_MEMORY))
    except BaseException:
        database.close()
        raise
    return database
