"""`flamenco log TASK --search TEXT`: the lines of a task's log that have it, each with some around it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import click
from msgspec import UNSET, Struct

from flamenco.cli.output import print_json, print_line
from flamenco.client import LogHit, ManagerClient
from flamenco.domain.errors import NotFound

CONTEXT: Final = 3
"""So many lines before and after each the manager gives."""


class Sought(Struct, frozen=True):
    """What to look for, and how many lines to print around each that has it."""

    text: str
    is_pattern: bool
    minds_case: bool
    around: int


def search(client: ManagerClient, task_id: str, sought: Sought, *, as_json: bool) -> None:
    """Print what is found, in as many requests as that takes. Raises `NotFound` when that is nothing."""
    found = _hits(client, task_id, sought)
    if as_json:
        print_json(list(found))
        return
    last = 0
    for number, mark, text in _rows(found, sought.around):
        if sought.around and 0 < last < number - 1:
            click.echo("--")
        print_line(f"{number}{mark}{text}")
        last = number
    if not last:
        raise NotFound(f"{sought.text!r} is not in the log.")


def _hits(client: ManagerClient, task_id: str, sought: Sought) -> Iterator[LogHit]:
    after, line = 0, 1
    while True:
        answer = client.tasks.search_log(
            task_id, sought.text, is_pattern=sought.is_pattern, minds_case=sought.minds_case, after=after, line=line
        )
        yield from answer.hits
        if answer.next is UNSET or answer.next_line is UNSET or answer.next <= after:
            return
        after, line = answer.next, answer.next_line


def _rows(found: Iterator[LogHit], around: int) -> Iterator[tuple[int, str, str]]:
    """Each line once, with its number and, as in `grep -n`, a colon where it was found or a dash where it was not."""
    last = 0
    following: list[tuple[int, str]] = []
    for hit in found:
        before = hit.before[len(hit.before) - min(around, len(hit.before)) :]
        for number, text in [*following, *enumerate(before, hit.line - len(before))]:
            if last < number < hit.line:
                yield number, "-", text
                last = number
        yield hit.line, ":", hit.text
        last = hit.line
        following = list(enumerate(hit.after[:around], hit.line + 1))
    for number, text in following:
        yield number, "-", text
