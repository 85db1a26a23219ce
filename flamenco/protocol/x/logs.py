"""Parts of logs, and what was found in one, on the wire of our own additions."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from flamenco.protocol.fields import Storable

LARGEST_PLACE: Final = 2**53
"""The largest number of a byte that every client can count to."""

Place = Annotated[int, Meta(ge=0, le=LARGEST_PLACE)]


class LogPart(Struct, frozen=True, kw_only=True):
    """Which part of a log."""

    offset: Annotated[
        int,
        Meta(ge=-LARGEST_PLACE, le=LARGEST_PLACE, description="The first byte; a negative one counts from the end."),
    ] = 0
    limit: Annotated[int, Meta(ge=1, le=1 << 20, description="At most so many bytes, in whole lines.")] = 1 << 16


class LinePlaceQuery(Struct, frozen=True, kw_only=True):
    """What to look up in a log: one of both."""

    line: Annotated[int, Meta(ge=1, le=LARGEST_PLACE, description="The number of a line.")] | UnsetType = UNSET
    offset: Annotated[Place, Meta(description="A byte.")] | UnsetType = UNSET


class LinePlace(Struct, frozen=True, kw_only=True):
    """A line of a log: its number from 1, and the byte it begins at, or the one that was asked about."""

    line: int
    offset: int


class LogSearch(Struct, frozen=True, kw_only=True):
    """What to look for in a log."""

    q: Annotated[
        Storable, Meta(min_length=1, max_length=1000, description="A text, or a regular expression of Python.")
    ]
    regex: Annotated[bool, Meta(description="Whether it is a regular expression.")] = False
    case: Annotated[bool, Meta(description="Whether capitals matter.")] = False
    after: Annotated[Place, Meta(description="The byte where to begin: the `next` of the answer before.")] = 0
    line: Annotated[
        Place | UnsetType, Meta(description="The `next_line` of the answer before; counted anew when not given.")
    ] = UNSET
    limit: Annotated[int, Meta(ge=1, le=500, description="At most so many lines.")] = 200


class LogHit(Struct, frozen=True, kw_only=True):
    """A line that was found. Of long lines a part is shown, with an ellipsis for the rest."""

    line: Annotated[int, Meta(description="Its number, from 1.")]
    offset: Annotated[int, Meta(description="Its first byte.")]
    text: str
    before: Annotated[list[str], Meta(description="Up to three lines that are before it.")]
    after: list[str]


class LogHits(Struct, frozen=True, kw_only=True):
    """What was found, as far as one request looks: at `searched` bytes of the log, which has `size`."""

    hits: list[LogHit]
    more: Annotated[bool, Meta(description="Whether there is more of the log to look at, from `next` on.")]
    next: int | UnsetType = UNSET
    next_line: int | UnsetType = UNSET
    size: int
    searched: int
