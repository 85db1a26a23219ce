"""`flamenco skip`: having tasks count as done."""

from __future__ import annotations

from functools import partial

import click

from flamenco.cli.acting import Doing, act_on_matching, act_on_named, simply
from flamenco.cli.choosing import Chosen
from flamenco.cli.options import json_option, manager_option
from flamenco.cli.references import find_job, find_tasks
from flamenco.client import ManagerClient
from flamenco.domain.actions import TaskAction
from flamenco.domain.statuses import TaskStatus


@click.command()
@click.argument("reference", metavar="JOB")
@click.argument("task_references", metavar="TASK...", nargs=-1)
@click.option("--failed", is_flag=True, help="All tasks of the JOB that failed, and none by name.")
@click.option("--reason", default="requested on the command line", show_default=True, help="Shown with the tasks.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done, and what would be refused.")
@manager_option
@json_option
def skip(
    reference: str,
    task_references: tuple[str, ...],
    reason: str,
    manager_url: str,
    *,
    failed: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Have tasks of a JOB count as completed without running them: what waits for them goes on.

    JOB is an ID, the beginning of one, or a name; TASK is a number or a name. What is being run is stopped. A job that
    had failed goes on, and is completed when nothing else is left to do.

    \b
    Example:
      flamenco skip "Shot 12" 3 render-6-10 --reason "the frame is black anyway"
      flamenco skip "Shot 12" --failed
    """
    if failed is bool(task_references):
        raise click.UsageError("Which task? Name some, by number or name, or say --failed.")
    doing = Doing(things="tasks", action=TaskAction.SKIP, arguments={"reason": reason})
    with ManagerClient(manager_url) as client:
        job = find_job(client, reference)
        words = {"job_id": job.id, "status": [TaskStatus.FAILED]}
        chosen = Chosen(all_matching=failed, dry_run=dry_run, words=words)
        if failed:
            act_on_matching(client, doing, chosen, as_json=as_json)
        else:
            found = find_tasks(client, task_references, job)
            act_on_named(client, doing, found, partial(simply, doing.done), chosen, as_json=as_json)
