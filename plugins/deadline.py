"""A job with a deadline comes sooner as it gets tight, by how much of the time left its work will take.

A job says when it must be done by its metadata `deadline`: a date, which means the end of that day, or a date with a
time. Without a time zone it is UTC. The work left is how many tasks there are still to run, times how long the
job's tasks took so far, shared among the workers that are awake. A job that needs half of the time that is left gets
half of the points; one that needs all of it, or is late, gets them all; and one without a deadline gets none.

```yaml
plugins:
  deadline:
    default_task_time: 15m
    points: 100
```

A job whose deadline is no date is refused when it is submitted. `flamenco deadlines` lists the jobs that have one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Annotated

import click
import msgspec
from msgspec import Meta, Struct

from flamenco import (
    ConfigError,
    Duration,
    FarmView,
    JobCandidate,
    ManagerConfig,
    Refused,
    SchedulingPolicy,
    Setting,
    Submission,
    Term,
    hookimpl,
    in_words,
    json_option,
    manager_option,
    visible,
)

KEY = "deadline"
"""The metadata that has the deadline."""


@hookimpl
def settings() -> Iterable[Setting]:
    """How pressing a deadline is, and how long tasks are taken to run."""
    yield Setting(
        key="default_task_time",
        type=Duration,
        default=Duration(600),
        help="How long a task is expected to run, before the first one of its job has ended.",
    )
    yield Setting(
        key="points",
        type=Annotated[float, Meta(ge=0, le=1_000_000)],
        default=100.0,
        help="What a job gets that needs all the time until its deadline, or is late.",
    )


@hookimpl
def scheduling_policies(config: ManagerConfig) -> Iterable[SchedulingPolicy]:
    """The policy, as it is configured. Raises `ConfigError` for a negative time."""
    own = config.plugins.deadline
    if own.default_task_time < 0:
        raise ConfigError(f"default_task_time is {own.default_task_time}; write a time that is not negative")
    yield SchedulingPolicy(
        name="deadline",
        description="A job with a deadline comes sooner the more of the time left its work will take.",
        score=Urgency(own.points, float(own.default_task_time)).score,
        depends_on="farm",
    )


@hookimpl
def job_submitting(submission: Submission) -> None:
    """Refuse a deadline that could not be kept because nobody can tell when it is. Raises `Refused`."""
    try:
        deadline_of(submission.metadata)
    except ValueError as error:
        raise Refused(f"The {error}; write 2026-05-31, or 2026-05-31T18:00+02:00.") from error


@hookimpl
def cli_commands() -> Iterable[click.Command]:
    """What is due when."""
    yield _deadlines_command


class Urgency(Struct, frozen=True):
    """How pressing deadlines are: the most points there are, and how long a task runs when nothing is known."""

    points: float
    default_task_s: float

    def score(self, jobs: Sequence[JobCandidate], farm: FarmView) -> dict[str, Term]:
        """Give every job with a deadline a part of the points."""
        terms = {job.id: self._term(job, farm) for job in jobs}
        return {job_id: term for job_id, term in terms.items() if term}

    def _term(self, job: JobCandidate, farm: FarmView) -> Term | None:
        try:
            deadline = deadline_of(job.metadata)
        except ValueError as error:  # a job that was there before this plugin
            return Term(0.0, f"the {error}")
        if deadline is None:
            return None
        left_s = (deadline - farm.now).total_seconds()
        if left_s <= 0:
            return Term(self.points, f"late, was due {in_words(-left_s)} ago")
        needed_s = self.needed_s(job, farm)
        reason = f"due in {in_words(left_s)}, needs about {in_words(needed_s)}"
        return Term(self.points * min(1.0, needed_s / left_s), reason)

    def needed_s(self, job: JobCandidate, farm: FarmView) -> float:
        """How long the rest of the job takes all workers together, in seconds."""
        task_s = self.default_task_s if job.mean_task_s is None else job.mean_task_s
        return job.remaining * task_s / max(1, farm.workers_awake)


def deadline_of(metadata: Mapping[str, str]) -> datetime | None:
    """When the job must be done; None when it does not say. Raises `ValueError` when what it says is no date."""
    text = metadata.get(KEY, "").strip()
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time.max, UTC)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"deadline {text[:100]!r} is no date") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Due(Struct, frozen=True):
    """A job that is not done, and when it has to be."""

    id: str
    name: str
    deadline: datetime


@click.command("deadlines")
@manager_option
@json_option
def _deadlines_command(manager_url: str, *, as_json: bool) -> None:
    """List the jobs with a deadline that are not done, the most pressing first.

    \b
    Example:
      flamenco deadlines
    """
    found = sorted(_all_due(manager_url), key=lambda due: (due.deadline, due.name))
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    if not found:
        click.echo("No job that is to be done has a deadline.")
    now = datetime.now(UTC)
    for due in found:
        left_s = (due.deadline - now).total_seconds()
        when = f"late by {in_words(-left_s)}" if left_s <= 0 else f"in {in_words(left_s)}"
        click.echo(f"{due.deadline:%Y-%m-%d %H:%M}  {when:<20}  {visible(due.name)}")


def _all_due(manager_url: str) -> Iterable[Due]:
    from flamenco.client import ManagerClient  # noqa: PLC0415 - managers and workers have no use for it

    with ManagerClient(manager_url) as client:
        jobs = client.lists.jobs(None, {"status": ["active", "queued", "paused"], "whole": "true"}).entries
    for job in jobs:
        try:
            deadline = deadline_of(job.metadata)
        except ValueError:  # a job that was there before this plugin
            continue
        if deadline is not None:
            yield Due(job.id, job.name, deadline.astimezone(UTC))
