"""`flamenco depend`: which jobs a job waits for."""

from __future__ import annotations

from typing import NamedTuple

import click

from flamenco.cli.options import json_option, manager_option
from flamenco.cli.output import print_json, print_line, print_table
from flamenco.cli.references import find_job, is_whole_id, resolve
from flamenco.client import Dependencies, DependsOn, Job, ManagerClient
from flamenco.domain.job_waits import Kind, When

_job = click.argument("reference", metavar="JOB")
_on = click.option("--on", "other_reference", metavar="OTHER", required=True, help="The job that it waits for.")


@click.group()
def depend() -> None:
    """See and change which jobs a job waits for.

    JOB and OTHER are each an ID, the beginning of one, or a name. `flamenco submit --after OTHER` has a new job wait.

    \b
    Example:
      flamenco depend add "Light 12" --on "Sim 12" --frame-by-frame
      flamenco depend list "Light 12"
    """


@depend.command("list")
@_job
@manager_option
@json_option
def list_dependencies(reference: str, manager_url: str, *, as_json: bool) -> None:
    """List what a job waits for, or has waited for, and the jobs that wait for it.

    \b
    Example:
      flamenco depend list "Light 12" --json | jq -r '.waits_for[].reason'
    """
    with ManagerClient(manager_url) as client:
        job = find_job(client, reference)
        found = client.job_waits.of_job(job.id)
    if as_json:
        print_json(found)
    else:
        _print(job, found)


def _print(job: Job, found: Dependencies) -> None:
    if not found.waits_for:
        print_line(f"{job.name} waits for no other job.")
    else:
        rows = [(each.job, each.state, each.kind, each.reason) for each in found.waits_for]
        print_table(("waits for", "state", "kind", "which means"), rows)
    if found.waited_for_by:
        rows = [(each.job, each.state, each.kind, each.name) for each in found.waited_for_by]
        print_table(("is waited for by", "state", "kind", "name"), rows)


@depend.command()
@_job
@_on
@click.option("--frame-by-frame", is_flag=True, help="Each task waits for those of OTHER that have its frames.")
@click.option("--when-ended", is_flag=True, help="Until OTHER has ended in whichever way, not only completed.")
@click.option(
    "--offset", type=(int, int), default=(0, 0), metavar="FROM TO", help="Frame n waits for n+FROM to n+TO of OTHER."
)
@manager_option
@json_option
def add(
    reference: str,
    other_reference: str,
    offset: tuple[int, int],
    manager_url: str,
    *,
    frame_by_frame: bool,
    when_ended: bool,
    as_json: bool,
) -> None:
    """Have a job wait for OTHER from now on. What of it is being run goes on.

    \b
    Example:
      flamenco depend add "Light 12" --on "Sim 12" --frame-by-frame --offset -1 0
    """
    if offset != (0, 0) and not frame_by_frame:
        raise click.UsageError("--offset is between frames; say --frame-by-frame as well.")
    with ManagerClient(manager_url) as client:
        job, other = find_job(client, reference), find_job(client, other_reference)
        asked = DependsOn(
            job=other.id,
            kind=Kind.FRAMES if frame_by_frame else Kind.ALL,
            when=When.ENDED if when_ended else When.COMPLETED,
            offset=list(offset),
        )
        added = client.job_waits.add(job.id, asked)
    if as_json:
        print_json(added)
    else:
        print_line(added.reason)


@depend.command()
@_job
@_on
@manager_option
@json_option
def drop(reference: str, other_reference: str, manager_url: str, *, as_json: bool) -> None:
    """Have a job not wait for OTHER, as if nobody had asked for it.

    \b
    Example:
      flamenco depend drop "Light 12" --on "Sim 12"
    """
    with ManagerClient(manager_url) as client:
        job = find_job(client, reference)
        client.job_waits.drop(job.id, _other(client, job, other_reference))
        _print_left(client, job, as_json=as_json)


@depend.command()
@_job
@_on
@manager_option
@json_option
def satisfy(reference: str, other_reference: str, manager_url: str, *, as_json: bool) -> None:
    """Have what a job waits for of OTHER count as done, whatever becomes of that.

    \b
    Example:
      flamenco depend satisfy "Light 12" --on "Sim 12"
    """
    with ManagerClient(manager_url) as client:
        job = find_job(client, reference)
        client.job_waits.satisfy(job.id, _other(client, job, other_reference))
        _print_left(client, job, as_json=as_json)


class _Waited(NamedTuple):
    """A job that is waited for, as `resolve` takes it."""

    id: str
    name: str


def _other(client: ManagerClient, job: Job, reference: str) -> str:
    """The ID of what the job waits for; it may be deleted."""
    if is_whole_id(reference):
        return reference.lower()
    waited = [_Waited(each.job, each.name) for each in client.job_waits.of_job(job.id).waits_for]
    return resolve(reference, waited, "job that it waits for", f"flamenco depend list {job.id}").id


def _print_left(client: ManagerClient, job: Job, *, as_json: bool) -> None:
    found = client.job_waits.of_job(job.id)
    if as_json:
        print_json(found)
    else:
        _print(job, found)
