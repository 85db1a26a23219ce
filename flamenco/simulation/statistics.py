"""Counts what happened and how long it took. Pure: durations are arguments."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct


class Latency(Struct, frozen=True, kw_only=True):
    """How long an operation took, in seconds: the middle, what 95 and 99 of 100 did not exceed, and the longest."""

    count: int
    p50: float
    p95: float
    p99: float
    longest: float


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest of the `ordered` durations that at least `share` of them do not exceed; 0 of none."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def latency_of(durations: Sequence[float]) -> Latency:
    """What is to be said of these durations."""
    ordered = sorted(durations)
    p50, p95, p99, longest = (round(percentile(ordered, share), 4) for share in (0.5, 0.95, 0.99, 1.0))
    return Latency(count=len(ordered), p50=p50, p95=p95, p99=p99, longest=longest)


class Statistics:
    """What all workers together have seen of the manager."""

    def __init__(self) -> None:
        self.errors: Counter[str] = Counter()
        self.busy_s = 0.0
        self.available_s = 0.0
        self.cycles = 0
        self.crashes = 0
        self.cut_off = 0
        self.hung = 0
        self.failures = 0
        self._durations: dict[str, array[float]] = {}

    def answered(self, operation: str, seconds: float) -> None:
        """The manager has answered, whatever it said."""
        self._durations.setdefault(operation, array("d")).append(seconds)

    def failed(self, operation: str, kind: str) -> None:
        """There was no answer, or one that is an error: what kind, such as `no answer in time` or `503`."""
        self.errors[f"{operation}: {kind}"] += 1

    @property
    def requests(self) -> int:
        """How many were answered."""
        return sum(map(len, self._durations.values()))

    def latencies(self, newest: int = 0) -> dict[str, Latency]:
        """By operation, of the `newest` answers of each or of all."""
        return {name: latency_of(found[-newest:]) for name, found in sorted(self._durations.items())}
