"""Tasks that are chunks of frames, and the same for fewer of them."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from flamenco import CommandContext, CommandType
from flamenco.builtin.commands.blender_output import frames_asked
from flamenco.domain.chunks import Chunk, Places, chunk_of, name_of
from flamenco.domain.frames import frame_chunker, frame_count, frame_ranges, written
from flamenco.domain.intervals import merged
from flamenco.domain.model import Command
from flamenco.hooks.frame_parameters import frame_places
from tests.unit.commanding import builtin_commands

PLACES: Places = {"draw": {"frames": ()}, "blender-render": {"args": ("-f", "--render-frame")}}


def draw(frames: Any, steps: int = 0) -> Command:
    """A command that has its frames in a parameter."""
    return Command("draw", {"with": "pen", "frames": frames}, steps)


def render(*args: Any, steps: int = 0) -> Command:
    """A command that has them among Blender's arguments."""
    return Command("blender-render", {"exe": "blender", "args": list(args)}, steps)


def test_commands_declare_where_their_frames_are() -> None:
    """A text, or what comes behind options; Blender's does, and what only reads frames does not."""

    class Parameters(Struct, frozen=True, rename="camel"):
        """Some."""

        my_frames: Annotated[str, Meta(extra={"frames": True})]
        args: Annotated[tuple[str, ...], Meta(description="All.", extra={"frames": ("--at",)})] = ()
        exe: str = "draw"

    def run(_context: CommandContext, _parameters: Parameters) -> None:
        """Do nothing."""

    draws = CommandType(name="draw", description="Draw.", task_types=("misc",), parameters=Parameters, run=run)
    places = frame_places({**builtin_commands(), "draw": draws})
    assert places == {
        "blender-render": {"args": ("-f", "--render-frame")},
        "draw": {"myFrames": (), "args": ("--at",)},
    }


@pytest.mark.parametrize(
    ("commands", "frames"),
    [
        ([draw("1-10")], "1-10"),
        ([draw("10-8")], "10,9,8"),
        ([draw("1,6,11")], "1,6,11"),
        ([draw(7)], "7"),
        ([Command("mkdir", {"path": "/r"}), render("-f", "1..3,8")], "1-3,8"),
        ([render("--render-frame", 12)], "12"),
        ([draw("1-3"), render("-f", "1..3")], "1-3"),
        ([draw("1-3"), render("-f", "1..4")], None),  # which of them is it?
        ([draw("1-3"), Command("video", {"frames": "1-3"})], None),  # reads what others have drawn
        ([Command("video", {"frames": "1-3"})], None),
        ([Command("mkdir", {"path": "/r"})], None),
        ([Command("draw", None)], None),
        ([draw("all of them")], None),
        ([draw("")], None),
        ([render("-f", "+1")], None),  # counted from the beginning of the scene
        ([render("-f", "-3,-2")], None),
        ([render("-f")], None),
        ([render("-s", "1", "-e", "9", "-a")], None),
        ([render("--python-expr", "ranges = [(1, 3), (8, 8)]", "-f", "1..3,8")], None),  # a script looks for them too
        ([render("--python-expr", "ranges = [(1, 1), (2, 2)]", "-f", "1,2")], None),
    ],
)
def test_which_frames_a_task_has(commands: list[Command], frames: str | None) -> None:
    """Where all that has some declares where, and says the same."""
    chunk = chunk_of(commands, PLACES)
    assert (None if chunk is None else written(chunk.frames)) == frames


RANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)), min_size=1, max_size=4).map(
    lambda parts: ",".join(f"{first}-{first + more}" for first, more in parts)
)


@given(RANGES, RANGES, st.booleans())
def test_a_chunk_in_parts_has_the_same_frames(text: str, others: str, in_arguments: bool) -> None:
    """What is left, and each that was taken, are all of it, as commands have them; the steps are those of the parts."""
    (whole,) = frame_chunker(text, 1000)
    count = frame_count(text)
    command = render("-f", whole.replace("-", ".."), steps=count) if in_arguments else draw(whole, steps=count)
    chunk = chunk_of([Command("echo", {"message": "hi"}), command], PLACES)
    assert chunk is not None
    taken = [(each.start, each.stop - 1) for each in frame_ranges(others)]
    rest = chunk.without(taken)
    asked = {frame for each in frame_ranges(others) for frame in each}
    mine = {frame for each in frame_ranges(text) for frame in each}
    singles = [chunk.only(frame) for frame in sorted(mine & asked)]
    parts = [*([rest] if mine - asked else []), *singles]
    assert sorted(frame for part in parts for frame in said(part)) == sorted(mine)
    assert set(said(rest) if mine - asked else []) == mine - asked
    assert sum(part.commands[1].total_step_count for part in parts) == count
    assert all(part.commands[0] == chunk.commands[0] for part in parts)
    assert merged(chunk.frames) == [(each.start, each.stop - 1) for each in frame_ranges(text)]


def said(chunk: Chunk) -> list[int]:
    """The frames that the commands have."""
    parameters = chunk.commands[1].parameters or {}
    if "args" in parameters:
        return [frame for each in frames_asked(parameters["args"]) for frame in each]
    return [frame for each in frame_ranges(parameters["frames"]) for frame in each]


def test_the_order_stays() -> None:
    """Frames that go down go down still."""
    chunk = chunk_of([draw("10-6")], PLACES)
    assert chunk is not None
    assert chunk.without([(8, 8)]).commands[0].parameters == {"with": "pen", "frames": "10,9,7,6"}


def test_steps_that_are_no_frames_stay() -> None:
    """A command that counts otherwise counts as it did."""
    chunk = chunk_of([draw("1-10", steps=3)], PLACES)
    assert chunk is not None
    assert chunk.only(4).commands == (draw("4", steps=3),)


@pytest.mark.parametrize(
    ("name", "frame", "new"),
    [
        ("render-1-10", 7, "render-7"),
        ("render-1,6,11", 6, "render-6"),
        ("shot-12-1-10", 7, "shot-12-7"),
        ("Front/render-10,9,8", 9, "Front/render-9"),
        ("layout", 7, "layout [7]"),
        ("take-3", 7, "take-3 [7]"),  # no range that has it
        ("sim-2024", 2024, "sim-2024 [2024]"),  # its own name
        ("render-1...2998 (1000 frames)", 4, "render-1...2998 (1000 frames) [4]"),
        ("", 1, " [1]"),
    ],
)
def test_names(name: str, frame: int, new: str) -> None:
    """They say which frame it is, and are not that of the chunk."""
    assert name_of(name, frame) == new
