"""Parts of logs by their place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.domain.errors import StoreError
from flamenco.files.log_reading import read
from flamenco.files.logs import TaskLogs

JOB = "6d0e2b4a-0000-4000-8000-000000000001"
TASK = "6d0e2b4a-0000-4000-8000-000000000002"


@pytest.fixture
def logs(tmp_path: Path) -> TaskLogs:
    """Three lines, of 4, 9 and 5 bytes, of which the second has characters of two."""
    made = TaskLogs(tmp_path)
    made.append(JOB, TASK, "one\ngrüüß\nlast\n")
    return made


@pytest.mark.parametrize(
    ("offset", "most", "data", "at"),
    [
        (0, 100, b"one\n" + "grüüß\nlast\n".encode(), 0),
        (0, 5, b"one\n", 0),
        (4, 9, "grüüß\n".encode(), 4),
        (4, 4, "grü".encode(), 4),  # a line that is too long ends with a character
        (4, 5, "grü".encode(), 4),
        (8, 3, "ü".encode(), 8),
        (13, 100, b"last\n", 13),
        (18, 100, b"", 18),
        (10_000, 100, b"", 18),
        (-6, 100, b"last\n", 13),
        (-10_000, 100, b"one\n" + "grüüß\nlast\n".encode(), 0),
        (-11, 4, "ü".encode(), 8),
    ],
)
def test_parts(logs: TaskLogs, offset: int, most: int, data: bytes, at: int) -> None:
    """A part ends with a line unless that is too long, and begins with one where it is counted from the end."""
    part = logs.part(JOB, TASK, offset, most)
    assert (part.data, part.offset, part.size) == (data, at, 18)
    assert part.end == at + len(data)


def test_there_is_nothing_of_no_log(tmp_path: Path) -> None:
    """Nor of one that is no file: nobody waits for a pipe that somebody has put there."""
    logs = TaskLogs(tmp_path)
    assert logs.part(JOB, TASK, 0, 100).data == b""
    logs.append(JOB, TASK, "x")
    logs.path(JOB, TASK).unlink()
    os.mkfifo(logs.path(JOB, TASK))
    with pytest.raises(StoreError, match="cannot be read"):
        logs.part(JOB, TASK, 0, 100)


@given(
    st.lists(st.sampled_from([b"a", b"\n", "ü".encode(), "\N{GRINNING FACE}".encode(), b"\xff"]), max_size=60),
    st.integers(4, 20),
)
def test_parts_make_up_the_whole(pieces: list[bytes], most: int) -> None:
    """Part after part gives all of a log, each once, however long its lines are and whatever bytes they have."""
    whole = b"".join(pieces)
    descriptor = os.memfd_create("log")
    try:
        os.write(descriptor, whole)
        seen, at = b"", 0
        while at < len(whole):
            part = read(descriptor, at, most)
            assert part.offset == at
            assert part.data
            seen, at = seen + part.data, part.end
        assert seen == whole
    finally:
        os.close(descriptor)
