"""`flamenco limits`: how many tasks may run at once under each limit, how many do, and who waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click
from rich.text import Text

from flamenco.cli.options import ListingGroup, json_option, manager_option
from flamenco.cli.output import print_json, print_line, print_table
from flamenco.client import LimitState, ManagerClient
from flamenco.domain.people_limits import MOST

TITLES: Final = ("Limit", "In use", "Of", "Waiting", "First in line")

_name = click.argument("name", metavar="NAME")


@click.group(cls=ListingGroup)
def limits() -> None:
    """Show how many tasks run at once under each limit, and set limits while the farm runs.

    NAME is user:ann, project:"Film 12", machine:render-07 by the name of a worker there or by its address, machine:*
    for each machine, or the name of a limit that a policy gives, such as that of a licence.

    \b
    Example:
      flamenco limits
      flamenco limits set user:ann 4
      flamenco limits set "machine:*" 1
    """


@limits.command("list")
@manager_option
@json_option
def list_limits(manager_url: str, *, as_json: bool) -> None:
    """List the limits on tasks of the farm, of policies and of people. Without a command, that is what is done.

    \b
    Example:
      flamenco limits
      flamenco limits --json | jq -r '.[] | select(.in_use >= .capacity).name'
    """
    with ManagerClient(manager_url) as client:
        _print(client.limits(), as_json=as_json)


@limits.command("set")
@_name
@click.argument("capacity", metavar="N", type=click.IntRange(0, MOST))
@manager_option
@json_option
def set_limit(name: str, capacity: int, manager_url: str, *, as_json: bool) -> None:
    """Let no more than N tasks run at once under a limit, from now on. What runs already goes on, and counts.

    \b
    Example:
      flamenco limits set user:ann 4
      flamenco limits set project:"Film 12" 20
      flamenco limits set machine:render-07 2
    """
    with ManagerClient(manager_url) as client:
        _print(client.set_limit(name, capacity), as_json=as_json)


@limits.command("unset")
@_name
@manager_option
@json_option
def unset_limit(name: str, manager_url: str, *, as_json: bool) -> None:
    """Take a limit away that somebody has set. One that a policy gives has the capacity again that the policy says.

    \b
    Example:
      flamenco limits unset user:ann
    """
    with ManagerClient(manager_url) as client:
        _print(client.set_limit(name, None), as_json=as_json)


def _print(found: Sequence[LimitState], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    elif not found:
        print_line("No policy has put a limit on tasks of the farm yet, and nobody has set one.")
    else:
        print_table(TITLES, map(limit_row, found))


def limit_row(limit: LimitState) -> tuple[str | Text, ...]:
    """A limit as a row of the list."""
    more = [f"and {limit.waiting_jobs - len(limit.first)} more"] if limit.waiting_jobs > len(limit.first) else []
    waiting = ", ".join([*(f"{job.name} ({job.tasks})" for job in limit.first), *more])
    is_full = limit.in_use >= limit.capacity
    in_use = Text(f"{limit.in_use}{' (full)' if is_full else ''}", style="yellow" if is_full else "")
    of = f"{limit.capacity}{' on each machine' if limit.per_machine else ''}"
    return limit.name, in_use, of, str(limit.waiting), waiting
