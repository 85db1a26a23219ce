"""Takes Blender's command line and renders with the `bpy` wheel: a Blender for machines that have none.

    python -m flamenco.blender_launcher -b -y scene.blend --render-output //frame-#### --render-frame 1..3,7

It understands the part of Blender's command line that job types use, and does things in the order in which they are
given, as Blender does; `bpy` itself prints the lines that workers look for (`Saved: '…'`, `Time: …`). Where Blender
says something and goes on (an unknown scene, an unknown format), this stops with exit code 1: a farm that goes on
renders the wrong pictures. Parsing needs no `bpy`; it is imported when there is something to do.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

FORMATS = {
    "AVIJPEG": "AVI_JPEG",
    "AVIRAW": "AVI_RAW",
    "JP2": "JPEG2000",
    "MPEG": "FFMPEG",
    "RAWTGA": "TARGA_RAW",
    "TGA": "TARGA",
}
"""Names that the command line has for formats, where Python calls them something else."""

MAX_THREADS = 1024
MAX_FRAME = 1_048_574


class LauncherError(Exception):
    """The command line cannot be understood or done; the text is one sentence for the task's log."""


class Step(NamedTuple):
    """One thing to do, in the order of the command line. `option` is "file" for a .blend."""

    option: str
    value: str = ""


class CommandLine(NamedTuple):
    """What was asked for: settings hold for the whole run wherever they stand, `steps` are done one after another."""

    steps: tuple[Step, ...] = ()
    autoexec: bool = False
    threads: int = 0
    python_exit_code: int = 0
    version: bool = False


ALIASES = {
    "--background": "-b",
    "--enable-autoexec": "-y",
    "--disable-autoexec": "-Y",
    "--frame-start": "-s",
    "--frame-end": "-e",
    "--frame-jump": "-j",
    "--render-anim": "-a",
    "--render-frame": "-f",
    "--render-output": "-o",
    "--render-format": "-F",
    "--use-extension": "-x",
    "--engine": "-E",
    "--scene": "-S",
    "--threads": "-t",
    "--python": "-P",
    "--version": "-v",
}
IGNORED = frozenset({"-b", "--factory-startup", "-noaudio"})
"""True of `bpy` anyway: no window, no sound, nobody's preferences."""
STEPS_WITH_VALUE = frozenset({"-s", "-e", "-j", "-f", "-o", "-F", "-x", "-E", "-S", "-P", "--python-expr"})
SETTINGS_WITH_VALUE = frozenset({"-t", "--python-exit-code"})


def parse(arguments: Sequence[str]) -> CommandLine:
    """Read Blender's command line. Raises `LauncherError` for what this launcher cannot do."""
    steps: list[Step] = []
    settings: dict[str, Any] = {}
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            break
        option = ALIASES.get(argument, argument)
        if not option.startswith("-"):
            steps.append(Step("file", argument))
        elif option in STEPS_WITH_VALUE:
            steps.append(Step(option, _value_of(argument, rest)))
        elif option == "-a":
            steps.append(Step(option))
        elif option not in IGNORED:
            settings.update(_setting(option, argument, rest))
    return CommandLine(steps=tuple(steps), **settings)


def _setting(option: str, argument: str, rest: Iterator[str]) -> dict[str, Any]:
    if option in ("-y", "-Y"):
        return {"autoexec": option == "-y"}
    if option == "-v":
        return {"version": True}
    if option in SETTINGS_WITH_VALUE:
        name, most = ("threads", MAX_THREADS) if option == "-t" else ("python_exit_code", 255)
        value = _number(argument, _value_of(argument, rest))
        if not 0 <= value <= most:
            raise LauncherError(f"{argument} must be 0 to {most}, not {value}")
        return {name: value}
    raise LauncherError(f"unknown argument {argument}: this launcher does only a part of what Blender does")


def _value_of(argument: str, rest: Iterator[str]) -> str:
    value = next(rest, None)
    if value is None:
        raise LauncherError(f"{argument} needs a value after it")
    return value


def _number(argument: str, text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text):
        raise LauncherError(f"{argument}: {text!r} is not a whole number")
    return int(text)


def frame_number(text: str, start: int, end: int) -> int:
    """One frame: `12` is itself, `+2` two after `start`, `-1` the last before or at `end`, as Blender counts."""
    if text.startswith("+"):
        return start + _number("frame", text[1:])
    if text.startswith("-"):
        return end - _number("frame", text[1:]) + 1
    return _number("frame", text)


def frame_numbers(text: str, start: int, end: int) -> list[int]:
    """The frames of `1..3,7`, in the order given. Raises `LauncherError` for a range that runs backwards."""
    frames: list[int] = []
    for part in text.split(","):
        first, dots, last = part.partition("..")
        begin = frame_number(first, start, end)
        until = frame_number(last, start, end) if dots else begin
        if until < begin:
            raise LauncherError(f"frame range {part} runs backwards")
        if until > MAX_FRAME:
            raise LauncherError(f"frame {until} is beyond Blender's last, {MAX_FRAME}")
        frames.extend(range(begin, until + 1))
    return frames


class Session:
    """The loaded scene and what can be done with it. There is one per process, as `bpy` is one per process."""

    def __init__(self, bpy: Any, command_line: CommandLine) -> None:
        self._bpy = bpy
        self._line = command_line
        bpy.context.preferences.filepaths.use_scripts_auto_execute = command_line.autoexec

    @property
    def _scene(self) -> Any:
        return self._bpy.context.scene

    def do(self, step: Step) -> None:
        """Do one thing of the command line. Raises `LauncherError`, or what a script of the user's raises."""
        actions: dict[str, Callable[[str], None]] = {
            "file": self._open,
            "-S": self._select_scene,
            "-s": lambda text: self._set_frame("frame_start", text),
            "-e": lambda text: self._set_frame("frame_end", text),
            "-j": lambda text: setattr(self._scene, "frame_step", _number("--frame-jump", text)),
            "-o": lambda text: setattr(self._scene.render, "filepath", text),
            "-F": self._set_format,
            "-x": self._set_extension,
            "-E": self._set_engine,
            "-P": self._run_file,
            "--python-expr": lambda text: self._run(text, "<expression>"),
            "-f": self._render_frames,
            "-a": lambda _: self._render(),
        }
        actions[step.option](step.value)

    def _open(self, path: str) -> None:
        if not Path(path).is_file():
            raise LauncherError(f"cannot read {path}: there is no such file")
        try:
            self._bpy.ops.wm.open_mainfile(filepath=str(Path(path).resolve()), use_scripts=self._line.autoexec)
        except RuntimeError as error:
            raise LauncherError(f"cannot read {path}: {_one_line(error)}") from error
        if self._line.threads:
            for scene in self._bpy.data.scenes:
                scene.render.threads_mode, scene.render.threads = "FIXED", self._line.threads

    def _select_scene(self, name: str) -> None:
        scene = self._bpy.data.scenes.get(name)
        if scene is None:
            known = ", ".join(repr(other.name) for other in self._bpy.data.scenes)
            raise LauncherError(f"there is no scene {name!r} in the file, only {known}")
        self._bpy.context.window.scene = scene

    def _set_frame(self, which: str, text: str) -> None:
        setattr(self._scene, which, frame_number(text, self._scene.frame_start, self._scene.frame_end))

    def _set_format(self, name: str) -> None:
        try:
            self._scene.render.image_settings.file_format = FORMATS.get(name, name)
        except TypeError as error:
            raise LauncherError(f"--render-format {name}: {_one_line(error)}") from error

    def _set_extension(self, text: str) -> None:
        if text not in ("0", "1"):
            raise LauncherError(f"--use-extension must be 0 or 1, not {text!r}")
        self._scene.render.use_file_extension = text == "1"

    def _set_engine(self, name: str) -> None:
        try:
            self._scene.render.engine = name
        except TypeError as error:
            raise LauncherError(f"--engine {name}: {_one_line(error)}") from error

    def _run_file(self, path: str) -> None:
        try:
            source = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise LauncherError(f"cannot read the script {path}: {error}") from error
        self._run(source, path)

    def _run(self, source: str, name: str) -> None:
        """Run a user's script. Its errors are shown; as in Blender they end the run only with --python-exit-code."""
        try:
            exec(compile(source, name, "exec"), {"__name__": "__main__", "__file__": name})  # noqa: S102 # it is asked for
        except Exception:
            traceback.print_exc()
            if self._line.python_exit_code:
                raise SystemExit(self._line.python_exit_code) from None

    def _render_frames(self, text: str) -> None:
        scene = self._scene
        before = scene.frame_start, scene.frame_end, scene.frame_step
        try:
            for frame in frame_numbers(text, scene.frame_start, scene.frame_end):
                scene.frame_end = scene.frame_start = frame
                scene.frame_end = frame  # each pushes the other, whichever way it moves
                self._render()
        finally:
            scene.frame_start, scene.frame_end, scene.frame_step = before

    def _render(self) -> None:
        # an animation also for one frame: that names files as render.frame_path does, and skips existing ones
        try:
            self._bpy.ops.render.render(animation=True, scene=self._scene.name)
        except RuntimeError as error:
            raise LauncherError(_one_line(error)) from error


def _one_line(error: Exception) -> str:
    text = str(error).removeprefix("bpy_struct: item.attr = val: ").removeprefix("Error:")
    return " ".join(text.split())


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; 0 when all was done."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr] # else our lines come after those of bpy
    try:
        command_line = parse(arguments)
        bpy = _import_bpy()
        if command_line.version:
            print(f"Blender {bpy.app.version_string} (bpy)")  # noqa: T201 # this is a command
            return 0
        session = Session(bpy, command_line)
        for step in command_line.steps:
            session.do(step)
    except LauncherError as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201 # this is a command
        return 1
    return 0


def _import_bpy() -> Any:
    try:
        import bpy  # noqa: PLC0415 # heavy, and needed only to render
    except ImportError as error:
        raise LauncherError(f"cannot import bpy ({error}): install the extra 'blender', with Python 3.11") from error
    return bpy


def end(code: object) -> NoReturn:
    """End the process as `sys.exit(code)` does, but at once: `bpy` never ends where a script has left a handler."""
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)  # noqa: T201 # as Python does
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code & 0xFF if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    try:
        end(main(sys.argv[1:]))
    except SystemExit as said:  # by a script
        end(said.code)
    except Exception:
        traceback.print_exc()
        end(1)
