"""`flamenco attempts`: who was given the tasks of a job, when, and what came of it."""

from __future__ import annotations

from itertools import islice
from typing import Final

import click
from rich.text import Text

from flamenco.cli.options import json_option, manager_option
from flamenco.cli.output import print_json, print_table, styled
from flamenco.cli.references import find_job, find_tasks
from flamenco.client import Attempt, ManagerClient, TaskSummary
from flamenco.domain.durations import in_words
from flamenco.domain.failures import in_short

TITLES: Final = ("#", "No.", "Outcome", "Started", "Took", "Steps", "Worker", "Task", "Why")


@click.command()
@click.argument("where", metavar="JOB [TASK]", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, metavar="N", help="At most N.")
@manager_option
@json_option
def attempts(where: tuple[str, ...], limit: int, manager_url: str, *, as_json: bool) -> None:
    """List who was given the tasks of a JOB, when, and what came of it; of one TASK by its number or its name.

    \b
    Example:
      flamenco attempts "Shot 12"
      flamenco attempts 6d0e2b4a 3 --json | jq -r '.[].worker.name'
    """
    if len(where) > 2:
        raise click.UsageError("That is more than a job and a task; put names with spaces in quotes.")
    with ManagerClient(manager_url) as client:
        job = find_job(client, where[0])
        if len(where) == 2:
            task = find_tasks(client, where[1:], job)[0]
            found = list(client.attempts.of_task(task.id))[-limit:]
            names = (str(task.index_in_job) if isinstance(task, TaskSummary) else "", task.name)
        else:
            found, names = list(islice(client.attempts.of_job(job.id), limit)), ("", "")
    if as_json:
        print_json(found)
    elif not found:
        click.echo("No worker was given any of it yet; `flamenco explain` says why.")
    else:
        print_table(TITLES, (attempt_row(each, *names) for each in found))


def attempt_row(attempt: Attempt, number: str, name: str) -> tuple[str | Text, ...]:
    """An attempt as a row of the list: number and name are the task's, where it does not say them itself."""
    return (
        str(attempt.task.index) if attempt.task else number,
        str(attempt.number),
        styled(attempt.outcome),
        attempt.started.isoformat(" ", "seconds"),
        in_words(attempt.seconds),
        str(attempt.steps),
        attempt.worker.name or attempt.worker.id,
        attempt.task.name if attempt.task else name,
        in_short(attempt.reason),
    )
