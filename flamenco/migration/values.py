"""Single values of an old database. SQLite lets a column hold anything, so nothing is taken for what it should be."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

from flamenco.domain import job_files
from flamenco.migration import moments

T = TypeVar("T")

LARGEST: Final = 2**31 - 1
DEEPEST: Final = 100
"""So deep lists and maps may lie in each other."""
LONGEST_LINE: Final = 255
"""Of names and the like; the old tables say 64 at most, which SQLite does not hold anybody to."""


class Unusable(ValueError):
    """Something makes no sense; the text goes on from "It is left out: "."""


def text(value: object, most: int = LONGEST_LINE) -> str:
    """A text, of at most so many characters, without what PostgreSQL cannot keep."""
    if value is None:
        return ""
    found = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return found[:most].replace("\0", "\ufffd")


def whole(value: object, name: str) -> int:
    """A whole number; nothing is 0. Raises `Unusable`."""
    if value is None:
        return 0
    if not isinstance(value, int) or abs(value) > LARGEST:
        raise Unusable(f"its {name} is no whole number")
    return value


def count(value: object, name: str) -> int:
    """A whole number that is not negative. Raises `Unusable`."""
    found = whole(value, name)
    if found < 0:
        raise Unusable(f"its {name} is negative")
    return found


def flag(value: object) -> bool:
    """Whether something is so: numbers, as SQLite has them, or words."""
    if isinstance(value, str | bytes):
        return text(value).strip().lower() in ("1", "t", "true", "yes")
    return bool(value)


def uuid(value: object) -> str:
    """A UUID. Raises `Unusable`."""
    found = text(value)
    if not job_files.is_job_id(found):
        raise Unusable("its UUID is none")
    return found


def moment(value: object, name: str) -> datetime | None:
    """A moment; None for none, and for Go's zero. Raises `Unusable`."""
    try:
        return moments.parse(text(value))
    except ValueError as error:
        raise Unusable(f"its {name} is no time") from error


def decoded(value: object, decoder: msgspec.json.Decoder[T], name: str) -> T:
    """What is in JSON, as text or bytes. Raises `Unusable`."""
    if not isinstance(value, str | bytes):
        raise Unusable(f"its {name} are not there")
    data = value.encode() if isinstance(value, str) else value
    try:
        if data.count(b"[") + data.count(b"{") > DEEPEST:
            _check_depth(msgspec.json.decode(data))
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Unusable(f"its {name} are no JSON of the right form") from error


def _check_depth(found: object) -> None:
    """Raise `RecursionError` for what others could not read or write any more, who are in the middle of something."""
    level = [found]
    for _ in range(DEEPEST):
        inner: list[object] = []
        for each in level:
            inner += each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
        if not inner:
            return
        level = inner
    raise RecursionError


def key(value: Any) -> int:
    """The number of a row, by which rows refer to each other. Raises `Unusable`."""
    if not isinstance(value, int):
        raise Unusable("its row has no number")
    return value
