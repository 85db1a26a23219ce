"""Submissions rendered by a real Blender: every one has exactly the files that it asks for, or fails and says why."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from flamenco import CommandFailed, bundled
from flamenco.compiler.compile import Compiler
from flamenco.demo.tools import Blender, find_blender
from flamenco.domain.errors import JobTypeError
from flamenco.domain.model import AuthoredJob, Submission
from flamenco.domain.variables import Expansion, Variables, everywhere, this_platform
from tests import length
from tests.integration.compiling import CREATED, JOB_ID, Studio, handed_out
from tests.unit.commanding import Bench

SCENES = Path(__file__).with_name("frame_scenes.py")


class Farm(NamedTuple):
    """The shipped job types, the farm's variables, and a folder with blend files and whole images."""

    compiler: Compiler
    variables: Expansion
    folder: Path

    def compile(self, settings: dict[str, Any], job_type: str = "simple-blender-render") -> AuthoredJob:
        """Compile a submission as the manager does; what is usual need not be said."""
        usual = {
            "blendfile": str(self.folder / "scenes.blend"),
            "chunk_size": 1000,
            "format": "PNG",
            "scene": "Strip",
        }
        own = {"image_file_extension": ".png"} if job_type == "simple-blender-render" else {}
        submission = Submission(name="job", type=job_type, settings=usual | own | settings)
        return handed_out(self.compiler.compile(submission, JOB_ID, CREATED, strict=True))

    def render(self, settings: dict[str, Any], job_type: str = "simple-blender-render") -> Bench:
        """Run all tasks as a worker does. Raises what makes one fail."""
        bench = Bench()
        for task in self.compile(settings, job_type).tasks:
            for command in self.variables.commands(task.commands):
                bench.context.command_reports_steps = command.total_step_count > 0
                bench.run(command.name, **(command.parameters or {}))
        return bench


@pytest.fixture(scope="module")
def blender() -> Blender:
    """The Blender of this machine, or the wheel."""
    search = find_blender(None, os.environ)
    assert search.blender, search.problem
    return search.blender


@pytest.fixture(scope="module")
def farm(blender: Blender, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """What the tests need; the scenes are made by the Blender that renders them."""
    folder = tmp_path_factory.mktemp("scenes")
    arguments = [*shlex.split(blender.arguments), "--python-exit-code", "1", "--python", str(SCENES), "--", str(folder)]
    Bench().run("exec", exe=blender.program, args=arguments)
    variables = Variables({"blender": everywhere(blender.program), "blenderArgs": everywhere(blender.arguments)})
    compiler = Compiler([bundled.job_types()])
    yield Farm(compiler, variables.for_worker(this_platform()), folder)
    compiler.close()


def files(folder: Path) -> list[str]:
    """All files in the folder and below, those with something in them."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def numbered(*frames: int, name: str = "{:06}.png") -> list[str]:
    """The names that images of these frames have."""
    return [name.format(frame) for frame in frames]


def one(extension: str) -> list[str]:
    """The image of frame 1."""
    return [f"000001.{extension}"]


Row = tuple[dict[str, Any], list[str]]

RANGES: list[Row] = [
    ({"frames": "1"}, numbered(1)),
    ({"frames": "0"}, numbered(0)),
    ({"frames": "1-3"}, numbered(1, 2, 3)),
    ({"frames": "4..6"}, numbered(4, 5, 6)),
    ({"frames": "3, 1-2"}, numbered(1, 2, 3)),
    ({"frames": "8-9,11,20-21"}, numbered(8, 9, 11, 20, 21)),
    ({"frames": "1-5", "chunk_size": 3}, numbered(1, 2, 3, 4, 5)),
    ({"frames": "007"}, numbered(7)),
    ({"frames": "1,1-2,2"}, numbered(1, 2)),
    ({"frames": "999998-1000001"}, numbered(999998, 999999, 1000000, 1000001)),
    ({"frames": "1048574"}, numbered(1048574)),
    ({"frames": "1-10x5,3"}, numbered(1, 3, 6)),
    ({"frames": "3-1"}, numbered(1, 2, 3)),
    ({"frames": "-1-1"}, ["-000001.png", "000000.png", "000001.png"]),
]

FORMATS: list[Row] = [
    *(
        ({"format": name, "frames": "1"}, one(extension))
        for name, extension in {
            "BMP": "bmp",
            "DPX": "dpx",
            "EXR": "exr",
            "HDR": "hdr",
            "IRIS": "rgb",
            "JPEG": "jpg",
            "MULTILAYER": "exr",
            "OPEN_EXR": "exr",
            "OPEN_EXR_MULTILAYER": "exr",
            "RAWTGA": "tga",
            "TARGA": "tga",
            "TARGA_RAW": "tga",
            "TGA": "tga",
            "TIFF": "tif",
            "WEBP": "webp",
        }.items()
    ),
    *(({"format": name, "frames": "1", "scene": "Large"}, one("jp2")) for name in ("JPEG2000", "JP2")),
]

NAMES: list[Row] = [
    ({"path": "shot", "frames": "1-2"}, numbered(1, 2, name="shot{:04}.png")),
    ({"path": "shot_#", "frames": "9-10"}, numbered(9, 10, name="shot_{}.png")),
    ({"path": "v2_###_final", "frames": "7"}, ["v2_007_final.png"]),
    ({"path": "take2", "frames": "7"}, ["take20007.png"]),
    ({"path": "frame.####", "frames": "7"}, ["frame.0007.png"]),
    ({"path": "a b/ä 'ö' [1] (2) & $x/####", "frames": "7"}, ["a b/ä 'ö' [1] (2) & $x/0007.png"]),
    ({"path": "deep/er/still/####", "frames": "7"}, ["deep/er/still/0007.png"]),
    ({"path": "-minus-####", "frames": "7"}, ["-minus-0007.png"]),
]

OWN_SCENES: list[Row] = [
    ({"scene": "Szene \"Ä\" 'x'", "frames": "2"}, numbered(2)),
    ({"scene": "", "frames": "2"}, numbered(2)),
    ({"scene": "Every Third", "frames": "1-4"}, numbered(1, 2, 3, 4)),
    ({"scene": "Own Mind", "frames": "1-2"}, numbered(1, 2)),
    ({"scene": "Room", "frames": "1-2"}, numbered(1, 2)),
    ({"scene": "Stereo", "frames": "5-6"}, [f"00000{frame}_{eye}.png" for frame in (5, 6) for eye in "LR"]),
    ({"scene": "Room", "format": "OPEN_EXR_MULTILAYER", "frames": "3"}, ["000003.exr"]),
]


def render_row(farm: Farm, folder: Path, settings: dict[str, Any]) -> Bench:
    """Render a row of the table into the folder."""
    given = dict(settings)
    return farm.render({"render_output_path": f"{folder}/{given.pop('path', '######')}"} | given)


@pytest.mark.parametrize(("settings", "expected"), length.every(8, RANGES + FORMATS + NAMES + OWN_SCENES))
def test_a_submission_has_its_frames(farm: Farm, tmp_path: Path, settings: dict[str, Any], expected: list[str]) -> None:
    """The files are those that the submission asks for, no more and no fewer, whatever the scene has set itself."""
    bench = render_row(farm, tmp_path, settings)
    assert files(tmp_path) == sorted(expected)
    assert all((tmp_path / name).stat().st_size for name in expected)
    assert sorted(path.relative_to(tmp_path).as_posix() for path in bench.images) == sorted(expected)
    assert len(bench.steps) == len({name.removesuffix("_L.png").removesuffix("_R.png") for name in expected})


@pytest.mark.parametrize(
    ("settings", "reason"),
    length.every(
        2,
        [
            ({"scene": "Nope"}, "there is no scene 'Nope' in the file, only 'Every Third', 'Large'"),
            ({"scene": "No Camera"}, "no camera"),
            ({"format": "WHAT"}, "this Blender cannot write the format WHAT|WHAT"),
            ({"render_output_path": "/proc/nowhere/####"}, "cannot save"),
            ({"blendfile": "lost.blend", "missing_files": "error"}, "missing files: .*gone.png, .*library.blend$"),
        ],
    ),
)
def test_a_task_that_cannot_be_done_fails(farm: Farm, tmp_path: Path, settings: dict[str, Any], reason: str) -> None:
    """Blender's exit code is not 0, so that any worker sees it, and our worker's sentence says what is wrong."""
    given = {"frames": "1-2", "render_output_path": f"{tmp_path}/####"} | settings
    given["blendfile"] = str(farm.folder / given.get("blendfile", "scenes.blend"))
    with pytest.raises(CommandFailed, match=rf"the program exited with code 1: .*{reason}"):
        farm.render(given)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("camera", "there is no camera 'Nope' in the scene, only 'Camera'"),
        ("view_layer", "there is no view layer 'Nope' in the scene, only 'ViewLayer'"),
    ],
)
def test_a_variation_that_is_not_there_is_named(farm: Farm, tmp_path: Path, kind: str, reason: str) -> None:
    """The task fails with the name that was not found, and those that there are."""
    settings = {"kind": kind, "variations": "Nope", "scene": "Room", "frames": "1"}
    with pytest.raises(CommandFailed, match=reason):
        farm.render(settings | {"render_output_path": f"{tmp_path}/####"}, "blender-render-variations")


@pytest.mark.parametrize("frames", ["1048575", "1-3,2147483648"])
def test_frames_that_blender_does_not_have_are_refused(farm: Farm, frames: str) -> None:
    """The submitter reads which frame it is, and no worker gets to see the job."""
    with pytest.raises(JobTypeError, match=f"frame {frames.rsplit(',', maxsplit=1)[-1]} is out of range"):
        farm.compile({"frames": frames, "render_output_path": "/r/####"})


def test_files_that_are_missing_are_told(farm: Farm, tmp_path: Path) -> None:
    """Libraries and textures that are gone stand in the log; those that are packed, tiled, or unused do not."""
    settings = {"blendfile": str(farm.folder / "lost.blend"), "render_output_path": f"{tmp_path}/####", "frames": "1"}
    bench = farm.render(settings)
    [line] = re.findall("Warning: missing files: (.*)", bench.log)
    assert line == f"{farm.folder / 'gone.png'}, {farm.folder / 'library.blend'}"
    assert files(tmp_path) == ["0001.png"]


CHUNK_JOB_TYPE = """
const { renderer } = require("./lib/blender_frames");
const JOB_TYPE = { label: "Chunk", settings: [] };

function compileJob(job) {
  const { chunk, output, blendfile, scene, skip_existing } = job.settings;
  const args = renderer(job, { scene: scene, format: "PNG", skip_existing: skip_existing }, output)(chunk);
  const task = author.Task("render", "blender");
  task.addCommand(author.Command("blender-render", { exe: "{blender}", exeArgs: "{blenderArgs}", blendfile, args }));
  job.addTask(task);
}
"""


@pytest.mark.parametrize(
    ("chunk", "scene", "frames"),
    [
        ("3-1,-7", "Room", [3, 2, 1, -7]),
        pytest.param("-2,-1,0,1", "Strip", [-2, -1, 0, 1], marks=pytest.mark.long),
        pytest.param("3,2,1,8-9", "Strip", [3, 2, 1, 8, 9], marks=pytest.mark.long),
        pytest.param("-1048574", "Strip", [-1048574], marks=pytest.mark.long),
    ],
)
def test_frames_below_zero_and_backwards(farm: Farm, tmp_path: Path, chunk: str, scene: str, frames: list[int]) -> None:
    """Frames are rendered in the order of the chunk, and a minus is no distance from the end of the scene.

    Those that are there are kept with skip_existing, as others are.
    """
    studio = Studio(tmp_path / "studio")
    studio.write("chunk.js", CHUNK_JOB_TYPE)
    studio.compiler = Compiler([studio.own, bundled.job_types()])
    out = tmp_path / "out"
    settings = {"blendfile": str(farm.folder / "scenes.blend"), "scene": scene, "chunk": chunk}
    expected = [out / f"{frame:0{6 if frame >= 0 else 7}}.png" for frame in frames]
    for skip_existing in (False, True):
        given = settings | {"output": f"{out}/######", "skip_existing": skip_existing}
        job = handed_out(studio.compile("chunk", settings=given))
        bench = Bench()
        for command in farm.variables.commands(job.tasks[0].commands):
            bench.run(command.name, **(command.parameters or {}))
        assert bench.images == ([] if skip_existing else expected)
        assert bench.steps == list(range(1, len(frames) + 1))
        assert sorted(out.iterdir()) == sorted(expected)
    studio.compiler.close()


# Rendered anew


def put_leftovers(folder: Path, whole: Path) -> dict[str, bytes]:
    """An empty frame 1, half of a frame 2, and a whole frame 3; what is in them."""
    content = whole.read_bytes()
    left = {1: b"", 2: content[: len(content) // 2], 3: content}
    for frame, data in left.items():
        (folder / f"00000{frame}{whole.suffix}").write_bytes(data)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("skip_existing", [False, True])
@pytest.mark.parametrize("name", length.every(3, ["PNG", "JPEG", "OPEN_EXR"]))
def test_frames_that_are_there(farm: Farm, tmp_path: Path, name: str, skip_existing: bool) -> None:
    """All are rendered anew, or only those that are not whole; either way none is left that is not."""
    [whole] = (farm.folder / "whole").glob(f"{name}.*")
    before = put_leftovers(tmp_path, whole)
    settings = {"frames": "1-4", "format": name, "skip_existing": skip_existing}
    bench = render_row(farm, tmp_path, settings)
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert sorted(after) == numbered(1, 2, 3, 4, name="{:06}" + whole.suffix)
    changed = {number for number in range(1, 5) if after[file := f"00000{number}{whole.suffix}"] != before.get(file)}
    assert changed == ({1, 2, 4} if skip_existing else {1, 2, 3, 4})
    assert bench.steps == [1, 2, 3, 4]
    assert all(is_whole(path, name) for path in tmp_path.iterdir())


@pytest.mark.long
def test_stereo_frames_are_kept_by_the_pair(farm: Farm, tmp_path: Path) -> None:
    """A frame is there when all its views are."""
    whole = (farm.folder / "whole" / "PNG.png").read_bytes()
    for name in ("000001_L.png", "000001_R.png", "000002_L.png"):
        (tmp_path / name).write_bytes(whole)
    render_row(farm, tmp_path, {"scene": "Stereo", "frames": "1-2", "skip_existing": True})
    kept = {path.name for path in tmp_path.iterdir() if path.read_bytes() == whole}
    assert kept == {"000001_L.png", "000001_R.png"}
    assert files(tmp_path) == ["000001_L.png", "000001_R.png", "000002_L.png", "000002_R.png"]


@pytest.mark.long
def test_what_is_left_as_it_is_is_not_judged(farm: Farm, tmp_path: Path) -> None:
    """Whoever put something behind an image has a frame that is there: it is neither rendered anew, nor fails."""
    [whole] = (farm.folder / "whole").glob("PNG.*")
    kept = tmp_path / "000001.png"
    kept.write_bytes(whole.read_bytes() + b"x" * 9)
    render_row(farm, tmp_path, {"frames": "1,1-2", "format": "PNG", "skip_existing": True})
    assert kept.read_bytes().endswith(b"x" * 9)
    assert files(tmp_path) == ["000001.png", "000002.png"]


def is_whole(path: Path, name: str) -> bool:
    """What the job types' own Python says of an image."""
    source = (bundled.job_types() / "lib" / "whole_images.js").read_text(encoding="utf-8")
    scope: dict[str, Any] = {"format": name}
    exec(source.partition("String.raw`")[2].rpartition("`")[0], scope)  # noqa: S102 # it is ours
    return bool(scope["is_whole"](str(path)))


UNPACKED = {"BMP", "CINEON", "DPX", "IRIS", "OPEN_EXR", "TARGA_RAW", "WEBP"}
"""Formats that are told by their length, as zeros may be black pixels, or padding."""


def test_half_an_image_is_told_from_a_whole_one(farm: Farm, tmp_path: Path) -> None:
    """Of every format that Blender writes, no part passes for the whole: cut anywhere, or with zeros instead."""
    images = sorted((farm.folder / "whole").iterdir())
    assert len(images) >= 10
    for image in images:
        content, name = image.read_bytes(), image.stem
        assert is_whole(image, name), name
        # what comes last in a TGA is no part of the image
        ends = [*range(0, len(content), max(1, len(content) // 40))] + ([] if "TARGA" in name else [len(content) - 1])
        parts = [content[:end] for end in ends if end < len(content) - 600 or "TARGA" not in name]
        if name not in UNPACKED | {"TARGA"}:
            parts += [content[:end] + bytes(len(content) - end) for end in ends if end < len(content) - 2500]
        for part in parts:
            path = tmp_path / image.name
            path.write_bytes(part)
            assert not is_whole(path, name), (name, len(part.rstrip(b"\0")), len(content))
    (tmp_path / "text").write_text("no image")
    assert not is_whole(tmp_path / "text", "PNG")
    assert not is_whole(tmp_path / "nowhere", "PNG")
