"""Joining frames into a video with FFmpeg: finds it, builds its command line, lists the frames where it cannot."""

from __future__ import annotations

import glob
import importlib
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from flamenco import CommandContext, CommandFailed, CommandType, hookimpl
from flamenco.builtin.commands.arguments import split_arguments
from flamenco.hooks.parameters import invalid_parameter, plain_text

NAME = "frames-to-video"
INDEX_FILE = "ffmpeg-file-index.txt"
VERSION_TIMEOUT_S = 5

_SEARCHED = frozenset({"ffmpeg", "ffmpeg.exe"})
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "i386": "386", "i686": "386", "x86": "386"}


class VideoParameters(Struct, frozen=True, rename="camel"):
    """Parameters of `frames-to-video`."""

    exe: Annotated[str, Meta(min_length=1, description="FFmpeg: a path, or just `ffmpeg` to look for it.")]
    fps: Annotated[float, Meta(gt=0, description="Frames per second.")]
    input_glob: Annotated[str, Meta(min_length=1, description="Pattern of the frames' files.")]
    output_file: Annotated[str, Meta(min_length=1, description="The video to write; its folder must exist.")]
    exe_args: Annotated[str, Meta(description="Arguments in one string, split as a shell does.")] = ""
    args_before: Annotated[tuple[str, ...], Meta(description="Arguments before the input.")] = ()
    args: Annotated[tuple[str, ...], Meta(description="Arguments after the input, such as codecs.")] = ()


def make_video(context: CommandContext, parameters: VideoParameters) -> None:
    """Run FFmpeg over the frames."""
    exe = parameters.exe
    if exe in _SEARCHED:
        exe = find_ffmpeg(tool_candidates(context.variables.get("worker_dir", "")), exe)
    before = [*split_arguments(NAME, "exeArgs", parameters.exe_args), *parameters.args_before]
    rate = ["-r", plain_text(parameters.fps)]
    with frames_input(parameters.input_glob, parameters.fps, windows=sys.platform == "win32") as frames:
        context.run_process([exe, *before, *frames, *parameters.args, *rate, parameters.output_file])


@contextmanager
def frames_input(pattern: str, fps: float, *, windows: bool) -> Iterator[list[str]]:
    """Arguments that name the frames, good for the `with` block.

    FFmpeg for Windows cannot expand patterns, so there we write it a list of files and remove that again.
    Raises `CommandFailed` when there are no such files.
    """
    if not windows:
        slashes = pattern.replace("\\", "/")
        yield ["-r", plain_text(fps), "-pattern_type", "glob", "-i", slashes]
        return
    files = [Path(name) for name in sorted(glob.glob(pattern))]  # noqa: PTH207 (a pattern may be absolute)
    if not files:
        raise CommandFailed(f"creating input for FFmpeg: no files found at {pattern}")
    index = files[0].absolute().with_name(INDEX_FILE)
    index.write_text(index_text(files, fps), encoding="utf-8")
    try:
        yield ["-f", "concat", "-safe", "0", "-i", index.as_posix()]
    finally:
        index.unlink(missing_ok=True)


def index_text(files: Sequence[Path], fps: float) -> str:
    """The list of `files`, in the syntax of FFmpeg's concat demuxer, each shown for one frame."""
    lines = []
    for file in files:
        name = file.name.replace("'", r"'\''")
        lines.append(f"file '{name}'\nduration {1 / fps:f}\n")
    return "".join(lines)


def tool_candidates(worker_dir: str, system: str = sys.platform, machine: str = "") -> Iterator[str]:
    """Where FFmpeg may be, best first: in the worker's `tools` folder, on PATH, in the imageio-ffmpeg wheel."""
    windows = system == "win32"
    suffix = ".exe" if windows else ""
    system = "windows" if windows else system
    machine = (machine or platform.machine()).lower()
    if worker_dir:
        for name in (f"ffmpeg-{system}-{_MACHINES.get(machine, machine)}", f"ffmpeg-{system}", "ffmpeg"):
            tool = Path(worker_dir) / "tools" / f"{name}{suffix}"
            if tool.is_file():
                yield str(tool)
    if on_path := shutil.which("ffmpeg"):
        yield on_path
    if in_wheel := _ffmpeg_of_wheel():
        yield in_wheel


def find_ffmpeg(candidates: Iterable[str], exe: str = "ffmpeg") -> str:
    """The first of `candidates` that says it is FFmpeg. Raises `ParameterError` for `exe` when none does."""
    problems = []
    for candidate in candidates:
        problem = why_not_ffmpeg(candidate)
        if not problem:
            return candidate
        problems.append(f"{candidate} {problem}")
    reason = "; ".join(problems) or "found neither in the worker's tools folder nor on PATH; please install FFmpeg"
    raise invalid_parameter(NAME, "exe", exe, reason)


def why_not_ffmpeg(program: str) -> str:
    """Run `program` to see whether it is FFmpeg; what is wrong with it, or nothing."""
    try:
        answer = subprocess.run(
            [program, "-version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=VERSION_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"does not tell its version within {VERSION_TIMEOUT_S} s"
    except OSError as error:
        return f"cannot be started: {error.strerror or error}"
    if answer.stdout.startswith(b"ffmpeg version "):
        return ""
    return "is not FFmpeg"


def _ffmpeg_of_wheel() -> str | None:
    """FFmpeg as it comes in the imageio-ffmpeg wheel, if that is installed."""
    try:
        wheel = importlib.import_module("imageio_ffmpeg")
        return str(wheel.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        return None


@hookimpl
def command_types() -> Iterable[CommandType]:
    """The commands of this module."""
    yield CommandType(
        name=NAME,
        description="Join rendered frames into a video.",
        task_types=("ffmpeg",),
        parameters=VideoParameters,
        run=make_video,
    )
