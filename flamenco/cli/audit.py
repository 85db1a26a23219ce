"""`flamenco audit`: who changed what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click
import msgspec

from flamenco.cli.options import json_option, manager_option
from flamenco.cli.output import print_json, print_table
from flamenco.cli.references import find_job
from flamenco.client import ManagerClient


@click.command()
@click.option("--limit", type=click.IntRange(1, 1_000), default=50, show_default=True, help="At most so many.")
@click.option("--who", default="", metavar="NAME", help="Only what this one changed.")
@click.option("--kind", default="", metavar="KIND", help="Only such things: job, task, worker, tag, user, token …")
@click.option("--job", metavar="JOB", help="Only what was done with this job, which all may see who see the job.")
@manager_option
@json_option
def audit(limit: int, who: str, kind: str, job: str | None, manager_url: str, *, as_json: bool) -> None:
    """Show who changed what, the newest first. For those with the role wrangler or admin.

    With --job, who did what with one job, for everybody who may see it. JOB is its ID, the beginning of that, or its
    name.

    \b
    Example:
      flamenco audit --who anna
      flamenco audit --job "Shot 12"
      flamenco audit --kind job --json | jq -r '.[] | .who + " " + .operation'
    """
    if job and (who or kind):
        raise click.UsageError("--job goes with neither --who nor --kind.")
    with ManagerClient(manager_url) as client:
        if job:
            history = client.access.job_history(find_job(client, job).id, limit)
            told = [(_at(each.created), each.who, each.operation, _fields(each.before, each.after)) for each in history]
            _print_history(history, told, as_json=as_json)
            return
        found = client.access.audit(limit, who, kind)
    if as_json:
        print_json(found)
    elif not found:
        click.echo("Nothing was changed yet.")
    else:
        rows = (
            (
                _at(each.created),
                each.who,
                each.address,
                each.operation,
                f"{each.kind} {each.object_name or each.object_id}",
                _fields(each.before, each.after),
            )
            for each in found
        )
        print_table(("When", "Who", "From", "Did", "To", "What"), rows)


def _print_history(found: Sequence[Any], rows: Sequence[tuple[str, ...]], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    elif not found:
        click.echo("Nothing was done with it that is still known.")
    else:
        print_table(("When", "Who", "Did", "What"), rows)


def _at(moment: datetime) -> str:
    return moment.astimezone().isoformat(" ", "seconds")[:19]


def _fields(before: dict[str, Any] | None, after: dict[str, Any] | None) -> str:
    names = list({**(before or {}), **(after or {})})
    return ", ".join(f"{name}: {_told(before, name)}{_told(after, name, ' → ')}" for name in names)


def _told(fields: dict[str, Any] | None, name: str, sign: str = "") -> str:
    return f"{sign}{msgspec.json.encode(fields[name]).decode()}" if fields and name in fields else ""
