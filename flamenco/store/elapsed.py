"""How long something took, in words of both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Float
from sqlalchemy import func as sql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

_DAY_S = 86_400


class _Seconds(FunctionElement[float]):
    """From one moment to another."""

    inherit_cache = True
    type = Float()


@compiles(_Seconds, "sqlite")
def _in_sqlite(element: _Seconds, compiler: SQLCompiler, **options: Any) -> str:
    start, end = (compiler.process(each, **options) for each in element.clauses)
    # Days since before history leave no more digits than that for parts of a second.
    return f"round((julianday({end}) - julianday({start})) * {_DAY_S}, 3)"


@compiles(_Seconds, "postgresql")
def _in_postgresql(element: _Seconds, compiler: SQLCompiler, **options: Any) -> str:
    start, end = (compiler.process(each, **options) for each in element.clauses)
    return f"CAST(EXTRACT(EPOCH FROM ({end} - {start})) AS DOUBLE PRECISION)"


def seconds_between(start: ColumnElement[Any], end: ColumnElement[Any]) -> ColumnElement[float]:
    """How many seconds there are from one moment to another; 0 where one of them is not known."""
    return sql.coalesce(_Seconds(start, end), 0.0)
