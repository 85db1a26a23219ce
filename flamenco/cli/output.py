"""How commands print what they found: tables for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import click
import msgspec
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from flamenco.domain.durations import in_words
from flamenco.domain.visible import visible

SHORT_ID: Final = 8
"""How much of an ID is shown, where that is enough to tell them apart."""

_NO_LIMIT: Final = 10_000
_STYLES: Final = {
    **dict.fromkeys(("completed", "awake"), "green"),
    **dict.fromkeys(("failed", "canceled", "cancel-requested", "error"), "red"),
    **dict.fromkeys(("active", "starting", "testing"), "yellow"),
    "soft-failed": "magenta",
}


def print_json(value: Any) -> None:
    """One value, on one line."""
    click.echo(msgspec.json.encode(value))


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
    """A table of cells, as text or styled; only the last column is folded where a terminal is too narrow.

    Into a file or another program a row is always one line.
    """
    *narrow, last = titles
    columns = (*(Column(title, no_wrap=True) for title in narrow), Column(last, overflow="fold"))
    _print(Table(*columns, box=None, pad_edge=False), rows)


def print_fields(fields: Iterable[tuple[str, str | Text]]) -> None:
    """What is known of one thing: names and what they are."""
    columns = Column(no_wrap=True), Column(overflow="fold")
    _print(Table(*columns, show_header=False, box=None, pad_edge=False), fields)


def print_line(text: str, *, err: bool = False) -> None:
    """A line with names in it that others gave."""
    click.echo(visible(text), err=err)


def _print(table: Table, rows: Iterable[Sequence[str | Text]]) -> None:
    for row in rows:
        table.add_row(*map(_cell, row))
    if sys.stdout.isatty():
        Console(highlight=False).print(table)
        return
    console = Console(highlight=False, width=_NO_LIMIT)
    with console.capture() as captured:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _cell(cell: str | Text) -> Text:
    """What others wrote, as it may be shown; what has a style is ours but for the words in it."""
    if isinstance(cell, str):
        return Text(visible(cell))
    return cell if visible(cell.plain) == cell.plain else Text(visible(cell.plain), cell.style)


def styled(status: str, note: str = "") -> Text:
    """A status in its colour, and a note."""
    return Text(status, style=_STYLES.get(status, "")) + Text(note)


def short_ids(ids: Collection[str]) -> dict[str, str]:
    """For each ID as much of its beginning as tells it from the others, of all the same length."""
    length = SHORT_ID
    while len({known[:length] for known in ids}) < len(set(ids)):
        length += 1
    return {known: known[:length] for known in ids}


def age(since: datetime, now: datetime) -> str:
    """How long ago, in words; clocks that disagree give no negative age."""
    return in_words(max(0.0, (now - since).total_seconds()))
