"""`flamenco tasks`: the tasks of a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import click
from msgspec import structs
from rich.text import Text

from flamenco.cli.list_options import limit_option, search_option, sort_option, tell_of_more
from flamenco.cli.options import json_option, manager_option, status_option
from flamenco.cli.output import print_json, print_table, styled
from flamenco.cli.references import find_job, find_workers
from flamenco.client import Attempt, ManagerClient, TaskRow, TaskSummary, TaskWorker
from flamenco.domain.durations import in_words
from flamenco.domain.failures import in_short
from flamenco.domain.statuses import TaskStatus


class ShownTask(TaskSummary, frozen=True, kw_only=True):
    """A task, and why it failed if it did; of very many that failed, that is said of the first hundred.

    `attempts` at it, and how many seconds the last one took, are told where that is asked for.
    """

    why: str = ""
    attempts: int | None = None
    seconds: float | None = None


ORDERS: Final = ("index", "name", "status", "updated", "priority", "worker", "type", "progress", "duration")


@click.command()
@click.argument("reference", metavar="JOB")
@status_option(TaskStatus)
@click.option("--type", "types", multiple=True, metavar="TASKTYPE", help="Only tasks of this type; repeatable.")
@click.option("--worker", "worker", metavar="WORKER", help="Only tasks that this worker has, or had last.")
@click.option("--attempts", "with_attempts", is_flag=True, help="Say how often each was given out, and what it took.")
@search_option("their name")
@sort_option(ORDERS, "index")
@limit_option()
@manager_option
@json_option
def tasks(
    reference: str,
    statuses: frozenset[TaskStatus],
    limit: int | None,
    manager_url: str,
    *,
    with_attempts: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """List the tasks of a job. JOB is its ID, the beginning of that, or its name.

    Where other commands ask for a TASK, they take its number or its name from this list.

    \b
    Example:
      flamenco tasks "Shot 12" --status failed,soft-failed
      flamenco tasks "Shot 12" --attempts
      flamenco tasks "Shot 12" --search frames-1 --sort -duration --limit 20
    """
    with ManagerClient(manager_url) as client:
        job_id = find_job(client, reference).id
        query = {
            "status": sorted(statuses),
            "type": asked["types"],
            "q": asked["text"],
            "sort": asked["sort"],
            "worker": find_workers(client, [asked["worker"]])[0].id if asked["worker"] else "",
        }
        listed = client.lists.tasks(job_id, limit, query)
        whys = {}
        if any(task.status in (TaskStatus.FAILED, TaskStatus.SOFT_FAILED) for task in listed.entries):
            whys = {task.index_in_job: task.why for task in client.explain(job_id).failed}
        last = last_attempts(client, job_id) if with_attempts else {}
    found = [_summary(task) for task in listed.entries]
    if as_json:
        print_json([_shown(task, whys.get(task.index_in_job, ""), last.get(task.id)) for task in found])
        return
    if not found:
        is_filtered = any(query[name] for name in query if name != "sort")
        click.echo("No task is like that." if is_filtered else "The job has no tasks.")
    else:
        *before, name = TASK_TITLES
        attempt_titles = ATTEMPT_TITLES if with_attempts else ()
        titles = (*before, *attempt_titles, name, *(["Why"] if whys else []))
        print_table(titles, (_row(task, whys, last, with_attempts=with_attempts) for task in found))
    tell_of_more(len(found), listed.total)


def _summary(task: TaskRow) -> TaskSummary:
    """The task in the words that the command has always had for it."""
    return TaskSummary(
        id=task.id,
        name=task.name,
        status=task.status,
        index_in_job=task.index,
        priority=task.priority,
        task_type=task.type,
        updated=task.updated,
        steps_completed=task.steps_completed,
        steps_total=task.steps_total,
        worker=TaskWorker(id=task.worker.id, name=task.worker.name) if task.worker else TaskWorker(),
    )


TASK_TITLES = ("#", "Status", "Steps", "Prio", "Type", "Worker", "Name")
ATTEMPT_TITLES = ("Tries", "Took")


def last_attempts(client: ManagerClient, job_id: str) -> dict[str, Attempt]:
    """The last attempt at each task of a job, by the ID of the task."""
    found: dict[str, Attempt] = {}
    for attempt in client.attempts.of_job(job_id):
        if attempt.task and (attempt.task.id not in found or found[attempt.task.id].number < attempt.number):
            found[attempt.task.id] = attempt
    return found


def _shown(task: TaskSummary, why: str, last: Attempt | None) -> ShownTask:
    number, seconds = (last.number, last.seconds) if last else (None, None)
    return ShownTask(**structs.asdict(task), why=why, attempts=number, seconds=seconds)


def _row(
    task: TaskSummary, whys: Mapping[int, str], last: Mapping[str, Attempt], *, with_attempts: bool
) -> tuple[str | Text, ...]:
    *before, name = task_row(task)
    attempt = last.get(task.id)
    told = (str(attempt.number), in_words(attempt.seconds)) if attempt else ("", "")
    why = (in_short(whys.get(task.index_in_job, "")),) if whys else ()
    return (*before, *(told if with_attempts else ()), name, *why)


def task_row(task: TaskSummary) -> tuple[str | Text, ...]:
    """A task as a row of the list, by its number: tasks of a job may have IDs that begin all the same."""
    steps = f"{task.steps_completed}/{task.steps_total}" if task.steps_total else ""
    worker = task.worker.name or task.worker.id
    return str(task.index_in_job), styled(task.status), steps, str(task.priority), task.task_type, worker, task.name
