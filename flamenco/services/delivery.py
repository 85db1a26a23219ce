"""Brings events from the outbox to the sinks: at least once, in order, each sink at its own pace.

No transaction is open while a sink is at work, and what came of it is only written where nobody else was quicker.
A sink that fails is left alone for longer and longer, whichever event it is at, until something gets through: one
that is down for a day is not hammered. An event that fails too often goes to the dead letters, so that it does not
hold up the others; those that somebody wants delivered after all come after the new ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

import structlog
from msgspec import Struct
from msgspec.structs import replace

from flamenco.domain.backoff import Backoff
from flamenco.domain.events import matches
from flamenco.farm.context import Farm
from flamenco.farm.following import follow_logs_for_sinks
from flamenco.hooks.discovery import one_line
from flamenco.hooks.types import EventSink, PublishedEvent, Undeliverable
from flamenco.store import events, sinks
from flamenco.store.sinks import DeadLetter, SinkProgress

log = structlog.get_logger(__name__)

BATCH: Final = 100
"""So many events are read at once; after a crash at most these are delivered again."""

BATCH_S: Final = 0.5
"""No further event of a batch is begun after this long: leases have to be renewed, and a manager wants to stop."""

BACKOFF: Final = Backoff(first=1.0, longest=300.0)
"""How long a sink that failed is left alone."""

IDLE_S: Final = 1.0
"""How often to look for new events."""

_MORE_S = 0.05
_DAY_S = 86_400.0
_LONGEST_ERROR = 500


def tick(farm: Farm, sink: EventSink) -> float:
    """Deliver what there is for `sink`, a batch at most. Returns the seconds until it wants to be called again."""
    started = farm.clock()
    with farm.store.read() as tx:
        settled = events.horizon(tx).settled
    with farm.store.read() as tx:
        progress = sinks.progress(tx, sink.name)
        batch = events.after(tx, progress.cursor, BATCH, settled) if progress else []
        letters = sinks.wanted_again(tx, sink.name, BATCH)
    if progress is None:
        with farm.store.write() as tx:
            sinks.add(tx, sink.name)
        return _MORE_S
    if wait_s := _wait_s(progress, started):
        return wait_s
    delivery = _Delivery(farm, sink, progress, started + timedelta(seconds=BATCH_S))
    outcome = delivery.events(batch)
    if outcome is _Outcome.THROUGH:
        outcome = delivery.letters(letters)
    if outcome is not _Outcome.THROUGH:
        return delivery.pause
    return _MORE_S if len(batch) == BATCH or len(letters) == BATCH else IDLE_S


def is_behind(farm: Farm, sink: EventSink) -> bool:
    """Whether there are events for `sink` that could be delivered now. Those of one that failed have to wait."""
    with farm.store.read() as tx:
        progress = sinks.progress(tx, sink.name)
        if progress is None or _wait_s(progress, farm.clock()):
            return False
        return events.count_after(tx, progress.cursor, 1) > 0


def _wait_s(progress: SinkProgress, now: datetime) -> float:
    """How long to leave the sink alone still; no longer than was meant, though the clock was put back since."""
    left_s = (progress.retry_at - now).total_seconds() if progress.retry_at else 0.0
    return left_s if 0 < left_s <= progress.backoff_s else 0.0


def look_after_sinks(farm: Farm) -> float:
    """Forget the sinks that the configuration has no more. Those with dead letters stay: somebody may want them.

    The logs that the others want go on being published.
    """
    with farm.store.write() as tx:
        follow_logs_for_sinks(farm, tx)
        if removed := sinks.forget_removed(tx, farm.event_sinks.keys()):
            log.info("forgot event sinks that are not there any more", sinks=removed)
    return _DAY_S


class _Failure(Struct, frozen=True):
    """Why an event did not get through, and whether there is any use in trying again."""

    reason: str
    is_final: bool


class _Outcome(Enum):
    """What came of a step of a delivery."""

    THROUGH = "it is done with, and written down as such"
    CUT_SHORT = "what is left has to wait: for the time to go on, or the sink to recover"
    OVERTAKEN = "another process delivers to the sink now, and was quicker"


class _Delivery:
    """One round of deliveries to one sink. `pause` is when to come back, in seconds, after one that was cut short."""

    def __init__(self, farm: Farm, sink: EventSink, progress: SinkProgress, until: datetime) -> None:
        self.pause = _MORE_S
        self._farm = farm
        self._sink = sink
        self._saved = self._now = progress
        self._until = until

    def events(self, batch: Iterable[PublishedEvent]) -> _Outcome:
        """Deliver events in their order, as far as they get through or are given up."""
        for event in batch:
            if matches(event.topic, self._sink.topics):
                if self._farm.clock() >= self._until:
                    self._save()
                    return _Outcome.CUT_SHORT
                if failure := self._attempt(event):
                    outcome = self._failed(event, failure)
                    if outcome is not _Outcome.THROUGH:
                        return outcome
                else:
                    self._got_through()
            self._now = replace(self._now, cursor=event.id)
        return self._save()

    def letters(self, wanted: Iterable[DeadLetter]) -> _Outcome:
        """Deliver dead letters, until one has to wait."""
        for letter in wanted:
            if self._farm.clock() >= self._until:
                return _Outcome.CUT_SHORT
            failure = self._attempt(letter.event)
            with self._farm.store.write() as tx:
                if failure is None:
                    sinks.remove_delivered(tx, letter)
                else:
                    sinks.bury_again(tx, letter, failure.reason, self._farm.clock())
            if failure is None:
                self._got_through()
            elif not failure.is_final:
                self._back_off(failure)
                self._save()
                return _Outcome.CUT_SHORT
        return self._save()

    def _attempt(self, event: PublishedEvent) -> _Failure | None:
        try:
            self._sink.deliver(event)
        except Undeliverable as error:
            return _Failure(_storable(str(error) or "undeliverable"), is_final=True)
        except (Exception, SystemExit) as error:  # whatever a plugin does, the events of others go on
            return _Failure(_storable(one_line(error)), is_final=False)
        return None

    def _got_through(self) -> None:
        self._now = replace(self._now, failures=0, backoff_s=0.0, retry_at=None, error="")

    def _failed(self, event: PublishedEvent, failure: _Failure) -> _Outcome:
        """Write down what happened. An event that is given up, and not the sink's fault, lets the next one through."""
        attempts = self._now.failures + 1
        if not failure.is_final:
            self._back_off(failure)
        if not failure.is_final and attempts < self._sink.attempts:
            self._now = replace(self._now, failures=attempts)
            log.warning("an event sink failed", sink=self._sink.name, error=failure.reason, again_in_s=self.pause)
            self._save()
            return _Outcome.CUT_SHORT
        self._now = replace(self._now, cursor=event.id, failures=0)
        log.error("gave up an event", sink=self._sink.name, event_id=event.id, error=failure.reason)
        with self._farm.store.write() as tx:
            ours = sinks.save(tx, self._saved, self._now)
            if ours:
                sinks.bury(tx, self._sink.name, event, attempts, failure.reason, self._farm.clock())
        self._saved = self._now
        if not ours:
            return _Outcome.OVERTAKEN
        return _Outcome.THROUGH if failure.is_final else _Outcome.CUT_SHORT

    def _back_off(self, failure: _Failure) -> None:
        self.pause = BACKOFF.after(self._now.backoff_s)
        retry_at = self._farm.clock() + timedelta(seconds=self.pause)
        self._now = replace(self._now, backoff_s=self.pause, retry_at=retry_at, error=failure.reason)

    def _save(self) -> _Outcome:
        """Write how far we are, unless another process has taken over and was quicker."""
        if self._now == self._saved:
            return _Outcome.THROUGH
        with self._farm.store.write() as tx:
            ours = sinks.save(tx, self._saved, self._now)
        self._saved = self._now
        return _Outcome.THROUGH if ours else _Outcome.OVERTAKEN


def _storable(text: str) -> str:
    """What every database keeps as a text, and nobody has to scroll through."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()[:_LONGEST_ERROR]
