"""Frames of a job that are run again, with their tasks as they are, or split off from those.

All of it is found out before anything is changed. Then it goes some tasks at a time, so that others get at the
database; each task with all that depends on it in one transaction, so that whoever asks once more, after a crash, is
done with what was left.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Final

from msgspec import Struct, field

from flamenco.domain.actions import JOB_ACTIONS, JobAction, check_fits
from flamenco.domain.chunks import Places
from flamenco.domain.events import job_event
from flamenco.domain.frames import written
from flamenco.domain.frames_again import Mode, Step, asked_frames, check_few, check_there, numbers, step_of
from flamenco.domain.intervals import Interval, merged
from flamenco.domain.job_waits import Span
from flamenco.domain.model import JobState, Task, TaskState
from flamenco.domain.statuses import TaskStatus
from flamenco.domain.task_frames import LARGEST
from flamenco.farm import audit, moving, pausing, requeueing, splitting
from flamenco.farm.cascade import Cascade
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import placing
from flamenco.farm.task_logs import logged
from flamenco.hooks.frame_parameters import frame_places
from flamenco.store import chunks
from flamenco.store import jobs as job_store
from flamenco.store import tasks as task_store
from flamenco.store.engine import Tx

AT_ONCE: Final = 8
"""So many tasks are looked after in one transaction."""


class FrameTask(Struct, frozen=True):
    """A task, and which of the frames it runs again; one that would be made has no `id` yet."""

    id: str
    name: str
    frames: str


class Again(Struct, kw_only=True):
    """What comes of it: tasks that run again as they are, new ones, how many were to run anyway, and how many do so
    because they depend on these. `notes` say what was done otherwise than it was asked for."""

    frames: str
    requeued: list[FrameTask] = field(default_factory=list)
    created: list[FrameTask] = field(default_factory=list)
    waiting: int = 0
    following: int = 0
    notes: list[str] = field(default_factory=list)


class Wanted(Struct, frozen=True):
    """What somebody wants: these frames, merged, how, and why."""

    frames: Sequence[Interval]
    mode: Mode
    reason: str
    places: Places

    def within(self, span: Span) -> Sequence[Interval]:
        """Those of the intervals that have frames from a span; there may be very many others."""
        first = bisect_left(self.frames, span.first, key=itemgetter(1))
        return self.frames[first : bisect_right(self.frames, span.last, key=itemgetter(0))]

    def step(self, task: Task, span: Span) -> Step | None:
        """What is to be done with a task that goes over `span`."""
        return step_of(task, span, self.within(span), self.mode, self.places)


def run_again(farm: Farm, job_id: str, frames: str, mode: Mode, reason: str, *, dry_run: bool = False) -> Again:
    """Run frames of a job again, and what depends on them; a job that has ended goes on with that.

    Raises `NotFound`, `Refused` for frames that no task has, or too many, and `Conflict` for a job that is only just
    being made.
    """
    wanted = Wanted(asked_frames(frames), mode, reason, frame_places(farm.command_types))
    with farm.store.read() as tx:
        job = job_store.fetch(tx, job_id)
        steps = list(_planned(tx, job, wanted))
        outcome = Again(frames=written(wanted.frames), following=_following(tx, steps))
    if dry_run:
        _foresee(outcome, steps)
        return outcome
    outcome.following = 0
    _carry_out(farm, job, wanted, [step.task.key for step in steps], outcome)
    return outcome


def _planned(tx: Tx, job: JobState, wanted: Wanted) -> Iterator[Step]:
    """What is to be done with which tasks; of those that depend on each other, with the first alone."""
    check_fits(JOB_ACTIONS[JobAction.FRAMES], job.status)
    steps = list(_steps(tx, _keys(tx, job, wanted), wanted))
    found = merged(frame for step in steps for frame in step.frames)
    check_there(wanted.frames, found, chunks.frames_of_job(tx, job.key))
    behind = chunks.dependents(tx, [step.task.key for step in steps])
    first = [step for step in steps if step.task.key not in behind]
    check_few(sum(step.tasks for step in first))
    yield from first


def _keys(tx: Tx, job: JobState, wanted: Wanted) -> list[int]:
    """The tasks that may have some of these frames."""
    keys = []
    # No task has frames beyond these, and databases want no larger numbers.
    asked = Span(*(max(-LARGEST, min(end, LARGEST)) for end in (wanted.frames[0][0], wanted.frames[-1][1])))
    for key, span in chunks.spans(tx, job.key, asked):
        if wanted.within(span):
            keys.append(key)
            check_few(len(keys))
    return keys


def _steps(tx: Tx, keys: Sequence[int], wanted: Wanted) -> Iterator[Step]:
    return (step for each in chunks.whole(tx, keys) if (step := wanted.step(*each)))


def _following(tx: Tx, steps: Sequence[Step]) -> int:
    """How many tasks are completed, or run, that depend on these. Raises `Refused` where they are too many."""
    found: set[int] = set()
    left = {step.task.key for step in steps}
    while left:
        left = chunks.dependents(tx, sorted(left), that_ran=True) - found
        found |= left
        check_few(len(found))
    return len(found)


def _foresee(outcome: Again, steps: Sequence[Step]) -> None:
    for step in steps:
        if step.chunk is not None:
            outcome.created += [FrameTask("", step.task.name, written(step.frames))]
        else:
            _note(outcome, step)


def _note(outcome: Again, step: Step) -> None:
    if step.waits:
        outcome.waiting += 1
    else:
        outcome.requeued.append(FrameTask(step.task.id, step.task.name, written(step.frames)))
    outcome.notes += [step.note] if step.note else []


def _carry_out(farm: Farm, job: JobState, wanted: Wanted, keys: Sequence[int], outcome: Again) -> None:
    for first in range(0, len(keys), AT_ONCE):
        some, started = keys[first : first + AT_ONCE], time.monotonic()
        change = _change(farm, wanted, some, outcome, is_first=not first)
        moving.alone(farm, lambda tx: Cascade(tx, job_store.lock_by_id(tx, job.id), farm.clock()), change)
        if len(some) == AT_ONCE:
            pausing.give_way(farm, time.monotonic() - started)


def _change(
    farm: Farm, wanted: Wanted, keys: Sequence[int], outcome: Again, *, is_first: bool
) -> Callable[[Tx, Cascade], None]:
    def change(tx: Tx, cascade: Cascade) -> None:
        before = cascade.job
        check_fits(JOB_ACTIONS[JobAction.FRAMES], before.status)
        if is_first:
            after = {"frames": outcome.frames, "mode": wanted.mode, "reason": wanted.reason}
            audit.note(tx, cascade.now, "job", before.id, before.name, before={"status": before.status}, after=after)
        # Looked at once more, one by one: others may have split them or run them since, or the one before changed them.
        acted = [
            _take(tx, farm, cascade, step, wanted.reason, outcome)
            for key in keys
            for step in list(_steps(tx, [key], wanted))
        ]
        if any(acted):
            cascade.take_up(wanted.reason)
            cascade.publish(job_event(cascade.job, refresh_tasks=True))
        cascade.save()
        if cascade.job.is_open and not before.is_open:
            placing.place(tx, farm, before.key, cascade.now)

    return change


def _take(tx: Tx, farm: Farm, cascade: Cascade, step: Step, reason: str, outcome: Again) -> bool:
    """Do it with one task, and with all that depends on it; whether there was anything to do."""
    if step.chunk is not None and not splitting.may_split(tx, step):
        step = step.as_a_whole("too many tasks depend on it, or it on them")
    if step.chunk is not None:
        made = splitting.split(tx, cascade, step, reason)
        of_each = zip(made, numbers(step.frames), strict=True)
        outcome.created += [FrameTask(each.id, each.name, str(frame)) for each, frame in of_each]
    else:
        _note(outcome, step)
        if not step.waits:
            _queue(tx, farm, cascade, step.task, reason)
    followed = _queue_dependents(tx, farm, cascade, step.task, reason)
    outcome.following += followed
    return followed > 0 or not step.waits


def _queue_dependents(tx: Tx, farm: Farm, cascade: Cascade, task: TaskState, reason: str) -> int:
    """Run again what depends on a task, and was run with what that made before; how many these are."""
    count, left = 0, {task.key}
    while left:
        left = chunks.dependents(tx, sorted(left), that_ran=True)
        for key in sorted(left):
            # Each as it is by now: one may wait for another.
            _queue(tx, farm, cascade, task_store.fetch_by_key(tx, key), reason)
            count += 1
    return count


def _queue(tx: Tx, farm: Farm, cascade: Cascade, task: TaskState, reason: str) -> None:
    cascade.reopen(reason)
    requeueing.start_afresh(tx, cascade, task)
    cascade.set_task(task, TaskStatus.QUEUED, reason, log_begins=logged(farm, task))
