"""`flamenco limits`: how many tasks may run at once under each limit, how many do, and who waits."""

from __future__ import annotations

from typing import Final

import click
from rich.text import Text

from flamenco.cli.options import json_option, manager_option
from flamenco.cli.output import print_json, print_table
from flamenco.client import LimitState, ManagerClient

TITLES: Final = ("Limit", "In use", "Of", "Waiting", "First in line")


@click.command()
@manager_option
@json_option
def limits(manager_url: str, *, as_json: bool) -> None:
    """List the limits on tasks that policies set for the whole farm, such as those of licences.

    \b
    Example:
      flamenco limits
      flamenco limits --json | jq -r '.[] | select(.in_use >= .capacity).name'
    """
    with ManagerClient(manager_url) as client:
        found = client.limits()
    if as_json:
        print_json(found)
    elif not found:
        click.echo("No policy has put a limit on tasks of the farm yet.")
    else:
        print_table(TITLES, map(limit_row, found))


def limit_row(limit: LimitState) -> tuple[str | Text, ...]:
    """A limit as a row of the list."""
    more = [f"and {limit.waiting_jobs - len(limit.first)} more"] if limit.waiting_jobs > len(limit.first) else []
    waiting = ", ".join([*(f"{job.name} ({job.tasks})" for job in limit.first), *more])
    is_full = limit.in_use >= limit.capacity
    in_use = Text(f"{limit.in_use}{' (full)' if is_full else ''}", style="yellow" if is_full else "")
    return limit.name, in_use, str(limit.capacity), str(limit.waiting), waiting
