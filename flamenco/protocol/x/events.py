"""Events, event sinks and dead letters on the wire of our own additions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from flamenco.protocol.fields import Name, Text

Key = Annotated[int, Meta(ge=1, le=2**63 - 1, extra_json_schema={"format": "int64"})]
"""The number of a row."""


Cursor = Annotated[int, Meta(ge=0, le=2**63 - 1, extra_json_schema={"format": "int64"})]
"""The number of an event, or 0, which is before all of them."""


Topic = Annotated[Name, Meta(min_length=1)]


class EventsQuery(Struct, frozen=True, kw_only=True):
    """Which events are wanted."""

    after: Annotated[
        Cursor | UnsetType,
        Meta(description="The events after this one: `next` of the answer before. Without it, those from now on."),
    ] = UNSET
    topics: Annotated[
        list[Topic],
        Meta(
            max_length=100,
            description="Patterns: `/jobs` is that topic, `/jobs/*` all below it, `*` everything, as nothing is.",
        ),
    ] = []
    wait: Annotated[
        float, Meta(ge=0, le=60, description="While there is no such event, wait for one, up to so many seconds.")
    ] = 0.0
    lag: Annotated[
        float, Meta(ge=0, le=60, description="That there is no such event may be known from so many seconds ago.")
    ] = 0.0
    limit: Annotated[int, Meta(ge=1, le=1000, description="No more events than that at once.")] = 100


class Event(Struct, frozen=True, kw_only=True):
    """Something that happened. `payload` is what is published on that topic."""

    id: Key
    created: datetime
    topic: str
    payload: dict[str, Any]


class Events(Struct, frozen=True, kw_only=True):
    """Events in their order, and `next`, to be asked for those after them.

    With `missed`, look at everything anew: events after `after` are gone, which are kept for seven days, or there was
    no event of that number yet. With `more`, ask again at once: there is more to look at, even if there were no events
    here. With `retry_after`, ask again in so many seconds: too many wait already.
    """

    events: list[Event]
    next: Cursor
    missed: bool
    more: bool
    retry_after: int | UnsetType = UNSET


class SinkState(Struct, frozen=True, kw_only=True):
    """How an event sink is doing: events still to be delivered, events given up, and failures of the next one.

    `waiting` is not counted beyond 10,000; `error` and `retry_at` are there while something is in the way.
    """

    name: str
    waiting: int
    dead: int
    failures: int
    error: str | UnsetType = UNSET
    retry_at: datetime | UnsetType = UNSET


class Sinks(Struct, frozen=True, kw_only=True):
    """All event sinks, by name; those that were removed as well, as long as they have dead letters."""

    sinks: list[SinkState]


class DeadLetter(Struct, frozen=True, kw_only=True):
    """An event that a sink could not deliver. With `retry`, it is going to be tried once more."""

    key: Key
    sink: str
    event_id: Key
    topic: str
    created: datetime
    died: datetime
    attempts: int
    error: str
    retry: bool
    payload: dict[str, Any]


class DeadLetters(Struct, frozen=True, kw_only=True):
    """Events that were given up: by sink, then in the order that happened; the newest 100 of each sink."""

    dead_letters: list[DeadLetter]


class DeadLetterChoice(Struct, frozen=True, kw_only=True):
    """Dead letters of one sink: those with these keys, or all where there are no `keys`."""

    sink: Text
    keys: Annotated[list[Key], Meta(min_length=1, max_length=1000)] | UnsetType = UNSET


class DeadLettersChosen(Struct, frozen=True, kw_only=True):
    """How many dead letters it was."""

    count: int
