"""The pages that list all commands and all operations are those that the program makes, and miss none."""

from __future__ import annotations

import re
import runpy
import shlex
from collections.abc import Iterator
from itertools import takewhile

import click
import pytest

from flamenco.api.openapi import document
from flamenco.api.routes import SURFACES
from flamenco.cli import COMMANDS, main
from flamenco.cli.options import ListingGroup
from tests.docs.manual import ROOT

DOCS = ROOT / "docs"
MADE = runpy.run_path(str(ROOT / "scripts" / "reference_pages.py"))


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page shows what is so without anything in the environment."""
    for name in ("FLAMENCO_MANAGER", "FLAMENCO_CONFIG", "FLAMENCO_DATA_DIR", "FLAMENCO_PLUGINS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("file", MADE["PAGES"])
def test_the_page_is_up_to_date(file: str) -> None:
    """A command or operation that is added, changed or removed is in the page: `scripts/docs` writes it anew."""
    assert (DOCS / file).read_text("utf-8") == MADE["PAGES"][file]()


def all_commands(command: click.Command = main, path: str = "flamenco") -> Iterator[tuple[str, click.Command]]:
    """Each with its whole name, those that have others below them as well."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in COMMANDS if command is main else command.list_commands(context):
            below = command.get_command(context, name)
            assert below
            yield from all_commands(below, f"{path} {name}")


def test_every_command_has_its_place() -> None:
    """With a heading of its own, and each of its options."""
    page = (DOCS / "commands.md").read_text("utf-8")
    sections = dict(re.findall(r"^#{2,5} `(flamenco [^`]+)`\n(.*?)(?=^#{2,5} `|\Z)", page, re.DOTALL | re.MULTILINE))
    commands = dict(all_commands())
    assert set(sections) == set(commands) - {"flamenco"}
    for name, section in sections.items():
        options = [each for each in commands[name].params if isinstance(each, click.Option) and not each.hidden]
        assert all(f"{each.opts[-1]}" in section for each in options if "--help" not in each.opts), name


def test_every_operation_has_its_place() -> None:
    """In a row of its own, once."""
    rows = re.findall(r"^\| `([A-Z]+) (/[^`]+)` \|", (DOCS / "operations.md").read_text("utf-8"), re.MULTILINE)
    there = [
        (method.upper(), path)
        for surface in SURFACES.values()
        for path, methods in document(surface)["paths"].items()
        for method in methods
    ]
    assert sorted(rows) == sorted(there)


def examples() -> list[str]:
    """The lines of ours in the examples that commands have in their help."""
    blocks = re.findall(r"^~~~text\n(.*?)^~~~$", (DOCS / "commands.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return list(dict.fromkeys(" ".join(line.split()) for line in lines if line.startswith("flamenco ")))


@pytest.mark.parametrize("line", examples())
def test_every_example_can_be_typed(line: str) -> None:
    """Each is a command that there is, with options that it has, up to where a shell has others go on."""
    words = shlex.split(line, comments=True)
    parse(list(takewhile(lambda word: word not in ("|", ">"), words))[1:])


def parse(words: list[str]) -> None:
    """Read words as the command line does. Raises `UsageError` for what it would refuse."""
    command: click.Command = main
    context = click.Context(main, info_name="flamenco")
    while isinstance(command, click.Group):
        if isinstance(command, ListingGroup) and (not words or words[0].startswith("-")):
            words = ["list", *words]
        found = command.get_command(context, words[0])
        assert found, f"there is no command {words[0]!r}"
        command, context, words = found, click.Context(found, parent=context, info_name=words[0]), words[1:]
    command.make_parser(context).parse_args(words)
