"""Names of others on terminals and in logs: nothing in them does anything there."""

from __future__ import annotations

import io

import click
import pytest
import structlog
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from flamenco.cli import LazyGroup
from flamenco.cli.jobtypes.outline import Branch, as_text
from flamenco.cli.logging_setup import set_up_logging
from flamenco.cli.output import print_fields, print_line, print_table
from flamenco.domain.errors import FarmError
from flamenco.domain.visible import visible, visible_lines

EVIL = "a\n\x1b[2Jb\r\u202ec\u2066d\x9be\x07\u2028\ud800f"
SHOWN = "a\\n\\x1b[2Jb\\r\\u202ec\\u2066d\\x9be\\x07\\u2028\\ud800f"


@given(st.text(st.characters(codec=None)))
def test_nothing_is_left_that_does_something(text: str) -> None:
    """Whatever the text, what comes out has no control characters, ends of lines or marks of direction."""
    shown = visible(text)
    assert len(shown.splitlines()) <= 1
    assert not any(char < " " or "\x7f" <= char <= "\x9f" or char in "\u200e\u200f\u061c" for char in shown)
    assert not any("\u202a" <= char <= "\u202e" or "\u2066" <= char <= "\u2069" for char in shown)
    shown.encode()


def test_what_is_harmless_stays() -> None:
    """Letters of all alphabets, the joiners some need, and signs are as they were."""
    for text in ("Shot 12", "кадр", "क\u094d\u200dष", "👩\u200d🚀", "a\\n"):
        assert visible(text) == text
    assert visible(EVIL) == SHOWN
    assert visible_lines("a\tb\nc\x1b") == "a\tb\nc\\x1b"


def test_the_command_line() -> None:
    """Tables, fields, single lines, outlines of jobs and errors have such names on one line."""

    @click.command()
    def show() -> None:
        print_table(("Name", "Status"), [(EVIL, Text(EVIL, "red"))])
        print_fields([("name", EVIL)])
        print_line(EVIL)
        click.echo(as_text(Branch(EVIL, "", (Branch("x", EVIL),))))
        raise FarmError(f"no {EVIL}")

    group = LazyGroup(name="flamenco", lazy={})
    group.add_command(show)
    result = CliRunner().invoke(group, ["show"])
    assert result.stdout.count(SHOWN) == 5
    assert not {"\x1b", "\r", "\u202e", "\x9b", "\x07"} & set(result.output)
    assert "\\x1b[2J" in result.stderr


@pytest.mark.parametrize("style", ["console", "logfmt", "json"])
def test_logs(style: str) -> None:
    """A record is one line, and nothing in it controls the terminal; JSON keeps the name as it is."""
    stream = io.StringIO()
    set_up_logging(stream=stream, style=style)  # type: ignore[arg-type]
    structlog.get_logger("test").info("a worker came", name=EVIL)
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert not {"\x1b", "\r", "\u202e", "\x9b"} & set(text)
    assert "\\u202e" in text
