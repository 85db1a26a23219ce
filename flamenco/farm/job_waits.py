"""Which jobs a job waits for: asked for at its submission or later, looked at, and taken back by people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from flamenco.domain.access import ITSELF, Access, Caller
from flamenco.domain.errors import Conflict, NotFound, Refused
from flamenco.domain.events import job_event
from flamenco.domain.job_waits import (
    MOST_DEPENDENCIES,
    PENDING,
    Kind,
    State,
    Wait,
    Wanted,
    circle,
    first_state,
    freed_by,
    named,
    next_state,
    summary,
)
from flamenco.domain.model import AuthoredJob, JobState, Submission
from flamenco.domain.statuses import FINISHED_JOB, SCHEDULABLE_JOB
from flamenco.domain.wait_texts import KEY, wanted_in
from flamenco.farm import audit
from flamenco.farm.authorization import require
from flamenco.farm.context import Farm
from flamenco.store import events, job_news
from flamenco.store import job_waits as wait_store
from flamenco.store import jobs as job_store
from flamenco.store.engine import Tx
from flamenco.store.job_news import What
from flamenco.store.job_waits import Follower

MOST_FOLLOWERS: Final = 100
"""So many of the jobs that wait for one are shown with it."""


class Waits(Struct, frozen=True):
    """What a job waits for, or has waited for, and some of the jobs that wait for it."""

    waits_for: list[Wait]
    waited_for_by: list[Follower]


def wanted(farm: Farm, submission: Submission, authored: AuthoredJob, by: Caller) -> list[Wanted]:
    """All that a new job is to wait for: by its submission, its metadata and its script.

    Raises `Refused`, and `AccessDenied` for jobs that whoever asks may not look at.
    """
    by_job: dict[str, Wanted] = {}
    asked = (*submission.depends_on, *authored.depends_on, *wanted_in(authored.metadata.get(KEY, "")))
    for each in asked:
        if by_job.setdefault(each.job, each) != each:
            raise Refused(f"The job {each.job} is to be waited for in two ways; say it once.")
    if len(by_job) > MOST_DEPENDENCIES:
        raise Refused(f"A job waits for {MOST_DEPENDENCIES} others at most, and not for {len(by_job)}.")
    for job_id in by_job:
        require(farm, by, Access.JOB, job_id=job_id)
    return list(by_job.values())


def check_there(tx: Tx, asked: Sequence[Wanted]) -> None:
    """Raise `Refused` where there is no such job as one that is to be waited for."""
    for each in asked:
        _other(tx, each)


def _other(tx: Tx, asked: Wanted) -> JobState:
    try:
        return job_store.fetch(tx, asked.job)
    except NotFound as error:
        raise Refused(
            f"There is no job {asked.job} to wait for; name one by its ID, as `flamenco jobs` shows it."
        ) from error


def attach(tx: Tx, job: JobState, asked: Sequence[Wanted], now: datetime) -> None:
    """Have a job that is stored in this transaction, or locked by it, wait for others. Raises `Refused`."""
    others = {each.job: _other(tx, each) for each in asked}
    locked = wait_store.lock(tx, [other.key for other in others.values()])
    for each in asked:
        other = locked.get(others[each.job].key)
        if other is None or other.key == job.key:
            raise Refused(f"There is no other job {each.job} to wait for.")
        _insert(tx, job, other, each, now)
    wait_store.count_waited_for(tx, list(locked))
    _settle(tx, job, now)


def _insert(tx: Tx, job: JobState, other: JobState, asked: Wanted, now: datetime) -> None:
    longest = (0, 0)
    if asked.kind is Kind.FRAMES:
        longest = _with_frames(tx, job), _with_frames(tx, other)
    state = next_state(first_state(asked.kind), asked.kind, asked.when, other.status)
    wait_store.insert_wait(tx, job, other, asked, state, longest, now)
    if state is State.COUNTING:
        job_news.add(tx, job.key, What.COUNT)


def _with_frames(tx: Tx, job: JobState) -> int:
    longest = wait_store.longest(tx, job.key)
    if longest < 0:
        raise Refused(
            f"No task of the job {named(job.name, job.id)} says which frames it is about, so nothing can wait frame by "
            "frame there; wait for all of it."
        )
    return longest


def _settle(tx: Tx, job: JobState, now: datetime, last: Wait | None = None) -> None:
    """Count what keeps a locked job back, and have it say so; `last` is what it waits for no more."""
    said = summary(wait_store.of_job(tx, job.key)) or (freed_by(last) if last else "")
    is_told = said and job.status in SCHEDULABLE_JOB
    wait_store.count_waiting_for(tx, [job.key], [replace(job, activity=said, updated=now)] if is_told else [])


def waits(farm: Farm, job_id: str) -> Waits:
    """What a job waits for, and what waits for it. Raises `NotFound`."""
    with farm.store.read() as tx:
        job = job_store.fetch(tx, job_id)
        return Waits(wait_store.of_job(tx, job.key), wait_store.followers(tx, job.key, MOST_FOLLOWERS))


def add(farm: Farm, job_id: str, asked: Wanted, by: Caller = ITSELF) -> Wait:
    """Have a job wait for another from now on; what of it is being run goes on.

    Raises `NotFound`, `AccessDenied` where they may not look at the other one, `Conflict` for a job that has ended or
    waits for that one already, and `Refused`, also where jobs would wait for each other.
    """
    require(farm, by, Access.JOB, job_id=asked.job)
    now = farm.clock()
    with farm.store.write() as tx:
        wait_store.alone(tx)
        job = job_store.fetch(tx, job_id)
        other = _other(tx, asked)
        locked = wait_store.lock(tx, [job.key, other.key])
        job = locked.get(job.key, job)
        _check_may_wait(tx, job, other)
        attach(tx, job, [asked], now)
        audit.note(tx, now, "job", job.id, job.name, after={"waits_for": other.id, "kind": asked.kind})
        events.append(tx, [job_event(job_store.fetch_by_key(tx, job.key))], now)
        return _one(wait_store.of_job(tx, job.key), other.id)


def _check_may_wait(tx: Tx, job: JobState, other: JobState) -> None:
    if job.status in FINISHED_JOB:
        raise Conflict(f"The job is {job.status}, so it waits for nothing any more.")
    if any(wait.job == other.id for wait in wait_store.of_job(tx, job.key)):
        raise Conflict(f"It waits for the job {named(other.name, other.id)} already; drop that first to change it.")
    if found := circle(job.id, other.id, lambda each: wait_store.ids_waited_for(tx, each)):
        path = " → ".join(each[:8] for each in found)
        raise Refused(f"These jobs would wait for each other for ever: {path}.")


def drop(farm: Farm, job_id: str, other_id: str) -> None:
    """Have a job not wait for another, as if nobody had ever asked for it. Raises `NotFound`."""
    _change(farm, job_id, other_id, None)


def satisfy(farm: Farm, job_id: str, other_id: str) -> None:
    """Have a dependency count as met, whatever becomes of the other job. Raises `NotFound`, `Conflict` if it is met."""
    _change(farm, job_id, other_id, State.SATISFIED)


def _change(farm: Farm, job_id: str, other_id: str, new: State | None) -> None:
    now = farm.clock()
    with farm.store.write() as tx:
        job = job_store.fetch(tx, job_id)
        wait = _one(wait_store.of_job(tx, job.key), other_id)
        job = wait_store.lock(tx, [job.key, *([wait.on_key] if wait.on_key else [])]).get(job.key, job)
        wait = _one(wait_store.of_job(tx, job.key), other_id)
        if new is None:
            wait_store.drop(tx, wait)
        elif wait.state in PENDING:
            wait_store.set_states(tx, [(wait, new)])
        else:
            raise Conflict(f"It does not wait for that job any more: that is {wait.state}.")
        if wait.kind is Kind.FRAMES:
            job_news.add(tx, job.key, What.COUNT)
        wait_store.count_waited_for(tx, [wait.on_key] if wait.on_key else [])
        _settle(tx, job, now, wait if wait.state in PENDING else None)
        after = {"waits_for": None} if new is None else {"state": new}
        audit.note(tx, now, "job", job.id, job.name, before={"waits_for": wait.job, "state": wait.state}, after=after)
        events.append(tx, [job_event(job_store.fetch_by_key(tx, job.key))], now)


def _one(found: Sequence[Wait], other_id: str) -> Wait:
    for wait in found:
        if wait.job == other_id:
            return wait
    raise NotFound(f"The job does not wait for a job {other_id}.")
