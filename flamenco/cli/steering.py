"""`flamenco cancel`, `pause`, `requeue`, `priority`, `delete`: telling jobs and tasks what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from flamenco.cli.options import confirm, json_option, manager_option, yes_option
from flamenco.cli.output import print_json, print_line
from flamenco.cli.references import find_jobs, find_tasks
from flamenco.client import Job, JobDeletion, ManagerClient
from flamenco.domain.statuses import FINISHED_JOB, FINISHED_TASK, JobStatus, TaskStatus

F = TypeVar("F", bound=Callable[..., Any])


def _reason_option(function: F) -> F:
    return click.option(
        "--reason", default="requested on the command line", show_default=True, help="Shown with the job."
    )(function)


def _steering(
    name: str, status: JobStatus, help_text: str, example: str, task_status: TaskStatus | None
) -> click.Command:
    """A command that asks for a status for jobs, or for some tasks if it knows what that would be for them."""

    def command(
        references: tuple[str, ...],
        reason: str,
        manager_url: str,
        *,
        as_json: bool,
        task_references: tuple[str, ...] = (),
    ) -> None:
        with ManagerClient(manager_url) as client:
            if task_references and task_status:
                _set_tasks(client, references, task_references, task_status, reason, as_json=as_json)
            elif references:
                _set_jobs(client, references, status, reason, as_json=as_json)
            else:
                raise click.UsageError(f"Which job? `flamenco jobs` lists them; `flamenco {name} --help` says more.")

    command.__doc__ = f"{help_text}\n\nJOB is an ID, the beginning of one, or a name.\n\n\b\nExample:\n  {example}"
    command = _reason_option(manager_option(json_option(command)))
    if task_status:
        command = click.option(
            "--task",
            "task_references",
            multiple=True,
            metavar="TASK",
            help="Only this task of the JOB, by its number or name; repeatable. Its whole ID needs no JOB.",
        )(command)
    return click.command(name)(click.argument("references", metavar="JOB...", nargs=-1)(command))


def _set_jobs(
    client: ManagerClient, references: tuple[str, ...], status: JobStatus, reason: str, *, as_json: bool
) -> None:
    changed = []
    # All of them are looked for first, so that nothing is done when one is not there.
    for job in find_jobs(client, references):
        # What has ended would only be called something else; the manager takes any status.
        pointless = job.status in FINISHED_JOB and status is not JobStatus.REQUEUEING
        if not pointless:
            client.jobs.set_status(job.id, status, reason)
        now = client.jobs.get(job.id).status
        changed.append({"id": job.id, "name": job.name, "status": now})
        if not as_json:
            print_line(_outcome(job.name, now, pointless=pointless))
    if as_json:
        print_json(changed)


def _set_tasks(
    client: ManagerClient,
    references: tuple[str, ...],
    task_references: tuple[str, ...],
    status: TaskStatus,
    reason: str,
    *,
    as_json: bool,
) -> None:
    if len(references) > 1:
        raise click.UsageError("--task is about tasks of one job, and these are more; take them one by one.")
    job = find_jobs(client, references)[0] if references else None
    changed = []
    for task in find_tasks(client, task_references, job):
        pointless = task.status in FINISHED_TASK and status is not TaskStatus.QUEUED
        if not pointless:
            client.tasks.set_status(task.id, status, reason)
        now = client.tasks.get(task.id)
        changed.append({"id": task.id, "name": task.name, "job_id": now.job_id, "status": now.status})
        if not as_json:
            print_line(_outcome(task.name, now.status, pointless=pointless))
    if as_json:
        print_json(changed)


def _outcome(name: str, status: str, *, pointless: bool) -> str:
    return f"{name}: was {status} already" if pointless else f"{name}: {status}"


cancel = _steering(
    "cancel",
    JobStatus.CANCEL_REQUESTED,
    "Cancel jobs: what runs is stopped, what waits will not run.",
    'flamenco cancel 6d0e2b4a "Shot 13" --reason "wrong camera"',
    TaskStatus.CANCELED,
)
pause = _steering(
    "pause",
    JobStatus.PAUSE_REQUESTED,
    "Pause jobs: what runs is finished, what waits stays.",
    "flamenco pause 6d0e2b4a",
    None,
)
requeue = _steering(
    "requeue",
    JobStatus.REQUEUEING,
    "Run jobs again: all of a completed job, otherwise what was not completed. Failures and blocks are forgotten.\n\n"
    "With --task, a job that had failed goes on with that, and with what its failure took down.",
    'flamenco requeue "Shot 12" --task 3 --task render-6-10',
    TaskStatus.QUEUED,
)


@click.command()
@click.argument("references", metavar="JOB...", nargs=-1)
@click.argument("number", metavar="N", type=click.IntRange(0, 100))
@manager_option
@json_option
def priority(references: tuple[str, ...], number: int, manager_url: str, *, as_json: bool) -> None:
    """Give jobs the priority N, from 0 to 100; higher comes first, and new jobs have 50.

    JOB is an ID, the beginning of one, or a name.

    \b
    Example:
      flamenco priority 6d0e2b4a "Shot 13" 80
    """
    if not references:
        raise click.UsageError("Which job? `flamenco jobs` lists them; the priority comes after it.")
    with ManagerClient(manager_url) as client:
        changed = []
        for job in find_jobs(client, references):
            client.jobs.set_priority(job.id, number)
            changed.append({"id": job.id, "name": job.name, "priority": number})
            if not as_json:
                print_line(f"{job.name}: priority {number}")
    if as_json:
        print_json(changed)


@click.command()
@click.argument("references", metavar="JOB...", nargs=-1, required=True)
@yes_option
@manager_option
@json_option
def delete(references: tuple[str, ...], manager_url: str, *, sure: bool, as_json: bool) -> None:
    """Delete jobs with their tasks, logs and previews; what they rendered stays where it is.

    JOB is an ID, the beginning of one, or a name. What runs is stopped. Says first what would go, and asks.

    \b
    Example:
      flamenco delete 6d0e2b4a "Shot 13"
      flamenco delete --yes $(flamenco jobs --status canceled --json | jq -r '.[].id')
    """
    with ManagerClient(manager_url) as client:
        found = [(job, client.jobs.deletion(job.id)) for job in find_jobs(client, references)]
        what = "\n".join(in_words(job, deletion) for job, deletion in found)
        confirm(what, f"Delete {'this job' if len(found) == 1 else f'these {len(found)} jobs'}?", sure=sure)
        for job, _ in found:
            client.jobs.delete(job.id)
            if not as_json:
                print_line(f"{job.name}: is being deleted")
    if as_json:
        print_json([{"id": job.id, "name": job.name, "shaman_checkout": gone.shaman_checkout} for job, gone in found])


def in_words(job: Job, deletion: JobDeletion) -> str:
    """What would go, in a line."""
    checkout = ", and its files in the Shaman checkout" if deletion.shaman_checkout else ""
    return f"{job.id}  {job.name} ({job.status}): the job, its tasks and logs{checkout}"
