"""Frames of a job that run again: which may be asked for, and what becomes of the tasks that have them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct

from flamenco.domain.chunks import Chunk, Places, chunk_of
from flamenco.domain.errors import Refused
from flamenco.domain.frames import frame_ranges, written
from flamenco.domain.intervals import Interval, common, count, without
from flamenco.domain.job_waits import Span
from flamenco.domain.model import Task
from flamenco.domain.statuses import TaskStatus
from flamenco.domain.visible import visible

MOST_FRAMES: Final = 100_000
"""So many frames may be asked for at once."""

MOST_TASKS: Final = 1_000
"""So many tasks may run again, or be new, because of that."""

_NAMED: Final = 10


class Mode(StrEnum):
    """How frames run again: with all that their tasks have, or each in a task of its own."""

    REQUEUE = "requeue"
    SPLIT = "split"


class Step(Struct, frozen=True):
    """What is to be done with a task: run it again, or, with a `chunk`, have `frames` of it in tasks of their own."""

    task: Task
    frames: tuple[Interval, ...]
    chunk: Chunk | None = None
    note: str = ""

    @property
    def waits(self) -> bool:
        """Whether nothing is to be done: it is to run anyway."""
        return self.chunk is None and self.task.status is TaskStatus.QUEUED

    @property
    def tasks(self) -> int:
        """How many tasks run because of it."""
        return 1 if self.chunk is None else count(self.frames)

    def as_a_whole(self, why: str) -> Step:
        """Run all of the task again, although it was to be split."""
        return Step(self.task, self.frames, note=f"{self.task.name} is run again as a whole: {why}.")


def asked_frames(text: str) -> list[Interval]:
    """The frames that somebody wrote down, merged. Raises `Refused`."""
    try:
        found = [(each.start, each.stop - 1) for each in frame_ranges(text)]
    except ValueError as error:
        raise Refused(f"frames: {visible(str(error))}; write frames as 12,40-48 or 1-100x5") from error
    if count(found) > MOST_FRAMES:
        raise Refused(f"frames: {MOST_FRAMES:,} at most, and not {count(found):,}; requeue the whole job instead")
    return found


def step_of(task: Task, span: Span, asked: Sequence[Interval], mode: Mode, places: Places) -> Step | None:
    """What is to be done with a task that goes over `span`; None where it has none of the frames."""
    chunk = chunk_of(task.commands, places)
    frames = common(chunk.frames if chunk else [span], asked)
    if not frames:
        return None
    has_more = without(chunk.frames if chunk else [span], asked)
    if mode is Mode.REQUEUE or not has_more:
        return Step(task, tuple(frames))
    if chunk is None:
        return Step(task, tuple(frames)).as_a_whole("its commands do not say where they have its frames")
    return Step(task, tuple(frames), chunk)


def check_there(asked: Sequence[Interval], found: Sequence[Interval], there: Span | None) -> None:
    """Raise `Refused` where frames were asked for that are not among those of the job, which goes over `there`."""
    if there is None:
        raise Refused("No task of the job says which frames it is about; requeue the tasks themselves instead.")
    if missing := without(asked, found):
        raise Refused(
            f"No task of the job has the frames {shown(missing)}; its tasks go from {there.first} to {there.last}."
        )


def check_few(tasks: int) -> None:
    """Raise `Refused` for more tasks than are run again at once."""
    if tasks > MOST_TASKS:
        raise Refused(
            f"That would be more than {MOST_TASKS:,} tasks to run again, with those that depend on them; ask for fewer "
            "frames at once, or requeue the whole job."
        )


def shown(frames: Sequence[Interval]) -> str:
    """The first of them, as people write them."""
    return written(frames[:_NAMED]) + (" …" if len(frames) > _NAMED else "")


def numbers(frames: Sequence[Interval]) -> list[int]:
    """Each of them, in their order."""
    return [frame for first, last in frames for frame in range(first, last + 1)]
