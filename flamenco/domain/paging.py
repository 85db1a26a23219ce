"""Long lists page by page, each beginning after the entry with which the one before it ended.

That entry is named by what the list is sorted by and by its row number, which settles ties. So a page costs the same
wherever it is, and what comes and goes meanwhile makes no entry appear twice, or never.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from flamenco.domain.errors import Refused
from flamenco.domain.moments import in_utc

_LARGEST: Final = 2**63 - 1

Value = str | int | float | datetime
"""What lists are sorted by."""


class Position(Struct, frozen=True):
    """Where an entry is in a list that is sorted by `sort`: the value that it has of that, and its row number."""

    sort: str
    value: Value
    key: int


class Slice(Struct, frozen=True, kw_only=True):
    """Which part of a list: at most `limit` entries in the order `sort`, after the one that `after` stands for.

    A minus before the name of the order turns it round.
    """

    sort: str
    limit: int
    after: str = ""

    @property
    def by(self) -> str:
        """What it is sorted by."""
        return self.sort.removeprefix("-")

    @property
    def is_descending(self) -> bool:
        """Whether the largest comes first."""
        return self.sort.startswith("-")

    def begins(self, kind: type[Value]) -> Position | None:
        """The entry after which it begins, in a list that is sorted by values of that kind. Raises `Refused`."""
        if not self.after:
            return None
        try:
            sort, value, key = msgspec.json.decode(urlsafe_b64decode(self.after), type=tuple[str, Any, int])
            position = Position(sort, msgspec.convert(value, kind), key)
        except (msgspec.MsgspecError, binascii.Error, ValueError) as error:
            raise _unknown() from error
        if sort != self.sort or not _is_stored(position.value) or abs(key) > _LARGEST:
            raise _unknown()
        return position


def cursor(position: Position) -> str:
    """What stands for an entry, for whoever wants to go on after it."""
    text = msgspec.json.encode((position.sort, position.value, position.key))
    return urlsafe_b64encode(text).decode()


def _is_stored(value: Value) -> bool:
    """Whether a database can compare with it."""
    if isinstance(value, datetime):
        return value.tzinfo is not None and in_utc(value) == value
    if isinstance(value, str):
        return "\0" not in value
    return abs(value) <= _LARGEST


def _unknown() -> Refused:
    return Refused("after: no page of this list in this order ended there; leave it out to begin with the first page.")
