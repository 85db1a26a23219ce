"""`flamenco workers tasks`: what a worker was given last, and what came of it."""

from __future__ import annotations

from typing import Final

import click
from rich.text import Text

from flamenco.cli.options import json_option, manager_option
from flamenco.cli.output import print_json, print_table, styled
from flamenco.cli.references import find_workers
from flamenco.client import GivenTask, ManagerClient
from flamenco.domain.durations import in_words
from flamenco.domain.failures import in_short

TITLES: Final = ("Given", "Took", "Outcome", "Job", "#", "Task", "Why")
_MOST: Final = 100


@click.command("tasks")
@click.argument("reference", metavar="WORKER")
@click.option("--limit", type=click.IntRange(1, _MOST), default=20, show_default=True, metavar="N", help="At most N.")
@manager_option
@json_option
def worker_tasks(reference: str, limit: int, manager_url: str, *, as_json: bool) -> None:
    """List the tasks that a WORKER was given last, the newest first, and what came of them.

    A task that another worker was given since is left out; `flamenco attempts JOB` has all.

    \b
    Example:
      flamenco workers tasks render-07
    """
    with ManagerClient(manager_url) as client:
        found = client.attempts.of_worker(find_workers(client, [reference])[0].id, limit)
    if as_json:
        print_json(found)
    elif not found:
        click.echo("It was given nothing yet; `flamenco explain JOB --worker WORKER` says why.")
    else:
        print_table(TITLES, map(task_row, found))


def task_row(given: GivenTask) -> tuple[str | Text, ...]:
    """A task as a row of the list."""
    return (
        given.given.isoformat(" ", "seconds"),
        "" if given.seconds is None else in_words(given.seconds),
        styled(given.outcome or ""),
        given.job.name,
        str(given.task.index),
        given.task.name,
        in_short(given.reason),
    )
