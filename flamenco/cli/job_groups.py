"""How the command line tells of jobs that have something in common."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import click

from flamenco.cli.output import age, print_json, print_table
from flamenco.client.lists import JobGroup, Listed
from flamenco.domain.statuses import JobStatus

_APART: Final = (JobStatus.ACTIVE, JobStatus.QUEUED, JobStatus.FAILED, JobStatus.COMPLETED)
"""What has a column of its own; whatever else there is counts as jobs."""


def print_groups(by: str, found: Listed[JobGroup], *, as_json: bool) -> None:
    """A row for each group; `by` says what those of one have in common."""
    if as_json:
        print_json(found.entries)
    elif not found.entries:
        click.echo("No job is like that; `flamenco jobs` lists them.")
    else:
        now = datetime.now(UTC)
        titles = ("Jobs", *(status.capitalize() for status in _APART), "Done", "Changed", by.capitalize())
        print_table(titles, (_row(group, now) for group in found.entries))


def _row(group: JobGroup, now: datetime) -> tuple[str, ...]:
    counts = (str(group.counts.get(status) or "") for status in _APART)
    done = f"{100 * group.steps_completed // group.steps_total}%" if group.steps_total else ""
    return str(group.total), *counts, done, age(group.updated, now), group.name or "-"
