"""How event sinks are doing, and what becomes of the events that they could not deliver."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import structlog

from flamenco.domain.errors import Conflict, NotFound
from flamenco.farm import audit
from flamenco.farm.context import Farm
from flamenco.hooks.statistics import SinkState
from flamenco.store import events, sinks
from flamenco.store.sinks import DeadLetter, SinkProgress

log = structlog.get_logger(__name__)

MOST_COUNTED: Final = 10_000
"""Waiting events are counted up to here; whoever has more has the same problem."""


def states(farm: Farm) -> list[SinkState]:
    """How each sink is doing, by name; those that were removed too, as long as they have dead letters."""
    with farm.store.read() as tx:
        known = {progress.name: progress for progress in sinks.all_progress(tx)}
        dead = sinks.count_dead(tx)
        found = []
        for name in sorted(farm.event_sinks.keys() | dead.keys()):
            # One that was not served yet will begin after the newest event, so nothing waits for it.
            progress = known.get(name) or SinkProgress(name, events.newest(tx))
            waiting = events.count_after(tx, progress.cursor, MOST_COUNTED) if name in farm.event_sinks else 0
            found.append(
                SinkState(
                    name=name,
                    waiting=waiting,
                    dead=dead.get(name, 0),
                    failures=progress.failures,
                    error=progress.error,
                    retry_at=progress.retry_at,
                )
            )
    return found


def dead_letters(farm: Farm, limit: int, sink: str | None = None) -> list[DeadLetter]:
    """The newest dead letters, at most `limit` of each sink, or of one. By sink, then in the order they died."""
    with farm.store.read() as tx:
        return sinks.newest_dead(tx, limit, sink)


def retry(farm: Farm, sink: str, keys: Collection[int] | None = None) -> int:
    """Have dead letters delivered after all; None means all of the sink. Returns how many.

    Each is tried once more, after the events that wait. Raises `NotFound` when there is no such sink or letter, and
    `Conflict` for a sink that is not there any more.
    """
    if sink not in farm.event_sinks:
        _check_known(farm, sink)
        raise Conflict(
            f"The sink {sink!r} is not configured any more; configure it again, or discard its dead letters."
        )
    with farm.store.write() as tx:
        chosen = sinks.want_again(tx, sink, keys)
        _check_all_there(sink, keys, chosen)
        audit.note(tx, farm.clock(), "sink", sink, sink, after={"retried": chosen})
    return chosen


def discard(farm: Farm, sink: str, keys: Collection[int] | None = None) -> int:
    """Forget dead letters; None means all of the sink. Returns how many. Raises `NotFound` as `retry` does."""
    _check_known(farm, sink)
    with farm.store.write() as tx:
        chosen = sinks.discard(tx, sink, keys)
        _check_all_there(sink, keys, chosen)
        audit.note(tx, farm.clock(), "sink", sink, sink, after={"discarded": chosen})
    log.info("discarded dead letters", sink=sink, count=chosen)
    return chosen


def _check_known(farm: Farm, sink: str) -> None:
    if sink not in {state.name for state in states(farm)}:
        raise NotFound(f"There is no event sink {sink!r}; `flamenco sinks list` shows which there are.")


def _check_all_there(sink: str, keys: Collection[int] | None, found: int) -> None:
    if keys is not None and found != len(set(keys)):
        raise NotFound(f"The sink {sink!r} does not have all of these dead letters; nothing was done.")
