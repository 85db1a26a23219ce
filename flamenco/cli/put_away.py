"""`flamenco workers put-away` and `bring-back`: workers that are out of the way."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import click

from flamenco.cli.acting import Doing, act_on_matching, act_on_named, simply
from flamenco.cli.choosing import Chosen, choosing_workers
from flamenco.cli.options import json_option, manager_option
from flamenco.cli.references import find_workers
from flamenco.client import ManagerClient
from flamenco.domain.actions import WorkerAction

_workers = click.argument("references", metavar="WORKER...", nargs=-1)


@click.command("put-away")
@_workers
@choosing_workers
@manager_option
@json_option
def put_away(references: tuple[str, ...], chosen: Chosen, manager_url: str, *, as_json: bool) -> None:
    """Take workers that are gone out of all lists, with what they did kept; they come back when they sign on.

    \b
    Example:
      flamenco workers put-away old-laptop
      flamenco workers put-away --all-matching --status error,offline --dry-run
    """
    _move(WorkerAction.PUT_AWAY, references, chosen, manager_url, as_json=as_json)


@click.command("bring-back")
@_workers
@choosing_workers
@manager_option
@json_option
def bring_back(references: tuple[str, ...], chosen: Chosen, manager_url: str, *, as_json: bool) -> None:
    """Have workers in the lists again that are put away; `flamenco workers list --put-away` lists those.

    \b
    Example:
      flamenco workers bring-back old-laptop
    """
    _move(WorkerAction.BRING_BACK, references, chosen, manager_url, as_json=as_json)


def _move(action: WorkerAction, references: Sequence[str], chosen: Chosen, manager_url: str, *, as_json: bool) -> None:
    chosen.check(references, "Which worker? `flamenco workers` lists them.")
    doing = Doing(things="workers", action=action)
    with ManagerClient(manager_url) as client:
        if chosen.all_matching:
            act_on_matching(client, doing, chosen, as_json=as_json)
        else:
            found = find_workers(client, references, put_away=True)
            act_on_named(client, doing, found, partial(simply, doing.done), chosen, as_json=as_json)
