"""`flamenco submit`: hand in a job from a shell or a script."""

from __future__ import annotations

import time
from collections.abc import Iterable
from difflib import get_close_matches

import click
import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from flamenco.cli.job_settings import metadata_option, pairs, priority_option, read_settings, set_option
from flamenco.cli.options import json_option, manager_option
from flamenco.client import JobRequest, JobSummary, JobType, ManagerClient, ManagerUnreachable
from flamenco.domain.errors import FarmError, Refused
from flamenco.domain.statuses import JobStatus

POLL_S = 1.0
AWAY_S = 120.0
"""How long `--wait` puts up with a manager that does not answer."""

RESTING = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELED, JobStatus.PAUSED})


@click.command()
@click.argument("job_type", metavar="JOBTYPE")
@click.option("--name", required=True, help="What people will call the job.")
@set_option
@metadata_option
@priority_option
@click.option("--wait", is_flag=True, help="Wait until the job has ended; exit code 1 unless it completed.")
@manager_option
@json_option
def submit(
    job_type: str,
    name: str,
    settings: tuple[str, ...],
    metadata: tuple[str, ...],
    priority: int,
    manager_url: str,
    *,
    wait: bool,
    as_json: bool,
) -> None:
    """Submit a job of type JOBTYPE. Values are read as the job type declares them.

    \b
    Example:
      flamenco submit simple-blender-render --name "Shot 12" --wait \\
        --set blendfile=/shared/shot12.blend --set frames=1-250 \\
        --set render_output_path=/shared/shot12/###### --set format=PNG \\
        --set image_file_extension=.png --set chunk_size=5 --set fps=24
    """
    with ManagerClient(manager_url) as client:
        declared = _find(client.job_types(), job_type)
        request = JobRequest(
            name=name,
            type=job_type,
            priority=priority,
            settings=read_settings(settings, {setting.key: setting.type for setting in declared.settings}),
            metadata=dict(pairs(metadata, "--metadata")),
        )
        job = client.submit_job(request)
        if not (as_json and wait):
            click.echo(msgspec.json.encode(job) if as_json else job.id)
        if wait:
            _report(_wait(client, job.id), as_json=as_json)


def _find(job_types: Iterable[JobType], name: str) -> JobType:
    by_name = {known.name: known for known in job_types}
    if name in by_name:
        return by_name[name]
    near = get_close_matches(name, by_name, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(by_name) or 'none'}."
    raise Refused(f"there is no job type {name!r}; {hint}")


def _look_at(client: ManagerClient, job_id: str) -> JobSummary:
    found = next((job for job in client.overview().jobs if job.id == job_id), None)
    if found:
        return found
    # So many newer jobs that the overview does not show it any more: no progress then, but its status.
    job = client.job(job_id)
    return JobSummary(id=job.id, name=job.name, type=job.type, status=JobStatus(job.status), priority=job.priority)


def _wait(client: ManagerClient, job_id: str) -> JobSummary:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    away_since: float | None = None
    with Progress(*columns, transient=True) as display:
        bar = display.add_task("queued", total=None)
        while True:
            try:
                job = _look_at(client, job_id)
                away_since = None
                total = sum(job.tasks.values())
                display.update(bar, description=job.status, completed=job.tasks.get("completed", 0), total=total)
                if job.status in RESTING:
                    return job
            except ManagerUnreachable:
                away_since = away_since or time.monotonic()
                if time.monotonic() - away_since > AWAY_S:
                    raise
            time.sleep(POLL_S)


def _report(job: JobSummary, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(job))
    if job.status is not JobStatus.COMPLETED:
        raise FarmError(f"job {job.name!r} is {job.status}: {job.activity}")
    if not as_json:
        click.echo("completed")
