"""Which frames may be asked for once more, and what becomes of a task that has some."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flamenco.domain.errors import Refused
from flamenco.domain.frames_again import MOST_TASKS, Mode, asked_frames, check_few, check_there, shown, step_of
from flamenco.domain.job_waits import Span
from flamenco.domain.model import Command, Task
from flamenco.domain.statuses import TaskStatus

PLACES = {"draw": {"frames": ()}}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def task(command: str, frames: str, status: TaskStatus = TaskStatus.COMPLETED) -> Task:
    """A stored task with one command."""
    said = {"key": 1, "id": "id", "job_key": 1, "job_id": "job", "index": 1, "name": f"{command} {frames}"}
    commands = (Command(command, {"frames": frames}),)
    moments = {"created": NOW, "updated": NOW}
    return Task(type="misc", priority=50, status=status, activity="", commands=commands, **said, **moments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "frames"),
    [("12,40-48", [(12, 12), (40, 48)]), ("1-10x5", [(1, 1), (6, 6)]), (" 3, 1-2 ", [(1, 3)]), ("5-3", [(3, 5)])],
)
def test_frames_are_written_as_ever(text: str, frames: list[tuple[int, int]]) -> None:
    """By the grammar of job types."""
    assert asked_frames(text) == frames


@pytest.mark.parametrize(
    ("text", "said"),
    [("twelve", '"twelve" is not a number'), ("", "is not a number"), ("1-100001", "100,000 at most, and not 100,001")],
)
def test_what_is_none_is_refused(text: str, said: str) -> None:
    """With a sentence that says what is right."""
    with pytest.raises(Refused, match=said):
        asked_frames(text)


@pytest.mark.parametrize(
    ("command", "mode", "asked", "expected"),
    [
        ("draw", Mode.REQUEUE, [(3, 3)], ("whole", 1)),
        ("draw", Mode.SPLIT, [(3, 4)], ("split", 2)),
        ("draw", Mode.SPLIT, [(0, 20)], ("whole", 1)),  # it has no others
        ("draw", Mode.SPLIT, [(11, 20)], None),
        ("other", Mode.SPLIT, [(3, 3)], ("noted", 1)),
        ("other", Mode.REQUEUE, [(3, 3)], ("whole", 1)),
    ],
)
def test_what_becomes_of_a_task(
    command: str, mode: Mode, asked: list[tuple[int, int]], expected: tuple[str, int] | None
) -> None:
    """It is split only where that is wanted, possible, and makes a difference."""
    step = step_of(task(command, "1-10"), Span(1, 10), asked, mode, PLACES)
    if step is None:
        assert expected is None
    else:
        assert ("split" if step.chunk else "noted" if step.note else "whole", step.tasks) == expected


def test_gaps_are_known_where_commands_declare_them() -> None:
    """Of other tasks, what lies between counts as theirs."""
    asked = [(3, 3)]
    assert step_of(task("draw", "1,6,11"), Span(1, 11), asked, Mode.REQUEUE, PLACES) is None
    assert step_of(task("other", "1,6,11"), Span(1, 11), asked, Mode.REQUEUE, PLACES) is not None


def test_what_is_queued_waits_already() -> None:
    """Unless it is to be split."""
    queued = task("draw", "1-10", TaskStatus.QUEUED)
    for mode, waits in ((Mode.REQUEUE, True), (Mode.SPLIT, False)):
        step = step_of(queued, Span(1, 10), [(3, 3)], mode, PLACES)
        assert step is not None
        assert step.waits is waits


def test_frames_that_are_not_there_are_named() -> None:
    """With those that are."""
    check_there([(3, 5)], [(1, 10)], Span(1, 10))
    with pytest.raises(Refused, match="No task of the job has the frames 11,12; its tasks go from 1 to 10"):
        check_there([(3, 12)], [(1, 10)], Span(1, 10))
    with pytest.raises(Refused, match="No task of the job says which frames"):
        check_there([(3, 3)], [], None)


def test_no_more_tasks_than_are_bearable() -> None:
    """The sentence says what to do instead."""
    check_few(MOST_TASKS)
    with pytest.raises(Refused, match="ask for fewer frames at once, or requeue the whole job"):
        check_few(MOST_TASKS + 1)


def test_many_frames_are_not_all_said() -> None:
    """The first of them are."""
    assert shown([(frame, frame) for frame in range(0, 40, 2)]) == "0,2,4,6,8,10,12,14,16,18 …"
