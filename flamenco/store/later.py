"""Changes that nobody waits for, carried out together with the next: to a server, each alone would be a round trip.

Most of those are made while others wait for the same job. So a change that is only to be made by the end of the
transaction is kept, and becomes a part of the statement that is sent next. All parts see the database as it was before
that statement, so none may be about a row that another one changes; and whatever reads has all changes made before, or,
where it is a part itself, leaves out the row that is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from flamenco.store.driver_errors import of_sqlalchemy

_KEY: Final = "flamenco.later"
"""Where among what is known of a connection the changes are."""


class Change(NamedTuple):
    """One statement: what a driver is given of it, of which table it changes rows, and which one, if it is one.

    `check` is told how many rows it concerned, once it is made, and may raise.
    """

    sql: str
    parameters: Mapping[str, Any]
    table: str
    row: int
    check: Callable[[int], object] | None = None


def put_off(tx: Connection, change: Change) -> None:
    """Have it made with what is sent next; at the latest at the end of the transaction."""
    kept: list[Change] = tx.info.setdefault(_KEY, [])
    if any(each.table == change.table for each in kept):
        carry_out(tx)
        kept = tx.info.setdefault(_KEY, [])
    kept.append(change)


def beside(tx: Connection, table: str, row: int) -> list[Change]:
    """The changes that are to be made together with one of that table, or with a look at it: which may be about the row
    that one of them is about, and does not change it, or leaves it out; the caller makes them. Others are made here."""
    kept: list[Change] | None = tx.info.get(_KEY)
    if not kept:
        return []
    if any(each.table == table and each.row != row for each in kept):
        carry_out(tx)
        return []
    del tx.info[_KEY]
    return kept


def carry_out(tx: Connection) -> None:
    """Make the changes that were put off."""
    kept: list[Change] | None = tx.info.pop(_KEY, None)
    if kept:
        make(tx, kept)


def forget(tx: Connection) -> None:
    """Make none of them."""
    tx.info.pop(_KEY, None)


class Made(NamedTuple):
    """What came of the last one of some changes: of how many rows it was, what it returned, of which columns."""

    number: int
    rows: list[Sequence[Any]]
    description: Sequence[Sequence[Any]]


def make(tx: Connection, changes: Sequence[Change], *, returns: bool = False) -> Made:
    """Make changes by one statement; the last one may be one that `returns` rows, or only look for them."""
    sql = _statement(tuple(change.sql for change in changes), returns=returns)
    parameters = {
        f"c{n}_{name}": value for n, change in enumerate(changes) for name, value in change.parameters.items()
    }
    cursor = tx.connection.cursor()
    _tell(tx, tx.engine.dispatch.before_cursor_execute, cursor, sql, parameters)
    try:
        cursor.execute(sql, parameters)
        found = cursor.fetchall()
        description = cursor.description
        cursor.close()
    except tx.dialect.loaded_dbapi.Error as error:
        raise of_sqlalchemy(tx, error, sql, parameters, cursor) from error
    _tell(tx, tx.engine.dispatch.after_cursor_execute, cursor, sql, parameters)
    counted = len(changes) - returns
    for change, count in zip(changes, found[0][:counted], strict=False):
        if change.check is not None:
            change.check(count)
    rows = [row[counted:] for row in found if row[counted] is not None] if returns else []
    return Made(found[0][counted - 1] if not returns else len(rows), rows, description[counted:])


def _tell(tx: Connection, listeners: Any, cursor: Any, sql: str, parameters: Any) -> None:
    for listener in listeners or ():
        listener(tx, cursor, sql, parameters, None, False)  # noqa: FBT003 - as SQLAlchemy calls them


@lru_cache(maxsize=1024)
def _statement(parts: tuple[str, ...], *, returns: bool) -> str:
    """One statement for all, which says of each how many rows it concerned, and before what the last one `returns`."""
    named = [part.replace("%(", f"%(c{number}_") for number, part in enumerate(parts)]
    counted = named[:-1] if returns else named
    made = [f"c{number} AS ({part} RETURNING 1)" for number, part in enumerate(counted)]
    counts = ", ".join(f"(SELECT count(*) FROM c{number}) AS n{number}" for number in range(len(counted)))  # noqa: S608 - our own statements
    if not returns:
        return f"WITH {', '.join(made)} SELECT {counts}"
    made.append(f"returned AS ({named[-1]})")
    counts = f"(SELECT {counts}) AS counts"
    return f"WITH {', '.join(made)} SELECT counts.*, returned.* FROM {counts} LEFT JOIN returned ON true"  # noqa: S608 - the same
