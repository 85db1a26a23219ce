"""`flamenco commands of`: the commands of a task as a worker gets them, to be run by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import click
import msgspec

from flamenco.cli.options import json_option, manager_option
from flamenco.cli.output import print_json, print_line
from flamenco.cli.references import find_job, find_tasks
from flamenco.client import ManagerClient, TaskCommand

PLATFORMS: Final = ("linux", "windows", "darwin")


@click.command("of")
@click.argument("reference", metavar="JOB")
@click.argument("task", metavar="TASK")
@click.option("--platform", type=click.Choice(PLATFORMS), help="That of the worker; otherwise the manager's own.")
@manager_option
@json_option
def of(reference: str, task: str, platform: str | None, manager_url: str, *, as_json: bool) -> None:
    """Print what a TASK of a JOB has workers run, with the variables replaced, as lines for a shell.

    What runs no program, or more than one, is a comment that has its parameters.

    \b
    Example:
      flamenco commands of "Shot 12" 3
      flamenco commands of "Shot 12" 3 --platform windows --json
    """
    with ManagerClient(manager_url) as client:
        job = find_job(client, reference)
        found = client.tasks.commands(find_tasks(client, [task], job)[0].id, platform or "")
    if as_json:
        print_json(found)
        return
    for command in found.commands:
        for line in lines_of(command):
            print_line(line)


def lines_of(command: TaskCommand) -> Iterable[str]:
    """What is printed of a command."""
    yield f"# {command.name}{f': {command.problem}' if command.problem else ''}"
    if command.line:
        yield command.line
        return
    for name, value in command.parameters.items():
        yield f"#   {name}: {value if isinstance(value, str) else msgspec.json.encode(value).decode()}"
