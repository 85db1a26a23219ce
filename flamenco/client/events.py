"""What a manager is asked about events: what happened since, or what happens next."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct, field

from flamenco.client.connection import DEFAULT_TIMEOUT_S, NO_SUCH_ADDRESS, Connection


class FarmEvent(Struct, frozen=True, kw_only=True):
    """Something that happened, as the manager's event sinks are told of it too."""

    topic: str
    id: int = 0
    created: str = ""
    payload: dict[str, Any] = field(default_factory=dict)


class Events(Struct, frozen=True):
    """What happened; ask with `after=next` for what comes then.

    With `missed`, some events are gone: look at everything anew. With `more`, ask again at once, though there may be
    no events here. With `retry_after`, in seconds, the manager could not let any more wait.
    """

    events: tuple[FarmEvent, ...]
    next: int
    missed: bool = False
    more: bool = False
    retry_after: float | None = None


class EventCalls:
    """Events."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def after(self, number: int | None, topics: Sequence[str] = (), wait_s: float = 0) -> Events | None:
        """The events after `number`, waiting up to `wait_s`, at most 60, for the first; None means from now on.

        `topics` are patterns: `/jobs` is that topic, `/jobs/*` all below it; none means all.

        None from a manager that tells of no events.
        """
        asked: dict[str, Any] = {"wait": wait_s}
        if topics:
            asked["topics"] = ",".join(topics)
        if number is not None:
            asked["after"] = number
        answer = self._connection.call(
            *("GET", f"/api/x/events?{urlencode(asked)}"),
            timeout_s=DEFAULT_TIMEOUT_S + wait_s,
            also_fine=NO_SUCH_ADDRESS,
        )
        if answer.status_code in NO_SUCH_ADDRESS:
            return None
        found = self._connection.decoded(answer, Events)
        if found.retry_after:  # so that whoever asks in a loop waits all the same
            time.sleep(min(found.retry_after, wait_s))
        return found
