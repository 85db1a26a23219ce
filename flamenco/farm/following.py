"""Following what happens in the farm: the events after a number, page by page, and waiting for the next one."""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from flamenco.domain.events import TASK_LOGS, matches
from flamenco.farm.context import Farm
from flamenco.hooks.types import PublishedEvent
from flamenco.store import events, log_followers
from flamenco.store.engine import Tx

MOST_LOOKED_AT: Final = 1000
"""So many events are looked at for one page, however few of them are wanted: somebody who wants a rare topic and is
far behind costs as little as everybody else, and comes more often."""

EVERYTHING: Final = ("*",)
"""What is wanted by who does not say."""

RETRY_AFTER_S: Final = 2
"""When to come back for somebody who would wait, but there are too many who do."""


LOGS_FOLLOWED_FOR: Final = timedelta(minutes=10)
"""So long after somebody asked for events of a task's log they are stored; who goes on asking gets all of them."""

MOST_LOGS_FOLLOWED: Final = 1000
"""Who follows one more log than that follows all."""

_SINKS_FOLLOW_FOR: Final = timedelta(days=2)


class EventPage(Struct, frozen=True, kw_only=True):
    """Some events in their order, and `next`, the number to go on from.

    `missed`: there were others after the number that was asked for, which are not kept any more, or it is a number
    that no event has had yet, from another database. `more`: there is more to look at already. `retry_after_s` is
    there when nobody could wait for an event.
    """

    events: list[PublishedEvent]
    next: int
    missed: bool = False
    more: bool = False
    retry_after_s: int | None = None


def follow(
    farm: Farm, after: int | None, topics: Collection[str], limit: int, wait_s: float, lag_s: float = 0.0
) -> EventPage:
    """At most `limit` events after the number `after` whose topics fit one of `topics`; None means from now on.

    Without any, waits up to `wait_s` seconds for one. No transaction is open meanwhile. Task logs have events from the
    first time that somebody asks for them. With a `lag_s`, that nothing happened may be as old as that.
    """
    deadline = time.monotonic() + wait_s
    _follow_logs(farm, topics)
    if after is not None and lag_s > 0 and after == farm.event_waits.newest(lag_s):
        # What most are told who ask, of whom there are many: one for each page that somebody looks at.
        page = EventPage(events=[], next=after)
    else:
        page = _first_page(farm, after, topics, limit)
    if page.events or page.more or page.missed or wait_s <= 0:
        return page
    with farm.event_waits.slot() as taken:
        if not taken:
            return replace(page, retry_after_s=RETRY_AFTER_S)
        while not (page.events or page.more) and farm.event_waits.until_beyond(page.next, deadline):
            page = _page_after(farm, page.next, _settled(farm), topics, limit)
    return page


def _follow_logs(farm: Farm, topics: Collection[str]) -> None:
    now, wanted = farm.clock(), {topic for topic in topics if topic.startswith(TASK_LOGS)}
    if not wanted:
        return
    with farm.store.read() as tx:
        # Half of the time early, so that following a log writes twice in ten minutes, not with every request.
        known = log_followers.followed_beyond(tx, now + LOGS_FOLLOWED_FOR / 2)
    if new := wanted - known:
        with farm.store.write() as tx:
            has_room = len(known) + len(new) <= MOST_LOGS_FOLLOWED
            log_followers.follow(tx, new if has_room else {f"{TASK_LOGS}*"}, now + LOGS_FOLLOWED_FOR)


def follow_logs_for_sinks(farm: Farm, tx: Tx) -> None:
    """Have the events of task logs stored that event sinks want. To be called once a day, and before any happen."""
    wanted = {topic for sink in farm.event_sinks.values() for topic in sink.topics if topic.startswith(TASK_LOGS)}
    log_followers.follow(tx, wanted, farm.clock() + _SINKS_FOLLOW_FOR)


def _first_page(farm: Farm, after: int | None, topics: Collection[str], limit: int) -> EventPage:
    with farm.store.read() as tx:
        horizon, oldest = events.horizon(tx), events.oldest(tx)
    if after is None:
        return EventPage(events=[], next=horizon.settled)
    if after > horizon.highest:
        return EventPage(events=[], next=horizon.settled, missed=True)
    page = _page_after(farm, after, horizon.settled, topics, limit)
    return replace(page, missed=after + 1 < oldest)


def _settled(farm: Farm) -> int:
    with farm.store.read() as tx:
        return events.horizon(tx).settled


def _page_after(farm: Farm, after: int, settled: int, topics: Collection[str], limit: int) -> EventPage:
    with farm.store.read() as tx:
        found, looked_at, last = events.matching(
            tx, after, limit, MOST_LOOKED_AT, settled, lambda topic: matches(topic, topics or EVERYTHING)
        )
    if len(found) == limit or looked_at == MOST_LOOKED_AT:
        return EventPage(events=found, next=last, more=True)
    # Numbers that nobody has, of transactions that came to nothing, are passed over too.
    return EventPage(events=found, next=max(last, settled))
