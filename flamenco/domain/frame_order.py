"""In which order the frames of a job come. Pure.

An order moves tasks among those of one kind and one priority that say which frames they are about: they change places
with each other, and all others stay where their script has put them. Tasks of the same frames come together.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from msgspec import Struct

from flamenco.domain.errors import Refused
from flamenco.domain.job_waits import Span

LARGEST_STEP: Final = 1_000_000

KEY: Final = "flamenco.order"
"""Where in its metadata a job says in which order its frames come, for clients that have no other field for it."""

EXAMPLES: Final = ("forward", "backward", "every 10", "middle-out")


class Way(StrEnum):
    """As the script has put them; the last one first; every Nth before all others; or halves of halves."""

    FORWARD = "forward"
    BACKWARD = "backward"
    EVERY = "every"
    MIDDLE_OUT = "middle-out"


class FrameOrder(Struct, frozen=True):
    """An order; `step` is the N of every Nth, and 0 with all others."""

    way: Way = Way.FORWARD
    step: int = 0

    def __str__(self) -> str:
        return f"{self.way} {self.step}" if self.way is Way.EVERY else str(self.way)


AS_COMPILED: Final = FrameOrder()


def parse(written: str) -> FrameOrder:
    """The order that a text such as `every 10` means; nothing is `forward`. Raises `Refused` with a sentence."""
    word, _, rest = written.strip().lower().replace(":", " ").replace("every-", "every ").partition(" ")
    rest = rest.strip()
    if word == Way.EVERY and rest.isascii() and rest.isdecimal() and 1 <= int(rest[:10]) <= LARGEST_STEP:
        return FrameOrder(Way.EVERY, int(rest[:10]))
    if word in ("", Way.FORWARD, Way.BACKWARD, Way.MIDDLE_OUT) and not rest:
        return FrameOrder(Way(word or Way.FORWARD))
    raise Refused(f"order: {written!r} is no order of frames; write forward, backward, middle-out, or every 10.")


class Placed(NamedTuple):
    """A task as far as its place goes: which others it may change places with, its frames, whether it comes first."""

    group: Hashable
    frames: Span | None
    is_first: bool = False


def places(tasks: Sequence[Placed], order: FrameOrder) -> list[int]:
    """The place of each task of a job, from 1; or 0 for each of them where all are to stay where they are."""
    found = list(range(1, len(tasks) + 1))
    if order == AS_COMPILED and not any(task.is_first for task in tasks):
        return [0] * len(tasks)
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for number, task in enumerate(tasks):
        if task.frames is not None:
            groups[task.group].append(number)
    for members in groups.values():
        for place, number in zip(members, _in_order(tasks, members, order), strict=True):
            found[number] = place + 1
    return found if any(place != number for number, place in enumerate(found, 1)) else [0] * len(tasks)


def _in_order(tasks: Sequence[Placed], members: list[int], order: FrameOrder) -> list[int]:
    first = [number for number in members if tasks[number].is_first]
    rest = [number for number in members if not tasks[number].is_first] if first else members
    return [*_arranged(tasks, first, order), *_arranged(tasks, rest, order)]


def _arranged(tasks: Sequence[Placed], members: list[int], order: FrameOrder) -> Iterable[int]:
    if order == AS_COMPILED:
        return members
    by_frames: dict[Span, list[int]] = defaultdict(list)
    for number in members:
        frames = tasks[number].frames
        assert frames is not None  # noqa: S101 - only those that have frames are in a group
        by_frames[frames].append(number)
    spans = sorted(by_frames)
    return [number for position in arranged(len(spans), order) for number in by_frames[spans[position]]]


def arranged(number: int, order: FrameOrder) -> list[int]:
    """The positions from 0 up to `number`, as they come."""
    match order.way:
        case Way.BACKWARD:
            return list(range(number - 1, -1, -1))
        case Way.EVERY:
            return [*range(0, number, order.step), *(each for each in range(number) if each % order.step)]
        case Way.MIDDLE_OUT:
            return _halves(number)
    return list(range(number))


def _halves(number: int) -> list[int]:
    """Both ends, the middle, then the middles of both halves, and so on: of 1 to 100 that is 1, 100, 50, 25, 75."""
    found = list(dict.fromkeys((0, number - 1))) if number else []
    left = deque([(0, number - 1)])
    while left:
        first, last = left.popleft()
        if last - first < 2:
            continue
        middle = (first + last) // 2
        found.append(middle)
        left += [(first, middle), (middle, last)]
    return found
