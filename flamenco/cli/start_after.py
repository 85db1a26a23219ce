"""`flamenco start-after`: when jobs start at the earliest; and the options of `flamenco submit` for that."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

import click

from flamenco.cli.acting import Doing, act_on_matching, act_on_named, simply
from flamenco.cli.choosing import Chosen, choosing_jobs
from flamenco.cli.options import json_option, manager_option
from flamenco.cli.references import find_jobs
from flamenco.client import ManagerClient
from flamenco.domain.actions import JobAction

F = TypeVar("F", bound=Callable[..., Any])

_REASON: Final = click.option("--reason", default="", help="Why it does not start sooner; shown with the job.")


def start_after_options(function: F) -> F:
    """Add `--start-after WHEN` and `--reason TEXT`, given as `start` and `reason`."""
    help_ = "Begin no task before: +1h30m, 18:00, 'tonight 18:00', 'friday 20:00', or an ISO date and time."
    decorated: F = click.option("--start-after", "start", metavar="WHEN", default="", help=help_)(_REASON(function))
    return decorated


@click.command("start-after")
@click.argument("references", metavar="JOB...", nargs=-1)
@click.argument("when", metavar="WHEN")
@_REASON
@choosing_jobs
@manager_option
@json_option
def start_after(
    references: tuple[str, ...], when: str, reason: str, chosen: Chosen, manager_url: str, *, as_json: bool
) -> None:
    """Have jobs begin no more tasks before WHEN; what runs of them already goes on. With now, they start at once.

    JOB is an ID, the beginning of one, or a name. WHEN is such as +15m, +1h30m, 18:00, 'tonight 18:00',
    'tomorrow 7:00', 'friday 20:00' or 2026-12-24T18:00, by the manager's clock.

    \b
    Example:
      flamenco start-after 6d0e2b4a "tonight 18:00" --reason "license server is down"
      flamenco start-after "Shot 13" now
      flamenco start-after +4h --all-matching --user anna --status queued
    """
    chosen.check(references, "Which job? `flamenco jobs` lists them; when it is to start comes after it.")
    arguments = {"start_after": when, **({"reason": reason} if reason else {})}
    doing = Doing(things="jobs", action=JobAction.START_AFTER, arguments=arguments)
    with ManagerClient(manager_url) as client:
        if chosen.all_matching:
            act_on_matching(client, doing, chosen, as_json=as_json)
        else:
            found = find_jobs(client, references)
            act_on_named(client, doing, found, partial(simply, doing.done), chosen, as_json=as_json)
