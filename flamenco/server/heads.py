"""The fields of a request's head, read strictly: what two programs could understand in two ways is refused."""

from __future__ import annotations

import re
from typing import Final, Protocol

MOST_FIELDS: Final = 100
LONGEST_FIELD: Final = 8190
LONGEST_LINE: Final = 4094
"""Of the first line, as gunicorn has it."""

_NAME: Final = re.compile(rb"[!#$%&'*+.^`|~0-9A-Za-z-]+")
_BAD_IN_VALUES: Final = re.compile(rb"[\0\r\n]")
_LENGTH: Final = b"Content-Length"
_CODING: Final = b"Transfer-Encoding"


class TooLarge(Exception):
    """There are more fields than there may be, or one is longer."""


class Lines(Protocol):
    """What the fields come from."""

    def readline(self, size: int, /) -> bytes:
        """A line, at most so many bytes of it."""


def read_fields(lines: Lines) -> dict[bytes, bytes]:
    """All fields by their names, in title case, those of the same name with commas between them.

    Names with underscores are left out: for an application they would look like others. Raises `ValueError`, with
    what is wrong, and `TooLarge`.
    """
    found: dict[bytes, bytes] = {}
    for _ in range(MOST_FIELDS + 1):
        line = lines.readline(LONGEST_FIELD + 1)
        if line == b"\r\n":
            return _checked(found)
        if len(line) > LONGEST_FIELD:
            raise TooLarge("a header field is too long")
        if not line.endswith(b"\r\n"):
            raise ValueError("a header field does not end as it has to")
        name, colon, value = line[:-2].partition(b":")
        value = value.strip(b" \t")
        if not colon or _BAD_IN_VALUES.search(value):
            raise ValueError("that is no header field")
        if b"_" in name:
            continue
        if not _NAME.fullmatch(name):
            raise ValueError("that is no name of a header field")
        title = name.title()
        found[title] = found[title] + b"," + value if title in found else value
    raise TooLarge("there are too many header fields")


def _checked(found: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """Refuse what leaves it open where the body ends."""
    length, coding = found.get(_LENGTH), found.get(_CODING)
    if length is not None and not (length.isdigit() and len(length) < 20):
        raise ValueError(f"Content-Length: {length.decode('latin-1')!r} is no length")
    if coding is not None and coding.lower() != b"chunked":
        raise ValueError(f"Transfer-Encoding: {coding.decode('latin-1')!r} is not known here")
    if coding is not None and length is not None:
        raise ValueError("Content-Length and Transfer-Encoding are both there")
    if b"Expect" in found:
        found[b"Expect"] = found[b"Expect"].lower()
    return found
