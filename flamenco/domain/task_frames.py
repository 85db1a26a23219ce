"""Which frames a task is about, found in its commands. Pure.

A command says so in a parameter `frames`, or as Blender does in its arguments. Of a task with gaps, what lies between
its first and its last frame counts as its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from flamenco.domain.frames import frame_ranges
from flamenco.domain.job_waits import Span
from flamenco.domain.model import Command

LARGEST: Final = 2**31 - 1
"""Of whole numbers that every database keeps; Blender's frames end far below."""

_SINGLE: Final = ("--render-frame", "-f")
_FIRST: Final = ("--frame-start", "-s")
_LAST: Final = ("--frame-end", "-e")
_LONG: Final = 10  # digits, of which the largest number has as many
_PLAIN: Final = re.compile(r"([0-9]{1,9})(?:(?:-|\.\.|,)([0-9]{1,9}))?", re.ASCII)


def frames_of(commands: Iterable[Command], declared: str = "") -> Span | None:
    """From which frame to which a task of these commands goes; None where they say nothing of frames, or no such.

    Where its script has `declared` that, it goes by it.
    """
    if declared:
        return span_of(declared)
    found: Span | None = None
    for command in commands:
        span = _span_of(command)
        if span is not None:
            found = span if found is None else Span(min(found.first, span.first), max(found.last, span.last))
    return found


def _span_of(command: Command) -> Span | None:
    parameters = command.parameters
    if not parameters:
        return None
    if "frames" in parameters:
        return span_of(parameters["frames"])
    args = parameters.get("args")
    return _of_arguments(args) if isinstance(args, list | tuple) else None


def _of_arguments(args: Sequence[Any]) -> Span | None:
    if (frames := _after(args, _SINGLE)) is not None:
        return span_of(frames)
    first, last = span_of(_after(args, _FIRST)), span_of(_after(args, _LAST))
    return Span(first.first, last.last) if first and last and first.first <= last.last else None


def _after(args: Sequence[Any], options: Sequence[str]) -> Any:
    """What follows the first of `options` that is there."""
    for option in options:
        try:
            return args[args.index(option) + 1]
        except (ValueError, IndexError):
            continue
    return None


def span_of(text: Any) -> Span | None:
    """From which frame to which a range goes; None for what is none, or goes too far."""
    if isinstance(text, int) and not isinstance(text, bool):
        return Span(text, text) if abs(text) <= LARGEST else None
    if not isinstance(text, str):
        return None
    # Most chunks are so; the grammar takes ten times as long.
    if len(text) < _LONG and text.isascii() and text.isdigit():
        return Span(int(text), int(text))
    if (plain := _PLAIN.fullmatch(text)) is not None:
        ends = int(plain[1]), int(plain[2] or plain[1])
        return Span(min(ends), max(ends))
    try:
        ranges = frame_ranges(text)
    except ValueError:
        return None
    span = Span(ranges[0].start, ranges[-1].stop - 1)
    return span if max(abs(span.first), abs(span.last)) <= LARGEST else None
