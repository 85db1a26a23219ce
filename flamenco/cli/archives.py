"""`flamenco archive`, `archives` and `unarchive`: jobs in files, out of the way."""

from __future__ import annotations

from functools import partial
from pathlib import PurePath

import click

from flamenco.cli.acting import Doing, act_on_matching, act_on_named, simply
from flamenco.cli.choosing import Chosen, choosing_jobs
from flamenco.cli.options import json_option, manager_option
from flamenco.cli.output import print_json, print_line, print_table
from flamenco.cli.references import find_jobs
from flamenco.client import JobArchive, ManagerClient
from flamenco.domain.actions import JobAction


@click.command()
@click.argument("references", metavar="JOB...", nargs=-1)
@choosing_jobs
@manager_option
@json_option
def archive(references: tuple[str, ...], chosen: Chosen, manager_url: str, *, as_json: bool) -> None:
    """Put jobs that have ended into a file each, with tasks, attempts and logs, and delete them then.

    JOB is an ID, the beginning of one, or a name. The files are in the manager's folder of archives; what jobs have in
    the Shaman storage is not in them. `flamenco unarchive` has a job back.

    \b
    Example:
      flamenco archive "Shot 13"
      flamenco archive --all-matching --status completed --project "Film 12" --dry-run
    """
    chosen.check(references, "Which job? `flamenco jobs` lists them.")
    doing = Doing(things="jobs", action=JobAction.ARCHIVE)
    with ManagerClient(manager_url) as client:
        if chosen.all_matching:
            act_on_matching(client, doing, chosen, as_json=as_json)
        else:
            tell = partial(simply, "is being put into an archive")
            act_on_named(client, doing, find_jobs(client, references), tell, chosen, as_json=as_json)


@click.command()
@manager_option
@json_option
def archives(manager_url: str, *, as_json: bool) -> None:
    """List the archives that the manager has, the newest first. For those with the role wrangler or admin.

    \b
    Example:
      flamenco archives --json | jq -r '.[].file'
    """
    with ManagerClient(manager_url) as client:
        found = client.archives.all()
    if as_json:
        print_json(found)
    elif not found:
        click.echo("There are no archives; `flamenco archive JOB` makes one.")
    else:
        print_table(("Name", "User", "Tasks", "Archived", "File"), map(_row, found))


def _row(found: JobArchive) -> tuple[str, str, str, str, str]:
    archived = found.archived.astimezone().isoformat(" ", "minutes")[:16]
    return found.name, found.user, str(found.tasks), archived, found.file


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@manager_option
@json_option
def unarchive(files: tuple[str, ...], manager_url: str, *, as_json: bool) -> None:
    """Have jobs back from their archives, as they were. For those with the role wrangler or admin.

    FILE is in the manager's folder of archives, as `flamenco archives` lists it; one from elsewhere is put there first.

    \b
    Example:
      flamenco unarchive Shot-13_6d0e2b4a-0b0e-4c43-9c3f-1d3fb0c5a001.flamenco-job.zip
    """
    with ManagerClient(manager_url) as client:
        found = []
        for file in files:
            job = client.archives.unpack(PurePath(file).name)
            found.append(job)
            if not as_json:
                print_line(f"{job.name}: is back")
    if as_json:
        print_json(found)
