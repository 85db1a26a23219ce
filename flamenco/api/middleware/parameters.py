"""Checks the parameters in path, query and headers. Everything in a path that is called `…_id` is a UUID."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, get_args, get_origin

import falcon
import msgspec
from msgspec import Struct

from flamenco.api.decoding import decode_parameters
from flamenco.api.errors import BadRequest
from flamenco.api.operation import Operation
from flamenco.domain.errors import NotFound
from flamenco.domain.moments import in_utc

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BOOLEANS = {"t": "true", "f": "false"}
"""What today's clients write and msgspec does not read."""


def is_uuid(text: str) -> bool:
    """Whether `text` is a UUID in its usual form of 36 characters."""
    return _UUID.fullmatch(text) is not None


class Parameters:
    """Refuses what cannot name anything, and puts the rest into the form in which it is stored.

    What an operation declares of its query and headers is handed to the responder as `query` and `headers`.
    """

    def process_resource(
        self, req: falcon.Request, _resp: falcon.Response, _resource: object, params: dict[str, Any]
    ) -> None:
        """Raise `BadRequest` naming the parameter that is wrong, or `NotFound` where any id may be asked for."""
        declared: Operation | None = req.context.get("operation")
        for name, value in params.items():
            if name.endswith("_id"):
                if not is_uuid(value):
                    if not value or declared is None:
                        raise falcon.HTTPNotFound  # it is the name of something else, that is not there
                    if declared is not None and declared.any_id:
                        raise NotFound(f"{name}: there is no {value[:100]!r}")
                    raise BadRequest(f"{name}: {value[:100]!r} is not a UUID", brief=False)
                params[name] = value.lower()
            elif "\0" in value:
                raise BadRequest(f"{name}: has a NUL character, which cannot name anything")
        if declared is None:
            return
        if declared.path:
            params |= msgspec.structs.asdict(_decoded(declared.path, params))
        if declared.query:
            params["query"] = _decoded(declared.query, req.params)
        if declared.headers:
            given = {each.name: req.get_header(each.name) for each in _declared(declared.headers)}
            params["headers"] = _decoded(declared.headers, given)


class _Parameter(NamedTuple):
    """What has to be known of a field when a value is given for it."""

    name: str
    is_list: bool
    is_moment: bool
    is_boolean: bool


@cache
def _declared(kind: type[Struct]) -> tuple[_Parameter, ...]:
    """The fields of a declaration, whose types are looked into once: that costs more than a page's whole poll."""
    return tuple(
        _Parameter(each.encode_name, _is_list(each.type), _may_be(datetime, each.type), _may_be(bool, each.type))
        for each in msgspec.structs.fields(kind)
    )


def _decoded(kind: type[Struct], given: Mapping[str, Any]) -> Any:
    values = {}
    for parameter in _declared(kind):
        value = given.get(parameter.name)
        if value is not None:
            values[parameter.name] = _unpacked(parameter, value)
    return decode_parameters(values, kind)


def _unpacked(parameter: _Parameter, value: str | list[str]) -> Any:
    """A list may be written as one parameter with commas or as several; anything else only once."""
    if parameter.is_list:
        parts = [value] if isinstance(value, str) else value
        return [word for part in parts if part for word in part.split(",")]
    if not isinstance(value, str):
        raise BadRequest(f"{parameter.name}: is given {len(value)} times, and may be given once")
    if parameter.is_moment:
        return _moment(parameter, value)
    return _BOOLEANS.get(value.lower(), value) if parameter.is_boolean else value


def _moment(parameter: _Parameter, text: str) -> datetime:
    try:
        moment = msgspec.convert(text, datetime)  # strictly: texts of parameters may be numbers, which are no moments
    except msgspec.ValidationError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadRequest(f"{parameter.name}: {text[:100]!r} is no moment; write it as 2026-01-31T08:00:00Z")
    return in_utc(moment)


def _may_be(kind: type, declared: Any) -> bool:
    return declared is kind or any(_may_be(kind, inner) for inner in get_args(declared))


def _is_list(declared: Any) -> bool:
    return get_origin(declared) in (list, tuple) or any(_is_list(inner) for inner in get_args(declared))
