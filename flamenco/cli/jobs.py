"""`flamenco jobs` and `flamenco job`: looking at jobs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click
from msgspec import structs
from rich.text import Text

from flamenco.cli.job_groups import print_groups
from flamenco.cli.job_times import done_in, time_fields
from flamenco.cli.list_options import limit_option, search_option, sort_option, tell_of_more
from flamenco.cli.notes import noted
from flamenco.cli.options import json_option, manager_option, status_option
from flamenco.cli.output import age, print_fields, print_json, print_table, short_ids, styled
from flamenco.cli.references import find_job, find_tags
from flamenco.client import Blocked, FailedTask, Job, JobRow, JobTimes, ManagerClient, NamedByJob, Note, Tag
from flamenco.domain.failures import cause
from flamenco.domain.start_times import told
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.domain.transitions import reason_in


class ShownJob(Job, frozen=True, kw_only=True):
    """A job, whose it is and what for, where that is known, when it starts, and its tasks counted by status."""

    user: str = ""
    project: str = ""
    batch: str = ""
    start_after: datetime | None = None
    start_after_reason: str = ""
    order: str = ""
    max_workers: int | None = None
    workers_allowed: tuple[NamedByJob, ...] = ()
    workers_denied: tuple[NamedByJob, ...] = ()
    note: Note | None = None
    tasks: dict[str, int] | None = None


ORDERS: Final = ("created", "updated", "name", "priority", "status", "type", "user", "project", "batch", "progress")
GROUPINGS: Final = ("project", "user", "type", "batch")


@click.command()
@status_option(JobStatus)
@click.option("--type", "job_types", multiple=True, metavar="JOBTYPE", help="Only jobs of this type; repeatable.")
@click.option("--user", "users", multiple=True, metavar="USER", help="Only jobs of this user; repeatable.")
@click.option("--project", "projects", multiple=True, metavar="PROJECT", help="Only jobs for it; repeatable.")
@click.option("--batch", "batches", multiple=True, metavar="BATCH", help="Only jobs of it; repeatable.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only jobs for workers with this tag; repeatable.")
@click.option("--stuck", is_flag=True, help="Only jobs with tasks that nobody can run.")
@click.option("--waiting-for-approval", "to_approve", is_flag=True, help="Only those with a preview to look at.")
@click.option("--by", type=click.Choice(GROUPINGS), help="How many there are, and how far, by that.")
@search_option("their name, user, project, type or batch")
@sort_option(ORDERS, "-created")
@limit_option(100)
@manager_option
@json_option
def jobs(
    statuses: frozenset[JobStatus], by: str | None, limit: int, manager_url: str, *, as_json: bool, **asked: Any
) -> None:
    """List jobs, newest first.

    \b
    Example:
      flamenco jobs --status queued,active
      flamenco jobs --user anna --project "Sprite Fright" --sort -priority
      flamenco jobs --by project --status queued,active
      flamenco jobs --batch "Dailies Monday"
      flamenco jobs --status failed --json | jq -r '.[].id'
    """
    with ManagerClient(manager_url) as client:
        query = {
            "status": sorted(statuses),
            "type": asked["job_types"],
            "q": asked["text"],
            "sort": asked["sort"],
            "user": asked["users"],
            "project": asked["projects"],
            "batch": asked["batches"],
            "stuck": "true" if asked["stuck"] else "",
            "waiting_for_approval": "true" if asked["to_approve"] else "",
            "tag": [tag.id for tag in find_tags(client, asked["tags"])],
        }
        filtered = any(query[name] for name in query if name != "sort")
        if by:
            print_groups(by, client.lists.job_groups(by, {**query, "sort": ""}), as_json=as_json)
            return
        query["whole" if as_json else "eta"] = "true"
        found = client.lists.jobs(limit, query)
    if as_json:
        print_json([_in_full(job) for job in found.entries])
    elif found.entries:
        _print_jobs(found.entries)
        tell_of_more(len(found.entries), found.total)
    elif filtered:
        click.echo("No job is like that; `flamenco jobs` lists them.")
    else:
        click.echo("There are no jobs yet; submit one with `flamenco submit`.")


def _in_full(job: JobRow) -> ShownJob:
    """The job in the words that the command has always had for it, and its user and project."""
    known = {name: getattr(job, name) for name in job.__struct_fields__ if name in ShownJob.__struct_fields__}
    return ShownJob(**known, worker_tag=job.tag.id if job.tag else "")


def _print_jobs(found: Sequence[JobRow]) -> None:
    short = short_ids([job.id for job in found])
    now = datetime.now(UTC)
    more = {"Done in": [done_in(job.eta, now) for job in found], "Why": [why(job) for job in found]}
    more = {title: texts for title, texts in more.items() if any(texts)}
    rows = ((*job_row(job, short[job.id], now), *rest) for job, *rest in zip(found, *more.values(), strict=True))
    print_table((*JOB_TITLES, *more), rows)


JOB_TITLES = ("ID", "Status", "Done", "Prio", "Age", "User", "Type", "Name")


def job_row(job: JobRow, short_id: str, now: datetime) -> tuple[str | Text, ...]:
    """A job as a row of the list."""
    about = str(job.priority), age(job.created, now), job.user, job.type
    return short_id, styled(job.status), done(job), *about, job.name


MOST_WHY: Final = 120


def why(job: Job | JobRow) -> str:
    """Why a job is not what it was meant to become, in short; nothing while all goes well."""
    if starts := starts_at(job):
        return starts
    reason = reason_in(job.activity, job.status)
    if not reason and not job.activity.startswith("Changed to status"):
        reason = job.activity  # such as that nobody can run it
    elif job.status not in (JobStatus.FAILED, JobStatus.CANCELED, JobStatus.PAUSED) and "optional" not in reason:
        return ""
    return reason if len(reason) <= MOST_WHY else f"{reason[:MOST_WHY]}…"


def starts_at(job: Job | JobRow) -> str:
    """When a job starts that waits for a moment, by the clock here, and why; nothing for others."""
    start, now = getattr(job, "start_after", None), datetime.now(UTC)
    return told(start, getattr(job, "start_after_reason", ""), now) if start is not None and start > now else ""


def done(job: ShownJob | JobRow) -> str:
    """How much of a job is done, such as `45%`: of its steps if it has any, otherwise of its tasks.

    All of it is done only when the job says so, as steps may be reported before their task is over.
    """
    if job.status is JobStatus.COMPLETED:
        return "100%"
    tasks = job.tasks or {}
    part, whole = job.steps_completed, job.steps_total
    if not whole:
        part, whole = tasks.get(TaskStatus.COMPLETED, 0), sum(tasks.values())
    return f"{min(99, 100 * part // whole)}%" if whole else ""


_OF_LISTS: Final = (
    *("user", "project", "batch", "start_after", "start_after_reason", "tasks", "order"),
    *("max_workers", "workers_allowed", "workers_denied", "note"),
)


@click.command()
@click.argument("reference", metavar="JOB")
@manager_option
@json_option
def job(reference: str, manager_url: str, *, as_json: bool) -> None:
    """Show one job: its status and its settings. JOB is its ID, the beginning of that, or its name.

    \b
    Example:
      flamenco job 6d0e2b4a
      flamenco job "Shot 12" --json | jq .tasks
    """
    with ManagerClient(manager_url) as client:
        found = shown(client, find_job(client, reference))
        blocked = client.jobs.blocklist(found.id)
        explained = client.explain(found.id)
        tags = client.tags.all() if found.worker_tag else ()
        times = client.attempts.times(found.id)
    if as_json:
        print_json(JobDetails(**structs.asdict(found), blocklist=blocked, failed=explained.failed, times=times))
    else:
        limits = [("limits", each.text) for each in explained.time_limits]
        fields = job_fields(found, blocked, tags, explained.failed)
        print_fields((*fields, *limits, *time_fields(times, datetime.now(UTC))))


NAMED: Final = 5
"""How many failed tasks are listed with their reason; `flamenco tasks` lists all."""


class JobDetails(ShownJob, frozen=True, kw_only=True):
    """All about a job."""

    blocklist: tuple[Blocked, ...]
    failed: tuple[FailedTask, ...]
    times: JobTimes


def shown(client: ManagerClient, job: Job) -> ShownJob:
    """The job, whose it is, and its tasks counted."""
    listed = client.lists.job(job.id)
    more = {name: getattr(listed, name) for name in _OF_LISTS}
    return ShownJob(**structs.asdict(job), **more)


def _of_whom(job: ShownJob) -> Iterator[tuple[str, str]]:
    named = {"user": job.user, "project": job.project, "batch": job.batch}
    yield from ((name, text) for name, text in named.items() if text)


def _terms(job: ShownJob) -> Iterator[tuple[str, str]]:
    """What its tasks are handed out by."""
    if job.order:
        yield "order of frames", job.order


def _named(workers: Sequence[NamedByJob]) -> str:
    return ", ".join(f"tag:{each.name}" if each.is_tag else each.name for each in workers)


def _said(job: ShownJob) -> Iterator[tuple[str, str]]:
    """What people have said of it while it was there."""
    if job.max_workers is not None:
        yield "workers at once", str(job.max_workers or "any number")
    if job.workers_allowed:
        yield "only on", _named(job.workers_allowed)
    if job.workers_denied:
        yield "not on", _named(job.workers_denied)
    if job.note:
        yield "note", noted(job.note)


def job_fields(
    job: ShownJob, blocked: Sequence[Blocked], tags: Sequence[Tag], failed: Sequence[FailedTask] = ()
) -> Iterator[tuple[str, str | Text]]:
    """All about a job, as names and what they are."""
    yield "name", job.name
    yield "id", job.id
    yield "type", job.type
    yield from _of_whom(job)
    yield "status", styled(job.status)
    if job.activity:
        yield "activity", job.activity
    if starts := starts_at(job):
        yield "start", starts
    yield "priority", str(job.priority)
    yield from _terms(job)
    yield from _said(job)
    if job.worker_tag:
        yield "worker tag", next((tag.name for tag in tags if tag.id == job.worker_tag), job.worker_tag)
    yield "created", job.created.isoformat(" ", "seconds")
    yield "updated", job.updated.isoformat(" ", "seconds")
    if job.delete_requested_at:
        yield "delete requested", job.delete_requested_at.isoformat(" ", "seconds")
    yield "tasks", ", ".join(f"{count} {status}" for status, count in (job.tasks or {}).items() if count)
    if job.steps_total:
        yield "steps", f"{job.steps_completed} of {job.steps_total}"
    for task in failed[:NAMED]:
        yield task.status, cause(task.name, task.why)
    for entry in blocked:
        yield "blocked", f"{entry.worker_name or entry.worker_id} for {entry.task_type}"
    for key, value in sorted(job.settings.items()):
        yield f"settings.{key}", str(value)
    for key, text in sorted(job.metadata.items()):
        yield f"metadata.{key}", text
