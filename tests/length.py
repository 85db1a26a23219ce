"""How much is tested: as a rule what proves most for its time, the rest with `scripts/test --long`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

_whole = False


def set_whole() -> None:
    """From here on everything goes on for as long as it can; called before the tests are read."""
    global _whole  # noqa: PLW0603 - an option of the command line, which is set once
    _whole = True


def of(usual: int, whole: int) -> int:
    """How often, how many, or for how long: `usual` as a rule, `whole` when time does not matter."""
    return whole if _whole else usual


def every(nth: int, rows: Iterable[Any]) -> list[Any]:
    """The rows of a table for `parametrize`: one of `nth` as a rule, and all of them when time does not matter."""
    return [row if number % nth == 0 else _long(row) for number, row in enumerate(rows)]


def _long(row: Any) -> Any:
    return pytest.param(*(row if type(row) is tuple else (row,)), marks=pytest.mark.long)
