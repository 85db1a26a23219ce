"""The launcher with a real `bpy`: the wheel's where it is installed, else inside the Blender of this machine."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
from PIL import Image

from flamenco import blender_launcher
from tests import length

INSIDE_BLENDER = (
    "import runpy, sys;"
    f"launcher = runpy.run_path({blender_launcher.__file__!r}, run_name='launcher');"
    "sys.exit(launcher['main'](sys.argv[sys.argv.index('--') + 1:]))"
)
SETTINGS = "import bpy; r = bpy.context.scene.render; r.use_overwrite = False; r.resolution_percentage = 20"
STARTS_WITH = r"(?m)^ ?"
"""Blender before 4.0 puts a space before its Time lines."""


def launch(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the launcher as a worker does, and give what it printed."""
    if importlib.util.find_spec("bpy"):
        argv = [sys.executable, "-m", "flamenco.blender_launcher"]
    else:
        blender = os.environ.get("BLENDER") or shutil.which("blender")
        assert blender, "this test needs Blender, or Python 3.11 and the bpy wheel"
        argv = [blender, "-b", "--factory-startup", "--python-exit-code", "99", "--python-expr", INSIDE_BLENDER, "--"]
    return subprocess.run([*argv, *arguments], capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def scene() -> str:
    """The scene of the demo."""
    return str(resources.files("flamenco.demo") / "fan.blend")


def test_a_render_task_is_done(scene: str, tmp_path: Path) -> None:
    """Frames are rendered where and as the command line of a render task says, and each is reported to the worker."""
    settings = ["--scene", "Fan", "--python-expr", SETTINGS, "--render-output", str(tmp_path / "######")]
    done = launch("-b", "-y", scene, *settings, "--render-format", "PNG", "--render-frame", "1..2,7")
    assert done.returncode == 0, done.stdout + done.stderr
    expected = [tmp_path / f"{frame:06}.png" for frame in (1, 2, 7)]
    assert re.findall(STARTS_WITH + "Saved: '(.*)'", done.stdout) == [str(path) for path in expected]
    assert len(re.findall(STARTS_WITH + "Time: [0-9:.]+", done.stdout)) == 3
    assert sorted(tmp_path.iterdir()) == expected
    with Image.open(expected[0]) as image:
        assert (image.format, image.size) == ("PNG", (64, 36))

    expected[0].write_bytes(b"kept")
    again = launch("-b", scene, *settings, "-f", "1")
    assert again.returncode == 0
    assert re.search(STARTS_WITH + "[Ss]kipping existing frame", again.stdout)
    assert expected[0].read_bytes() == b"kept"


def test_an_animation_is_rendered(scene: str, tmp_path: Path) -> None:
    """Range, step, format and engine hold for what comes after them; what comes after -- is the engine's."""
    settings = ["--python-expr", SETTINGS, "-E", "CYCLES", "-o", str(tmp_path / "x-"), "-F", "JPEG", "-x", "1"]
    done = launch(
        "-b", scene, "-t", "1", *settings, "-s", "3", "-e", "5", "-j", "2", "-a", "--", "--cycles-device", "CPU"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x-0003.jpg", "x-0005.jpg"]


def test_scripts_are_run(scene: str, tmp_path: Path) -> None:
    """Errors of scripts are shown, and end the run only where that was asked for."""
    script = tmp_path / "script.py"
    script.write_text("print('from a file')\n1 / 0\n")
    lenient = launch("-b", scene, "--python", str(script), "--python-expr", "print('went on')")
    assert lenient.returncode == 0
    assert "from a file" in lenient.stdout
    assert "ZeroDivisionError" in lenient.stderr
    assert "went on" in lenient.stdout
    strict = launch(
        "-b", scene, "--python-exit-code", "7", "--python", str(script), "--python-expr", "print('went on')"
    )
    assert strict.returncode == 7
    assert "went on" not in strict.stdout


LEAVES_A_HANDLER = """
import bpy, sys
scene = bpy.context.scene
bpy.app.handlers.render_post.append(lambda *_: print('rendered', scene.frame_current))
bpy.app.driver_namespace['kept'] = scene
"""


@pytest.mark.parametrize(
    ("end", "code", "said"), length.every(2, [("", 0, ""), ("sys.exit(4)", 4, ""), ("sys.exit('no')", 1, "no\n")])
)
def test_it_ends_whatever_a_script_leaves(scene: str, tmp_path: Path, end: str, code: int, said: str) -> None:
    """A handler that holds on to the scene does not keep the program, and the exit code is the script's."""
    arguments = ["-b", scene, "--python-expr", SETTINGS + LEAVES_A_HANDLER, "-o", str(tmp_path / "#"), "-f", "3"]
    done = launch(*arguments, "--python-expr", f"import sys; {end}")
    assert (done.returncode, said in done.stderr) == (code, True)
    assert "rendered 3" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    length.every(
        3,
        [
            (["/nowhere/a.blend"], "cannot read /nowhere/a.blend: there is no such file"),
            (["SCENE", "-S", "Nope"], "there is no scene 'Nope' in the file, only 'Fan'"),
            (["SCENE", "-F", "NOPE"], "--render-format NOPE: "),
            (["SCENE", "-E", "NOPE"], "--engine NOPE: "),
            (["SCENE", "-x", "maybe"], "--use-extension must be 0 or 1, not 'maybe'"),
            (["SCENE", "-P", "/nowhere/x.py"], "cannot read the script /nowhere/x.py"),
            (["SCENE", "-o", "/proc/nowhere/x", "-f", "1"], "cannot save"),
            (["SCENE", "-f", "9..2"], "frame range 9..2 runs backwards"),
        ],
    ),
)
def test_what_cannot_be_done_fails_the_task(scene: str, arguments: list[str], message: str) -> None:
    """Exit code 1 and a sentence, where going on would render the wrong thing."""
    done = launch("-b", *[scene if argument == "SCENE" else argument for argument in arguments])
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"Error: {message}" in done.stderr or message == "cannot save"
    assert message in done.stderr


def test_the_version_is_told() -> None:
    """The demo asks for it to see whether there is something to render with."""
    done = launch("--version")
    assert done.returncode == 0, done.stderr
    assert re.search(r"(?m)^Blender \d+\.\d+\.\d+", done.stdout)
