"""`flamenco audit`: who changed what."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from flamenco.cli.options import json_option, manager_option
from flamenco.cli.output import print_json, print_table
from flamenco.client import ManagerClient


@click.command()
@click.option("--limit", type=click.IntRange(1, 1_000), default=50, show_default=True, help="At most so many.")
@click.option("--who", default="", metavar="NAME", help="Only what this one changed.")
@click.option("--kind", default="", metavar="KIND", help="Only such things: job, task, worker, tag, user, token …")
@manager_option
@json_option
def audit(limit: int, who: str, kind: str, manager_url: str, *, as_json: bool) -> None:
    """Show who changed what, the newest first. For those with the role wrangler or admin.

    \b
    Example:
      flamenco audit --who anna
      flamenco audit --kind job --json | jq -r '.[] | .who + " " + .operation'
    """
    with ManagerClient(manager_url) as client:
        found = client.access.audit(limit, who, kind)
    if as_json:
        print_json(found)
    elif not found:
        click.echo("Nothing was changed yet.")
    else:
        rows = (
            (
                each.created.astimezone().isoformat(" ", "seconds")[:19],
                each.who,
                each.address,
                each.operation,
                f"{each.kind} {each.object_name or each.object_id}",
                _fields(each.before, each.after),
            )
            for each in found
        )
        print_table(("When", "Who", "From", "Did", "To", "What"), rows)


def _fields(before: dict[str, Any] | None, after: dict[str, Any] | None) -> str:
    names = list({**(before or {}), **(after or {})})
    return ", ".join(f"{name}: {_told(before, name)}{_told(after, name, ' → ')}" for name in names)


def _told(fields: dict[str, Any] | None, name: str, sign: str = "") -> str:
    return f"{sign}{msgspec.json.encode(fields[name]).decode()}" if fields and name in fields else ""
