"""`flamenco tasks`: the tasks of a job."""

from __future__ import annotations

import click
from msgspec import structs
from rich.text import Text

from flamenco.cli.options import json_option, manager_option, status_option
from flamenco.cli.output import print_json, print_table, styled
from flamenco.cli.references import find_job
from flamenco.client import ManagerClient, TaskSummary
from flamenco.domain.failures import in_short
from flamenco.domain.statuses import TaskStatus


class ShownTask(TaskSummary, frozen=True, kw_only=True):
    """A task, and why it failed if it did; of very many that failed, that is said of the first hundred."""

    why: str = ""


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
        job_id = find_job(client, reference).id
        known = client.jobs.tasks(job_id)
        found = [task for task in known if not statuses or task.status in statuses]
        whys = {}
        if any(task.status in (TaskStatus.FAILED, TaskStatus.SOFT_FAILED) for task in found):
            whys = {task.index_in_job: task.why for task in client.explain(job_id).failed}
    if as_json:
        print_json([ShownTask(**structs.asdict(task), why=whys.get(task.index_in_job, "")) for task in found])
    elif not found:
        click.echo("No task is like that." if statuses else "The job has no tasks.")
    elif whys:
        rows = ((*task_row(task), in_short(whys.get(task.index_in_job, ""))) for task in found)
        print_table((*TASK_TITLES, "Why"), rows)
    else:
        print_table(TASK_TITLES, map(task_row, found))


TASK_TITLES = ("#", "Status", "Steps", "Prio", "Type", "Worker", "Name")


def task_row(task: TaskSummary) -> tuple[str | Text, ...]:
    """A task as a row of the list, by its number: tasks of a job may have IDs that begin all the same."""
    steps = f"{task.steps_completed}/{task.steps_total}" if task.steps_total else ""
    worker = task.worker.name or task.worker.id
    return str(task.index_in_job), styled(task.status), steps, str(task.priority), task.task_type, worker, task.name
