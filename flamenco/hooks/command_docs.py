"""What commands and their parameters are, in words: made from the declarations, so that it is always what holds.

`flamenco commands` prints it and `GET /api/x/commands` serves it. How a type is called is said here too, for
parameters as for settings.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath
from typing import Any, Final

import msgspec
from msgspec import NODEFAULT, Struct, inspect, structs

from flamenco.domain.durations import Duration
from flamenco.hooks.setting import unannotated
from flamenco.hooks.types import CommandType

_PLAIN: Final[dict[type[inspect.Type], tuple[str, str]]] = {
    inspect.AnyType: ("anything", "things of any kind"),
    inspect.NoneType: ("nothing", "nothing"),
    inspect.BoolType: ("true or false", "true or false, each"),
    inspect.IntType: ("whole number", "whole numbers"),
    inspect.FloatType: ("number", "numbers"),
    inspect.StrType: ("text", "texts"),
    inspect.DateTimeType: ("date and time", "dates and times"),
    inspect.DateType: ("date", "dates"),
}
"""How types are called, one and many of them."""
_LISTS: Final = (inspect.ListType, inspect.VarTupleType, inspect.SetType, inspect.FrozenSetType)


class ParameterDocs(Struct, frozen=True, kw_only=True):
    """One parameter, by the name that job types use. `type` is in words; `default` is None for a required one."""

    name: str
    type: str
    required: bool
    default: Any = None
    description: str = ""


class CommandDocs(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command, the types of tasks it is for, and its parameters in the order they are declared.

    `time_limits` are those that tasks have by default that are made of it, such as `max_run_time`: `2h0m0s`.
    """

    name: str
    description: str
    task_types: tuple[str, ...]
    parameters: list[ParameterDocs]
    time_limits: dict[str, str] = {}


def documented(command_type: CommandType) -> CommandDocs:
    """Document a command by its declaration; defaults are as JSON has them."""
    return CommandDocs(
        name=command_type.name,
        description=command_type.description,
        task_types=tuple(command_type.task_types),
        parameters=[_documented(field) for field in structs.fields(command_type.parameters)],
        time_limits=command_type.time_limits.in_words(),
    )


def _documented(field: structs.FieldInfo) -> ParameterDocs:
    if field.default is not NODEFAULT:
        default = field.default
    else:
        default = None if field.default_factory is NODEFAULT else field.default_factory()
    return ParameterDocs(
        name=field.encode_name,
        type=type_in_words(field.type),
        required=field.required,
        default=None if default is msgspec.UNSET else msgspec.json.decode(msgspec.json.encode(default, enc_hook=str)),
        description=unannotated(field.type)[1].description or "",
    )


def type_in_words(kind: Any) -> str:
    """What a value has to be, with its limits: `whole number, at least 1`, `list of texts`, `one of loud, soft`.

    A type that msgspec does not know is called by its name.
    """
    return _one(inspect.type_info(kind))


def _one(kind: inspect.Type) -> str:
    """What a single value of the type is called."""
    match kind:
        case inspect.Metadata():
            words = _one(kind.type)
        case inspect.UnionType():
            words = " or ".join(_one(each) for each in kind.types)
        case inspect.LiteralType() | inspect.EnumType():
            words = f"one of {_choices(kind)}"
        case inspect.DictType():
            words = f"map of names to {_many(kind.value_type)}"
        case inspect.TupleType():
            words = f"list: {'; '.join(_one(each) for each in kind.item_types)}"
        case inspect.StructType():
            words = f"group with {_fields(kind)}"
        case inspect.CustomType():
            words = _custom(kind.cls)
        case _ if isinstance(kind, _LISTS):
            words = f"list of {_many(kind.item_type)}{_length(kind, 'entry', 'entries')}"
        case _:
            words = _PLAIN.get(type(kind), (type(kind).__name__.removesuffix("Type").lower(),))[0] + _limits(kind)
    return words


def _many(kind: inspect.Type) -> str:
    """What several values of the type are called."""
    match kind:
        case inspect.Metadata():
            words = _many(kind.type)
        case inspect.StructType():
            words = f"groups with {_fields(kind)}"
        case inspect.DictType():
            words = f"maps of names to {_many(kind.value_type)}"
        case inspect.CustomType() if kind.cls is Duration or issubclass(kind.cls, PurePath):
            words = f"{_custom(kind.cls)}s"
        case _ if isinstance(kind, _LISTS):
            words = f"lists of {_many(kind.item_type)}"
        case _ if type(kind) in _PLAIN:
            words = _PLAIN[type(kind)][1] + _limits(kind)
        case _:
            words = f"values, each {_one(kind)}"
    return words


def _custom(kind: type) -> str:
    if kind is Duration:
        return "duration"
    return "path" if issubclass(kind, PurePath) else kind.__name__


def _fields(kind: inspect.StructType) -> str:
    return ", ".join(field.encode_name for field in kind.fields)


def _choices(kind: inspect.LiteralType | inspect.EnumType) -> str:
    values: Iterable[Any] = kind.values if isinstance(kind, inspect.LiteralType) else (each.value for each in kind.cls)
    return ", ".join(map(str, values))


def _limits(kind: inspect.Type) -> str:
    """What is said of numbers and texts beside their type, with a comma before it; empty for no limit."""
    if isinstance(kind, inspect.StrType):
        pattern = f", like {kind.pattern}" if kind.pattern else ""
        return ", not empty" if kind.min_length == 1 and not pattern else pattern + _length(kind, "character")
    if not isinstance(kind, inspect.IntType | inspect.FloatType):
        return ""
    if kind.ge is not None and kind.le is not None:
        return f", {kind.ge} to {kind.le}"
    words = {"at least": kind.ge, "more than": kind.gt, "at most": kind.le, "less than": kind.lt}
    return "".join(f", {word} {limit}" for word, limit in words.items() if limit is not None)


def _length(kind: Any, unit: str, units: str = "") -> str:
    """How long a text or list may be."""
    words = {"at least": kind.min_length, "at most": kind.max_length}
    return "".join(
        f", {word} {length} {unit if length == 1 else units or f'{unit}s'}"
        for word, length in words.items()
        if length is not None
    )
