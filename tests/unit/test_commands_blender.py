"""Rendering with Blender: its command line, what is understood of its output, and a real one at work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from flamenco import CommandFailed
from flamenco.builtin.commands.blender import BlenderParameters, command_line, find_blender
from flamenco.builtin.commands.blender_output import BlenderOutput, frames_asked, is_frame_done, saved_image
from flamenco.hooks.parameters import ParameterError, read_parameters
from tests.unit.commanding import Bench, builtin_commands


@pytest.mark.parametrize(
    ("line", "image", "done"),
    [
        ("Saved: '/path/to/file.exr'", "/path/to/file.exr", False),
        ("Saved: 'it's here.png'", "it's here.png", False),
        ("Time: 00:01.06", None, True),
        (" Time: 00:00.24 (Saving: 00:00.19)", None, True),
        ('Skipping existing frame "/x.jpg"', None, True),
        ('skipping existing frame "/x.jpg"', None, True),
        ("00:00.327  render           | Saved: '/path/to/file.exr'", "/path/to/file.exr", False),
        ("00:00.419  render           | Time: 00:01.06 (Saving: 00:00.02)", None, True),
        ('00:00.419  render           | Skipping existing frame "/x.jpg"', None, True),
        ("starting Blender", None, False),
        ("", None, False),
        ("Time: soon", None, False),
        ("Fra:1 Mem:10.27M (Peak 10.47M) | Time:00:00.05 | Mem:0.79M, Peak:0.79M | Scene", None, False),
        ("Fra:1 Mem:10.27M | Remaining Time: 00:01.06", None, False),
        ("print: Saved: 'not/blender.png'", None, False),
        ("00:00.327  compositor       | Saved: '/path/to/file.exr'", None, False),
        ("I have Saved: '/path/to/file.exr'", None, False),
    ],
)
def test_output_is_understood(line: str, image: str | None, done: bool) -> None:
    """Saved images and finished frames are seen in what any version of Blender prints, and nowhere else."""
    assert saved_image(line) == image
    assert is_frame_done(line) == done


@given(st.text())
def test_any_output_is_survived(line: str) -> None:
    """Whatever is printed, following it never fails."""
    assert saved_image(f"Saved: '{line}'") is not None or "\n" in line
    assert is_frame_done(line) in (True, False)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"blendfile": "scene.blend"}, ["scene.blend"]),
        ({"blendfile": ""}, []),
        (
            {"exeArgs": "-b -y", "argsBefore": ["--threads", 2], "blendfile": "a b.blend", "args": ["-f", 1]},
            ["-b", "-y", "--threads", "2", "a b.blend", "-f", "1"],
        ),
        (
            {
                "blendfile": "",
                "exeArgs": ' --factory-startup --python-expr "import bpy; print(\\"hello world\\")"',
            },
            ["--factory-startup", "--python-expr", 'import bpy; print("hello world")'],
        ),
    ],
)
def test_command_line(parameters: dict[str, Any], expected: list[str]) -> None:
    """Program, its own arguments, those before the file, the file unless it is empty, the others."""
    read = read_parameters(builtin_commands()["blender-render"], {"exe": "/opt/blender", **parameters})
    assert isinstance(read, BlenderParameters)
    assert command_line(read) == ["/opt/blender", *expected]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"blendfile": "x"}, 'mandatory parameter "exe" is missing'),
        ({"exe": "blender"}, 'parameter "blendfile" has invalid value .*: cannot convert to string'),
        ({"exe": "blender", "blendfile": 3}, 'parameter "blendfile" .*: cannot convert to string'),
        ({"exe": "blender", "blendfile": "x", "args": "-f 1"}, "cannot convert to list of strings"),
        ({"exe": "blender", "blendfile": "x", "exeArgs": 'an "open quote'}, 'parameter "exeArgs" has invalid value'),
    ],
)
def test_wrong_parameters(parameters: dict[str, Any], message: str) -> None:
    """What cannot make a command line is refused, naming the parameter."""
    with pytest.raises(ParameterError, match=message):
        Bench().run("blender-render", **parameters)


@pytest.mark.parametrize("exe", ["no-such-blender", "/no/such/blender", "sh"])
def test_a_program_is_tried_as_it_is(exe: str) -> None:
    """A name that is not on PATH is still tried, so that the error is about that name."""
    assert find_blender(exe) == exe


def test_a_missing_blender_fails_the_task() -> None:
    """The artist reads which program is missing."""
    with pytest.raises(CommandFailed, match="cannot start 'no-such-blender'"):
        Bench().run("blender-render", exe="no-such-blender", blendfile="")


def test_output_is_followed(tmp_path: Path) -> None:
    """Frames become steps, and saved images are handed over, relative ones from the worker's folder."""
    program = tmp_path / "blender"
    program.write_text(
        "#!/bin/sh\n"
        "echo \"Saved: '/render/000001.png'\"; echo ' Time: 00:00.10'\n"
        "echo \"Saved: 'here/000002.png'\" >&2; echo '00:01.2 render | Time: 00:00.10'\n"
        "echo 'skipping existing frame \"000003.png\"'\n"
    )
    program.chmod(0o755)
    bench = Bench()
    bench.run("blender-render", exe=str(program), blendfile="scene.blend")
    assert bench.steps == [1, 2, 3]
    assert bench.images == [Path("/render/000001.png"), Path.cwd() / "here/000002.png"]


@pytest.mark.parametrize(
    ("arguments", "frames"),
    [
        (["--render-frame", "1..3,7"], [1, 2, 3, 7]),
        (["-o", "/x", "-f", "5,3", "-f", "1", "--", "-f", "9"], [5, 3, 1]),
        (["-f", "0"], [0]),
        ([], []),
        (["-f"], []),
        (["-f", "-5"], []),
        (["-f", "+2"], []),
        (["-f", "1,9..2"], []),
        (["-f", "x"], []),
        (["-a"], []),
        (["-f", "1", "-s", "1", "-e", "9", "-a"], []),
        (["--quiet", "-f", "1..3"], []),
    ],
)
def test_the_frames_of_a_command_line(arguments: list[str], frames: list[int]) -> None:
    """Frames are known where their numbers stand in the arguments, and not where the scene has a say in them."""
    assert [frame for part in frames_asked(arguments) for frame in part] == frames


TIME = " Time: 00:00.10 (Saving: 00:00.01)"


def saved(frame: int, view: str = "") -> str:
    """What Blender says of an image."""
    return f"Saved: '/r/shot-2/{frame:06}{view}.png'"


@pytest.mark.parametrize(
    ("lines", "missing"),
    [
        ([], ""),
        (["Blender 3.4.1", "Blender quit"], "0 of 3 are rendered, missing is 1, 2, 3"),
        ([saved(1), TIME, saved(2), TIME, saved(3), TIME], ""),
        ([saved(1), TIME, saved(3), TIME], "2 of 3 are rendered, missing is 2"),
        ([saved(1), saved(3)], "2 of 3 are rendered, missing is 2"),
        ([saved(1, "_L"), saved(1, "_R"), TIME, saved(2, "_L"), saved(2, "_R"), TIME], "missing is 3"),
        ([TIME, TIME, TIME], ""),
        ([TIME], "1 of 3 are rendered"),
        ([saved(1), TIME, 'skipping existing frame "/r/000002.png"', 'skipping existing frame "/r/000003.png"'], ""),
        (["00:01.2 render | Saved: '/r/1.png'", "00:01.2 render | Time: 00:01"], "missing is 2, 3"),
    ],
)
def test_frames_are_counted(lines: list[str], missing: str) -> None:
    """Each frame counts once, rendered or there already; what is missing is named where names of images tell."""
    output = BlenderOutput()
    for line in lines:
        output.follow(line)
    said = output.missing(frames_asked(["-f", "1..3"]))
    assert said.endswith(missing)
    assert bool(said) == bool(missing)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ('echo "Error: Cannot render, no camera"; exit 1', "the program exited with code 1: Cannot render, no camera"),
        (
            """printf 'Error: Python: Traceback (most recent call last):\\n  File "x"\\nKeyError: no such thing\\n'
            echo 'Error: script failed, expr: x'; exit 1""",
            "the program exited with code 1: KeyError: no such thing",
        ),
        ('for n in 1 2 3 4; do echo "Error: $n"; echo "Error: $n"; done; exit 3', "with code 3: 2; 3; 4"),
        ("echo Error: exceeds range", "0 of 2 are rendered, missing is 7, 8: exceeds range"),
        ("echo \"Saved: '/r/0007.png'\"; echo Time: 1", "1 of 2 are rendered, missing is 8"),
        ("exit 1", "the program exited with code 1"),
    ],
)
def test_the_reason_is_what_blender_said(tmp_path: Path, output: str, reason: str) -> None:
    """The sentence of a failed task has Blender's own errors in it, and an exit code of 0 hides none of them."""
    program = tmp_path / "blender"
    program.write_text(f"#!/bin/sh\n{output}\n")
    program.chmod(0o755)
    with pytest.raises(CommandFailed) as raised:
        Bench().run("blender-render", exe=str(program), blendfile="", args=["-f", "7..8"])
    assert str(raised.value).endswith(reason)


@pytest.mark.parametrize("frame", [1_048_575, 2_147_483_648])
def test_a_frame_that_blender_does_not_have(frame: int) -> None:
    """It is refused by name, as Blender would render the last one that it has, or none, and call that done."""
    with pytest.raises(CommandFailed, match=f"frame {frame} is out of range"):
        Bench().run("blender-render", exe="blender", exeArgs="-b --factory-startup", blendfile="", args=["-f", frame])


def test_a_real_blender_renders(tmp_path: Path) -> None:
    """A real Blender renders a frame, which is seen as a step and as an image that can be opened."""
    # Small, quick, and without a denoiser, which not every build of Blender has.
    prepare = (
        "import bpy; scene = bpy.context.scene; scene.render.engine = 'CYCLES'; scene.cycles.samples = 1; "
        "scene.cycles.use_denoising = False; render = scene.render; render.resolution_x = render.resolution_y = 16; "
        "render.resolution_percentage = 100"
    )
    bench = Bench()
    log = bench.run(
        "blender-render",
        exe="blender",
        exeArgs=f'-b -y --factory-startup --python-expr "{prepare}"',
        blendfile="",
        args=["--render-output", str(tmp_path / "frame-####"), "--render-format", "PNG", "--render-frame", 7],
    )
    assert "going to run:" in log
    assert bench.steps == [1]
    assert bench.images == [tmp_path / "frame-0007.png"]
    with Image.open(bench.images[0]) as image:
        assert image.size == (16, 16)
