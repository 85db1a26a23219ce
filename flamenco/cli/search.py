"""`flamenco search`: finding things of all kinds by a part of their names."""

from __future__ import annotations

from collections.abc import Iterator

import click

from flamenco.cli.options import json_option, manager_option
from flamenco.cli.output import SHORT_ID, print_json, print_table
from flamenco.client import Findings, ManagerClient


@click.command()
@click.argument("text", metavar="TEXT")
@click.option("--limit", type=click.IntRange(1, 20), default=5, show_default=True, help="At most N of each kind.")
@manager_option
@json_option
def search(text: str, limit: int, manager_url: str, *, as_json: bool) -> None:
    """Find jobs, workers, tags, users, projects and batches by TEXT in their names; jobs and workers by their IDs too.

    \b
    Example:
      flamenco search "shot 12"
    """
    with ManagerClient(manager_url) as client:
        found = client.lists.search(text, limit)
    rows = list(_rows(found))
    if as_json:
        print_json(found)
    elif rows:
        print_table(("Kind", "ID", "Status", "Name"), rows)
    else:
        click.echo("Nothing is called like that.")


def _rows(found: Findings) -> Iterator[tuple[str, str, str, str]]:
    for job in found.jobs:
        yield "job", job.id[:SHORT_ID], job.status, job.name
    for worker in found.workers:
        yield "worker", worker.id[:SHORT_ID], worker.status, worker.name
    for tag in found.tags:
        yield "tag", tag.id[:SHORT_ID], "", tag.name
    for kind, names in (("user", found.users), ("project", found.projects), ("batch", found.batches)):
        for name in names:
            yield kind, "", "", name
