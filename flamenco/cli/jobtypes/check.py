"""`flamenco jobtypes check`: what is wrong with scripts, before a manager says so."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import msgspec

from flamenco.authoring.bench import Examination
from flamenco.cli import EXIT_FAILED
from flamenco.cli.jobtypes.workbench import echo_finding, echo_json, echo_printed, workbench
from flamenco.cli.options import config_option, data_dir_option, json_option
from flamenco.compiler.catalog import SUFFIX
from flamenco.domain.errors import Refused


@click.command()
@click.argument(
    "places", metavar="FILE...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path, readable=False)
)
@click.option("--strict", is_flag=True, help="Take warnings for errors.")
@config_option
@data_dir_option
@json_option
def check(
    places: tuple[Path, ...], config_file: Path | None, data_dir: Path | None, *, strict: bool, as_json: bool
) -> None:
    """Look for mistakes in scripts. FILE may be a folder of them.

    Errors are what a manager would refuse; warnings are what looks wrong: misspelt keys, missing labels, defaults
    that do not fit. The script is run as far as its JOB_TYPE; for what compileJob does, see `compile` and `test`.
    Exit codes: 0 no errors, 1 errors.

    \b
    Example:
      flamenco jobtypes check my_job.js
    """
    with workbench(config_file, data_dir) as desk:
        examined = [desk.bench.examine(path) for path in _files(places)]
    if as_json:
        echo_json([_plain(each) for each in examined])
    else:
        _print(examined)
    if not all(each.ok and not (strict and each.findings) for each in examined):
        raise click.exceptions.Exit(EXIT_FAILED)


def _files(places: Iterable[Path]) -> list[Path]:
    files: list[Path] = []
    for place in places:
        inside = sorted(path for path in place.glob(f"*{SUFFIX}") if path.is_file()) if place.is_dir() else [place]
        if not inside:
            raise Refused(f"there are no job types in {place}")
        files += inside
    return files


def _print(examined: list[Examination]) -> None:
    for each in examined:
        for finding in each.findings:
            echo_finding(finding)
        if each.printed:
            click.echo(f"{each.path} says:")
            echo_printed(each.printed, indent="    ")
    severities = [finding.severity for each in examined for finding in each.findings]
    counts = f"{_count(severities.count('error'), 'error')}, {_count(severities.count('warning'), 'warning')}"
    click.echo(f"{_count(len(examined), 'file')}: {counts if severities else 'nothing is wrong'}")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _plain(examined: Examination) -> dict[str, Any]:
    return {
        "file": str(examined.path),
        "job_type": examined.name,
        "ok": examined.ok,
        "findings": [msgspec.to_builtins(finding) for finding in examined.findings],
        "printed": [msgspec.to_builtins(line) for line in examined.printed],
    }
