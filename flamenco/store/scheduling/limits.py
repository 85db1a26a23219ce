"""Limits: never more than so many tasks at once, counted by one row for each running task that falls under one.

Taking a slot locks the limit's row, so that of several processes that want the last one exactly one gets it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import bindparam, delete, insert, select, text, update
from sqlalchemy import func as sql

from flamenco.domain.scheduling.values import Limit
from flamenco.hooks.statistics import LimitUse
from flamenco.store.engine import Tx
from flamenco.store.schema import ACTIVE_SQL, limit_uses, limits, tasks

_SET_CAPACITY = (
    update(limits)
    .where(limits.c.name == bindparam("limit_name"), limits.c.capacity != bindparam("new"))
    .values(capacity=bindparam("new"))
)
_ADD = text("INSERT INTO limits (name, capacity) VALUES (:name, :capacity) ON CONFLICT DO NOTHING")


def declare(tx: Tx, declared: Iterable[Limit]) -> None:
    """Make limits known, with the capacity they have now."""
    for limit in sorted(declared, key=lambda each: each.name):
        tx.execute(_ADD, {"name": limit.name, "capacity": limit.capacity})
        tx.execute(_SET_CAPACITY, {"limit_name": limit.name, "new": limit.capacity})


def names(on_type: Iterable[Limit]) -> tuple[str, ...]:
    """What the limits on tasks of a type are called, as requirements have it."""
    return tuple(sorted({limit.name for limit in on_type}))


_USED = select(sql.count()).select_from(limit_uses).where(limit_uses.c.limit_name == limits.c.name).scalar_subquery()
_NAMED = limits.c.name.in_(bindparam("names", expanding=True))
_FULL = select(limits.c.name).where(_NAMED, limits.c.capacity <= _USED)
_LOCK = select(limits.c.name).where(_NAMED).order_by(limits.c.name).with_for_update()


def full(tx: Tx, names: Collection[str]) -> set[str]:
    """Those of the limits that have no slot left."""
    return set(tx.execute(_FULL, {"names": sorted(names)}).scalars()) if names else set()


def take(tx: Tx, names: Collection[str], task_key: int) -> bool:
    """Take a slot for a task under each of the limits, or under none when one is full: then False."""
    if not names:
        return True
    tx.execute(_LOCK, {"names": sorted(names)})
    if full(tx, names):
        return False
    tx.execute(insert(limit_uses), [{"limit_name": name, "task_key": task_key} for name in sorted(names)])
    return True


_RELEASE_ACTIVE = delete(limit_uses).where(
    limit_uses.c.task_key.in_(select(tasks.c.key).where(text(ACTIVE_SQL), tasks.c.job_key == bindparam("of_job")))
)


def release_active_of(tx: Tx, job_key: int) -> None:
    """Give back the slots of every running task of a job, which is about to end all of them."""
    tx.execute(_RELEASE_ACTIVE, {"of_job": job_key})


def all_limits(tx: Tx) -> list[LimitUse]:
    """Every limit with its use, by name."""
    statement = select(limits.c.name, limits.c.capacity, _USED.label("in_use")).order_by(limits.c.name)
    return [LimitUse(row.name, row.capacity, row.in_use) for row in tx.execute(statement)]
