"""Frame ranges in Python. `tests/integration/test_compiler_prelude.py` holds the JavaScript to the same vectors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.domain.frames import frame_chunker, frame_count

VECTORS = json.loads(Path(__file__).parents[1].joinpath("vectors/frames.json").read_text(encoding="utf-8"))

FRAME = st.integers(0, 300)
PART = st.one_of(FRAME.map(str), st.tuples(FRAME, FRAME).map("{0[0]}-{0[1]}".format))
RANGE = st.lists(PART, min_size=1, max_size=8).map(",".join)


def frames_of(text: str) -> set[int]:
    """The frames of a range, the slow and simple way."""
    frames: set[int] = set()
    for part in text.split(","):
        ends = part.split("-")
        frames.update(range(int(ends[0]), int(ends[-1]) + 1))
    return frames


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
    """The chunks hold the frames of the range, ascending, each once, all chunks but the last full."""
    frames = sorted(frames_of(text))
    if not frames:
        with pytest.raises(ValueError, match="empty range"):
            frame_chunker(text, size)
        return
    chunks = frame_chunker(text, size)
    assert [sorted(frames_of(chunk)) for chunk in chunks] == [
        frames[start : start + size] for start in range(0, len(frames), size)
    ]
    assert [frame_count(chunk) for chunk in chunks[:-1]] == [size] * (len(chunks) - 1)


@given(RANGE)
def test_count_is_that_of_the_frames(text: str) -> None:
    """The count is the number of distinct frames."""
    assert frame_count(text) == len(frames_of(text))


@given(st.text(alphabet="0123456789-.,+ \tx\u00e9\ud800", max_size=20), st.integers(-2, 5))
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
