"""`flamenco jobtypes compile`: what a job would do."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import click
import msgspec

from flamenco.authoring.bench import Trial
from flamenco.authoring.case_runs import checked
from flamenco.authoring.expectations import plain_job
from flamenco.cli import EXIT_FAILED
from flamenco.cli.job_settings import (
    metadata_option,
    pairs,
    priority_option,
    read_settings,
    set_option,
    settings_file_option,
    settings_of_file,
)
from flamenco.cli.jobtypes.listing import types_of
from flamenco.cli.jobtypes.outline import print_outline
from flamenco.cli.jobtypes.workbench import Workbench, echo_finding, echo_json, echo_printed, workbench
from flamenco.cli.options import config_option, data_dir_option, json_option
from flamenco.domain.errors import JobTypeError
from flamenco.domain.model import JobType, Submission


@click.command("compile")
@click.argument("script", metavar="FILE_OR_NAME")
@set_option
@settings_file_option
@click.option("--name", default="test", show_default=True, help="What people would call the job.")
@metadata_option
@priority_option
@click.option("--all", "show_all", is_flag=True, help="Show every task and every text in full.")
@config_option
@data_dir_option
@json_option
def compile_(
    script: str,
    settings: tuple[str, ...],
    settings_file: io.BufferedReader | None,
    name: str,
    metadata: tuple[str, ...],
    priority: int,
    config_file: Path | None,
    data_dir: Path | None,
    *,
    show_all: bool,
    as_json: bool,
) -> None:
    """Compile a job, submit nothing, and show its tasks. FILE_OR_NAME is a script, or the name of a job type.

    Settings that are not given get their defaults, as when a job is submitted; those of --set come before those of
    --settings. What the script prints is shown as well. Exit codes: 0 there is a job, 1 there is none.

    \b
    Example:
      flamenco jobtypes compile simple-blender-render --set frames=1-10 --set chunk_size=3 \\
        --set blendfile=/shot.blend --set render_output_path=/render/###### --set format=PNG \\
        --set image_file_extension=.png --set render_output_root=/render --set scene=Scene --set fps=24
    """
    with workbench(config_file, data_dir) as desk:
        path = desk.script(script)
        submission = Submission(
            name=name,
            type="",
            priority=priority,
            settings=settings_of_file(settings_file) | read_settings(settings, types_of(_declared(desk, path))),
            metadata=dict(pairs(metadata, "--metadata")),
        )
        trial = checked(desk.bench.try_out(path, submission, datetime.now(UTC)), path, desk.check)
        if trial.job is None:
            _fail(trial, as_json=as_json)
        warnings = desk.check(trial.job)
    if as_json:
        echo_json({"job": plain_job(trial.job), "warnings": warnings, "printed": msgspec.to_builtins(trial.printed)})
        return
    print_outline(trial.job, everything=show_all)
    for warning in warnings:
        click.echo(f"{click.style('warning', fg='yellow', bold=True)}: {warning}")
    echo_printed(trial.printed)


def _declared(desk: Workbench, path: Path) -> JobType:
    """What the script declares; of a broken one nothing, as compiling will say best what is wrong."""
    try:
        return desk.bench.job_type_of(path)
    except JobTypeError:
        return JobType(name="", label="", etag="")


def _fail(trial: Trial, *, as_json: bool) -> NoReturn:
    if as_json:
        echo_json({"error": trial.error, "printed": msgspec.to_builtins(trial.printed)})
    else:
        if trial.error:
            echo_finding(trial.error, err=True)
        echo_printed(trial.printed)
    raise click.exceptions.Exit(EXIT_FAILED)
