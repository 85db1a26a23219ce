"""How long something took, in words of both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement
from sqlalchemy import func as sql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

_DAY_MS = 86_400_000


class _Milliseconds(FunctionElement[int]):
    """From one moment to another."""

    inherit_cache = True
    type = BigInteger()


@compiles(_Milliseconds, "sqlite")
def _in_sqlite(element: _Milliseconds, compiler: SQLCompiler, **options: Any) -> str:
    start, end = (compiler.process(each, **options) for each in element.clauses)
    # Days since before history leave few digits for parts of a second; to round them takes longer than to cut them.
    return f"CAST((julianday({end}) - julianday({start})) * {_DAY_MS} + 0.5 AS INTEGER)"


@compiles(_Milliseconds, "postgresql")
def _in_postgresql(element: _Milliseconds, compiler: SQLCompiler, **options: Any) -> str:
    start, end = (compiler.process(each, **options) for each in element.clauses)
    return f"CAST(EXTRACT(EPOCH FROM ({end} - {start})) * 1000 AS BIGINT)"


def milliseconds_between(start: ColumnElement[Any], end: ColumnElement[Any]) -> ColumnElement[int]:
    """How many milliseconds there are from one moment to another; 0 where one of them is not known."""
    return sql.coalesce(_Milliseconds(start, end), 0)
