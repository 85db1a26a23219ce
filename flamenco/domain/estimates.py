"""When a job will be done: a range, and what it stands on. Pure.

It goes by what tasks of each type took that are done, of the job, or else of the last one that was called the same,
and by how many workers are at the job now. What waits for what is not looked at: the range is what comes if those
workers stay, and always have something to do. Types of which none was ever done are left out, and the ground says so:
better to hear when all frames are there than nothing, since the first video of a job is still to come.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from msgspec import Struct

from flamenco.domain.durations import in_words

MOST_SAMPLES: Final = 1000
"""So many done tasks of a job are looked at, the last ones."""

_LONGEST_S: Final = 10 * 365 * 86_400
"""What would take longer is not worth a date."""


class Left(Struct, frozen=True):
    """What is left of one type: tasks that nobody has begun with, and for how long others have been run already."""

    waiting: int
    running_s: tuple[float, ...] = ()


class Estimate(Struct, frozen=True):
    """When a job will be done, and the ground of that, in words."""

    earliest: datetime
    latest: datetime
    ground: str


def estimate(
    left: Mapping[str, Left],
    done: Mapping[str, Sequence[float]],
    before: Mapping[str, Sequence[float]],
    workers: int,
    now: datetime,
) -> Estimate | None:
    """When what is `left`, by type, is done by so many workers; None when nobody could know.

    `done`: how many seconds done tasks of the job took, by type; `before`: those of an earlier one.
    """
    left = {name: each for name, each in left.items() if each.waiting or each.running_s}
    samples = {name: done.get(name) or before.get(name) or () for name in left}
    unknown = [name for name, values in sorted(samples.items()) if not values]
    left = {name: each for name, each in left.items() if samples[name]}
    samples = {name: samples[name] for name in left}
    if not left or not workers:
        return None
    ranges = {name: _range(values) for name, values in samples.items()}
    least = _even(left, {name: low for name, (low, _) in ranges.items()}, workers)
    most = max(least, _rounds(left, {name: high for name, (_, high) in ranges.items()}, workers))
    if most > _LONGEST_S:
        return None
    ground = _ground(samples, {name for name in left if not done.get(name)}, unknown, workers)
    return Estimate(now + timedelta(seconds=least), now + timedelta(seconds=most), ground)


def _range(samples: Sequence[float]) -> tuple[float, float]:
    """Between what half of the tasks took: their quartiles; of very few, the shortest and the longest."""
    ordered = sorted(samples)
    outer = len(ordered) // 4
    return ordered[outer], ordered[-1 - outer]


def _rests(left: Left, task_s: float) -> list[float]:
    return [max(0.0, task_s - spent) for spent in left.running_s]


def _even(left: Mapping[str, Left], task_s: Mapping[str, float], workers: int) -> float:
    """When the workers share all that is left evenly; no less than one task takes."""
    rests = [rest for name, each in left.items() for rest in _rests(each, task_s[name])]
    whole = sum(rests) + sum(each.waiting * task_s[name] for name, each in left.items())
    longest = max([*rests, *(task_s[name] for name, each in left.items() if each.waiting)], default=0.0)
    return max(longest, whole / workers)


def _rounds(left: Mapping[str, Left], task_s: Mapping[str, float], workers: int) -> float:
    """When each type is done in rounds, one type after the other, once what is being run is over."""
    rests = [rest for name, each in left.items() for rest in _rests(each, task_s[name])]
    return max(rests, default=0.0) + sum(
        math.ceil(each.waiting / workers) * task_s[name] for name, each in left.items()
    )


def _ground(samples: Mapping[str, Sequence[float]], earlier: set[str], unknown: Sequence[str], workers: int) -> str:
    took = []
    for name, values in sorted(samples.items()):
        where = ", of the last job of that name" if name in earlier else ""
        took.append(f"{name} {in_words(median(values))} (median of {len(values)} done{where})")
    took += [f"without {name}, of which nothing is done yet" for name in unknown]
    at_it = "1 worker that is at it" if workers == 1 else f"{workers} workers that are at it"
    return f"{'; '.join(took)}; {at_it} now"
