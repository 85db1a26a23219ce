"""`flamenco retries`: how much may fail in a job; and the options of `flamenco submit` for that."""

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
from flamenco.domain.failure_rules import MOST_TRIES

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT: Final = "default"
"""What takes back what was said of a job."""


class _Number(click.ParamType[Any]):
    """A number in a range, or `DEFAULT`, which is None in a tuple."""

    name = "N"

    def __init__(self, least: int, most: int) -> None:
        self._range = click.IntRange(least, most)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it."""
        return (None,) if value == DEFAULT else (self._range.convert(value, param, ctx),)


_PERCENT: Final = "Fail the job when so many percent of its tasks have failed: 0 for the first, 100 for all."
_TRIES: Final = "Fail a task when so many workers have failed it."


def retry_options(function: F) -> F:
    """Add `--fail-percent N` and `--tries N`, given as `fail_percent` and `tries`."""
    decorated: F = click.option("--fail-percent", type=click.IntRange(0, 100), metavar="N", help=_PERCENT)(
        click.option("--tries", type=click.IntRange(1, MOST_TRIES), metavar="N", help=_TRIES)(function)
    )
    return decorated


@click.command()
@click.argument("references", metavar="JOB...", nargs=-1)
@click.option("--fail-percent", type=_Number(0, 100), help=_PERCENT)
@click.option("--tries", type=_Number(1, MOST_TRIES), help=_TRIES)
@choosing_jobs
@manager_option
@json_option
def retries(
    references: tuple[str, ...],
    fail_percent: tuple[int | None] | None,
    tries: tuple[int | None] | None,
    chosen: Chosen,
    manager_url: str,
    *,
    as_json: bool,
) -> None:
    """Say how much may fail in jobs before they do; it counts for what fails from now on.

    JOB is an ID, the beginning of one, or a name. N may be "default": as its job type or the settings say.

    \b
    Example:
      flamenco retries 6d0e2b4a --tries 5
      flamenco retries "Shot 13" --fail-percent 50 --tries default
    """
    chosen.check(references, "Which job? `flamenco jobs` lists them.")
    given = {"fail_percent": fail_percent, "tries": tries}
    arguments = {word: value[0] for word, value in given.items() if value is not None}
    if not arguments:
        raise click.UsageError("What may fail? Give --fail-percent, --tries or both.")
    doing = Doing(things="jobs", action=JobAction.RETRIES, arguments=arguments)
    with ManagerClient(manager_url) as client:
        if chosen.all_matching:
            act_on_matching(client, doing, chosen, as_json=as_json)
        else:
            found = find_jobs(client, references)
            act_on_named(client, doing, found, partial(simply, doing.done), chosen, as_json=as_json)
