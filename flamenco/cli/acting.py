"""Having an action carried out with what a command was given, and saying what was done and what was refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import click
from msgspec import Struct

from flamenco.cli.choosing import Chosen
from flamenco.cli.options import confirm
from flamenco.cli.output import print_json, print_line
from flamenco.cli.references import Named
from flamenco.client import ManagerClient
from flamenco.client.actions import Things
from flamenco.domain.actions import JOB_ACTIONS, TASK_ACTIONS, WORKER_ACTIONS, AnyAction, JobAction, TaskAction
from flamenco.domain.errors import Refused

_ALL_NAMED: Final = 100
"""Of so many, a manager tells of each why it was refused."""


class Doing(Struct, frozen=True, kw_only=True):
    """What is to be done with what kind of things."""

    things: Things
    action: Any
    arguments: Mapping[str, Any] = {}

    @property
    def done(self) -> str:
        """How one says that it happened."""
        return _done(self.action)


def _done(action: AnyAction) -> str:
    if isinstance(action, JobAction):
        return JOB_ACTIONS[action].done
    return TASK_ACTIONS[action].done if isinstance(action, TaskAction) else WORKER_ACTIONS[action].done


class Told(Struct, frozen=True):
    """What is said of one thing: after its name, and as JSON. One that is `refused` makes the command fail."""

    text: str
    record: Mapping[str, Any]
    refused: bool = False


Tell = Callable[[Any, str], Told]
"""Says what became of a thing; the second argument is why it was refused, and empty where it was not."""


def simply(done: str, thing: Named, refused: str) -> Told:
    """What is said of a thing of which nothing else is to be told."""
    record = {"id": thing.id, "name": thing.name}
    return Told(refused, {**record, "refused": refused}, refused=True) if refused else Told(done, record)


def act_on_named(
    client: ManagerClient, doing: Doing, found: Sequence[Named], tell: Tell, chosen: Chosen, *, as_json: bool
) -> None:
    """Do it with these, or try it, and tell of each. Raises `Refused` in the end where it was for some."""
    reasons = _reasons(client, doing, found, dry_run=chosen.dry_run)
    if chosen.dry_run:
        tell = partial(simply, f"would be {doing.done}")
    told = [(thing, tell(thing, reasons.get(thing.id, ""))) for thing in found]
    if as_json:
        print_json([each.record for _, each in told])
    else:
        for thing, each in told:
            print_line(f"{thing.name}: {each.text}", err=each.refused)
    if count := sum(each.refused for _, each in told):
        raise Refused(f"that was refused for {count} of {len(found)}.")


def _reasons(client: ManagerClient, doing: Doing, found: Sequence[Named], *, dry_run: bool) -> dict[str, str]:
    """Do it, or try it; why it was refused for which, by their ids."""
    reasons: dict[str, str] = {}
    for first in range(0, len(found), _ALL_NAMED):
        ids = [thing.id for thing in found[first : first + _ALL_NAMED]]
        outcome = client.actions.on(doing.things, doing.action, doing.arguments, ids=ids, dry_run=dry_run)
        reasons |= {each.id: each.reason for each in outcome.refused}
    return reasons


def act_on_matching(
    client: ManagerClient, doing: Doing, chosen: Chosen, *, as_json: bool, sure: bool | None = None
) -> None:
    """Do it, or try it, with all that a filter leaves in; say with how many, and with which it was refused.

    What nothing takes back is asked about before, unless somebody is `sure`; None asks nothing.
    """
    if sure is False and not chosen.dry_run:
        found = client.actions.on(doing.things, doing.action, {}, matching=chosen.filter(client), dry_run=True)
        count = found.matched - found.refused_count
        confirm(f"{count} {doing.things} would be {doing.done}.", "All of them?", sure=sure)
    outcome = client.actions.on(
        doing.things, doing.action, doing.arguments, matching=chosen.filter(client), dry_run=chosen.dry_run
    )
    if as_json:
        print_json(outcome)
        return
    for each in outcome.refused:
        print_line(f"{each.name or each.id}: {each.reason}", err=True)
    if (more := outcome.refused_count - len(outcome.refused)) > 0:
        click.echo(f"… and it was refused for {more} more.", err=True)
    count = outcome.matched - outcome.refused_count
    noun = doing.things if count != 1 else doing.things[:-1]
    click.echo(f"{count} {noun} {'would be ' if chosen.dry_run else ''}{doing.done}")
