"""A few frames that are looked at before all others are rendered: which, and what follows. Pure.

The tasks with those frames come first, with all that they depend on. All others are held until a person approves, where
that is asked for; nobody who looks for work comes by them until then.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum, StrEnum
from itertools import accumulate
from typing import Final, NamedTuple

from msgspec import Struct

from flamenco.domain.durations import Duration
from flamenco.domain.errors import Conflict, Refused
from flamenco.domain.frame_order import LARGEST_STEP
from flamenco.domain.frames import frame_ranges
from flamenco.domain.job_waits import Span

FIRST, MIDDLE, LAST = "first", "middle", "last"

KEY: Final = "flamenco.preview"
KEY_THEN: Final = "flamenco.preview_then"
KEY_AFTER: Final = "flamenco.preview_continue_after"
"""Where in its metadata a job says so, for clients that have no other field for it."""

LONGEST_S: Final = 366 * 86_400.0
LONGEST_FRAMES: Final = 500
"""So many characters may say which frames are looked at."""


class Then(StrEnum):
    """What follows once the preview is there: a person is asked, or all goes on."""

    ASK = "ask"
    CONTINUE = "continue"


class PreviewState(StrEnum):
    """Where the preview of a job stands: it has none; it is being rendered; a person is to look at it; it is over."""

    NONE = ""
    RENDERING = "rendering"
    WAITING = "waiting"
    OVER = "over"


PENDING: Final = frozenset({PreviewState.RENDERING, PreviewState.WAITING})
"""As long as it is one of these, tasks that are held are held."""


class Wave(IntEnum):
    """Of a job without a preview, a task is in none. Those of the preview are not held, and others may be."""

    NONE = 0
    PREVIEW = 1
    HELD = 2


class Preview(Struct, frozen=True):
    """Which frames are looked at first, and what follows; with `continue_after_s`, nobody is waited for longer."""

    frames: str
    then: Then = Then.ASK
    continue_after_s: float = 0.0


def parse(frames: str, then: str = "", continue_after: str = "") -> Preview | None:
    """What people write; None where no frames are. Raises `Refused` with a sentence."""
    if not frames.strip():
        if then.strip() or continue_after.strip():
            raise Refused("preview: which frames? Write such as first,middle,last, every 50, or 1,40-42.")
        return None
    if len(frames) > LONGEST_FRAMES:
        raise Refused(f"preview: its frames are to be said in {LONGEST_FRAMES} characters, and not {len(frames)}.")
    _parts(frames)
    try:
        follows = Then(then.strip().lower() or Then.ASK)
    except ValueError as error:
        raise Refused(f"preview: {then!r} is nothing that follows; write ask, or continue.") from error
    return Preview(" ".join(frames.lower().split()), follows, _seconds(continue_after))


def parse_metadata(metadata: Mapping[str, str]) -> Preview | None:
    """As `parse`, of what a job says in its metadata."""
    return parse(*(metadata.get(key, "") for key in (KEY, KEY_THEN, KEY_AFTER)))


def _seconds(written: str) -> float:
    if not written.strip():
        return 0.0
    try:
        seconds = float(Duration.parse(written.strip()))
    except ValueError as error:
        raise Refused(f"preview: {error}") from error
    if not 0 <= seconds <= LONGEST_S:
        raise Refused(f"preview: it goes on by itself after 366 days at most, and not after {written.strip()}.")
    return seconds


class _Parts(NamedTuple):
    """What is asked for: words for frames of the job, every so many, and frames by number."""

    words: frozenset[str]
    every: int
    ranges: list[range]


_EVERY = re.compile(r"every\s*(\d{1,7})")


def _parts(written: str) -> _Parts:
    words: set[str] = set()
    ranges: list[str] = []
    every = 0
    for part in (each.strip().lower() for each in written.split(",")):
        if (word := {"mid": MIDDLE}.get(part, part)) in (FIRST, MIDDLE, LAST):
            words.add(word)
        elif match := _EVERY.fullmatch(part):
            every = int(match[1])
            if not 1 <= every <= LARGEST_STEP:
                raise Refused(f"preview: every {every}? It is from every 1 to every {LARGEST_STEP}.")
        else:
            ranges.append(part)
    if every and (words or ranges):
        raise Refused("preview: every so many frames, or the others that are named, not both.")
    try:
        return _Parts(frozenset(words), every, frame_ranges(",".join(ranges)) if ranges else [])
    except ValueError as error:
        raise Refused(f"preview: {error}; write such as first,middle,last, every 50, or 1,40-42.") from error


def chooser(written: str, spans: Sequence[Span]) -> Callable[[Span], bool]:
    """Whether a task with some frames is one of those to be looked at, in a job of which the tasks have all `spans`."""
    words, every, ranges = _parts(written)
    there = sorted(set(spans))
    if not there:
        return lambda _span: False
    if every:
        start = there[0].first
        return lambda span: start + -((start - span.first) // every) * every <= span.last
    of_words = {FIRST: there[0].first, MIDDLE: there[(len(there) - 1) // 2].first, LAST: max(s.last for s in there)}
    frames = sorted({*((each.start, each[-1]) for each in ranges), *((of_words[w], of_words[w]) for w in words)})
    starts = [first for first, _ in frames]
    furthest = list(accumulate((last for _, last in frames), max))

    def is_chosen(span: Span) -> bool:
        before = bisect_right(starts, span.last)
        return before > 0 and furthest[before - 1] >= span.first

    return is_chosen


class Member(NamedTuple):
    """A task of a job: its frames, and the places of those that it depends on, from 0."""

    frames: Span | None
    needs: Sequence[int] = ()


def waves(tasks: Sequence[Member], preview: Preview) -> list[Wave]:
    """In which wave each task is. Raises `Refused` where none has any of those frames."""
    spans = {number: task.frames for number, task in enumerate(tasks) if task.frames is not None}
    together = {number for number in spans if _puts_together(tasks, number)}
    # A video is no frame of the job: the middle of it is that of its frames.
    is_chosen = chooser(preview.frames, [spans[number] for number in spans.keys() - together] or list(spans.values()))
    chosen = [number for number, task in enumerate(tasks) if task.frames is not None and is_chosen(task.frames)]
    if not chosen:
        has_frames = any(task.frames is not None for task in tasks)
        those = f"has the frames {preview.frames}" if has_frames else "says which frames it is about"
        raise Refused(f"preview: no task of the job {those}, so there is nothing to look at first.")
    found = [Wave.HELD if preview.then is Then.ASK else Wave.NONE] * len(tasks)
    left = [number for number in chosen if number not in together] or chosen
    while left:
        number = left.pop()
        if found[number] is not Wave.PREVIEW:
            found[number] = Wave.PREVIEW
            left += tasks[number].needs
    return found


def _puts_together(tasks: Sequence[Member], number: int) -> bool:
    """Whether it is about more frames than some that it is made of, as a video is: it would want all of them first."""
    own = tasks[number].frames
    parts = (tasks[need].frames for need in tasks[number].needs)
    return own is not None and any(part is not None and _length(part) < _length(own) for part in parts)


def _length(span: Span) -> int:
    return span.last - span.first


def check_waits(state: str) -> None:
    """Raise `Conflict` unless there is something that a person can approve."""
    if state == PreviewState.OVER:
        raise Conflict("Its preview was approved already, or it went on by itself.")
    if state not in PENDING:
        raise Conflict("It has no preview that could be approved.")


def sentence(preview: Preview, state: str, failed: int = 0) -> str:
    """What a person reads of a job with a preview that is pending."""
    if state == PreviewState.RENDERING:
        return f"Preview first: {preview.frames}."
    trouble = f", of which {failed} failed" if failed else ""
    return f"Waiting for approval: the preview ({preview.frames}) is there{trouble}."
