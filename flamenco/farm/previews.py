"""Approving the preview of a job: by a person, by a link that somebody was sent, or as nobody came in time."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from msgspec import Struct

from flamenco.domain.access import Caller, TokenText, Way, new_token, token_in
from flamenco.domain.actions import JOB_ACTIONS, JobAction, check_fits
from flamenco.domain.errors import NotFound
from flamenco.domain.events import Event, preview_event
from flamenco.domain.model import Job
from flamenco.domain.previews import Preview, PreviewState, check_waits
from flamenco.domain.statuses import TaskStatus
from flamenco.farm import audit, moving
from flamenco.farm.cascade import Cascade
from flamenco.farm.context import Farm
from flamenco.store import approval_links, previews
from flamenco.store import jobs as job_store
from flamenco.store.approval_links import Link
from flamenco.store.engine import Tx

MOST_DUE: Final = 100
"""So many jobs go on by themselves at one look."""

NO_LINK: Final = "This link was used already, or its time is over; ask for a new one: `flamenco approve JOB --link`."


class NewLink(Struct, frozen=True):
    """A link by which somebody approves once: what it ends with, never seen again, and until when it is good."""

    token: TokenText
    expires: datetime


def approve(farm: Farm, job_id: str, reason: str) -> None:
    """Have what is held of a job go on. Raises `NotFound`, `Conflict` where nothing waits, as after somebody else."""
    moving.alone(
        farm,
        lambda tx: Cascade(tx, job_store.lock_by_id(tx, job_id), farm.clock()),
        lambda tx, cascade: _approve(tx, cascade, reason),
    )


def _approve(tx: Tx, cascade: Cascade, reason: str) -> None:
    job = cascade.job
    check_fits(JOB_ACTIONS[JobAction.APPROVE], job.status)
    check_waits(job.preview)
    audit.note(tx, cascade.now, "job", job.id, job.name, before={"preview": job.preview}, after={"preview": "over"})
    kept = previews.of_job(tx, job.key)
    previews.set_state(tx, job, PreviewState.OVER, (kept and kept.ready) or cascade.now, None)
    approval_links.remove_of_job(tx, job.key)
    cascade.let_go(f"The preview is approved: {reason}", PreviewState.OVER)
    if kept:
        cascade.publish(_event(tx, cascade, kept.preview))
    cascade.save()


def _event(tx: Tx, cascade: Cascade, preview: Preview) -> Event:
    tally = previews.tally(tx, cascade.job.key)
    failed = tally.get(TaskStatus.FAILED, 0)
    return preview_event(cascade.job, preview, tasks=sum(tally.values()), failed=failed)


def make_link(farm: Farm, by: Caller, job_id: str, lasts: timedelta) -> NewLink:
    """Make a link by which whoever has it approves a job's preview once. Raises `NotFound`, `Conflict`."""
    now, token = farm.clock(), new_token()
    with farm.store.write() as tx:
        job = job_store.lock_by_id(tx, job_id)
        check_waits(job.preview)
        made_by = by.name or by.address
        expires = min(now + lasts, by.until or now + lasts)
        approval_links.add(tx, token.secret_hash, job.key, by.user_key, made_by, now, expires)
        audit.note(tx, now, "job", job.id, job.name, after={"approval_link": {"expires": expires}})
    return NewLink(token, expires)


class Asked(Struct, frozen=True):
    """What somebody with a link is asked: whether this job is to go on, and what it says of itself."""

    job: Job
    made_by: str


def asked(farm: Farm, token: str) -> Asked:
    """What a link is for; nothing is done by looking at it. Raises `NotFound` for one that is used or too old."""
    with farm.store.read() as tx:
        found = _link(tx, token, farm.clock())
        return Asked(job_store.fetch_whole(tx, found.job_id), found.made_by)


def approve_by_link(farm: Farm, token: str, address: str) -> None:
    """Approve with a link, which is good for nothing any more then. Raises `NotFound`, `Conflict`."""
    with farm.store.read() as tx:
        found = _link(tx, token, farm.clock())

    def change(tx: Tx, cascade: Cascade) -> None:
        link = _link(tx, token, farm.clock())  # with its job locked: of two who have it, one comes first
        with audit.acting(Caller(role=None, way=Way.TOKEN, address=address, name=link.made_by), "approveByLink"):
            _approve(tx, cascade, f"by a link that {link.made_by or 'somebody'} had made")

    moving.alone(farm, lambda tx: Cascade(tx, job_store.lock_by_id(tx, found.job_id), farm.clock()), change)


def _link(tx: Tx, token: str, now: datetime) -> Link:
    text = token_in(token)
    found = approval_links.find(tx, text.secret_hash, now) if text else None
    if found is None:
        raise NotFound(NO_LINK)
    return found


def go_on_without(farm: Farm) -> int:
    """Have those jobs go on for which nobody is waited any longer. Returns how many were looked at."""
    with farm.store.read() as tx:
        due = previews.due(tx, farm.clock(), MOST_DUE)
    for job_key in due:
        # Somebody may have approved, canceled or deleted it meanwhile.
        with suppress(NotFound):
            moving.alone(
                farm,
                partial(_locked, farm, job_key),
                _without,
            )
    return len(due)


def _locked(farm: Farm, job_key: int, tx: Tx) -> Cascade:
    return Cascade(tx, job_store.lock(tx, job_key), farm.clock())


def _without(tx: Tx, cascade: Cascade) -> None:
    job = cascade.job
    kept = previews.of_job(tx, job.key)
    if not (kept and kept.due and kept.due <= cascade.now):
        return
    if job.preview == PreviewState.WAITING and job.status in (JOB_ACTIONS[JobAction.APPROVE].fits or ()):
        _approve(tx, cascade, "nobody said anything in time")
    else:
        previews.set_state(tx, job, PreviewState(job.preview), kept.ready, None)  # it has ended meanwhile
