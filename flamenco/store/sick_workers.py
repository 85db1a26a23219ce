"""Workers that are given nothing until somebody has looked at them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, select, text, update
from sqlalchemy import func as sql

from flamenco.store.engine import Tx
from flamenco.store.ready import Ready
from flamenco.store.schema import SICK_SQL, workers

_BY_JOB: Final = Ready(
    select(sql.count())
    .select_from(workers)
    .where(text(SICK_SQL), workers.c.sick_by_job == bindparam("of_job"), workers.c.deleted.is_(None))
)
_NOTE_JOB: Final = (
    update(workers).where(workers.c.key == bindparam("worker_key")).values(sick_by_job=bindparam("of_job"))
)


def by_job(tx: Tx, job_key: int) -> int:
    """How many workers are sick since a rule said so of a task of that job."""
    return int(_BY_JOB.scalar(tx, of_job=job_key) or 0)


def note_job(tx: Tx, worker_key: int, job_key: int | None) -> None:
    """Note by which job a locked worker is sick."""
    tx.execute(_NOTE_JOB, {"worker_key": worker_key, "of_job": job_key})
