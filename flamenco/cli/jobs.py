"""`flamenco jobs`, `job`, `cancel`, `pause`, `requeue`: looking at jobs and steering them."""

from __future__ import annotations

import click
import msgspec
from rich.console import Console
from rich.table import Column, Table

from flamenco.cli.options import json_option, manager_option
from flamenco.client import JobSummary, ManagerClient
from flamenco.domain.statuses import JobStatus


@click.command()
@manager_option
@json_option
def jobs(manager_url: str, *, as_json: bool) -> None:
    """List the newest jobs, newest first.

    \b
    Example:
      flamenco jobs --json | jq '.[].name'
    """
    with ManagerClient(manager_url) as client:
        found = client.overview().jobs
    if as_json:
        click.echo(msgspec.json.encode(found))
    elif not found:
        click.echo("There are no jobs yet; submit one with `flamenco submit`.")
    else:
        table = Table(Column("ID", no_wrap=True), "Status", "Progress", "Prio", "Type", "Name", box=None)
        for job in found:
            table.add_row(job.id, job.status, progress(job), str(job.priority), job.type, job.name)
        Console(highlight=False).print(table)


def progress(job: JobSummary) -> str:
    """How much of a job's tasks is done, such as `12/500`."""
    return f"{job.tasks.get('completed', 0)}/{sum(job.tasks.values())}"


@click.command()
@click.argument("job_id", metavar="JOB")
@manager_option
@json_option
def job(job_id: str, manager_url: str, *, as_json: bool) -> None:
    """Show one job: its status and its settings. JOB is its ID.

    \b
    Example:
      flamenco job 6d0e2b4a-4f3c-4b62-9d6e-0c1f6f3a9b11
    """
    with ManagerClient(manager_url) as client:
        found = client.job(job_id)
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    table = Table(show_header=False, box=None)
    for name in ("name", "id", "type", "status", "priority", "created", "updated"):
        table.add_row(name, str(getattr(found, name)))
    for key, value in sorted(found.settings.items()):
        table.add_row(f"settings.{key}", str(value))
    for key, value in sorted(found.metadata.items()):
        table.add_row(f"metadata.{key}", value)
    Console(highlight=False).print(table)


def _steering(name: str, status: JobStatus, what: str, help_text: str) -> click.Command:
    """A command that asks for a status for one or more jobs."""

    @click.command(name, help=f"{help_text}\n\n\b\nExample:\n  flamenco {name} 6d0e2b4a-4f3c-4b62-9d6e-0c1f6f3a9b11")
    @click.argument("job_ids", metavar="JOB...", nargs=-1, required=True)
    @click.option("--reason", default="requested on the command line", show_default=True, help="Shown with the job.")
    @manager_option
    def command(job_ids: tuple[str, ...], reason: str, manager_url: str) -> None:
        with ManagerClient(manager_url) as client:
            for job_id in job_ids:
                client.set_job_status(job_id, status, reason)
                click.echo(f"{job_id}: {what}")

    return command


cancel = _steering(
    "cancel", JobStatus.CANCEL_REQUESTED, "canceled", "Cancel jobs: what runs is stopped, what waits will not run."
)
pause = _steering("pause", JobStatus.PAUSE_REQUESTED, "pausing", "Pause jobs: what runs is finished, what waits stays.")
requeue = _steering(
    "requeue",
    JobStatus.REQUEUEING,
    "queued again",
    "Run jobs again: all of a completed job, otherwise what was not completed. Failures and blocks are forgotten.",
)
