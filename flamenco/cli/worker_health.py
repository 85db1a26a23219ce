"""`flamenco workers heal`: giving workers tasks again that were sick."""

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
@choosing_workers
@manager_option
@json_option
def heal(references: tuple[str, ...], chosen: Chosen, manager_url: str, *, as_json: bool) -> None:
    """Give workers tasks again that were sick: they failed task after task, or a rule had them in error.

    `flamenco workers` says which are, and why. See to that first: what fails again makes them sick again.

    \b
    Example:
      flamenco workers heal render-07
      flamenco workers heal --all-matching --status error
    """
    chosen.check(references, "Which worker? `flamenco workers` lists them.")
    doing = Doing(things="workers", action=WorkerAction.HEAL)
    with ManagerClient(manager_url) as client:
        if chosen.all_matching:
            act_on_matching(client, doing, chosen, as_json=as_json)
        else:
            found = find_workers(client, references)
            act_on_named(client, doing, found, partial(simply, doing.done), chosen, as_json=as_json)
