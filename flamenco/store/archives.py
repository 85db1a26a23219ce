"""Jobs that are put into archives, read part by part as nothing changes in them; and taken out of one, part by part."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from sqlalchemy import bindparam, insert, select, text, update

from flamenco.domain.archives import (
    ArchivedAttempt,
    ArchivedBlock,
    ArchivedFailure,
    ArchivedJob,
    ArchivedNote,
    ArchivedTask,
)
from flamenco.domain.errors import Busy
from flamenco.domain.job_workers import Written
from flamenco.domain.model import AuthoredTask, Command, Job, JobState
from flamenco.domain.notes import Note
from flamenco.domain.previews import Wave
from flamenco.domain.scheduling.values import Placement
from flamenco.domain.statuses import RUNNABLE_TASK, TaskStatus
from flamenco.store import arrivals, job_rules, job_workers, notes, previews, task_rows, time_limits
from flamenco.store import jobs as job_store
from flamenco.store.engine import Tx
from flamenco.store.scheduling import queues
from flamenco.store.schema import (
    ARCHIVING_SQL,
    attempts,
    job_blocks,
    jobs,
    task_dependencies,
    task_failures,
    tasks,
    workers,
)

PART: Final = 400
"""So many tasks are read and stored at once."""

_MARK = update(jobs).where(jobs.c.key == bindparam("of_job")).values(archiving=True)


def mark(tx: Tx, job: JobState) -> None:
    """Have a locked job, which is deleted in this transaction, archived before it goes."""
    tx.execute(_MARK, {"of_job": job.key})


_WAITING = (
    select(jobs.c.uuid)
    .where(text(ARCHIVING_SQL), jobs.c.trashed_at.is_not(None))
    .order_by(jobs.c.delete_requested, jobs.c.key)
    .limit(bindparam("most"))
)


def waiting(tx: Tx, most: int) -> Sequence[str]:
    """UUIDs of at most so many jobs that are put away and wait for being archived, in the order of asking."""
    return tx.execute(_WAITING, {"most": most}).scalars().all()


_OF_JOB: Any = bindparam("of_job")
_WHOLE = job_store.SELECT_WHOLE.where(jobs.c.key == _OF_JOB)
_BLOCKS = (
    select(workers.c.uuid, job_blocks.c.task_type, job_blocks.c.created, job_blocks.c.blocked_by)
    .join(workers, workers.c.key == job_blocks.c.worker_key)
    .where(job_blocks.c.job_key == _OF_JOB)
    .order_by(job_blocks.c.created, workers.c.uuid)
)


def job(tx: Tx, job_key: int) -> ArchivedJob:
    """A job that was put away, but for its tasks."""
    stored = job_store.WHOLE.read(tx.execute(_WHOLE, {"of_job": job_key}).one())
    blocks = tx.execute(_BLOCKS, {"of_job": job_key})
    names = set(ArchivedJob.__struct_fields__) & set(Job.__struct_fields__) - {"owner"}
    same = {name: getattr(stored, name) for name in names}
    named, note = job_workers.named(tx, job_key), notes.of_job(tx, job_key)
    return ArchivedJob(
        **same,
        variables=job_store.variables(tx, job_key),
        time_limits=time_limits.of_job(tx, job_key),
        previewed=kept.preview if (kept := previews.of_job(tx, job_key)) else None,
        failure_rules=job_rules.of_job(tx, job_key),
        tag=stored.worker_tag,
        owner=stored.owner.name,
        owner_address=stored.owner.address,
        blocks=tuple(
            ArchivedBlock(worker=each[0], task_type=each[1], created=each[2], blocked_by=each[3]) for each in blocks
        ),
        workers_allowed=tuple(each.written for each in named.allowed),
        workers_denied=tuple(each.written for each in named.denied),
        note=ArchivedNote(text=note.text, who=note.who, at=note.at) if note else None,
    )


_IN_PART = (tasks.c.job_key == _OF_JOB, tasks.c.index_in_job > bindparam("after"))
_WHERE = (*_IN_PART, tasks.c.index_in_job <= bindparam("until"))
_TASKS = (
    select(tasks, workers.c.uuid.label("worker"))
    .outerjoin(workers, workers.c.key == tasks.c.worker_key)
    .where(*_WHERE)
    .order_by(tasks.c.index_in_job)
)
_OTHER = tasks.alias("other")
_AFTER = (
    select(tasks.c.index_in_job, _OTHER.c.index_in_job.label("other"))
    .join(task_dependencies, task_dependencies.c.task_key == tasks.c.key)
    .join(_OTHER, _OTHER.c.key == task_dependencies.c.dependency_key)
    .where(*_WHERE)
    .order_by(tasks.c.index_in_job, _OTHER.c.index_in_job)
)
_TRIED = (
    select(tasks.c.index_in_job, attempts, workers.c.uuid.label("worker"))
    .join(attempts, attempts.c.task_key == tasks.c.key)
    .outerjoin(workers, workers.c.key == attempts.c.worker_key)
    .where(*_WHERE)
    .order_by(tasks.c.index_in_job, attempts.c.number)
)
_FAILED_BY = (
    select(tasks.c.index_in_job, workers.c.uuid, task_failures.c.created)
    .join(task_failures, task_failures.c.task_key == tasks.c.key)
    .join(workers, workers.c.key == task_failures.c.worker_key)
    .where(*_WHERE)
    .order_by(tasks.c.index_in_job, task_failures.c.created, workers.c.uuid)
)
_decode = msgspec.json.Decoder(tuple[Command, ...]).decode


def some_tasks(tx: Tx, job_key: int, after: int) -> list[ArchivedTask]:
    """The next tasks of a job that was put away, with all that is known of each."""
    part = {"of_job": job_key, "after": after, "until": after + PART}
    waits, tried, failed = defaultdict(list), defaultdict(list), defaultdict(list)
    for index, other in tx.execute(_AFTER, part):
        waits[index].append(other)
    for row in tx.execute(_TRIED, part).mappings():
        tried[row["index_in_job"]].append(_attempt(row))
    for index, worker, created in tx.execute(_FAILED_BY, part):
        failed[index].append(ArchivedFailure(worker=worker, created=created))
    return [
        _task(row, tuple(waits[index]), tuple(tried[index]), tuple(failed[index]))
        for row in tx.execute(_TASKS, part).mappings()
        for index in [row["index_in_job"]]
    ]


_IDS = select(tasks.c.uuid).where(*_WHERE).order_by(tasks.c.index_in_job)


def some_ids(tx: Tx, job_key: int, after: int) -> Sequence[str]:
    """The UUIDs of the same tasks."""
    return tx.execute(_IDS, {"of_job": job_key, "after": after, "until": after + PART}).scalars().all()


def _attempt(row: Mapping[Any, Any]) -> ArchivedAttempt:
    same = {name: row[attempts.c[name]] for name in ArchivedAttempt.__struct_fields__ if name in attempts.c}
    return ArchivedAttempt(**same, worker=row["worker"] or "")


def _task(
    row: Mapping[Any, Any],
    after: tuple[int, ...],
    tried: tuple[ArchivedAttempt, ...],
    failed_by: tuple[ArchivedFailure, ...],
) -> ArchivedTask:
    own = {"id", "commands", "worker", "status", "after", "tried", "failed_by"}
    same = {name: row[tasks.c[name]] for name in ArchivedTask.__struct_fields__ if name not in own}
    return ArchivedTask(
        **same,
        id=row[tasks.c.uuid],
        status=TaskStatus(row[tasks.c.status]),
        commands=_decode(row[tasks.c.commands]),
        worker=row["worker"] or "",
        after=after,
        tried=tried,
        failed_by=failed_by,
    )


_WORKER_KEYS = select(workers.c.uuid, workers.c.key).where(workers.c.uuid.in_(bindparam("ids", expanding=True)))
_FEW: Final = 500


def worker_keys(tx: Tx, ids: Iterable[str]) -> dict[str, int]:
    """The row numbers of the workers among these that this farm knows, or knew."""
    wanted = sorted(set(ids))
    found: dict[str, int] = {}
    for first in range(0, len(wanted), _FEW):
        found |= {row[0]: row[1] for row in tx.execute(_WORKER_KEYS, {"ids": wanted[first : first + _FEW]})}
    return found


class Return:
    """One job on its way back, as from an archive; each call is for a transaction of its own, with the job's `key`.

    Until the last it is a job that is only just being stored (`arrivals`). `completed` has a 1 for each task
    that is. Its `checkout` is its own only once all of it is there, so that nothing is lost with half a job.
    """

    def __init__(self, job: Job, archived: ArchivedJob, completed: Sequence[int], checkout: str = "") -> None:
        self.key = job.key
        self.job_id = job.id
        self._job = job
        self._archived = archived
        self._completed = completed
        self._checkout = checkout
        self._queues: dict[queues.Kind, int] = {}

    def add(self, tx: Tx, part: Sequence[ArchivedTask], first: int, now: datetime) -> None:
        """Store the next tasks, of which the first has that place, with the attempts at them."""
        before = self._expected(tx, now)
        known = worker_keys(tx, _workers_of(part))
        holds = self._archived.holds
        unmet = [
            sum(not self._completed[other - 1] for other in task.after) + (holds and task.wave is Wave.HELD)
            for task in part
        ]
        self._sort_in(tx, part, unmet)
        rows = [
            _row(task, self.key, index, self._queues[_kind(task)], known.get(task.worker), waits)
            for index, (task, waits) in enumerate(zip(part, unmet, strict=True), first)
        ]
        with job_store.uuids_are_new():
            tx.execute(insert(tasks), rows)
        keys = task_rows.keys(tx, self.key, first)
        tried = [row for key, task in zip(keys, part, strict=True) for row in _attempts(key, self.key, task, known)]
        failed = [row for key, task in zip(keys, part, strict=True) for row in _failures(key, self.key, task, known)]
        if tried:
            tx.execute(insert(attempts), tried)
        if failed:
            tx.execute(insert(task_failures), failed)
        job_store.save(tx, before, _with(before, part))

    def _sort_in(self, tx: Tx, part: Sequence[ArchivedTask], unmet: Sequence[int]) -> None:
        new = {_kind(task): _authored(task) for task in part if _kind(task) not in self._queues}
        if new:
            made = queues.insert_queues(tx, self._job, new.values(), Placement(rank=None))
            self._queues |= made
            for queue_key in made.values():
                queues.add_runnable(tx, queue_key, -1)
        runnable = Counter(
            self._queues[_kind(task)]
            for task, waits in zip(part, unmet, strict=True)
            if task.status in RUNNABLE_TASK and not waits
        )
        for queue_key, more in runnable.items():
            queues.add_runnable(tx, queue_key, more)

    def link(self, tx: Tx, part: Sequence[ArchivedTask], first: int, now: datetime) -> None:
        """Store what the tasks of a part wait for, once all are there."""
        self._expected(tx, now)
        wanted = {place for task in part for place in task.after} | set(range(first, first + len(part)))
        keys = _keys_at(tx, self.key, wanted)
        pairs = ((keys[index], keys[other]) for index, task in enumerate(part, first) for other in task.after)
        task_rows.insert_dependencies(tx, pairs)

    def _expected(self, tx: Tx, now: datetime) -> JobState:
        """The job, locked; nobody has begun to remove it, and nobody will for a while. Raises `Busy`."""
        job = job_store.lock(tx, self.key)
        if not arrivals.may_still_come(job, now):
            raise Busy("The database took too long to store the job; try again.", retry_after=60)
        return replace(job, delete_requested=arrivals.expect(tx, self.key, now))

    def finish(self, tx: Tx, now: datetime) -> JobState:
        """It is a job like others from now on. Returns it. Raises `Busy` as `add`."""
        archived = self._archived
        self._expected(tx, now)
        known = worker_keys(tx, (each.worker for each in archived.blocks))
        blocks = [
            {"job_key": self.key, "worker_key": known[each.worker], **_typed(each)}
            for each in archived.blocks
            if each.worker in known
        ]
        if blocks:
            tx.execute(insert(job_blocks), blocks)
        job_workers.save(tx, self.key, Written(archived.workers_allowed, archived.workers_denied), only_known=True)
        if note := archived.note:
            notes.save_on_job(tx, self.key, Note(note.text, note.who, note.at))
        preview = archived.preview.value if archived.previewed else ""
        final = {name: getattr(archived, name) for name in _FINAL} | {"preview": preview}
        tx.execute(_FINISH, {"of_job": self.key, "checkout": self._checkout, **final})
        return job_store.lock(tx, self.key)


_FINAL: Final = (
    *("status", "activity", "updated", "last_assigned"),
    *("completed_runs", "completed_seconds", "used_seconds", "max_workers"),
)
_FINISH = (
    update(jobs)
    .where(jobs.c.key == bindparam("of_job"))
    .values(
        {name: bindparam(name) for name in _FINAL}
        # All that it used is on somebody's account since then.
        | {"preview": bindparam("preview"), "delete_requested": None, "booked_seconds": bindparam("used_seconds")}
        | {"shaman_checkout_id": bindparam("checkout")}
    )
)


def _typed(block: ArchivedBlock) -> dict[str, Any]:
    return {"task_type": block.task_type, "created": block.created, "blocked_by": block.blocked_by}


def _workers_of(part: Sequence[ArchivedTask]) -> Iterable[str]:
    for task in part:
        yield task.worker
        yield from (each.worker for each in task.tried)
        yield from (each.worker for each in task.failed_by)


def _authored(task: ArchivedTask) -> AuthoredTask:
    return AuthoredTask(id=task.id, name=task.name, type=task.type, commands=task.commands)


def _kind(task: ArchivedTask) -> queues.Kind:
    return queues.kind_of(_authored(task))


def _row(
    task: ArchivedTask, job_key: int, index: int, queue_key: int, worker_key: int | None, unmet: int
) -> dict[str, Any]:
    own = {"id", "commands", "worker", "after", "tried", "failed_by"}
    same = {name: getattr(task, name) for name in ArchivedTask.__struct_fields__ if name not in own}
    return same | {
        "uuid": task.id,
        "job_key": job_key,
        "queue_key": queue_key,
        "index_in_job": index,
        "commands": msgspec.json.encode(task.commands).decode(),
        "wave": int(task.wave),
        "worker_key": worker_key,
        "unmet": unmet,
    }


_LEAST: Final = -(2**62)
_STRIDE: Final = 512
"""So many row numbers are for the attempts at one task, from the least on."""


def _attempts(task_key: int, job_key: int, task: ArchivedTask, known: Mapping[str, int]) -> Iterable[dict[str, Any]]:
    """Rows of attempts that were summed up when they were over. So they have numbers below all that still are to be."""
    for place, each in enumerate(task.tried, 1):
        same = {name: getattr(each, name) for name in ArchivedAttempt.__struct_fields__ if name != "worker"}
        ours = {"key": _LEAST + task_key * _STRIDE + place, "job_key": job_key, "task_key": task_key}
        yield same | ours | {"worker_key": known.get(each.worker)}


def _failures(task_key: int, job_key: int, task: ArchivedTask, known: Mapping[str, int]) -> Iterable[dict[str, Any]]:
    for each in task.failed_by:
        if each.worker in known:
            ours = {"task_key": task_key, "job_key": job_key, "task_type": task.type}
            yield ours | {"worker_key": known[each.worker], "created": each.created}


def _with(before: JobState, part: Sequence[ArchivedTask]) -> JobState:
    more = Counter(task.status for task in part)
    counts = {status.column: before.counts.of(status) + number for status, number in more.items()}
    failed = sum(task.optional and task.status is TaskStatus.FAILED for task in part)
    counts["failed_optional"] = before.counts.failed_optional + failed
    return replace(
        before,
        counts=replace(before.counts, **counts),
        steps_completed=before.steps_completed + sum(task.steps_completed for task in part),
        steps_total=before.steps_total + sum(task.steps_total for task in part),
    )


_KEYS_AT = select(tasks.c.index_in_job, tasks.c.key).where(
    tasks.c.job_key == _OF_JOB, tasks.c.index_in_job.in_(bindparam("places", expanding=True))
)


def _keys_at(tx: Tx, job_key: int, places: set[int]) -> dict[int, int]:
    wanted = sorted(places)
    found: dict[int, int] = {}
    for first in range(0, len(wanted), _FEW):
        some = {"of_job": job_key, "places": wanted[first : first + _FEW]}
        found |= {row[0]: row[1] for row in tx.execute(_KEYS_AT, some)}
    return found
