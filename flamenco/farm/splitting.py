"""A chunk is split: frames that somebody wants again get tasks of their own, and the chunk keeps all others.

It keeps its status, its attempts and its log as well: what it has rendered of the others is there. The new tasks wait
for what it waited for, and what waits for it waits for them too. While a worker has it, they also wait for the chunk:
that worker renders all of its frames, as it was told, and no two render the same one at the same time.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from flamenco.domain.chunks import Chunk, name_of
from flamenco.domain.events import task_event
from flamenco.domain.frames_again import Step, numbers, shown
from flamenco.domain.intervals import merged
from flamenco.domain.job_waits import Span
from flamenco.domain.model import AuthoredTask, Command, Task, TaskState
from flamenco.domain.statuses import TaskStatus
from flamenco.farm.cascade import Cascade
from flamenco.store import chunks, job_news, task_rows, unmet
from flamenco.store.engine import Tx
from flamenco.store.job_waits import Followed
from flamenco.store.scheduling import queues

MOST_ROWS: Final = 20_000
"""So many dependencies may come with what one chunk is split into."""


def may_split(tx: Tx, step: Step) -> bool:
    """Whether so few tasks are before and behind a chunk that each of the new ones can have all of these as well."""
    each = len(chunks.dependencies(tx, step.task.key)) + len(chunks.dependents(tx, [step.task.key]))
    return step.tasks * (each + 1) <= MOST_ROWS


def split(tx: Tx, cascade: Cascade, step: Step, reason: str) -> list[TaskState]:
    """Split a task of a locked job, which is as the step has it. Returns the new tasks."""
    task, chunk = step.task, step.chunk
    if chunk is None:
        raise AssertionError("what is not known to be a chunk is not split")
    before = chunks.dependencies(tx, task.key)
    before += [task.key] if task.is_active else []
    after = chunks.dependents(tx, [task.key])
    cascade.reopen(reason)
    _narrow(tx, cascade, task, chunk.without(merged(step.frames)))
    ord_, wave = chunks.turn(tx, task.key)
    alike = (replace(each, ord=ord_, wave=wave) for each in _authored(task, chunk, numbers(step.frames)))
    keys = _insert(tx, cascade, task, list(alike), before)
    task_rows.insert_dependencies(tx, ((waiting, key) for key in keys for waiting in after))
    chunks.say(tx, keys, f"Split from {task.name}: {reason}")
    unmet.recount_these(tx, cascade.job.key, [*keys, *after, task.key])
    found = chunks.states(tx, keys)
    _tell(tx, cascade, task, found, shown(step.frames), reason)
    return found


def _narrow(tx: Tx, cascade: Cascade, task: Task, rest: Chunk) -> None:
    total = _steps(rest.commands)
    done = total if task.status is TaskStatus.COMPLETED else min(task.steps_completed, total)
    chunks.narrow(tx, replace(task, steps_total=total, steps_completed=done), rest.commands, _span(rest), cascade.now)
    cascade.job = replace(
        cascade.job,
        steps_total=cascade.job.steps_total + total - task.steps_total,
        steps_completed=cascade.job.steps_completed + done - task.steps_completed,
    )


def _span(rest: Chunk) -> Span:
    frames = merged(rest.frames)
    return Span(frames[0][0], frames[-1][1])


def _steps(commands: Sequence[Command]) -> int:
    return AuthoredTask(id="", name="", type="", commands=tuple(commands)).steps_total


def _authored(task: Task, chunk: Chunk, frames: Sequence[int]) -> list[AuthoredTask]:
    return [
        AuthoredTask(
            id=str(uuid.uuid4()),
            name=name_of(task.name, frame),
            type=task.type,
            priority=task.priority,
            commands=chunk.only(frame).commands,
            optional=task.optional,
            frames=str(frame),
        )
        for frame in frames
    ]


def _insert(
    tx: Tx, cascade: Cascade, task: Task, authored: Sequence[AuthoredTask], before: Sequence[int]
) -> Sequence[int]:
    """Store new tasks that wait for those `before`; nobody has counted yet for how many."""
    job = cascade.job
    first = chunks.last_index(tx, job.key) + 1
    kinds = {queues.kind_of(each): task.queue_key for each in authored}  # one: the commands have the same names
    task_rows.insert_tasks(tx, job.key, authored, cascade.now, kinds, first)
    keys = task_rows.keys(tx, job.key, first)
    task_rows.insert_dependencies(tx, ((key, earlier) for key in keys for earlier in before))
    queues.add_runnable(tx, task.queue_key, sum(not each.unmet for each in authored))
    cascade.job = replace(
        job,
        counts=replace(job.counts, queued=job.counts.queued + len(keys)),
        steps_total=job.steps_total + sum(each.steps_total for each in authored),
    )
    return keys


def _tell(tx: Tx, cascade: Cascade, task: Task, new: Sequence[TaskState], frames: str, reason: str) -> None:
    for each in new:
        cascade.publish(task_event(each))
        if cascade.job.waited_for == Followed.FRAMES:
            job_news.add_task(tx, each.key)
    cascade.log(task, f"The frames {frames} are for tasks of their own from now on, {new[0].name} first: {reason}")
