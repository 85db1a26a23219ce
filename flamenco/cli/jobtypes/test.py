"""`flamenco jobtypes test`: whether job types do what their authors' test files say."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import msgspec

from flamenco.authoring import case_runs
from flamenco.authoring.case_runs import Outcome, Report
from flamenco.cli import EXIT_FAILED
from flamenco.cli.jobtypes.workbench import echo_finding, echo_json, echo_printed, workbench
from flamenco.cli.options import config_option, data_dir_option, json_option


@click.command("test")
@click.argument("places", metavar="FILE|FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path))
@config_option
@data_dir_option
@json_option
def test(places: tuple[Path, ...], config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Run the test files of job types: `my_job.test.yaml` (or .json) tests `my_job.js`, and either may be
    named. FOLDER means all below it.

    A test says which settings a job has, and which tasks, or which error, it expects. Only what it mentions is
    compared. Exit codes: 0 all passed, 1 some did not.

    \b
    Example:
      flamenco jobtypes test say_hello.test.yaml
    \b
    say_hello.test.yaml:
      tests:
        - name: greets twice
          settings: { who: World, times: 2 }
          expect:
            tasks:
              - name: hello-1
                commands: [{ name: echo, parameters: { message: Hello World! } }]
              - name: hello-2
              - name: done
                dependencies: [hello-1, hello-2]
        - name: wants to know whom to greet
          settings: { times: 2 }
          expect: { error: setting "who" is missing }
    """
    reports = []
    with workbench(config_file, data_dir) as desk:
        for report in case_runs.run(desk.bench, case_runs.find(places), desk.check):
            reports.append(report)
            if not as_json:
                _print(report)
    if as_json:
        echo_json([_plain(report) for report in reports])
    else:
        _print_sum(reports)
    if not all(report.ok for report in reports):
        raise click.exceptions.Exit(EXIT_FAILED)


def _print(report: Report) -> None:
    click.echo(click.style(str(report.file), bold=True))
    if report.problem:
        click.echo(f"  {click.style('FAILED', fg='red', bold=True)}  {report.problem}")
    for outcome in report.outcomes:
        word = click.style("passed", fg="green") if outcome.ok else click.style("FAILED", fg="red", bold=True)
        click.echo(f"  {word}  {outcome.name}")
        if not outcome.ok:
            _print_failure(outcome)


def _print_failure(outcome: Outcome) -> None:
    if outcome.error:
        echo_finding(outcome.error, indent="    ")
    for line in outcome.diff.split("\n"):
        color = {"-": "red", "+": "green"}.get(line[:1])
        click.echo(f"    {click.style(line, fg=color) if color else line}")
    echo_printed(outcome.printed, indent="    ")


def _print_sum(reports: Iterable[Report]) -> None:
    results = [
        result
        for report in reports
        for result in ([False] if report.problem else [each.ok for each in report.outcomes])
    ]
    click.echo(f"{results.count(True)} passed, {results.count(False)} failed")


def _plain(report: Report) -> dict[str, Any]:
    return {
        "file": str(report.file),
        "script": str(report.script) if report.script else None,
        "ok": report.ok,
        "problem": report.problem,
        "tests": [msgspec.to_builtins(outcome) | {"ok": outcome.ok} for outcome in report.outcomes],
    }
