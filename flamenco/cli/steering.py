"""`flamenco cancel`, `pause`, `resume`, `requeue`, `priority`, `delete`: telling jobs and tasks what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import click
from msgspec import Struct

from flamenco.cli.acting import Doing, Told, act_on_matching, act_on_named
from flamenco.cli.choosing import Chosen, choosing_jobs
from flamenco.cli.options import confirm, json_option, manager_option, yes_option
from flamenco.cli.references import find_jobs, find_tasks
from flamenco.client import Job, JobDeletion, ManagerClient, Task, TaskSummary
from flamenco.domain.actions import JobAction, TaskAction
from flamenco.domain.statuses import FINISHED_JOB, FINISHED_TASK

F = TypeVar("F", bound=Callable[..., Any])

_ENDED: Final = FINISHED_JOB | FINISHED_TASK
_REQUEUEING: Final = frozenset(action for kind in (JobAction, TaskAction) for action in kind if "requeue" in action)


class _How(Struct, frozen=True, kw_only=True):
    """What the options of such a command say, beside which things it is about."""

    name: str
    chosen: Chosen
    manager_url: str
    as_json: bool


def _steering(function: F) -> F:
    """The arguments of all commands that ask for a status: JOB..., --reason and the like."""
    default = "requested on the command line"
    reason = click.option("--reason", default=default, show_default=True, help="Shown with the job.")
    jobs = click.argument("references", metavar="JOB...", nargs=-1)
    decorated: F = jobs(choosing_jobs(reason(manager_option(json_option(function)))))
    return decorated


def _task_option(function: F) -> F:
    return click.option(
        "--task",
        "task_references",
        multiple=True,
        metavar="TASK",
        help="Only this task of the JOB, by its number or name; repeatable. Its whole ID needs no JOB.",
    )(function)


@click.command()
@_steering
@_task_option
def cancel(
    references: tuple[str, ...],
    task_references: tuple[str, ...],
    reason: str,
    chosen: Chosen,
    manager_url: str,
    *,
    as_json: bool,
) -> None:
    """Cancel jobs: what runs is stopped, what waits will not run.

    JOB is an ID, the beginning of one, or a name.

    \b
    Example:
      flamenco cancel 6d0e2b4a "Shot 13" --reason "wrong camera"
      flamenco cancel --all-matching --status queued --user anna --dry-run
    """
    how = _How(name="cancel", chosen=chosen, manager_url=manager_url, as_json=as_json)
    if task_references:
        _steer_tasks(how, references, task_references, TaskAction.CANCEL, reason)
    else:
        _steer_jobs(how, references, JobAction.CANCEL, {"reason": reason})


@click.command()
@_steering
def pause(references: tuple[str, ...], reason: str, chosen: Chosen, manager_url: str, *, as_json: bool) -> None:
    """Pause jobs: what runs is finished, what waits stays.

    JOB is an ID, the beginning of one, or a name.

    \b
    Example:
      flamenco pause 6d0e2b4a
    """
    how = _How(name="pause", chosen=chosen, manager_url=manager_url, as_json=as_json)
    _steer_jobs(how, references, JobAction.PAUSE, {"reason": reason})


@click.command()
@_steering
def resume(references: tuple[str, ...], reason: str, chosen: Chosen, manager_url: str, *, as_json: bool) -> None:
    """Go on with jobs that were paused.

    JOB is an ID, the beginning of one, or a name.

    \b
    Example:
      flamenco resume --all-matching --status paused --project "Film 12"
    """
    how = _How(name="resume", chosen=chosen, manager_url=manager_url, as_json=as_json)
    _steer_jobs(how, references, JobAction.RESUME, {"reason": reason})


@click.command()
@_steering
@_task_option
@click.option("--failed", is_flag=True, help="Only the tasks that failed, with what that took down.")
@click.option("--canceled", is_flag=True, help="Only the tasks that were canceled.")
@click.option("--elsewhere", is_flag=True, help="With --task: not on the worker that had it last.")
def requeue(
    references: tuple[str, ...],
    task_references: tuple[str, ...],
    reason: str,
    chosen: Chosen,
    manager_url: str,
    *,
    failed: bool,
    canceled: bool,
    elsewhere: bool,
    as_json: bool,
) -> None:
    """Run jobs again: all of a completed job, otherwise what was not completed. Failures and blocks are forgotten.

    With --task, a job that had failed goes on with that, and with what its failure took down.

    JOB is an ID, the beginning of one, or a name.

    \b
    Example:
      flamenco requeue "Shot 12" --task 3 --task render-6-10
      flamenco requeue --failed --all-matching --status failed,active
      flamenco requeue "Shot 12" --task 3 --elsewhere
    """
    how = _How(name="requeue", chosen=chosen, manager_url=manager_url, as_json=as_json)
    if task_references:
        if failed or canceled:
            raise click.UsageError("--failed and --canceled are about whole jobs; leave out --task, or them.")
        action = TaskAction.REQUEUE_ELSEWHERE if elsewhere else TaskAction.REQUEUE
        _steer_tasks(how, references, task_references, action, reason)
        return
    if elsewhere or (failed and canceled):
        raise click.UsageError("--elsewhere is about single tasks, by --task; of --failed and --canceled, take one.")
    some = JobAction.REQUEUE_FAILED if failed else JobAction.REQUEUE_CANCELED
    _steer_jobs(how, references, some if failed or canceled else JobAction.REQUEUE, {"reason": reason})


def _steer_jobs(how: _How, references: Sequence[str], action: JobAction, arguments: dict[str, Any]) -> None:
    how.chosen.check(references, f"Which job? `flamenco jobs` lists them; `flamenco {how.name} --help` says more.")
    doing = Doing(things="jobs", action=action, arguments=arguments)
    with ManagerClient(how.manager_url) as client:
        if how.chosen.all_matching:
            act_on_matching(client, doing, how.chosen, as_json=how.as_json)
            return
        # All of them are looked for first, so that nothing is done when one is not there.
        found = find_jobs(client, references)
        tell = partial(_became, action, lambda job: client.jobs.get(job.id).status)
        act_on_named(client, doing, found, tell, how.chosen, as_json=how.as_json)


def _steer_tasks(
    how: _How, references: Sequence[str], task_references: Sequence[str], action: TaskAction, reason: str
) -> None:
    how.chosen.check(task_references, "Which task?")
    if len(references) > 1:
        raise click.UsageError("--task is about tasks of one job, and these are more; take them one by one.")
    doing = Doing(things="tasks", action=action, arguments={"reason": reason})
    with ManagerClient(how.manager_url) as client:
        job = find_jobs(client, references)[0] if references else None
        found = find_tasks(client, task_references, job)

        def tell(task: Task | TaskSummary, refused: str) -> Told:
            now = client.tasks.get(task.id)
            told = _became(action, lambda _task: now.status, task, refused)
            return Told(told.text, {**told.record, "job_id": now.job_id}, told.refused)

        act_on_named(client, doing, found, tell, how.chosen, as_json=how.as_json)


def _became(
    action: JobAction | TaskAction, status_of: Callable[[Any], str], thing: Job | Task | TaskSummary, refused: str
) -> Told:
    """What became of a job or task: its status, or why nothing was done."""
    now = status_of(thing)
    record = {"id": thing.id, "name": thing.name, "status": now}
    if not refused:
        return Told(now, record)
    if now in _ENDED and action not in _REQUEUEING:
        return Told(f"was {now} already", record)
    return Told(refused, {**record, "refused": refused}, refused=True)


@click.command()
@click.argument("references", metavar="JOB...", nargs=-1)
@click.argument("number", metavar="N", type=click.IntRange(0, 100))
@choosing_jobs
@manager_option
@json_option
def priority(references: tuple[str, ...], number: int, chosen: Chosen, manager_url: str, *, as_json: bool) -> None:
    """Give jobs the priority N, from 0 to 100; higher comes first, and new jobs have 50.

    JOB is an ID, the beginning of one, or a name.

    \b
    Example:
      flamenco priority 6d0e2b4a "Shot 13" 80
      flamenco priority 20 --all-matching --user anna --status queued,active
    """
    chosen.check(references, "Which job? `flamenco jobs` lists them; the priority comes after it.")
    doing = Doing(things="jobs", action=JobAction.PRIORITY, arguments={"priority": number})

    def tell(job: Job, refused: str) -> Told:
        record = {"id": job.id, "name": job.name, "priority": number}
        if refused:
            return Told(refused, {**record, "refused": refused}, refused=True)
        return Told(f"priority {number}", record)

    with ManagerClient(manager_url) as client:
        if chosen.all_matching:
            act_on_matching(client, doing, chosen, as_json=as_json)
        else:
            act_on_named(client, doing, find_jobs(client, references), tell, chosen, as_json=as_json)


@click.command()
@click.argument("references", metavar="JOB...", nargs=-1)
@choosing_jobs
@yes_option
@manager_option
@json_option
def delete(references: tuple[str, ...], chosen: Chosen, manager_url: str, *, sure: bool, as_json: bool) -> None:
    """Delete jobs with their tasks, logs and previews; what they rendered stays where it is.

    JOB is an ID, the beginning of one, or a name. What runs is stopped. Says first what would go, and asks. They are in
    the trash for a while: `flamenco undelete` has them back.

    \b
    Example:
      flamenco delete 6d0e2b4a "Shot 13"
      flamenco delete --all-matching --status canceled --yes
    """
    chosen.check(references, "Which job? `flamenco jobs` lists them.")
    doing = Doing(things="jobs", action=JobAction.DELETE)
    with ManagerClient(manager_url) as client:
        if chosen.all_matching:
            act_on_matching(client, doing, chosen, as_json=as_json, sure=sure)
            return
        found = find_jobs(client, references)
        gone = {job.id: client.jobs.deletion(job.id) for job in found}
        what = "\n".join(in_words(job, gone[job.id]) for job in found)
        if not chosen.dry_run:
            confirm(what, f"Delete {'this job' if len(found) == 1 else f'these {len(found)} jobs'}?", sure=sure)

        def tell(job: Job, refused: str) -> Told:
            if refused:
                return Told(refused, {"id": job.id, "name": job.name, "refused": refused}, refused=True)
            record = {"id": job.id, "name": job.name, "shaman_checkout": gone[job.id].shaman_checkout}
            return Told("is being deleted", record)

        act_on_named(client, doing, found, tell, chosen, as_json=as_json)


def in_words(job: Job, deletion: JobDeletion) -> str:
    """What would go, in a line."""
    checkout = ", and its files in the Shaman checkout" if deletion.shaman_checkout else ""
    return f"{job.id}  {job.name} ({job.status}): the job, its tasks and logs{checkout}"
