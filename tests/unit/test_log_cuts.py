"""Logs of tasks that become too long: what stays, what is said of the rest, and who may write meanwhile."""

from __future__ import annotations

import multiprocessing
import re
import stat
from pathlib import Path

import pytest

from flamenco.files.log_cuts import LONGEST_LINE_BYTES
from flamenco.files.logs import TaskLogs
from flamenco.files.public import open_file

JOB = "6d0e2b4a-0000-4000-8000-000000000001"
TASK = "6d0e2b4a-0000-4000-8000-000000000002"
MOST = 1024 * 1024
SENTENCE = re.compile(
    r"----- left out here: (\d+) bytes, for the log of a task is kept below 1 MiB \(task_log_mb\); "
    r"the newest follows -----\n"
)
BLOCK = 100
LINES = [f"line {number:06} {'x' * 85}\n" for number in range(40 * MOST // 1000)]


@pytest.fixture
def logs(tmp_path: Path) -> TaskLogs:
    """Logs of a MiB at most."""
    return TaskLogs(tmp_path, MOST)


def fill(logs: TaskLogs, lines: list[str]) -> None:
    """Log lines as a worker does, many at a time."""
    for number in range(0, len(lines), BLOCK):
        logs.append(JOB, TASK, "".join(lines[number : number + BLOCK]))
        assert logs.size(JOB, TASK) <= MOST


def parts_of(text: str) -> tuple[str, int, str]:
    """What is before the sentence, how many bytes it says are missing, and what is behind it."""
    (found,) = SENTENCE.finditer(text)
    return text[: found.start()], int(found[1]), text[found.end() :]


@pytest.mark.parametrize("times", [1, 2, 4])
def test_the_beginning_and_the_newest_stay(logs: TaskLogs, times: int) -> None:
    """However often a log is cut, whole lines stay, and one sentence tells the bytes that are missing, all of them."""
    lines = LINES[: (MOST + (times - 1) * MOST // 2) // len(LINES[0]) + 2 * BLOCK]
    fill(logs, lines)
    logs.note(JOB, TASK, "canceled")
    text = logs.path(JOB, TASK).read_text()
    begun, missing, newest = parts_of(text)
    everything = "".join(lines) + "canceled\n"
    assert everything.startswith(begun)
    assert everything.endswith(newest)
    assert begun.endswith("\n")
    assert newest.startswith("line ")
    assert len(begun) >= MOST // 8
    assert len(newest) >= MOST // 2 - len(lines[0])
    assert len(begun) + missing + len(newest) == len(everything)


def test_a_log_that_fits_is_left_alone(logs: TaskLogs, tmp_path: Path) -> None:
    """To the last byte of the limit; and without a limit, beyond it."""
    logs.append(JOB, TASK, "x" * (MOST - 1))
    before = logs.path(JOB, TASK).stat()
    assert (before.st_size, stat.S_IMODE(before.st_mode) & 0o400) == (MOST, 0o400)
    unlimited = TaskLogs(tmp_path)
    unlimited.append(JOB, TASK, "more")
    assert logs.path(JOB, TASK).stat().st_ino == before.st_ino
    assert unlimited.size(JOB, TASK) == MOST + len("more\n")


def test_one_text_that_is_longer_than_all(logs: TaskLogs) -> None:
    """A line beyond every limit is cut between two characters, and all that is left can be read."""
    logs.append(JOB, TASK, "ä" * 3 * MOST)
    begun, missing, newest = parts_of(logs.path(JOB, TASK).read_bytes().decode())
    assert set(begun.removesuffix("\n")) == set(newest.removesuffix("\n")) == {"ä"}
    assert len(begun.encode()) - 1 + missing + len(newest.encode()) == 6 * MOST + 1
    logs.append(JOB, TASK, "ö" * LONGEST_LINE_BYTES * 8)
    again, more, _ = parts_of(logs.path(JOB, TASK).read_bytes().decode())
    assert again == begun
    assert more > missing


def test_progress_goes_on(logs: TaskLogs) -> None:
    """A last line that is not finished is still replaced once the log was cut."""
    fill(logs, LINES[: MOST // len(LINES[0])])
    logs.append(JOB, TASK, "x" * BLOCK * 100 + "\n42%\r")
    logs.append(JOB, TASK, "43%\r")
    text = logs.path(JOB, TASK).read_bytes().decode()
    parts_of(text)
    assert text.endswith("x\n43%\r")


def test_who_reads_meanwhile_reads_on(logs: TaskLogs) -> None:
    """A download that has begun is of the log as it was, and later ones are of another version."""
    fill(logs, LINES[:1000])
    before = logs.path(JOB, TASK).read_bytes()
    reading = open_file(logs.path(JOB, TASK))
    fill(logs, LINES[1000 : 2 * MOST // len(LINES[0])])
    parts_of(logs.path(JOB, TASK).read_text())
    with reading.stream as stream:
        assert stream.read(reading.size) == before
    later = open_file(logs.path(JOB, TASK))
    later.stream.close()
    assert later.etag != reading.etag


def test_nothing_is_left_beside_it(logs: TaskLogs) -> None:
    """There is one file, which is as readable as it was."""
    logs.append(JOB, TASK, "first")
    logs.path(JOB, TASK).chmod(0o640)
    fill(logs, LINES[: 2 * MOST // len(LINES[0])])
    assert [each.name for each in logs.path(JOB, TASK).parent.iterdir()] == [f"task-{TASK}.txt"]
    assert stat.S_IMODE(logs.path(JOB, TASK).stat().st_mode) == 0o640


def test_a_log_that_cannot_be_cut_is_kept(logs: TaskLogs) -> None:
    """What was reported is written all the same, and cut with what comes next."""
    aside = logs.path(JOB, TASK).with_name(f"task-{TASK}.txt~")
    aside.mkdir(parents=True)
    logs.append(JOB, TASK, "x" * 2 * MOST)
    assert logs.size(JOB, TASK) == 2 * MOST + 1
    aside.rmdir()
    logs.append(JOB, TASK, "more")
    assert logs.size(JOB, TASK) < MOST
    assert logs.tail(JOB, TASK).endswith("more\n")


def write_many(root: str, letter: str) -> None:
    """What one of several processes does."""
    logs = TaskLogs(Path(root), MOST)
    for number in range(600):
        logs.append(JOB, TASK, f"{letter}{number:04} {'x' * 3993}\n")


def test_several_processes_write_at_once(logs: TaskLogs, tmp_path: Path) -> None:
    """Whichever of them cuts the log, no line is lost or broken but for those that are counted as left out."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=write_many, args=(str(tmp_path), letter)) for letter in "abc"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    begun, missing, newest = parts_of(logs.path(JOB, TASK).read_text())
    lines = (begun + newest).splitlines()
    assert all(re.fullmatch(r"[abc]\d{4} x{3993}", line) for line in lines)
    assert len(set(lines)) == len(lines)
    assert len(lines) * 4000 + missing == 3 * 600 * 4000


@pytest.mark.parametrize("times", [1, 4])
def test_what_came_when_is_found_in_a_log_that_was_cut(logs: TaskLogs, times: int) -> None:
    """Where so many bytes had been logged is the same line as before, or the sentence where that is left out."""
    lines = LINES[: (MOST + (times - 1) * MOST // 2) // len(LINES[0]) + 2 * BLOCK]
    fill(logs, lines)
    data = logs.path(JOB, TASK).read_bytes()
    everything = "".join(lines).encode()
    assert logs.logged(JOB, TASK) == len(everything)
    begun, _, _ = parts_of(data.decode())
    for part in (0, 0.05, 0.2, 0.97, 1):
        place = int(part * len(lines)) * len(lines[0])
        found = data[logs.offset(JOB, TASK, place) :][:40]
        assert found == everything[place:][:40] or (found.startswith(b"----- left") and place >= len(begun))


def test_a_log_that_was_not_cut_is_as_long_as_it_is(logs: TaskLogs) -> None:
    """Nor is one that is not there."""
    assert (logs.logged(JOB, TASK), logs.offset(JOB, TASK, 100)) == (0, 0)
    logs.append(JOB, TASK, "one\n")
    assert (logs.logged(JOB, TASK), logs.offset(JOB, TASK, 2), logs.offset(JOB, TASK, 100)) == (4, 2, 4)
