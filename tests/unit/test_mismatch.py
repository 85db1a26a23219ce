"""What msgspec says, taken apart: an upgrade that says it otherwise fails here, and not in front of users."""

from __future__ import annotations

import tomllib
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta, Struct
from packaging.requirements import Requirement

from flamenco.domain.mismatch import Mismatch, malformed, narrowed, read


class Colour(Enum):
    """Something to choose from."""

    RED = "red"


class Inner(Struct, forbid_unknown_fields=True):
    """A group."""

    size: int
    colour: Colour = Colour.RED


class Outer(Struct):
    """A group of groups."""

    inner: list[Inner]


class Checked(Struct):
    """A group that checks itself."""

    size: int = 0

    def __post_init__(self) -> None:
        """Say something of one's own."""
        raise ValueError("`odd` - at `$.x`, and more")


EXAMPLES: dict[str, tuple[Any, Any, Mismatch]] = {
    "type": (int, "x", Mismatch(text="Expected `int`, got `str`", expected=("int",), got="str")),
    "one of several types": (
        *(int | None, "x"),
        Mismatch(text="Expected `int | null`, got `str`", expected=("int", "null"), got="str"),
    ),
    "list": (list[int], {}, Mismatch(text="Expected `array`, got `object`", expected=("array",), got="object")),
    "map": (Inner, [], Mismatch(text="Expected `object`, got `array`", expected=("object",), got="array")),
    "number": (
        *(Annotated[int, Meta(ge=0)], -1),
        Mismatch(text="Expected `int` >= 0", expected=("int",), limit=" >= 0"),
    ),
    "shortest": (
        *(Annotated[str, Meta(min_length=1)], ""),
        Mismatch(text="Expected `str` of length >= 1", expected=("str",), limit=" of length >= 1"),
    ),
    "pattern": (
        *(Annotated[str, Meta(pattern="^a, got `b`$")], ""),
        Mismatch(
            text="Expected `str` matching regex '^a, got `b`$'",
            expected=("str",),
            limit=" matching regex '^a, got `b`$'",
        ),
    ),
    "length": (
        *(tuple[int, int], [1]),
        Mismatch(text="Expected `array` of length 2, got 1", expected=("array",), limit=" of length 2", got="1"),
    ),
    "missing": (Inner, {}, Mismatch(text="Object missing required field `size`", missing="size")),
    "missing inside": (
        *(Outer, {"inner": [{"size": 1}, {}]}),
        Mismatch(text="Object missing required field `size`", missing="size", path="inner[1]"),
    ),
    "unknown": (Inner, {"size": 1, "x": 1}, Mismatch(text="Object contains unknown field `x`")),
    "choice": (Colour, "green", Mismatch(text="Invalid enum value 'green'", no_choice="'green'")),
    "choice like a place": (
        *(Inner, {"size": 1, "colour": "green - at `$.size`"}),
        Mismatch(text="Invalid enum value 'green - at `$.size`'", no_choice="'green - at `$.size`'", path="colour"),
    ),
    "place": (
        *(Outer, {"inner": [{"size": "x"}]}),
        Mismatch(text="Expected `int`, got `str`", expected=("int",), got="str", path="inner[0].size"),
    ),
    "entry of a list": (
        *(list[int], [1.5]),
        Mismatch(text="Expected `int`, got `float`", expected=("int",), got="float", path="[0]"),
    ),
    "entry of a map": (
        *(dict[str, list[Inner]], {"a": [{"size": True}]}),
        Mismatch(text="Expected `int`, got `bool`", expected=("int",), got="bool", path="[...][0].size"),
    ),
    "key": (
        *(dict[int, int], {"a": 1}),
        Mismatch(text="Expected `int`, got `str`", expected=("int",), got="str", in_key=True),
    ),
    "words of one's own": (Checked, {}, Mismatch(text="`odd` - at `$.x`, and more")),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_sentences_are_taken_apart(name: str) -> None:
    """Every form of sentence that something is made of is said by the installed msgspec, and gives its parts."""
    kind, value, expected = EXAMPLES[name]
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(value, kind)
    assert read(str(caught.value)) == expected, f"msgspec {msgspec.__version__} says {name!r} otherwise: {caught.value}"


def test_numbers_that_json_cannot_have_are_told_as_they_are() -> None:
    """A sentence of another form is left whole."""
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(b"1e999", type=float)
    assert read(str(caught.value)) == Mismatch(text="Number out of range")


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("", ()),
        ("settings[0].key", ("settings", 0, "key")),
        ("[1].size", (1, "size")),
        ("a[...].b", ("a", "b")),
        ("$odd.evalInfo", ("$odd", "evalInfo")),
    ],
)
def test_a_place_is_a_way(path: str, steps: tuple[str | int, ...]) -> None:
    """Names and numbers of a path, one by one."""
    assert Mismatch(text="", path=path).steps == steps


def test_of_types_that_are_taken_one_may_be_meant() -> None:
    """Only the one that is meant is told of, and whether there may be none; other sentences stay."""
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert([], bool | int | float | str | None)
    lenient = {"bool", "int", "float", "str"}
    assert narrowed(str(caught.value), lenient, "str") == "Expected `str | null`, got `array`"
    assert narrowed("Expected `int`, got `str`", lenient, "str") == "Expected `int`, got `str`"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b'{"a": 1', "it ends in the middle, or has half of a character"),
        (b"{} x", "trailing characters (byte 4)"),
        (b"{'a': 1}", "object keys must be strings (byte 1)"),
    ],
)
def test_what_is_no_json(raw: bytes, said: str) -> None:
    """What is wrong with a text follows a colon."""
    with pytest.raises(msgspec.DecodeError) as caught:
        msgspec.json.decode(raw)
    assert malformed(str(caught.value)) == said, f"msgspec {msgspec.__version__} says it otherwise: {caught.value}"


def test_the_pin_is_what_is_tested() -> None:
    """A msgspec that nobody has read the sentences of is not installed with this program."""
    declared = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    pin = next(each.specifier for each in map(Requirement, declared["dependencies"]) if each.name == "msgspec")
    assert msgspec.__version__ in pin
    assert "0.23" not in pin
