"""Jobs that wait for others are told what has become of those: some at a time, so that others get at the database.

Whoever works on a job only notes what happens; this goes on with the notes. All that is told is looked up then, and
not what was noted: so it does no harm if a process dies in the middle, and it is told once more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from msgspec.structs import replace

from flamenco.domain.events import job_event
from flamenco.domain.job_waits import Kind, Span, State, Wait, freed_by, next_state, summary
from flamenco.domain.model import JobState
from flamenco.domain.statuses import SCHEDULABLE_JOB
from flamenco.farm.cascade import Cascade
from flamenco.farm.context import Farm
from flamenco.farm.pausing import give_way
from flamenco.store import events, job_news, job_waits, unmet
from flamenco.store.engine import Tx
from flamenco.store.job_news import News, What

AT_ONCE: Final = 250
"""So many jobs are told in one transaction."""

FEW_AT_ONCE: Final = 20
"""So many jobs are told of single frames in one transaction."""

TASKS_AT_ONCE: Final = 500
"""Of so many tasks it is counted in one transaction what they wait for."""


def tell_all(farm: Farm) -> int:
    """Tell all that is to be told, but for frames that end meanwhile. How much that was.

    Those are left for the next time, when there are more of them: while much is rendered there is always one more, and
    to tell of each by itself would take as long as to render many, with workers waiting for the same jobs.
    """
    with farm.store.read() as tx:
        last = job_news.last(tx)
    return _tell_while_there_are(farm, partial(job_news.next_ones, frames_until=last))


def tell_of(farm: Farm, job_key: int) -> int:
    """Tell all that is to be told of one job."""
    return _tell_while_there_are(farm, partial(job_news.next_of, job_key=job_key))


def _tell_while_there_are(farm: Farm, next_ones: Callable[[Tx, int], list[News]]) -> int:
    told = 0
    while True:
        with farm.store.read() as tx:
            news = next_ones(tx, AT_ONCE)
        if not news:
            return told
        _tell(farm, news)
        told += len(news)


def _tell(farm: Farm, news: Sequence[News]) -> None:
    match news[0].what:
        case What.STATUS:
            _tell_status(farm, news[0].job_key)
        case What.TASKS:
            _tell_tasks(farm, news[0].job_key)
        case What.FRAMES:
            _tell_frames(farm, news[0].job_key, _merged(news))
        case What.COUNT:
            _count(farm, news)
            return
    with farm.store.write() as tx:
        if news[0].what is What.STATUS:  # by nothing else a dependency is met, or broken
            # Locked first, so that what is counted then is as it is by now.
            job_waits.lock(tx, [news[0].job_key])
            job_waits.count_waited_for(tx, [news[0].job_key])
        job_news.forget(tx, news)


def _tell_each(farm: Farm, on_key: int, most: int, tell: Callable[[Tx, list[Wait], dict[int, JobState]], None]) -> None:
    """Tell the dependencies on a job that are not met, and the jobs that have them, locked: each lot a transaction."""
    after = 0
    while True:
        started = time.monotonic()
        with farm.store.write() as tx:
            seen = job_waits.next_on(tx, on_key, after, most)
            if not seen:
                return
            locked = job_waits.lock(tx, [job_key for _, job_key in seen])
            # Read only now: before their jobs were locked, they could be changed.
            last, _ = seen[-1]
            waits = job_waits.pending_on(tx, on_key, after, last)
            tell(tx, [wait for wait in waits if wait.job_key in locked], locked)
        after = last
        if len(seen) == most:
            give_way(farm, time.monotonic() - started)


def _tell_status(farm: Farm, on_key: int) -> None:
    def tell(tx: Tx, waits: Sequence[Wait], locked: Mapping[int, JobState]) -> None:
        changed = [
            (wait, new)
            for wait in waits
            if (new := next_state(wait.state, wait.kind, wait.when, wait.status)) is not wait.state
        ]
        job_waits.set_states(tx, changed)
        for wait, _ in changed:
            if wait.kind is Kind.FRAMES:
                job_news.add(tx, wait.job_key, What.COUNT)
        _settle(tx, [locked[wait.job_key] for wait, _ in changed], [wait for wait, _ in changed], farm.clock())

    _tell_each(farm, on_key, AT_ONCE, tell)


def _settle(tx: Tx, told: Sequence[JobState], met: Sequence[Wait], now: datetime) -> None:
    """Count what keeps these locked jobs back, and have them say so."""
    if not told:
        return
    keys = [job.key for job in told]
    by_job: dict[int, list[Wait]] = {}
    for wait in job_waits.pending_of(tx, keys):
        by_job.setdefault(wait.job_key, []).append(wait)
    last = {wait.job_key: wait for wait in met}
    now_so = [
        replace(job, activity=summary(by_job.get(job.key, ())) or freed_by(last[job.key]), updated=now)
        for job in told
        if job.status in SCHEDULABLE_JOB
    ]
    job_waits.count_waiting_for(tx, keys, now_so)
    events.append(tx, [job_event(job) for job in now_so], now)


def _tell_tasks(farm: Farm, on_key: int) -> None:
    def tell(tx: Tx, waits: Sequence[Wait], _: object) -> None:
        for wait in waits:
            if wait.kind is Kind.FRAMES:
                job_news.add(tx, wait.job_key, What.COUNT)

    _tell_each(farm, on_key, AT_ONCE, tell)


def _merged(news: Iterable[News]) -> list[Span]:
    """The frames that something is to be told of, in as few spans as possible."""
    spans: list[Span] = []
    for first, last in sorted((each.frame_first or 0, each.frame_last or 0) for each in news):
        if spans and first <= spans[-1].last + 1:
            spans[-1] = Span(spans[-1].first, max(spans[-1].last, last))
        else:
            spans.append(Span(first, last))
    return spans


def _tell_frames(farm: Farm, on_key: int, spans: Sequence[Span]) -> None:
    def tell(tx: Tx, waits: Sequence[Wait], _: object) -> None:
        for wait in waits:
            if wait.kind is Kind.FRAMES and wait.state is not State.BROKEN:
                for span in spans:
                    first, last = span.first - wait.offset.last, span.last - wait.offset.first
                    unmet.recount_frames(tx, wait.job_key, first, last, wait.longest)

    _tell_each(farm, on_key, FEW_AT_ONCE, tell)


def _count(farm: Farm, news: Sequence[News]) -> None:
    """Count what the tasks of a job wait for; a part of them after the other."""
    job_key, until = news[0].job_key, 0
    while True:
        started = time.monotonic()
        with farm.store.write() as tx:
            job = job_waits.lock(tx, [job_key]).get(job_key)
            if job is None:  # it is being deleted
                job_news.forget(tx, news)
                return
            unmet.recount_part(tx, job_key, until, until + TASKS_AT_ONCE)
            until += TASKS_AT_ONCE
            if until >= job.counts.total:
                cascade = _counted(tx, job, farm.clock())
                job_news.forget(tx, news)
                break
        give_way(farm, time.monotonic() - started)
    cascade.write_logs(farm)


def _counted(tx: Tx, job: JobState, now: datetime) -> Cascade:
    """All tasks of a locked job are counted: have it go on."""
    job_waits.counted(tx, job.key)
    job_waits.count_waiting_for(tx, [job.key])
    cascade = Cascade(tx, job_waits.lock(tx, [job.key])[job.key], now)
    cascade.save()  # which ends it where nothing of it can be run any more
    return cascade


def look_for_forgotten(farm: Farm) -> int:
    """Tell what should have been told and was not, which nothing but a mistake can bring about. How much that was."""
    with farm.store.write() as tx:
        unheard, uncounted = job_waits.unheard(tx), job_waits.uncounted(tx)
        job_news.add_status_of(tx, unheard)
        for job_key in uncounted:
            job_news.add(tx, job_key, What.COUNT)
    return len(unheard) + len(uncounted)
