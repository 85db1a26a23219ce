"""What the set-up assistant tries out: whether a folder can be the shared storage, and where Blender is."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from flamenco.domain.errors import Failed, Refused
from flamenco.domain.variables import is_unc

TIMEOUT_S: Final = 10
"""Blender says its version within so many seconds, or is not Blender."""

_MAC_BLENDER: Final = "/Applications/Blender.app/Contents/MacOS/Blender"

Source = Literal["file_association", "path_envvar", "system_location", "input_path", "default"]


class PathCheck(Struct, frozen=True):
    """Whether a folder can be used, and why (not)."""

    path: str
    is_usable: bool
    cause: str


class BlenderCheck(Struct, frozen=True):
    """A Blender: what was looked for, what was found, how, and whether it can be used, and why (not)."""

    input: str
    path: str
    source: Source
    is_usable: bool
    cause: str


class _Unsuitable(Exception):
    """Why a folder cannot be the shared storage."""


def shared_storage(path: str) -> PathCheck:
    """Whether the folder `path` can be the shared storage: it exists, and the manager can write to it."""
    try:
        _check_path(path)
        _check_folder(Path(path))
        _check_writable(Path(path))
    except _Unsuitable as reason:
        return PathCheck(path, is_usable=False, cause=str(reason))
    return PathCheck(path, is_usable=True, cause="Directory checked successfully")


def _check_path(path: str) -> None:
    if not path:
        raise _Unsuitable("An empty path is not suitable as shared storage")
    if is_unc(path):
        raise _Unsuitable("UNC notation is not supported. Mount as a drive letter instead.")


def _check_folder(folder: Path) -> None:
    programs = (Path(sys.argv[0]).absolute().parent, Path(__file__).parent.parent)
    try:
        if not folder.exists():
            raise _Unsuitable("This path does not exist. Choose an existing directory.")
        if not folder.is_dir():
            raise _Unsuitable("The given path is not a directory. Choose an existing directory.")
        if any(program.is_dir() and folder.samefile(program) for program in programs):
            raise _Unsuitable("Do not pick the installation directory of Flamenco. Choose another one.")
    except (OSError, ValueError) as error:
        raise _Unsuitable(f"Error checking filesystem: {error}") from error


def _check_writable(folder: Path) -> None:
    try:
        descriptor, name = tempfile.mkstemp(prefix="flamenco-writability-test-", suffix=".txt", dir=folder)
    except OSError as error:
        raise _Unsuitable(f"Unable to create a file in that directory: {error}") from error
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a path cannot open a descriptor
            file.write(b"Flamenco can write here.\n")
    except OSError as error:
        raise _Unsuitable(f"unable to write to {name}: {error}") from error
    finally:
        Path(name).unlink(missing_ok=True)


def find_blender() -> list[BlenderCheck]:
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


def check_blender(given: str) -> BlenderCheck:
    """Whether what a person wrote, a command or a path, is a Blender that runs here."""
    is_path = "/" in given or "\\" in given
    source: Source = "input_path" if is_path else "path_envvar"
    path = given
    if is_path and given and "\0" not in given and Path(given).is_dir():
        path = str(Path(given) / ("blender.exe" if sys.platform == "win32" else "blender"))
    found = None if not path or "\0" in path else shutil.which(path)
    if found is None:
        return BlenderCheck(given, "", source, is_usable=False, cause="Blender could not be found")
    try:
        version = _version_of(found)
    except _NotBlender as error:
        return BlenderCheck(
            given, found, source, is_usable=False, cause=f"There was an error running the command: {error}"
        )
    return BlenderCheck(given, found, source, is_usable=True, cause=f"Found {version}")


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
    # Anybody can ask for this, so not just any program is run.
    if "blender" not in Path(program).name.lower():
        raise _NotBlender(f"the name of {program} does not say that it is Blender")
    try:
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
