"""What the launcher understands of Blender's command line, without any Blender."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.blender_launcher import ALIASES, MAX_FRAME, CommandLine, LauncherError, Step, frame_numbers, main, parse


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], CommandLine()),
        (["-b"], CommandLine()),
        (["--background", "--factory-startup", "-noaudio"], CommandLine()),
        (["a.blend"], CommandLine((Step("file", "a.blend"),))),
        (["-b", "-y", "a.blend"], CommandLine((Step("file", "a.blend"),), autoexec=True)),
        (["a.blend", "--enable-autoexec"], CommandLine((Step("file", "a.blend"),), autoexec=True)),
        (["-y", "-Y"], CommandLine()),
        (["-t", "4"], CommandLine(threads=4)),
        (["--threads", "0"], CommandLine(threads=0)),
        (["--python-exit-code", "3"], CommandLine(python_exit_code=3)),
        (["--version"], CommandLine(version=True)),
        (["-v"], CommandLine(version=True)),
        (["-f", "-2", "-a"], CommandLine((Step("-f", "-2"), Step("-a")))),
        (["--python-expr", "--x"], CommandLine((Step("--python-expr", "--x"),))),
        (["-a", "--", "--cycles-device", "CPU"], CommandLine((Step("-a"),))),
        (["-s", "1", "-e", "9", "-j", "2"], CommandLine((Step("-s", "1"), Step("-e", "9"), Step("-j", "2")))),
        (["-P", "x.py", "--python", "y.py"], CommandLine((Step("-P", "x.py"), Step("-P", "y.py")))),
    ],
)
def test_command_lines_are_read(arguments: list[str], expected: CommandLine) -> None:
    """Settings hold wherever they stand, the rest is done in the order given."""
    assert parse(arguments) == expected


def test_a_render_task_is_read() -> None:
    """The command line that the job type for renders makes is understood, and in its order."""
    script = "import bpy; r = bpy.context.scene.render; r.use_file_extension = True"
    arguments = ["-b", "-y", "/s/a.blend", "--scene", "Shot 1", "--python-expr", script]
    arguments += ["--render-output", "/r/######", "--render-format", "PNG", "--render-frame", "1..3,7"]
    assert parse(arguments).steps == (
        Step("file", "/s/a.blend"),
        Step("-S", "Shot 1"),
        Step("--python-expr", script),
        Step("-o", "/r/######"),
        Step("-F", "PNG"),
        Step("-f", "1..3,7"),
    )


@pytest.mark.parametrize(("long", "short"), ALIASES.items())
def test_long_and_short_names_are_the_same(long: str, short: str) -> None:
    """Every long name does what its short one does."""
    value = ["1"] if short not in ("-b", "-y", "-Y", "-a", "-v") else []
    assert parse([long, *value]) == parse([short, *value])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--nonsense"], "unknown argument --nonsense"),
        (["-ba", "a.blend"], "unknown argument -ba"),
        (["-f"], "-f needs a value after it"),
        (["--render-output"], "--render-output needs a value after it"),
        (["-t", "many"], "-t: 'many' is not a whole number"),
        (["-t", "1025"], "-t must be 0 to 1024, not 1025"),
        (["--python-exit-code", "256"], "--python-exit-code must be 0 to 255, not 256"),
    ],
)
def test_what_is_not_understood_is_named(arguments: list[str], message: str) -> None:
    """A command line that cannot be followed is refused with the argument in the message."""
    with pytest.raises(LauncherError, match=f"^{message}"):
        parse(arguments)


def test_a_wrong_command_line_is_exit_code_one(capsys: pytest.CaptureFixture[str]) -> None:
    """The task fails, and its log says why."""
    assert main(["-b", "--nonsense"]) == 1
    assert capsys.readouterr().err.startswith("Error: unknown argument --nonsense")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", [1]),
        ("1..3", [1, 2, 3]),
        ("1..3,7", [1, 2, 3, 7]),
        ("7,1", [7, 1]),
        ("5..5", [5]),
        ("+2", [12]),
        ("-1", [20]),
        ("-3..-1", [18, 19, 20]),
        ("+0..+2", [10, 11, 12]),
    ],
)
def test_frames_are_counted_as_blender_does(text: str, expected: list[int]) -> None:
    """Ranges include their ends; + counts from the scene's first frame, - back from its last."""
    assert frame_numbers(text, start=10, end=20) == expected


@pytest.mark.parametrize(
    "text", ["", "x", "1,", "1...3", "1..", "..3", "1-3", "3..1", "1.5", "1..9999999", "1_0", " 1"]
)
def test_wrong_frames_are_refused(text: str) -> None:
    """What is no list of frames renders nothing."""
    with pytest.raises(LauncherError):
        frame_numbers(text, start=1, end=2)


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 20)), min_size=1, max_size=20))
def test_any_list_of_ranges_gives_its_frames(ranges: list[tuple[int, int]]) -> None:
    """Each range gives all of its frames, in order, whatever stands beside it."""
    text = ",".join(f"{first}..{first + more}" if more else str(first) for first, more in ranges)
    expected = [frame for first, more in ranges for frame in range(first, first + more + 1)]
    assert frame_numbers(text, start=1, end=1) == expected


@given(st.text("0123456789.,+-x ", max_size=8))
def test_any_text_is_frames_or_refused(text: str) -> None:
    """No text ends in anything but a list of frames that Blender has, or a sentence."""
    try:
        frames = frame_numbers(text, start=1, end=250)
    except LauncherError:
        return
    assert frames
    assert max(frames) <= MAX_FRAME
