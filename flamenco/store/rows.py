"""Which columns the fields of a Struct are kept in, said once: what is read, inserted and saved follows from that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct
from sqlalchemy import Column, Table, bindparam, update

from flamenco.store.engine import Tx
from flamenco.store.ready import Ready

S = TypeVar("S", bound=Struct)
E = TypeVar("E", bound=StrEnum)


def member_of(kind: type[E]) -> Callable[[str], E]:
    """What gives the member that has a value; the enumeration itself takes five times as long for that."""
    return {str(member): member for member in kind}.__getitem__


class Rows(Generic[S]):
    """The rows of `table` that are values of `struct`. A field is in the column of its name.

    `elsewhere` names the columns of the fields that are not; those of other tables are read alone. A field in
    `groups` is a Struct of its own, of columns in the order of its fields. `made` says what to make of what a column
    has, and `saved` which fields may change once a value is stored.
    """

    def __init__(
        self,
        struct: type[S],
        table: Table,
        *,
        elsewhere: Mapping[str, Column[Any]],
        saved: Iterable[str],
        groups: Mapping[str, tuple[type[Struct], list[Column[Any]]]] | None = None,
        made: Mapping[str, Callable[[Any], Any]] | None = None,
    ) -> None:
        self._struct = struct
        self._table = table
        self._groups = groups or {}
        names = [name for name in struct.__struct_fields__ if name not in self._groups]
        self._columns = {name: elsewhere[name] if name in elsewhere else table.c[name] for name in names}
        self._made = made or {}
        self.saved: Final = tuple(saved)
        self._of_saved: Final = attrgetter(*self.saved)
        self._updates: dict[tuple[str, ...], Ready] = {}
        self.columns: Final = [*self._columns.values(), *(each for _, group in self._groups.values() for each in group)]
        """What a statement has to select first, in this order, for `read`."""

    def read(self, row: Sequence[Any]) -> S:
        """The value in a row that begins with `columns`."""
        values: dict[str, Any] = dict(zip(self._columns, row, strict=False))
        for name, make in self._made.items():
            values[name] = make(values[name])
        start = len(self._columns)
        for name, (struct, group) in self._groups.items():
            values[name] = struct(*row[start : start + len(group)])
            start += len(group)
        return self._struct(**values)

    def values(self, value: S, names: Iterable[str] | None = None) -> dict[str, Any]:
        """What the columns of the table have for a value, or for some fields of it; not its key."""
        found: dict[str, Any] = {}
        for name in self._struct.__struct_fields__ if names is None else names:
            field = getattr(value, name)
            if name in self._groups:
                struct, group = self._groups[name]
                parts = (getattr(field, part) for part in struct.__struct_fields__)
                found |= {column.name: part for column, part in zip(group, parts, strict=True)}
            elif name != "key" and self._columns[name].table is self._table:
                found[self._columns[name].name] = field
        return found

    def changes(self, before: S, now: S) -> dict[str, Any]:
        """What is new, by columns, of the fields that may change."""
        pairs = zip(self.saved, self._of_saved(before), self._of_saved(now), strict=True)
        return self.values(now, [name for name, old, new in pairs if old is not new and old != new])

    def write(self, tx: Tx, key: int, values: Mapping[str, Any], **expected: object) -> bool:
        """Give columns of the row with that number new values, where others have what is `expected`; whether they had.

        No other column is named: a database keeps up every index of those that are, changed or not.
        """
        if not values:
            return True
        statement, arguments = self._update(key, values, expected)
        return statement.run(tx, **arguments) == 1

    def write_later(
        self, tx: Tx, key: int, values: Mapping[str, Any], check: Callable[[int], object], **expected: object
    ) -> None:
        """As `write`, with what a server is sent next; `check` is told how many rows had what is `expected`."""
        if values:
            statement, arguments = self._update(key, values, expected)
            statement.later(tx, self._table.name, key, check, **arguments)

    def _update(
        self, key: int, values: Mapping[str, Any], expected: Mapping[str, object]
    ) -> tuple[Ready, dict[str, Any]]:
        """The statement, and its values."""
        columns = (*values, "where", *expected)
        if columns not in self._updates:
            known = [self._table.c[name] == bindparam(f"old_{name}") for name in expected]
            known.append(self._table.c.key == bindparam("key_of_row"))
            new: dict[str, Any] = {name: bindparam(f"new_{name}") for name in values}
            self._updates[columns] = Ready(update(self._table).where(*known).values(new))
        arguments = {f"old_{name}": value for name, value in expected.items()}
        arguments |= {f"new_{name}": value for name, value in values.items()}
        return self._updates[columns], arguments | {"key_of_row": key}
