"""Where Blender is on the manager's machine, for the set-up assistant, and whether what people name is one.

To find out, it has to be run. So that nobody has the manager run something else, only what is called Blender is, from
where programs are installed, which takes an administrator, or from folders that the configuration names.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from flamenco.domain.errors import Busy, Failed, Refused

TIMEOUT_S: Final = 10
"""Blender says its version within so many seconds, or is not Blender."""

_MAC_BLENDER: Final = "/Applications/Blender.app/Contents/MacOS/Blender"

_NAME: Final = re.compile(r"blender(?:-?\d+(?:\.\d+)*)?(?:\.exe)?", re.IGNORECASE)
"""What Blender's program is called, with its version where several are installed."""

_INSTALLED: Final = {
    "win32": ("C:\\Program Files", "C:\\Program Files (x86)"),
    "darwin": ("/Applications", "/opt", "/usr/local"),
}
_INSTALLED_ELSEWHERE: Final = ("/opt", "/snap", "/usr", "/var/lib/flatpak")

_one_at_a_time = threading.Lock()

Source = Literal["file_association", "path_envvar", "system_location", "input_path", "default"]


class BlenderCheck(Struct, frozen=True):
    """A Blender: what was looked for, what was found, how, and whether it can be used, and why (not)."""

    input: str
    path: str
    source: Source
    is_usable: bool
    cause: str


def find() -> list[BlenderCheck]:
    """The Blenders that are where one would look for them; none is an empty list.

    Raises `Failed` when there is one that cannot be run.
    """
    source: Source = "path_envvar"
    looked_for, found = "blender", shutil.which("blender")
    if sys.platform == "darwin" and Path(_MAC_BLENDER).is_file():
        source, looked_for, found = "system_location", _MAC_BLENDER, _MAC_BLENDER
    if not found:
        return []
    try:
        version = _version_of(found)
    except _NotBlender as error:
        raise Failed(f"there was an issue finding Blender: {error}") from error
    return [BlenderCheck(looked_for, found, source, is_usable=True, cause=version)]


def check(given: str, folders: Iterable[str] = ()) -> BlenderCheck:
    """Whether what a person wrote, a command or a path, is a Blender that runs here; `folders` may have it, too.

    Raises `Busy` while others keep this from being tried.
    """
    is_path = "/" in given or "\\" in given
    source: Source = "input_path" if is_path else "path_envvar"
    path = given
    if is_path and given and "\0" not in given and Path(given).is_dir():
        path = str(Path(given) / ("blender.exe" if sys.platform == "win32" else "blender"))
    found = None if not path or "\0" in path else shutil.which(path)
    if found is None:
        return BlenderCheck(given, "", source, is_usable=False, cause="Blender could not be found")
    found = os.path.abspath(found)  # noqa: PTH100 - and no `..` may lead out of a folder
    if not _is_installed(Path(found), folders):
        where = "where programs are installed, in a folder on the PATH, or in one of the setting blender_folders"
        return BlenderCheck(given, found, source, is_usable=False, cause=f"Blender has to be {where}")
    try:
        version = _version_of(found)
    except _NotBlender as error:
        return BlenderCheck(
            given, found, source, is_usable=False, cause=f"There was an error running the command: {error}"
        )
    return BlenderCheck(given, found, source, is_usable=True, cause=f"Found {version}")


def _is_installed(program: Path, folders: Iterable[str]) -> bool:
    if program.parent in map(Path, os.environ.get("PATH", "").split(os.pathsep)):
        return True
    usual = _INSTALLED.get(sys.platform, _INSTALLED_ELSEWHERE)
    # As it is once all links have been followed: others may be able to make one.
    return any(program.resolve().is_relative_to(Path(folder).resolve()) for folder in (*usual, *folders))


def command_of(chosen: BlenderCheck) -> str:
    """What runs the Blender that a person chose. Raises `Refused` when the choice is not complete."""
    if not chosen.is_usable:
        raise Refused("configuration is incomplete: blenderExecutable cannot be used")
    if chosen.source == "default":
        return "blender"
    if not chosen.path:
        raise Refused("configuration is incomplete: blenderExecutable needs a path")
    if chosen.source == "file_association":
        return "blender"
    if not chosen.input:
        raise Refused("configuration is incomplete: blenderExecutable needs an input")
    return chosen.input if chosen.source == "path_envvar" else chosen.path


class _NotBlender(Exception):
    """A program that is not Blender, or does not run."""


def _version_of(program: str) -> str:
    if not _NAME.fullmatch(Path(program).name):
        raise _NotBlender(f"the name of {program} does not say that it is Blender")
    try:
        with _alone():
            done = subprocess.run(
                [program, "--version"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=TIMEOUT_S,
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        raise _NotBlender(f"it did not say its version within {TIMEOUT_S} seconds") from error
    except OSError as error:
        raise _NotBlender(str(error)) from error
    lines = done.stdout.decode(errors="replace").splitlines()
    version = next((line.strip() for line in lines if line.startswith("Blender ")), None)
    if version is None:
        raise _NotBlender("it does not say that it is Blender")
    return version


@contextmanager
def _alone() -> Iterator[None]:
    if not _one_at_a_time.acquire(timeout=TIMEOUT_S):
        raise Busy("another program is being tried out at the moment; try again in a moment")
    try:
        yield
    finally:
        _one_at_a_time.release()
