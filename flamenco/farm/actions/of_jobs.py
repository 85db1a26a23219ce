"""What actions do with jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from flamenco.domain import frame_order, start_times
from flamenco.domain.access import Caller, Owner
from flamenco.domain.actions import JOB_ACTIONS, OF_TRASH, REQUEUES, Action, JobAction, check_fits
from flamenco.domain.errors import NotFound, Refused
from flamenco.domain.frames_again import asked_frames
from flamenco.domain.listing import JobFilter
from flamenco.domain.model import JobState
from flamenco.domain.previews import check_waits
from flamenco.domain.statuses import JobStatus
from flamenco.domain.time_limits import WORDS, parse
from flamenco.farm import (
    archives,
    deletion,
    frames,
    job_workers,
    jobs,
    previews,
    requeueing,
    retry_limits,
    starting,
    tags,
    trash,
)
from flamenco.farm.actions.terms import TERMS
from flamenco.farm.actions.values import Asked, Undo
from flamenco.farm.context import Farm
from flamenco.store import selection
from flamenco.store.engine import Tx
from flamenco.store.selection import Conditions

_STATUSES = {
    JobAction.CANCEL: JobStatus.CANCEL_REQUESTED,
    JobAction.PAUSE: JobStatus.PAUSE_REQUESTED,
    JobAction.RESUME: JobStatus.QUEUED,
    JobAction.REQUEUE: JobStatus.REQUEUEING,
}
"""The status that an action sends a job to."""


class Jobs(Struct, frozen=True):
    """Jobs that a filter leaves in, where they are not named."""

    chosen: JobFilter = JobFilter()
    noun = "job"

    def rules(self, action: Any) -> Action:
        """The row of the table for an action."""
        return JOB_ACTIONS[action]

    def check_arguments(self, farm: Farm, asked: Asked) -> None:
        """Raise `Refused` for a tag that there is not, or a priority that is none."""
        if asked.action is JobAction.TAG and asked.arguments.tag_id:
            try:
                tags.fetch(farm, asked.arguments.tag_id)
            except NotFound as error:
                raise Refused(f"arguments.tag_id: {error}") from error
        if asked.action is JobAction.PRIORITY and asked.arguments.priority not in jobs.PRIORITIES:
            raise Refused(f"arguments.priority: is from {jobs.PRIORITIES[0]} to {jobs.PRIORITIES[-1]}")
        if asked.action is JobAction.FRAMES:
            asked_frames(asked.arguments.frames)
        if asked.action is JobAction.START_AFTER:
            start_times.parse(asked.arguments.start_after, farm.clock(), starting.WALL)
        if asked.action is JobAction.ORDER:
            frame_order.parse(asked.arguments.order)
        if asked.action is JobAction.TIME_LIMITS:
            if not asked.arguments.time_limits:
                raise Refused(f"arguments: which limits? The action time-limits takes {', '.join(WORDS)}.")
            parse(asked.arguments.time_limits, where="arguments.")
        if asked.action is JobAction.WORKERS:
            job_workers.check_arguments(farm, asked.arguments.workers_allowed, asked.arguments.workers_denied)

        if asked.action is JobAction.RETRIES and not asked.arguments.retries:
            raise Refused(f"arguments: how much may fail? The action retries takes {', '.join(retry_limits.WORDS)}.")

    def conditions(self, action: Any, ids: Sequence[str] | None) -> Conditions:
        """Which are meant: in the trash, where the action is about what is there."""
        in_trash = action in OF_TRASH
        if ids is None:
            return selection.of_jobs(replace(self.chosen, in_trash=in_trash))
        return selection.of_jobs(ids, in_trash=in_trash)

    def count(self, tx: Tx, conditions: Conditions, after: int) -> int:
        """How many are meant."""
        return selection.count_jobs(tx, conditions, after)

    def page(self, tx: Tx, conditions: Conditions, after: int, most: int) -> list[tuple[JobState, Owner]]:
        """The next of them."""
        return selection.page_of_jobs(tx, conditions, after, most)

    def check(self, farm: Farm, by: Caller, asked: Asked, subject: JobState) -> None:
        """Raise where the job is in another status than that makes sense for, or somebody may not do it."""
        check_fits(self.rules(asked.action), subject.status)
        if status := REQUEUES.get(asked.action):
            requeueing.check_there_are(subject.counts_to_be.of(status), status)
        if asked.action is JobAction.ARCHIVE:
            archives.check(subject)
        if asked.action is JobAction.FRAMES:
            given = asked.arguments
            frames.run_again(farm, subject.id, given.frames, given.mode, given.reason, dry_run=True)
        if asked.action is JobAction.APPROVE:
            check_waits(subject.preview)
        if asked.action is JobAction.PRIORITY:
            jobs.check_priority(farm, asked.arguments.priority, by)

    def carry_out(self, farm: Farm, by: Caller, asked: Asked, subject: JobState) -> Undo | None:
        """Do it."""
        action, given, job_id = asked.action, asked.arguments, subject.id
        rules = self.rules(action)
        undo: Undo | None = None
        match action:
            case JobAction.PRIORITY:
                undo = Undo((job_id,), action, {"priority": jobs.set_priority(farm, job_id, given.priority, by)})
            case JobAction() if action in TERMS:
                undo = TERMS[action](farm, job_id, given)
            case JobAction.APPROVE:
                previews.approve(farm, job_id, given.reason)
            case JobAction.DELETE:
                deletion.request(farm, job_id)
                undo = Undo((job_id,), JobAction.UNDELETE, {}) if farm.config.trash.keep else None
            case JobAction.UNDELETE:
                trash.undelete(farm, job_id)
                undo = Undo((job_id,), JobAction.DELETE, {})
            case JobAction.FRAMES:
                frames.run_again(farm, job_id, given.frames, given.mode, given.reason)
            case JobAction.PURGE:
                trash.purge(farm, job_id)
            case JobAction.ARCHIVE:
                archives.request(farm, job_id)
            case JobAction.REQUEUE_FAILED | JobAction.REQUEUE_CANCELED:
                requeueing.requeue_tasks(
                    farm, job_id, REQUEUES[action], given.reason, lambda status: check_fits(rules, status)
                )
            case JobAction():
                jobs.set_status(farm, job_id, _STATUSES[action], given.reason, lambda status: check_fits(rules, status))
                undo = Undo((job_id,), rules.undone_by[0], {}) if rules.undone_by else None
        return undo
