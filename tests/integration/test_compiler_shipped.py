"""The job types that come with Flamenco, run as they lie in `jobtypes/`."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
import pytest

from flamenco import bundled
from flamenco.compiler.compile import Compiler
from flamenco.compiler.protocol import Printed
from flamenco.domain.errors import JobTypeError, Refused
from flamenco.domain.model import AuthoredJob, AuthoredTask, Submission
from tests.integration.compiling import CREATED, JOB_ID, Studio, handed_out


@pytest.fixture(scope="module")
def compiler() -> Iterator[Compiler]:
    """A compiler with the shipped job types alone."""
    compiler = Compiler([bundled.job_types()])
    yield compiler
    compiler.close()


def test_the_shipped_job_types(compiler: Compiler) -> None:
    """Eight job types are shipped, nothing is wrong with them, and each is in the README for authors."""
    job_types = compiler.job_types()
    assert [job_type.name for job_type in job_types] == [
        "blender-render-variations",
        "echo-sleep-test",
        "ffmpeg-transcode",
        "frame-script",
        "shell-commands",
        "simple-blender-render",
        "single-image-render",
        "worker-check",
    ]
    assert compiler.problems() == []
    readme = bundled.job_types().joinpath("README.md").read_text(encoding="utf-8")
    for job_type in job_types:
        assert f"\n## {job_type.label}" in readme
        for setting in job_type.settings or ():
            assert f"`{setting.key}`" in readme


# echo-sleep-test


def echo_sleep(compiler: Compiler, *, strict: bool = False, **settings: object) -> AuthoredJob:
    """Compile an echo-sleep-test."""
    submission = Submission(name="test", type="echo-sleep-test", settings=settings)
    return compiler.compile(submission, JOB_ID, CREATED, strict=strict)


def test_echo_and_sleep(compiler: Compiler) -> None:
    """One task echoes, the others sleep after it."""
    job = echo_sleep(compiler, message="hello", sleep_duration_seconds=3, sleep_repeats=2)
    echo, *sleeps = job.tasks
    assert (echo.name, echo.type, echo.dependencies) == ("echo", "misc", ())
    assert [(command.name, command.parameters) for command in echo.commands] == [("echo", {"message": "hello"})]
    assert [(task.name, task.type, task.dependencies) for task in sleeps] == [("sleep", "misc", (echo.id,))] * 2
    assert [(command.name, command.parameters) for task in sleeps for command in task.commands] == [
        ("sleep", {"duration_in_seconds": 3})
    ] * 2


def test_echo_sleep_without_settings(compiler: Compiler) -> None:
    """Without a check of settings nothing is filled in: no repeats, no tasks; a missing duration stays missing."""
    assert [task.name for task in echo_sleep(compiler, message="m").tasks] == ["echo"]
    job = echo_sleep(compiler, message="m", sleep_repeats=1)
    assert job.tasks[1].commands[0].parameters == {"duration_in_seconds": None}


def test_echo_sleep_strict(compiler: Compiler) -> None:
    """With the check, defaults are filled in and the message is required."""
    assert [task.name for task in echo_sleep(compiler, strict=True, message="m").tasks] == ["echo", "sleep"]
    with pytest.raises(Refused, match='setting "message" is missing'):
        echo_sleep(compiler, strict=True)


# simple-blender-render

SETTINGS: dict[str, Any] = {
    "frames": "1-10",
    "chunk_size": 3,
    "render_output_root": "/r/out",
    "add_path_components": 0,
    "render_output_path": "/r/out/######",
    "blendfile": "/render/sf/jobs/scene123.blend",
    "fps": 24.0,
    "format": "PNG",
    "image_file_extension": ".png",
    "has_previews": False,
    "scene": "Scene",
    "skip_existing": False,
    "missing_files": "warn",
}
"""As the Blender add-on sends them."""


def render(compiler: Compiler, *without: str, strict: bool = False, **settings: object) -> AuthoredJob:
    """Compile a simple-blender-render with other settings than the usual, and `without` some."""
    given = {key: value for key, value in (SETTINGS | settings).items() if key not in without}
    submission = Submission(name="job", type="simple-blender-render", settings=given)
    return compiler.compile(submission, JOB_ID, CREATED, strict=strict)


def names(job: AuthoredJob) -> list[str]:
    """The tasks' names."""
    return [task.name for task in job.tasks]


def argument(task: AuthoredTask, option: str) -> Any:
    """The argument behind `option` in a task's last command."""
    parameters = task.commands[-1].parameters
    assert parameters is not None
    return parameters["args"][parameters["args"].index(option) + 1]


def scripts(task: AuthoredTask) -> list[str]:
    """The Python that a task's last command gives to Blender."""
    args = (task.commands[-1].parameters or {})["args"]
    return [script for option, script in pairwise(args) if option == "--python-expr"]


def video(job: AuthoredJob) -> dict[str, Any]:
    """The parameters of the video task's command."""
    parameters = job.tasks[-1].commands[0].parameters
    assert job.tasks[-1].name == "preview-video"
    assert parameters is not None
    return parameters


def test_the_sample(compiler: Compiler) -> None:
    """The sample of the contract compiles to its tasks, commands and arguments, in order."""
    for strict in (False, True):
        job = render(compiler, strict=strict)
        *renders, joining = job.tasks
        assert [(task.name, task.type, task.steps_total, task.dependencies) for task in renders] == [
            ("render-1-3", "blender", 3, ()),
            ("render-4-6", "blender", 3, ()),
            ("render-7-9", "blender", 3, ()),
            ("render-10", "blender", 1, ()),
        ]
        assert [argument(task, "--render-frame") for task in renders] == ["1..3", "4..6", "7..9", "10"]
        [command] = renders[0].commands
        assert (command.name, command.total_step_count) == ("blender-render", 3)
        look_before, look_after = scripts(renders[0])
        assert command.parameters == {
            "exe": "{blender}",
            "exeArgs": "{blenderArgs}",
            "argsBefore": [],
            "blendfile": "/render/sf/jobs/scene123.blend",
            "args": [
                "--scene", "Scene", "--render-output", "/r/out/######", "--render-format", "PNG",
                "--python-exit-code", "1", "--python-expr", look_before, "--render-frame", "1..3",
                "--python-expr", look_after,
            ],
        }  # fmt: skip
        assert (joining.name, joining.type, joining.steps_total) == ("preview-video", "ffmpeg", 1)
        assert joining.dependencies == tuple(task.id for task in renders)
        assert [task.optional for task in job.tasks] == [False, False, False, False, True]
        assert [(command.name, command.total_step_count) for command in joining.commands] == [("frames-to-video", 0)]
        assert video(job) == {
            "exe": "ffmpeg",
            "fps": 24,
            "framePath": "/r/out/######.png",
            "frames": "1-10",
            "inputGlob": "/r/out/*.png",
            "outputFile": "/r/out/scene123-1-10.mp4",
            "args": [
                "-c:v", "h264", "-crf", "20", "-g", "18", "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2",
                "-pix_fmt", "yuv420p", "-r", 24, "-y",
            ],
        }  # fmt: skip
        assert job.settings == SETTINGS
        assert isinstance(video(job)["fps"], int)


@pytest.mark.parametrize(
    ("frames", "size", "tasks", "ranges", "steps", "video_name"),
    [
        ("1,3", 2, ["render-1,3"], ["1,3"], [2], "scene123-1-3.mp4"),
        ("1-2", 3, ["render-1,2"], ["1,2"], [2], "scene123-1-2.mp4"),
        (
            "0-12,34-56,78-90", 20, ["render-0-12,34-40", "render-41-56,78-81", "render-82-90"],
            ["0..12,34..40", "41..56,78..81", "82..90"], [20, 20, 9], "scene123-0-90.mp4",
        ),
        ("1..10", 10, ["render-1-10"], ["1..10"], [10], "scene123-1..10.mp4"),
        (" 1 - 4 , 8", 3, ["render-1-3", "render-4,8"], ["1..3", "4,8"], [3, 2], "scene123-1-8.mp4"),
        ("47", 1, ["render-47"], ["47"], [1], "scene123-47.mp4"),
        ("8,1-3", 10, ["render-1-3,8"], ["1..3,8"], [4], "scene123-1-8.mp4"),
        ("3-1", 10, ["render-3,2,1"], ["3,2,1"], [3], "scene123-3-1.mp4"),
        ("1-3,10-8", 10, ["render-1-3,10,9,8"], ["1..3,10,9,8"], [6], "scene123-1-10.mp4"),
        ("1-9:4", 10, ["render-1,5,9"], ["1,5,9"], [3], "scene123-1-9x4.mp4"),
    ],
)  # fmt: skip
def test_frames(
    compiler: Compiler, frames: str, size: int, tasks: list[str], ranges: list[str], steps: list[int], video_name: str
) -> None:
    """Frames become tasks, Blender's way of writing ranges, steps, and a part of the video's name."""
    job = render(compiler, frames=frames, chunk_size=size)
    *renders, _ = job.tasks
    assert names(job) == [*tasks, "preview-video"]
    assert [argument(task, "--render-frame") for task in renders] == ranges
    assert [task.steps_total for task in renders] == steps
    assert video(job)["outputFile"] == f"/r/out/{video_name}"


@pytest.mark.parametrize(
    ("without", "settings", "complaint"),
    [
        (["frames"], {}, 'invalid range "": empty range'),
        ([], {"frames": "x"}, 'invalid range "x":'),
        ([], {"chunk_size": 0}, "invalid chunk size, must be positive number: 0"),
        (["chunk_size"], {}, "invalid chunk size, must be positive number: 0"),
        (["render_output_path"], {}, "no render_output_path setting! (simple_blender_render.js:"),
        ([], {"render_output_path": ""}, "no render_output_path setting! (simple_blender_render.js:"),
        ([], {"frames": "1-3,1048575"}, "frame 1048575 is out of range: Blender renders frames -1048574 to 1048574"),
        ([], {"frames": "2147483648"}, "frame 2147483648 is out of range"),
        ([], {"format": "FFMPEG"}, 'This job type only renders images, and not "FFMPEG"'),
        ([], {"format": "AVI_RAW"}, 'This job type only renders images, and not "AVI_RAW"'),
        ([], {"format": "AVI_JPEG"}, 'This job type only renders images, and not "AVI_JPEG"'),
    ],
)
def test_refused_renders(compiler: Compiler, without: list[str], settings: dict[str, Any], complaint: str) -> None:
    """What cannot be rendered is refused with a text for the artist, and the place for the author."""
    with pytest.raises(JobTypeError) as raised:
        render(compiler, *without, **settings)
    assert complaint in str(raised.value)
    assert "simple_blender_render.js" in str(raised.value)


@pytest.mark.parametrize(
    ("without", "settings", "glob"),
    [
        ([], {"format": "OPEN_EXR"}, None),
        (["has_previews"], {"format": "EXR"}, None),
        ([], {"format": "MULTILAYER"}, None),
        ([], {"format": "OPEN_EXR_MULTILAYER"}, None),
        ([], {"format": "OPEN_EXR_MULTILAYER", "has_previews": True}, "/r/out/*.jpg"),
        ([], {"format": "OPEN_EXR", "image_file_extension": ".exr", "has_previews": True}, "/r/out/*.jpg"),
        ([], {"format": "JPEG", "image_file_extension": ".jpg"}, "/r/out/*.jpg"),
        ([], {"format": "PNG", "has_previews": True}, "/r/out/*.png"),
        ([], {"fps": 0}, None),
        (["fps"], {}, None),
    ],
)
def test_when_there_is_a_video(
    compiler: Compiler, without: list[str], settings: dict[str, Any], glob: str | None
) -> None:
    """A video is made of what FFmpeg can read, if anything, at the speed that is known, if it is."""
    job = render(compiler, *without, **settings)
    if glob is None:
        assert names(job) == ["render-1-3", "render-4-6", "render-7-9", "render-10"]
    else:
        assert video(job)["inputGlob"] == glob


@pytest.mark.parametrize(
    ("path", "settings", "frame_path", "glob", "video_name"),
    [
        ("/r/shot_a_####", {}, "/r/shot_a_####.png", "/r/shot_a_*.png", "scene123-shot_a_1-10"),
        ("/r/shot_####_v2", {}, "/r/shot_####_v2.png", "/r/shot_*_v2.png", "scene123-shot_1-10_v2"),
        ("/r/##.##", {}, "/r/##.##.png", "/r/##.*.png", "scene123-##.1-10"),
        ("/r/####.exr", {}, "/r/####.png", "/r/*.png", "scene123-1-10"),
        ("/r/####.", {}, "/r/####.png", "/r/*.png", "scene123-1-10"),
        ("/r/####.v2", {}, "/r/####.v2.png", "/r/*.v2.png", "scene123-1-10.v2"),
        ("/r/shot", {}, "/r/shot####.png", "/r/shot*.png", "scene123-shot-1-10"),
        ("/r/scene123", {}, "/r/scene123####.png", "/r/scene123*.png", "scene123-1-10"),
        ("/r/shot.", {}, "/r/shot.####.png", "/r/shot.*.png", "scene123-shot.-1-10"),
        ("/r/##/shot", {}, "/r/##/shot####.png", "/r/##/shot*.png", "scene123-shot-1-10"),
        ("/r/[x]*?/{a,b}/####", {}, "/r/[x]*?/{a,b}/####.png", "/r/[[]x][*][?]/?a,b?/*.png", "scene123-1-10"),
        ("{render}/[x]/####", {}, "{render}/[x]/####.png", "{render}/[[]x]/*.png", "scene123-1-10"),
        ("/r/####", {"format": "OPEN_EXR", "has_previews": True}, "/r/####.jpg", "/r/*.jpg", "scene123-1-10"),
        ("/r/####", {"frames": "-5--1,3"}, "/r/####.png", "/r/*.png", "scene123--5-3"),
    ],
)
def test_the_video_has_the_frames_of_the_job(
    compiler: Compiler, path: str, settings: dict[str, Any], frame_path: str, glob: str, video_name: str
) -> None:
    """The names of the frames are those that Blender makes, for other workers a pattern; each shot has its video."""
    job = render(compiler, render_output_path=path, **settings)
    assert video(job)["framePath"] == frame_path
    assert video(job)["frames"] == job.settings["frames"]
    assert video(job)["inputGlob"] == glob
    assert PurePosixPath(video(job)["outputFile"]).name == f"{video_name}.mp4"


def test_formats_that_need_to_be_named(compiler: Compiler) -> None:
    """FFmpeg is told that frames are images where their extension does not say so, and Cineon it cannot read."""
    for name, extension in (("IRIS", ".rgb"), ("HDR", ".hdr")):
        job = render(compiler, format=name, image_file_extension=extension)
        assert video(job)["argsBefore"] == ["-f", "image2"]
    heard: list[Printed] = []
    settings = SETTINGS | {"format": "CINEON", "image_file_extension": ".cin"}
    submission = Submission(name="job", type="simple-blender-render", settings=settings)
    job = compiler.compile(submission, JOB_ID, CREATED, heard=heard.append)
    assert "preview-video" not in names(job)
    assert [line.text for line in heard] == ["FFmpeg cannot read CINEON, so there will be no preview video"]


def test_no_scene(compiler: Compiler) -> None:
    """Without a scene Blender is not told which."""
    for job in (render(compiler, "scene"), render(compiler, scene="")):
        parameters = job.tasks[0].commands[0].parameters
        assert parameters is not None
        assert parameters["args"][0] == "--render-output"
        assert "there is no scene" not in scripts(handed_out(job).tasks[0])[0]


@pytest.mark.parametrize(
    ("path", "stored", "output", "folder"),
    [
        ("R:\\a\\b\\######", "R:\\a\\b\\######", "R:/a/b/######", "R:/a/b"),
        ("{storage}/x/######", "{storage}/x/######", "{storage}/x/######", "{storage}/x"),
        (
            "/r/{timestamp}/{timestamp}-{jobs}/######",
            "/r/2026-07-08_091011/2026-07-08_091011-{jobs}/######",
            "/r/2026-07-08_091011/2026-07-08_091011-{jobs}/######",
            "/r/2026-07-08_091011/2026-07-08_091011-{jobs}",
        ),
    ],
)
def test_output_paths(compiler: Compiler, path: str, stored: str, output: str, folder: str) -> None:
    """Commands get forward slashes; settings keep theirs; only the timestamp is filled in."""
    now = CREATED.astimezone().strftime("%Y-%m-%d_%H%M%S")
    stored, output, folder = (text.replace("2026-07-08_091011", now) for text in (stored, output, folder))
    job = render(compiler, render_output_path=path)
    assert job.settings["render_output_path"] == stored
    assert argument(job.tasks[0], "--render-output") == output
    assert video(job)["inputGlob"] == f"{folder}/*.png"
    assert video(job)["outputFile"] == f"{folder}/scene123-1-10.mp4"


@pytest.mark.parametrize("path", ["\\\\NAS\\share\\shot\\######", "//NAS/share/shot/######"])
def test_a_share_reaches_blender_with_backslashes(compiler: Compiler, path: str) -> None:
    """To Blender "//" is the folder of the blend file, so that frames would land beside it."""
    job = render(compiler, render_output_path=path)
    assert argument(job.tasks[0], "--render-output") == "\\\\NAS\\share\\shot\\######"


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("TARGA", "TGA"),
        ("TARGA_RAW", "RAWTGA"),
        ("JPEG2000", "JP2"),
        ("TGA", "TGA"),
        ("OPEN_EXR_MULTILAYER", "OPEN_EXR_MULTILAYER"),
        ("PNG", "PNG"),
    ],
)
def test_formats(compiler: Compiler, name: str, option: str) -> None:
    """Formats that Python calls otherwise than the command line reach Blender by the name that it takes there."""
    assert argument(render(compiler, format=name).tasks[0], "--render-format") == option


def test_existing_frames(compiler: Compiler) -> None:
    """Frames are rendered anew, unless those that are whole may stay."""
    for settings, kept in ({}, False), ({"skip_existing": False}, False), ({"skip_existing": True}, True):
        script = scripts(handed_out(render(compiler, **settings)).tasks[0])[0]
        compile(script, "script", "exec")
        assert ("use_overwrite = False" in script, "use_overwrite = True" in script) == (kept, True)


def test_scripts_are_stored_once(compiler: Compiler) -> None:
    """What Blender is to run is in the job once, however many tasks it has, and each of those is small."""
    job = render(compiler, frames="1-500", chunk_size=1, skip_existing=True)
    assert sum(map(len, job.variables.values())) > 5_000
    assert max(len(msgspec.json.encode(task.commands)) for task in job.tasks) < 600
    before, after = scripts(handed_out(job).tasks[41])
    assert "[(42, 42)]" not in before  # it is in the command line alone, where the manager may change it
    assert argument(job.tasks[41], "--render-frame") == "42"
    for script in (before, after):
        compile(script, "script", "exec")


def test_managers_without_variables_of_jobs(tmp_path: Path) -> None:
    """Where a job has no variables, as in other managers, every command has all of its script."""
    studio = Studio(tmp_path)
    for file in (bundled.job_types() / "lib").glob("*.js"):
        studio.write(f"lib/{file.name}", file.read_text())
    args = studio.value("require('./lib/blender_frames').renderer({}, { format: 'PNG' }, '/r/#')('1-3')")
    studio.compiler.close()
    for script in (value for option, value in pairwise(args) if option == "--python-expr"):
        compile(script, "script", "exec")
    assert "{blender_" not in " ".join(args)


def test_many_frames_in_a_task(compiler: Compiler) -> None:
    """Frames that have to be listed one by one name their task by the ends, as a name may not become that long."""
    job = render(compiler, frames="1-3000x3", chunk_size=1000)
    assert names(job) == ["render-1...2998 (1000 frames)", "preview-video"]
    assert argument(job.tasks[0], "--render-frame") == ",".join(str(frame) for frame in range(1, 3001, 3))


@pytest.mark.parametrize(
    ("chunk", "options"),
    [
        ("1-3,8", ["1..3,8"]),
        ("0", ["0"]),
        ("8,1-3", ["8,1..3"]),
        ("10-8", ["10,9,8"]),
        ("3..5", ["3..5"]),
        ("-5--3,7", []),
        ("2--1", []),
        ("-1048574", []),
    ],
)
def test_chunks_in_blenders_words(tmp_path: Path, chunk: str, options: list[str]) -> None:
    """A chunk keeps its order; Blender would count negative numbers from the end, so a script renders those."""
    studio = Studio(tmp_path)
    for file in (bundled.job_types() / "lib").glob("*.js"):
        studio.write(f"lib/{file.name}", file.read_text())
    call = f"renderer(job, {{ format: 'PNG' }}, '/r/#')({json.dumps(chunk)})"
    [task] = handed_out(
        studio.run(f"""
            const task = author.Task("render", "blender");
            task.addCommand(author.Command("blender-render", {{ args: require('./lib/blender_frames').{call} }}));
            job.addTask(task);
        """)
    ).tasks
    studio.compiler.close()
    args = (task.commands[0].parameters or {})["args"]
    found = [value for option, value in pairwise(args) if option == "--render-frame"]
    assert found == options
    own = [script for option, script in pairwise(args) if option == "--python-expr"]
    for script in own:
        compile(script, "script", "exec")
    assert ("frame_set" in own[0]) == (not options)


@pytest.mark.parametrize(
    ("blendfile", "stem"),
    [
        ("/jobs/x.flamenco.blend", "x"),
        ("C:\\jobs\\scene.blend", "scene"),
        ("{jobs}/a.b.blend", "a.b"),
        ("/jobs/x.flamenco.flamenco.blend", "x.flamenco"),
    ],
)
def test_video_is_called_like_the_blend_file(compiler: Compiler, blendfile: str, stem: str) -> None:
    """The blend file goes to Blender as it is, and lends its name to the video."""
    job = render(compiler, blendfile=blendfile)
    assert video(job)["outputFile"] == f"/r/out/{stem}-1-10.mp4"
    assert job.settings["blendfile"] == blendfile
    parameters = job.tasks[0].commands[0].parameters
    assert parameters is not None
    assert parameters["blendfile"] == blendfile


CONTRACT_EXAMPLE: dict[str, Any] = {
    "blender_cmd": "{blender}",
    "filepath": "/render/sf/jobs/scene123.blend",
    "render_output": "/render/sf/frames/scene123",
    "frames": "1-10",
    "chunk_size": 3,
    "fps": 24,
    "extract_audio": True,
    "images_or_video": "images",
    "format": "PNG",
    "output_file_extension": ".png",
}
"""The settings of the example job in the version 1 contract, which has older names for some."""


def test_the_contracts_example(compiler: Compiler) -> None:
    """The example of the version 1 contract passes the check of settings and becomes four render tasks and a video."""
    submission = Submission(
        name="3Д рендеринг",
        type="simple-blender-render",
        settings=CONTRACT_EXAMPLE,
        metadata={"user.name": "Sybren Stüvel", "project": "Sprite Fright"},
    )
    job = compiler.compile(submission, JOB_ID, CREATED, strict=True)
    assert names(job) == ["render-1-3", "render-4-6", "render-7-9", "render-10", "preview-video"]
    assert (job.name, job.metadata["user.name"]) == ("3Д рендеринг", "Sybren Stüvel")
    assert argument(job.tasks[0], "--render-output") == "/render/sf/frames/scene123"
    # Blender makes scene1230001.png of that, and frames of other shots may lie in the same folder.
    assert video(job)["inputGlob"] == "/render/sf/frames/scene123*.png"
    assert video(job)["outputFile"] == "/render/sf/frames/scene123-1-10.mp4"
    assert (job.settings["blendfile"], job.settings["image_file_extension"]) == (
        "/render/sf/jobs/scene123.blend",
        ".png",
    )
    assert (job.settings["extract_audio"], job.settings["blender_cmd"]) == (True, "{blender}")
    assert "filepath" not in job.settings


# ffmpeg-transcode

TRANSCODE: dict[str, Any] = {"input_video": "/v/in.mp4", "output_file": "/v/out.mp4", "duration_seconds": 100}


def transcode(compiler: Compiler, *without: str, strict: bool = False, **settings: object) -> AuthoredJob:
    """Compile an ffmpeg-transcode."""
    given = {key: value for key, value in (TRANSCODE | settings).items() if key not in without}
    submission = Submission(name="job", type="ffmpeg-transcode", settings=given)
    return compiler.compile(submission, JOB_ID, CREATED, strict=strict)


def test_transcode(compiler: Compiler) -> None:
    """A task per chunk that waits for nothing, and one that joins them all; defaults hold in any case."""
    for strict in (False, True):
        job = transcode(compiler, strict=strict, chunk_seconds=40, codec_arguments="-c:v libx265 -x265-params 'a=1 b'")
        *chunks, join = job.tasks
        assert [(task.name, task.type, task.dependencies) for task in job.tasks] == [
            ("chunk-1", "ffmpeg", ()),
            ("chunk-2", "ffmpeg", ()),
            ("chunk-3", "ffmpeg", ()),
            ("join", "ffmpeg", tuple(task.id for task in chunks)),
        ]
        for number, task in enumerate(chunks, start=1):
            make, encode = task.commands
            assert (make.name, make.parameters) == ("make-directory", {"path": "/v/out-chunks-11111111"})
            assert encode.name == "exec"
            assert encode.parameters is not None
            assert encode.parameters["exe"] == "{ffmpeg}"
            assert encode.parameters["args"][-1] == f"/v/out-chunks-11111111/0000{number}.ts"
            assert "a=1 b" in encode.parameters["args"]
        assert [argument(task, "-filter_complex") for task in chunks] == [
            "[0:v:0]trim=end=40[chunk]",
            "[0:v:0]trim=start=40:end=80[chunk]",
            "[0:v:0]trim=start=80[chunk]",
        ]
        assert argument(chunks[2], "-ss") == "60"
        assert argument(join, "-i") == (
            "concat:/v/out-chunks-11111111/00001.ts|/v/out-chunks-11111111/00002.ts|/v/out-chunks-11111111/00003.ts"
        )


@pytest.mark.parametrize(
    ("settings", "without", "complaint"),
    [
        ({}, ["duration_seconds"], 'setting "duration_seconds" is missing: Length of the input video'),
        ({}, ["input_video"], 'setting "input_video" is missing'),
        ({}, ["output_file"], 'setting "output_file" is missing'),
        ({"duration_seconds": 0}, [], 'setting "duration_seconds" must be more than 0, not 0'),
        ({"chunk_seconds": -1}, [], 'setting "chunk_seconds" must be more than 0, not -1'),
        ({"codec_arguments": "'open"}, [], "EOF found when expecting closing quote"),
        ({"output_file": "/a|b/out.mp4"}, [], 'must not have a "|" in it'),
        ({"chunk_seconds": 0.01}, [], "10000 chunks are too many to be joined; set chunk_seconds to more than 0.01"),
    ],
)
def test_refused_transcodes(compiler: Compiler, settings: dict[str, Any], without: list[str], complaint: str) -> None:
    """What is missing or impossible is refused in words that help."""
    with pytest.raises(JobTypeError) as raised:
        transcode(compiler, *without, **settings)
    assert complaint in str(raised.value)


def ffmpeg_program() -> str:
    """The system's FFmpeg, or the one that comes in a wheel."""
    if found := shutil.which("ffmpeg"):
        return found
    import imageio_ffmpeg  # noqa: PLC0415 - only where it is needed

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def run_commands(job: AuthoredJob, ffmpeg: str) -> None:
    """Do what a worker does with a job's commands, in the order of the tasks."""
    for task in job.tasks:
        for command in task.commands:
            parameters = command.parameters or {}
            if command.name == "make-directory":
                Path(parameters["path"]).mkdir(parents=True, exist_ok=True)
            else:
                program = parameters["exe"].replace("{ffmpeg}", ffmpeg)
                result = subprocess.run([program, *parameters["args"]], capture_output=True, text=True, check=False)
                assert (result.returncode, result.stderr) == (0, "")


def frame_hashes(ffmpeg: str, video_file: Path) -> list[str]:
    """A hash of every decoded frame."""
    arguments = ["-v", "error", "-i", str(video_file), "-map", "0:v", "-f", "framemd5", "-"]
    lines = subprocess.run([ffmpeg, *arguments], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.rsplit(",", 1)[1] for line in lines if not line.startswith("#")]


@pytest.mark.parametrize(("rate", "extension", "chunk_s"), [("25", "mp4", 1), ("24000/1001", "mkv", 0.7)])
def test_transcode_for_real(compiler: Compiler, tmp_path: Path, rate: str, extension: str, chunk_s: float) -> None:
    """The commands make a playable video: every frame of the input once and in order, and its sound."""
    ffmpeg = ffmpeg_program()
    source, result = tmp_path / f"in.{extension}", tmp_path / "out.mp4"
    generate = f"-v error -f lavfi -i testsrc2=s=96x64:r={rate}:d=3 -f lavfi -i sine=d=3 -c:v libx264 -c:a aac {source}"
    subprocess.run([ffmpeg, *generate.split()], check=True)
    job = transcode(
        compiler,
        strict=True,
        input_video=str(source),
        output_file=str(result),
        duration_seconds=3.0,
        chunk_seconds=chunk_s,
        codec_arguments="-c:v libx264 -qp 0",
    )
    assert len(job.tasks) > 3
    run_commands(job, ffmpeg)
    frames = frame_hashes(ffmpeg, source)
    assert len(frames) > 70
    assert frame_hashes(ffmpeg, result) == frames
    streams = subprocess.run([ffmpeg, "-hide_banner", "-i", str(result)], capture_output=True, text=True, check=False)
    assert "Audio: aac" in streams.stderr
    assert "Duration: 00:00:03." in streams.stderr


def test_transcode_with_a_filter_and_no_sound(compiler: Compiler, tmp_path: Path) -> None:
    """Filters are applied to every chunk, and a video without sound stays without."""
    ffmpeg = ffmpeg_program()
    source, result = tmp_path / "in.mp4", tmp_path / "with space" / "out.mkv"
    result.parent.mkdir()
    subprocess.run(
        [ffmpeg, *f"-v error -f lavfi -i testsrc2=s=96x64:r=10:d=2 -c:v libx264 {source}".split()], check=True
    )
    job = transcode(
        compiler,
        input_video=str(source),
        output_file=str(result),
        duration_seconds=2,
        chunk_seconds=1,
        video_filter="scale=48:-2",
    )
    run_commands(job, ffmpeg)
    assert len(frame_hashes(ffmpeg, result)) == 20
    streams = subprocess.run([ffmpeg, "-hide_banner", "-i", str(result)], capture_output=True, text=True, check=False)
    assert "48x32" in streams.stderr
    assert "Audio" not in streams.stderr


def test_created_time_is_kept(compiler: Compiler) -> None:
    """The time of creation has microseconds in the compiled job, though JavaScript has none."""
    created = datetime(2026, 1, 1, 0, 0, 0, 999999, tzinfo=UTC)
    submission = Submission(name="x", type="echo-sleep-test", settings=json.loads('{"message": "x"}'))
    assert compiler.compile(submission, JOB_ID, created).created == created
