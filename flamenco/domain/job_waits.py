"""Jobs that wait for other jobs: what each dependency says, when it is met, and what people are told. Pure.

A job waits for all of another one, or frame by frame: then each of its tasks waits for those tasks of the other that
are about the same frames. Once met, a dependency stays met, whatever becomes of the other job. One that cannot be met
any more, since the other job failed or was deleted, holds the whole job until a person decides, or the other one goes
on after all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from msgspec import Struct

from flamenco.domain.statuses import FINISHED_JOB, FINISHED_TASK, JobStatus, TaskStatus

MOST_DEPENDENCIES: Final = 100
"""So many jobs one job may wait for."""

MOST_OFFSET: Final = 1_000_000
"""As far apart as frames that wait for each other may be."""

NAMED: Final = 3
"""So many of the jobs that a job waits for are named where it says so."""


class Kind(StrEnum):
    """What of the other job is waited for: all of it, or by each task what it has of the same frames."""

    ALL = "all"
    FRAMES = "frames"


class When(StrEnum):
    """What has to become of it: it is completed, or it ends in whichever way."""

    COMPLETED = "completed"
    ENDED = "ended"


class State(StrEnum):
    """Where a dependency stands.

    A new one between frames is `COUNTING` until it is known which tasks wait; one that is `BROKEN` cannot be met as
    things are. `SATISFIED` it is by a person.
    """

    COUNTING = "counting"
    WAITING = "waiting"
    BROKEN = "broken"
    MET = "met"
    SATISFIED = "satisfied"


PENDING: Final = frozenset({State.COUNTING, State.WAITING, State.BROKEN})
"""Those that still keep something from being run, or may."""


class Offset(Struct, frozen=True, array_like=True):
    """Frame n waits for the frames from n + `first` to n + `last` of the other job."""

    first: int = 0
    last: int = 0


class Wanted(Struct, frozen=True, kw_only=True):
    """A dependency that somebody asks for. `job` is the id of the other job."""

    job: str
    kind: Kind = Kind.ALL
    when: When = When.COMPLETED
    offset: Offset = Offset()


class Wait(Wanted, frozen=True, kw_only=True):
    """A dependency that is stored: the other job by its id, with its name, and its status, None when it is deleted.

    `longest` is how many frames after its first a task of the waiting job has at most.
    """

    key: int
    job_key: int
    on_key: int | None
    name: str
    state: State
    status: JobStatus | None
    longest: int = 0

    @property
    def keeps_job(self) -> bool:
        """Whether none of the job's tasks may be handed out because of it."""
        return keeps_job(self.kind, self.state)


class Span(NamedTuple):
    """From which frame to which a task goes."""

    first: int
    last: int


def first_state(kind: Kind) -> State:
    """Where a new dependency stands, before anybody looks at the other job."""
    return State.COUNTING if kind is Kind.FRAMES else State.WAITING


def keeps_job(kind: Kind, state: State) -> bool:
    """Whether a dependency in `state` keeps the whole job from being handed out."""
    return state in (State.COUNTING, State.BROKEN) or (kind is Kind.ALL and state is State.WAITING)


def next_state(state: State, kind: Kind, when: When, status: JobStatus | None) -> State:
    """Where a dependency stands now that the other job has `status`, None once it is deleted."""
    if state not in PENDING:
        return state
    if status is JobStatus.COMPLETED or (when is When.ENDED and status in FINISHED_JOB):
        return State.MET
    if status is None or status in FINISHED_JOB:
        return State.BROKEN
    # Of one that was broken, nobody has counted meanwhile which tasks wait.
    return first_state(kind) if state is State.BROKEN else state


def task_counts_as_done(status: TaskStatus, when: When) -> bool:
    """Whether those that wait for a task frame by frame may go on."""
    return status is TaskStatus.COMPLETED or (when is When.ENDED and status in FINISHED_TASK)


def waits_for_task(own: Span | None, offset: Offset, other: Span | None) -> bool:
    """Whether, frame by frame, a task with the frames `own` waits for one with the frames `other`.

    One that says nothing of frames waits until the dependency is met as a whole, and keeps up no other.
    """
    if own is None:
        return True
    if other is None:
        return False
    return other.first <= own.last + offset.last and other.last >= own.first + offset.first


def circle(job_id: str, on_id: str, waits_for: Callable[[str], Iterable[str]]) -> list[str]:
    """The jobs that would wait for each other if `job_id` waited for `on_id`, as they do; none if all is well.

    `waits_for` gives the ids of the jobs that one waits for already.
    """
    came_from: dict[str, str] = {on_id: job_id}
    left = [on_id]
    while left:
        current = left.pop()
        if current == job_id:
            return _path(job_id, came_from)
        for each in waits_for(current):
            if each not in came_from:
                came_from[each] = current
                left.append(each)
    return []


def _path(job_id: str, came_from: dict[str, str]) -> list[str]:
    path = [job_id]
    while (before := came_from[path[-1]]) != job_id:
        path.append(before)
    return [job_id, *reversed(path)]


def named(name: str, job_id: str) -> str:
    """A job as sentences call it."""
    return f'"{name}" ({job_id[:8]})' if name else job_id


def sentence(wait: Wait) -> str:
    """What a person reads of a dependency."""
    other = named(wait.name, wait.job)
    match wait.state:
        case State.MET | State.SATISFIED:
            return f"Waits no more for the job {other}: it is {wait.state}."
        case State.BROKEN:
            fate = "was deleted" if wait.status is None else f"is {wait.status}"
            helps = "" if wait.status is None else "requeue that one, "
            return f"Held: the job {other} that it waits for {fate}; {helps}drop the dependency, or cancel this job."
    end = "completed" if wait.when is When.COMPLETED else "over"
    if wait.kind is Kind.ALL:
        return f"Waits until the job {other} is {end}."
    return f"Waits frame by frame for the job {other}{_offset_text(wait.offset)} to be {end}."


def _offset_text(offset: Offset) -> str:
    if offset == Offset():
        return ""
    ends = f"{offset.first:+}" if offset.first == offset.last else f"{offset.first:+} to {offset.last:+}"
    return f", frames {ends},"


def freed_by(wait: Wait) -> str:
    """What a job says of itself that waited for this last."""
    why = "as a person decided" if wait.status is None else f"it is {wait.status}"
    return f"Waits no more for the job {named(wait.name, wait.job)}: {why}."


def summary(waits: Sequence[Wait]) -> str:
    """What a job says of itself while it waits; empty when nothing keeps it. What holds it comes first."""
    pending = sorted((each for each in waits if each.state in PENDING), key=lambda each: each.state is not State.BROKEN)
    text = " ".join(sentence(each) for each in pending[:NAMED])
    more = len(pending) - NAMED
    return f"{text} And for {more} more." if more > 0 else text
