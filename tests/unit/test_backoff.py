"""Pauses that become longer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.domain.backoff import Backoff


@pytest.mark.parametrize(
    ("backoff", "pauses"),
    [
        (Backoff(1, 10), [1, 2, 4, 8, 10, 10]),
        (Backoff(5, 60), [5, 10, 20, 40, 60, 60]),
        (Backoff(90, 90), [90, 90]),
        (Backoff(0, 60), [0, 0]),
    ],
)
def test_pauses(backoff: Backoff, pauses: list[float]) -> None:
    """The first pause is the one that was asked for, each is twice the one before, and none is too long."""
    made = [backoff.after()]
    while len(made) < len(pauses):
        made.append(backoff.after(made[-1]))
    assert made == pauses


@given(st.floats(0, 1e3), st.floats(1e3, 1e6), st.floats(0, 1e300))
def test_bounds(first: float, longest: float, before: float) -> None:
    """Whatever pause was kept from another time, the next one is within the bounds."""
    assert first <= Backoff(first, longest).after(before) <= longest
