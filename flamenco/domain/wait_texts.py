"""Dependencies between jobs in metadata, where clients have no other field for them. Pure.

Either the identifiers of jobs, with commas or blanks between them, each maybe with `:frames` behind it, or the JSON of
what `depends_on` of our own API takes.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from flamenco.domain.errors import Refused
from flamenco.domain.job_waits import MOST_OFFSET, Kind, Offset, Wanted, When

KEY: Final = "flamenco.depends_on"
"""Where in its metadata a job says what it waits for."""

Distance = Annotated[int, Meta(ge=-MOST_OFFSET, le=MOST_OFFSET)]
"""From a frame to another that it waits for."""

Distances = Annotated[list[Distance], Meta(min_length=2, max_length=2)]
"""From a frame to the first and to the last that it waits for. No tuple: with one beside a number that has limits,
msgspec 0.22 crashes."""


class _Written(Struct, frozen=True, forbid_unknown_fields=True):
    job: str
    kind: Kind = Kind.ALL
    when: When = When.COMPLETED
    offset: Distance | Distances = 0


def offset_of(written: int | list[int]) -> Offset:
    """An offset as APIs have it: one number, or the first and the last. Raises `Refused` where they are swapped."""
    first, last = (written, written) if isinstance(written, int) else written
    if first > last:
        raise Refused(f"The offset [{first}, {last}] goes backwards; write [{last}, {first}].")
    return Offset(first, last)


def wanted_in(text: str) -> list[Wanted]:
    """What the text asks for. Raises `Refused` with a sentence."""
    text = text.strip()
    if text.startswith(("[", "{")):
        return _of_json(text if text.startswith("[") else f"[{text}]")
    return [_of_word(word) for word in text.replace(",", " ").split()]


def _of_json(text: str) -> list[Wanted]:
    try:
        written = msgspec.json.decode(text, type=list[_Written])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Refused(f"The metadata {KEY} cannot be read: {error}.") from error
    return [
        Wanted(job=each.job.lower(), kind=each.kind, when=each.when, offset=offset_of(each.offset)) for each in written
    ]


def _of_word(word: str) -> Wanted:
    job_id, _, kind = word.partition(":")
    if kind not in ("", *Kind):
        raise Refused(f"The metadata {KEY} has {word!r} in it; behind the colon comes all or frames.")
    return Wanted(job=job_id.lower(), kind=Kind(kind or Kind.ALL))
