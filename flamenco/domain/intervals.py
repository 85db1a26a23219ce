"""Whole numbers as intervals, so that a million of them costs no more than two: counting, merging, cutting. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

Interval = tuple[int, int]
"""The first and the last, both included."""


def count(intervals: Iterable[Interval]) -> int:
    """How many numbers are in intervals that have none in common."""
    return sum(last - first + 1 for first, last in intervals)


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """The same numbers in ascending order, each once, in as few intervals as possible."""
    found: list[Interval] = []
    for first, last in sorted(intervals):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def common(given: Iterable[Interval], among: Sequence[Interval]) -> list[Interval]:
    """What of `given`, in its order, is in `among`, which is merged."""
    return [part for part, is_there in _cut(given, among) if is_there]


def without(given: Iterable[Interval], among: Sequence[Interval]) -> list[Interval]:
    """What of `given`, in its order, is not in `among`, which is merged."""
    return [part for part, is_there in _cut(given, among) if not is_there]


def _cut(given: Iterable[Interval], among: Sequence[Interval]) -> Iterator[tuple[Interval, bool]]:
    """The parts of `given`, and whether each is in `among`."""
    ends = [last for _, last in among]
    for start, last in given:
        first = start
        for place in range(bisect_left(ends, first), len(among)):
            begins, ends_there = among[place]
            if begins > last:
                break
            if begins > first:
                yield (first, begins - 1), False
            yield (max(first, begins), min(last, ends_there)), True
            first = ends_there + 1
        if first <= last:
            yield (first, last), False
