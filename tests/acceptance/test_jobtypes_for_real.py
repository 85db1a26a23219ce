"""Jobs of the shipped job types, done for real: compiled, their commands run as a worker does, results looked at."""

from __future__ import annotations

import json
import os
import shlex
import sys
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from PIL import Image, ImageChops, ImageStat

from flamenco import CommandFailed, bundled
from flamenco.client import JobRequest, ManagerClient
from flamenco.compiler.compile import Compiler
from flamenco.demo.tools import Blender, find_blender
from flamenco.domain.model import AuthoredJob, AuthoredTask, Submission
from flamenco.domain.variables import Expansion, Variables, everywhere, this_platform
from tests.acceptance.conftest import running_manager, wait_until
from tests.acceptance.test_faults import is_completed, running_workers, summary
from tests.integration.compiling import CREATED, JOB_ID, handed_out
from tests.unit.commanding import Bench

SCENES = Path(__file__).with_name("blender_scenes.py")


class Farm(NamedTuple):
    """What is needed to do jobs without a manager."""

    compiler: Compiler
    variables: Expansion
    blendfile: str

    def compile(self, job_type: str, **settings: Any) -> AuthoredJob:
        """Compile a job as the manager does for a submission."""
        submission = Submission(name="job", type=job_type, settings=settings)
        return handed_out(self.compiler.compile(submission, JOB_ID, CREATED, strict=True))

    def render(self, job_type: str, folder: Path, **settings: Any) -> AuthoredJob:
        """Compile a job that renders into `folder`."""
        usual = {"blendfile": self.blendfile, "format": "PNG", "render_output_path": f"{folder}/######"}
        return self.compile(job_type, **(usual | settings))

    def run_task(self, task: AuthoredTask) -> Bench:
        """Run the commands of a task one after the other, as a worker does. Raises what makes the task fail."""
        bench = Bench()
        for command in self.variables.commands(task.commands):
            bench.context.command_reports_steps = command.total_step_count > 0
            bench.run(command.name, **(command.parameters or {}))
        return bench

    def run(self, job: AuthoredJob) -> dict[str, Bench]:
        """Run all tasks, none before those it depends on; what they reported, by their names."""
        done: dict[str, Bench] = {}
        ids: set[str] = set()
        for task in job.tasks:
            assert ids.issuperset(task.dependencies)
            done[task.name] = self.run_task(task)
            ids.add(task.id)
        return done


@pytest.fixture(scope="module")
def blender() -> Blender:
    """The Blender of this machine, or the wheel."""
    search = find_blender(None, os.environ)
    assert search.blender, search.problem
    return search.blender


@pytest.fixture(scope="module")
def farm(blender: Blender, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """The shipped job types, the farm's variables, and a blend file with scenes."""
    blendfile = str(tmp_path_factory.mktemp("scenes") / "scenes.blend")
    arguments = [*shlex.split(blender.arguments), "--python-exit-code", "1", "--python", str(SCENES), "--", blendfile]
    Bench().run("exec", exe=blender.program, args=arguments)
    variables = Variables({"blender": everywhere(blender.program), "blenderArgs": everywhere(blender.arguments)})
    compiler = Compiler([bundled.job_types()])
    yield Farm(compiler, variables.for_worker(this_platform()), blendfile)
    compiler.close()


# single-image-render


@pytest.mark.long
@pytest.mark.parametrize(
    ("scene", "settings", "extension"),
    [
        ("Still", {"tiles_x": 3, "tiles_y": 2, "frame": 7}, ".png"),
        pytest.param("Still", {"tiles_x": 1, "tiles_y": 1}, ".png", marks=pytest.mark.long),
        pytest.param("Still", {"format": "JPEG"}, ".jpg", marks=pytest.mark.long),
        pytest.param("Clear", {"tile_overlap": 4}, ".png", marks=pytest.mark.long),
        pytest.param("Soft", {"tile_overlap": 2}, ".png", marks=pytest.mark.long),
    ],
)
def test_tiles_make_the_image_that_one_worker_makes(
    farm: Farm, tmp_path: Path, scene: str, settings: dict[str, Any], extension: str
) -> None:
    """Size, mode and every pixel are the same as of the image rendered in one piece."""
    frame = settings.get("frame", 1)
    tiled = tmp_path / "tiled" / f"{frame:06}{extension}"
    done = farm.run(farm.render("single-image-render", tiled.parent, **({"frame": 1, "scene": scene} | settings)))
    whole = render_whole(farm, tmp_path, scene, frame, extension, settings.get("format", "PNG"))
    assert_alike(tiled, whole)
    assert done["merge"].images == [tiled]
    tiles = [bench for name, bench in done.items() if name != "merge"]
    assert [bench.steps for bench in tiles] == [[1]] * len(tiles)


def render_whole(farm: Farm, folder: Path, scene: str, frame: int, extension: str, image_format: str) -> Path:
    """The same frame from the job type that renders in one piece."""
    whole = folder / "whole" / f"{frame:06}{extension}"
    settings = {"frames": str(frame), "scene": scene, "format": image_format, "image_file_extension": extension}
    farm.run(farm.render("simple-blender-render", whole.parent, **settings))
    return whole


def assert_alike(tiled: Path, whole: Path) -> None:
    """Fail unless both images have the same size, mode and pixels, and something to be seen in them."""
    with Image.open(tiled) as merged, Image.open(whole) as expected:
        assert (merged.size, merged.mode) == (expected.size, expected.mode)
        assert merged.size == (97, 61)
        assert ImageStat.Stat(merged.convert("L")).stddev[0] > 5
        # Every pixel is the sum of the same samples, whose last bit may depend on the machine.
        assert max(high for _, high in extrema(ImageChops.difference(merged, expected))) <= 1


def extrema(image: Image.Image) -> list[tuple[int, int]]:
    """The least and the greatest value of each channel."""
    return [channel.getextrema() for channel in image.split()]  # type: ignore[misc] # of 8-bit channels


@pytest.mark.long
def test_tiles_keep_the_range_of_openexr(farm: Farm, tmp_path: Path, blender: Blender) -> None:
    """An OpenEXR image has the same numbers in it, and they have not been through a view transform."""
    job = farm.render("single-image-render", tmp_path / "tiled", frame=1, scene="Clear", format="OPEN_EXR")
    farm.run(job)
    whole = render_whole(farm, tmp_path, "Clear", 1, ".exr", "OPEN_EXR")
    merged, expected = (floats(blender, path, tmp_path) for path in (tmp_path / "tiled" / "000001.exr", whole))
    assert len(merged) == len(expected) == 4 * 97 * 61
    assert max(abs(one - other) for one, other in zip(merged, expected, strict=True)) < 0.002  # half a float's digits


def floats(blender: Blender, path: Path, folder: Path) -> array[float]:
    """All numbers in an OpenEXR file, which Pillow does not read."""
    script = (
        "import array, bpy, sys; image = bpy.data.images.load(sys.argv[-2]); "
        "pixels = array.array('f', bytes(16 * image.size[0] * image.size[1])); "
        "image.pixels.foreach_get(pixels); open(sys.argv[-1], 'wb').write(pixels.tobytes())"
    )
    arguments = [*shlex.split(blender.arguments), "--python-exit-code", "1", "--python-expr", script]
    Bench().run("exec", exe=blender.program, args=[*arguments, "--", str(path), str(folder / "pixels")])
    return array("f", (folder / "pixels").read_bytes())


@pytest.mark.long
def test_a_tile_that_is_missing_fails_the_merge(farm: Farm, tmp_path: Path) -> None:
    """No image is better than one with a hole; and what a killed worker left of a tile is rendered anew."""
    job = farm.render("single-image-render", tmp_path, frame=1, scene="Still", tiles_x=2, tiles_y=1)
    first, second, merge = job.tasks
    farm.run_task(first)
    with pytest.raises(CommandFailed, match="code 1"):
        farm.run_task(merge)
    [tile] = tmp_path.glob("tiles-*/*.exr")
    assert list(tmp_path.glob("*.png")) == []

    left = tile.with_name("tile-2-1-000001.exr")
    left.write_bytes(tile.read_bytes()[:100])
    farm.run_task(second)
    farm.run_task(merge)
    with Image.open(tmp_path / "000001.png") as image:
        image.load()


# blender-render-variations


def colour_of(path: Path) -> tuple[int, ...]:
    """Which of red, green and blue there is, of an image of one colour."""
    with Image.open(path) as image:
        assert image.size == (16, 9)
        return tuple(int(low > 128) for low, _ in extrema(image.convert("RGB")))


@pytest.mark.long
def test_every_camera_renders_its_view(farm: Farm, tmp_path: Path) -> None:
    """Each camera of the list has its frames in a folder of its own, whatever the file or its markers say."""
    names = "Front, Top/1,top_1"
    job = farm.render(
        "blender-render-variations", tmp_path, variations=names, frames="1-2", chunk_size=2, scene="Cameras"
    )
    done = farm.run(job)
    assert [bench.steps for bench in done.values()] == [[1, 2]] * 3
    found = {str(path.relative_to(tmp_path)): colour_of(path) for path in tmp_path.rglob("*.png")}
    colours = {"Front": (1, 0, 0), "Top_1": (0, 1, 0), "top_1-2": (0, 0, 1)}
    expected = {f"{folder}/00000{frame}.png": colour for folder, colour in colours.items() for frame in (1, 2)}
    assert found == expected


@pytest.mark.long
def test_every_view_layer_is_rendered_alone(farm: Farm, tmp_path: Path) -> None:
    """Each layer of the list is rendered by itself, and the compositor does not look for the others."""
    job = farm.render(
        "blender-render-variations",
        tmp_path,
        kind="view_layer",
        variations="Red,Blue",
        frames="1",
        scene="Layers",
        render_output_path=f"{tmp_path}/shot-{{variation}}-####",
    )
    farm.run(job)
    found = {path.name: colour_of(path) for path in tmp_path.rglob("*.png")}
    assert found == {"shot-Red-0001.png": (1, 0, 0), "shot-Blue-0001.png": (0, 0, 1)}


@pytest.mark.parametrize("kind", ["camera", "view_layer"])
def test_a_variation_that_does_not_exist_fails_its_task(farm: Farm, tmp_path: Path, kind: str) -> None:
    """Nothing is rendered through another camera instead."""
    job = farm.render("blender-render-variations", tmp_path, kind=kind, variations='no "such" one', frames="1")
    with pytest.raises(CommandFailed, match="code 1"):
        farm.run(job)
    assert list(tmp_path.iterdir()) == []


# What the Blender add-on computes

ADD_ON = """
import bpy, json, sys
from pathlib import Path
from types import SimpleNamespace
scope = {"bpy": bpy, "C": bpy.context, "jobname": "shot", "Path": Path, "abspath": bpy.path.abspath,
    "last_n_dir_parts": lambda n, path=None: Path(*Path(path or bpy.data.filepath).parent.parts[-n:] if n else "."),
    "settings": SimpleNamespace(**json.loads(sys.argv[-2]))}
bpy.context.window.scene = bpy.data.scenes["Layers"]
bpy.data.texts.new("commands").write("one\\ntwo")
values = {key: eval(text, dict(scope)) for key, text in json.loads(sys.argv[-3]).items()}
Path(sys.argv[-1]).write_text(json.dumps(values))
"""


def eval_like_the_add_on(farm: Farm, blender: Blender, job_type: str, folder: Path, **settings: Any) -> dict[str, Any]:
    """The values of a job type's settings that the add-on computes, in a scene with the view layers Red and Blue."""
    declared = farm.compiler.job_type(job_type).settings or ()
    evals = {setting.key: setting.eval for setting in declared if setting.eval}
    given = [json.dumps(evals), json.dumps({"render_output_root": "/r", "add_path_components": 0} | settings)]
    arguments = [*shlex.split(blender.arguments), farm.blendfile, "--python-exit-code", "1", "--python-expr", ADD_ON]
    Bench().run("exec", exe=blender.program, args=[*arguments, "--", *given, str(folder / "values")])
    values: dict[str, Any] = json.loads((folder / "values").read_text())
    return values


RENDERED = {"format": "PNG", "scene": "Layers"}


@pytest.mark.parametrize(
    ("job_type", "settings", "expected"),
    [
        ("single-image-render", {}, {"frame": 1, "render_output_path": "/r/shot/{timestamp}/######", **RENDERED}),
        (
            "blender-render-variations",
            {"kind": "view_layer"},
            {
                "variations": "Red, Blue",
                "frames": "1-250",
                "render_output_path": "/r/shot/{timestamp}/{variation}/######",
                **RENDERED,
            },
        ),
        ("blender-render-variations", {"kind": "camera"}, {"variations": "Eye"}),
        ("shell-commands", {}, {"commands": "one\ntwo"}),
        ("frame-script", {}, {"frames": "1-250"}),
    ],
)
def test_the_add_on_finds_values(
    farm: Farm, blender: Blender, tmp_path: Path, job_type: str, settings: dict[str, Any], expected: dict[str, Any]
) -> None:
    """The expressions that job types give to the add-on work in Blender."""
    values = eval_like_the_add_on(farm, blender, job_type, tmp_path, **settings)
    assert values | expected == values


# shell-commands, frame-script

PYTHON = shlex.quote(sys.executable)


def test_command_lines_are_run(farm: Farm, tmp_path: Path) -> None:
    """Programs get their arguments as they were quoted; a line that fails is a task that fails."""
    note = """'import sys; open(sys.argv[1], "w").write("|".join(sys.argv[2:]))'"""
    lines = f"""
        # prepare
        {PYTHON} -c {note} "{tmp_path}/a file" "x  y" '' $HOME
        {PYTHON} -c 'raise SystemExit(3)'  # fails
    """
    good, bad = farm.compile("shell-commands", commands=lines).tasks
    farm.run_task(good)
    assert (tmp_path / "a file").read_text() == "x  y||$HOME"
    with pytest.raises(CommandFailed, match="code 3"):
        farm.run_task(bad)


SCRIPT = """
import pathlib, sys
frames, first, last, count, folder, kept = sys.argv[1:]
pathlib.Path(folder, first).write_text(f"{frames} {first} {last} {count} {kept}")
"""


def test_a_script_is_run_for_every_chunk(farm: Farm, tmp_path: Path) -> None:
    """A Python script learns of its frames from its arguments, which are the ones that were written."""
    script = tmp_path / "my script.py"
    script.write_text(SCRIPT)
    arguments = f"{{frames}} {{first}} {{last}} {{count}} {shlex.quote(str(tmp_path))} '{{other}} one'"
    job = farm.compile(
        "frame-script",
        script=str(script),
        interpreter=sys.executable,
        arguments=arguments,
        frames="1-4,8-10",
        chunk_size=5,
    )
    farm.run(job)
    assert (tmp_path / "1").read_text() == "1-4,8 1 8 5 {other} one"
    assert (tmp_path / "9").read_text() == "9,10 9 10 2 {other} one"


def test_a_program_is_run_for_every_chunk(farm: Farm, tmp_path: Path) -> None:
    """What is no Python script is run itself, and finds the variables of the farm replaced."""
    program = tmp_path / "note"
    program.write_text(f'#!/bin/sh\necho "$2" > "{tmp_path}/out-$1"\n')
    program.chmod(0o755)
    farm.run(farm.compile("frame-script", script=str(program), arguments="{frames} {blenderArgs}", frames="7,9"))
    assert {path.name: path.read_text().strip() for path in tmp_path.glob("out-*")} == {
        f"out-{frame}": farm.variables.text("{blenderArgs}") for frame in (7, 9)
    }


# The same with a manager and two workers


@contextmanager
def running_farm(folder: Path, blender: Blender) -> Iterator[str]:
    """A manager that knows this Blender, with two workers; the manager's URL."""
    config = folder / "flamenco-manager.yaml"
    given = {"blender": blender.program, "blenderArgs": f"{blender.arguments} -t 1"}
    values = {name: {"values": [{"platform": "all", "value": value}]} for name, value in given.items()}
    config.write_bytes(msgspec.yaml.encode({"variables": values}))
    with running_manager(folder, "--config", str(config)) as manager, running_workers(folder, manager.url, 2):
        yield manager.url


@pytest.mark.long
def test_two_workers_share_the_work(farm: Farm, blender: Blender, tmp_path: Path) -> None:
    """Tiles become one image after all of them, and the lines of a chain wait for each other."""
    note = f'{PYTHON} -c \'import sys, time; time.sleep({{}}); open(sys.argv[1], "a").write("{{}}")\' {tmp_path}/chain'
    commands = "\n".join(note.format(pause, number) for number, pause in enumerate((0.5, 0.2, 0), start=1))
    image = {"blendfile": farm.blendfile, "format": "PNG", "render_output_path": f"{tmp_path}/out/######"}
    requests = [
        JobRequest(name="chain", type="shell-commands", settings={"commands": commands, "chained": True}),
        JobRequest(name="image", type="single-image-render", settings={**image, "frame": 1, "scene": "Still"}),
    ]
    with running_farm(tmp_path, blender) as url:
        with ManagerClient(url) as client:
            jobs = [client.submit_job(request).id for request in requests]
        for job in jobs:
            assert wait_until(partial(is_completed, url, job), 120), summary(url, job)
    assert (tmp_path / "chain").read_text() == "123"
    assert_alike(tmp_path / "out" / "000001.png", render_whole(farm, tmp_path, "Still", 1, ".png", "PNG"))
