"""How long a script may run, by the clock of its processor and the one on the wall."""

from __future__ import annotations

import pytest

from flamenco.compiler.run_time import RunTime, longest_s

LIMIT_S = 10.0


@pytest.mark.parametrize(
    ("share", "ends_s"),
    [
        pytest.param(1.0, 10, id="alone"),
        pytest.param(0.5, 20, id="on a machine with as much else to do"),
        pytest.param(0.1, 100, id="on one with nine times as much"),
        pytest.param(0.01, longest_s(LIMIT_S), id="on one that is far too busy"),
        pytest.param(0.0005, 10, id="waiting"),
        pytest.param(0.0, 10, id="stuck"),
    ],
)
def test_processor_time_counts(share: float, ends_s: float) -> None:
    """A run ends when it took its limit of processor time, much later by the wall, or when it does nothing so long."""
    run = RunTime(LIMIT_S, 5.0, 1_000.0)
    ended = next(second for second in range(1_000) if run.is_over(5.0 + share * second, 1_000.0 + second))
    assert ends_s <= ended <= ends_s + 1


def test_a_run_that_stops_later() -> None:
    """One that worked for a while, and then waits, ends as soon as it has waited for as long as its limit."""
    run = RunTime(LIMIT_S, 0.0, 0.0)
    ended = next(second for second in range(1_000) if run.is_over(min(second, 9.0), float(second)))
    assert 19 <= ended <= 30
