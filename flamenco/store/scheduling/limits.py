"""Limits: never more than so many tasks at once, counted by one row for each running task that falls under one.

Taking a slot locks the limit's row, so that of several processes that want the last one exactly one gets it. What a
limit is on each machine by itself, those alone wait for each other that hand out tasks to that machine; on all that
runs there, whichever jobs it is of, the running tasks themselves are counted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache
from typing import Any, Final

from sqlalchemy import CTE, ColumnElement, Select, bindparam, case, delete, exists, select, text, true, update
from sqlalchemy import func as sql

from flamenco.domain.model import JobState
from flamenco.domain.people_limits import is_of_machine
from flamenco.domain.scheduling.values import UNLIMITED, Limit
from flamenco.hooks.statistics import LimitUse
from flamenco.store import jobs as job_store
from flamenco.store import turns
from flamenco.store.engine import Tx
from flamenco.store.ready import Ready
from flamenco.store.schema import ACTIVE_SQL, MACHINE_SQL, limit_uses, limits, tasks, workers

_SET = (
    update(limits)
    .where(
        limits.c.name == bindparam("limit_name"),
        (limits.c.capacity != bindparam("new")) | (limits.c.per_machine != bindparam("each")),
    )
    .values(capacity=bindparam("new"), per_machine=bindparam("each"))
)
_ADD = text("INSERT INTO limits (name, capacity, per_machine) VALUES (:name, :capacity, :each) ON CONFLICT DO NOTHING")


def declare(tx: Tx, declared: Iterable[Limit]) -> None:
    """Make limits known, with the capacity they have now; what people said of that stays."""
    for limit in sorted(declared, key=lambda each: each.name):
        tx.execute(_ADD, {"name": limit.name, "capacity": limit.capacity, "each": limit.per_machine})
        tx.execute(_SET, {"limit_name": limit.name, "new": limit.capacity, "each": limit.per_machine})


def names(on_type: Iterable[Limit]) -> tuple[str, ...]:
    """What the limits on tasks of a type are called, as requirements have it."""
    return tuple(sorted({limit.name for limit in on_type}))


CAPACITY: Final[ColumnElement[int]] = sql.coalesce(limits.c.own, limits.c.capacity)
"""How many tasks may run under a limit: what people say, else what policies do."""

USED: Final = (
    select(sql.count()).select_from(limit_uses).where(limit_uses.c.limit_name == limits.c.name).scalar_subquery()
)
"""How many run under it, in the whole farm."""

_THERE: Any = (text(ACTIVE_SQL), workers.c.address == bindparam("address"))
RUN_THERE: Final = (
    select(sql.count())
    .select_from(tasks.join(workers, workers.c.key == tasks.c.worker_key))
    .where(*_THERE)
    .scalar_subquery()
)
"""How many tasks run on the machine at `address`."""

_USED_THERE = (
    select(sql.count())
    .select_from(
        limit_uses.join(tasks, tasks.c.key == limit_uses.c.task_key).join(workers, workers.c.key == tasks.c.worker_key)
    )
    .where(limit_uses.c.limit_name == limits.c.name, *_THERE)
    .scalar_subquery()
)
_IN_USE = case((text(MACHINE_SQL), RUN_THERE), (limits.c.per_machine, _USED_THERE), else_=USED)
_NAMED = limits.c.name.in_(bindparam("names", expanding=True))
_FULL = select(limits.c.name).where(_NAMED, CAPACITY <= _IN_USE)
_OF_MACHINES = f"({MACHINE_SQL} OR limits.per_machine)"


# Of a few, there is a statement for each number of them, which is sent ready-made.
_FEW: Final = 8


def those_full(count: int) -> Select[str]:
    """Which of so many limits are full, `name_0` and so on, for a worker at `address`; to be put into statements."""
    return select(limits.c.name).where(limits.c.name.in_(_parameters(count)), CAPACITY <= _IN_USE)


@cache
def _full_of(count: int) -> Ready:
    return Ready(those_full(count))


@cache
def _use_of(count: int) -> Ready:
    rows = ", ".join(f"(:name_{number}, :of_task)" for number in range(count))
    return Ready(text(f"INSERT INTO limit_uses (limit_name, task_key) VALUES {rows}"))  # noqa: S608 - our own names


@cache
def _lock_of(count: int) -> Ready:
    """Locks a job in its turn, then the rows of limits, and then the machine where one is on each by itself.

    Each part is asked for something of the one before, so that this is the order; what is asked for by a condition
    alone is not looked at where another one is false already, so it is counted in FROM.
    """
    named = limits.c.name.in_(_parameters(count))
    job = _at_once(job_store.IN_TURN.cte("job"))
    there = select(sql.count().label("number")).select_from(job).subquery("there")
    rows = select(limits.c.name).join(there, there.c.number > 0).where(named, text(f"NOT {_OF_MACHINES}"))
    locked = _at_once(rows.order_by(limits.c.name).with_for_update(of=limits).cte("locked"))
    counted = _at_once(select(sql.count().label("number")).select_from(locked).cte("all_locked"))
    has_own = exists(select(limits.c.name).where(named, text(_OF_MACHINES)))
    machine = select(turns.of_machine(bindparam("address"))).where(counted.c.number >= 0, has_own).scalar_subquery()
    return Ready(select(*job.c, machine.label("machine")).join(counted, true()))


def _at_once(part: CTE) -> CTE:
    return part.prefix_with("MATERIALIZED")


def lock(tx: Tx, job_key: int, names: Collection[str], address: str) -> JobState:
    """As `jobs.lock_in_turn`; these limits as well, and those on the machine at that address.

    What runs under them is not to be looked at by the same statement, which may see what was before it had to wait.
    """
    if not names:
        return job_store.lock_in_turn(tx, job_key)
    # Limits always in the same order, so that no two wait for each other.
    row = _lock_of(len(names)).first(tx, job_key=job_key, **values_of(names), address=address)
    return job_store.locked(row)


def _parameters(count: int) -> list[Any]:
    return [bindparam(f"name_{number}") for number in range(count)]


def values_of(names: Iterable[str]) -> dict[str, Any]:
    """Names of limits as parameters."""
    return {f"name_{number}": name for number, name in enumerate(sorted(names))}


def full(tx: Tx, names: Collection[str], address: str) -> set[str]:
    """Those of the limits that have no slot left, for a worker at that address."""
    if not names:
        return set()
    if len(names) <= _FEW:
        return {row.name for row in _full_of(len(names)).all(tx, **values_of(names), address=address)}
    return set(tx.execute(_FULL, {"names": sorted(names), "address": address}).scalars())


def take(tx: Tx, names: Collection[str], task_key: int) -> None:
    """Take a slot for a task under each of these limits, which are locked with its job, and of which none is full."""
    if used := [name for name in names if not is_of_machine(name)]:
        _use_of(len(used)).later(tx, "limit_uses", task_key, **values_of(used), of_task=task_key)


_COUNT_RUNNING = text(
    "INSERT INTO limit_uses (limit_name, task_key)"  # noqa: S608 - our own constants
    f" SELECT :limit_name, tasks.key FROM tasks WHERE tasks.job_key = :of_job AND tasks.queue_key = :of_queue"
    f" AND {ACTIVE_SQL} ON CONFLICT DO NOTHING"
)


def count_running(tx: Tx, job_key: int, queue_key: int, names: Iterable[str]) -> None:
    """What runs of a queue of a locked job falls under these limits from now on, whether there is room or not."""
    for name in sorted(names):
        tx.execute(_COUNT_RUNNING, {"limit_name": name, "of_job": job_key, "of_queue": queue_key})


_RELEASE_ACTIVE = delete(limit_uses).where(
    limit_uses.c.task_key.in_(select(tasks.c.key).where(text(ACTIVE_SQL), tasks.c.job_key == bindparam("of_job")))
)


def release_active_of(tx: Tx, job_key: int) -> None:
    """Give back the slots of every running task of a job, which is about to end all of them."""
    tx.execute(_RELEASE_ACTIVE, {"of_job": job_key})


IN_FORCE: Final = CAPACITY < UNLIMITED
"""Those that limit anything: what only people had set, and took away, is left behind."""


def all_limits(tx: Tx) -> list[LimitUse]:
    """Every limit with its use in the whole farm, by name."""
    statement = select(limits.c.name, CAPACITY.label("most"), USED.label("in_use")).where(IN_FORCE)
    return [LimitUse(row.name, row.most, row.in_use) for row in tx.execute(statement.order_by(limits.c.name))]
