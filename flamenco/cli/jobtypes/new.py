"""`flamenco jobtypes new`: a job type to begin with, its test file, and what editors need."""

from __future__ import annotations

import re
from collections.abc import Container
from pathlib import Path

import click

from flamenco import bundled
from flamenco.compiler.catalog import SUFFIX, job_type_name
from flamenco.domain.errors import Refused

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
SKELETON = Path(__file__).with_name("skeleton.js")
"""What a new job type begins as."""

_SKELETON_TEST = Path(__file__).with_name("skeleton.test.yaml")
_FOR_EDITORS = ("flamenco-jobtype.d.ts", "jsconfig.json")


@click.command()
@click.argument("name", metavar="NAME")
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path, file_okay=False), default=".", metavar="DIR", help="Write there."
)
def new(name: str, folder: Path) -> None:
    """Write a commented job type called NAME, and tests for it, to begin with.

    Beside them go, unless they are there, two files by which editors complete and check what you write. Put the
    job type into the folder `jobtypes` of the manager's data directory when it is ready.

    \b
    Example:
      flamenco jobtypes new say-hello
      flamenco jobtypes test say_hello.test.yaml
    """
    if not _NAME.fullmatch(name.removesuffix(SUFFIX)):
        raise click.UsageError(f"{name!r} cannot be the name of a job type: use letters, digits, - and _.")
    stem = name.removesuffix(SUFFIX).replace("-", "_")
    job_type = job_type_name(stem + SUFFIX)
    label = job_type.replace("-", " ").capitalize()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = {folder / f"{stem}{SUFFIX}": SKELETON, folder / f"{stem}.test.yaml": _SKELETON_TEST}
        _refuse_taken(folder, job_type, written)
        for path, skeleton in written.items():
            _write(path, skeleton.read_text("utf-8").replace("skeleton", stem).replace("Skeleton", label))
        for extra in _FOR_EDITORS:
            if not (folder / extra).exists():
                _write(folder / extra, (bundled.job_types() / extra).read_text("utf-8"))
    except OSError as error:
        raise Refused(f"cannot write to {folder}: {error.strerror}") from error
    click.echo(f"Look at it with `flamenco jobtypes compile {folder / stem}{SUFFIX} --set who=World`.")


def _refuse_taken(folder: Path, job_type: str, wanted: Container[Path]) -> None:
    for path in sorted(folder.iterdir()):
        if path in wanted or (path.name.endswith(SUFFIX) and job_type_name(path.name) == job_type):
            raise Refused(f"{path} exists already; choose another name")


def _write(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text)
    click.echo(f"wrote {path}")
