"""What has become of jobs that others wait for, until those have been told.

It is noted in the transaction in which it happens, and told by a chore: so nobody who works on a job waits for all
that wait for it, and nothing is lost when a process dies.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, insert, literal_column, or_, select, text
from sqlalchemy import func as sql

from flamenco.store.engine import Tx
from flamenco.store.ready import Ready
from flamenco.store.schema import job_news, tasks


class What(StrEnum):
    """What is to be told of a job.

    That its status is another or it is deleted, that a task with some frames has ended or is queued again, that many
    have; or that what its own tasks wait for is to be counted.
    """

    STATUS = "status"
    FRAMES = "frames"
    TASKS = "tasks"
    COUNT = "count"


class News(NamedTuple):
    """Something that is still to be told of a job."""

    key: int
    job_key: int
    what: What
    frame_first: int | None
    frame_last: int | None


_ADD = Ready(insert(job_news).values(job_key=bindparam("of_job"), what=bindparam("what")))
_ADD_TASK = Ready(
    insert(job_news).from_select(
        ["job_key", "what", "frame_first", "frame_last"],
        select(tasks.c.job_key, literal_column("'frames'"), tasks.c.frame_first, tasks.c.frame_last).where(
            tasks.c.key == bindparam("task_key"), tasks.c.frame_first.is_not(None)
        ),
    )
)
_ADD_OF_EACH = text(
    "INSERT INTO job_news (job_key, what) SELECT key, 'status' FROM jobs WHERE key IN :keys AND waited_for > 0"
).bindparams(bindparam("keys", expanding=True))
_COLUMNS = [job_news.c[name] for name in News._fields]
_LAST = select(sql.coalesce(sql.max(job_news.c.key), 0))
_FIRST_OF_ALL = select(*_COLUMNS).order_by(job_news.c.key).limit(1)
_FIRST = _FIRST_OF_ALL.where(or_(job_news.c.what != What.FRAMES.value, job_news.c.key <= bindparam("frames_until")))
_FIRST_OF = _FIRST_OF_ALL.where(job_news.c.job_key == bindparam("of_job"))
_ALIKE = (
    select(*_COLUMNS)
    .where(job_news.c.job_key == bindparam("of_job"), job_news.c.what == bindparam("what"))
    .order_by(job_news.c.key)
    .limit(bindparam("most"))
)
_FORGET = delete(job_news).where(job_news.c.key.in_(bindparam("keys", expanding=True)))


def add(tx: Tx, job_key: int, what: What) -> None:
    """Note something of a job."""
    _ADD.run(tx, of_job=job_key, what=what.value)


def add_task(tx: Tx, task_key: int) -> None:
    """Note that a task has ended, or is queued again, if it is about frames."""
    _ADD_TASK.later(tx, "job_news", task_key, task_key=task_key)


def add_status_of(tx: Tx, job_keys: Sequence[int]) -> None:
    """Note of each of these jobs that others wait for that it has another status, or is deleted."""
    tx.execute(_ADD_OF_EACH, {"keys": job_keys})


def last(tx: Tx) -> int:
    """The number of the newest; 0 where there is none."""
    return int(tx.execute(_LAST).scalar_one())


def next_ones(tx: Tx, most: int, frames_until: int) -> list[News]:
    """The oldest, with others of the same job that are alike; of frames, only if there is one up to that number."""
    return _alike(tx, tx.execute(_FIRST, {"frames_until": frames_until}).first(), most)


def next_of(tx: Tx, most: int, job_key: int) -> list[News]:
    """The oldest of a job, with others that are alike."""
    return _alike(tx, tx.execute(_FIRST_OF, {"of_job": job_key}).first(), most)


def _alike(tx: Tx, first: Any, most: int) -> list[News]:
    if first is None:
        return []
    alike = tx.execute(_ALIKE, {"of_job": first.job_key, "what": first.what, "most": most})
    return [News(row.key, row.job_key, What(row.what), row.frame_first, row.frame_last) for row in alike]


def forget(tx: Tx, told: Sequence[News]) -> None:
    """They have been told."""
    tx.execute(_FORGET, {"keys": [each.key for each in told]})
