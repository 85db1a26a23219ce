"""`flamenco trash` and `flamenco undelete`: having jobs back that were deleted, or not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

import click

from flamenco.cli.acting import Doing, act_on_matching, act_on_named, simply
from flamenco.cli.choosing import Chosen, choosing_jobs
from flamenco.cli.list_options import limit_option, search_option, tell_of_more
from flamenco.cli.options import ListingGroup, confirm, json_option, manager_option, yes_option
from flamenco.cli.output import age, print_json, print_table, short_ids, styled
from flamenco.cli.references import resolve
from flamenco.client import ManagerClient, TrashedJob
from flamenco.domain.actions import JobAction


@click.group(cls=ListingGroup)
def trash() -> None:
    """List the jobs that were deleted and can be had back, and delete them for good.

    `flamenco undelete` takes them out. After a while, as the setting trash.keep says, they go by themselves.

    \b
    Example:
      flamenco trash
      flamenco trash empty "Shot 12"
    """


@trash.command("list")
@search_option("their name, user, project, type or batch")
@click.option("--user", "users", multiple=True, metavar="USER", help="Only jobs of this user; repeatable.")
@limit_option(100)
@manager_option
@json_option
def list_trash(text: str, users: tuple[str, ...], limit: int, manager_url: str, *, as_json: bool) -> None:
    """List them, those first that were deleted last. Without a command, that is what is done.

    \b
    Example:
      flamenco trash --user anna
      flamenco trash --json | jq -r '.[].id'
    """
    with ManagerClient(manager_url) as client:
        found = client.lists.trash(limit, {"q": text, "user": users})
    if as_json:
        print_json(found.entries)
    elif found.entries:
        _print(found.entries)
        tell_of_more(len(found.entries), found.total)
    else:
        click.echo("Nothing in the trash is like that." if text or users else "The trash is empty.")


def _print(found: Sequence[TrashedJob]) -> None:
    short, now = short_ids([job.id for job in found]), datetime.now(UTC)
    rows = (
        (
            short[job.id],
            job.name,
            styled(job.status),
            job.user,
            age(job.deleted, now),
            job.goes.astimezone().isoformat(" ", "minutes")[:16],
        )
        for job in found
    )
    print_table(("ID", "Name", "Status", "User", "Deleted", "Goes"), rows)


@click.command()
@click.argument("references", metavar="JOB...", nargs=-1)
@choosing_jobs
@manager_option
@json_option
def undelete(references: tuple[str, ...], chosen: Chosen, manager_url: str, *, as_json: bool) -> None:
    """Have jobs back that were deleted, with all that belongs to them, as they were; what waited goes on.

    JOB is an ID, the beginning of one, or a name; `flamenco trash` lists them. What ran when a job was deleted is run
    again.

    \b
    Example:
      flamenco undelete "Shot 13"
      flamenco undelete --all-matching --user anna
    """
    chosen.check(references, "Which job? `flamenco trash` lists them.")
    doing = Doing(things="jobs", action=JobAction.UNDELETE)
    with ManagerClient(manager_url) as client:
        if chosen.all_matching:
            act_on_matching(client, doing, chosen, as_json=as_json)
        else:
            act_on_named(client, doing, _find(client, references), partial(simply, "is back"), chosen, as_json=as_json)


@trash.command()
@click.argument("references", metavar="JOB...", nargs=-1)
@choosing_jobs
@yes_option
@manager_option
@json_option
def empty(references: tuple[str, ...], chosen: Chosen, manager_url: str, *, sure: bool, as_json: bool) -> None:
    """Delete jobs in the trash for good, and not only when their time is over. Says first which, and asks.

    JOB is an ID, the beginning of one, or a name. What they rendered stays where it is.

    \b
    Example:
      flamenco trash empty "Shot 13"
      flamenco trash empty --all-matching --project "Film 12" --yes
    """
    chosen.check(references, "Which job? `flamenco trash` lists them.")
    doing = Doing(things="jobs", action=JobAction.PURGE)
    with ManagerClient(manager_url) as client:
        if chosen.all_matching:
            act_on_matching(client, doing, chosen, as_json=as_json, sure=sure)
            return
        found = _find(client, references)
        if not chosen.dry_run:
            which = "this job" if len(found) == 1 else f"these {len(found)} jobs"
            what = "\n".join(f"{job.id}  {job.name} ({job.status})" for job in found)
            confirm(what, f"Delete {which} for good?", sure=sure)
        act_on_named(client, doing, found, partial(simply, "is being deleted"), chosen, as_json=as_json)


def _find(client: ManagerClient, references: Sequence[str]) -> list[TrashedJob]:
    """The jobs in the trash that are meant, each once, in that order."""
    known = client.lists.trash(None, {}).entries
    found = [resolve(text, known, "job in the trash", "flamenco trash") for text in references]
    return list({job.id: job for job in found}.values())
