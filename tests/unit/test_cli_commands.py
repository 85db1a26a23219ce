"""What commands and their parameters are, in words, and `flamenco commands`, which prints it."""

from __future__ import annotations

import os
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from click.testing import CliRunner, Result
from msgspec import UNSET, Meta, Struct, UnsetType, field

from flamenco import CommandContext, CommandType
from flamenco.cli import main
from flamenco.domain.durations import Duration
from flamenco.hooks.command_docs import ParameterDocs, documented, type_in_words

PLUGIN = '''"""Brings two commands."""

from flamenco import CommandType, hookimpl
from msgspec import Struct


class Nothing(Struct):
    """No parameters."""


class Strange(Struct):
    """A parameter that says nothing of itself."""

    what: str = "[bold]x[/]"


@hookimpl
def command_types():
    """Two."""
    for name, kind in (("rest", Nothing), ("strange", Strange)):
        yield CommandType(name=name, description="[Do] it.", task_types=("misc", "own"), parameters=kind, run=print)
'''


class Tone(Enum):
    """How loud."""

    LOUD = "loud"
    SOFT = "soft"


class Person(Struct, rename="camel"):
    """Somebody."""

    first_name: str
    age: int = 0


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Any, "anything"),
        (str, "text"),
        (bool, "true or false"),
        (int, "whole number"),
        (float, "number"),
        (Annotated[str, Meta(min_length=1, description="x")], "text, not empty"),
        (Annotated[str, Meta(min_length=2, max_length=9)], "text, at least 2 characters, at most 9 characters"),
        (Annotated[str, Meta(pattern="^a$")], "text, like ^a$"),
        (Annotated[int, Meta(ge=1)], "whole number, at least 1"),
        (Annotated[float, Meta(gt=0, lt=1)], "number, more than 0, less than 1"),
        (Annotated[int, Meta(ge=0, le=255)], "whole number, 0 to 255"),
        (int | None, "whole number or nothing"),
        (str | UnsetType, "text"),
        (Literal["b", "a"], "one of a, b"),
        (Tone, "one of loud, soft"),
        (Duration, "duration"),
        (Path, "path"),
        (date, "date"),
        (datetime, "date and time"),
        (bytes, "bytes"),
        (Result, "Result"),
        (list[int], "list of whole numbers"),
        (tuple[Path, ...], "list of paths"),
        (tuple[Duration, ...], "list of durations"),
        (tuple[tuple[str, ...], ...], "list of lists of texts"),
        (list[Literal["x", "y"]], "list of values, each one of x, y"),
        (list[dict[str, int]], "list of maps of names to whole numbers"),
        (Annotated[tuple[str, ...], Meta(min_length=1)], "list of texts, at least 1 entry"),
        (tuple[int, str], "list: whole number; text"),
        (dict[str, Annotated[float, Meta(ge=0)]], "map of names to numbers, at least 0"),
        (Person, "group with firstName, age"),
        (tuple[Annotated[Person, Meta(description="x")], ...], "list of groups with firstName, age"),
    ],
)
def test_types_in_words(kind: Any, words: str) -> None:
    """A type is told in words that need no Python, with its limits."""
    assert type_in_words(kind) == words


class Parameters(Struct, rename="camel"):
    """Parameters of every kind."""

    first_frame: Annotated[int, Meta(ge=0, description="Where to begin.")]
    wait_for: Duration = Duration(90)
    names: tuple[str, ...] = ()
    people: list[Person] = field(default_factory=lambda: [Person("Ada")])
    note: str | UnsetType = UNSET


def test_documented_parameters() -> None:
    """Parameters have the names that scripts use, and defaults as JSON has them, in the order of the declaration."""

    def run(_context: CommandContext, _parameters: Parameters) -> None:
        """Do nothing."""

    kind = CommandType(name="all", description="All.", task_types=("misc",), parameters=Parameters, run=run)
    docs = documented(kind)
    assert (docs.name, docs.description, docs.task_types) == ("all", "All.", ("misc",))
    assert docs.parameters == [
        ParameterDocs(name="firstFrame", type="whole number, at least 0", required=True, description="Where to begin."),
        ParameterDocs(name="waitFor", type="duration", required=False, default="1m30s"),
        ParameterDocs(name="names", type="list of texts", required=False, default=[]),
        ParameterDocs(
            name="people",
            type="list of groups with firstName, age",
            required=False,
            default=[{"firstName": "Ada", "age": 0}],
        ),
        ParameterDocs(name="note", type="text", required=False),
    ]


@pytest.fixture(autouse=True)
def _with_a_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder to work in with one plugin; nobody's settings but the test's."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("FLAMENCO_")]:
        monkeypatch.delenv(name)
    (tmp_path / "data" / "plugins").mkdir(parents=True)
    (tmp_path / "data" / "plugins" / "own.py").write_text(PLUGIN)


def run(*arguments: str, code: int = 0, width: int = 120) -> str:
    """What `flamenco commands` prints."""
    environ = {"COLUMNS": str(width), "FLAMENCO_DATA_DIR": "data"}
    done = CliRunner().invoke(main, ["commands", *arguments], env=environ)
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def test_list_has_those_of_core_and_plugins() -> None:
    """Each command is a line with its task types, the plugin it comes from and what it does; brackets are text."""
    lines = {line.split()[0]: line.split() for line in run("list").splitlines()}
    assert lines["rest"] == ["rest", "misc,", "own", "own", "[Do]", "it."]
    assert lines["exec"][1:3] == ["misc", "builtin.misc"]
    assert "builtin.file-management" in run("list", width=60)


def test_list_as_json() -> None:
    """The same as data, sorted by name, with the parameters."""
    listed = msgspec.json.decode(run("list", "--json"))
    assert [each["name"] for each in listed] == sorted(each["name"] for each in listed)
    by_name = {each["name"]: each for each in listed}
    assert by_name["rest"] == {
        "name": "rest",
        "description": "[Do] it.",
        "task_types": ["misc", "own"],
        "parameters": [],
        "plugin": "own",
    }


def test_show_in_words() -> None:
    """A command is shown as scripts use it: what it needs, what it may be given, and what happens otherwise."""
    assert run("show", "exec").splitlines() == [
        "exec: Run any program.",
        "For tasks of type misc; from the plugin builtin.misc.",
        "",
        "  exe  (text, not empty; required)",
        "      The program, run directly and not through a shell.",
        "",
        "  args  (list of texts; default [])",
        "      Its arguments.",
    ]
    assert run("show", "rest").splitlines()[-1] == "It has no parameters."
    assert run("show", "strange").splitlines()[-1] == "  what  (text; default [bold]x[/])"


def test_unknown_commands() -> None:
    """A command that is not there is told with the nearest, or with where to look."""
    assert run("show", "ecko", code=1) == "flamenco: There is no command 'ecko'; did you mean 'echo'?\n"
    assert "see `flamenco commands list`" in run("show", "zzzzzz", code=1)


@pytest.mark.parametrize("arguments", [(), ("list",), ("show",)])
def test_help_has_an_example(arguments: tuple[str, ...]) -> None:
    """The help shows how it is used."""
    assert "flamenco commands " in run(*arguments, "--help").partition("Example")[2]
