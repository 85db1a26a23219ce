"""The shipped job types beyond those that Flamenco always had: what they compile to, and what they refuse."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import UNSET

from flamenco import bundled
from flamenco.compiler.compile import Compiler
from flamenco.domain.errors import JobTypeError, Refused
from flamenco.domain.model import AuthoredJob, AuthoredTask, Submission
from flamenco.hooks.parameters import read_parameters
from tests.integration.compiling import CREATED, JOB_ID, handed_out
from tests.unit.commanding import builtin_commands

TIMESTAMP = CREATED.astimezone().strftime("%Y-%m-%d_%H%M%S")

KEPT = {"skip_existing": False, "missing_files": "warn"}

COMPLETE: dict[str, dict[str, Any]] = {
    "single-image-render": {
        "frame": 47,
        "tiles_x": 3,
        "tiles_y": 2,
        "tile_overlap": 16,
        "render_output_root": "/r",
        "add_path_components": 0,
        "render_output_path": "/r/{timestamp}/######",
        **KEPT,
        "blendfile": "/jobs/a.blend",
        "format": "PNG",
        "scene": "Scene",
    },
    "blender-render-variations": {
        "kind": "view_layer",
        "variations": "front, top",
        "frames": "1-5",
        "chunk_size": 3,
        "render_output_root": "/r",
        "add_path_components": 0,
        "render_output_path": "/r/{timestamp}/{variation}/######",
        **KEPT,
        "blendfile": "/jobs/a.blend",
        "format": "PNG",
        "scene": "Scene",
    },
    "shell-commands": {"commands": "one\ntwo 'a b'\n", "chained": True, "task_type": "ffmpeg"},
    "frame-script": {
        "script": "/s/x.py",
        "arguments": "{frames}",
        "frames": "1-5",
        "chunk_size": 3,
        "interpreter": "{python}",
        "task_type": "sim",
    },
    "worker-check": {"folder": "/mnt/farm", "reference": "/mnt/farm/a.txt", "has_ffmpeg": False, "task_type": "check"},
}
"""Every setting of each job type, as the Blender add-on sends them."""

DEFAULTS: dict[str, dict[str, Any]] = {
    "single-image-render": {"tiles_x": 2, "tiles_y": 2, "tile_overlap": 0, "add_path_components": 0, **KEPT},
    "blender-render-variations": {"kind": "camera", "chunk_size": 1, "add_path_components": 0, **KEPT},
    "shell-commands": {"chained": False, "task_type": "misc"},
    "frame-script": {"arguments": "{frames}", "chunk_size": 1, "interpreter": "python3", "task_type": "misc"},
    "worker-check": {"reference": "", "has_ffmpeg": True, "task_type": "misc"},
}

REQUIRED = {
    "single-image-render": {"frame", "blendfile", "format"},
    "blender-render-variations": {"variations", "frames", "blendfile", "format"},
    "shell-commands": {"commands"},
    "frame-script": {"script", "frames"},
    "worker-check": {"folder"},
}


@pytest.fixture(scope="module")
def compiler() -> Iterator[Compiler]:
    """A compiler with the shipped job types alone."""
    compiler = Compiler([bundled.job_types()])
    yield compiler
    compiler.close()


def compiled(compiler: Compiler, name: str, *without: str, strict: bool = False, **settings: object) -> AuthoredJob:
    """Compile a job with other settings than the complete ones, and `without` some."""
    given = {key: value for key, value in (COMPLETE[name] | settings).items() if key not in without}
    return compiler.compile(Submission(name="job", type=name, settings=given), JOB_ID, CREATED, strict=strict)


def names(job: AuthoredJob) -> list[str]:
    """The tasks' names."""
    return [task.name for task in job.tasks]


def parameters(task: AuthoredTask) -> dict[str, Any]:
    """The parameters of a task's only command."""
    [command] = task.commands
    assert command.parameters is not None
    return command.parameters


def argument(task: AuthoredTask, option: str) -> str:
    """The argument behind `option` in a task's command."""
    args: list[str] = parameters(task)["args"]
    return args[args.index(option) + 1]


def refused(compiler: Compiler, name: str, without: list[str], settings: dict[str, Any]) -> str:
    """The message with which a job is refused."""
    with pytest.raises((JobTypeError, Refused)) as raised:
        compiled(compiler, name, *without, **settings)
    return str(raised.value)


@pytest.mark.parametrize("name", COMPLETE)
def test_what_is_declared(compiler: Compiler, name: str) -> None:
    """The Blender add-on can show every setting, all are in the README, and each has the default that is said here."""
    job_type = compiler.job_type(name)
    assert job_type.description
    settings = {setting.key: setting for setting in job_type.settings or ()}
    assert set(settings) == set(COMPLETE[name])
    assert {key: setting.default for key, setting in settings.items() if setting.default is not UNSET} == DEFAULTS[name]
    assert {key for key, setting in settings.items() if setting.required is True} == REQUIRED[name]
    readme = bundled.job_types().joinpath("README.md").read_text(encoding="utf-8")
    chapter = readme.partition(f"\n## {job_type.label}\n")[2].partition("\n## ")[0]
    for key, setting in settings.items():
        assert key.isidentifier()
        assert f"`{key}`" in chapter
        if setting.eval:
            ast.parse(setting.eval, mode="eval")


@pytest.mark.parametrize("name", COMPLETE)
@pytest.mark.parametrize("strict", [False, True])
def test_defaults_hold_for_every_client(compiler: Compiler, name: str, strict: bool) -> None:
    """Whoever leaves out what has a default gets the same tasks as who gives it, and so does who gives null."""
    spelled_out = compiled(compiler, name, **DEFAULTS[name])
    left_out = compiled(compiler, name, *DEFAULTS[name], strict=strict)
    nothing: dict[str, Any] = dict.fromkeys(DEFAULTS[name])
    nulls = compiled(compiler, name, **nothing)
    outlines = [
        [
            (task.name, task.type, [(command.name, command.parameters) for command in task.commands])
            for task in job.tasks
        ]
        for job in (spelled_out, left_out, nulls)
    ]
    assert outlines[0] == outlines[1] == outlines[2]


@pytest.mark.parametrize("name", COMPLETE)
def test_workers_can_run_the_commands(compiler: Compiler, name: str) -> None:
    """Every command is one of the builtin ones, with parameters that it takes without leniency."""
    commands = builtin_commands()
    for task in compiled(compiler, name, strict=True).tasks:
        for command in task.commands:
            read_parameters(commands[command.name], command.parameters)
            assert all(isinstance(word, str) for word in (command.parameters or {})["args"])


@pytest.mark.parametrize(("name", "key"), [(name, key) for name in REQUIRED for key in sorted(REQUIRED[name])])
def test_required_settings(compiler: Compiler, name: str, key: str) -> None:
    """A submission without a required setting is refused in words that name it."""
    with pytest.raises(Refused, match=f'setting "{key}" is missing'):
        compiled(compiler, name, key, strict=True)


# single-image-render


def test_tiles(compiler: Compiler) -> None:
    """A render task for each tile that waits for nothing, and one that merges them and waits for all."""
    job = compiled(compiler, "single-image-render")
    *tiles, merge = job.tasks
    assert names(job) == ["tile-1-1", "tile-2-1", "tile-3-1", "tile-1-2", "tile-2-2", "tile-3-2", "merge"]
    assert {task.type for task in job.tasks} == {"blender"}
    assert [task.dependencies for task in tiles] == [()] * 6
    assert merge.dependencies == tuple(tile.id for tile in tiles)
    assert [command.total_step_count for task in job.tasks for command in task.commands] == [1] * 6 + [0]
    assert job.settings["render_output_path"] == f"/r/{TIMESTAMP}/######"


def test_what_blender_is_told(compiler: Compiler) -> None:
    """Scene, output and format come before the script that changes them, and rendering after it."""
    first, *_, merge = handed_out(compiled(compiler, "single-image-render")).tasks
    folder = f"/r/{TIMESTAMP}/tiles-11111111"
    for task in (first, merge):
        assert {key: value for key, value in parameters(task).items() if key != "args"} == {
            "exe": "{blender}", "exeArgs": "{blenderArgs}", "argsBefore": [], "blendfile": "/jobs/a.blend",
        }  # fmt: skip
        compile(argument(task, "--python-expr"), "script", "exec")
    assert without_script(first) == [
        "--scene", "Scene", "--render-output", f"{folder}/tile-1-1-######", "--render-format", "OPEN_EXR",
        "--python-exit-code", "1", "--python-expr", "SCRIPT", "--render-frame", "47", "--python-expr", "SCRIPT",
    ]  # fmt: skip
    assert without_script(merge) == [
        "--scene", "Scene", "--render-output", f"/r/{TIMESTAMP}/######", "--render-format", "PNG",
        "--python-exit-code", "1", "--python-expr", "SCRIPT", "--", folder,
    ]  # fmt: skip
    assert "000047.exr" in argument(merge, "--python-expr")


def without_script(task: AuthoredTask) -> list[str]:
    """The arguments, with a word instead of scripts."""
    args = parameters(task)["args"]
    return ["SCRIPT" if before == "--python-expr" else arg for before, arg in zip(["", *args], args, strict=False)]


@pytest.mark.parametrize("name", ["single-image-render", "blender-render-variations"])
@pytest.mark.parametrize("scene", [None, ""])
def test_no_scene(compiler: Compiler, name: str, scene: str | None) -> None:
    """Without a scene Blender is not told which."""
    assert all("--scene" not in parameters(task)["args"] for task in compiled(compiler, name, scene=scene).tasks)


@pytest.mark.parametrize(
    ("given", "output", "folder"),
    [
        ("/r/######", "/r/######", "/r"),
        ("R:\\a\\b\\######", "R:/a/b/######", "R:/a/b"),
        ("\\\\NAS\\share\\still\\###", "\\\\NAS\\share\\still\\###", "//NAS/share/still"),
        ("//NAS/share/still/###", "\\\\NAS\\share\\still\\###", "//NAS/share/still"),
        ("{storage}/{timestamp}/{jobs}/x", f"{{storage}}/{TIMESTAMP}/{{jobs}}/x", f"{{storage}}/{TIMESTAMP}/{{jobs}}"),
    ],
)
def test_where_tiles_and_image_go(compiler: Compiler, given: str, output: str, folder: str) -> None:
    """Tiles lie beside the image, in a folder that is the job's; names of shares and of variables survive.

    A share reaches Blender with backslashes: `//` is where the blend file lies.
    """
    first, *_, merge = compiled(compiler, "single-image-render", render_output_path=given).tasks
    assert argument(merge, "--render-output") == output
    assert argument(merge, "--") == f"{folder}/tiles-11111111"
    tile = f"{folder}/tiles-11111111/tile-1-1-######"
    assert argument(first, "--render-output") == (tile.replace("/", "\\") if tile.startswith("//") else tile)


WHOLE = 'setting "{}" must be a whole number, {}, not {}'


@pytest.mark.parametrize(
    ("without", "settings", "complaint"),
    [
        (["frame"], {}, WHOLE.format("frame", "0 or more", "undefined")),
        ([], {"frame": -1}, WHOLE.format("frame", "0 or more", "-1")),
        ([], {"frame": "7"}, WHOLE.format("frame", "0 or more", "7")),
        ([], {"tiles_x": 0}, WHOLE.format("tiles_x", "1 to 100", "0")),
        ([], {"tiles_x": 101}, WHOLE.format("tiles_x", "1 to 100", "101")),
        ([], {"tiles_y": 1.5}, WHOLE.format("tiles_y", "1 to 100", "1.5")),
        ([], {"tile_overlap": -1}, WHOLE.format("tile_overlap", "0 to 1000", "-1")),
        ([], {"frame": 1048575}, "frame 1048575 is out of range"),
        (["render_output_path"], {}, "no render_output_path setting!"),
        ([], {"render_output_path": ""}, "no render_output_path setting!"),
        *(
            ([], {"format": name}, f'This job type renders an image of one layer, and not "{name}"')
            for name in ("FFMPEG", "AVI_RAW", "AVI_JPEG", "MULTILAYER", "OPEN_EXR_MULTILAYER")
        ),
    ],
)
def test_refused_tiles(compiler: Compiler, without: list[str], settings: dict[str, Any], complaint: str) -> None:
    """What cannot be rendered in tiles is refused with a text for the artist."""
    message = refused(compiler, "single-image-render", without, settings)
    assert complaint in message
    assert "single_image_render.js" in message


# blender-render-variations


def test_variations(compiler: Compiler) -> None:
    """Each name has its own render tasks with its own output, which wait for nothing and report a step per frame."""
    job = compiled(compiler, "blender-render-variations")
    assert [(task.name, task.type, task.dependencies, task.steps_total) for task in job.tasks] == [
        ("render-front-1-3", "blender", (), 3),
        ("render-front-4,5", "blender", (), 2),
        ("render-top-1-3", "blender", (), 3),
        ("render-top-4,5", "blender", (), 2),
    ]
    assert [argument(task, "--render-frame") for task in job.tasks] == ["1..3", "4,5"] * 2
    assert without_script(job.tasks[0]) == [
        "--scene", "Scene", "--render-output", f"/r/{TIMESTAMP}/front/######", "--render-format", "PNG",
        "--python-exit-code", "1", "--python-expr", "SCRIPT", "--render-frame", "1..3", "--python-expr", "SCRIPT",
    ]  # fmt: skip
    assert parameters(job.tasks[0])["blendfile"] == "/jobs/a.blend"
    assert job.settings["render_output_path"] == f"/r/{TIMESTAMP}/{{variation}}/######"


@pytest.mark.parametrize(
    ("kind", "wanted", "unwanted"),
    [
        ("camera", ['scene.camera = scene.objects["a \\"b\\"\\\\ü"]'], "view_layers"),
        ("view_layer", ['chosen = scene.view_layers["a \\"b\\"\\\\ü"]', "use_compositing = False"], "camera"),
    ],
)
def test_names_in_scripts(compiler: Compiler, kind: str, wanted: list[str], unwanted: str) -> None:
    """Whatever is in a name, the script is Python and looks for that name, among things of that kind."""
    job = compiled(compiler, "blender-render-variations", variations='a "b"\\ü', kind=kind, frames="1")
    [task] = handed_out(job).tasks
    script = argument(task, "--python-expr")
    compile(script, "script", "exec")
    assert all(line in script for line in wanted)
    assert unwanted not in script
    assert "use_overwrite = True" in script


@pytest.mark.parametrize(
    ("variations", "folders"),
    [
        ("front", ["front"]),
        (" front ,, top ,", ["front", "top"]),
        ("a,b,a", ["a", "b"]),
        ("Camera.001,ViewLayer-2,a_b", ["Camera.001", "ViewLayer-2", "a_b"]),
        ("cam 1/left,shot #2 {jobs}", ["cam_1_left", "shot_2_jobs_"]),
        ("Kamera Süd,カメラ", ["Kamera_Süd", "カメラ"]),
        ("a b,a_b,A/B", ["a_b", "a_b-2", "A_B-3"]),
        ("..,.hidden,end.", ["_", "_hidden", "end_"]),
        ("aux,Con.1,console,com1", ["aux_", "Con_.1", "console", "com1_"]),
        ("***,???", ["_", "_-2"]),
    ],
)
def test_names_of_folders(compiler: Compiler, variations: str, folders: list[str]) -> None:
    """Names become folders that every platform can make, that Blender leaves alone, and that are not the same."""
    job = compiled(compiler, "blender-render-variations", variations=variations, frames="7")
    assert names(job) == [f"render-{folder}-7" for folder in folders]
    assert [argument(task, "--render-output") for task in job.tasks] == [
        f"/r/{TIMESTAMP}/{folder}/######" for folder in folders
    ]


@pytest.mark.parametrize(
    ("given", "stored", "output"),
    [
        ("/r/######", "/r/{variation}/######", "/r/top/######"),
        ("/r/{variation}-####", "/r/{variation}-####", "/r/top-####"),
        ("/r/{variation}/{variation}_##", "/r/{variation}/{variation}_##", "/r/top/top_##"),
        ("R:\\a\\{variation}\\##", "R:\\a\\{variation}\\##", "R:/a/top/##"),
        ("\\\\NAS\\share\\##", "//NAS/share/{variation}/##", "\\\\NAS\\share\\top\\##"),
        ("//NAS/share/##", "//NAS/share/{variation}/##", "\\\\NAS\\share\\top\\##"),
        ("{storage}/{timestamp}/x", f"{{storage}}/{TIMESTAMP}/{{variation}}/x", f"{{storage}}/{TIMESTAMP}/top/x"),
    ],
)
def test_where_variations_go(compiler: Compiler, given: str, stored: str, output: str) -> None:
    """The path says where the name goes, or there is a folder of that name; the job shows the path that is used.

    A share reaches Blender with backslashes: `//` is where the blend file lies.
    """
    job = compiled(compiler, "blender-render-variations", render_output_path=given, variations="top")
    assert job.settings["render_output_path"] == stored
    assert argument(job.tasks[0], "--render-output") == output


@pytest.mark.parametrize(
    ("without", "settings", "complaint"),
    [
        ([], {"kind": "scene"}, 'setting "kind" must be camera or view_layer, not "scene"'),
        ([], {"variations": " , "}, 'setting "variations" has no names in it'),
        (["variations"], {}, 'setting "variations" has no names in it'),
        (["frames"], {}, 'invalid range "": empty range'),
        ([], {"frames": "x"}, 'invalid range "x":'),
        ([], {"chunk_size": 0}, "invalid chunk size, must be positive number: 0"),
        ([], {"frames": "1048575"}, "frame 1048575 is out of range"),
        (["render_output_path"], {}, "no render_output_path setting!"),
        *(
            ([], {"format": name}, f'This job type only renders images, and not "{name}"')
            for name in ("FFMPEG", "AVI_RAW", "AVI_JPEG")
        ),
    ],
)
def test_refused_variations(compiler: Compiler, without: list[str], settings: dict[str, Any], complaint: str) -> None:
    """What cannot be rendered is refused with a text for the artist."""
    message = refused(compiler, "blender-render-variations", without, settings)
    assert complaint in message
    assert "blender_render_variations.js" in message


def test_kind_is_a_choice(compiler: Compiler) -> None:
    """The check of settings knows the kinds."""
    with pytest.raises(Refused, match="choose one of camera, view_layer"):
        compiled(compiler, "blender-render-variations", strict=True, kind="scene")


# shell-commands


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        ("a", [("line-1-a", ["a"])]),
        ("a\nb", [("line-1-a", ["a"]), ("line-2-b", ["b"])]),
        ("\n  \n# no\na # no\r\n\tb c\n", [("line-4-a", ["a"]), ("line-5-b", ["b", "c"])]),
        ("{ffmpeg} -i 'a b' c\\ d \"\"", [("line-1-{ffmpeg}", ["{ffmpeg}", "-i", "a b", "c d", ""])]),
        ("'C:\\Program Files\\x.exe' $HOME a|b", [("line-1-x.exe", ["C:\\Program Files\\x.exe", "$HOME", "a|b"])]),
        ("/usr/bin/sh -c 'a | b && c'", [("line-1-sh", ["/usr/bin/sh", "-c", "a | b && c"])]),
        ("a b#c", [("line-1-a", ["a", "b#c"])]),
    ],
)
def test_command_lines(compiler: Compiler, commands: str, expected: list[tuple[str, list[str]]]) -> None:
    """Each line becomes a task that is called by its number in the text; no shell is in between."""
    job = compiled(compiler, "shell-commands", commands=commands)
    found = [(task.name, [parameters(task)["exe"], *parameters(task)["args"]]) for task in job.tasks]
    assert found == expected
    assert {command.name for task in job.tasks for command in task.commands} == {"exec"}


def test_chain(compiler: Compiler) -> None:
    """Lines of a chain depend on the line before; others on nothing; the type is the one that is asked for."""
    for chained in (True, False):
        job = compiled(compiler, "shell-commands", commands="a\n\nb\n#\nc", chained=chained)
        first, second, third = job.tasks
        assert {task.type for task in job.tasks} == {"ffmpeg"}
        expected = [(), (first.id,), (second.id,)] if chained else [()] * 3
        assert [first.dependencies, second.dependencies, third.dependencies] == expected


@pytest.mark.parametrize(
    ("without", "settings", "complaint"),
    [
        (["commands"], {}, 'setting "commands" has no command lines in it'),
        ([], {"commands": ""}, 'setting "commands" has no command lines in it'),
        ([], {"commands": " \n# a\n"}, 'setting "commands" has no command lines in it'),
        ([], {"commands": "a\n\nb 'c"}, "line 3 of the commands: EOF found when expecting closing quote: b 'c"),
        ([], {"commands": "a\nb \\"}, "line 2 of the commands: EOF found after escape character: b \\"),
        ([], {"commands": "'' a"}, "line 1 of the commands: the name of the program is empty: '' a"),
        ([], {"task_type": " "}, "author.Task(name, type): type is required"),
    ],
)
def test_refused_commands(compiler: Compiler, without: list[str], settings: dict[str, Any], complaint: str) -> None:
    """Errors name the line, as an editor counts."""
    message = refused(compiler, "shell-commands", without, settings)
    assert complaint in message
    assert "shell_commands.js:" in message


# frame-script


@pytest.mark.parametrize(
    ("arguments", "frames", "size", "expected"),
    [
        ("{frames}", "1-5", 3, [("frames-1-3", ["1-3"]), ("frames-4,5", ["4,5"])]),
        ("--from={first} --to {last}", "1-5", 3, [("frames-1-3", ["--from=1", "--to", "3"]),
                                                  ("frames-4,5", ["--from=4", "--to", "5"])]),
        ("{first}/{first} {count}", "7", 1, [("frames-7", ["7/7", "1"])]),
        ("{frames} {first} {last} {count}", "1-3,8", 9, [("frames-1-3,8", ["1-3,8", "1", "8", "4"])]),
        ("{frames} '{frames} x' \"\"", "7,9", 2, [("frames-7,9", ["7,9", "7,9 x", ""])]),
        ("{blender} {frame} {Frames} {{first}} {last", "7", 1,
         [("frames-7", ["{blender}", "{frame}", "{Frames}", "{7}", "{last"])]),
        ("", "1", 1, [("frames-1", [])]),
        ("{first}", "1,5,9", 1, [("frames-1", ["1"]), ("frames-5", ["5"]), ("frames-9", ["9"])]),
        ("{count}", "1,5", 2, [("frames-1,5", ["2"])]),
        ("{frames} {first} {last} {count}", "-3-2", 9, [("frames--3,-2,-1,0-2", ["-3,-2,-1,0-2", "-3", "2", "6"])]),
        ("{first} {last}", "-3-2", 5, [("frames--3,-2,-1,0,1", ["-3", "1"]), ("frames-2", ["2", "2"])]),
        ("{frames} {first} {last}", "10-8", 9, [("frames-10,9,8", ["10,9,8", "10", "8"])]),
        ("{first}", "3-1", 1, [("frames-3", ["3"]), ("frames-2", ["2"]), ("frames-1", ["1"])]),
        ("{frames} {count}", "1-9x4", 9, [("frames-1,5,9", ["1,5,9", "3"])]),
        ("{count}", "1000-1999x2", 500, [("frames-1000...1998 (500 frames)", ["500"])]),
    ],
)  # fmt: skip
def test_chunks_of_a_script(
    compiler: Compiler, arguments: str, frames: str, size: int, expected: list[tuple[str, list[str]]]
) -> None:
    """Ours in braces is replaced within the words that were written; what is the manager's stays."""
    job = compiled(compiler, "frame-script", arguments=arguments, frames=frames, chunk_size=size)
    assert [(task.name, parameters(task)["args"][1:]) for task in job.tasks] == expected
    assert {(task.type, task.dependencies, task.commands[0].name) for task in job.tasks} == {("sim", (), "exec")}


@pytest.mark.parametrize(
    ("script", "exe", "before"),
    [
        ("/s/x.py", "{python}", ["/s/x.py"]),
        ("S:\\my scripts\\X.PY", "{python}", ["S:\\my scripts\\X.PY"]),
        ("/s/x.sh", "/s/x.sh", []),
        ("{tools}/py", "{tools}/py", []),
    ],
)
def test_what_is_run(compiler: Compiler, script: str, exe: str, before: list[str]) -> None:
    """Python scripts are given to the interpreter, everything else is run; paths stay as they are."""
    [task] = compiled(compiler, "frame-script", script=script, frames="7").tasks
    assert parameters(task) == {"exe": exe, "args": [*before, "7"]}


@pytest.mark.parametrize(
    ("without", "settings", "complaint"),
    [
        (["script"], {}, 'setting "script" is missing'),
        ([], {"script": ""}, 'setting "script" is missing'),
        ([], {"arguments": "'{frames}"}, "EOF found when expecting closing quote"),
        (["frames"], {}, 'invalid range "": empty range'),
        ([], {"frames": "1-x"}, 'invalid range "1-x":'),
        ([], {"chunk_size": 0}, "invalid chunk size, must be positive number: 0"),
        ([], {"arguments": "{first} {last}", "frames": "1-3,8"}, "frames 1-3,8 have a gap, which {first} and {last}"),
        ([], {"arguments": "{first} {count}", "frames": "1,3"}, "use {frames}, or a chunk_size of 1"),
        ([], {"arguments": "{first} {last}", "frames": "3-1"}, "frames 3,2,1 go down, which {first} and {last} cannot"),
        ([], {"arguments": "{first} {last}", "frames": "1-9x4"}, "frames 1,5,9 have a gap, which {first} and {last}"),
        ([], {"frames": "1-10x0"}, 'invalid range "1-10x0":  1-10x0 (the step must be 1 or more)'),
        ([], {"task_type": " "}, "author.Task(name, type): type is required"),
    ],
)
def test_refused_scripts(compiler: Compiler, without: list[str], settings: dict[str, Any], complaint: str) -> None:
    """What cannot be run, or would be run for frames nobody asked for, is refused."""
    message = refused(compiler, "frame-script", without, {"chunk_size": 9} | settings)
    assert complaint in message
    assert "frame_script.js:" in message


# worker-check


def test_what_a_worker_is_checked_for(compiler: Compiler) -> None:
    """Blender starts, then tries out the storage; FFmpeg does, where it is to be there; with `exec` alone."""
    job = compiled(compiler, "worker-check")
    assert names(job) == ["blender", "storage"]
    assert job.tasks[1].dependencies == (job.tasks[0].id,)
    assert {task.type for task in job.tasks} == {"check"}
    assert parameters(job.tasks[1])["args"][-3:] == ["--", "/mnt/farm", "/mnt/farm/a.txt"]
    job = compiled(compiler, "worker-check", "reference", "has_ffmpeg", "task_type")
    assert names(job) == ["blender", "storage", "ffmpeg"]
    assert {command.name for task in job.tasks for command in task.commands} == {"exec"}
    assert parameters(job.tasks[1])["args"][-1] == ""
    assert 'setting "folder" is missing' in refused(compiler, "worker-check", [], {"folder": ""})
