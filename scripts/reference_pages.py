"""Writes docs/commands.md and docs/operations.md anew, out of what commands and operations say of themselves.

Run by `scripts/docs`; `tests/docs/test_reference_pages.py` holds that they are up to date.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import click

from flamenco.api.openapi import document
from flamenco.api.routes import SURFACES
from flamenco.cli import COMMANDS, main

DOCS: Final = Path(__file__).parents[1] / "docs"

MADE: Final = "<!-- This page is made by `scripts/docs`, out of what the program says of itself. Do not edit it. -->"

COMMANDS_HEAD: Final = f"""\
# Commands

{MADE}

All that `flamenco` does from a command line. `flamenco COMMAND --help` says the same, and plugins may bring more.
Commands that speak to a manager find it in `FLAMENCO_MANAGER`, or by `--manager`; which settings those take that run
one is in [settings.md](settings.md). Exit codes are 0 when it worked, 1 when the farm could not do it, 2 for a wrong
command line or configuration, and 130 when it was interrupted.
"""

OPERATIONS_HEAD: Final = f"""\
# Operations of the API

{MADE}

What a manager can be asked, by [the parts of its API](api.md). *Who may* is what it takes, with the words of
[access.md](access.md). Parameters, bodies and answers are at `/api/docs` of each manager, and in what
`flamenco openapi` prints.
"""

_MARKS: Final = re.compile(r"([\\*_<>\[\]#|{}])")
_CODE: Final = re.compile(r"(`[^`]*`)")
_BROKEN: Final = re.compile(r"(?<=\S) {2,}(?=--)")
"""Where a line of an example went on in the next one."""


def prose(text: str) -> str:
    """A text as Markdown: its signs are what they look like, but for code."""
    parts = _CODE.split(" ".join(text.split()))
    return "".join(part if part.startswith("`") else _MARKS.sub(r"\\\1", part) for part in parts)


# -- the command line -----------------------------------------------------------------------------------------------


def commands_page() -> str:
    """All commands, in the order in which `--help` lists them, each with those below it."""
    context = click.Context(main, info_name="flamenco")
    parts = [COMMANDS_HEAD]
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert command, name  # noqa: S101 - it is in the table
        parts += described(command, click.Context(command, parent=context, info_name=name), 2)
    return "\n".join(parts)


def described(command: click.Command, context: click.Context, level: int) -> Iterator[str]:
    """A command, its options, and all that is below it."""
    yield f"{'#' * level} `{context.command_path}`\n"
    if not isinstance(command, click.Group):
        yield f"`{' '.join([context.command_path, *command.collect_usage_pieces(context)])}`\n"
    yield from paragraphs(command.help or "")
    if options := [record for each in command.get_params(context) if (record := each.get_help_record(context))]:
        yield "\n".join(f"- `{names}`: {prose(told)}" for names, told in options if "--help" not in names) + "\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            if below := command.get_command(context, name):
                yield from described(below, click.Context(below, parent=context, info_name=name), level + 1)


def paragraphs(text: str) -> Iterator[str]:
    """The paragraphs of a help; those that are to stay as they are written are code."""
    for part in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        if part.startswith("\b"):
            heading, *lines = part.removeprefix("\b").strip("\n").splitlines()
            if heading.startswith("flamenco "):
                heading, lines = "", [heading, *lines]
            yield "\n".join(filter(None, [f"{prose(heading)}\n" if heading else "", *code(lines)])) + "\n"
        else:
            yield prose(part) + "\n"


def code(lines: Iterable[str]) -> Iterator[str]:
    """Lines as they are. `tests/docs/test_reference_pages.py` sees that they can be typed."""
    yield "~~~text"
    yield _BROKEN.sub(" ", inspect.cleandoc("\n".join(["", *lines])))
    yield "~~~"


# -- the API --------------------------------------------------------------------------------------------------------


def operations_page() -> str:
    """All operations of all parts of the API, by what they are about."""
    parts = [OPERATIONS_HEAD]
    for surface in SURFACES.values():
        parts.append(f"## {surface.title} (`{surface.prefix}`)\n")
        for tag, rows in groupby(sorted(operations(document(surface)), key=lambda row: row[0]), key=lambda row: row[0]):
            parts += [f"### {tag}\n", "| operation | who may | what it does |", "|---|---|---|"]
            parts += [
                f"| `{method} {path}` | {prose(access)} | {prose(what)} |" for _, method, path, access, what in rows
            ]
            parts.append("")
    return "\n".join(parts)


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, str, str, str]]:
    """What each operation is about, its method and path, who may, and what it does."""
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield operation["tags"][0], method.upper(), path, operation["x-access"], operation["summary"]


PAGES: Final = {"commands.md": commands_page, "operations.md": operations_page}
"""What is made here, by what makes it."""

if __name__ == "__main__":
    for file, page in PAGES.items():
        (DOCS / file).write_text(page(), "utf-8")
