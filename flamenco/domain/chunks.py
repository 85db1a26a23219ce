"""Chunks: which frames a task is about exactly, and the same task for some of these alone. Pure.

Where commands have their frames, they declare themselves (`hooks.frame_parameters`). A task of which that is not known
is about all frames from its first to its last, and stays in one piece.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from flamenco.domain.frames import frame_intervals, written
from flamenco.domain.intervals import Interval, count, merged
from flamenco.domain.intervals import without as rest_of
from flamenco.domain.model import Command
from flamenco.domain.task_frames import frames_of

Places = Mapping[str, Mapping[str, tuple[str, ...]]]
"""By the names of commands, which of their parameters hold frames; of lists, the options that frames come behind."""

_TAIL: Final = re.compile(r"(?<![0-9])(?=([0-9][0-9,-]*)$)")
_ARGUMENT: Final = re.compile(r"[0-9.,]+", re.ASCII)  # Blender counts from the end where there is a minus


class _Place(NamedTuple):
    """Where a command has frames: in a parameter, or at a place in one that is a list."""

    command: int
    parameter: str
    at: int | None
    text: str


class Chunk(Struct, frozen=True):
    """The commands of a task, where in them its frames are, and which these are, in their order."""

    commands: tuple[Command, ...]
    places: tuple[_Place, ...]
    frames: tuple[Interval, ...]

    def without(self, frames: Sequence[Interval]) -> Chunk:
        """The same task for the others; `frames` are merged."""
        return self._with(rest_of(self.frames, frames))

    def only(self, frame: int) -> Chunk:
        """The same task for one frame."""
        return self._with([(frame, frame)])

    def _with(self, frames: Sequence[Interval]) -> Chunk:
        commands = list(self.commands)
        for place in self.places:
            commands[place.command] = _changed(commands[place.command], place, written(frames))
        for number in {place.command for place in self.places}:
            if commands[number].total_step_count == count(self.frames):
                commands[number] = replace(commands[number], total_step_count=count(frames))
        return Chunk(tuple(commands), self.places, tuple(frames))


def _changed(command: Command, place: _Place, text: str) -> Command:
    parameters = dict(command.parameters or {})
    if place.at is None:
        parameters[place.parameter] = text
    else:
        values = list(parameters[place.parameter])
        values[place.at] = text.replace("-", "..")
        parameters[place.parameter] = values
    return replace(command, parameters=parameters)


def chunk_of(commands: Sequence[Command], places: Places) -> Chunk | None:
    """The chunk that a task is; None where its commands say nothing of frames, or not clearly where."""
    found: list[_Place] = []
    for number, command in enumerate(commands):
        own = list(_places_in(number, command, places.get(command.name, {})))
        if not own and frames_of([command]) is not None:
            return None  # it has frames, and does not declare where
        found += own
    lists = {_read(place) for place in found}
    if len(lists) != 1 or None in lists:
        return None
    frames = lists.pop() or ()
    if any(_is_said_again(commands[place.command], place, frames) for place in found):
        return None
    return Chunk(tuple(commands), tuple(found), frames)


def _places_in(number: int, command: Command, declared: Mapping[str, tuple[str, ...]]) -> Iterator[_Place]:
    for parameter, options in declared.items():
        value = (command.parameters or {}).get(parameter)
        if not options and value:
            yield _Place(number, parameter, None, str(value))
        elif options and isinstance(value, list | tuple):
            for index, each in enumerate(value[1:], start=1):
                if value[index - 1] in options:
                    yield _Place(number, parameter, index, str(each))


def _read(place: _Place) -> tuple[Interval, ...] | None:
    if place.at is not None and not _ARGUMENT.fullmatch(place.text):
        return None
    try:
        return tuple(frame_intervals(place.text))
    except ValueError:
        return None


def _is_said_again(command: Command, place: _Place, frames: Sequence[Interval]) -> bool:
    """Whether a script among the arguments has the same frames once more, and would look for all of them."""
    values: Any = (command.parameters or {})[place.parameter]
    first, last = frames[0]
    again = (f"[({first}, {first})", f"[({first}, {last})")
    return place.at is not None and any(text in each for each in values for text in again if isinstance(each, str))


def name_of(name: str, frame: int) -> str:
    """What the task for one frame of a chunk is called: `render-7` of `render-1-10`; of `layout`, `layout [7]`."""
    for match in _TAIL.finditer(name):
        if _has(match[1], frame) and (found := f"{name[: match.start()]}{frame}") != name:
            return found
    return f"{name} [{frame}]"


def _has(text: str, frame: int) -> bool:
    try:
        return any(first <= frame <= last for first, last in merged(frame_intervals(text)))
    except ValueError:
        return False
