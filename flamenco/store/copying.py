"""Copying a whole database into another one, of the same kind or the other: rows by tables, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import islice
from typing import Final

from sqlalchemy import Table, insert, select, text, update
from sqlalchemy import func as sql

from flamenco.domain.errors import StoreError
from flamenco.store import recount
from flamenco.store.engine import Store, Tx
from flamenco.store.schema import attempts, leases, metadata, processes, rolled_up

_LEFT_OUT: Final = (leases, processes)
"""What is about processes that run at the moment, and not those of the other database."""

_BATCH: Final = 5_000

_NEWEST = select(sql.coalesce(sql.max(attempts.c.key), 0)).scalar_subquery()
_COUNT_ON = update(rolled_up).where(rolled_up.c.counted > _NEWEST).values(counted=_NEWEST)
"""New attempts are numbered after those that came along; those that were forgotten had higher numbers."""

Told = Callable[[str, int, int], None]
"""Is told the table, how many of its rows are there by now, and of how many."""


def copied_tables() -> list[Table]:
    """The tables in an order in which none refers to a later one."""
    return [table for table in metadata.sorted_tables if table not in _LEFT_OUT]


def count_rows(store: Store, names: Collection[str] | None = None) -> dict[str, int]:
    """How many rows there are, by tables; of those that are named, if they are there."""
    with store.read() as tx:
        return {table.name: _count(tx, table) for table in copied_tables() if names is None or table.name in names}


def copy(source: Store, target: Store, told: Told = lambda *_: None) -> dict[str, int]:
    """Copy everything to a database that has the tables, and nothing in them. Returns how many rows, by tables.

    Either all of it is there afterwards, and was looked at, or nothing. Raises `StoreError`.
    """
    with source.read() as before, target.write() as tx:
        for table in copied_tables():
            if _count(tx, table):
                raise StoreError(f"The database {target.url!r} is in use: it has {table.name}. Name an empty one.")
        counts = {table.name: _copy_table(before, tx, table, told) for table in copied_tables()}
        if not target.is_sqlite:
            _go_on_counting(tx)
        tx.execute(_COUNT_ON)
        _check(before, tx, counts)
    return counts


def _copy_table(before: Tx, tx: Tx, table: Table, told: Told) -> int:
    total, done = _count(before, table), 0
    told(table.name, 0, total)
    rows = iter(before.execution_options(yield_per=_BATCH).execute(select(table).order_by(*table.primary_key)))
    while batch := [row._asdict() for row in islice(rows, _BATCH)]:
        tx.execute(insert(table), batch)
        done += len(batch)
        told(table.name, done, total)
    return total


def _go_on_counting(tx: Tx) -> None:
    """Have PostgreSQL number new rows after those that came with their numbers."""
    for table in copied_tables():
        (first, *others) = table.primary_key.columns
        if not others and first.name == "key":
            sequence = tx.execute(text("SELECT pg_get_serial_sequence(:name, 'key')"), {"name": table.name}).scalar()
            highest = tx.execute(select(sql.max(first))).scalar()
            if sequence and highest:
                tx.execute(text("SELECT setval(:sequence, :highest)"), {"sequence": sequence, "highest": highest})


def _check(before: Tx, tx: Tx, counts: dict[str, int]) -> None:
    """Raise `StoreError` unless all rows are there, and what is counted of them is as it was."""
    for table in copied_tables():
        if (there := _count(tx, table)) != counts[table.name]:
            raise StoreError(f"Of {counts[table.name]} rows of {table.name}, {there} were copied; nothing was kept.")
    wrong = set(recount.miscounted(tx)) - set(recount.miscounted(before))
    if wrong:
        raise StoreError(f"The copy is not what the database was, so nothing was kept: {'; '.join(sorted(wrong))}.")


def _count(tx: Tx, table: Table) -> int:
    return int(tx.execute(select(sql.count()).select_from(table)).scalar_one())
