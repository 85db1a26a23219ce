"""`flamenco tags`: which workers get which jobs."""

from __future__ import annotations

import click

from flamenco.cli.options import ListingGroup, confirm, json_option, manager_option, yes_option
from flamenco.cli.output import print_json, print_line, print_table, short_ids
from flamenco.cli.references import find_jobs, find_tags, find_workers
from flamenco.client import Job, ListedWorker, ManagerClient, Tag

_tag = click.argument("reference", metavar="TAG")
_workers = click.option(
    "--worker", "worker_references", multiple=True, metavar="WORKER", help="A worker, by name or ID; repeatable."
)
_jobs = click.option("--job", "job_references", multiple=True, metavar="JOB", help="A job, by name or ID; repeatable.")


@click.group(cls=ListingGroup)
def tags() -> None:
    """List worker tags, make and change them, and give them to workers and jobs.

    A job with a tag is only given to workers that have it; one without is given to all. TAG is a name or an ID.

    \b
    Example:
      flamenco tags create gpu --description "has a GPU that is worth it"
      flamenco tags assign gpu --worker render-07 --job "Shot 12"
    """


@tags.command("list")
@manager_option
@json_option
def list_tags(manager_url: str, *, as_json: bool) -> None:
    """List the tags. Without a command, that is what is done.

    \b
    Example:
      flamenco tags --json | jq -r '.[].name'
    """
    with ManagerClient(manager_url) as client:
        found = client.tags.all()
    if as_json:
        print_json(found)
    elif not found:
        click.echo("There are no tags yet; make one with `flamenco tags create`.")
    else:
        short = short_ids([tag.id for tag in found])
        print_table(("ID", "Name", "Description"), ((short[tag.id], tag.name, tag.description) for tag in found))


@tags.command()
@click.argument("name", metavar="NAME")
@click.option("--description", default="", metavar="TEXT", help="What it is for.")
@manager_option
@json_option
def create(name: str, description: str, manager_url: str, *, as_json: bool) -> None:
    """Make a tag.

    \b
    Example:
      flamenco tags create gpu --description "has a GPU that is worth it"
    """
    with ManagerClient(manager_url) as client:
        made = client.tags.create(name, description)
    _print_done(made, "created", as_json=as_json)


@tags.command()
@_tag
@click.argument("name", metavar="NAME")
@click.option("--description", metavar="TEXT", help="What it is for, from now on.")
@manager_option
@json_option
def rename(reference: str, name: str, description: str | None, manager_url: str, *, as_json: bool) -> None:
    """Call a tag NAME from now on.

    \b
    Example:
      flamenco tags rename gpu big-gpu
    """
    with ManagerClient(manager_url) as client:
        found = find_tags(client, [reference])[0]
        client.tags.change(found.id, name, description)
    kept = found.description if description is None else description
    _print_done(Tag(id=found.id, name=name, description=kept), "renamed", as_json=as_json)


@tags.command()
@click.argument("references", metavar="TAG...", nargs=-1, required=True)
@yes_option
@manager_option
@json_option
def delete(references: tuple[str, ...], manager_url: str, *, sure: bool, as_json: bool) -> None:
    """Delete tags. Workers lose them, and the jobs that needed them are given to all workers.

    \b
    Example:
      flamenco tags delete gpu
    """
    with ManagerClient(manager_url) as client:
        found = find_tags(client, references)
        needed = {tag.id: [job for job in client.jobs.all() if job.worker_tag == tag.id] for tag in found}
        what = "\n".join(f"{tag.id}  {tag.name} ({len(needed[tag.id])} jobs would be given to all)" for tag in found)
        confirm(what, f"Delete {'this tag' if len(found) == 1 else f'these {len(found)} tags'}?", sure=sure)
        for tag in found:
            client.tags.delete(tag.id)
            if not as_json:
                print_line(f"{tag.name}: deleted")
    if as_json:
        print_json(found)


@tags.command()
@_tag
@_workers
@_jobs
@manager_option
@json_option
def assign(
    reference: str,
    worker_references: tuple[str, ...],
    job_references: tuple[str, ...],
    manager_url: str,
    *,
    as_json: bool,
) -> None:
    """Give a tag to workers, beside those that they have, and to jobs, in place of the one that they have.

    \b
    Example:
      flamenco tags assign gpu --worker render-07 --worker render-08 --job "Shot 12"
    """
    with ManagerClient(manager_url) as client:
        tag, workers, jobs = _meant(client, reference, worker_references, job_references)
        for worker in workers:
            client.workers.set_tags(worker.id, sorted({*_tag_ids(client, worker), tag.id}))
        for job in jobs:
            client.jobs.set_tag(job.id, tag.id)
    _print_assigned(tag, workers, jobs, "has", as_json=as_json)


@tags.command()
@_tag
@_workers
@_jobs
@manager_option
@json_option
def unassign(
    reference: str,
    worker_references: tuple[str, ...],
    job_references: tuple[str, ...],
    manager_url: str,
    *,
    as_json: bool,
) -> None:
    """Take a tag from workers and jobs; those that do not have it stay as they are.

    \b
    Example:
      flamenco tags unassign gpu --job "Shot 12"
    """
    with ManagerClient(manager_url) as client:
        tag, workers, jobs = _meant(client, reference, worker_references, job_references)
        for worker in workers:
            client.workers.set_tags(worker.id, sorted({*_tag_ids(client, worker)} - {tag.id}))
        for job in jobs:
            if job.worker_tag == tag.id:
                client.jobs.set_tag(job.id, None)
    _print_assigned(tag, workers, jobs, "no longer has", as_json=as_json)


def _meant(
    client: ManagerClient, reference: str, worker_references: tuple[str, ...], job_references: tuple[str, ...]
) -> tuple[Tag, list[ListedWorker], list[Job]]:
    """Everything that is meant, before anything is done. Raises `click.UsageError` when it is nothing."""
    if not worker_references and not job_references:
        raise click.UsageError("To whom? Name workers with --worker and jobs with --job.")
    tag = find_tags(client, [reference])[0]
    return tag, find_workers(client, worker_references), find_jobs(client, job_references)


def _tag_ids(client: ManagerClient, worker: ListedWorker) -> list[str]:
    return [tag.id for tag in client.workers.get(worker.id).tags]


def _print_done(tag: Tag, done: str, *, as_json: bool) -> None:
    if as_json:
        print_json(tag)
    else:
        print_line(f"{tag.name}: {done}")


def _print_assigned(tag: Tag, workers: list[ListedWorker], jobs: list[Job], has: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"tag": tag, "workers": [worker.id for worker in workers], "jobs": [job.id for job in jobs]})
        return
    for name in (*(worker.name for worker in workers), *(job.name for job in jobs)):
        print_line(f"{name}: {has} the tag {tag.name}")
