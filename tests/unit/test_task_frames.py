"""Which frames tasks are about."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.domain.frames import frame_chunker, frame_ranges
from flamenco.domain.job_waits import Span
from flamenco.domain.model import Command
from flamenco.domain.task_frames import frames_of


def task(*parameters: dict[str, Any] | None) -> tuple[Command, ...]:
    """The commands of a task, with these parameters."""
    return tuple(Command("any", each) for each in parameters)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"frames": "1-10"}, Span(1, 10)),
        ({"frames": "8,3"}, Span(3, 8)),
        ({"frames": "1,6,11"}, Span(1, 11)),
        ({"frames": "-5--2"}, Span(-5, -2)),
        ({"frames": "10-1"}, Span(1, 10)),
        ({"frames": 7}, Span(7, 7)),
        ({"args": ["--render-format", "PNG", "--render-frame", "1..3,8"]}, Span(1, 8)),
        ({"args": ["-f", 12]}, Span(12, 12)),
        ({"args": ["-s", "5", "-e", "9", "-a"]}, Span(5, 9)),
        ({"args": ["-s", "5", "-a"]}, None),
        ({"args": ["--render-frame"]}, None),
        ({"args": "no list"}, None),
        ({"frames": "all of them"}, None),
        ({"frames": True}, None),
        ({"frames": "1-99999999999"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_commands_say_it(parameters: dict[str, Any] | None, expected: Span | None) -> None:
    """In a parameter of that name, or in Blender's arguments; what cannot be read says nothing."""
    assert frames_of(task(parameters)) == expected


def test_all_commands_count() -> None:
    """A task is about the frames of each."""
    assert frames_of(task({"frames": "4"}, {"message": "done"}, {"frames": "1-2"})) == Span(1, 4)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)), min_size=1, max_size=4), st.integers(1, 7))
def test_chunks_are_read_as_the_grammar_reads_them(parts: list[tuple[int, int]], size: int) -> None:
    """The short way to read most chunks gives what the long one does."""
    written = ",".join(f"{first}-{first + more}" for first, more in parts)
    for chunk in frame_chunker(written, size):
        ranges = frame_ranges(chunk)
        assert frames_of(task({"frames": chunk})) == Span(ranges[0].start, ranges[-1].stop - 1)
