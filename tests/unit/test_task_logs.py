"""Task logs on disk."""

from __future__ import annotations

import errno
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flamenco.domain.errors import StoreError, Unavailable
from flamenco.files.logs import TAIL_BYTES, TaskLogs, stamped

JOB = "6d0e2b4a-0000-4000-8000-000000000001"
TASK = "6d0e2b4a-0000-4000-8000-000000000002"


def test_text_is_appended_as_it_is(tmp_path: Path) -> None:
    """A newline is added where there is none, empty text is nothing, and odd characters survive."""
    logs = TaskLogs(tmp_path)
    for text in ("one", "two\n", "", "grüße \ud800 \x00"):
        logs.append(JOB, TASK, text)
    assert logs.path(JOB, TASK).read_bytes() == "one\ntwo\ngrüße ? \x00\n".encode()
    assert logs.path(JOB, TASK) == tmp_path / "job-6d0e" / JOB / f"task-{TASK}.txt"


def test_a_line_that_is_not_finished_is_replaced(tmp_path: Path) -> None:
    """A last line that ends with a return is there meanwhile, and is one line of the log in the end."""
    logs = TaskLogs(tmp_path)
    seen = []
    for text in ("begin\n", "1%\r", "2%\r", "3%\nmore\n1%\r", "a\rb\n", "7%\r"):
        logs.append(JOB, TASK, text)
        seen.append(logs.tail(JOB, TASK))
    assert seen == [
        "begin\n",
        "begin\n1%\r",
        "begin\n2%\r",
        "begin\n3%\nmore\n1%\r",
        "begin\n3%\nmore\na\rb\n",
        "begin\n3%\nmore\na\rb\n7%\r",
    ]


def test_notes_leave_unfinished_lines(tmp_path: Path) -> None:
    """How far a task came before it was taken away stands above what the manager notes about that."""
    logs = TaskLogs(tmp_path)
    logs.append(JOB, TASK, "42%\r")
    logs.note(JOB, TASK, "canceled")
    logs.append(JOB, TASK, "1%\r")
    logs.append(JOB, TASK, "end")
    assert logs.path(JOB, TASK).read_bytes() == b"42%\r\ncanceled\nend\n"


def test_notes_carry_the_time(tmp_path: Path) -> None:
    """A line of the manager's own begins with the local time and its offset."""
    logs = TaskLogs(tmp_path)
    now = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    logs.note(JOB, TASK, stamped("hello", now))
    moment, _, text = logs.tail(JOB, TASK).partition(" ")
    assert datetime.fromisoformat(moment) == now.replace(microsecond=0)
    assert text == "hello\n"


@pytest.mark.parametrize(
    ("text", "tail"),
    [
        ("", ""),
        ("short\n", "short\n"),
        ("first\n" + "x" * (TAIL_BYTES - 1) + "\n", "x" * (TAIL_BYTES - 1) + "\n"),
        ("y" * 10 + "\n" + "line\n" * 500, "line\n" * (TAIL_BYTES // 5)),
        ("z" * 5000, "z" * (TAIL_BYTES - 1) + "\n"),
        ("é" * 5000, "é" * (TAIL_BYTES // 2 - 1) + "\n"),
    ],
)
def test_the_tail_begins_with_a_whole_line(tmp_path: Path, text: str, tail: str) -> None:
    """Of a long log the last 2 KiB are shown, without the line that was cut, unless there is nothing else."""
    logs = TaskLogs(tmp_path)
    logs.append(JOB, TASK, text)
    assert logs.tail(JOB, TASK) == tail


def test_notes_are_not_lost_among_progress(tmp_path: Path) -> None:
    """What the manager notes while a worker replaces its last line again and again is all there."""
    logs = TaskLogs(tmp_path)
    done = threading.Event()

    def show() -> None:
        while not done.is_set():
            TaskLogs(tmp_path).append(JOB, TASK, "progress\r")

    showing = threading.Thread(target=show)
    showing.start()
    for number in range(300):
        logs.note(JOB, TASK, f"note {number}")
    done.set()
    showing.join()
    notes = [line for line in logs.path(JOB, TASK).read_text().splitlines() if line.startswith("note")]
    assert notes == [f"note {number}" for number in range(300)]


def test_lines_of_many_writers_do_not_mix(tmp_path: Path) -> None:
    """Whatever comes at the same time, every line stays whole."""
    logs = TaskLogs(tmp_path)

    def write(letter: str) -> None:
        for _ in range(200):
            logs.append(JOB, TASK, letter * 300)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = logs.path(JOB, TASK).read_text().splitlines()
    assert sorted(lines) == sorted(letter * 300 for letter in "abcd" for _ in range(200))


def test_what_cannot_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    """A worker's text that cannot be kept is refused with the reason; the manager's own lines are let go."""
    (tmp_path / "job-6d0e").write_text("in the way")
    with pytest.raises(StoreError, match=r"task log .* cannot be written: Not a directory"):
        TaskLogs(tmp_path).append(JOB, TASK, "text")
    TaskLogs(tmp_path).note(JOB, TASK, "text")
    assert (tmp_path / "job-6d0e").read_text() == "in the way"


def test_a_full_disk_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that does not fit says that there is no space, which passes; other trouble does not say so."""
    logs = TaskLogs(tmp_path)

    def write(_descriptor: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(Unavailable, match="No space left"):
        logs.append(JOB, TASK, "text")
