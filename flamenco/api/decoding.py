"""JSON into Structs, and what is wrong with it in words that name the field.

Beyond what the types say, nothing gets in that could not be stored or handed on: no NUL characters, which
PostgreSQL cannot keep in a text, no numbers beyond 64 bits, and nothing nested deeper than `MAX_DEPTH`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from functools import cache
from typing import Any, get_args

import msgspec
from msgspec import Struct

from flamenco.api.errors import BadRequest
from flamenco.domain import mismatch
from flamenco.domain.mismatch import Mismatch

MAX_DEPTH = 64
"""How deeply settings may be nested: far more than anybody needs, far less than what makes an encoder give up."""

_LARGEST = 2**63 - 1

_LONGEST_SHOWN = 200
"""How much of a value that is wrong is said again, in characters."""

_FIELD_OR_ENTRY = re.compile(r"(\w+)(?:\[[\d.]+\])?")

_EXPECTED = {
    "array": "a list",
    "object": "an object",
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
}
_GOT = {
    "array": "a list",
    "object": "an object",
    "str": "a text",
    "int": "a number",
    "float": "a number with a fraction",
    "bool": "true or false",
}


def decode(raw: bytes, decoder: msgspec.json.Decoder[Any]) -> Any:
    """Make the decoder's Struct of `raw`. Raises `BadRequest` naming the field that is wrong."""
    try:
        if not raw.isascii():
            raw.decode()  # the decoder skips over what nobody declared without looking
        value = _decode(raw, decoder)
    except msgspec.ValidationError as error:
        raise BadRequest(_explain(mismatch.read(str(error)), decoder.type)) from error
    except UnicodeDecodeError as error:
        raise BadRequest(f"the body is not UTF-8: byte {error.start} makes no sense") from error
    except RecursionError as error:
        raise BadRequest("the body is nested too deeply") from error
    except msgspec.DecodeError as error:
        raise BadRequest(f"the body is not JSON: {mismatch.malformed(str(error))}") from error
    _check_storable(value, "", MAX_DEPTH)
    return value


def decode_parameters(given: dict[str, Any], kind: type[Struct]) -> Any:
    """Make `kind` of texts, as they stand in a path, a query or a header. Raises `BadRequest` naming the one."""
    try:
        value = msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise BadRequest(_explain(mismatch.read(str(error)), kind)) from error
    _check_storable(value, "", MAX_DEPTH)
    return value


def storable(text: str) -> str:
    """The text without what cannot be stored, for texts that are taken whatever is in them."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _decode(raw: bytes, decoder: msgspec.json.Decoder[Any]) -> Any:
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        # JSON has one kind of numbers, in which 50.0 is a whole one; msgspec tells the two apart.
        found = mismatch.read(str(error))
        place = _FIELD_OR_ENTRY.fullmatch(found.path)
        if not place or (found.expected, found.got) != (("int",), "float"):
            raise
        content = msgspec.json.decode(raw)
        return msgspec.convert(content | {place[1]: _whole(content[place[1]])}, decoder.type)


def _whole(value: Any) -> Any:
    """The number, or each number in a list, without a fraction where that is zero."""
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _explain(found: Mismatch, kind: Any) -> str:
    field, reason = found.path.replace("[...]", "").lstrip("."), found.text.replace("`", "")
    if found.missing:
        field, reason = ".".join(filter(None, (field, found.missing))), "is missing"
    elif found.no_choice:
        words = ", ".join(_choices(kind, field))
        given = found.no_choice
        given = given if len(given) <= _LONGEST_SHOWN else f"{given[:_LONGEST_SHOWN]}…"
        reason = f"{given} is not one of {words}" if words else f"{given} is not known"
    elif found.expected:
        one, *others = found.expected
        wanted = " or ".join(found.expected) if others else _EXPECTED.get(one, one)
        got = f", got {_GOT.get(found.got, found.got)}" if found.got else ""
        reason = f"expected {wanted}{found.limit}{got}"
    else:
        reason = reason[:1].lower() + reason[1:]
    return f"{field}: {reason}" if field else f"the body: {reason}"


def _choices(kind: Any, place: str) -> list[str]:
    """The words of the enum that stands at `place`, as `field.field`, in a body of type `kind`."""
    name, _, rest = re.sub(r"^\[\d+\]\.?", "", place).partition(".")
    for struct in _structs(kind):
        for field in msgspec.structs.fields(struct):
            if field.encode_name == re.sub(r"\[\d+\]$", "", name):
                return (
                    _choices(field.type, rest)
                    if rest
                    else [str(member.value) for choice in _enums(field.type) for member in choice]
                )
    return []


def _structs(declared: Any) -> Iterator[type[Struct]]:
    if isinstance(declared, type) and issubclass(declared, Struct):
        yield declared
    for inner in get_args(declared):
        yield from _structs(inner)


def _enums(declared: Any) -> Iterator[type[Enum]]:
    """The enums in a type, wherever it is a union or annotated."""
    if isinstance(declared, type) and issubclass(declared, Enum):
        yield declared
    for inner in get_args(declared):
        yield from _enums(inner)


@cache
def _checked_fields(kind: type[Struct]) -> tuple[tuple[str, str], ...]:
    """The fields to be looked at, and their names in JSON; to ask msgspec takes longer than to look at them."""
    verbatim = getattr(kind, "VERBATIM", ())
    return tuple((each.name, each.encode_name) for each in msgspec.structs.fields(kind) if each.name not in verbatim)


def _check_storable(value: Any, place: str, depth: int) -> None:
    """Raise `BadRequest` for what the types allow and the rest of the house cannot keep."""
    match value:
        case str() if "\0" in value:
            raise BadRequest(f"{place}: has a NUL character, which cannot be stored")
        case int() if not -_LARGEST - 1 <= value <= _LARGEST:
            raise BadRequest(f"{place}: is too large a number")
        case Struct():
            for name, encode_name in _checked_fields(type(value)):
                _check_storable(getattr(value, name), encode_name, depth)
        case dict() | list():
            if not depth:
                raise BadRequest(f"{place}: is nested too deeply")
            for part_of, part in _parts(value, place):
                _check_storable(part, part_of, depth - 1)


def _parts(value: dict[str, Any] | list[Any], place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        yield from ((f"{place}[{number}]", part) for number, part in enumerate(value))
        return
    for name, part in value.items():
        if "\0" in name:
            raise BadRequest(f"{place}: a name in it has a NUL character, which cannot be stored")
        yield f"{place}.{name}", part
