"""`flamenco order` and `flamenco approve`: which frames of jobs come first; and options of `flamenco submit`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, Final, TypeVar

import click

from flamenco.cli.acting import Doing, act_on_matching, act_on_named, simply
from flamenco.cli.choosing import Chosen, choosing_jobs
from flamenco.cli.options import json_option, manager_option
from flamenco.cli.output import print_json
from flamenco.cli.references import find_job, find_jobs
from flamenco.client import ManagerClient, Preview
from flamenco.domain.actions import JobAction
from flamenco.domain.errors import Refused
from flamenco.domain.previews import Then

F = TypeVar("F", bound=Callable[..., Any])

_LINK_HOURS: Final = 48


def frame_options(function: F) -> F:
    """Add `--order` and those of previews, given as `order: str` and `preview: Preview | None`."""

    @wraps(function)
    def collected(*args: Any, **given: Any) -> Any:
        frames, then, after = (given.pop(name) for name in ("preview", "preview_then", "continue_after"))
        if not frames and (then or after):
            raise click.UsageError("Which frames are looked at first? Say it with --preview first,middle,last.")
        preview = Preview(frames=frames, then=Then(then or Then.ASK), continue_after=after) if frames else None
        return function(*args, preview=preview, **given)

    decorated: Any = collected
    for option in (
        click.option("--continue-after", metavar="SPAN", default="", help="Wait for nobody longer: 4h, for instance."),
        click.option("--preview-then", type=click.Choice([*Then]), help="What follows the preview: ask, unless said."),
        click.option("--preview", metavar="FRAMES", help="Frames to look at first: first,middle,last, or every 50."),
        click.option("--order", default="", help="How frames come: backward, 'every 10' (first), or middle-out."),
    ):
        decorated = option(decorated)
    result: F = decorated
    return result


@click.command()
@click.argument("references", metavar="JOB...", nargs=-1)
@click.argument("order_", metavar="ORDER")
@choosing_jobs
@manager_option
@json_option
def order(references: tuple[str, ...], order_: str, chosen: Chosen, manager_url: str, *, as_json: bool) -> None:
    """Have the frames of jobs come in another order, also while they are being rendered; what runs goes on.

    JOB is an ID, the beginning of one, or a name. ORDER is forward, as the job type has put them; backward; 'every 10',
    every tenth first; or middle-out: the first, the last, the one in the middle, those between them, and so on.

    \b
    Example:
      flamenco order "Shot 12" middle-out
      flamenco order 6d0e2b4a "every 10"
      flamenco order forward --all-matching --user anna --status queued
    """
    chosen.check(references, "Which job? `flamenco jobs` lists them; the order comes after it.")
    doing = Doing(things="jobs", action=JobAction.ORDER, arguments={"order": order_})
    _act(doing, references, chosen, manager_url, as_json=as_json)


@click.command()
@click.argument("references", metavar="JOB...", nargs=-1)
@click.option("--reason", default="", help="What people read of it.")
@click.option("--link", is_flag=True, help="Approve nothing, and print a link by which somebody does that, once.")
@click.option("--hours", default=_LINK_HOURS, show_default=True, help="With --link: how long that is good for.")
@choosing_jobs
@manager_option
@json_option
def approve(
    references: tuple[str, ...],
    reason: str,
    hours: int,
    chosen: Chosen,
    manager_url: str,
    *,
    link: bool,
    as_json: bool,
) -> None:
    """Have jobs go on that wait until somebody has looked at their preview.

    JOB is an ID, the beginning of one, or a name. Who does not like what they see cancels the job: `flamenco cancel`.
    With --link, a link is printed that whoever has it may use once, without signing in; looking at it does nothing yet.

    \b
    Example:
      flamenco approve "Shot 12"
      flamenco approve "Shot 12" --link --hours 8
      flamenco approve --all-matching --project "Short film" --dry-run
    """
    chosen.check(references, "Which job? `flamenco jobs --waiting-for-approval` lists those that wait for it.")
    if link:
        _print_link(references, hours, chosen, manager_url, as_json=as_json)
        return
    doing = Doing(things="jobs", action=JobAction.APPROVE, arguments={"reason": reason} if reason else {})
    _act(doing, references, chosen, manager_url, as_json=as_json)


def _print_link(references: tuple[str, ...], hours: int, chosen: Chosen, manager_url: str, *, as_json: bool) -> None:
    if len(references) != 1 or chosen.dry_run:
        raise Refused("a link is for one job; name that, and nothing else.")
    with ManagerClient(manager_url) as client:
        made = client.previews.make_link(find_job(client, references[0]).id, hours)
    if as_json:
        print_json(made)
    else:
        click.echo(made.url)


def _act(doing: Doing, references: tuple[str, ...], chosen: Chosen, manager_url: str, *, as_json: bool) -> None:
    with ManagerClient(manager_url) as client:
        if chosen.all_matching:
            act_on_matching(client, doing, chosen, as_json=as_json)
        else:
            found = find_jobs(client, references)
            act_on_named(client, doing, found, partial(simply, doing.done), chosen, as_json=as_json)
