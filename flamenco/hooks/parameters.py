"""Reads the parameters of a command: what a job type's script wrote, into the Struct that the command declares.

Job types are written by many hands for many versions, so reading is lenient where it always was: surplus
parameters are ignored, a string of another type counts as missing, the elements of a list of strings may
be anything. The worker reads them to run a command, the manager to refuse a job that could never run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct, inspect, structs

from flamenco.domain.errors import Refused
from flamenco.domain.shell import shell_split
from flamenco.hooks.types import CommandType

_LONGEST_SHOWN = 200


class ParameterError(Refused):
    """A parameter of a command is missing or cannot be used. The text names command, parameter and value."""


def missing_parameter(command: str, parameter: str, raw: Mapping[str, Any]) -> ParameterError:
    """The error for a mandatory `parameter` that is not among `raw`, or is empty there."""
    given = ", ".join(raw) or "none"
    return ParameterError(f'{command}: mandatory parameter "{parameter}" is missing; given: {given}')


def invalid_parameter(command: str, parameter: str, value: Any, reason: str) -> ParameterError:
    """The error for a `parameter` whose `value` cannot be used, for `reason`."""
    text = plain_text(value)
    shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
    return ParameterError(f'{command}: parameter "{parameter}" has invalid value "{shown}": {reason}')


def split_arguments(command: str, parameter: str, text: str) -> list[str]:
    """Split `text` as a shell does. Raises `ParameterError` for a quote that is never closed and the like."""
    try:
        return shell_split(text)
    except ValueError as error:
        raise invalid_parameter(command, parameter, text, str(error)) from error


def read_parameters(command_type: CommandType, raw: Mapping[str, Any] | None) -> Struct:
    """Make the parameters of `command_type` from what a task says. Raises `ParameterError`.

    How a parameter is declared says how it is read: a string with `min_length` is mandatory and not empty, one
    without must be there but may be empty, one with a default may be left out.
    """
    raw = raw or {}
    try:
        # Nearly always right as it is, and many times faster: a large job has a hundred thousand commands.
        return msgspec.convert(raw, command_type.parameters)
    except msgspec.ValidationError:
        return _read_leniently(command_type, raw)


def _read_leniently(command_type: CommandType, raw: Mapping[str, Any]) -> Struct:
    values = {}
    for field in structs.fields(command_type.parameters):
        if field.encode_name in raw:
            value = _read(command_type.name, field, raw)
        elif field.required:
            raise _absent(command_type.name, field, raw)
        else:
            continue
        if value is not msgspec.UNSET:
            values[field.name] = value
    try:
        return command_type.parameters(**values)
    except ValueError as error:  # from a __post_init__ that checks one parameter against another
        raise ParameterError(f"{command_type.name}: invalid parameters: {error}") from error


def plain_text(value: Any) -> str:
    """How a JSON value reads as text; scripts put numbers where text belongs, and expect `24`, not `24.0`."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case float() if math.isfinite(value) and value.is_integer() and abs(value) < 1e21:
            return str(int(value))
        case list() | tuple():
            return "[" + " ".join(plain_text(element) for element in value) + "]"
        case dict():
            return "map[" + " ".join(f"{key}:{plain_text(value[key])}" for key in sorted(value)) + "]"
        case _:
            return str(value)


def _absent(command: str, field: structs.FieldInfo, raw: Mapping[str, Any]) -> ParameterError:
    if _may_be_empty(_type_of(field)):
        return invalid_parameter(command, field.encode_name, None, "cannot convert to string")
    return missing_parameter(command, field.encode_name, raw)


def _read(command: str, field: structs.FieldInfo, raw: Mapping[str, Any]) -> Any:
    """The value of a parameter that is there; UNSET where it counts as left out."""
    name, value, kind = field.encode_name, raw[field.encode_name], _type_of(field)
    if isinstance(kind, inspect.StrType):
        return _read_text(command, field, raw, kind)
    if isinstance(kind, inspect.ListType | inspect.VarTupleType) and isinstance(kind.item_type, inspect.StrType):
        if not isinstance(value, list | tuple):
            raise invalid_parameter(command, name, value, "cannot convert to list of strings")
        value = [plain_text(element) for element in value]
    if isinstance(kind, inspect.FloatType | inspect.IntType) and (
        isinstance(value, bool) or not isinstance(value, int | float)
    ):
        raise invalid_parameter(command, name, value, "bad type, expected a number")
    try:
        return msgspec.convert(value, field.type)
    except msgspec.ValidationError as error:
        raise invalid_parameter(command, name, value, _reason(kind, value, error)) from error


def _read_text(command: str, field: structs.FieldInfo, raw: Mapping[str, Any], kind: inspect.StrType) -> Any:
    value = raw[field.encode_name]
    if not isinstance(value, str):
        if field.required:
            raise _absent(command, field, raw)
        return msgspec.UNSET
    if not value and field.required and not _may_be_empty(kind):
        raise missing_parameter(command, field.encode_name, raw)
    try:
        return msgspec.convert(value, field.type)
    except msgspec.ValidationError as error:
        raise invalid_parameter(command, field.encode_name, value, _reason(kind, value, error)) from error


def _type_of(field: structs.FieldInfo) -> inspect.Type:
    kind = inspect.type_info(field.type)
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def _may_be_empty(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.StrType) and not kind.min_length


def _reason(kind: inspect.Type, value: Any, error: msgspec.ValidationError) -> str:
    if isinstance(kind, inspect.FloatType | inspect.IntType) and kind.ge == 0 and value < 0:
        return "cannot be negative"
    text = str(error).replace("`", "")
    return text[:1].lower() + text[1:]
