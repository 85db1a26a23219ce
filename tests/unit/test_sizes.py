"""The measure of the house: files and functions that can be read at a glance."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from statistics import median, quantiles

from tests.unit.test_layers import PACKAGE

FILE_MEDIAN, FILE_95TH = 120, 300
FUNCTION_MEDIAN, FUNCTION_95TH = 8, 20
"""In lines; the docstring of a function is not counted, as commands of the command line have their manual there."""

FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent.name != "versions")


def lines_of_functions(source: str) -> Iterator[int]:
    """How long each function in `source` is, without decorators and docstring."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            has_docstring = ast.get_docstring(node) is not None
            yield _lines(node) - (_lines(node.body[0]) if has_docstring else 0)


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def percentile_95(lengths: list[int]) -> float:
    """The length that 95 of 100 do not exceed."""
    return quantiles(lengths, n=20)[-1]


def test_files_are_short() -> None:
    """Half of the files have 120 lines at most, and 95 of 100 no more than 300; migrations are what they have to be."""
    lengths = [len(path.read_text("utf-8").splitlines()) for path in FILES]
    assert median(lengths) <= FILE_MEDIAN
    assert percentile_95(lengths) <= FILE_95TH


def test_functions_are_short() -> None:
    """Half of the functions have 8 lines at most, and 95 of 100 no more than 20, docstrings aside."""
    lengths = [lines for path in FILES for lines in lines_of_functions(path.read_text("utf-8"))]
    assert median(lengths) <= FUNCTION_MEDIAN
    assert percentile_95(lengths) <= FUNCTION_95TH


def test_lines_are_counted() -> None:
    """A function is as long as from its `def` to its end, without its docstring."""
    source = '@decorator\ndef f():\n    """Say\n\n    more."""\n    def g():\n        pass\n    return 1\n'
    assert sorted(lines_of_functions(source)) == [2, 4]
