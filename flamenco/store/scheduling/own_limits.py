"""Limits that people set, beside those of policies: their capacity, and the jobs that fall under one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, bindparam, select, text, update
from sqlalchemy import func as sql

from flamenco.domain.people_limits import PROJECT, USER, is_of_machine, on_machine
from flamenco.domain.scheduling.values import MACHINE, UNLIMITED, Limit
from flamenco.domain.statuses import FINISHED_JOB
from flamenco.store.engine import Tx
from flamenco.store.scheduling import limits as limit_store
from flamenco.store.schema import ACTIVE_SQL, MACHINE_SQL, jobs, limit_uses, limits, tasks, workers

_LOCK: Final = 26223 << 48
"""See `store.turns` for what such numbers are."""

_ALONE = select(sql.pg_advisory_xact_lock(_LOCK))
_BESIDE = select(sql.pg_advisory_xact_lock_shared(_LOCK))


def alone(tx: Tx) -> None:
    """From here until the end of the transaction no job is stored by others that goes by other limits."""
    if tx.dialect.name != "sqlite":  # which lets one write at a time anyway
        tx.execute(_ALONE)


_OF_JOBS = select(limits.c.name).where(limits.c.own.is_not(None), text(f"NOT {MACHINE_SQL}"))


def on_jobs(tx: Tx, *, stays: bool = False) -> frozenset[str]:
    """The limits that people have set on tasks of some jobs; `stays`: none is set until the transaction ends."""
    if stays and tx.dialect.name != "sqlite":
        tx.execute(_BESIDE)
    return frozenset(tx.execute(_OF_JOBS).scalars())


_OWN = select(limits.c.own, limits.c.capacity).where(limits.c.name == bindparam("limit_name"))
_SET = (
    update(limits)
    .where(limits.c.name == bindparam("limit_name"))
    .values(own=bindparam("most"), settling=limits.c.settling + bindparam("more"))
)
_BY_POLICIES = select(limits.c.name).where(limits.c.capacity < UNLIMITED).order_by(limits.c.name)


def known(tx: Tx, name: str) -> tuple[int | None, bool]:
    """What people have set for a limit, if anything; and whether a policy has given one of that name."""
    row = tx.execute(_OWN, {"limit_name": name}).first()
    return (None, False) if row is None else (row.own, row.capacity < UNLIMITED)


def of_policies(tx: Tx) -> list[str]:
    """The names of the limits that policies have given."""
    return list(tx.execute(_BY_POLICIES).scalars())


def save(tx: Tx, name: str, capacity: int | None, *, settles: bool) -> None:
    """Set a limit, or take back what was set; `settles`: jobs are to be put under it, or taken out, after that."""
    if not known(tx, name)[1]:
        limit_store.declare(tx, [Limit(name, UNLIMITED, per_machine=is_of_machine(name))])
    tx.execute(_SET, {"limit_name": name, "most": capacity, "more": int(settles)})


_SETTLING = select(limits.c.name, limits.c.settling).where(limits.c.settling > 0).order_by(limits.c.name)
_SETTLED = (
    update(limits)
    .where(limits.c.name == bindparam("limit_name"), limits.c.settling == bindparam("seen"))
    .values(settling=0)
)


def settling(tx: Tx) -> dict[str, int]:
    """The limits that jobs are still to be put under, or taken out of."""
    return {row[0]: row[1] for row in tx.execute(_SETTLING)}


def settled(tx: Tx, name: str, seen: int) -> None:
    """That is done, unless it was begun again since it was `seen`."""
    tx.execute(_SETTLED, {"limit_name": name, "seen": seen})


_UNFINISHED = (jobs.c.status.not_in(sorted(FINISHED_JOB)), jobs.c.delete_requested.is_(None))
_UNDER = select(jobs.c.key).where(*_UNFINISHED).order_by(jobs.c.key)


def jobs_under(tx: Tx, name: str) -> list[int]:
    """The row numbers of the jobs whose tasks fall under a limit that is made by people alone."""
    kind: ColumnElement[bool]
    if name.startswith(USER):
        kind = jobs.c.owner == name.removeprefix(USER)
    elif name.startswith(PROJECT):
        kind = jobs.c.project == name.removeprefix(PROJECT)
    else:
        return []
    return list(tx.execute(_UNDER.where(kind)).scalars())


class LimitRow(NamedTuple):
    """A limit as people see it. Of one on each machine, `in_use` is what runs on the one where most does."""

    name: str
    capacity: int
    in_use: int
    is_set: bool
    per_machine: bool


_ALL = select(
    limits.c.name,
    limit_store.CAPACITY.label("most"),
    limit_store.USED.label("used"),
    limits.c.own,
    limits.c.per_machine,
).where(limit_store.IN_FORCE)


def everything(tx: Tx) -> list[LimitRow]:
    """Every limit with its use, by name."""
    found = []
    rows = tx.execute(_ALL.order_by(limits.c.name)).all()
    machines = [row.name for row in rows if is_of_machine(row.name)]
    running = _running(tx) if machines else {}
    for row in rows:
        in_use = row.used
        if is_of_machine(row.name):
            there = [count for address, count in running.items() if row.name in on_machine(machines, address)]
            in_use = max(there, default=0)
        elif row.per_machine:
            in_use = _most_on_one(tx, row.name)
        found.append(LimitRow(row.name, row.most, in_use, row.own is not None, row.per_machine))
    return found


_TASKS = tasks.join(workers, workers.c.key == tasks.c.worker_key)
_RUNNING = (
    select(workers.c.address, sql.count()).select_from(_TASKS).where(text(ACTIVE_SQL)).group_by(workers.c.address)
)
_USED: Any = (
    select(sql.count())
    .select_from(_TASKS.join(limit_uses, limit_uses.c.task_key == tasks.c.key))
    .where(limit_uses.c.limit_name == bindparam("limit_name"))
    .group_by(workers.c.address)
)


def _running(tx: Tx) -> dict[str, int]:
    return {row[0]: row[1] for row in tx.execute(_RUNNING)}


def _most_on_one(tx: Tx, name: str) -> int:
    return max(tx.execute(_USED, {"limit_name": name}).scalars(), default=0)


_OF_MACHINES = select(limits.c.name).where(text(f"({MACHINE_SQL} OR limits.per_machine)"), limit_store.IN_FORCE)


def full_by_address(tx: Tx, addresses: Iterable[str]) -> dict[str, frozenset[str]]:
    """Which of the limits on machines have no slot left, on those at these addresses."""
    there = list(tx.execute(_OF_MACHINES).scalars())
    found: defaultdict[str, frozenset[str]] = defaultdict(frozenset)
    for address in set(addresses) if there else ():
        others = [name for name in there if not is_of_machine(name)]
        found[address] = frozenset(limit_store.full(tx, [*others, *on_machine(there, address)], address))
    return found


# Those that are put away may come back.
_ADDRESSES = select(workers.c.name, workers.c.address).where(workers.c.deleted.is_(None)).order_by(workers.c.key)


def addresses(tx: Tx) -> dict[str, str]:
    """Where workers come from, by their names; and machines with a limit, by their addresses alone."""
    limited = [name.removeprefix(MACHINE) for name in tx.execute(_OF_MACHINES).scalars() if is_of_machine(name)]
    return {address: address for address in limited} | {row[0]: row[1] for row in tx.execute(_ADDRESSES)}
