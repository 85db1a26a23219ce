"""Sums of what a farm has done, by steps of time, and how far attempts are in them.

Every attempt is counted once: those with keys up to `counted` are, and the others are not. Who counts locks that row.
In SQLite keys are in the order of commits. In PostgreSQL one with a lower key may turn up later; `horizon` says who
could still do that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Select, bindparam, delete, select, text, tuple_, update
from sqlalchemy import func as sql

from flamenco.domain.attempts import Outcome
from flamenco.domain.roll_ups import Group, Row, Run, Step, Sums
from flamenco.store.engine import Tx
from flamenco.store.schema import ACTIVE_SQL, attempts, awake, jobs, roll_ups, rolled_up, tasks

_LAST_KEY: Final = 2**63 - 1
_BEGIN = text("INSERT INTO rolled_up (key, counted) VALUES (1, 0) ON CONFLICT DO NOTHING")
_COUNTED = select(rolled_up.c.counted).where(rolled_up.c.key == 1)
_SET_COUNTED = update(rolled_up).where(rolled_up.c.key == 1).values(counted=bindparam("last"))
_RUN = select(attempts.c.key, attempts.c.job_key, attempts.c.started, attempts.c.ended, attempts.c.outcome)
_UNCOUNTED = (
    _RUN.where(attempts.c.key > bindparam("counted"), attempts.c.key <= bindparam("settled"))
    .order_by(attempts.c.key)
    .limit(bindparam("most"))
)
_OF_JOBS = (
    _RUN.where(attempts.c.job_key.in_(bindparam("of_jobs", expanding=True)), attempts.c.key > bindparam("counted"))
    .order_by(attempts.c.ended)
    .limit(bindparam("most"))
)
_DELETE = delete(attempts).where(attempts.c.key.in_(bindparam("keys", expanding=True)))
_UNDER_WAY = select(tasks.c.job_key, tasks.c.activated).where(text(ACTIVE_SQL), tasks.c.activated.is_not(None))
_JOBS = select(jobs.c.key, jobs.c.type, jobs.c.owner, jobs.c.project).where(
    jobs.c.key.in_(bindparam("keys", expanding=True))
)
_LONGEST_NAME: Final = 255


def lock_counted(tx: Tx) -> int:
    """The key up to which attempts are counted; nobody else counts until the transaction ends."""
    tx.execute(_BEGIN)
    return int(tx.execute(_COUNTED.with_for_update()).scalar_one())


def counted(tx: Tx) -> int:
    """The same, for who only looks."""
    return int(tx.execute(_COUNTED).scalar() or 0)


def set_counted(tx: Tx, last: int) -> None:
    """Note that all are counted up to a key."""
    tx.execute(_SET_COUNTED, {"last": last})


def uncounted(tx: Tx, after: int, most: int, settled: int = _LAST_KEY) -> list[Run]:
    """The next attempts that are over, up to a key."""
    values = {"counted": after, "settled": settled, "most": most}
    return [_run(row) for row in tx.execute(_UNCOUNTED, values)]


def uncounted_of_jobs(tx: Tx, job_keys: Sequence[int], after: int, most: int) -> list[Run]:
    """Those of some jobs."""
    return [_run(row) for row in tx.execute(_OF_JOBS, {"of_jobs": job_keys, "counted": after, "most": most})]


def _run(row: Any) -> Run:
    return Run(row.key, row.job_key, row.started, row.ended, Outcome(row.outcome))


def delete_attempts(tx: Tx, keys: list[int]) -> None:
    """Forget some that were counted."""
    tx.execute(_DELETE, {"keys": keys})


def under_way(tx: Tx, now: datetime) -> list[Run]:
    """The attempts that are not over, as if they ended now."""
    return [Run(0, row.job_key, row.activated, now, Outcome.ACTIVE) for row in tx.execute(_UNDER_WAY)]


def groups_of(tx: Tx, job_keys: Iterable[int]) -> dict[int, Group]:
    """What jobs are counted under, by their keys."""
    rows = tx.execute(_JOBS, {"keys": sorted(set(job_keys))}).all()
    return {row.key: _group(row) for row in rows}


def _group(row: Any) -> Group:
    return Group(*(name[:_LONGEST_NAME] for name in (row.type, row.owner, row.project)))


class Horizon(Struct, frozen=True):
    """Attempts up to the key `highest` are there already, but for those of transactions that are `under_way`."""

    highest: int
    under_way: frozenset[str] = frozenset()


_HIGHEST = text("SELECT coalesce(pg_sequence_last_value('attempts_key_seq'), 0)")
_WRITING = text(
    "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted "
    "AND relation = 'attempts'::regclass "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def horizon(tx: Tx) -> Horizon:
    """How far attempts are known. What is read by it has to be read in a later transaction."""
    if tx.dialect.name == "sqlite":
        return Horizon(_LAST_KEY)
    # In this order: whoever was given a key up to this one has locked the table before, and holds that, or has ended.
    highest = int(tx.execute(_HIGHEST).scalar_one())
    return Horizon(highest, frozenset(tx.execute(_WRITING).scalars()))


_KNOWN = select(roll_ups.c.job_type, roll_ups.c.owner, roll_ups.c.project).where(
    roll_ups.c.step_s == bindparam("step"), roll_ups.c.at == bindparam("moment")
)
_ADD = text(
    "INSERT INTO roll_ups (step_s, at, job_type, owner, project, seconds, completed, failed)"
    " VALUES (:step_s, :at, :job_type, :owner, :project, :seconds, :completed, :failed)"
    " ON CONFLICT (step_s, at, job_type, owner, project) DO UPDATE SET seconds = roll_ups.seconds + excluded.seconds,"
    " completed = roll_ups.completed + excluded.completed, failed = roll_ups.failed + excluded.failed"
).bindparams(bindparam("at", type_=roll_ups.c.at.type))
_SAMPLE = text(
    "INSERT INTO awake (step_s, at, workers, samples) VALUES (:step_s, :at, :workers, 1)"
    " ON CONFLICT (step_s, at) DO UPDATE SET workers = awake.workers + excluded.workers, samples = awake.samples + 1"
).bindparams(bindparam("at", type_=awake.c.at.type))


def groups_in(tx: Tx, step: Step, at: datetime) -> Set[Group]:
    """The groups that a step has already."""
    return {Group(*row) for row in tx.execute(_KNOWN, {"step": step.seconds, "moment": at})}


def add(tx: Tx, more: Mapping[Row, Sums]) -> None:
    """Add to what is there."""
    rows = [
        {
            "step_s": row.step.seconds,
            "at": row.at,
            **row.group._asdict(),
            "seconds": sums.seconds,
            "completed": sums.completed,
            "failed": sums.failed,
        }
        for row, sums in sorted(more.items(), key=lambda item: (item[0].step.seconds, *item[0][1:]))
    ]
    if rows:
        tx.execute(_ADD, rows)


def sample(tx: Tx, step: Step, at: datetime, workers: int) -> None:
    """Note how many workers are awake at a moment of a step."""
    tx.execute(_SAMPLE, {"step_s": step.seconds, "at": at, "workers": workers})


def forget(tx: Tx, step: Step, oldest: datetime, most: int) -> int:
    """Drop what is older, at most so many rows of each kind. Returns how many."""
    gone = 0
    for table in (roll_ups, awake):
        key = tuple(table.primary_key)
        old = select(*key).where(table.c.step_s == step.seconds, table.c.at < oldest).limit(most)
        gone += int(tx.execute(delete(table).where(tuple_(*key).in_(old))).rowcount)
    return gone


_DIMENSIONS: Final = {"job_type": roll_ups.c.job_type, "user": roll_ups.c.owner, "project": roll_ups.c.project}


def _sums(dimension: Any) -> Select[Any]:
    name = dimension.label("name")
    of = roll_ups.c
    return (
        select(of.at, name, sql.sum(of.seconds), sql.sum(of.completed), sql.sum(of.failed))
        .where(of.step_s == bindparam("step"), of.at >= bindparam("since"), of.at < bindparam("until"))
        .group_by(of.at, dimension)
    )


_SUMS: Final = {by: _sums(dimension) for by, dimension in _DIMENSIONS.items()}
_AWAKE = select(awake.c.at, awake.c.workers, awake.c.samples).where(
    awake.c.step_s == bindparam("step"), awake.c.at >= bindparam("since"), awake.c.at < bindparam("until")
)


def sums(tx: Tx, step: Step, since: datetime, until: datetime, by: str) -> dict[tuple[datetime, str], Sums]:
    """What was done in the steps of a time, by the names that groups have in `by`: job_type, user or project."""
    values = {"step": step.seconds, "since": since, "until": until}
    return {(row[0], row[1]): Sums(float(row[2]), int(row[3]), int(row[4])) for row in tx.execute(_SUMS[by], values)}


def workers_awake(tx: Tx, step: Step, since: datetime, until: datetime) -> dict[datetime, float]:
    """How many workers were awake in the steps of a time, on average of the looks that were taken."""
    rows = tx.execute(_AWAKE, {"step": step.seconds, "since": since, "until": until})
    return {row.at: row.workers / row.samples for row in rows}
