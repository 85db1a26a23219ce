"""Commands on files and folders of the shared storage: make-directory, move-directory, copy-file."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from flamenco import CommandContext, CommandFailed, CommandType, hookimpl
from flamenco.builtin.commands.moving import cause, copy_content, is_inside, is_same, move
from flamenco.hooks.parameters import ParameterError, invalid_parameter

TASK_TYPES = ("file-management",)

SHARED_MODE = 0o775
PRIVATE_MODE = 0o750

_MOVE = "move-directory"
_COPY = "copy-file"


class MakeParameters(Struct, frozen=True):
    """Parameters of `make-directory`."""

    path: Annotated[str, Meta(min_length=1, description="The folder to make, with its parents.")]


class MoveParameters(Struct, frozen=True):
    """Parameters of `move-directory`."""

    src: Annotated[str, Meta(min_length=1, description="The folder or file to move.")]
    dest: Annotated[str, Meta(min_length=1, description="Its new path, on any disk; what is there is moved away.")]


class CopyParameters(Struct, frozen=True):
    """Parameters of `copy-file`."""

    src: Annotated[str, Meta(min_length=1, description="The file to copy, an absolute path.")]
    dest: Annotated[str, Meta(min_length=1, description="Path of the copy, absolute; nothing may be there yet.")]


def make_directory(context: CommandContext, parameters: MakeParameters) -> None:
    """Make a folder and its parents; one that is there already is fine."""
    path = parameters.path
    context.log(f'make-directory: creating directory "{path}"')
    try:
        make_folders(Path(path), SHARED_MODE)
    except OSError as error:
        context.log(f'make-directory: could not create directory "{path}": {cause(error)}')
        raise CommandFailed(f'make-directory: could not create directory "{path}": {cause(error)}') from error


def make_folders(path: Path, mode: int) -> None:
    """Make `path` and every missing parent with `mode` (less the umask). Raises `OSError`."""
    for folder in (*reversed(path.parents), path):
        # Another worker may be making the same folders right now.
        if not folder.is_dir():
            folder.mkdir(mode, exist_ok=True)


def move_directory(context: CommandContext, parameters: MoveParameters) -> None:
    """Rename a folder or file, or move it to another disk; what is at the destination gets a name with its time."""
    src, dest = Path(parameters.src), Path(parameters.dest)
    if not os.path.lexists(src):
        context.log(f'move-directory: source path "{src}" does not exist, not moving anything')
        raise invalid_parameter(_MOVE, "src", str(src), "path does not exist")
    if is_same(src, dest):
        context.log(f'move-directory: source "{src}" and destination "{dest}" are the same, not moving anything')
        return
    if is_inside(dest, src):
        raise invalid_parameter(_MOVE, "dest", str(dest), f'it is inside of "{src}", which is to be moved there')
    if is_inside(src, dest):
        raise invalid_parameter(_MOVE, "dest", str(dest), f'it has "{src}" inside, and would be moved out of the way')
    _move(context, src, dest)


def timestamped(path: Path) -> Path:
    """A free path beside `path` that carries the time at which `path` was last changed, in local time."""
    modified = math.floor(path.lstat().st_mtime + 0.5)
    stamp = datetime.fromtimestamp(modified, UTC).astimezone().strftime("%Y-%m-%d_%H%M%S")
    free = path.with_name(f"{path.name}-{stamp}")
    if not os.path.lexists(free):
        return free
    numbered = re.compile(re.escape(free.name) + r"-([0-9]+)")
    taken = (numbered.fullmatch(entry) for entry in os.listdir(path.parent))  # noqa: PTH208 (names only)
    highest = max((int(match[1]) for match in taken if match), default=0)
    return path.with_name(f"{free.name}-{highest + 1:03}")


def _move(context: CommandContext, src: Path, dest: Path) -> None:
    def aside() -> Path | None:
        free = timestamped(dest) if os.path.lexists(dest) else None
        if free:
            context.log(f'move-directory: moving "{dest}" to "{free}"')
            dest.rename(free)
        context.log(f'move-directory: moving "{src}" to "{dest}"')
        return free

    try:
        move(src, dest, aside, lambda: context.wait(0))
    except OSError as error:
        raise CommandFailed(f'move-directory: could not move "{src}" to "{dest}": {cause(error)}') from error


def copy_file(context: CommandContext, parameters: CopyParameters) -> None:
    """Copy the content of a file; never over another one."""
    try:
        _check_copy(parameters)
    except ParameterError as error:
        context.log(f"{error}, not copying anything")
        raise
    src, dest = Path(parameters.src), Path(parameters.dest)
    context.log(f'copy-file: copying "{src}" to "{dest}"')
    try:
        make_folders(dest.parent, PRIVATE_MODE)
        copy_content(src, dest, lambda: context.wait(0))
    except OSError as error:
        raise CommandFailed(f'copy-file: could not copy "{src}" to "{dest}": {cause(error)}') from error
    context.log(f'copy-file: copied "{src}" to "{dest}"')


def _check_copy(parameters: CopyParameters) -> None:
    src, dest = parameters.src, parameters.dest
    if not Path(src).is_absolute():
        raise invalid_parameter(_COPY, "src", src, "source path is not absolute")
    if not Path(src).exists():
        raise invalid_parameter(_COPY, "src", src, "source path does not exist")
    if not Path(src).is_file():
        raise invalid_parameter(_COPY, "src", src, "invalid source file, not a regular file")
    if not Path(dest).is_absolute():
        raise invalid_parameter(_COPY, "dest", dest, "destination path is not absolute")
    if os.path.lexists(dest):
        raise invalid_parameter(_COPY, "dest", dest, "destination path already exists")


@hookimpl
def command_types() -> Iterable[CommandType]:
    """The commands of this module."""
    yield CommandType(
        name="make-directory",
        description="Make a folder.",
        task_types=TASK_TYPES,
        parameters=MakeParameters,
        run=make_directory,
    )
    yield CommandType(
        name=_MOVE,
        description="Move a folder, keeping what was there before under another name.",
        task_types=TASK_TYPES,
        parameters=MoveParameters,
        run=move_directory,
    )
    yield CommandType(
        name=_COPY,
        description="Copy a file.",
        task_types=TASK_TYPES,
        parameters=CopyParameters,
        run=copy_file,
    )
