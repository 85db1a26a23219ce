"""Whole numbers as intervals, against sets of them."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from flamenco.domain.intervals import Interval, common, count, merged, without

NUMBERS = st.integers(-20, 40)
SOME = st.lists(st.tuples(NUMBERS, st.integers(0, 9)).map(lambda each: (each[0], each[0] + each[1])), max_size=6)


def every(intervals: list[Interval]) -> list[int]:
    """All numbers, in the order of the intervals."""
    return [number for first, last in intervals for number in range(first, last + 1)]


@given(SOME)
def test_merged(some: list[Interval]) -> None:
    """The same numbers, each once, and no two intervals that could be one."""
    found = merged(some)
    assert every(found) == sorted(set(every(some)))
    assert count(found) == len(set(every(some)))
    assert all(one[1] + 1 < other[0] for one, other in pairwise(found))


@given(SOME, SOME)
def test_cut(given_: list[Interval], among: list[Interval]) -> None:
    """What is common and what is not are all of it, in its order, whatever that is."""
    numbers, others = every(given_), set(every(among))
    assert every(common(given_, merged(among))) == [each for each in numbers if each in others]
    assert every(without(given_, merged(among))) == [each for each in numbers if each not in others]
