"""`flamenco workers times`: for how long a worker was at tasks, day by day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import click

from flamenco.cli.options import json_option, manager_option
from flamenco.cli.output import print_json, print_table
from flamenco.cli.references import find_workers
from flamenco.client import ManagerClient, WorkerDay
from flamenco.domain.durations import in_words
from flamenco.domain.worker_days import MOST_DAYS, USUAL_DAYS

TITLES: Final = ("Day", "At tasks", "Of the day", "Completed", "Failed")
_DAY: Final = timedelta(days=1)


@click.command("times")
@click.argument("reference", metavar="WORKER")
@click.option("--days", type=click.IntRange(1, MOST_DAYS), default=USUAL_DAYS, show_default=True, metavar="N")
@manager_option
@json_option
def worker_times(reference: str, days: int, manager_url: str, *, as_json: bool) -> None:
    """Show for how long a WORKER was at tasks on each of the last N days, and what came of them.

    Days are those of UTC. What it has done with jobs that are deleted or in archives is not counted.

    \b
    Example:
      flamenco workers times render-07 --days 30
    """
    with ManagerClient(manager_url) as client:
        found = client.attempts.times_of_worker(find_workers(client, [reference], put_away=True)[0].id, days)
    if as_json:
        print_json(found)
        return
    now = datetime.now(UTC)
    print_table(TITLES, (day_row(each, now) for each in found.days))
    if found.days and found.since > found.days[0].at:
        click.echo(f"It had very many tasks: what was before {found.since:%H:%M} is not counted.", err=True)


def day_row(day: WorkerDay, now: datetime) -> tuple[str, ...]:
    """A day as a row of the list: of today, what has passed of it is the whole."""
    passed = min(max(now - day.at, timedelta(seconds=1)), _DAY)
    share = f"{min(100.0, 100 * day.seconds / passed.total_seconds()):.0f}%"
    return (f"{day.at:%a %Y-%m-%d}", in_words(day.seconds), share, str(day.completed), str(day.failed))
