"""Finds what the demo renders with: a Blender, or the `bpy` wheel behind our launcher, and FFmpeg."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from flamenco.domain.errors import NotFound, Refused

PROBE_TIMEOUT_S = 120.0
"""Long, because the first import of a wheel on a cold disk is slow."""

OLDEST_BLENDER = (3, 0)
"""Older ones cannot read the scene's compression."""


class Blender(Struct, frozen=True):
    """A way to render: `program` and `arguments` become the farm's variables `blender` and `blenderArgs`."""

    program: str
    arguments: str
    description: str


class BlenderSearch(Struct, frozen=True):
    """What was found, or why there is none, in words for the user."""

    blender: Blender | None
    problem: str = ""


def find_blender(chosen: str | None, environ: Mapping[str, str]) -> BlenderSearch:
    """Look where the user says (`chosen`, then `$BLENDER`), then on PATH, then for the `bpy` wheel.

    Raises `Refused` when a Blender that the user named cannot be used: another one would not be what they asked for.
    """
    for origin, named in (("--blender", chosen), ("$BLENDER", environ.get("BLENDER"))):
        if named:
            program = shutil.which(named, path=environ.get("PATH"))
            if program is None:
                raise Refused(f"{origin} says {named}, which is not a program that can be run")
            return BlenderSearch(_use(program, origin))
    problems = []
    program = shutil.which("blender", path=environ.get("PATH"))
    if program is not None:
        try:
            return BlenderSearch(_use(program, "PATH"))
        except Refused as error:
            problems.append(str(error))
    found = _find_wheel()
    return found if found.blender else BlenderSearch(None, "; ".join([*problems, found.problem]))


def _use(program: str, origin: str) -> Blender:
    program = str(Path(program).absolute())  # workers have another working directory
    version, output = _ask_version([program, "--version"])
    if version is None:
        raise Refused(f"{program} (from {origin}) does not run as Blender does: {output}")
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_BLENDER:
        oldest = ".".join(map(str, OLDEST_BLENDER))
        raise Refused(f"{program} (from {origin}) is Blender {version}, the demo's scene needs {oldest} or newer")
    return Blender(program, "-b -y", f"Blender {version}")


def _find_wheel() -> BlenderSearch:
    if importlib.util.find_spec("bpy") is None:
        return BlenderSearch(None, "there is no blender on PATH and no bpy wheel")
    version, output = _ask_version([sys.executable, "-m", "flamenco.blender_launcher", "--version"])
    if version is None:
        return BlenderSearch(None, f"there is no blender on PATH, and the bpy wheel does not work here ({output})")
    return BlenderSearch(
        Blender(sys.executable, "-m flamenco.blender_launcher -b -y", f"Blender {version} (bpy wheel)")
    )


def _ask_version(argv: Sequence[str]) -> tuple[str | None, str]:
    """The version that `argv` prints, or None; and its last line, for a message."""
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, str(error)
    lines = (done.stdout + done.stderr).strip().splitlines() or [f"exit code {done.returncode} and no output"]
    match = re.search(r"^Blender (\d+\.\d+(?:\.\d+)?)", done.stdout, re.MULTILINE)
    return (match.group(1) if match and done.returncode == 0 else None), lines[-1].strip()


def find_ffmpeg(environ: Mapping[str, str]) -> Path:
    """The FFmpeg on PATH, else the one in the `imageio-ffmpeg` wheel. Raises `NotFound` saying what to install."""
    on_path = shutil.which("ffmpeg", path=environ.get("PATH"))
    if on_path is not None:
        return Path(on_path).absolute()
    try:
        import imageio_ffmpeg  # noqa: PLC0415 # optional

        return Path(imageio_ffmpeg.get_ffmpeg_exe()).absolute()
    except (ImportError, RuntimeError):  # no wheel, or one without a program, on platforms it was not built for
        raise NotFound(
            "there is no ffmpeg to make the video with: install FFmpeg, or run pip install imageio-ffmpeg"
        ) from None


def path_with(program: Path, name: str, folder: Path, environ: Mapping[str, str]) -> str:
    """The PATH of `environ`, with `program` on it as `name`: through a link in `folder` where it is not there already.

    The program of the wheel has another name than job types and workers use.
    """
    path = environ.get("PATH", "")
    found = shutil.which(name, path=path)
    if found is not None and Path(found).absolute() == program:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    if os.name == "nt":
        shutil.copy2(program, folder / f"{name}.exe")  # links need privileges there
    else:
        (folder / name).symlink_to(program)
    return os.pathsep.join(filter(None, [str(folder), path]))
