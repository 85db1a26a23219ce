"""Pages of sorted lists: which rows are on one, by their numbers.

The rows are found first and read afterwards, so that what sorts a hundred thousand of them carries little of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Column, ColumnElement, FromClause, Select, and_, bindparam, or_, select
from sqlalchemy import func as sql

from flamenco.domain.paging import Position, Slice, Value
from flamenco.store.engine import Tx


class Order(Struct, frozen=True):
    """What a list can be sorted by: an expression that is never NULL, and the kind of its values.

    `source` is where the rows are from, where that is more than their table. What is `computed` is so once a row.
    """

    by: ColumnElement[Any]
    kind: type[Value]
    source: FromClause | None = None
    computed: bool = False


class Found(Struct, frozen=True):
    """The row numbers of a page, in its order, and where the next one begins; None where there is none."""

    keys: list[int]
    end: Position | None


_ALL: Final = 2**31 - 1
"""As a limit, more than there are. A query with one is not made one with the query around it, in either database."""


class Pages:
    """The rows of a table that are told apart by `key`, sorted by one of `orders`."""

    def __init__(self, key: Column[int], orders: Mapping[str, Order]) -> None:
        self._key = key
        self._orders = orders

    def find(self, tx: Tx, conditions: Iterable[ColumnElement[bool]], wanted: Slice) -> Found:
        """The part that is wanted of the rows that meet the conditions.

        What is alike in what the list is sorted by comes as it came in, whichever way that is sorted. Raises `Refused`.
        """
        order = self._orders[wanted.by]
        rows, key, by = self._sorted(order, conditions)
        if (after := wanted.begins(order.kind)) is not None:
            value = bindparam("value", after.value, order.by.type)
            further = by < value if wanted.is_descending else by > value
            rows = rows.where(or_(further, and_(by == value, key > after.key)))
        rows = rows.order_by(by.desc() if wanted.is_descending else by.asc(), key).limit(wanted.limit + 1)
        found: Sequence[Any] = tx.execute(rows).all()
        shown = found[: wanted.limit]
        is_more = len(found) > wanted.limit
        return Found([row[0] for row in shown], Position(wanted.sort, shown[-1][1], shown[-1][0]) if is_more else None)

    def _sorted(
        self, order: Order, conditions: Iterable[ColumnElement[bool]]
    ) -> tuple[Select[Any], ColumnElement[int], ColumnElement[Any]]:
        """The rows without their order, and by what each of them is known and sorted."""
        source = self._key.table if order.source is None else order.source
        rows = select(self._key, order.by.label("value")).select_from(source).where(*conditions)
        if not order.computed:
            return rows, self._key, order.by
        inner = rows.limit(_ALL).subquery()
        key, by = inner.c[self._key.name], inner.c.value
        return select(key, by), key, by


def in_order(keys: Sequence[int], rows: Sequence[Any], number: int = 0) -> list[Any]:
    """The rows in the order of their keys, which are in column `number`; what has gone meanwhile is left out."""
    by_key = {row[number]: row for row in rows}
    return [by_key[key] for key in keys if key in by_key]


_LONGEST_TEXT: Final = 200
"""So many characters count of what a list is sorted by: they are in a cursor, and that in the address of a request."""


def text_order(by: Any, *, is_short: bool = False) -> Order:
    """Sorted by a text; one that `is_short` by all of it, along its index where it has one."""
    return Order(by if is_short else sql.substr(by, 1, _LONGEST_TEXT), str)


def number_order(by: Any) -> Order:
    """Sorted by a whole number."""
    return Order(by, int)
