"""`flamenco explain`: why a job is not running."""

from __future__ import annotations

from typing import Final

import click
import msgspec
from rich.console import Console
from rich.table import Table

from flamenco.cli.options import json_option, manager_option
from flamenco.cli.references import find_job, find_workers
from flamenco.client import Explanation, ManagerClient
from flamenco.domain.failures import cause
from flamenco.domain.visible import visible

SHOWN: Final = 5
"""How many failed tasks are listed with their reason."""


@click.command()
@click.argument("reference", metavar="JOB")
@click.option("--worker", "worker_name", metavar="WORKER", help="Say it for one worker: its name, or its ID.")
@manager_option
@json_option
def explain(reference: str, worker_name: str | None, manager_url: str, *, as_json: bool) -> None:
    """Say where a job stands among the others, and what its waiting tasks wait for.

    JOB is an ID, the beginning of one, or a name.

    \b
    Example:
      flamenco explain 6d0e2b4a --worker render-07
    """
    with ManagerClient(manager_url) as client:
        worker_id = find_workers(client, [worker_name])[0].id if worker_name else None
        found = client.explain(find_job(client, reference).id, worker_id)
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        _print(found)


def _print(found: Explanation) -> None:
    console = Console(highlight=False, markup=False, soft_wrap=True)
    where = f"number {found.position} of {found.open_jobs} open jobs" if found.position else "not handed out now"
    console.print(f"{visible(found.job.name)}  {found.job.status}, priority {found.job.priority}, {where}")
    if found.job.activity:
        console.print(visible(found.job.activity))
    if found.terms or found.holds:
        table = Table("policy", "score", "weight", "because", box=None, pad_edge=False)
        for term in found.terms:
            table.add_row(term.policy, f"{term.score:.2f}", f"{term.weight:g}", visible(term.reason))
        for hold in found.holds:
            table.add_row(hold.policy, "held", "", visible(hold.reason))
        console.print(table)
    for limits in found.time_limits:
        console.print(f"limits: {visible(limits.text)}")
    if found.running:
        console.print("1 task is being run." if found.running == 1 else f"{found.running} tasks are being run.")
    for group in found.waiting:
        names = ", ".join(group.tasks) + (", …" if group.count > len(group.tasks) else "")
        console.print(f"{group.count} waiting: {visible(group.reason)}  ({visible(names)})")
    for task in found.failed[:SHOWN]:
        console.print(f"{task.status}: {visible(cause(task.name, task.why))}")
    if len(found.failed) > SHOWN:
        console.print(f"More tasks failed; `flamenco tasks {found.job.id} --status failed,soft-failed` lists them.")
    if not found.waiting:
        console.print("No task is waiting.")
