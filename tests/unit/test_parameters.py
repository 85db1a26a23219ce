"""Reading the parameters of commands: what counts as missing, what as wrong, and how lenient it is."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta, Struct

from flamenco import CommandContext, CommandType, builtin
from flamenco.domain.errors import Refused
from flamenco.hooks.manager import Hooks
from flamenco.hooks.parameters import ParameterError, plain_text, read_parameters
from tests import length


class Everything(Struct, frozen=True, rename="camel"):
    """A parameter of every kind."""

    exe: Annotated[str, Meta(min_length=1, description="Mandatory and not empty.")]
    file: Annotated[str, Meta(description="Must be there, may be empty.")]
    thing: Annotated[Any, Meta(description="Anything at all.")]
    exe_args: str = "default"
    more_args: tuple[str, ...] = ()
    list_args: list[str] | None = None
    size: Annotated[float, Meta(ge=0)] = 1.5
    count: int = 3
    flag: bool = False

    def __post_init__(self) -> None:
        """Refuse a count that is too large for the size."""
        if self.count > 100 + self.size:
            raise ValueError("count is too large for size")


def run_nothing(context: CommandContext, parameters: Everything) -> None:
    """Do nothing; only the parameters matter here."""


EVERYTHING = CommandType(
    name="all-sorts", description="A test.", task_types=("misc",), parameters=Everything, run=run_nothing
)
ENOUGH: dict[str, Any] = {"exe": "run", "file": "", "thing": None}


@pytest.mark.parametrize(
    ("given_parameters", "field", "expected"),
    [
        ({}, "exe", "run"),
        ({}, "file", ""),
        ({}, "thing", None),
        ({}, "exe_args", "default"),
        ({"exeArgs": "-b"}, "exe_args", "-b"),
        ({"exeArgs": ""}, "exe_args", ""),
        ({"exeArgs": 24}, "exe_args", "default"),  # another type counts as missing
        ({"exeArgs": None}, "exe_args", "default"),
        ({}, "more_args", ()),
        ({"moreArgs": []}, "more_args", ()),
        (
            {"moreArgs": ["a", 24, 23.976, True, False, None]},
            "more_args",
            ("a", "24", "23.976", "true", "false", "<nil>"),
        ),
        ({"moreArgs": [24.0, 1e21, 0.00001]}, "more_args", ("24", "1e+21", "1e-05")),
        ({"moreArgs": [[1, "b"], {"k": 2, "a": None}]}, "more_args", ("[1 b]", "map[a:<nil> k:2]")),
        ({"size": 2}, "size", 2.0),
        ({"size": 0}, "size", 0.0),
        ({"count": 4}, "count", 4),
        ({"flag": True}, "flag", True),
        ({"thing": {"nested": [1]}}, "thing", {"nested": [1]}),
        ({"surplus": "ignored"}, "exe", "run"),
        ({"exe_args": "not the name it has in scripts"}, "exe_args", "default"),
    ],
)
def test_values_are_read(given_parameters: dict[str, Any], field: str, expected: object) -> None:
    """What is there is taken over, what is not gets its default, what is surplus is ignored."""
    parameters = read_parameters(EVERYTHING, ENOUGH | given_parameters)
    assert getattr(parameters, field) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"exe": None}, 'all-sorts: mandatory parameter "exe" is missing; given: exe, file, thing'),
        ({"exe": ""}, 'all-sorts: mandatory parameter "exe" is missing'),
        ({"exe": 24}, 'all-sorts: mandatory parameter "exe" is missing'),
        ({"file": 24}, 'all-sorts: parameter "file" has invalid value "<nil>": cannot convert to string'),
        ({"moreArgs": "-b -y"}, '"moreArgs" has invalid value "-b -y": cannot convert to list of strings'),
        ({"moreArgs": None}, '"moreArgs" has invalid value "<nil>": cannot convert to list of strings'),
        ({"moreArgs": {"a": 1}}, '"moreArgs" has invalid value "map[a:1]": cannot convert to list of strings'),
        ({"size": -1}, 'parameter "size" has invalid value "-1": cannot be negative'),
        ({"size": "2"}, 'parameter "size" has invalid value "2": bad type, expected a number'),
        ({"size": True}, 'parameter "size" has invalid value "true": bad type, expected a number'),
        ({"size": None}, 'parameter "size" has invalid value "<nil>": bad type, expected a number'),
        ({"count": 1.5}, 'parameter "count" has invalid value "1.5": expected int, got float'),
        ({"flag": 1}, 'parameter "flag" has invalid value "1": expected bool, got int'),
        ({"count": 1000}, "all-sorts: invalid parameters: count is too large for size"),
        ({"exe": "x", "moreArgs": "y" * 1000}, f'invalid value "{"y" * 200}…"'),
    ],
)
def test_wrong_values_are_refused(change: dict[str, Any], message: str) -> None:
    """The error names the command, the parameter and its value, and says what is wrong with it."""
    with pytest.raises(ParameterError) as caught:
        read_parameters(EVERYTHING, ENOUGH | change)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("exe", 'mandatory parameter "exe" is missing; given: file, thing'),
        ("file", 'parameter "file" has invalid value "<nil>": cannot convert to string'),
        ("thing", 'mandatory parameter "thing" is missing; given: exe, file'),
    ],
)
def test_missing_parameters_are_refused(missing: str, message: str) -> None:
    """A parameter that must be there and is not is named."""
    with pytest.raises(ParameterError, match="all-sorts: ") as caught:
        read_parameters(EVERYTHING, {key: value for key, value in ENOUGH.items() if key != missing})
    assert message in str(caught.value)


def test_no_parameters_at_all() -> None:
    """A script may leave the parameters of a command out altogether, which is like an empty object."""
    with pytest.raises(ParameterError, match='mandatory parameter "exe" is missing; given: none'):
        read_parameters(EVERYTHING, None)


def test_errors_are_refusals() -> None:
    """The manager turns them into a refused submission like any other."""
    assert issubclass(ParameterError, Refused)


def _all_commands() -> dict[str, CommandType]:
    hooks = Hooks()
    builtin.register(hooks)
    return hooks.command_types()


@pytest.mark.longer
@pytest.mark.parametrize("name", sorted(_all_commands()))
@settings(max_examples=length.of(30, 100))
@given(
    raw=st.dictionaries(
        st.sampled_from(["exe", "args", "blendfile", "message", "fps", "src", "dest", "path", "duration_in_seconds"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
            max_leaves=5,
        ),
    )
)
def test_any_json_is_read_or_refused(name: str, raw: dict[str, Any]) -> None:
    """Whatever a script wrote, the answer is the command's parameters or one sentence."""
    command = _all_commands()[name]
    try:
        parameters = read_parameters(command, raw)
    except ParameterError as error:
        refusal = str(error)
    else:
        assert isinstance(parameters, command.parameters)
        return
    assert refusal.startswith(f"{name}: ")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_keep_their_value_as_text(number: float) -> None:
    """The text of a number is that number again."""
    assert float(plain_text(number)) == number
