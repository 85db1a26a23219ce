"""`flamenco tasks`: the tasks of a job."""

from __future__ import annotations

import click
from rich.text import Text

from flamenco.cli.options import json_option, manager_option, status_option
from flamenco.cli.output import print_json, print_table, styled
from flamenco.cli.references import find_job
from flamenco.client import ManagerClient, TaskSummary
from flamenco.domain.statuses import TaskStatus


@click.command()
@click.argument("reference", metavar="JOB")
@status_option(TaskStatus)
@manager_option
@json_option
def tasks(reference: str, statuses: frozenset[TaskStatus], manager_url: str, *, as_json: bool) -> None:
    """List the tasks of a job. JOB is its ID, the beginning of that, or its name.

    Where other commands ask for a TASK, they take its number or its name from this list.

    \b
    Example:
      flamenco tasks "Shot 12" --status failed,soft-failed
    """
    with ManagerClient(manager_url) as client:
        known = client.jobs.tasks(find_job(client, reference).id)
    found = [task for task in known if not statuses or task.status in statuses]
    if as_json:
        print_json(found)
    elif not found:
        click.echo("No task is like that." if statuses else "The job has no tasks.")
    else:
        print_table(TASK_TITLES, map(task_row, found))


TASK_TITLES = ("#", "Status", "Steps", "Prio", "Type", "Worker", "Name")


def task_row(task: TaskSummary) -> tuple[str | Text, ...]:
    """A task as a row of the list, by its number: tasks of a job may have IDs that begin all the same."""
    steps = f"{task.steps_completed}/{task.steps_total}" if task.steps_total else ""
    worker = task.worker.name or task.worker.id
    return str(task.index_in_job), styled(task.status), steps, str(task.priority), task.task_type, worker, task.name
