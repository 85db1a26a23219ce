"""`flamenco workers schedule`: when workers sleep."""

from __future__ import annotations

from functools import partial

import click

from flamenco.cli.acting import Doing, act_on_matching, act_on_named, simply
from flamenco.cli.choosing import Chosen, choosing_workers
from flamenco.cli.options import json_option, manager_option
from flamenco.cli.references import find_workers
from flamenco.client import ManagerClient
from flamenco.domain.actions import WorkerAction


@click.command()
@click.argument("references", metavar="WORKER...", nargs=-1)
@click.option(
    "--days", default="", metavar="DAYS", help="Such as 'mo tu fr', on which they fall asleep; else every day."
)
@click.option("--from", "start", default="", metavar="HH:MM", help="From then on they sleep; else from midnight on.")
@click.option("--until", "end", default="", metavar="HH:MM", help="Until then they sleep; else until midnight.")
@click.option("--off", is_flag=True, help="They sleep by no schedule any more.")
@choosing_workers
@manager_option
@json_option
def schedule(
    references: tuple[str, ...],
    days: str,
    start: str,
    end: str,
    chosen: Chosen,
    manager_url: str,
    *,
    off: bool,
    as_json: bool,
) -> None:
    """Say when workers sleep, by the clock of the manager; over midnight where --until comes before --from.

    \b
    Example:
      flamenco workers schedule render-07 --days "mo tu we th fr" --from 08:00 --until 18:30
      flamenco workers schedule --all-matching --tag desks --off
    """
    chosen.check(references, "Which worker? `flamenco workers` lists them.")
    if off is bool(days or start or end):
        raise click.UsageError("When? Say --days, --from and --until, or --off.")
    arguments = {"is_active": not off, "days_of_week": days, "start_time": start, "end_time": end}
    doing = Doing(things="workers", action=WorkerAction.SCHEDULE, arguments=arguments)
    with ManagerClient(manager_url) as client:
        if chosen.all_matching:
            act_on_matching(client, doing, chosen, as_json=as_json)
        else:
            said = "sleeps by no schedule any more" if off else "sleeps by that schedule"
            act_on_named(
                client, doing, find_workers(client, references), partial(simply, said), chosen, as_json=as_json
            )
