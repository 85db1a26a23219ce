"""Why a job's tasks are not being run: the rules of handing out tasks, asked backwards.

For tasks that are alike, workers are left out one condition after the other, in the order in which the scheduler
looks; where nobody is left, that condition is the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from flamenco.domain.job_waits import Wait, summary
from flamenco.domain.model import Job, Worker
from flamenco.domain.people_limits import is_of_machine
from flamenco.domain.scheduling.values import Hold
from flamenco.domain.self_tests.judging import lack
from flamenco.domain.statuses import SCHEDULABLE_JOB, JobStatus, WorkerStatus


class Why(StrEnum):
    """What keeps tasks from being run."""

    JOB_PAUSED = "job-paused"
    JOB_ENDED = "job-ended"
    HELD = "held"
    START_AFTER = "start-after"
    RETRY_LATER = "retry-later"
    DEPENDENCY = "dependency"
    JOB_DEPENDENCY = "job-dependency"
    PREVIEW = "preview"
    JOB_LIMIT = "job-limit"
    LIMIT = "limit"
    NO_WORKERS = "no-workers"
    NO_WORKER_WITH_TYPE = "no-worker-with-type"
    NO_WORKER_WITH_TAG = "no-worker-with-tag"
    NOT_FOR_WORKER = "not-for-worker"
    NO_WORKER_WITH_COMMAND = "no-worker-with-command"
    BLOCKED = "blocked"
    BLOCKED_BY_PERSON = "blocked-by-person"
    FAILED_BY_ALL = "failed-by-all"
    SELF_TEST = "self-test"
    REFUSED = "refused"
    NO_WORKER_AWAKE = "no-worker-awake"
    ALL_BUSY = "all-busy"
    MACHINE_LIMIT = "machine-limit"
    NEXT = "next"


class SeenWorker(Struct, frozen=True, kw_only=True):
    """A worker, as far as it matters for whether it could be given something.

    `blocked` are the task types that it is blocked from in the job, after failures, `kept` those by people; one for
    which the job is not `meant` gets nothing of it. `refused` is why a policy keeps it from the job. `full` are the
    limits that its machine has no place left under. One that is away has been silent for so long that nobody should
    count on it. `lacks` is why its self-test keeps it from which commands, and `lack` why from those
    that are asked about.
    """

    key: int
    name: str
    status: WorkerStatus
    task_types: frozenset[str]
    commands: frozenset[str] | None = None
    has_tag: bool = True
    meant: bool = True
    blocked: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    refused: str = ""
    is_busy: bool = False
    full: frozenset[str] = frozenset()
    is_away: bool = False
    lacks: Mapping[str, str] = {}
    lack: str = ""


def seen_worker(worker: Worker) -> SeenWorker:
    """A worker by itself, whatever it has to do with the job."""
    return SeenWorker(
        key=worker.key,
        name=worker.name,
        status=worker.status,
        task_types=frozenset(worker.task_types),
        commands=None if worker.commands is None else frozenset(worker.commands),
    )


class WaitingGroup(Struct, frozen=True, kw_only=True):
    """Tasks of a job that wait and are alike: the same type, commands and limits, failed by the same workers.

    `full` are those of its `limits` that have no slot left, with their capacity. `names` are some of the tasks,
    `queue_key` is where they wait.
    """

    task_type: str
    commands: tuple[str, ...]
    count: int
    names: tuple[str, ...] = ()
    failed_by: frozenset[int] = frozenset()
    full: tuple[tuple[str, int], ...] = ()
    queue_key: int = 0
    limits: tuple[str, ...] = ()


class Dependent(Struct, frozen=True, kw_only=True):
    """Tasks that wait for others: how many, and how many tasks in each status they still wait for.

    `count_by_frames` of them wait for those of other jobs alone, frame by frame; `count_later` failed and wait for a
    moment, the first for `later`.
    """

    count: int
    names: tuple[str, ...]
    waits_for: Mapping[str, int]
    count_by_frames: int = 0
    count_later: int = 0
    later: datetime | None = None


class Held(Struct, frozen=True, kw_only=True):
    """Tasks that wait until somebody has approved a preview, and where that stands, in a sentence."""

    count: int
    names: tuple[str, ...]
    text: str


class Reason(Struct, frozen=True, kw_only=True):
    """Why so many tasks wait, in a word and in a sentence; `names` are some of them."""

    why: Why
    text: str
    count: int
    names: tuple[str, ...] = ()


_NOTHING_HELD: Final = Held(count=0, names=(), text="")

_Condition = tuple[Why, Callable[[SeenWorker], bool], str, str]
"""The reason where nobody passes, the test, and what is said of all workers and of one that do not pass it."""


def reasons(
    job: Job,
    tag: str,
    holds: Mapping[str, Hold],
    dependent: Dependent,
    groups: Sequence[WaitingGroup],
    workers: Sequence[SeenWorker],
    waits: Sequence[Wait] = (),
    starts: str = "",
    held: Held | None = None,
    told_retry: Callable[[datetime], str] = "tried again at {:%H:%M}".format,
) -> list[Reason]:
    """Why each of the waiting tasks of a job waits. `workers` are all of the farm, or the one that is asked about.

    `waits` is what the job waits for, of other jobs; `starts` says when it starts, where that moment is still to come,
    and `told_retry` when something is tried again. `held` are tasks that wait for an approval; the others do not have
    these among them.
    """
    held = held or _NOTHING_HELD
    everything = Reason(
        why=Why.NEXT,
        text="",
        count=held.count + dependent.count + sum(group.count for group in groups),
        names=(*held.names, *dependent.names, *(name for group in groups for name in group.names))[:5],
    )
    found = []
    if not everything.count:
        return []
    if whole := _of_the_whole_job(job, holds, waits, starts):
        return [Reason(why=whole[0], text=whole[1], count=everything.count, names=everything.names)]
    if held.count:
        found.append(Reason(why=Why.PREVIEW, text=_in_sentence(held.text), count=held.count, names=held.names))
    if dependent.later is not None:
        text = f"failed, and {told_retry(dependent.later)}, as a failure rule says"
        found.append(Reason(why=Why.RETRY_LATER, text=text, count=dependent.count_later, names=dependent.names))
    if inside := dependent.count - dependent.count_by_frames - dependent.count_later:
        found.append(Reason(why=Why.DEPENDENCY, text=_waits_for(dependent), count=inside, names=dependent.names))
    if dependent.count_by_frames:
        by_frames, text = dependent.count_by_frames, _waits_for_jobs(waits)
        found.append(Reason(why=Why.JOB_DEPENDENCY, text=text, count=by_frames, names=dependent.names))
    for group in groups:
        why, text = _of_group(job, tag, group, workers)
        found.append(Reason(why=why, text=text, count=group.count, names=group.names))
    return found


def _of_the_whole_job(
    job: Job, holds: Mapping[str, Hold], waits: Sequence[Wait], starts: str
) -> tuple[Why, str] | None:
    if job.delete_requested or job.status not in SCHEDULABLE_JOB:
        return _at_rest(job)
    if keeping := [wait for wait in waits if wait.keeps_job]:
        return Why.JOB_DEPENDENCY, _waits_for_jobs(keeping)
    if starts:
        return Why.START_AFTER, starts
    if holds:
        policy, hold = next(iter(holds.items()))
        return Why.HELD, f"held by policy {policy}: {hold.reason}"
    return None


def _at_rest(job: Job) -> tuple[Why, str]:
    if job.delete_requested:
        return Why.JOB_ENDED, "the job is being deleted"
    if job.status in (JobStatus.PAUSED, JobStatus.PAUSE_REQUESTED):
        return Why.JOB_PAUSED, "the job is paused"
    return Why.JOB_ENDED, f"the job is {job.status}"


def _waits_for_jobs(waits: Sequence[Wait]) -> str:
    return _in_sentence(summary(waits))


def _in_sentence(text: str) -> str:
    text = text.removesuffix(".")
    return f"{text[:1].lower()}{text[1:]}"


def _waits_for(dependent: Dependent) -> str:
    parts = [f"{count} {status}" for status, count in sorted(dependent.waits_for.items())]
    ended = {"canceled", "failed"} & set(dependent.waits_for)
    text = f"wait for other tasks of the job: {', '.join(parts)}"
    return f"{text}; as long as those are {' or '.join(sorted(ended))}, they cannot run" if ended else text


def _of_group(job: Job, tag: str, group: WaitingGroup, workers: Sequence[SeenWorker]) -> tuple[Why, str]:
    if job.max_running is not None and job.counts.active >= job.max_running:
        return Why.JOB_LIMIT, f"the job is limited to {job.max_running} tasks at once, and as many are being run"
    if group.full:
        name, capacity = group.full[0]
        return Why.LIMIT, f"the limit {name!r} is used up: {capacity} of {capacity}"
    conditions = [*_able(tag, group), *_ready(group)]
    reason, left = _sifted(conditions, _for(group, workers))
    names = ", ".join(worker.name for worker in left[:3])
    free = f"{names} {'is' if len(left) == 1 else 'are'} free and will be given the best job at the next poll"
    return reason or (Why.NEXT, free)


def nobody(tag: str, group: WaitingGroup, workers: Sequence[SeenWorker]) -> tuple[Why, str] | None:
    """Why no worker of the farm can run these tasks, whatever it does now; None where at least one that is there can.

    Policies that refuse workers do not count: they may think otherwise the next time.
    """
    return _sifted([*_able(tag, group), _IS_HERE], _for(group, workers))[0]


def _for(group: WaitingGroup, workers: Sequence[SeenWorker]) -> list[SeenWorker]:
    """The workers, with what their self-tests have against these tasks."""
    return [replace(worker, lack=lack(worker.lacks, group.commands)) if worker.lacks else worker for worker in workers]


def _sifted(
    conditions: Sequence[_Condition], workers: Sequence[SeenWorker]
) -> tuple[tuple[Why, str] | None, Sequence[SeenWorker]]:
    """The first condition that leaves nobody, if any does, and who is left by all of them."""
    if not workers:
        return (Why.NO_WORKERS, "there are no workers"), ()
    left = list(workers)
    for why, passes, none, alone in conditions:
        passing = [worker for worker in left if passes(worker)]
        if not passing:
            return (why, _sentence(left, none, alone)), ()
        left = passing
    return None, left


def _sentence(left: Sequence[SeenWorker], nobody: str, alone: str) -> str:
    worker = left[0]
    # What somebody has written may have braces in it.
    lack, refused = worker.lack, worker.refused
    if len(left) > 1:
        return f"of {len(left)} workers that could, {nobody.replace(_LACK, lack).replace(_REASON, refused)}"
    told = alone.replace(_STATUS, worker.status or "not signed on").replace(_LACK, lack).replace(_REASON, refused)
    return f"worker {worker.name} {told.replace(_FULL, ', '.join(sorted(worker.full)))}"


_STATUS, _REASON, _LACK, _FULL = "{status}", "{reason}", "{lack}", "{full}"


def _able(tag: str, group: WaitingGroup) -> list[_Condition]:
    """What a worker has to pass whatever it does at the moment, in the order in which the scheduler looks."""
    kind = group.task_type
    needed = ", ".join(group.commands)
    return [
        (
            Why.NO_WORKER_WITH_TYPE,
            lambda worker: kind in worker.task_types,
            f"none runs tasks of type {kind!r}",
            f"does not run tasks of type {kind!r}",
        ),
        (
            Why.NO_WORKER_WITH_TAG,
            lambda worker: worker.has_tag,
            f"none has the tag {tag!r}",
            f"does not have the tag {tag!r}",
        ),
        (
            Why.NOT_FOR_WORKER,
            lambda worker: worker.meant,
            "none is among those that this job is for",
            "gets nothing of it: this job is not for this worker",
        ),
        (
            Why.NO_WORKER_WITH_COMMAND,
            lambda worker: worker.commands is None or worker.commands.issuperset(group.commands) or bool(worker.lack),
            f"none has all of the commands {needed}",
            f"does not have all of the commands {needed}",
        ),
        (
            Why.BLOCKED,
            lambda worker: kind not in worker.blocked,
            f"all are blocked from tasks of type {kind!r} in this job, after failing too many",
            f"is blocked from tasks of type {kind!r} in this job, after failing too many",
        ),
        (
            Why.BLOCKED_BY_PERSON,
            lambda worker: kind not in worker.kept,
            f"all are blocked from tasks of type {kind!r} in this job, by a person",
            f"is blocked from tasks of type {kind!r} in this job, by a person",
        ),
        (
            Why.FAILED_BY_ALL,
            lambda worker: worker.key not in group.failed_by,
            "all have failed them already",
            "has failed them already",
        ),
        (
            Why.SELF_TEST,
            lambda worker: not worker.lack,
            "all have failed their self-tests: {lack}",
            "has failed its self-test: {lack}",
        ),
    ]


_IS_HERE: _Condition = (Why.NO_WORKER_AWAKE, lambda worker: not worker.is_away, "none is there", "is {status}")


def _ready(group: WaitingGroup) -> list[_Condition]:
    """What one of those has to pass to be given them now."""
    return [
        (Why.REFUSED, lambda worker: not worker.refused, "all are refused: {reason}", "is refused: {reason}"),
        (
            Why.NO_WORKER_AWAKE,
            lambda worker: worker.status is WorkerStatus.AWAKE,
            "none is awake",
            "is {status}",
        ),
        (Why.ALL_BUSY, lambda worker: not worker.is_busy, "all are busy", "is busy with another task"),
        (
            Why.MACHINE_LIMIT,
            lambda worker: not any(is_of_machine(name) or name in group.limits for name in worker.full),
            "the machines of all run as many tasks as they may",
            "has a machine that runs as many tasks as it may (limit {full})",
        ),
    ]
