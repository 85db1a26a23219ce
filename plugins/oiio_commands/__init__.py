"""Commands that process images with OpenImageIO's oiiotool, and a job type that makes contact sheets.

`oiiotool` runs the program with any arguments, `make-contact-sheet` puts many images onto one. Both are for tasks of
the type `misc`. The job type `make-contact-sheet` needs nothing but the images:

    flamenco submit make-contact-sheet --name sheet --set images='/renders/s1/*.png' --set output_file=/renders/s1.png

Manager and workers need the plugin. The workers name it in `flamenco-worker.yaml`, the manager in its own file; there
`oiiotool` says which program to run where a job does not. It may be a variable, with another value for each platform:

```yaml
plugins:
  oiio_commands:
    oiiotool: "{oiiotool}"
variables:
  oiiotool:
    values:
      - platform: linux
        value: oiiotool
      - platform: windows
        value: C:/Program Files/OpenImageIO/bin/oiiotool.exe
```

A worker looks for plain `oiiotool` on its PATH, then beside its Python, where `pip install openimageio` puts it.
"""

from __future__ import annotations

import glob
import re
import shutil
import sys
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta, Struct
from msgspec.structs import replace

from flamenco import (
    AuthoredJob,
    AuthoredTask,
    Command,
    CommandContext,
    CommandFailed,
    CommandType,
    FailureRule,
    ManagerConfig,
    Setting,
    hookimpl,
)

requires_hooks = (1, 6)

OIIOTOOL: Final = "oiiotool"
CONTACT_SHEET: Final = "make-contact-sheet"
PROGRAM: Final = "oiiotool"
PADDING_PX: Final = 8
"""Space between the tiles of a contact sheet."""

_TASK_TYPES: Final = ("misc",)
_SHOWN: Final = frozenset({".png", ".jpg", ".jpeg"})
_PLACES: Final = (None, str(Path(sys.executable).parent))
"""Where plain `oiiotool` is looked for; None is PATH."""

Program = Annotated[str, Meta(min_length=1, description="The program: a path, or just `oiiotool` to look for it.")]
Count = Annotated[int, Meta(ge=1, description="How many images stand side by side.")]
Width = Annotated[int, Meta(ge=1, description="Width of a tile in pixels.")]
Height = Annotated[int, Meta(ge=1, description="Height of a tile in pixels.")]


class OiiotoolParameters(Struct, frozen=True, kw_only=True, rename="camel"):
    """Parameters of `oiiotool`."""

    args: Annotated[tuple[str, ...], Meta(description="Arguments, as on a command line.")]
    exe: Program = PROGRAM
    output_file: Annotated[str, Meta(description="A file that has to be there afterwards; empty for none.")] = ""


class SheetParameters(Struct, frozen=True, kw_only=True, rename="camel"):
    """Parameters of `make-contact-sheet`."""

    images: Annotated[str, Meta(min_length=1, description="Pattern of the images' files.")]
    output_file: Annotated[str, Meta(min_length=1, description="The sheet to write; its folder must exist.")]
    columns: Count = 5
    tile_width: Width = 320
    tile_height: Height = 180
    exe: Program = PROGRAM


def run_oiiotool(context: CommandContext, parameters: OiiotoolParameters) -> None:
    """Run oiiotool. Raises `CommandFailed` when it fails, or when the output file is not there afterwards."""
    context.run_process([find_program(parameters.exe), *parameters.args])
    if parameters.output_file:
        output = Path(parameters.output_file)
        if not output.is_file():
            raise CommandFailed(f"oiiotool ended well, but there is no {output}; do the arguments write it?")
        _show(context, output)
    context.step()


def make_contact_sheet(context: CommandContext, parameters: SheetParameters) -> None:
    """Put the images onto one, which appears under its name when it is complete. Raises `CommandFailed`."""
    output = Path(parameters.output_file).absolute()
    if not output.parent.is_dir():
        raise CommandFailed(f"there is no folder {output.parent} for the contact sheet; make it, or name another")
    images = list_images(parameters.images, output)
    # With a dot in front no pattern finds it; the extension stays, as it tells oiiotool the format.
    aside = output.with_name(f".{output.stem}-{uuid.uuid4().hex[:8]}{output.suffix}")
    try:
        context.run_process([find_program(parameters.exe), *sheet_arguments(images, parameters, aside)])
        aside.replace(output)
    except OSError as error:
        raise CommandFailed(f"cannot write the contact sheet {output}: {error.strerror or error}") from error
    finally:
        aside.unlink(missing_ok=True)
    _show(context, output)
    context.step()


def list_images(pattern: str, output: Path) -> list[Path]:
    """The files of `pattern`, 9 before 10, without the sheet itself. Raises `CommandFailed` when there are none."""
    found = (Path(name).absolute() for name in glob.glob(pattern))  # noqa: PTH207 (a pattern may be absolute)
    images = sorted((path for path in found if path.is_file() and path != output), key=_natural)
    if not images:
        raise CommandFailed(f"there are no images {pattern}; is the pattern right, and can this worker see them?")
    return images


def sheet_arguments(images: Sequence[Path], parameters: SheetParameters, output: Path) -> list[str]:
    """oiiotool's arguments for a sheet of `images`, no wider than there are images."""
    columns = min(parameters.columns, len(images))
    rows = -(-len(images) // columns)
    fit = f"{parameters.tile_width}x{parameters.tile_height}"
    return [
        *("--wildcardoff", "--evaloff"),  # in names of files, # and {} mean nothing
        *map(str, images),
        *(f"--mosaic:fit={fit}:pad={PADDING_PX}", f"{columns}x{rows}"),
        # Among images that have transparency, those without would be invisible.
        *("--evalon", "--if", "{TOP.nchannels > 3}", "--ch", "0,1,2", "--endif", "--evaloff"),
        *("-o", str(output)),
    ]


def find_program(exe: str, places: Iterable[str | None] = _PLACES) -> str:
    """Where `exe` is: plain `oiiotool` is looked for in `places`. Raises `CommandFailed` when it is in none."""
    if exe != PROGRAM:
        return exe
    for place in places:
        if found := shutil.which(exe, path=place):
            return found
    raise CommandFailed(
        "there is no oiiotool on this worker's PATH, nor beside its Python; install it, for example with "
        "`pip install openimageio`, or set plugins.oiio_commands.oiiotool on the manager to its path"
    )


def _natural(path: Path) -> list[tuple[int, str]]:
    """A key by which numbers in names are sorted by their value."""
    parts = re.split(r"([0-9]+)", str(path))
    return [(int(part) if place % 2 else 0, part) for place, part in enumerate(parts)]


def _show(context: CommandContext, path: Path) -> None:
    if path.suffix.lower() in _SHOWN:
        context.output_produced(path)


def _names_no_program(command: Command) -> bool:
    return command.name in {OIIOTOOL, CONTACT_SHEET} and (command.parameters or {}).get("exe") is None


def _with_program(task: AuthoredTask, program: str) -> AuthoredTask:
    commands = [
        replace(each, parameters={**(each.parameters or {}), "exe": program}) if _names_no_program(each) else each
        for each in task.commands
    ]
    return replace(task, commands=tuple(commands))


@hookimpl
def settings() -> Iterable[Setting]:
    """Which oiiotool to run."""
    yield Setting(
        key="oiiotool",
        type=Program,
        default=PROGRAM,
        help="oiiotool on the workers, for commands that name none: a path, a variable, or `oiiotool` to look for it.",
    )


@hookimpl
def failure_rules() -> Iterable[FailureRule]:
    """An image that two workers cannot find is not there; and nobody needs to try what `oiiotool` does not know."""
    yield FailureRule(
        match=r'oiiotool ERROR: read : .{0,200}?(?:does not exist|Could not open)[^"]{0,80}"(?P<file>[^"]{1,500})"',
        workers=2,
        then="fail_task",
        say="The image {file} is missing, or cannot be read.",
    )
    yield FailureRule(
        match=r"oiiotool ERROR: (?P<what>(?:unknown|invalid) (?:option|command).{0,200})",
        then="fail_task",
        say="oiiotool does not know how: {what}",
    )


@hookimpl
def command_types() -> Iterable[CommandType]:
    """The commands of this plugin."""
    yield CommandType(
        name=OIIOTOOL,
        description="Process images with oiiotool.",
        task_types=_TASK_TYPES,
        parameters=OiiotoolParameters,
        run=run_oiiotool,
    )
    yield CommandType(
        name=CONTACT_SHEET,
        description="Put many images onto one.",
        task_types=_TASK_TYPES,
        parameters=SheetParameters,
        run=make_contact_sheet,
    )


@hookimpl
def job_type_folders() -> Iterable[Path]:
    """The job types of this plugin."""
    yield Path(__file__).parent / "job_types"


@hookimpl
def job_compiled(job: AuthoredJob, config: ManagerConfig) -> AuthoredJob | None:
    """Put the configured program into the commands that name none."""
    if not any(_names_no_program(command) for task in job.tasks for command in task.commands):
        return None
    program = config.plugins.oiio_commands.oiiotool
    return replace(job, tasks=tuple(_with_program(task, program) for task in job.tasks))
