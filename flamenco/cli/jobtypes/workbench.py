"""The compiler as these commands use it, with a manager's folders and limits, and what is wrong with a script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec

from flamenco.authoring.bench import Bench, Finding
from flamenco.cli.configuration import configured
from flamenco.cli.logging_setup import set_up_logging
from flamenco.compiler.authored import check_for_tasks
from flamenco.compiler.catalog import SUFFIX
from flamenco.compiler.protocol import Printed
from flamenco.compiler.script_limits import script_limits_of
from flamenco.config import Config
from flamenco.domain import commands
from flamenco.domain.errors import Refused
from flamenco.domain.model import AuthoredJob
from flamenco.hooks.manager import Hooks


class Workbench(NamedTuple):
    """A bench, and the plugins that the manager would ask."""

    bench: Bench
    config: Config
    hooks: Hooks

    def check(self, job: AuthoredJob) -> list[str]:
        """What is suspicious about a job's commands. Raises `Refused` for a job that no worker could run."""
        known = self.hooks.command_types()
        job = self.hooks.job_compiled(job, known, self.config)
        check_for_tasks(job)
        return commands.warnings(commands.unknown_commands(job.tasks, known), known)

    def script(self, file_or_name: str) -> Path:
        """The script that somebody means: a file, or the one of a job type. Raises `Refused` or `NotFound`."""
        path = Path(file_or_name)
        if path.is_file():
            return path
        if file_or_name.endswith(SUFFIX) or len(path.parts) > 1:
            raise Refused(f"there is no file {file_or_name}")
        return self.bench.script(file_or_name)


@contextmanager
def workbench(config_file: Path | None, data_dir: Path | None) -> Iterator[Workbench]:
    """A workbench with the settings that a manager would read. Raises `ConfigError`."""
    set_up_logging("error")  # what there is to say of a job type is printed by the command
    loaded = configured(config_file, data_dir)
    config, hooks = loaded.config, loaded.hooks
    bench = Bench(
        [config.job_types_path, *hooks.job_type_folders()],
        script_limits_of(config),
        lambda job_type: hooks.job_settings(job_type, config),
    )
    try:
        yield Workbench(bench, config, hooks)
    finally:
        bench.close()


_COLORS = {"error": "red", "warning": "yellow"}
_WIDEST = 160
"""How much of a line is shown, in characters."""


def lines_of(finding: Finding) -> Iterator[str]:
    """`FILE:LINE:COLUMN: error: MESSAGE`, as editors and CI read it; below that the line and a caret."""
    place = f"{finding.file}:{finding.line}:{finding.column}" if finding.line else finding.file
    severity = click.style(finding.severity, fg=_COLORS[finding.severity], bold=True)
    first, *more = finding.message.split("\n")
    yield f"{click.style(place, bold=True)}: {severity}: {first}"
    yield from (f"    {line}" for line in more)
    if finding.text.strip():
        start = max(0, finding.column - _WIDEST // 2) if len(finding.text) > _WIDEST else 0
        yield f"    {finding.text[start : start + _WIDEST]}"
        if finding.column:
            # Tabs stay tabs, so that the caret is below its place however wide they are.
            before = "".join("\t" if char == "\t" else " " for char in finding.text[start : finding.column - 1])
            missing = finding.column - 1 - start - len(before)
            yield f"    {before}{' ' * missing}{click.style('^', fg=_COLORS[finding.severity])}"


def echo_finding(finding: Finding, *, indent: str = "", err: bool = False) -> None:
    """Print a finding."""
    for line in lines_of(finding):
        click.echo(f"{indent}{line}", err=err)


def echo_printed(printed: Iterable[Printed], *, indent: str = "", err: bool = False) -> None:
    """Print what the script printed."""
    for each in printed:
        word = click.style("alert", fg="yellow") if each.warning else "print"
        first, *more = each.text.split("\n")
        click.echo(f"{indent}{word}  {first}", err=err)
        for line in more:
            click.echo(f"{indent}       {line}", err=err)


def echo_json(value: Any) -> None:
    """Print a value as JSON, for other programs and for people."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))
