"""Notes on jobs and workers, one each."""

from __future__ import annotations

from sqlalchemy import Table, delete, insert, select

from flamenco.domain.notes import Note
from flamenco.store.engine import Tx
from flamenco.store.schema import job_notes, worker_notes


def of_job(tx: Tx, job_key: int) -> Note | None:
    """The note on a job, if there is one."""
    return _of(tx, job_notes, job_key)


def of_worker(tx: Tx, worker_key: int) -> Note | None:
    """The note on a worker, if there is one."""
    return _of(tx, worker_notes, worker_key)


def save_on_job(tx: Tx, job_key: int, note: Note | None) -> None:
    """Have a locked job have that note, or none."""
    _save(tx, job_notes, "job_key", job_key, note)


def save_on_worker(tx: Tx, worker_key: int, note: Note | None) -> None:
    """The same of a locked worker."""
    _save(tx, worker_notes, "worker_key", worker_key, note)


def _of(tx: Tx, table: Table, key: int) -> Note | None:
    (row_of,) = table.primary_key.columns
    row = tx.execute(select(table.c.text, table.c.who, table.c.at).where(row_of == key)).one_or_none()
    return Note(*row) if row else None


def _save(tx: Tx, table: Table, name: str, key: int, note: Note | None) -> None:
    tx.execute(delete(table).where(table.c[name] == key))
    if note is not None:
        tx.execute(insert(table), {name: key, "text": note.text, "who": note.who, "at": note.at})
