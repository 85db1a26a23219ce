"""Frame ranges in Python. `tests/integration/test_compiler_prelude.py` holds the JavaScript to the same vectors."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.domain.frames import frame_chunker, frame_count, frame_ranges

VECTORS = json.loads(Path(__file__).parents[1].joinpath("vectors/frames.json").read_text(encoding="utf-8"))

FRAME = st.integers(-60, 300)
STEP = st.sampled_from(["", "", "x1", "x2", ":7", "x1000"])
PART = st.one_of(FRAME.map(str), st.tuples(FRAME, FRAME, STEP).map("{0[0]}-{0[1]}{0[2]}".format))
RANGE = st.lists(PART, min_size=1, max_size=8).map(",".join)


def frames_of(text: str) -> list[int]:
    """The frames of a range in their order, the slow and simple way."""
    frames: dict[int, None] = {}
    descends = False
    for part in text.split(","):
        first, last, step = re.fullmatch(r"(-?\d+)(?:-(-?\d+))?(?:[x:](\d+))?", part).groups()  # type: ignore[union-attr]
        begin, end = int(first), int(last or first)
        direction = -1 if end < begin else 1
        descends = descends or direction < 0
        frames.update(dict.fromkeys(range(begin, end + direction, direction * int(step or 1))))
    return list(frames) if descends else sorted(frames)


@pytest.mark.parametrize(("text", "size", "chunks", "_error"), [v for v in VECTORS["chunks"] if v[2] is not None])
def test_chunks(text: str, size: int, chunks: list[str], _error: str) -> None:
    """A range is cut into the chunks that the table says."""
    assert frame_chunker(text, size) == chunks


@pytest.mark.parametrize(("text", "size", "_chunks", "error"), [v for v in VECTORS["chunks"] if v[2] is None])
def test_invalid_chunks(text: str, size: int, _chunks: None, error: str) -> None:
    """What is no range, or cannot be cut, is refused with a text that says why."""
    with pytest.raises(ValueError, match=r"^invalid ") as raised:
        frame_chunker(text, size)
    assert error in str(raised.value)


@pytest.mark.parametrize(("text", "count"), VECTORS["counts"])
def test_counts(text: str, count: int | None) -> None:
    """Distinct frames are counted, and what is no range is refused."""
    if count is None:
        with pytest.raises(ValueError, match="invalid range"):
            frame_count(text)
    else:
        assert frame_count(text) == count


@given(RANGE, st.integers(1, 50))
def test_chunks_hold_every_frame_once(text: str, size: int) -> None:
    """The chunks hold the frames of the range in their order, each once, all chunks but the last full."""
    frames = frames_of(text)
    chunks = frame_chunker(text, size)
    assert [written_out(chunk) for chunk in chunks] == [
        frames[start : start + size] for start in range(0, len(frames), size)
    ]
    assert [frame_count(chunk) for chunk in chunks[:-1]] == [size] * (len(chunks) - 1)


def written_out(chunk: str) -> list[int]:
    """What a script makes of a chunk by replacing `-` between two numbers, that of Blender's arguments."""
    frames: list[int] = []
    for part in re.sub(r"(?<=\d)-", "..", chunk).split(","):
        first, _, last = part.partition("..")
        frames += range(int(first), int(last or first) + 1)
    return frames


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 9)), min_size=1, max_size=8), st.integers(1, 50))
def test_chunks_of_frames_that_go_up_are_blenders_with_dots(parts: list[tuple[int, int]], size: int) -> None:
    """Scripts of old replace every `-` by `..`: without negative frames that is what Blender takes."""
    text = ",".join(f"{first}-{first + more}" for first, more in parts)
    for chunk in frame_chunker(text, size):
        for part in chunk.replace("-", "..").split(","):
            assert re.fullmatch(r"\d+(\.\.\d+)?", part)


@given(RANGE)
def test_count_is_that_of_the_frames(text: str) -> None:
    """The count is the number of distinct frames, and the ranges hold them, sorted, with a gap between any two."""
    ranges = frame_ranges(text)
    assert frame_count(text) == len(frames_of(text))
    assert [frame for each in ranges for frame in each] == sorted(frames_of(text))
    assert all(before.stop < after.start for before, after in pairwise(ranges))


@given(st.text(alphabet="0123456789-.,+ \tx:\u00e9\ud800", max_size=20), st.integers(-2, 5))
def test_any_text_is_cut_or_refused(text: str, size: int) -> None:
    """Whatever people type, the only thing that is ever raised is a ValueError that says what is wrong."""
    try:
        outcome = ",".join(frame_chunker(text, size))
    except ValueError as error:
        outcome = str(error)
    assert outcome.startswith("invalid ") or frame_count(outcome) == frame_count(text.strip())


def test_huge_ranges_cost_nothing() -> None:
    """A range is never written out frame by frame: a trillion frames are counted and cut at once."""
    assert frame_count("1-1000000000000") == 10**12
    assert len(frame_chunker("1-1000000000000", 10**9)) == 1000
    assert frame_ranges("0-9999999999") == [range(10**10)]


@pytest.mark.parametrize("text", ["9999999999-0", "0-9999999999x2", "-9999999999-0", "1-600000x1,600000-1"])
def test_frames_that_are_listed_are_bounded(text: str) -> None:
    """What has to be kept frame by frame is refused before any frame is kept, when there are too many."""
    with pytest.raises(ValueError, match="more than 1000000 frames"):
        frame_count(text)
