"""`flamenco max-workers`: how many workers jobs may have at once, also while they run."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import click

from flamenco.cli.acting import Doing, act_on_matching, act_on_named, simply
from flamenco.cli.choosing import Chosen, choosing_jobs
from flamenco.cli.options import json_option, manager_option
from flamenco.cli.references import find_jobs
from flamenco.client import ManagerClient
from flamenco.domain.actions import JobAction
from flamenco.domain.people_limits import MOST

DEFAULT: Final = "default"


class _Number(click.ParamType[int | None]):
    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """A number, or None for what the settings of a job say."""
        if value == DEFAULT:
            return None
        if not (isinstance(value, str) and value.isascii() and value.isdigit() and int(value[:12]) <= MOST):
            self.fail(f"{value!r} is no number from 0, for any number, to {MOST}, nor {DEFAULT}.", param, ctx)
        return int(value[:12])


@click.command("max-workers")
@click.argument("references", metavar="JOB...", nargs=-1)
@click.argument("number", metavar="N", type=_Number())
@choosing_jobs
@manager_option
@json_option
def max_workers(
    references: tuple[str, ...], number: int | None, chosen: Chosen, manager_url: str, *, as_json: bool
) -> None:
    """Let no more than N workers be busy with a job at once, from now on; with 0, as many as there are.

    What runs already goes on. With default, its setting max_workers counts again, where its job type has one. JOB is an
    ID, the beginning of one, or a name.

    \b
    Example:
      flamenco max-workers "Shot 13" 2
      flamenco max-workers --all-matching --user anna --status queued,active 4
    """
    chosen.check(references, "Which job? `flamenco jobs` lists them; the number comes after it.")
    doing = Doing(things="jobs", action=JobAction.MAX_WORKERS, arguments={"max_workers": number})
    with ManagerClient(manager_url) as client:
        if chosen.all_matching:
            act_on_matching(client, doing, chosen, as_json=as_json)
        else:
            found = find_jobs(client, references)
            act_on_named(client, doing, found, partial(simply, doing.done), chosen, as_json=as_json)
