"""`flamenco retention`: what becomes of jobs that ended long ago."""

from __future__ import annotations

import click

from flamenco.cli.list_options import tell_of_more
from flamenco.cli.options import json_option, manager_option
from flamenco.cli.output import print_json, print_table, short_ids, styled
from flamenco.client import ManagerClient, RetentionLook

_NONE = "There are no rules; the setting retention has them, and --try shows what one would do."


@click.command()
@click.option(
    "--try", "rules", multiple=True, metavar="RULE", help="Rules in place of the configured ones, in their order."
)
@click.option("--days", type=click.IntRange(0, 36_500), default=0, metavar="N", help="What will be due in N days.")
@manager_option
@json_option
def retention(rules: tuple[str, ...], days: int, manager_url: str, *, as_json: bool) -> None:
    """Show what the rules of the setting retention do with jobs that ended long ago; nothing is done.

    RULE is STATUS:AFTER:DO or STATUS:AFTER:DO:PROJECT, where DO is archive, trash or keep. For those with the role
    wrangler or admin.

    \b
    Example:
      flamenco retention --days 7
      flamenco retention --try "completed:720h:keep:Film 12" --try completed:720h:archive
    """
    with ManagerClient(manager_url) as client:
        found = client.retention.look(rules, days)
    if as_json:
        print_json(found)
    elif not found.rules:
        click.echo(_NONE)
    elif not found.jobs:
        click.echo("Nothing is to be done with any job.")
    else:
        _print(found)


def _print(found: RetentionLook) -> None:
    short = short_ids([job.id for job in found.jobs])
    rows = (
        (
            short[job.id],
            job.name,
            styled(job.status),
            job.project,
            job.updated.astimezone().isoformat(" ", "minutes")[:16],
            job.do,
        )
        for job in found.jobs
    )
    print_table(("ID", "Name", "Status", "Project", "Changed", "Do"), rows)
    tell_of_more(len(found.jobs), found.total)
