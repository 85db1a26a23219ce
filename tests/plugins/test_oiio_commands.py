"""The plugin oiio_commands: its commands with a real oiiotool, its job type, and the program it fills in."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from PIL import Image

from flamenco import AuthoredJob, Command, CommandCancelled, CommandFailed, Submission
from flamenco.compiler.compile import Compiler
from flamenco.config import Loaded
from flamenco.domain.errors import JobTypeError
from flamenco.hooks.parameters import ParameterError, read_parameters
from flamenco.worker.cancellation import CancelReason
from tests.conftest import authored_job, authored_task
from tests.integration.compiling import CREATED, JOB_ID
from tests.plugins.loading import load_documented, load_text
from tests.unit.commanding import Bench

PADDING_PX = 8
TILE = {"tileWidth": 40, "tileHeight": 20}

Paint = Callable[..., Path]


class PluginBench(Bench):
    """A bench for the plugin's commands."""

    def __init__(self, loaded: Loaded) -> None:
        super().__init__()
        self.commands = loaded.hooks.command_types()
        self.cancel_at = ""

    def run(self, name: str, **parameters: Any) -> str:
        """Run one of the commands that the plugin brings; gives the log."""
        command = self.commands[name]
        command.run(self.context, read_parameters(command, parameters))
        return self.log

    def _keep(self, text: str) -> None:
        super()._keep(text)
        if self.cancel_at and self.cancel_at in text:
            self.cancellation.cancel(CancelReason.MANAGER)


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    """The plugin as its docstring configures it."""
    folder = tmp_path / "manager"
    folder.mkdir()
    return load_documented("oiio_commands", folder)


@pytest.fixture
def bench(loaded: Loaded) -> PluginBench:
    """A context to run commands in."""
    return PluginBench(loaded)


@pytest.fixture
def paint(tmp_path: Path) -> Paint:
    """Makes images of one colour each in the folder `shot`."""
    folder = tmp_path / "shot"
    folder.mkdir()

    def make(name: str, colour: Any, mode: str = "RGB", size: tuple[int, int] = (40, 20)) -> Path:
        path = folder / name
        Image.new(mode, size, colour).save(path)
        return path

    return make


def program(path: Path, script: str) -> str:
    """A program for a job to name instead of oiiotool."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def tile(sheet: Image.Image, column: int, row: int) -> Any:
    """The colour in the middle of a tile of a sheet made with `TILE`."""
    return sheet.getpixel((column * (40 + PADDING_PX) + 20, row * (20 + PADDING_PX) + 10))


# -- parameters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "parameters", "complaint"),
    [
        ("oiiotool", {}, '"args" is missing'),
        ("oiiotool", {"args": "--help"}, "cannot convert to list of strings"),
        ("oiiotool", {"args": [], "exe": ""}, 'parameter "exe" has invalid value'),
        ("make-contact-sheet", {"outputFile": "/o.png"}, '"images" is missing'),
        ("make-contact-sheet", {"images": "/r/*.png"}, '"outputFile" is missing'),
        ("make-contact-sheet", {"images": "/r/*.png", "outputFile": "/o.png", "columns": 0}, '"columns"'),
        ("make-contact-sheet", {"images": "/r/*.png", "outputFile": "/o.png", "tileWidth": "big"}, '"tileWidth"'),
        ("make-contact-sheet", {"images": "/r/*.png", "outputFile": "/o.png", "tileHeight": -1}, '"tileHeight"'),
    ],
)
def test_parameters_are_checked(bench: PluginBench, name: str, parameters: dict[str, Any], complaint: str) -> None:
    """What is missing or impossible is refused before anything runs, in words that name the parameter."""
    with pytest.raises(ParameterError) as raised:
        bench.run(name, **parameters)
    assert complaint in str(raised.value)


def test_commands_are_for_misc(loaded: Loaded) -> None:
    """Workers with the default task types are given tasks with these commands."""
    commands = loaded.hooks.command_types()
    assert [commands[name].task_types for name in ("oiiotool", "make-contact-sheet")] == [("misc",), ("misc",)]


# -- make-contact-sheet -----------------------------------------------------------------------------------------------


def test_contact_sheet(bench: PluginBench, paint: Paint, tmp_path: Path) -> None:
    """Tiles stand in the order of their numbers, row by row; the sheet is shown, and nothing else is left."""
    for number in (10, 9, 2, 1, 11):
        paint(f"f{number}.png", (number * 20, 0, 0))
    output = tmp_path / "sheet.png"
    before = set(tmp_path.iterdir())
    bench.run("make-contact-sheet", images=f"{tmp_path}/shot/*.png", outputFile=str(output), columns=3, **TILE)
    with Image.open(output) as sheet:
        assert sheet.size == (3 * 40 + 2 * PADDING_PX, 2 * 20 + PADDING_PX)
        reds = [tile(sheet, place % 3, place // 3)[0] for place in range(6)]
    assert reds == [20, 40, 180, 200, 220, 0]
    assert (bench.steps, bench.images) == ([1], [output])
    assert set(tmp_path.iterdir()) == before | {output}


def test_contact_sheet_is_as_wide_as_there_are_images(bench: PluginBench, paint: Paint, tmp_path: Path) -> None:
    """Fewer images than columns make a smaller sheet; images of another shape keep theirs, in the middle of a tile."""
    paint("wide.png", (200, 100, 50), size=(400, 100))
    paint("wider.png", (200, 100, 50), size=(400, 100))
    output = tmp_path / "sheet.jpg"
    bench.run("make-contact-sheet", images=f"{tmp_path}/shot/*", outputFile=str(output), **TILE)
    with Image.open(output) as sheet:
        assert sheet.size == (2 * 40 + PADDING_PX, 20)
        assert max(sheet.crop((0, 0, 40, 4)).convert("L").tobytes()) < 30
        assert tile(sheet, 0, 0)[0] > 180
    assert bench.images == [output]


def test_contact_sheet_of_images_with_and_without_alpha(bench: PluginBench, paint: Paint, tmp_path: Path) -> None:
    """Opaque images are seen among transparent ones, and the sheet is opaque."""
    paint("1.png", (10, 20, 30))
    paint("2.png", (40, 50, 60, 255), mode="RGBA")
    output = tmp_path / "sheet.png"
    bench.run("make-contact-sheet", images=f"{tmp_path}/shot/*.png", outputFile=str(output), **TILE)
    with Image.open(output) as sheet:
        assert sheet.mode == "RGB"
        assert [tile(sheet, column, 0) for column in (0, 1)] == [(10, 20, 30), (40, 50, 60)]


def test_contact_sheet_of_grey_images(bench: PluginBench, paint: Paint, tmp_path: Path) -> None:
    """Grey images stay as grey as they are."""
    paint("1.png", 77, mode="L")
    output = tmp_path / "sheet.png"
    bench.run("make-contact-sheet", images=f"{tmp_path}/shot/*.png", outputFile=str(output), **TILE)
    with Image.open(output) as sheet:
        assert sheet.convert("L").getpixel((20, 10)) == 77


def test_contact_sheet_of_files_with_strange_names(bench: PluginBench, paint: Paint, tmp_path: Path) -> None:
    """What oiiotool would take for frame numbers or for an expression is a name like any other."""
    for name in ("a#.png", "b%04d.png", "c{1+1}.png", "d e.png"):
        paint(name, (90, 90, 90))
    output = tmp_path / "sheet {2*3} #.png"
    bench.run("make-contact-sheet", images=f"{tmp_path}/shot/*.png", outputFile=str(output), columns=4, **TILE)
    with Image.open(output) as sheet:
        assert [tile(sheet, column, 0) for column in range(4)] == [(90, 90, 90)] * 4


def test_contact_sheet_beside_its_images(bench: PluginBench, paint: Paint, tmp_path: Path) -> None:
    """Making a sheet again in the folder of the images does not put the old sheet onto the new one."""
    paint("1.png", (10, 20, 30))
    parameters = {"images": f"{tmp_path}/shot/*.png", "outputFile": f"{tmp_path}/shot/sheet.png", **TILE}
    for _ in range(2):
        bench.run("make-contact-sheet", **parameters)
        with Image.open(tmp_path / "shot" / "sheet.png") as sheet:
            assert sheet.size == (40, 20)
    assert sorted(path.name for path in (tmp_path / "shot").iterdir()) == ["1.png", "sheet.png"]


@pytest.mark.parametrize(
    ("images", "output", "complaint"),
    [
        ("shot/*.jpg", "sheet.png", "there are no images .*jpg; is the pattern right"),
        ("sho?", "sheet.png", "there are no images"),
        ("shot/*.png", "nowhere/sheet.png", "there is no folder .*nowhere for the contact sheet"),
        ("shot/*.png", "sheet.unknown", "the program exited with code"),
    ],
)
def test_contact_sheets_that_cannot_be(
    bench: PluginBench, paint: Paint, tmp_path: Path, images: str, output: str, complaint: str
) -> None:
    """Without images, a folder or a format the task fails with a sentence, and no file is left."""
    paint("1.png", (10, 20, 30))
    before = set(tmp_path.iterdir())
    with pytest.raises(CommandFailed, match=complaint):
        bench.run("make-contact-sheet", images=f"{tmp_path}/{images}", outputFile=f"{tmp_path}/{output}", **TILE)
    assert set(tmp_path.iterdir()) == before
    assert (bench.steps, bench.images) == ([], [])


def test_contact_sheet_with_a_broken_image(bench: PluginBench, paint: Paint, tmp_path: Path) -> None:
    """An image that cannot be read fails the task, with oiiotool's words in the log; an older sheet stays."""
    paint("1.png", (10, 20, 30))
    (tmp_path / "shot" / "2.png").write_text("no image")
    output = tmp_path / "sheet.png"
    output.write_text("older")
    with pytest.raises(CommandFailed, match="the program exited with code 1"):
        bench.run("make-contact-sheet", images=f"{tmp_path}/shot/*.png", outputFile=str(output), **TILE)
    assert "2.png" in bench.log.partition("ERROR")[2]
    assert output.read_text() == "older"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manager", "sheet.png", "shot"]


def test_contact_sheet_when_nothing_was_written(bench: PluginBench, paint: Paint, tmp_path: Path) -> None:
    """A program that ends well without writing anything fails the task."""
    paint("1.png", (10, 20, 30))
    exe = program(tmp_path / "nothing", "exit 0")
    with pytest.raises(CommandFailed, match="cannot write the contact sheet"):
        bench.run("make-contact-sheet", images=f"{tmp_path}/shot/*", outputFile=f"{tmp_path}/sheet.png", exe=exe)
    assert not (tmp_path / "sheet.png").exists()


@pytest.mark.parametrize("older", ["", "older"])
def test_cancelled_contact_sheet(bench: PluginBench, paint: Paint, tmp_path: Path, older: str) -> None:
    """Taken away half way, the task leaves no half of a sheet; an older one stays as it was."""
    paint("1.png", (10, 20, 30))
    output = tmp_path / "sheet.png"
    if older:
        output.write_text(older)
    script = 'for last; do :; done; echo half >"$last"; ls -A "$(dirname "$last")"; echo half written; sleep 600'
    exe = program(tmp_path / "slow", script)
    before = set(tmp_path.iterdir())
    bench.cancel_at = "half written"
    with pytest.raises(CommandCancelled):
        bench.run("make-contact-sheet", images=f"{tmp_path}/shot/*", outputFile=str(output), exe=exe)
    assert " > .sheet-" in bench.log
    assert set(tmp_path.iterdir()) == before
    assert not older or output.read_text() == older
    assert (bench.steps, bench.images) == ([], [])


# -- oiiotool ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "shown"), [("out.png", True), ("out.JPG", True), ("out.tif", False)])
def test_oiiotool(bench: PluginBench, paint: Paint, tmp_path: Path, name: str, shown: bool) -> None:
    """oiiotool does what the arguments say; an output that people can look at is shown to them."""
    source, output = paint("in.png", (10, 20, 30)), tmp_path / name
    bench.run("oiiotool", args=[str(source), "--resize", "10x5", "-o", str(output)], outputFile=str(output))
    with Image.open(output) as image:
        assert image.size == (10, 5)
    assert (bench.steps, bench.images) == ([1], [output] if shown else [])


def test_oiiotool_without_an_output(bench: PluginBench, paint: Paint) -> None:
    """A command may be there for what it prints, which is in the task's log."""
    source = paint("in.png", (10, 20, 30), size=(12, 34))
    log = bench.run("oiiotool", args=["--info", str(source)])
    assert "12 x   34" in log
    assert (bench.steps, bench.images) == ([1], [])


def test_oiiotool_that_does_not_write_its_output(bench: PluginBench, paint: Paint, tmp_path: Path) -> None:
    """An output file that is not there in the end fails the task, and names the file."""
    source = paint("in.png", (10, 20, 30))
    with pytest.raises(CommandFailed, match=r"there is no .*out\.png; do the arguments write it"):
        bench.run("oiiotool", args=["--info", str(source)], outputFile=f"{tmp_path}/out.png")
    assert (bench.steps, bench.images) == ([], [])


def test_oiiotool_that_fails(bench: PluginBench, tmp_path: Path) -> None:
    """oiiotool's exit code fails the task."""
    with pytest.raises(CommandFailed, match="the program exited with code 1"):
        bench.run("oiiotool", args=[f"{tmp_path}/none.png", "-o", f"{tmp_path}/out.png"])


# -- the program ------------------------------------------------------------------------------------------------------


def test_the_program_of_the_wheel(bench: PluginBench, paint: Paint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an oiiotool on PATH it is the one that was installed beside the worker's Python."""
    source = paint("in.png", (10, 20, 30))
    monkeypatch.setenv("PATH", str(source.parent))
    log = bench.run("oiiotool", args=["--info", str(source)])
    assert str(Path(sys.executable).parent / "oiiotool") in log


def test_path_comes_first(bench: PluginBench, paint: Paint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An oiiotool on PATH is preferred to that of the wheel."""
    (tmp_path / "bin").mkdir()
    own = program(tmp_path / "bin" / "oiiotool", "echo mine")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert f"{own} --help" in bench.run("oiiotool", args=["--help"])
    assert " > mine" in bench.log


def test_no_program_at_all(bench: PluginBench, tmp_path: Path) -> None:
    """Where there is no oiiotool, the message says what to do."""
    find_program = vars(sys.modules[bench.commands["oiiotool"].run.__module__])["find_program"]
    with pytest.raises(CommandFailed, match=r"`pip install openimageio`, or set plugins\.oiio_commands\.oiiotool"):
        find_program("oiiotool", [str(tmp_path)])


def test_a_program_that_is_named_is_not_looked_for(bench: PluginBench, tmp_path: Path) -> None:
    """A path is taken as it is, and fails the task when there is nothing."""
    with pytest.raises(CommandFailed, match="there is no such program on this worker"):
        bench.run("oiiotool", exe=f"{tmp_path}/oiiotool", args=["--help"])


# -- the setting ------------------------------------------------------------------------------------------------------


def commands_of(job: AuthoredJob) -> list[dict[str, Any] | None]:
    """The parameters of every command."""
    return [command.parameters for task in job.tasks for command in task.commands]


def test_the_configured_program_is_filled_in(loaded: Loaded) -> None:
    """Commands of the plugin that name no program get the setting's; all else in the job stays as it is."""
    given = (
        Command("oiiotool", {"args": ["--help"]}),
        Command("make-contact-sheet", {"images": "/r/*", "outputFile": "/s.png"}, 1),
        Command("oiiotool", {"args": [], "exe": "/opt/oiiotool"}),
        Command("exec", {"args": [], "exe": "ls"}),
    )
    job = authored_job(replace(authored_task("a"), commands=given), authored_task("b"))
    changed = loaded.hooks.job_compiled(job, loaded.hooks.command_types(), loaded.config)
    assert commands_of(changed) == [
        {"args": ["--help"], "exe": "{oiiotool}"},
        {"images": "/r/*", "outputFile": "/s.png", "exe": "{oiiotool}"},
        {"args": [], "exe": "/opt/oiiotool"},
        {"args": [], "exe": "ls"},
        {"message": "b"},
    ]
    assert changed.tasks[0].commands[1].total_step_count == 1
    assert changed.tasks[1] == job.tasks[1]
    assert commands_of(job)[0] == {"args": ["--help"]}


def test_other_jobs_are_left_alone(loaded: Loaded) -> None:
    """A job without the plugin's commands is not made anew."""
    job = authored_job(authored_task())
    assert loaded.hooks.job_compiled(job, loaded.hooks.command_types(), loaded.config) is job


def test_the_default_program(tmp_path: Path) -> None:
    """Without a setting, workers look for oiiotool themselves."""
    loaded = load_text("plugins: [oiio_commands]\n", tmp_path)
    assert loaded.config.plugins.oiio_commands.oiiotool == "oiiotool"


# -- the job type -----------------------------------------------------------------------------------------------------


@pytest.fixture
def compiler(loaded: Loaded) -> Iterator[Compiler]:
    """A compiler with the job types of the plugin and the core."""
    compiler = Compiler(loaded.hooks.job_type_folders())
    yield compiler
    compiler.close()


def compile_sheet(compiler: Compiler, *, strict: bool = False, **settings: Any) -> AuthoredJob:
    """Compile a make-contact-sheet."""
    submission = Submission(name="sheet", type="make-contact-sheet", settings=settings)
    return compiler.compile(submission, JOB_ID, CREATED, strict=strict)


def test_the_job_type_is_there(compiler: Compiler) -> None:
    """The plugin's job type stands beside those that are shipped, with nothing wrong."""
    assert {"make-contact-sheet", "shell-commands"} <= {job_type.name for job_type in compiler.job_types()}
    assert compiler.problems() == []


@pytest.mark.parametrize("strict", [False, True])
def test_the_job_type(compiler: Compiler, strict: bool) -> None:
    """It makes one task with one command; defaults hold whether the client fills them in or not."""
    job = compile_sheet(compiler, strict=strict, images="/r/*.png", output_file="/r.png", columns=3)
    assert [(task.name, task.type, task.steps_total) for task in job.tasks] == [("contact-sheet", "misc", 1)]
    assert commands_of(job) == [
        {"images": "/r/*.png", "outputFile": "/r.png", "columns": 3, "tileWidth": 320, "tileHeight": 180}
    ]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"output_file": "/r.png"}, 'setting "images" is missing'),
        ({"images": "/r/*.png"}, 'setting "output_file" is missing'),
    ],
)
def test_refused_sheets(compiler: Compiler, settings: dict[str, Any], complaint: str) -> None:
    """What is missing is refused in words that help."""
    with pytest.raises(JobTypeError) as raised:
        compile_sheet(compiler, **settings)
    assert complaint in str(raised.value)


def test_a_job_from_settings_to_sheet(compiler: Compiler, paint: Paint, tmp_path: Path) -> None:
    """What the job type compiles, and the plugin completes with its setting, a worker turns into a sheet."""
    wheel = shutil.which("oiiotool", path=str(Path(sys.executable).parent))
    loaded = load_text(f"plugins: {{oiio_commands: {{oiiotool: {wheel}}}}}\n", tmp_path)
    for number in range(4):
        paint(f"{number}.png", (number * 50, 0, 0))
    output = tmp_path / "sheet.png"
    settings = {"columns": 2, "tile_width": 40, "tile_height": 20}
    job = compile_sheet(compiler, strict=True, images=f"{tmp_path}/shot/*.png", output_file=str(output), **settings)
    job = loaded.hooks.job_compiled(job, loaded.hooks.command_types(), loaded.config)
    ((command,),) = (task.commands for task in job.tasks)
    log = PluginBench(loaded).run(command.name, **(command.parameters or {}))
    assert str(wheel) in log
    with Image.open(output) as sheet:
        assert sheet.size == (2 * 40 + PADDING_PX, 2 * 20 + PADDING_PX)
        assert [tile(sheet, place % 2, place // 2)[0] for place in range(4)] == [0, 50, 100, 150]
