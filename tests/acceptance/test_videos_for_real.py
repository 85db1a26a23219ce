"""Preview videos, made by a real FFmpeg of frames by a real Blender or Pillow: which frames they show, and in order."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from flamenco import CommandFailed, bundled
from flamenco.builtin.commands.ffmpeg import find_ffmpeg, tool_candidates
from flamenco.compiler.compile import Compiler
from flamenco.demo.tools import Blender, find_blender
from flamenco.domain.model import AuthoredTask, Submission
from tests import length
from tests.integration.compiling import CREATED, JOB_ID
from tests.unit.commanding import Bench

GREY_FRAMES = Path(__file__).with_name("blender_grey_frames.py")
SIZE = 32
FOREIGN = 255
"""How bright frames are that do not belong to the job."""


def level(index: int) -> int:
    """How bright a job's frame of this index is."""
    return 15 + 20 * index


def paint(file: Path, brightness: int) -> None:
    """Write an image of one brightness, in the format that the file's extension says."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (SIZE, SIZE), (brightness,) * 3).save(file)


class Studio(NamedTuple):
    """What compiles jobs and makes their videos."""

    compiler: Compiler
    ffmpeg: str

    def video_task(self, **settings: Any) -> AuthoredTask:
        """The video task of a render job."""
        usual = {"blendfile": "/shots/scene.blend", "format": "PNG", "image_file_extension": ".png", "fps": 24}
        submission = Submission(name="job", type="simple-blender-render", settings=usual | settings)
        return self.compiler.compile(submission, JOB_ID, CREATED, strict=True).tasks[-1]

    def make(self, **settings: Any) -> tuple[list[int], str]:
        """Make the video of a render job; how bright its frames are, and the task's log."""
        [command] = self.video_task(**settings).commands
        return self.run(command.parameters or {})

    def run(self, parameters: dict[str, Any]) -> tuple[list[int], str]:
        """Make a video; how bright its frames are, and the task's log."""
        bench = Bench()
        bench.run("frames-to-video", **parameters)
        return self.shown(Path(parameters["outputFile"])), bench.log

    def shown(self, video: Path) -> list[int]:
        """How bright the frames of a video are, one by one."""
        raw = video.with_suffix(".gray")
        arguments = ["-v", "error", "-i", str(video), "-fps_mode", "passthrough", "-pix_fmt", "gray", "-f", "rawvideo"]
        Bench().run("exec", exe=self.ffmpeg, args=[*arguments, "-y", str(raw)])
        pixels = raw.read_bytes()
        raw.unlink()
        assert len(pixels) % SIZE**2 == 0
        frames = [pixels[start : start + SIZE**2] for start in range(0, len(pixels), SIZE**2)]
        return [round(sum(frame) / len(frame)) for frame in frames]


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
    """The shipped job types, and the FFmpeg of this machine."""
    compiler = Compiler([bundled.job_types()])
    yield Studio(compiler, find_ffmpeg(tool_candidates("")))
    compiler.close()


def assert_shows(shown: Sequence[int], count: int, only: Sequence[int] = ()) -> None:
    """A video has the frames of these indexes, or as many as `count`, in their order."""
    expected = [level(index) for index in only or range(count)]
    assert len(shown) == len(expected), shown
    assert all(abs(seen - wanted) <= 8 for seen, wanted in zip(shown, expected, strict=True)), (shown, expected)


# -- names and numbers ------------------------------------------------------------------------------------------------

BRACKETS = [
    "[a]",
    "[!a-z]",
    "a*b",
    "a?b",
    "a]b",
    "{a,b}",
    "{a}",
    "}{",
    "%03d",
    "%d",
    "50%",
    "take #2",
    "it's",
    "ü ñ",
    "(x) & y",
]


@pytest.mark.parametrize("folder", length.every(3, BRACKETS))
def test_any_folder(studio: Studio, tmp_path: Path, folder: str) -> None:
    """Whatever signs are in the folder's name, the video has all frames, and none of a folder that fits a pattern."""
    for index in range(4):
        paint(tmp_path / folder / f"{index + 1:06}.png", level(index))
        for other in ("a", "b", "axb", "ab", "001", "1"):
            paint(tmp_path / other / f"{index + 1:06}.png", FOREIGN)
    shown, _ = studio.make(frames="1-4", render_output_path=f"{tmp_path}/{folder}/######")
    assert_shows(shown, 4)


@pytest.mark.parametrize(
    "name", length.every(3, ["[a]_####", "a*_####", "{a,b}####", "%03d_####", "it's ####", "####_[v2]", "####%d"])
)
def test_any_name(studio: Studio, tmp_path: Path, name: str) -> None:
    """The same goes for what stands before and after the number."""
    for index in range(3):
        paint(tmp_path / f"{name.replace('####', f'{index + 1:04}')}.png", level(index))
        paint(tmp_path / f"a_{index + 1:04}.png", FOREIGN)
    assert_shows(studio.make(frames="1-3", render_output_path=f"{tmp_path}/{name}")[0], 3)


@pytest.mark.parametrize("folder", length.every(3, ["[a]", "a*b", "a?b", "a]b", "{a,b}", "}{"]))
def test_patterns_of_other_workers(studio: Studio, tmp_path: Path, folder: str) -> None:
    """Workers that know nothing but the pattern find the frames in such folders, too."""
    for index in range(4):
        paint(tmp_path / folder / f"shot_{index + 1:04}_x.png", level(index))
        paint(tmp_path / folder / f"shot_{index + 1:04}_y.png", FOREIGN)
    [command] = studio.video_task(frames="1-4", render_output_path=f"{tmp_path}/{folder}/shot_####_x").commands
    parameters = {key: value for key, value in (command.parameters or {}).items() if key not in ("framePath", "frames")}
    assert_shows(studio.run(parameters | {"argsBefore": ["-hide_banner"]})[0], 4)


@pytest.mark.parametrize(
    ("frames", "digits", "names"),
    length.every(
        3,
        [
            ("98-102", "##", ["98", "99", "100", "101", "102"]),
            ("9999,10000,10001", "####", ["9999", "10000", "10001"]),
            ("-3-2", "###", ["-003", "-002", "-001", "000", "001", "002"]),
            ("-12--9", "#", ["-12", "-11", "-10", "-9"]),
            ("5-1", "####", ["0001", "0002", "0003", "0004", "0005"]),
            ("7-9,3-1", "####", ["0001", "0002", "0003", "0007", "0008", "0009"]),
            ("1-9x4", "####", ["0001", "0005", "0009"]),
            ("1-9:4,2", "######", ["000001", "000002", "000005", "000009"]),
            (" 1 .. 3 ", "####", ["0001", "0002", "0003"]),
            ("5,5,5", "####", ["0005"]),
            (47, "####", ["0047"]),
        ],
    ),
)
def test_the_jobs_frames_in_the_order_of_their_numbers(
    studio: Studio, tmp_path: Path, frames: Any, digits: str, names: list[str]
) -> None:
    """Each frame is shown once, in the order of the numbers; frames of other jobs in the folder are not."""
    for number in (*range(-20, 12), *range(95, 105), 9998, 10002):
        paint(tmp_path / f"{'-' if number < 0 else ''}{abs(number):0{len(digits)}}.png", FOREIGN)
    for index, name in enumerate(names):
        paint(tmp_path / f"{name}.png", level(index))
    assert_shows(studio.make(frames=frames, render_output_path=f"{tmp_path}/{digits}")[0], len(names))


@pytest.mark.parametrize(
    ("first", "second"),
    length.every(
        3, [("shot", "shot2"), ("####_v1", "####_v2"), ("a_####", "b_####"), ("####", "a_####"), ("a_####", "a_b_####")]
    ),
)
def test_two_shots_in_one_folder(studio: Studio, tmp_path: Path, first: str, second: str) -> None:
    """Each shot has its own video, with its own frames."""
    videos = []
    for shot, other in ((first, second), (second, first)):
        for index in range(3):
            paint(tmp_path / f"{named(shot, index + 1)}.png", level(index))
            paint(tmp_path / f"{named(other, index + 1)}.png", FOREIGN)
        shown, _ = studio.make(frames="1-3", render_output_path=f"{tmp_path}/{shot}")
        assert_shows(shown, 3)
        videos.append({path.name for path in tmp_path.glob("*.mp4")})
    assert len(videos[0]) == 1
    assert len(videos[1]) == 2


def named(shot: str, number: int) -> str:
    """The name of a frame of a shot, without extension."""
    return shot.replace("####", f"{number:04}") if "#" in shot else f"{shot}{number:04}"


@pytest.mark.parametrize(("content", "said"), [(b"", "000003.png is empty, and is left out"), (b"no picture", "")])
def test_a_bad_frame_in_the_middle(studio: Studio, tmp_path: Path, content: bytes, said: str) -> None:
    """A frame that is empty, or none, is left out; those after it are shown."""
    for index in range(5):
        paint(tmp_path / f"{index + 1:06}.png", level(index))
    (tmp_path / "000003.png").write_bytes(content)
    shown, log = studio.make(frames="1-6", render_output_path=f"{tmp_path}/######")
    assert_shows(shown, 4, only=[0, 1, 3, 4])
    assert said in log
    assert "frames that are not there, and left out of the video: 6" in log


@pytest.mark.parametrize("fps", length.every(3, [1, 12, 23.976, 24, 25, 29.97, 60, 120]))
def test_any_speed(studio: Studio, tmp_path: Path, fps: float) -> None:
    """At every speed each frame is there once."""
    for index in range(12):
        paint(tmp_path / f"{index + 1:06}.png", level(index))
    assert_shows(studio.make(frames="1-12", fps=fps, render_output_path=f"{tmp_path}/######")[0], 12)


@pytest.mark.long
def test_with_ffmpeg_of_the_wheel(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The FFmpeg that comes as a Python package, years newer than that of many systems, makes the same videos."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for fps in (24, 60):
        folder = tmp_path / f"%0{fps}d [x]"
        for index in range(4):
            paint(folder / f"{index + 1:06}.png", level(index))
        assert_shows(studio.make(frames="1-4", fps=fps, render_output_path=f"{folder}/######")[0], 4)


def test_two_videos_at_once(studio: Studio, tmp_path: Path) -> None:
    """Nothing but the video is left in the folder, and nothing is written there under a name that two jobs share."""
    paint(tmp_path / "0001.png", level(3))
    studio.make(frames="1", render_output_path=f"{tmp_path}/####")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0001.png", "scene-1.mp4"]


def test_no_frames_no_video(studio: Studio, tmp_path: Path) -> None:
    """Without any frame the video's task fails, saying where they should be; the job can do without it."""
    task = studio.video_task(frames="1-3", render_output_path=f"{tmp_path}/######")
    assert task.optional
    with pytest.raises(CommandFailed, match=r"no files found at .*/######\.png"):
        studio.run(task.commands[0].parameters or {})


# -- what Blender writes ----------------------------------------------------------------------------------------------


class Rendered(NamedTuple):
    """Frames that Blender renders for a video."""

    path: str
    format: str = "PNG"
    extension: str = ".png"
    frames: str = "1-4"
    numbers: tuple[int, ...] = (1, 2, 3, 4)
    stereo: bool = False


RENDERED = {
    "plain": Rendered("plain/######"),
    "no digits": Rendered("none/shot"),
    "suffix": Rendered("suffix/shot_###_v2"),
    "two groups": Rendered("groups/##_take_##_x"),
    "extension": Rendered("extension/shot_####.exr"),
    "dot": Rendered("dot/shot_####."),
    "brackets": Rendered("[br]{ack}*ets/####"),
    "outgrown": Rendered("outgrown/##", frames="99-101", numbers=(99, 100, 101)),
    "negative": Rendered("negative/###", frames="-2-1", numbers=(-2, -1, 0, 1)),
    "stereo": Rendered("stereo/######", stereo=True),
    "stereo with a suffix": Rendered("stereo/shot_####_v2", stereo=True),
    "JPEG": Rendered("jpeg/####", "JPEG", ".jpg"),
    "BMP": Rendered("bmp/####", "BMP", ".bmp"),
    "IRIS": Rendered("iris/####", "IRIS", ".rgb"),
    "TARGA": Rendered("targa/####", "TARGA", ".tga"),
    "TARGA_RAW": Rendered("targa_raw/####", "TARGA_RAW", ".tga"),
    "TIFF": Rendered("tiff/####", "TIFF", ".tif"),
    "WEBP": Rendered("webp/####", "WEBP", ".webp"),
    "DPX": Rendered("dpx/####", "DPX", ".dpx"),
    "JPEG2000": Rendered("jpeg2000/####", "JPEG2000", ".jp2"),
    "OPEN_EXR": Rendered("exr/####", "OPEN_EXR", ".exr"),
    "OPEN_EXR_MULTILAYER": Rendered("layers/####", "OPEN_EXR_MULTILAYER", ".exr"),
    "OPEN_EXR in stereo": Rendered("exr/stereo_####", "OPEN_EXR", ".exr", stereo=True),
    "HDR": Rendered("hdr/####", "HDR", ".hdr"),
}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of everything rendered, by the Blender of this machine or the wheel."""
    folder = tmp_path_factory.mktemp("rendered")
    search = find_blender(None, os.environ)
    assert isinstance(search.blender, Blender), search.problem
    wanted = [
        {"path": f"{folder}/{each.path}", "format": each.format, "frames": each.numbers, "stereo": each.stereo}
        for each in RENDERED.values()
    ]
    arguments = [*shlex.split(search.blender.arguments), "--python-exit-code", "1", "--python", str(GREY_FRAMES)]
    Bench().run("exec", exe=search.blender.program, args=[*arguments, "--", json.dumps(wanted)])
    return folder


@pytest.mark.parametrize("name", length.every(5, (name for name in RENDERED if name != "HDR")))
def test_the_video_of_a_render(studio: Studio, rendered: Path, name: str) -> None:
    """All frames that Blender wrote are in the video, each once, in their order: they get brighter and brighter."""
    shown, log = make_of_rendered(studio, rendered, RENDERED[name])
    assert len(shown) == len(RENDERED[name].numbers)
    assert all(after - before > 10 for before, after in pairwise(shown)), shown
    assert ("the video shows _L" in log) is RENDERED[name].stereo


def make_of_rendered(studio: Studio, folder: Path, each: Rendered) -> tuple[list[int], str]:
    """Make the video of what was rendered."""
    return studio.make(
        frames=each.frames,
        format=each.format,
        image_file_extension=each.extension,
        has_previews=True,
        render_output_path=f"{folder}/{each.path}",
    )


def test_high_dynamic_range(studio: Studio, rendered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg reads Radiance HDR since version 6, that of the wheel for one; an older one fails the optional task."""
    monkeypatch.setenv("PATH", str(tmp_path))
    shown, _ = make_of_rendered(studio, rendered, RENDERED["HDR"])
    assert len(shown) == 4
    assert sorted(shown) == shown
