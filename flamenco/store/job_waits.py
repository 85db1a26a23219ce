"""Which job waits for which, and the counters of that: the rows, a few at a time, and nothing of tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import Row, bindparam, delete, insert, select, text, update

from flamenco.domain.job_waits import Kind, Offset, State, Wait, Wanted, When, summary
from flamenco.domain.model import JobState
from flamenco.domain.statuses import FINISHED_JOB, JobStatus
from flamenco.store import jobs as job_store
from flamenco.store.engine import Tx
from flamenco.store.schema import OFFERED_SQL, PENDING_SQL, Utc, job_dependencies, jobs


class Followed(IntEnum):
    """How closely others follow a job: not at all, for how it ends, or for each of its tasks."""

    NOT = 0
    END = 1
    FRAMES = 2


# The states are not among the conditions: PostgreSQL would go through the whole index of what is pending, for each job.
WAITING_FOR_SQL: Final = """(
    SELECT count(CASE WHEN d.state IN ('counting', 'broken') OR (d.kind = 'all' AND d.state = 'waiting') THEN 1 END)
    FROM job_dependencies d WHERE d.job_key = jobs.key
)"""
"""How many of a job's dependencies keep all of it back."""

WAITED_FOR_SQL: Final = """(
    SELECT coalesce(max(CASE
        WHEN d.state NOT IN ('counting', 'waiting', 'broken') THEN 0 WHEN d.kind = 'frames' THEN 2 ELSE 1
    END), 0) FROM job_dependencies d WHERE d.on_key = jobs.key
)"""
"""What `Followed` a job is."""

_other = jobs.alias("other")
_COLUMNS: Final[list[Any]] = [
    *(job_dependencies.c[name] for name in ("key", "job_key", "on_key", "on_id", "on_name", "kind", "awaits")),
    *(job_dependencies.c[name] for name in ("offset_first", "offset_last", "longest", "state")),
    *(_other.c.status, _other.c.delete_requested),
]
_SELECT = select(*_COLUMNS).outerjoin(_other, _other.c.key == job_dependencies.c.on_key)
_OF_JOB = _SELECT.where(job_dependencies.c.job_key == bindparam("job_key")).order_by(job_dependencies.c.key)
_PENDING_OF = (
    _SELECT.where(job_dependencies.c.job_key.in_(bindparam("keys", expanding=True)))
    .where(text(f"CASE WHEN {PENDING_SQL} THEN 1 END = 1"))  # along the index of jobs, as above
    .order_by(job_dependencies.c.key)
)
_ON = (
    job_dependencies.c.on_key == bindparam("on_key"),
    text(PENDING_SQL),
    job_dependencies.c.key > bindparam("after"),
)
_NEXT_ON = (
    select(job_dependencies.c.key, job_dependencies.c.job_key)
    .where(*_ON)
    .order_by(job_dependencies.c.key)
    .limit(bindparam("most"))
)
_PENDING_ON = _SELECT.where(*_ON, job_dependencies.c.key <= bindparam("until")).order_by(job_dependencies.c.key)


def _read(row: Row[Any]) -> Wait:
    status = JobStatus(row.status) if row.status else None
    if row.delete_requested is not None and status not in FINISHED_JOB:
        status = None  # what had ended before it was to be deleted has ended
    return Wait(
        key=row.key,
        job_key=row.job_key,
        on_key=row.on_key,
        job=row.on_id,
        name=row.on_name,
        kind=Kind(row.kind),
        when=When(row.awaits),
        offset=Offset(row.offset_first, row.offset_last),
        state=State(row.state),
        status=status,
        longest=row.longest,
    )


def of_job(tx: Tx, job_key: int) -> list[Wait]:
    """What a job waits for, or has waited for, in the order in which it was asked for."""
    return [_read(row) for row in tx.execute(_OF_JOB, {"job_key": job_key})]


def pending_of(tx: Tx, job_keys: Sequence[int]) -> list[Wait]:
    """The same of several jobs, but for what they wait for no more."""
    return [_read(row) for row in tx.execute(_PENDING_OF, {"keys": list(job_keys)})]


def next_on(tx: Tx, on_key: int, after: int, most: int) -> list[tuple[int, int]]:
    """The next dependencies on a job that are not met, at most so many of those with keys above `after`.

    Gives their keys, and those of the jobs that have them, which are to be locked before they are read.
    """
    found = tx.execute(_NEXT_ON, {"on_key": on_key, "after": after, "most": most})
    return [(row.key, row.job_key) for row in found]


def pending_on(tx: Tx, on_key: int, after: int, until: int) -> list[Wait]:
    """Dependencies on a job that are not met, with keys above `after` up to `until`."""
    return [_read(row) for row in tx.execute(_PENDING_ON, {"on_key": on_key, "after": after, "until": until})]


class Follower(NamedTuple):
    """A job that waits for another."""

    id: str
    name: str
    status: str
    kind: str
    state: str


_FOLLOWERS = (
    select(jobs.c.uuid, jobs.c.name, jobs.c.status, job_dependencies.c.kind, job_dependencies.c.state)
    .join(job_dependencies, job_dependencies.c.job_key == jobs.c.key)
    .where(job_dependencies.c.on_key == bindparam("on_key"), jobs.c.delete_requested.is_(None))
    .order_by(job_dependencies.c.key)
    .limit(bindparam("most"))
)


def followers(tx: Tx, on_key: int, most: int) -> list[Follower]:
    """At most so many of the jobs that wait for one, or have waited."""
    return [Follower(*row) for row in tx.execute(_FOLLOWERS, {"on_key": on_key, "most": most})]


_IDS_ON = (
    select(job_dependencies.c.on_id)
    .join(jobs, jobs.c.key == job_dependencies.c.job_key)
    .where(jobs.c.uuid == bindparam("id"), text(PENDING_SQL))
)


def ids_waited_for(tx: Tx, job_id: str) -> list[str]:
    """The ids of the jobs that one waits for."""
    return list(tx.execute(_IDS_ON, {"id": job_id}).scalars())


_LONGEST = text(
    "SELECT coalesce(max(frame_last - frame_first), -1) FROM tasks WHERE job_key = :of_job AND frame_first IS NOT NULL"
)


def longest(tx: Tx, job_key: int) -> int:
    """How many frames after its first a task of the job has at most; -1 where no task says anything of frames."""
    return int(tx.execute(_LONGEST, {"of_job": job_key}).scalar_one())


def insert_wait(
    tx: Tx, job: JobState, on: JobState, wanted: Wanted, state: State, longest: tuple[int, int], now: datetime
) -> None:
    """Store a dependency of a locked job on another. `longest` is that of the one and of the other."""
    values = {
        "job_key": job.key,
        "on_key": on.key,
        "on_id": on.id,
        "on_name": on.name,
        "kind": wanted.kind.value,
        "awaits": wanted.when.value,
        "state": state.value,
        "created": now,
        "offset_first": wanted.offset.first,
        "offset_last": wanted.offset.last,
        "longest": longest[0],
        "longest_other": longest[1],
    }
    tx.execute(insert(job_dependencies), values)


_DROP = delete(job_dependencies).where(job_dependencies.c.key == bindparam("wait_key"))
_SET_STATE = (
    update(job_dependencies)
    .where(job_dependencies.c.key.in_(bindparam("keys", expanding=True)))
    .values(state=bindparam("new_state"))
)
_DONE_COUNTING = (
    update(job_dependencies)
    .where(job_dependencies.c.job_key == bindparam("of_job"), job_dependencies.c.state == State.COUNTING.value)
    .values(state=State.WAITING.value)
)


def drop(tx: Tx, wait: Wait) -> None:
    """Forget a dependency of a locked job."""
    tx.execute(_DROP, {"wait_key": wait.key})


def set_states(tx: Tx, changed: Iterable[tuple[Wait, State]]) -> None:
    """Give dependencies of locked jobs other states."""
    by_state: dict[State, list[int]] = {}
    for wait, state in changed:
        by_state.setdefault(state, []).append(wait.key)
    for state, keys in by_state.items():
        tx.execute(_SET_STATE, {"keys": keys, "new_state": state.value})


def counted(tx: Tx, job_key: int) -> None:
    """It is known of all tasks of a locked job what they wait for."""
    tx.execute(_DONE_COUNTING, {"of_job": job_key})


_KEYS: Final[Any] = bindparam("keys", expanding=True)
_COUNT_WAITING_FOR = text(f"UPDATE jobs SET waiting_for = {WAITING_FOR_SQL} WHERE key IN :keys").bindparams(_KEYS)  # noqa: S608
_COUNT_WAITED_FOR = text(f"UPDATE jobs SET waited_for = {WAITED_FOR_SQL} WHERE key IN :keys").bindparams(_KEYS)  # noqa: S608
_OFFER = text(
    f"UPDATE queues SET rank = (SELECT CASE WHEN {OFFERED_SQL} THEN jobs.rank END"  # noqa: S608
    " FROM jobs WHERE jobs.key = queues.job_key) WHERE queues.job_key IN :keys"
).bindparams(_KEYS)
_SAY = text(
    f"UPDATE jobs SET waiting_for = {WAITING_FOR_SQL}, activity = :said, updated = :now WHERE key IN :keys"  # noqa: S608
).bindparams(_KEYS, bindparam("now", type_=Utc))


def count_waiting_for(tx: Tx, job_keys: Iterable[int], told: Iterable[JobState] = ()) -> None:
    """Count what keeps these locked jobs back, and offer their tasks if nothing does any more.

    Of those that are `told`, the activity is written as well, and when they were changed.
    """
    alike: dict[tuple[str, datetime], list[int]] = {}  # most of those that waited for one job say the same
    for job in told:
        alike.setdefault((job.activity, job.updated), []).append(job.key)
    for (said, now), keys in alike.items():
        tx.execute(_SAY, {"keys": keys, "said": said, "now": now})
    rest = sorted(set(job_keys).difference(*alike.values()))
    if rest:
        tx.execute(_COUNT_WAITING_FOR, {"keys": rest})
    tx.execute(_OFFER, {"keys": sorted(job_keys)})


def count_waited_for(tx: Tx, job_keys: Sequence[int]) -> None:
    """Look how closely these jobs are followed."""
    if job_keys:
        tx.execute(_COUNT_WAITED_FOR, {"keys": sorted(job_keys)})


def summary_of(tx: Tx, job_key: int) -> str:
    """What a job says of what it waits for; empty where that is nothing."""
    return summary(of_job(tx, job_key))


_UNTOLD = "NOT EXISTS (SELECT 1 FROM job_news n WHERE n.job_key = {})"
_FINISHED = "o.status IN ('completed', 'failed', 'canceled')"
_UNHEARD = text(
    "SELECT DISTINCT d.on_key FROM job_dependencies d JOIN jobs o ON o.key = d.on_key"  # noqa: S608 - our own constants
    f" WHERE d.state IN ('counting', 'waiting', 'broken') AND {_UNTOLD.format('o.key')} AND ("
    f" d.state <> 'broken' AND (o.delete_requested IS NOT NULL OR {_FINISHED})"
    " OR d.state = 'broken' AND o.delete_requested IS NULL AND ("
    f" o.status = 'completed' OR NOT {_FINISHED} OR d.awaits = 'ended'))"
)
_UNCOUNTED = text(
    "SELECT DISTINCT d.job_key FROM job_dependencies d"  # noqa: S608
    f" WHERE d.state = 'counting' AND {_UNTOLD.format('d.job_key')}"
)


def unheard(tx: Tx) -> list[int]:
    """Jobs whose followers are not where they should be, although nothing is left to be told: there should be none."""
    return sorted(tx.execute(_UNHEARD).scalars())


def uncounted(tx: Tx) -> list[int]:
    """Jobs that wait to be counted, although nobody is to do so: there should be none."""
    return sorted(tx.execute(_UNCOUNTED).scalars())


_LOCK = (
    job_store.SELECT.where(jobs.c.key.in_(bindparam("keys", expanding=True))).order_by(jobs.c.key)
).with_for_update(of=jobs)


def lock(tx: Tx, job_keys: Iterable[int]) -> dict[int, JobState]:
    """Several jobs, locked, by their row numbers; without those that are deleted or are to be."""
    found = (job_store.STATE.read(row) for row in tx.execute(_LOCK, {"keys": sorted(set(job_keys))}))
    return {job.key: job for job in found if not job.delete_requested}


def alone(tx: Tx) -> None:
    """Let nobody else add dependencies until the transaction ends: two at a time could make a circle.

    By a number and not by the table's own lock, which whoever has locked a job and writes to the table waits for.
    """
    if tx.dialect.name != "sqlite":  # where nobody else writes anyway
        tx.execute(text(f"SELECT pg_advisory_xact_lock({26222 << 48})"))  # see `turns` for another such number
