"""Joining frames into a video with FFmpeg: finds it, builds its command line, lists the frames for it."""

from __future__ import annotations

import importlib
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated

from msgspec import Meta, Struct

from flamenco import CommandContext, CommandFailed, CommandType, Program, hookimpl
from flamenco.builtin.commands.frame_files import files_of_frames, files_of_pattern, readable
from flamenco.builtin.commands.video_lines import frames_by_hand
from flamenco.domain.frames import frame_count
from flamenco.hooks.parameters import invalid_parameter, plain_text, split_arguments

NAME = "frames-to-video"
VERSION_TIMEOUT_S = 5
READ_TIMEOUT_S = 30

_LIKE_A_PATTERN = re.compile(r"[%*?{]")
"""FFmpeg takes names with these for patterns. It is only told otherwise of those: before 5.0 it could not be."""

_UNFINISHED = re.compile(r"Error (?:writing trailer of|closing file) .*")

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
    frame_path: Annotated[
        str, Meta(description="Path of the frames, # for the digits of their numbers; goes before `inputGlob`.")
    ] = ""
    frames: Annotated[str, Meta(description="With `framePath`: the frames that the video shows, such as `1-10`.")] = ""

    def __post_init__(self) -> None:
        """Raises ValueError for frames that cannot be read."""
        if self.frame_path:
            frame_count(self.frames)


def make_video(context: CommandContext, parameters: VideoParameters) -> None:
    """Run FFmpeg over the frames. Raises `CommandFailed`, which says so when it cannot even read them."""
    exe = parameters.exe
    if exe in _SEARCHED:
        exe = find_ffmpeg(tool_candidates(context.variables.get("worker_dir", "")), exe)
    before = [*split_arguments(NAME, "exeArgs", parameters.exe_args), *parameters.args_before]
    rate = ["-r", plain_text(parameters.fps)]
    with frames_input(context, parameters, windows=sys.platform == "win32") as frames:
        try:
            _run(context, [exe, *before, *frames, *parameters.args, *rate, parameters.output_file])
        except CommandFailed as error:
            if reads(exe, frames):
                raise
            raise CommandFailed(
                f"this FFmpeg cannot read the frames; a newer one may know their format: {error}"
            ) from error


def _run(context: CommandContext, argv: Sequence[str]) -> None:
    """Run FFmpeg, which ends with exit code 0 where it could not write the last of a video, as on a full disk."""
    unfinished: list[str] = []

    def follow(line: str) -> None:
        if found := _UNFINISHED.search(line):
            unfinished.append(found[0].strip())

    context.run_process(argv, follow)
    if unfinished:
        raise CommandFailed(f"FFmpeg could not finish the video: {unfinished[0]}")


def by_hand(parameters: VideoParameters) -> Sequence[str]:
    """Program and arguments that make the same video of frames that are all there; empty where it takes a worker."""
    frames = frames_by_hand(parameters.frame_path, parameters.frames, parameters.input_glob)
    if not frames:
        return []
    before = [*split_arguments(NAME, "exeArgs", parameters.exe_args), *parameters.args_before]
    rate = ["-r", plain_text(parameters.fps)]
    return [parameters.exe, *before, *rate, *frames, *parameters.args, *rate, parameters.output_file]


@contextmanager
def frames_input(context: CommandContext, parameters: VideoParameters, *, windows: bool) -> Iterator[list[str]]:
    """Arguments that name the frames, good for the `with` block.

    FFmpeg gets a list of the files, which lies beside the video, as FFmpeg has to write there anyway, and is removed
    again. Raises `CommandFailed` when there is nothing to make a video of.
    """
    rate = ["-r", plain_text(parameters.fps)]  # in front of the input: each frame is shown once, whatever its file says
    pattern = _slashed(parameters.input_glob)
    if parameters.frame_path:
        files = files_of_frames(_slashed(parameters.frame_path), parameters.frames, context.log)
    else:
        files = files_of_pattern(pattern)
        # Patterns that FFmpeg alone understands, or that a script gives it more arguments for. It cannot on Windows.
        if not windows and (not files or parameters.args_before or parameters.exe_args):
            yield [*rate, "-pattern_type", "glob", "-i", pattern]
            return
    files = readable(files, context.log)
    if not files:
        raise CommandFailed(f"creating input for FFmpeg: no files found at {parameters.frame_path or pattern}")
    index = _write_index(Path(parameters.output_file), index_text(files, parameters.fps))
    try:
        yield [*rate, "-f", "concat", "-safe", "0", "-i", index.as_posix()]
    finally:
        index.unlink(missing_ok=True)


def _slashed(path: str) -> str:
    return path.replace("\\", "/")


def _write_index(video: Path, text: str) -> Path:
    """Write the list of frames for `video`. Raises `CommandFailed`."""
    try:
        with NamedTemporaryFile(
            "wb", dir=video.absolute().parent, prefix=f"{video.stem}-", suffix=".txt", delete=False
        ) as index:
            index.write(text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise CommandFailed(f"cannot write beside the video {video}: {error}") from error
    return Path(index.name)


def index_text(files: Sequence[Path], fps: float) -> str:
    """The list of `files`, in the syntax of FFmpeg's concat demuxer, each shown for one frame."""
    return "".join(f"{_index_entry(file)}duration {1 / fps:f}\n" for file in files)


def _index_entry(file: Path) -> str:
    """The entry of a file. It must not be taken for a path relative to the list, nor for a pattern of several files."""
    path = file.absolute().as_posix()
    quoted = path.replace("'", r"'\''")
    option = "option pattern_type none\n" if _LIKE_A_PATTERN.search(path) else ""
    return f"file 'file:{quoted}'\n{option}"


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


def first_candidate(exe: str, variables: Mapping[str, str]) -> str:
    """Where FFmpeg is looked for first, from what jobs call it; nothing is started."""
    if exe not in _SEARCHED:
        return exe
    return next(tool_candidates(variables.get("worker_dir", "")), exe)


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


def reads(program: str, frames: Sequence[str]) -> bool:
    """Whether FFmpeg can make a picture of the first of the frames that these arguments name."""
    command = [program, "-v", "error", *frames, "-map", "0:v:0", "-frames:v", "1", "-f", "null", "-"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=READ_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return True  # who knows
    return done.returncode == 0


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
        argv=by_hand,
        needs=Program(name="ffmpeg", arguments=("-version",), says="ffmpeg version ", find=first_candidate),
    )
