"""Having something done with many jobs, tasks or workers, in as many requests as that takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from msgspec import UNSET
from msgspec.structs import replace

from flamenco.client.connection import Connection
from flamenco.domain.actions import AnyAction
from flamenco.protocol.x.actions import MOST_IDS, ActionOutcome

Things = Literal["jobs", "tasks", "workers"]

_PATIENCE_S: Final = 90.0
"""A manager goes on with one request for 25 seconds, and ends with what it is about then."""

_NOTHING: Final = ActionOutcome(matched=0, done=0, refused=[], refused_count=0)


class ActionCalls:
    """What can be done is in `domain.actions`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def on(
        self,
        things: Things,
        action: AnyAction,
        arguments: Mapping[str, Any],
        *,
        ids: Sequence[str] | None = None,
        matching: Mapping[str, Any] | None = None,
        dry_run: bool = False,
    ) -> ActionOutcome:
        """Do it with these, or with all that a filter leaves in: `matching`, in the words of the lists' queries."""
        body = {"action": action, "arguments": arguments, "dry_run": dry_run}
        if ids is None:
            return self._all(things, body | {"filter": matching or {}})
        outcome = _NOTHING
        for first in range(0, len(ids), MOST_IDS):
            outcome = _sum(outcome, self._all(things, body | {"ids": ids[first : first + MOST_IDS]}))
        return outcome

    def _all(self, things: Things, body: dict[str, Any]) -> ActionOutcome:
        outcome, after = _NOTHING, 0
        while True:
            path = f"/api/x/{things}/actions"
            answer = self._connection.call("POST", path, body | {"after": after}, timeout_s=_PATIENCE_S)
            part = self._connection.decoded(answer, ActionOutcome)
            outcome = _sum(outcome, replace(part, matched=part.matched - (part.left or 0)))
            if part.next is UNSET or part.next <= after:
                return outcome
            after = part.next


def _sum(one: ActionOutcome, more: ActionOutcome) -> ActionOutcome:
    """What came of both. What takes them back is given where nothing but the answers is kept."""
    undo = [*(one.undo or []), *(more.undo or [])]
    return ActionOutcome(
        matched=one.matched + more.matched,
        done=one.done + more.done,
        refused=[*one.refused, *more.refused],
        refused_count=one.refused_count + more.refused_count,
        undo=undo or UNSET,
    )
