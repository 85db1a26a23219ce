"""Frames that are looked at first: what was asked for, how far that is, and until when somebody is waited for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, insert, literal, select, text, update
from sqlalchemy import func as sql

from flamenco.domain.model import JobState
from flamenco.domain.previews import Preview, PreviewState, Then, Wave
from flamenco.domain.statuses import FINISHED_TASK, RUNNABLE_TASK, TaskStatus
from flamenco.store.engine import Tx
from flamenco.store.ready import Ready
from flamenco.store.schema import IN_WAVE_SQL, job_previews, jobs, tasks

_INSERT = insert(job_previews)
_THE_JOB = job_previews.c.job_key == bindparam("of_job")
_OF_JOB = select(*(job_previews.c[name] for name in ("frames", "follows", "continue_after_s", "ready", "due"))).where(
    _THE_JOB
)


class Kept(NamedTuple):
    """What is kept of a preview; `ready` is since when it is there, `due` until when somebody is waited for."""

    preview: Preview
    ready: datetime | None
    due: datetime | None


def insert_preview(tx: Tx, job_key: int, preview: Preview) -> None:
    """Keep what a new job is to have looked at first."""
    values = {"frames": preview.frames, "follows": preview.then, "continue_after_s": preview.continue_after_s}
    tx.execute(_INSERT, {"job_key": job_key, **values})


def of_job(tx: Tx, job_key: int) -> Kept | None:
    """What is to be looked at first; None where nothing is."""
    row = tx.execute(_OF_JOB, {"of_job": job_key}).first()
    return Kept(Preview(row[0], Then(row[1]), row[2]), row[3], row[4]) if row else None


_SET_STATE = Ready(update(jobs).where(jobs.c.key == bindparam("of_job")).values(preview=bindparam("state")))
_SET_MOMENTS = update(job_previews).where(_THE_JOB).values(ready=bindparam("since"), due=bindparam("until"))


def set_state(tx: Tx, job: JobState, state: PreviewState, ready: datetime | None, due: datetime | None) -> None:
    """Note where the preview of a locked job stands: this is what says which of its tasks are held."""
    _SET_STATE.run(tx, of_job=job.key, state=state.value)
    tx.execute(_SET_MOMENTS, {"of_job": job.key, "since": ready, "until": due})


_IN_WAVE = (text(IN_WAVE_SQL), tasks.c.job_key == bindparam("of_job"), tasks.c.wave == bindparam("wave"))
_NOT_DONE = tasks.c.status.in_([literal(status.value) for status in TaskStatus if status not in FINISHED_TASK])
_OPEN = Ready(select(tasks.c.key).where(*_IN_WAVE, _NOT_DONE, tasks.c.key != bindparam("ended")).limit(1))


def is_rendering(tx: Tx, job_key: int, ended: int = 0) -> bool:
    """Whether any task of the preview is still to be done: some steps in an index.

    `ended` is the row number of one that is over in this transaction: a server is told so with what it is asked here.
    """
    values = {"of_job": job_key, "wave": Wave.PREVIEW.value, "ended": ended}
    return bool(_OPEN.all_with_those(tx, tasks.name, ended, **values))


_TALLY = select(tasks.c.status, sql.count()).where(*_IN_WAVE).group_by(tasks.c.status)


def tally(tx: Tx, job_key: int, wave: Wave = Wave.PREVIEW) -> dict[TaskStatus, int]:
    """How many tasks of a wave are in which status."""
    found = tx.execute(_TALLY, {"of_job": job_key, "wave": int(wave)})
    return {TaskStatus(status): int(count) for status, count in found}


_HELD = select(tasks.c.name).where(*_IN_WAVE, tasks.c.status.in_(sorted(RUNNABLE_TASK))).order_by(tasks.c.index_in_job)


def held_names(tx: Tx, job_key: int, most: int) -> Sequence[str]:
    """The names of the first tasks of a job that are held, where its preview is pending."""
    return tx.execute(_HELD.limit(most), {"of_job": job_key, "wave": int(Wave.HELD)}).scalars().all()


_DUE = (
    select(job_previews.c.job_key)
    .join(jobs, jobs.c.key == job_previews.c.job_key)
    .where(job_previews.c.due <= bindparam("now"), jobs.c.delete_requested.is_(None))
    .order_by(job_previews.c.due)
)


def due(tx: Tx, now: datetime, most: int) -> Sequence[int]:
    """Jobs with a preview that nobody is waited for any longer, the first ones."""
    return tx.execute(_DUE.limit(most), {"now": now}).scalars().all()
