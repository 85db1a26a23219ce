"""Joining frames into a video: finding FFmpeg, its command line on every platform, and a real video."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from PIL import Image

from flamenco import CommandFailed
from flamenco.builtin.commands.ffmpeg import (
    VideoParameters,
    by_hand,
    find_ffmpeg,
    frames_input,
    index_text,
    tool_candidates,
)
from flamenco.builtin.commands.frame_files import files_of_frames, files_of_pattern, readable
from flamenco.builtin.commands.video_lines import frames_by_hand
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
    ("frame_path", "frames", "pattern", "arguments"),
    [
        ("/f/s-####.png", "3-12", "/f/s-*.png", ["-start_number", "3", "-i", "/f/s-%04d.png", "-frames:v", "10"]),
        (
            "F:\\50%#\\s##.png",
            "7",
            "F:\\50%#\\*.png",
            ["-start_number", "7", "-i", "F:/50%%#/s%02d.png", "-frames:v", "1"],
        ),
        ("/f/s-####.png", "1-3,9", "/f/s-*.png", ["-pattern_type", "glob", "-i", "/f/s-*.png"]),
        ("/f/s-####.png", "-2-3", "/f/s-*.png", ["-pattern_type", "glob", "-i", "/f/s-*.png"]),
        ("", "", "/f/s-*.png", ["-pattern_type", "glob", "-i", "/f/s-*.png"]),
        ("", "", "F:\\f\\*.png", []),
        ("F:\\f\\####.png", "1,9", "F:\\f\\*.png", []),
    ],
)
def test_frames_by_hand(frame_path: str, frames: str, pattern: str, arguments: list[str]) -> None:
    """By their numbers where these follow each other, by the pattern otherwise; on Windows FFmpeg knows no patterns."""
    assert frames_by_hand(frame_path, frames, pattern) == arguments


def test_by_hand_it_is_the_same_video(tmp_path: Path, frames: Callable[..., Path]) -> None:
    """What people are told to run makes a video of the same frames as what workers run."""
    folder = frames("f-0003.png", "f-0004.png", "f-0005.png")
    video = tmp_path / "video.mkv"
    pattern = VideoParameters(
        exe="ffmpeg", fps=24, args=("-y",), input_glob=str(folder / "*.png"), output_file=str(video)
    )
    for parameters in (pattern, replace(pattern, frame_path=str(folder / "f-####.png"), frames="3-5")):
        subprocess.run(by_hand(parameters), check=True, capture_output=True, timeout=60)
        assert _frame_count(video) == 3
    assert list(by_hand(replace(pattern, input_glob=r"F:\*.png"))) == []


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
        ({"framePath": "/r/####.png"}, 'invalid parameters: invalid range "": empty range'),
        ({"framePath": "/r/####.png", "frames": "1-x"}, 'invalid parameters: invalid range "1-x":'),
    ],
)
def test_wrong_parameters(change: dict[str, Any], message: str) -> None:
    """What cannot make a command line is refused, naming the parameter."""
    enough = {"exe": "/bin/true", "fps": 24, "inputGlob": "*.png", "outputFile": "out.mp4"}
    with pytest.raises(ParameterError, match=message):
        Bench().run("frames-to-video", **(enough | change))


# -- the list of frames -----------------------------------------------------------------------------------------------


def _parameters(video: Path, **more: Any) -> VideoParameters:
    return replace(VideoParameters(exe="ffmpeg", fps=24, input_glob="*", output_file=str(video)), **more)


def test_index_names_every_frame(tmp_path: Path) -> None:
    """Each file has a line with its path, quotes escaped, and one with its duration; odd names are no patterns."""
    text = index_text([tmp_path / "a.png", tmp_path / "it's.png", tmp_path / "%03d.png"], 23.976)
    assert text == (
        f"file 'file:{tmp_path}/a.png'\nduration 0.041708\n"
        f"file 'file:{tmp_path}/it'\\''s.png'\nduration 0.041708\n"
        f"file 'file:{tmp_path}/%03d.png'\noption pattern_type none\nduration 0.041708\n"
    )


@pytest.mark.parametrize("windows", [True, False])
def test_index_is_there_for_the_run_only(frames: Callable[..., Path], tmp_path: Path, windows: bool) -> None:
    """The index lies beside the video, under a name of its own, and is removed even when the run fails."""
    parameters = _parameters(tmp_path / "video.mp4", input_glob=str(frames() / "*.png"))
    before = set(tmp_path.iterdir())

    def fail_while_joining() -> None:
        with (
            frames_input(Bench().context, parameters, windows=windows) as arguments,
            frames_input(Bench().context, parameters, windows=windows) as others,
        ):
            assert arguments[:-1] == others[:-1] == ["-r", "24", "-f", "concat", "-safe", "0", "-i"]
            assert {arguments[-1], others[-1]} == {path.as_posix() for path in set(tmp_path.iterdir()) - before}
            assert Path(arguments[-1]).read_text().count("file '") == 3
            raise CommandFailed("FFmpeg failed")

    with pytest.raises(CommandFailed, match="FFmpeg failed"):
        fail_while_joining()
    assert set(tmp_path.iterdir()) == before


def test_no_frames_no_index(tmp_path: Path) -> None:
    """A pattern without files fails the task, naming the pattern."""
    parameters = _parameters(tmp_path / "video.mp4", input_glob=str(tmp_path / "*.png"))
    with (
        pytest.raises(CommandFailed, match=r"creating input for FFmpeg: no files found at .*\*\.png"),
        frames_input(Bench().context, parameters, windows=True),
    ):
        pass


def test_nowhere_to_write(frames: Callable[..., Path], tmp_path: Path) -> None:
    """Where there is no folder for the video, the task fails with a sentence that names it."""
    parameters = _parameters(tmp_path / "missing" / "video.mp4", input_glob=str(frames() / "*.png"))
    with (
        pytest.raises(CommandFailed, match=r"cannot write beside the video .*missing/video\.mp4: .*No such file"),
        frames_input(Bench().context, parameters, windows=False),
    ):
        pass


@pytest.mark.parametrize("fps", [10, 24, 60, 23.976])
def test_a_real_ffmpeg_understands_the_index(frames: Callable[..., Path], tmp_path: Path, fps: float) -> None:
    """FFmpeg shows each frame of an index once at any speed, also those with quotes in their names."""
    folder = frames("1 a.png", "2 it's.png", "3.png")
    video = tmp_path / "video.mp4"
    parameters = _parameters(video, input_glob=str(folder / "*.png"), fps=fps)
    with frames_input(Bench().context, parameters, windows=True) as arguments:
        # Without a filter, FFmpeg 5.1 shows the first frame twice where there are many a second: of patterns, too.
        command = ["ffmpeg", *arguments, "-vf", "null", "-pix_fmt", "yuv420p", "-r", str(fps), str(video)]
        subprocess.run(command, check=True, capture_output=True)
    assert _frame_count(video) == 3


# -- which files are a job's frames -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "frames", "there", "expected"),
    [
        ("####.png", "1-3", ["0001.png", "0002.png", "0003.png", "0004.png"], ["0001.png", "0002.png", "0003.png"]),
        ("##.png", "998-1001", ["1000.png", "1001.png", "998.png", "999.png"],
         ["998.png", "999.png", "1000.png", "1001.png"]),
        ("###.png", "-2-1", ["-001.png", "-002.png", "000.png", "001.png"],
         ["-002.png", "-001.png", "000.png", "001.png"]),
        ("####.png", "3-1", ["0001.png", "0002.png", "0003.png"], ["0001.png", "0002.png", "0003.png"]),
        ("####.png", "1-9x4", ["0001.png", "0002.png", "0005.png", "0009.png"], ["0001.png", "0005.png", "0009.png"]),
        ("####.png", "5", ["5.png", "05.png", "0005.png", "00005.png", "+005.png"], ["0005.png"]),
        ("shot_####.png", "1,2", ["shot_0001.png", "shot_0002.png", "shot_b_0001.png", "shot_0001_v2.png"],
         ["shot_0001.png", "shot_0002.png"]),
        ("shot_####_v2.png", "1", ["shot_0001.png", "shot_0001_v2.png", "shot_0001_v22.png"], ["shot_0001_v2.png"]),
        ("shot####.png", "1-2", ["shot0001.png", "shot20001.png", "shot0002.png"], ["shot0001.png", "shot0002.png"]),
        ("a##b##.png", "1", ["a##b01.png", "a01b01.png", "a01b##.png"], ["a##b01.png"]),
        ("[x]{##}*.png", "1", ["[x]{01}*.png", "x{01}y.png"], ["[x]{01}*.png"]),
        ("####.png", "1,2", ["0001_L.png", "0001_R.png", "0002_L.png", "0002_R.png"], ["0001_L.png", "0002_L.png"]),
        ("####.png", "1,2", ["0001right.png", "0001left.png", "0002left.png"], ["0001left.png", "0002left.png"]),
        ("####.png", "1,2", ["0001.png", "0001_L.png", "0002_L.png"], ["0001.png"]),
        ("####.png", "1", ["0001.PNG", "0001.png.bak"], ["0001.PNG"]),
        ("####.png", "0-9999999999", ["0007.png"], ["0007.png"]),
    ],
)  # fmt: skip
def test_the_files_of_frames(tmp_path: Path, path: str, frames: str, there: list[str], expected: list[str]) -> None:
    """The files are those that Blender writes for the frames, in the order of their numbers; the left one of two."""
    for name in there:
        (tmp_path / name).touch()
    assert [file.name for file in files_of_frames(str(tmp_path / path), frames, lambda _: None)] == expected


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    """Frames that are not there are named, the first of them, and so are the views there are."""
    for name in ("0003_L.png", "0003_R.png"):
        (tmp_path / name).touch()
    said: list[str] = []
    files_of_frames(str(tmp_path / "####.png"), "1-4", said.append)
    assert said == [
        "there are views called _L, _R; the video shows _L",
        "frames that are not there, and left out of the video: 1, 2, 4",
    ]
    said.clear()
    files_of_frames(str(tmp_path / "####.jpg"), "1-12", said.append)
    assert said == ["frames that are not there, and left out of the video: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """Without the folder there is no video, and the task says so."""
    with pytest.raises(CommandFailed, match=r"cannot read the folder of the frames: .*No such file"):
        files_of_frames(str(tmp_path / "missing" / "####.png"), "1", lambda _: None)


def test_numbers_in_the_names_of_a_pattern(tmp_path: Path) -> None:
    """What a pattern finds is in the order of the numbers in the names; what holds nothing is left out, and said."""
    for name in ("f10.png", "f2.png", "f1.png"):
        (tmp_path / name).write_text("x")
    (tmp_path / "f3.png").touch()
    (tmp_path / "f4.png").mkdir()
    said: list[str] = []
    found = readable(files_of_pattern(str(tmp_path / "*.png")), said.append)
    assert [file.name for file in found] == ["f1.png", "f2.png", "f10.png"]
    assert said == [
        f"{tmp_path}/f3.png is empty, and is left out of the video",
        f"{tmp_path}/f4.png cannot be read (Is a directory), and is left out of the video",
    ]


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


def test_frames_that_ffmpeg_cannot_read(tmp_path: Path) -> None:
    """When FFmpeg does not know what the frames are, the task says that, and not only that FFmpeg failed."""
    (tmp_path / "0001.cin").write_bytes(b"\x80\x2a\x5f\xd7" + bytes(2048))
    given = {"exe": "ffmpeg", "fps": 24, "inputGlob": str(tmp_path / "*.cin"), "outputFile": str(tmp_path / "o.mp4")}
    with pytest.raises(CommandFailed, match=r"this FFmpeg cannot read the frames; .* exited with code"):
        Bench().run("frames-to-video", **given)


def test_readable_frames_are_not_to_blame(frames: Callable[..., Path], tmp_path: Path) -> None:
    """When FFmpeg fails for another reason, its frames are not said to be it."""
    given = {"exe": "ffmpeg", "fps": 24, "inputGlob": str(frames() / "*.png"), "outputFile": str(tmp_path / "o.mp4")}
    with pytest.raises(CommandFailed, match=r"^(?!this FFmpeg).*exited with code"):
        Bench().run("frames-to-video", **given, args=["-c:v", "no-such-codec"])


def test_names_that_are_no_text(tmp_path: Path) -> None:
    """Frames in a folder whose name is not UTF-8 are joined like others."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    for number in (1, 2):
        Image.new("RGB", (16, 16)).save(folder / f"{number}.png")
    video = tmp_path / "video.mp4"
    Bench().run("frames-to-video", exe="ffmpeg", fps=24, inputGlob=f"{folder}/*.png", outputFile=str(video))
    assert _frame_count(video) == 2


def test_a_video_without_frames_fails(tmp_path: Path) -> None:
    """FFmpeg's own exit code fails the task."""
    with pytest.raises(CommandFailed, match="exited with code"):
        Bench().run("frames-to-video", exe="ffmpeg", fps=24, inputGlob=str(tmp_path / "*.png"), outputFile="out.mp4")
