"""Rendering with Blender: builds its command line, and follows what it prints to report frames and images."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Annotated

from msgspec import Meta, Struct

from flamenco import CommandContext, CommandFailed, CommandType, Program, hookimpl
from flamenco.builtin.commands.blender_output import (
    BlenderOutput,
    frames_asked,
    is_frame_done,
    refuse_unknown_frames,
    saved_image,
)
from flamenco.hooks.parameters import split_arguments

NAME = "blender-render"


class BlenderParameters(Struct, frozen=True, rename="camel"):
    """Parameters of `blender-render`; the command line is made of them in this order."""

    exe: Annotated[str, Meta(min_length=1, description="Blender: a path, or a name on the worker's PATH.")]
    blendfile: Annotated[str, Meta(description="The file to render; empty where the arguments make the scene.")]
    exe_args: Annotated[str, Meta(description="Arguments in one string, split as a shell does.")] = ""
    args_before: Annotated[tuple[str, ...], Meta(description="Arguments before the file.")] = ()
    args: Annotated[
        tuple[str, ...],
        Meta(description="Arguments after the file.", extra={"frames": ("-f", "--render-frame")}),
    ] = ()


def command_line(parameters: BlenderParameters) -> list[str]:
    """Program and arguments. Raises `ParameterError` when `exeArgs` cannot be split."""
    return [
        parameters.exe,
        *split_arguments(NAME, "exeArgs", parameters.exe_args),
        *parameters.args_before,
        *([parameters.blendfile] if parameters.blendfile else []),
        *parameters.args,
    ]


def render(context: CommandContext, parameters: BlenderParameters) -> None:
    """Run Blender; one step per frame, and every image it saves is shown to people.

    Raises `CommandFailed` with what Blender says is wrong, also where it ends as if nothing were.
    """
    named, *arguments = command_line(parameters)
    asked = frames_asked(arguments)
    refuse_unknown_frames(asked)
    output = BlenderOutput()

    def follow(line: str) -> None:
        output.follow(line)
        if path := saved_image(line):
            context.output_produced(Path(path))
        if is_frame_done(line):
            context.step()

    try:
        context.run_process([find_blender(named), *arguments], follow)
    except CommandFailed as error:
        raise CommandFailed(output.explain(str(error))) from error
    if missing := output.missing(asked):
        raise CommandFailed(output.explain(missing))


def find_blender(exe: str) -> str:
    """Where to find `exe`: a plain name that is not on PATH may still be what opens .blend files, on Windows."""
    if PurePath(exe).name == exe and not shutil.which(exe):
        return _associated_blender() or exe
    return exe


def _associated_blender() -> str | None:
    """The program that Windows opens .blend files with; elsewhere None."""
    if sys.platform != "win32":
        return None
    import winreg  # noqa: PLC0415 (only there on Windows)

    try:
        kind = winreg.QueryValue(winreg.HKEY_CLASSES_ROOT, ".blend")
        command = winreg.QueryValue(winreg.HKEY_CLASSES_ROOT, rf"{kind}\shell\open\command")
    except OSError:
        return None
    quoted = re.match(r'"([^"]+)"|(\S+)', command)
    if not quoted:
        return None
    program = Path(quoted[1] or quoted[2])
    # The launcher beside it hides the console, and with it everything Blender prints.
    blender = program.with_name("blender.exe")
    return str(blender if blender.exists() else program)


@hookimpl
def command_types() -> Iterable[CommandType]:
    """The commands of this module."""
    yield CommandType(
        name=NAME,
        description="Render frames of a .blend file.",
        task_types=("blender",),
        parameters=BlenderParameters,
        run=render,
        argv=command_line,
        needs=Program(name="blender", says="Blender ", find=lambda exe, _variables: find_blender(exe)),
    )
