"""What a new job says of its frames: their order, and those that are looked at first, put into its tasks. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import overload

from msgspec.structs import replace

from flamenco.domain import frame_order, previews
from flamenco.domain.contents import Contents
from flamenco.domain.frame_order import AS_COMPILED, FrameOrder, Placed
from flamenco.domain.job_waits import Span
from flamenco.domain.model import AuthoredJob, AuthoredTask, Submission
from flamenco.domain.previews import Member, Preview, Wave
from flamenco.domain.task_frames import frames_of


def planned(job: AuthoredJob, submission: Submission) -> AuthoredJob:
    """The job with its tasks in the order and the waves that were asked for.

    Its submission comes first, then its metadata, then its script. Raises `Refused` where that cannot be.
    """
    asked = submission.frame_order or job.metadata.get(frame_order.KEY, "") or job.frame_order
    order = frame_order.parse(asked)
    preview = submission.previewed or previews.parse_metadata(job.metadata) or job.previewed
    said = "" if order == AS_COMPILED else str(order)
    if not said and preview is None:
        return replace(job, frame_order="", previewed=None)
    return replace(job, frame_order=said, previewed=preview, tasks=_placed(job.tasks, order, preview))


def _placed(tasks: Sequence[AuthoredTask], order: FrameOrder, preview: Preview | None) -> Sequence[AuthoredTask]:
    spans = [frames_of(task.commands, task.frames) for task in tasks]
    waves = [Wave.NONE] * len(spans) if preview is None else _waves(tasks, spans, preview)
    found = frame_order.places(
        [
            Placed(group_of(task), span, wave is Wave.PREVIEW)
            for task, span, wave in zip(tasks, spans, waves, strict=True)
        ],
        order,
    )
    if hasattr(tasks, "contents"):  # which are read anew each time one goes through them
        return PlacedTasks(tasks, array("i", found), bytes(waves))
    return tuple(_with(tasks, found, waves))


def group_of(task: AuthoredTask) -> tuple[str, frozenset[str], int]:
    """What tasks have in common that may change places: their type, their commands, and their priority."""
    return task.type, frozenset(command.name for command in task.commands), task.priority


def _waves(tasks: Iterable[AuthoredTask], spans: Sequence[Span | None], preview: Preview) -> list[Wave]:
    index: dict[str, int] = {}
    needs: list[tuple[str, ...]] = []
    for number, task in enumerate(tasks):
        index[task.id] = number
        needs.append(task.dependencies)
    members = [Member(span, [index[each] for each in ids]) for span, ids in zip(spans, needs, strict=True)]
    return previews.waves(members, preview)


def _with(tasks: Iterable[AuthoredTask], places: Iterable[int], waves: Iterable[int]) -> Iterator[AuthoredTask]:
    for task, place, wave in zip(tasks, places, waves, strict=True):
        yield replace(task, ord=place, wave=Wave(wave))


class PlacedTasks(Sequence[AuthoredTask]):
    """So many tasks that they are in a file, with what is not there. Not to be shared between threads."""

    def __init__(self, tasks: Sequence[AuthoredTask], places: Sequence[int], waves: bytes) -> None:
        self._tasks = tasks
        self._places = places
        self._waves = waves
        self.contents: Contents | None = getattr(tasks, "contents", None)
        """What they are made of, where that is known."""

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[AuthoredTask]:
        return _with(self._tasks, self._places, self._waves)

    @overload
    def __getitem__(self, index: int) -> AuthoredTask: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[AuthoredTask, ...]: ...

    def __getitem__(self, index: int | slice) -> AuthoredTask | tuple[AuthoredTask, ...]:
        """As of a tuple; it takes as long as going through all that come before."""
        if isinstance(index, slice):
            wanted = range(len(self))[index]
            found = {number: task for number, task in enumerate(self) if number in wanted}
            return tuple(found[number] for number in wanted)
        return next(islice(self, range(len(self))[index], None))
