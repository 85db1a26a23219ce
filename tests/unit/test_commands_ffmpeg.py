"""Joining frames into a video: finding FFmpeg, its command line on every platform, and a real video."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from flamenco import CommandFailed
from flamenco.builtin.commands.ffmpeg import (
    INDEX_FILE,
    find_ffmpeg,
    frames_input,
    index_text,
    tool_candidates,
)
from flamenco.hooks.parameters import ParameterError
from tests.unit.commanding import Bench


def _program(path: Path, script: str = 'echo "ffmpeg version 1.2.3 of a test"') -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def frames(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder with three small frames of different colours, named as asked."""

    def make(*names: str) -> Path:
        folder = tmp_path / "frames"
        folder.mkdir()
        for number, name in enumerate(names or ("f-1.png", "f-2.png", "f-3.png")):
            Image.new("RGB", (16, 16), (80 * number, 40, 200)).save(folder / name)
        return folder

    return make


def _frame_count(video: Path) -> int:
    """How many frames a real FFmpeg finds in the video."""
    command = ["ffmpeg", "-i", str(video), "-map", "0:v", "-f", "framemd5", "-"]
    output = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return len([line for line in output.splitlines() if not line.startswith("#")])


# -- the command line -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fps", "text"), [(24, "24"), (23.976, "23.976"), (25.0, "25")])
def test_command_line(tmp_path: Path, fps: float, text: str) -> None:
    """Arguments come in their order; the rate is the shortest number; backslashes in the pattern become slashes."""
    bench = Bench()
    bench.run(
        "frames-to-video",
        exe=str(_program(tmp_path / "any", 'printf "%s\\n" "$@"')),
        exeArgs="-hide_banner -v 'level 1'",
        argsBefore=["-y"],
        args=["-c:v", "h264", "-crf", 20],
        fps=fps,
        inputGlob="/render\\job/*.png",
        outputFile="/render/out video.mp4",
    )
    arguments = [line.partition(" > ")[2] for line in bench.log.splitlines() if line.startswith("pid=")]
    assert arguments == [
        *("-hide_banner", "-v", "level 1", "-y"),
        *("-r", text, "-pattern_type", "glob", "-i", "/render/job/*.png"),
        *("-c:v", "h264", "-crf", "20", "-r", text, "/render/out video.mp4"),
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"exe": ""}, 'mandatory parameter "exe" is missing'),
        ({"fps": 0}, 'parameter "fps" has invalid value "0"'),
        ({"fps": -24}, 'parameter "fps" has invalid value "-24"'),
        ({"fps": "24"}, 'parameter "fps" .*: bad type'),
        ({"inputGlob": ""}, 'mandatory parameter "inputGlob" is missing'),
        ({"outputFile": None}, 'mandatory parameter "outputFile" is missing'),
        ({"exeArgs": "'"}, 'parameter "exeArgs" has invalid value'),
    ],
)
def test_wrong_parameters(change: dict[str, Any], message: str) -> None:
    """What cannot make a command line is refused, naming the parameter."""
    enough = {"exe": "/bin/true", "fps": 24, "inputGlob": "*.png", "outputFile": "out.mp4"}
    with pytest.raises(ParameterError, match=message):
        Bench().run("frames-to-video", **(enough | change))


# -- where patterns cannot be expanded --------------------------------------------------------------------------------


def test_index_names_every_frame(tmp_path: Path) -> None:
    """Each file has a line with its name, quotes escaped, and one with its duration."""
    text = index_text([tmp_path / "a.png", tmp_path / "it's.png"], 23.976)
    assert text == "file 'a.png'\nduration 0.041708\nfile 'it'\\''s.png'\nduration 0.041708\n"


def test_index_is_there_for_the_run_only(frames: Callable[..., Path]) -> None:
    """The index lies beside the frames, and is removed afterwards even when the run fails."""
    folder = frames()
    index = folder / INDEX_FILE

    def fail_while_joining() -> None:
        with frames_input(str(folder / "*.png"), 24, windows=True) as arguments:
            assert arguments == ["-f", "concat", "-safe", "0", "-i", index.as_posix()]
            assert index.read_text().count("file '") == 3
            raise CommandFailed("FFmpeg failed")

    with pytest.raises(CommandFailed, match="FFmpeg failed"):
        fail_while_joining()
    assert not index.exists()


def test_no_frames_no_index(tmp_path: Path) -> None:
    """A pattern without files fails the task, naming the pattern."""
    pattern = str(tmp_path / "*.png")
    with (
        pytest.raises(CommandFailed, match=r"creating input for FFmpeg: no files found at .*\*\.png"),
        frames_input(pattern, 24, windows=True),
    ):
        pass


def test_a_real_ffmpeg_understands_the_index(frames: Callable[..., Path], tmp_path: Path) -> None:
    """FFmpeg joins the frames of an index, also those with quotes in their names."""
    folder = frames("1 a.png", "2 it's.png", "3.png")
    video = tmp_path / "video.mp4"
    with frames_input(str(folder / "*.png"), 24, windows=True) as arguments:
        subprocess.run(
            ["ffmpeg", *arguments, "-pix_fmt", "yuv420p", "-r", "24", str(video)], check=True, capture_output=True
        )
    assert _frame_count(video) == 3


# -- finding FFmpeg ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "machine", "names"),
    [
        ("linux", "x86_64", ["ffmpeg-linux-amd64", "ffmpeg-linux", "ffmpeg"]),
        ("linux", "aarch64", ["ffmpeg-linux-arm64", "ffmpeg-linux", "ffmpeg"]),
        ("darwin", "arm64", ["ffmpeg-darwin-arm64", "ffmpeg-darwin", "ffmpeg"]),
        ("win32", "AMD64", ["ffmpeg-windows-amd64.exe", "ffmpeg-windows.exe", "ffmpeg.exe"]),
    ],
)
def test_the_tools_folder_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, machine: str, names: list[str]
) -> None:
    """Beside the worker, the most specific name wins; then PATH."""
    on_path = _program(tmp_path / "bin" / "ffmpeg")
    monkeypatch.setenv("PATH", str(on_path.parent))
    tools = [_program(tmp_path / "tools" / name) for name in names]
    found = list(tool_candidates(str(tmp_path), system, machine))
    assert found[:4] == [*map(str, tools), str(on_path)]


@pytest.mark.parametrize("exe", ["ffmpeg", "ffmpeg.exe"])
def test_plain_names_are_searched(tmp_path: Path, exe: str) -> None:
    """Just `ffmpeg` runs the one beside the worker."""
    tool = _program(tmp_path / "tools" / "ffmpeg")
    log = Bench(tmp_path).run("frames-to-video", exe=exe, fps=24, inputGlob="*", outputFile="o")
    assert f"    {tool} -r 24" in log


def test_the_wheel_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without FFmpeg on the machine the one that comes as a Python package is used, and it is one."""
    monkeypatch.setenv("PATH", str(tmp_path))
    candidates = list(tool_candidates(str(tmp_path)))
    assert len(candidates) == 1
    assert find_ffmpeg(candidates) == candidates[0]


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("echo 'mplayer version 3'", "is not FFmpeg"),
        ("echo first; echo 'ffmpeg version 5'", "is not FFmpeg"),
        (None, "cannot be started"),
    ],
)
def test_what_is_not_ffmpeg_is_passed_over(tmp_path: Path, script: str | None, problem: str) -> None:
    """A candidate that is something else is named in the error, or passed over where there is a better one."""
    wrong = _program(tmp_path / "wrong", script) if script else tmp_path / "missing"
    right = _program(tmp_path / "right")
    assert find_ffmpeg([str(wrong), str(right)]) == str(right)
    with pytest.raises(ParameterError, match=f'parameter "exe" has invalid value "ffmpeg": {wrong} {problem}'):
        find_ffmpeg([str(wrong)])


def test_no_ffmpeg_at_all() -> None:
    """The error says where it was looked for and what to do."""
    with pytest.raises(ParameterError, match="found neither in the worker's tools folder nor on PATH; please install"):
        find_ffmpeg([])


def test_a_real_video(frames: Callable[..., Path], tmp_path: Path) -> None:
    """A real FFmpeg makes a video with as many frames as there are images."""
    folder, video = frames(), tmp_path / "video.mp4"
    Bench().run(
        "frames-to-video",
        exe="ffmpeg",
        fps=24,
        inputGlob=str(folder / "*.png"),
        outputFile=str(video),
        argsBefore=["-y"],
        args=["-c:v", "mpeg4"],
    )
    assert _frame_count(video) == 3


def test_a_video_without_frames_fails(tmp_path: Path) -> None:
    """FFmpeg's own exit code fails the task."""
    with pytest.raises(CommandFailed, match="exited with code"):
        Bench().run("frames-to-video", exe="ffmpeg", fps=24, inputGlob=str(tmp_path / "*.png"), outputFile="out.mp4")
