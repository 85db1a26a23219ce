"""`flamenco jobtypes list` and `show`: which job types there are, and which settings they have."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec import UNSET
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from flamenco.authoring.bench import Listed
from flamenco.cli.jobtypes.workbench import echo_json, workbench
from flamenco.cli.options import config_option, data_dir_option, json_option
from flamenco.compiler.catalog import Problem
from flamenco.domain.model import JobType, JobTypeSetting

Row = tuple[str, ...]


@click.command("list")
@config_option
@data_dir_option
@json_option
def list_(config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """List the job types with the files they come from, then the files that are broken, and why.

    A script in the studio's folder comes before one of a plugin, and that before one that is shipped.

    \b
    Example:
      flamenco jobtypes list --data-dir /srv/flamenco
    """
    with workbench(config_file, data_dir) as desk:
        listed, problems = desk.bench.listed(), desk.bench.problems()
    if as_json:
        echo_json(
            {
                "job_types": [_summary(each) for each in listed],
                "problems": [_problem(problem) for problem in problems],
            }
        )
        return
    rows = [(each.job_type.name, each.job_type.label, str(each.path)) for each in listed]
    _print_rows(("name", "label", "file"), rows)
    if not rows:
        click.echo("There are no job types; write one with `flamenco jobtypes new`.")
    for problem in problems:
        place = f"{problem.path}:{problem.line}" if problem.line else str(problem.path)
        broken = click.style("broken", fg="red", bold=True)
        click.echo(f"{broken}: {problem.job_type}: {problem.reason or problem.message} ({place})")


def _summary(listed: Listed) -> dict[str, Any]:
    job_type = listed.job_type
    return {
        "name": job_type.name,
        "label": job_type.label,
        "description": job_type.description or None,
        "etag": job_type.etag,
        "file": str(listed.path),
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "job_type": problem.job_type,
        "file": str(problem.path),
        "message": problem.reason or problem.message,
        "line": problem.line,
        "column": problem.column,
    }


@click.command()
@click.argument("job_type", metavar="NAME")
@config_option
@data_dir_option
@json_option
def show(job_type: str, config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Show a job type and its settings. NAME is that of a job type, or a file.

    \b
    Example:
      flamenco jobtypes show simple-blender-render
    """
    with workbench(config_file, data_dir) as desk:
        path = desk.script(job_type)
        declared = desk.bench.job_type_of(path)
    if as_json:
        echo_json(msgspec.to_builtins(declared) | {"file": str(path)})
        return
    click.echo(f"{click.style(declared.name, bold=True)}  {declared.label}")
    if declared.description:
        click.echo(declared.description)
    click.echo(f"from {path}\n")
    if declared.settings:
        _print_rows(("setting", "type", "value", "for", "description"), [_row(each) for each in declared.settings])
    else:
        click.echo("It has no settings.")


def types_of(job_type: JobType) -> dict[str, str]:
    """The type of each setting, by its key and its aliases."""
    return {name: setting.type for setting in job_type.settings or () for name in (*setting.aliases, setting.key)}


def _row(setting: JobTypeSetting) -> Row:
    notes = [] if setting.description is UNSET else [str(setting.description).rstrip(".")]
    if setting.choices is not UNSET:
        notes.append(f"one of {', '.join(setting.choices)}")
    if setting.aliases:
        notes.append(f"also known as {', '.join(setting.aliases)}")
    return (setting.key, _type(setting), _value(setting), _audience(setting), "; ".join(notes))


def _type(setting: JobTypeSetting) -> str:
    return setting.type if setting.subtype is UNSET else f"{setting.type} ({setting.subtype})"


def _value(setting: JobTypeSetting) -> str:
    """Where its value comes from when nobody gives one."""
    if setting.default is not UNSET:
        return f"default {msgspec.json.encode(setting.default).decode()}"
    if setting.required is True:
        return "required"
    return "optional"


def _audience(setting: JobTypeSetting) -> str:
    words = {"visible": "everyone", "submission": "submitters", "web": "the web", "hidden": "nobody"}
    return words["visible" if setting.visible is UNSET else setting.visible]


def _print_rows(headings: Row, rows: Sequence[Row]) -> None:
    """A table on a terminal, columns elsewhere."""
    if sys.stdout.isatty():
        table = Table(*(Column(heading, overflow="fold") for heading in headings), box=None, pad_edge=False)
        for row in rows:
            table.add_row(*map(Text, row))
        Console().print(table)
        return
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(len(headings))]
    for row in rows:
        click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
