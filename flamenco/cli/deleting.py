"""`flamenco delete`: jobs that nobody needs any more."""

from __future__ import annotations

import click

from flamenco.cli.options import confirm, json_option, manager_option, yes_option
from flamenco.cli.output import print_json, print_line
from flamenco.cli.references import find_jobs
from flamenco.client import Job, JobDeletion, ManagerClient


@click.command()
@click.argument("references", metavar="JOB...", nargs=-1, required=True)
@yes_option
@manager_option
@json_option
def delete(references: tuple[str, ...], manager_url: str, *, sure: bool, as_json: bool) -> None:
    """Delete jobs with their tasks, logs and previews; what they rendered stays where it is.

    JOB is an ID, the beginning of one, or a name. What runs is stopped. Says first what would go, and asks.

    \b
    Example:
      flamenco delete 6d0e2b4a "Shot 13"
      flamenco delete --yes $(flamenco jobs --status canceled --json | jq -r '.[].id')
    """
    with ManagerClient(manager_url) as client:
        found = [(job, client.jobs.deletion(job.id)) for job in find_jobs(client, references)]
        what = "\n".join(in_words(job, deletion) for job, deletion in found)
        confirm(what, f"Delete {'this job' if len(found) == 1 else f'these {len(found)} jobs'}?", sure=sure)
        for job, _ in found:
            client.jobs.delete(job.id)
            if not as_json:
                print_line(f"{job.name}: is being deleted")
    if as_json:
        print_json([{"id": job.id, "name": job.name, "shaman_checkout": gone.shaman_checkout} for job, gone in found])


def in_words(job: Job, deletion: JobDeletion) -> str:
    """What would go, in a line."""
    checkout = ", and its files in the Shaman checkout" if deletion.shaman_checkout else ""
    return f"{job.id}  {job.name} ({job.status}): the job, its tasks and logs{checkout}"
