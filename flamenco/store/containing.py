"""Whether a text has another one in it, whatever the case of the letters, in words of both databases.

Neither an index nor a function of Python is asked: names are short, and a database looks through a hundred thousand of
them faster than it could keep an index of their parts up to date while tasks come in.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, ColumnElement, String, bindparam
from sqlalchemy import func as sql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from flamenco.domain.searching import folded, letters


class _Place(FunctionElement[int]):
    """Where in a text another one begins, from 1; 0 where it is not there."""

    inherit_cache = True


@compiles(_Place, "sqlite")
def _in_sqlite(element: _Place, compiler: SQLCompiler, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


@compiles(_Place, "postgresql")
def _in_postgresql(element: _Place, compiler: SQLCompiler, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)})"


class _Pattern(FunctionElement[bool]):
    """Whether a text matches: three arguments, the text, the pattern for GLOB, and the one for PostgreSQL."""

    inherit_cache = True
    type = Boolean()


@compiles(_Pattern, "sqlite")
def _glob(element: _Pattern, compiler: SQLCompiler, **options: Any) -> str:
    text, pattern, _ = element.clauses
    return f"({compiler.process(text, **options)} GLOB {compiler.process(pattern, **options)})"


@compiles(_Pattern, "postgresql")
def _regular_expression(element: _Pattern, compiler: SQLCompiler, **options: Any) -> str:
    text, _, pattern = element.clauses
    return f"({compiler.process(text, **options)} ~ {compiler.process(pattern, **options)})"


def contains(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Whether the column has that text in it, however it is written."""
    if text.isascii():
        return has(sql.lower(column), folded(text))
    ways = letters(text)
    glob, expression = "".join(map(_in_glob, ways)), "".join(map(_in_expression, ways))
    return _Pattern(column, _text(f"*{glob}*"), _text(expression))


def has(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Whether the column, of which all is folded already, has that text in it as it is."""
    return _Place(column, _text(text)) > 0


def _text(value: str) -> ColumnElement[str]:
    return bindparam(None, value, String, unique=True)


def _in_glob(ways: str) -> str:
    return f"[{ways}]" if len(ways) > 1 or ways in "*?[" else ways


def _in_expression(ways: str) -> str:
    if len(ways) > 1:
        return f"[{ways}]"
    return f"\\{ways}" if ways.isascii() and not (ways.isalnum() or ways.isspace()) else ways
