"""`flamenco note` and `flamenco workers note`: what people want others to know of jobs and workers."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import click

from flamenco.cli.acting import Doing, act_on_matching, act_on_named, simply
from flamenco.cli.choosing import Chosen, choosing_jobs, choosing_workers
from flamenco.cli.options import json_option, manager_option
from flamenco.cli.output import age
from flamenco.cli.references import find_jobs, find_workers
from flamenco.client import ManagerClient, Note
from flamenco.domain.actions import JobAction, WorkerAction


def noted(found: Note) -> str:
    """A note in a line, with who wrote it, and when."""
    return f"{found.text}  ({found.who}, {age(found.at, datetime.now(UTC))} ago)"


@click.command()
@click.argument("references", metavar="JOB...", nargs=-1)
@click.argument("said", metavar="TEXT")
@choosing_jobs
@manager_option
@json_option
def note(references: tuple[str, ...], said: str, chosen: Chosen, manager_url: str, *, as_json: bool) -> None:
    """Leave a note on jobs, in place of the one before; '' takes it away. `flamenco job JOB` shows it.

    JOB is an ID, the beginning of one, or a name.

    \b
    Example:
      flamenco note "Shot 13" "Ann says that the camera moves in frame 40; do not render beyond"
    """
    chosen.check(references, "Which job? `flamenco jobs` lists them; the note comes after it.")
    doing = Doing(things="jobs", action=JobAction.NOTE, arguments={"note": said})
    with ManagerClient(manager_url) as client:
        if chosen.all_matching:
            act_on_matching(client, doing, chosen, as_json=as_json)
        else:
            found = find_jobs(client, references)
            act_on_named(client, doing, found, partial(simply, doing.done), chosen, as_json=as_json)


@click.command("note")
@click.argument("references", metavar="WORKER...", nargs=-1)
@click.argument("said", metavar="TEXT")
@choosing_workers
@manager_option
@json_option
def note_on_workers(references: tuple[str, ...], said: str, chosen: Chosen, manager_url: str, *, as_json: bool) -> None:
    """Leave a note on workers, in place of the one before; '' takes it away. `show` shows it.

    \b
    Example:
      flamenco workers note render-07 "Fan broken, ordered on Monday"
    """
    chosen.check(references, "Which worker? `flamenco workers` lists them; the note comes after it.")
    doing = Doing(things="workers", action=WorkerAction.NOTE, arguments={"note": said})
    with ManagerClient(manager_url) as client:
        if chosen.all_matching:
            act_on_matching(client, doing, chosen, as_json=as_json)
        else:
            found = find_workers(client, references, put_away=True)
            act_on_named(client, doing, found, partial(simply, doing.done), chosen, as_json=as_json)
