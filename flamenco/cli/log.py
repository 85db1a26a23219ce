"""`flamenco log`: what a task has printed, and goes on printing."""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import Final

import click
from msgspec import Struct

from flamenco.cli.job_waits import patiently
from flamenco.cli.log_search import CONTEXT, Sought, search
from flamenco.cli.options import json_option, manager_option
from flamenco.cli.output import print_json
from flamenco.cli.references import find_job, find_tasks
from flamenco.client import ManagerClient, TaskLog
from flamenco.domain.statuses import FINISHED_TASK
from flamenco.domain.visible import visible_lines

POLL_S: Final = 1.0
TAIL_BYTES: Final = 2048


class ShownLog(Struct, frozen=True):
    """The log of a task: where it can be had, its size in bytes, and its text."""

    task_id: str
    url: str
    size: int
    text: str


@click.command()
@click.argument("where", metavar="[JOB] TASK", nargs=-1, required=True)
@click.option("-f", "--follow", is_flag=True, help="Go on printing what is added, until the task has ended.")
@click.option("--tail", is_flag=True, help="Begin with the last lines, about 2000 characters.")
@click.option("--line", type=click.IntRange(1), metavar="N", help="Begin with line N, or with the last one.")
@click.option("--search", "sought", metavar="TEXT", help="Print the lines that have TEXT, with their numbers.")
@click.option("--regex", "is_pattern", is_flag=True, help="TEXT is a regular expression.")
@click.option("--case", "minds_case", is_flag=True, help="Capitals in TEXT matter.")
@click.option(
    "--context",
    "around",
    type=click.IntRange(0, CONTEXT),
    default=0,
    show_default=True,
    help="So many lines before and after each are printed as well.",
)
@manager_option
@json_option
def log(
    where: tuple[str, ...],
    sought: str | None,
    around: int,
    line: int | None,
    manager_url: str,
    *,
    follow: bool,
    tail: bool,
    is_pattern: bool,
    minds_case: bool,
    as_json: bool,
) -> None:
    """Print the log of a task, or what is found in it. After its JOB, TASK is its number or its name; alone, its
    whole ID.

    \b
    Example:
      flamenco log "Shot 12" render-1-5 -f
      flamenco log 6d0e2b4a 3 --tail
      flamenco log 6d0e2b4a 3 --line 1200
      flamenco log 6d0e2b4a 3 --search "out of memory" --context 3
    """
    if len(where) > 2:
        raise click.UsageError("That is more than a job and a task; put names with spaces in quotes.")
    if follow and as_json:
        raise click.UsageError("--json prints the log as it is now; leave out --follow.")
    if sought is not None and (follow or tail or line):
        raise click.UsageError("--search is about all of the log; leave out --follow, --tail and --line.")
    if tail and line:
        raise click.UsageError("Begin with --line or with --tail.")
    if sought is None and (is_pattern or minds_case or around):
        raise click.UsageError("--regex, --case and --context are about what is looked for; add --search TEXT.")
    if sought == "":
        raise click.UsageError("--search takes a text of one character at least.")
    with ManagerClient(manager_url) as client:
        job = find_job(client, where[0]) if len(where) == 2 else None
        task = find_tasks(client, where[-1:], job)[0]
        if sought is not None:
            search(client, task.id, Sought(sought, is_pattern, minds_case, around), as_json=as_json)
            return
        found = client.tasks.log(task.id)
        start = _start_of_tail(client, found) if found and tail else 0
        if line:
            start = client.tasks.place_of_line(task.id, line)
        if as_json:
            print_json(_whole(client, task.id, found, start))
        elif follow:
            _follow(client, task.id, start)
        elif found:
            _print(client, found, start)
        else:
            click.echo("Nothing was logged yet; no worker has begun with this task.", err=True)


def _whole(client: ManagerClient, task_id: str, found: TaskLog | None, start: int) -> ShownLog:
    if not found:
        return ShownLog(task_id, "", 0, "")
    data = b""
    while part := client.tasks.log_part(found, start + len(data)):
        data += part
    return ShownLog(task_id, found.url, found.size, data.decode(errors="replace"))


def _print(client: ManagerClient, found: TaskLog, start: int) -> None:
    at = start
    while part := client.tasks.log_part(found, at):
        click.echo(_shown(part), nl=False)
        at += len(part)


def _shown(part: bytes) -> bytes | str:
    """As it is for a program; for a terminal without what it would obey, but for going back to the start of a line."""
    if not sys.stdout.isatty():
        return part
    return "\r".join(map(visible_lines, part.decode(errors="replace").split("\r")))


def _start_of_tail(client: ManagerClient, found: TaskLog) -> int:
    """Where the last lines begin; in the middle of a line when it is longer than that."""
    if (start := found.size - TAIL_BYTES) <= 0:
        return 0
    rest_of_line, newline, lines = client.tasks.log_part(found, start).partition(b"\n")
    return start + len(rest_of_line) + len(newline) if lines else start


def _follow(client: ManagerClient, task_id: str, start: int) -> None:
    at = start
    progress = b""
    while True:
        # Asked before reading: what a task that has ended wrote is there by then.
        ended = patiently(lambda: client.tasks.get(task_id)).status in FINISHED_TASK
        found = patiently(lambda: client.tasks.log(task_id))
        if found and found.size < at:
            click.echo("flamenco: the log became too long and was cut; going on where it ends now", err=True)
            at, progress = found.size, b""
        while found and found.size > at and (part := patiently(partial(client.tasks.log_part, found, at))):
            at += part.rfind(b"\n") + 1 if part.endswith(b"\r") else len(part)
            if part != progress:
                click.echo(_shown(part), nl=False)
            # A line that is not finished is read again, for what comes next takes its place.
            progress = part[part.rfind(b"\n") + 1 :]
            if part.endswith(b"\r"):
                break
        if ended:
            return
        time.sleep(POLL_S)
