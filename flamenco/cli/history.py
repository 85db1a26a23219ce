"""`flamenco history`: how busy the farm was, and what it has done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import click

from flamenco.cli.options import json_option, manager_option
from flamenco.cli.output import print_json, print_table
from flamenco.client import ManagerClient, Series, SeriesPoint
from flamenco.domain.durations import in_words

_DAY_H: Final = 24.0
_USUAL_H: Final = {"5m": 2.0, "1d": 30 * _DAY_H}


@click.command()
@click.option("--step", type=click.Choice(["5m", "1d"]), default="1d", show_default=True, help="What a line is.")
@click.option("--hours", type=click.FloatRange(min=0.0, max=24 * 730.0), metavar="N", help="So long ago until now.")
@click.option("--by", type=click.Choice(["type", "user", "project"]), help="Sum up by that, rather than by time.")
@manager_option
@json_option
def history(step: str, hours: float | None, by: str | None, manager_url: str, *, as_json: bool) -> None:
    """Show how many workers were busy, and how many tasks they did, by day or by five minutes.

    Days are those of UTC. Five minutes are known for a week, days for two years.

    \b
    Example:
      flamenco history
      flamenco history --step 5m --hours 6
      flamenco history --by project --hours 168
    """
    since = datetime.now(UTC) - timedelta(hours=_USUAL_H[step] if hours is None else hours)
    with ManagerClient(manager_url) as client:
        found = client.series(step, since, {"type": "job_type"}.get(by or "", by))
    if as_json:
        print_json(found)
    elif by:
        _print_groups(found, by)
    else:
        print_table(TITLES, map(point_row, found.points))


TITLES: Final = ("From", "Busy", "Awake", "Completed", "Failed", "Worker time")


def point_row(point: SeriesPoint) -> tuple[str, ...]:
    """A step as a row of the list."""
    awake = "" if point.workers is None else f"{point.workers:.1f}"
    done = (str(point.completed), str(point.failed), in_words(point.seconds))
    return (f"{point.at:%Y-%m-%d %H:%M}", f"{point.busy_workers:.1f}", awake, *done)


def _print_groups(found: Series, by: str) -> None:
    if not found.groups:
        click.echo("Nothing was done in that time.")
        return
    rows = (
        (in_words(each.seconds), str(each.completed), str(each.failed), each.name or "(not said)")
        for each in found.groups
    )
    print_table(("Worker time", "Completed", "Failed", by.capitalize()), rows)
