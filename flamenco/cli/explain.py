"""`flamenco explain`: why a job is not running."""

from __future__ import annotations

import click
import msgspec
from rich.console import Console
from rich.table import Table

from flamenco.cli.options import json_option, manager_option
from flamenco.client import Explanation, ManagerClient
from flamenco.domain.errors import NotFound


@click.command()
@click.argument("job_id", metavar="JOB")
@click.option("--worker", "worker_name", metavar="WORKER", help="Say it for one worker: its name, or its ID.")
@manager_option
@json_option
def explain(job_id: str, worker_name: str | None, manager_url: str, *, as_json: bool) -> None:
    """Say where a job stands among the others, and what its waiting tasks wait for. JOB is its ID.

    \b
    Example:
      flamenco explain 6d0e2b4a-4f3c-4b62-9d6e-0c1f6f3a9b11 --worker render-07
    """
    with ManagerClient(manager_url) as client:
        worker_id = _worker_id(client, worker_name) if worker_name else None
        found = client.explain(job_id, worker_id)
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        _print(found)


def _worker_id(client: ManagerClient, name: str) -> str:
    for worker in client.overview().workers:
        if name in (worker.name, worker.id):
            return worker.id
    raise NotFound(f"there is no worker {name!r}; `flamenco workers` lists them.")


def _print(found: Explanation) -> None:
    console = Console(highlight=False, markup=False, soft_wrap=True)
    where = f"number {found.position} of {found.open_jobs} open jobs" if found.position else "not handed out now"
    console.print(f"{found.job.name}  {found.job.status}, priority {found.job.priority}, {where}")
    if found.terms or found.holds:
        table = Table("policy", "score", "weight", "because", box=None, pad_edge=False)
        for term in found.terms:
            table.add_row(term.policy, f"{term.score:.2f}", f"{term.weight:g}", term.reason)
        for hold in found.holds:
            table.add_row(hold.policy, "held", "", hold.reason)
        console.print(table)
    if found.running:
        console.print(f"{found.running} tasks are being run.")
    for group in found.waiting:
        names = ", ".join(group.tasks) + (", …" if group.count > len(group.tasks) else "")
        console.print(f"{group.count} waiting: {group.reason}  ({names})")
    if not found.waiting:
        console.print("No task is waiting.")
