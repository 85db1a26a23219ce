"""Statements that are asked all the time, sent to the driver ready-made.

SQLAlchemy looks at every execution anew: at the parameters, at who listens, at what there is to be of the result. That
takes longer than most of our statements take in SQLite, and all of it while everybody else waits for the lock. What
does not change is found out here once for each kind of database, from the same tables and statements.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from sqlalchemy import Dialect
from sqlalchemy.exc import NoResultFound
from sqlalchemy.sql.expression import Executable

from flamenco.store import later
from flamenco.store.driver_errors import of_sqlalchemy
from flamenco.store.engine import Tx

Row: TypeAlias = Any
"""A named tuple with the columns of a statement, in their order."""

_Converter: TypeAlias = Callable[[Any], Any]


class Ready:
    """One statement. It has the values of its `bindparam`s for arguments, by their names.

    What follows `IN` is to be a list of single parameters: one that expands would make another statement each time.
    """

    def __init__(self, statement: Executable) -> None:
        self._statement: Final = statement
        self._compiled: dict[str, _Compiled] = {}

    def all(self, tx: Tx, /, **values: Any) -> list[Row]:
        """All rows of the result."""
        return self._for(tx).rows(tx, values)

    def first(self, tx: Tx, /, **values: Any) -> Row | None:
        """The first row, if any."""
        rows = self._for(tx).rows(tx, values)
        return rows[0] if rows else None

    def one(self, tx: Tx, /, **values: Any) -> Row:
        """The first row; there has to be one. Raises `sqlalchemy.exc.NoResultFound`."""
        rows = self._for(tx).rows(tx, values)
        if not rows:
            raise NoResultFound("No row was found when one was required")
        return rows[0]

    def scalar(self, tx: Tx, /, **values: Any) -> Any:
        """The first value of the first row; None where there is none."""
        rows = self._for(tx).rows(tx, values)
        return rows[0][0] if rows else None

    def run(self, tx: Tx, /, **values: Any) -> int:
        """Have it done; how many rows it concerned."""
        return self._for(tx).run(tx, values)

    def later(
        self, tx: Tx, /, table: str, row: int, check: Callable[[int], object] = lambda _: None, **values: Any
    ) -> None:
        """Have it done with what a server is sent next, and at once otherwise; it is to return nothing.

        It changes rows of `table`, and of those that were put off alone the one with the number `row`, if any. `check`
        is told how many rows it concerned.
        """
        compiled = self._for(tx)
        if tx.dialect.name == "sqlite":
            check(compiled.run(tx, values))
        else:
            later.put_off(tx, compiled.change(values, table, row, check))

    def run_with_those(self, tx: Tx, /, table: str, row: int, **values: Any) -> int:
        """As `run`, together with what was put off, of which only what `row` is of may be about the same table."""
        others = later.beside(tx, table, row)
        compiled = self._for(tx)
        if not others:
            return compiled.run(tx, values)
        return later.make(tx, [*others, compiled.change(values, table, row)]).number

    def all_with_those(self, tx: Tx, /, table: str, row: int, **values: Any) -> list[Row]:
        """As `all`, in the same way, of a change that returns rows, or a look that leaves out the row of that number.

        The first column is never NULL.
        """
        others = later.beside(tx, table, row)
        compiled = self._for(tx)
        if not others:
            return compiled.rows(tx, values)
        made = later.make(tx, [*others, compiled.change(values, table, row)], returns=True)
        return compiled.read(tx, made.rows, made.description)

    def run_each(self, tx: Tx, each: Iterable[Mapping[str, Any]]) -> None:
        """Have it done for each of these values."""
        self._for(tx).run_each(tx, each)

    def _for(self, tx: Tx) -> _Compiled:
        known = self._compiled.get(tx.dialect.name)
        if known is None:
            known = self._compiled[tx.dialect.name] = _Compiled(self._statement, tx.dialect)
        return known


class _Compiled:
    """The statement as one kind of database takes it."""

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.sql: Final = str(compiled)
        self._constants: Final[dict[str, Any]] = {}
        self._converters: Final[dict[str, _Converter]] = {}
        values = compiled.params
        for bind, name in compiled.bind_names.items():  # one that stands twice in the statement comes twice
            convert = bind.type.dialect_impl(dialect).bind_processor(dialect)
            if not bind.required:
                value = values[name]
                self._constants[name] = convert(value) if convert and value is not None else value
            elif convert:
                self._converters[name] = convert
        self._names: Final = values.keys()
        self._order: Final[Sequence[str] | None] = compiled.positiontup if compiled.positional else None
        self._columns: Final = tuple(getattr(statement, "exported_columns", ()))
        self._make: Final = _maker([column.key for column in self._columns])
        self._readers: list[tuple[int, _Converter]] | None = None

    def rows(self, tx: Tx, values: Mapping[str, Any]) -> list[Row]:
        parameters = self._parameters(values)
        cursor = self._executed(tx, parameters)
        try:
            found = cursor.fetchall()
            if self._readers is None:
                self._readers = self._readers_of(tx.dialect, cursor.description)
            cursor.close()
        except tx.dialect.loaded_dbapi.Error as error:
            raise self._failed(tx, cursor, parameters, error) from error
        return self._made(found)

    def read(self, tx: Tx, found: Sequence[Any], description: Sequence[Sequence[Any]]) -> list[Row]:
        """What rows are that came by another statement."""
        if self._readers is None:
            self._readers = self._readers_of(tx.dialect, description)
        return self._made(found)

    def _made(self, found: Sequence[Any]) -> list[Row]:
        make, readers = self._make, self._readers
        return [make(_read(row, readers)) for row in found] if readers else [make(row) for row in found]

    def change(
        self, values: Mapping[str, Any], table: str, row: int, check: Callable[[int], object] | None = None
    ) -> later.Change:
        """It, to be made together with others."""
        return later.Change(self.sql, self._parameters(values), table, row, check)

    def run(self, tx: Tx, values: Mapping[str, Any]) -> int:
        cursor = self._executed(tx, self._parameters(values))
        count: int = cursor.rowcount
        cursor.close()
        return count

    def run_each(self, tx: Tx, each: Iterable[Mapping[str, Any]]) -> None:
        self._executed(tx, [self._parameters(values) for values in each], many=True).close()

    def _parameters(self, values: Mapping[str, Any]) -> Any:
        """What the driver is given: in order, or by name."""
        bound = {**self._constants, **values}
        for name, convert in self._converters.items():
            bound[name] = convert(bound[name])
        if len(bound) != len(self._names):
            raise KeyError(f"no parameter of this statement: {', '.join(bound.keys() - self._names)}")
        return bound if self._order is None else tuple([bound[name] for name in self._order])

    def _executed(self, tx: Tx, parameters: Any, *, many: bool = False) -> Any:
        """The driver's cursor, once it has done it. What the driver raises is raised as SQLAlchemy does."""
        driver: Any = tx.connection.dbapi_connection
        cursor = driver.cursor()
        listeners = tx.engine.dispatch
        if listeners.before_cursor_execute:
            for listener in listeners.before_cursor_execute:
                listener(tx, cursor, self.sql, parameters, None, many)
        try:
            (cursor.executemany if many else cursor.execute)(self.sql, parameters)
        except tx.dialect.loaded_dbapi.Error as error:
            raise self._failed(tx, cursor, parameters, error) from error
        if listeners.after_cursor_execute:
            for listener in listeners.after_cursor_execute:
                listener(tx, cursor, self.sql, parameters, None, many)
        return cursor

    def _failed(self, tx: Tx, cursor: Any, parameters: Any, error: Exception) -> BaseException:
        found = of_sqlalchemy(tx, error, self.sql, parameters, cursor)
        if not tx.closed:
            cursor.close()
        return found

    def _readers_of(self, dialect: Dialect, description: Sequence[Sequence[Any]]) -> list[tuple[int, _Converter]]:
        found = []
        for number, (column, told) in enumerate(zip(self._columns, description, strict=True)):
            reader = column.type.dialect_impl(dialect).result_processor(dialect, told[1])
            if reader is not None:
                found.append((number, reader))
        return found


def _maker(names: Sequence[str | None]) -> Callable[[Iterable[Any]], Row]:
    """What makes a named tuple of a row. A name that comes twice names the first column."""
    row: Any = namedtuple("Row", [name or "" for name in names], rename=True)  # type: ignore[misc]
    make: Callable[[Iterable[Any]], Row] = row._make
    return make


def _read(row: Sequence[Any], readers: list[tuple[int, _Converter]]) -> list[Any]:
    values = list(row)
    for number, reader in readers:
        if values[number] is not None:
            values[number] = reader(values[number])
    return values
