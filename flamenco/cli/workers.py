"""`flamenco workers`: who works on the farm, and on what."""

from __future__ import annotations

import click
import msgspec
from rich.console import Console
from rich.table import Table

from flamenco.cli.options import json_option, manager_option
from flamenco.client import ManagerClient


@click.command()
@manager_option
@json_option
def workers(manager_url: str, *, as_json: bool) -> None:
    """List the workers with the task that each of them runs.

    \b
    Example:
      flamenco workers --manager http://farm:8080
    """
    with ManagerClient(manager_url) as client:
        found = client.overview().workers
    if as_json:
        click.echo(msgspec.json.encode(found))
    elif not found:
        click.echo("There are no workers yet; start one with `flamenco worker`.")
    else:
        table = Table("Status", "Name", "Task", "Last seen", box=None)
        for worker in found:
            task = worker.task.name if worker.task else ""
            table.add_row(worker.status or "registered", worker.name, task, worker.last_seen or "never")
        Console(highlight=False).print(table)
