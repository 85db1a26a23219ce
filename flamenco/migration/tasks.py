"""The tasks of an old job, in its order, with what each waits for and who failed it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from flamenco.domain.archives import ArchivedFailure, ArchivedTask
from flamenco.domain.model import Command, TaskCounts
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.domain.task_frames import frames_of
from flamenco.migration import resting, values
from flamenco.migration.opening import OldDatabase
from flamenco.migration.values import Unusable
from flamenco.migration.workers import LONG_AGO

_TASK: Final = (
    *("id", "created_at", "updated_at", "uuid", "name", "type", "priority", "status", "worker_id", "last_touched_at"),
    *("commands", "activity", "steps_completed", "steps_total"),
)
_OF_JOB: Final = "WHERE task_id IN (SELECT id FROM tasks WHERE job_id = ?)"
_decoder = msgspec.json.Decoder(tuple[Command, ...])
_USUAL_PRIORITY: Final = 50

Workers = Mapping[int, str]
"""UUIDs of the workers that come over, by the numbers of their rows."""


class OldTasks:
    """The tasks of one old job, which has that status in the old farm. Raises `Unusable` for what makes no sense."""

    def __init__(self, db: OldDatabase, job_key: int, status: JobStatus, workers: Workers) -> None:
        self._db = db
        self._key = job_key
        self._status = status
        self._workers = workers
        order = "index_in_job, id" if db.has("tasks", "index_in_job") else "id"
        self._in_order = f"WHERE job_id = ? ORDER BY {order}"
        found = (values.key(row["id"]) for row in db.rows("tasks", ("id",), self._in_order, [job_key]))
        self._places = {key: place for place, key in enumerate(found, 1)}
        self._after = self._waits()
        self._failed_by = self._failures()
        self.failures = sum(map(len, self._failed_by.values()))

    def __len__(self) -> int:
        return len(self._places)

    def parts(self, size: int) -> Iterator[Sequence[ArchivedTask]]:
        """The tasks, at most so many at a time."""
        tasks = iter(self)
        while part := list(islice(tasks, size)):
            yield part

    def __iter__(self) -> Iterator[ArchivedTask]:
        rows = self._db.rows("tasks", _TASK, self._in_order, [self._key])
        return (self._task(row, place) for place, row in enumerate(rows, 1))

    def _task(self, row: dict[str, Any], place: int) -> ArchivedTask:
        commands = values.decoded(row["commands"], _decoder, "tasks' commands")
        created = values.moment(row["created_at"], "tasks' time of submission") or LONG_AGO
        frames = frames_of(commands)
        before = values.text(row["status"])
        status = resting.task_status(before, self._status)
        begins_anew = status is TaskStatus.QUEUED and before != status
        return ArchivedTask(
            id=values.uuid(row["uuid"]),
            name=values.text(row["name"]),
            type=values.text(row["type"]),
            priority=_USUAL_PRIORITY if row["priority"] is None else values.whole(row["priority"], "tasks' priority"),
            status=status,
            activity=values.text(row["activity"], 4000),
            commands=commands,
            created=created,
            updated=values.moment(row["updated_at"], "tasks' last change") or created,
            worker=self._workers.get(row["worker_id"], ""),
            last_touched=values.moment(row["last_touched_at"], "tasks' last sign"),
            steps_completed=0 if begins_anew else values.count(row["steps_completed"], "tasks' number of steps"),
            steps_total=values.count(row["steps_total"], "tasks' number of steps"),
            frame_first=frames.first if frames else None,
            frame_last=frames.last if frames else None,
            after=self._after.get(place, ()),
            failed_by=self._failed_by.get(place, ()),
        )

    def _waits(self) -> dict[int, tuple[int, ...]]:
        found: dict[int, set[int]] = defaultdict(set)
        for row in self._db.rows("task_dependencies", ("task_id", "dependency_id"), _OF_JOB, [self._key]):
            place, other = self._places.get(row["task_id"]), self._places.get(row["dependency_id"])
            if place is None or other is None:
                raise Unusable("one of its tasks waits for one that is gone, or of another job")
            found[place].add(other)
        after = {place: tuple(sorted(others)) for place, others in found.items()}
        _check_order(after, len(self._places))
        return after

    def _failures(self) -> dict[int, tuple[ArchivedFailure, ...]]:
        if self._status is JobStatus.REQUEUEING:
            return {}  # it starts afresh
        found: dict[int, dict[str, ArchivedFailure]] = defaultdict(dict)
        for row in self._db.rows("task_failures", ("created_at", "task_id", "worker_id"), _OF_JOB, [self._key]):
            place, worker = self._places.get(row["task_id"]), self._workers.get(row["worker_id"])
            if place is not None and worker is not None:
                created = values.moment(row["created_at"], "tasks' failures") or LONG_AGO
                found[place][worker] = ArchivedFailure(worker=worker, created=created)
        return {place: tuple(each.values()) for place, each in found.items()}


def _check_order(after: Mapping[int, Sequence[int]], total: int) -> None:
    """Raise `Unusable` where tasks wait for each other in a circle."""
    waits = {place: len(others) for place, others in after.items()}
    followers: dict[int, list[int]] = defaultdict(list)
    for place, others in after.items():
        for other in others:
            followers[other].append(place)
    free = [place for place in range(1, total + 1) if not waits.get(place)]
    done = 0
    while free:
        done += 1
        for follower in followers.get(free.pop(), ()):
            waits[follower] -= 1
            if not waits[follower]:
                free.append(follower)
    if done < total:
        raise Unusable("some of its tasks wait for each other in a circle")


def summed_up(tasks: OldTasks) -> tuple[TaskCounts, bytearray]:
    """How many of the tasks are in which status, and which of them are completed. Raises `Unusable`."""
    counts, completed, ids = dict.fromkeys(TaskStatus, 0), bytearray(), set[str]()
    for task in tasks:
        counts[task.status] += 1
        completed.append(task.status is TaskStatus.COMPLETED)
        ids.add(task.id)
    if len(ids) < len(completed):
        raise Unusable("two of its tasks have one UUID")
    return replace(TaskCounts(), **{status.column: number for status, number in counts.items()}), completed
