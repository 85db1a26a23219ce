"""Where the preview of a job stands, followed as its tasks end: within the transaction of whatever happened to it.

Looked at for jobs alone of which the preview is pending, and then by one step in an index.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from flamenco.domain.events import Event, job_event, preview_event
from flamenco.domain.model import JobState
from flamenco.domain.previews import PENDING, PreviewState, Then, Wave, sentence
from flamenco.domain.statuses import RUNNABLE_TASK, SCHEDULABLE_JOB, JobStatus, TaskStatus
from flamenco.store import previews, unmet
from flamenco.store.engine import Tx
from flamenco.store.previews import Kept
from flamenco.store.scheduling import queues


class Followed(NamedTuple):
    """The job as it is then, and what is to be told."""

    job: JobState
    events: list[Event]


def follow(tx: Tx, job: JobState, now: datetime, ended: int = 0) -> Followed:
    """See where the preview of a locked job stands now; `ended` is the row number of a task that is over by now."""
    if job.preview not in PENDING or job.moves or job.status not in (*SCHEDULABLE_JOB, JobStatus.COMPLETED):
        return Followed(job, [])
    rendering = previews.is_rendering(tx, job.key, ended) and not _is_stuck(tx, job)
    if rendering is (job.preview == PreviewState.RENDERING):
        return Followed(job, [])
    kept = previews.of_job(tx, job.key)
    if kept is None:
        return Followed(job, [])
    return _again(tx, job, kept, now) if rendering else _ready(tx, job, kept, now)


def _is_stuck(tx: Tx, job: JobState) -> bool:
    """Whether nothing of the job is being run, nor can be: what is left of its preview waits for what failed."""
    if job.counts.of(TaskStatus.ACTIVE, TaskStatus.PAUSED) or not job.counts.of(TaskStatus.FAILED, TaskStatus.CANCELED):
        return False
    return not queues.has_runnable(tx, job.key) and not unmet.waits_by_frames(tx, job.key)


def _again(tx: Tx, job: JobState, kept: Kept, now: datetime) -> Followed:
    """Somebody has a frame of the preview rendered once more."""
    previews.set_state(tx, job, PreviewState.RENDERING, None, None)
    activity = sentence(kept.preview, PreviewState.RENDERING)
    job = replace(job, preview=PreviewState.RENDERING.value, activity=activity, updated=now)
    return Followed(job, [job_event(job)])


def _ready(tx: Tx, job: JobState, kept: Kept, now: datetime) -> Followed:
    tally = previews.tally(tx, job.key)
    failed = tally.get(TaskStatus.FAILED, 0)
    waits = kept.preview.then is Then.ASK and job.status is not JobStatus.COMPLETED
    state = PreviewState.WAITING if waits else PreviewState.OVER
    # A person who is not there would not want what failed to go on.
    waits_until = now + timedelta(seconds=kept.preview.continue_after_s)
    due = waits_until if waits and kept.preview.continue_after_s and not failed else None
    previews.set_state(tx, job, state, now, due)
    job = replace(job, preview=state.value, updated=now)
    if waits:
        job = replace(job, activity=sentence(kept.preview, state, failed))
    told = preview_event(job, kept.preview, tasks=sum(tally.values()), failed=failed, continues=due)
    return Followed(job, [job_event(job), told])


def text_of(tx: Tx, job: JobState) -> str:
    """What a job says of itself that is queued, and waits for an approval; empty where it does not."""
    if job.preview != PreviewState.WAITING or not (kept := previews.of_job(tx, job.key)):
        return ""
    return sentence(kept.preview, job.preview, previews.tally(tx, job.key).get(TaskStatus.FAILED, 0))


def holds(tx: Tx, job: JobState) -> bool:
    """Whether tasks of a job may still be run that are held now."""
    if job.preview not in PENDING:
        return False
    held = previews.tally(tx, job.key, Wave.HELD)
    return job.preview == PreviewState.WAITING and any(held.get(status) for status in RUNNABLE_TASK)
