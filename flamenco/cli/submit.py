"""`flamenco submit`: hand in a job from a shell or a script."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from difflib import get_close_matches

import click
import msgspec

from flamenco.cli import EXIT_INTERRUPTED
from flamenco.cli.job_settings import (
    metadata_option,
    pairs,
    priority_option,
    read_settings,
    set_option,
    settings_file_option,
    settings_of_file,
)
from flamenco.cli.job_waits import patiently, wait_for_job
from flamenco.cli.job_workers import worker_options
from flamenco.cli.jobs import ShownJob, shown
from flamenco.cli.jobtypes.outline import print_outline
from flamenco.cli.options import json_option, manager_option
from flamenco.cli.output import print_json
from flamenco.cli.previews import frame_options
from flamenco.cli.progress import job_progress
from flamenco.cli.references import find_jobs, find_tags
from flamenco.cli.retries import retry_options
from flamenco.cli.start_after import start_after_options
from flamenco.cli.time_limits import time_limit_options
from flamenco.client import DependsOn, JobRequest, JobType, ManagerClient, ManagerError, Preview
from flamenco.domain.errors import Failed, NotFound, Refused
from flamenco.domain.job_waits import Kind
from flamenco.domain.model import AuthoredJob
from flamenco.domain.statuses import JobStatus

_NOT_FOUND = 404


@click.command()
@click.argument("job_type", metavar="JOBTYPE")
@click.option("--name", required=True, help="What people will call the job.")
@set_option
@settings_file_option
@metadata_option
@priority_option
@time_limit_options
@click.option("--tag", metavar="TAG", help="Run it only on workers with this tag, given by its name or ID.")
@click.option("--after", "others", multiple=True, metavar="JOB", help="Start it once this job is done; repeatable.")
@click.option("--frame-by-frame", is_flag=True, help="With --after: each task once its own frames are done there.")
@worker_options
@start_after_options
@frame_options
@retry_options
@click.option("--paused", is_flag=True, help="Have it wait until somebody resumes it: `flamenco resume`.")
@click.option("--dry-run", is_flag=True, help="Submit nothing, and show the tasks that the job would have.")
@click.option("--wait", is_flag=True, help="Wait until the job has ended; exit code 1 unless it completed.")
@manager_option
@json_option
def submit(
    job_type: str,
    name: str,
    settings: tuple[str, ...],
    settings_file: io.BufferedReader | None,
    metadata: tuple[str, ...],
    priority: int,
    tag: str | None,
    others: tuple[str, ...],
    time_limits: dict[str, dict[str, str]],
    allowed: tuple[str, ...],
    denied: tuple[str, ...],
    start: str,
    reason: str,
    order: str,
    preview: Preview | None,
    fail_percent: int | None,
    tries: int | None,
    manager_url: str,
    *,
    frame_by_frame: bool,
    paused: bool,
    dry_run: bool,
    wait: bool,
    as_json: bool,
) -> None:
    """Submit a job of type JOBTYPE, and print its ID. Values are read as the job type declares them.

    With --wait, the exit code is 0 when the job completed and 1 when it failed, or was canceled or paused. Ctrl-C ends
    the waiting with exit code 130, and leaves the job alone.

    With --after, it waits for other jobs, each named by its ID, the beginning of one, or its name.

    \b
    Example:
      flamenco submit simple-blender-render --name "Shot 12" --wait \\
        --set blendfile=/shared/shot12.blend --set frames=1-250 \\
        --set render_output_path=/shared/shot12/###### --set format=PNG \\
        --set image_file_extension=.png --set chunk_size=5 --set fps=24
      flamenco submit simple-blender-render --name "Shot 13" --settings shot13.yaml --tag gpu --dry-run
      flamenco submit simple-blender-render --name "Light 12" --settings light12.yaml --after "Sim 12" --frame-by-frame
      flamenco submit echo-sleep-test --name "Try" --max-run-time 5m --max-silence misc=1m
      flamenco submit echo-sleep-test --name "Here" --allow render-01 --allow tag:gpu
      flamenco submit echo-sleep-test --name "Brave" --fail-percent 50 --tries 5
      flamenco submit echo-sleep-test --name "Tonight" --start-after "tonight 18:00" --reason "license server is down"
      flamenco submit simple-blender-render --name "Shot 14" --settings shot14.yaml --preview first,middle,last
    """
    if frame_by_frame and not others:
        raise click.UsageError("--frame-by-frame is for a job that waits for another; name that with --after JOB.")
    if wait and (paused or dry_run):
        raise click.UsageError("--wait is for a job that runs; leave it out.")
    with ManagerClient(manager_url) as client:
        declared = _find(client.job_types(), job_type)
        request = JobRequest(
            name=name,
            type=job_type,
            priority=priority,
            settings=settings_of_file(settings_file)
            | read_settings(settings, {setting.key: setting.type for setting in declared.settings}),
            metadata=dict(pairs(metadata, "--metadata")),
            worker_tag=find_tags(client, [tag])[0].id if tag else "",
            initial_status=JobStatus.PAUSED if paused else JobStatus.QUEUED,
            depends_on=tuple(
                DependsOn(job=other.id, kind=Kind.FRAMES if frame_by_frame else Kind.ALL)
                for other in find_jobs(client, others)
            ),
            time_limits=time_limits,
            start_after=start,
            start_after_reason=reason,
            order=order,
            preview=preview,
            workers_allowed=allowed,
            workers_denied=denied,
            fail_percent=fail_percent,
            tries=tries,
        )
        if dry_run:
            _show(client.compile_job(request, _warn), as_json=as_json)
            return
        job = client.submit_job(request, _warn)
        if not (as_json and wait):
            click.echo(msgspec.json.encode(job) if as_json else job.id)
        if wait:
            _report(_wait(client, job.id, name), as_json=as_json)


def _warn(warning: str) -> None:
    click.echo(f"flamenco: {warning}", err=True)


def _show(job: AuthoredJob, *, as_json: bool) -> None:
    if as_json:
        print_json(job)
    else:
        print_outline(job, everything=False)


def _find(job_types: Iterable[JobType], name: str) -> JobType:
    by_name = {known.name: known for known in job_types}
    if name in by_name:
        return by_name[name]
    near = get_close_matches(name, by_name, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(by_name) or 'none'}."
    raise Refused(f"there is no job type {name!r}; {hint}")


def _wait(client: ManagerClient, job_id: str, name: str) -> ShownJob:
    try:
        with job_progress(client) as show:
            job = wait_for_job(client, job_id, show)
            return patiently(lambda: shown(client, job))
    except KeyboardInterrupt:
        click.echo(f"Not waiting any more; the job goes on. `flamenco cancel {job_id}` stops it.", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except ManagerError as error:
        if error.status == _NOT_FOUND:
            raise NotFound(f"job {name!r} was deleted, so it will not complete.") from error
        raise


def _report(job: ShownJob, *, as_json: bool) -> None:
    if as_json:
        print_json(job)
    if job.status is not JobStatus.COMPLETED:
        raise Failed(f"job {job.name!r} is {job.status}: {job.activity}")
    if not as_json:
        click.echo("completed")
