"""What people can have done with jobs, tasks and workers, one or many: the one table of it, and when it makes sense.

API, command line and web page all go by this table. How each is carried out is the business of `farm.actions`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

from flamenco.domain.access import Access
from flamenco.domain.errors import Conflict
from flamenco.domain.statuses import (
    FINISHED_JOB,
    PAUSING_JOB,
    SCHEDULABLE_JOB,
    UNFINISHED_TASK,
    JobStatus,
    TaskStatus,
    WorkerStatus,
)
from flamenco.domain.time_limits import WORDS


class JobAction(StrEnum):
    """What can be done with a job."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    REQUEUE = "requeue"
    REQUEUE_FAILED = "requeue-failed"
    REQUEUE_CANCELED = "requeue-canceled"
    FRAMES = "frames"
    PRIORITY = "priority"
    TAG = "tag"
    START_AFTER = "start-after"
    TIME_LIMITS = "time-limits"
    ORDER = "order"
    APPROVE = "approve"
    MAX_WORKERS = "max-workers"
    WORKERS = "workers"
    BLOCK = "block"
    UNBLOCK = "unblock"
    NOTE = "note"
    RETRIES = "retries"
    DELETE = "delete"
    UNDELETE = "undelete"
    PURGE = "purge"
    ARCHIVE = "archive"


class TaskAction(StrEnum):
    """What can be done with a task."""

    CANCEL = "cancel"
    REQUEUE = "requeue"
    REQUEUE_ELSEWHERE = "requeue-elsewhere"
    SKIP = "skip"


class WorkerAction(StrEnum):
    """What can be done with a worker."""

    SLEEP = "sleep"
    WAKEUP = "wakeup"
    SHUTDOWN = "shutdown"
    OFFLINE = "offline"
    RESTART = "restart"
    SELF_TEST = "self-test"
    CANCEL_REQUEST = "cancel-request"
    TAGS = "tags"
    SCHEDULE = "schedule"
    NOTE = "note"
    PUT_AWAY = "put-away"
    BRING_BACK = "bring-back"
    APPROVE = "approve"
    HEAL = "heal"
    REMOVE = "remove"


AnyAction = JobAction | TaskAction | WorkerAction


class Action(Struct, frozen=True, kw_only=True):
    """One action: what it `does`, for people, and what takes it back, if anything does.

    `fits` are the statuses in which it makes sense, all when it is None; `done` is how one says that it happened.
    `needs` are the arguments that have to be given, `takes` those that may be.
    """

    does: str
    done: str
    access: Access
    fits: frozenset[str] | None = None
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    undone_by: tuple[AnyAction, ...] = ()


_REASON: Final = ("reason",)
_LAZY: Final = ("lazy",)
_BEGUN: Final = frozenset(JobStatus) - {JobStatus.UNDER_CONSTRUCTION}

JOB_ACTIONS: Final[Mapping[JobAction, Action]] = {
    JobAction.CANCEL: Action(
        does="Stop what runs of it, and run nothing more.",
        done="canceled",
        access=Access.STEER,
        fits=SCHEDULABLE_JOB | PAUSING_JOB | {JobStatus.REQUEUEING, JobStatus.UNDER_CONSTRUCTION},
        takes=_REASON,
    ),
    JobAction.PAUSE: Action(
        does="Finish what runs of it, and keep the rest.",
        done="paused",
        access=Access.STEER,
        fits=SCHEDULABLE_JOB | {JobStatus.REQUEUEING},
        takes=_REASON,
        undone_by=(JobAction.RESUME,),
    ),
    JobAction.RESUME: Action(
        does="Go on with what was paused.",
        done="resumed",
        access=Access.STEER,
        fits=PAUSING_JOB,
        takes=_REASON,
        undone_by=(JobAction.PAUSE,),
    ),
    JobAction.REQUEUE: Action(
        does="Run it again: all of a completed job, otherwise what was not completed.",
        done="queued again",
        access=Access.STEER,
        fits=_BEGUN - {JobStatus.REQUEUEING},
        takes=_REASON,
    ),
    JobAction.REQUEUE_FAILED: Action(
        does="Run its failed tasks again, and, where they made the job fail, what that took down.",
        done="queued again",
        access=Access.STEER,
        fits=_BEGUN,
        takes=_REASON,
    ),
    JobAction.REQUEUE_CANCELED: Action(
        does="Run its canceled tasks after all.",
        done="queued again",
        access=Access.STEER,
        fits=_BEGUN,
        takes=_REASON,
    ),
    JobAction.FRAMES: Action(
        does="Run some frames again, with their tasks, or split off from those; and what depends on them.",
        done="queued again",
        access=Access.STEER,
        fits=_BEGUN,
        needs=("frames",),
        takes=("mode", *_REASON),
    ),
    JobAction.PRIORITY: Action(
        does="Let it come sooner, or later.",
        done="given another priority",
        access=Access.STEER,
        needs=("priority",),
        undone_by=(JobAction.PRIORITY,),
    ),
    JobAction.TAG: Action(
        does="Let it run on workers with a tag alone, or, without one, on all.",
        done="given another tag",
        access=Access.STEER,
        needs=("tag_id",),
        undone_by=(JobAction.TAG,),
    ),
    JobAction.START_AFTER: Action(
        does="Begin no more of its tasks before a moment, or begin now after all.",
        done="given another start",
        access=Access.STEER,
        fits=SCHEDULABLE_JOB | PAUSING_JOB | {JobStatus.REQUEUEING},
        needs=("start_after",),
        takes=_REASON,
        undone_by=(JobAction.START_AFTER,),
    ),
    JobAction.TIME_LIMITS: Action(
        does="Say how long its tasks may take, need at least, and may be silent; those that run as well.",
        done="given other limits on time",
        access=Access.STEER,
        takes=("task_type", *WORDS),
        undone_by=(JobAction.TIME_LIMITS,),
    ),
    JobAction.ORDER: Action(
        does="Have its frames come in another order: forward, backward, every Nth first, or middle-out.",
        done="put into another order",
        access=Access.STEER,
        fits=SCHEDULABLE_JOB | PAUSING_JOB | {JobStatus.REQUEUEING},
        needs=("order",),
        undone_by=(JobAction.ORDER,),
    ),
    JobAction.APPROVE: Action(
        does="Have it go on with what is held until somebody has looked at its preview.",
        done="approved",
        access=Access.STEER,
        fits=SCHEDULABLE_JOB | PAUSING_JOB | {JobStatus.REQUEUEING},
        takes=_REASON,
    ),
    JobAction.MAX_WORKERS: Action(
        does="Say how many workers may be busy with it at once, or that its settings say so.",
        done="given another number of workers",
        access=Access.STEER,
        needs=("max_workers",),
        undone_by=(JobAction.MAX_WORKERS,),
    ),
    JobAction.WORKERS: Action(
        does="Say which workers it is for alone, and which get nothing of it.",
        done="given other workers",
        access=Access.STEER,
        takes=("workers_allowed", "workers_denied"),
        undone_by=(JobAction.WORKERS,),
    ),
    JobAction.BLOCK: Action(
        does="Give workers no more tasks of a type of it, or of any, as if they had failed too many.",
        done="kept from workers",
        access=Access.STEER,
        needs=("workers",),
        takes=("task_type",),
        undone_by=(JobAction.UNBLOCK,),
    ),
    JobAction.UNBLOCK: Action(
        does="Give workers its tasks again that were blocked from them.",
        done="given to workers again",
        access=Access.STEER,
        needs=("workers",),
        takes=("task_type",),
        undone_by=(JobAction.BLOCK,),
    ),
    JobAction.NOTE: Action(
        does="Leave a note on it for others.",
        done="given a note",
        access=Access.STEER,
        needs=("note",),
        undone_by=(JobAction.NOTE,),
    ),
    JobAction.RETRIES: Action(
        does="Say how much may fail in it before it does.",
        done="given other limits on failures",
        access=Access.STEER,
        takes=("fail_percent", "tries"),
        undone_by=(JobAction.RETRIES,),
    ),
    JobAction.DELETE: Action(
        does="Delete it with its tasks, logs and previews; what it rendered stays. It is in the trash for a while.",
        done="deleted",
        access=Access.STEER,
        undone_by=(JobAction.UNDELETE,),
    ),
    JobAction.UNDELETE: Action(
        does="Have it back out of the trash, as it was.",
        done="taken out of the trash",
        access=Access.STEER,
        undone_by=(JobAction.DELETE,),
    ),
    JobAction.ARCHIVE: Action(
        does="Put all that is known of it into one file, and delete it then; what it rendered stays.",
        done="put into an archive",
        access=Access.STEER,
        fits=FINISHED_JOB,
    ),
    JobAction.PURGE: Action(does="Delete it out of the trash, for good.", done="deleted for good", access=Access.STEER),
}

TASK_ACTIONS: Final[Mapping[TaskAction, Action]] = {
    TaskAction.CANCEL: Action(
        does="Stop it, or do not run it.",
        done="canceled",
        access=Access.STEER,
        fits=UNFINISHED_TASK | {TaskStatus.PAUSED},
        takes=_REASON,
    ),
    TaskAction.REQUEUE: Action(
        does="Run it again; who failed it before may try as well.",
        done="queued again",
        access=Access.STEER,
        fits=frozenset(TaskStatus) - {TaskStatus.QUEUED},
        takes=_REASON,
    ),
    TaskAction.REQUEUE_ELSEWHERE: Action(
        does="Run it again, on another worker than the one that had it last.",
        done="queued again",
        access=Access.STEER,
        takes=_REASON,
    ),
    TaskAction.SKIP: Action(
        does="Count it as completed without running it, or any further; what waits for it goes on.",
        done="skipped",
        access=Access.STEER,
        fits=frozenset(TaskStatus) - {TaskStatus.COMPLETED},
        takes=_REASON,
    ),
}


def _request(does: str, done: str) -> Action:
    taken_back = (WorkerAction.CANCEL_REQUEST, *REQUESTS)
    return Action(does=does, done=done, access=Access.MANAGE, takes=_LAZY, undone_by=taken_back)


REQUESTS: Final[Mapping[WorkerAction, WorkerStatus]] = {
    WorkerAction.SLEEP: WorkerStatus.ASLEEP,
    WorkerAction.WAKEUP: WorkerStatus.AWAKE,
    WorkerAction.SHUTDOWN: WorkerStatus.OFFLINE,
    WorkerAction.RESTART: WorkerStatus.RESTART,
    WorkerAction.OFFLINE: WorkerStatus.OFFLINE,
    WorkerAction.SELF_TEST: WorkerStatus.TESTING,
}
"""The actions that ask a worker for a status, and which; the first one with a status is what takes that back."""

WORKER_ACTIONS: Final[Mapping[WorkerAction, Action]] = {
    WorkerAction.SLEEP: _request("Ask it to run no more tasks, until it is woken up.", "asked to sleep"),
    WorkerAction.WAKEUP: _request("Ask it to run tasks again.", "asked to wake up"),
    WorkerAction.SHUTDOWN: _request("Ask its program to end.", "asked to go"),
    WorkerAction.OFFLINE: _request("Ask its program to end; the same as shutdown.", "asked to go"),
    WorkerAction.RESTART: _request("Ask its program to end and to start again.", "asked to restart"),
    WorkerAction.SELF_TEST: _request(
        "Ask it to try out its storages and programs; what fails keeps tasks away from it.", "asked to test itself"
    ),
    WorkerAction.CANCEL_REQUEST: Action(
        does="Take back what it was asked and has not done yet.",
        done="asked for nothing any more",
        access=Access.MANAGE,
        undone_by=tuple(REQUESTS),
    ),
    WorkerAction.TAGS: Action(
        does="Give it tags, and take some away.",
        done="given other tags",
        access=Access.MANAGE,
        takes=("add", "remove"),
        undone_by=(WorkerAction.TAGS,),
    ),
    WorkerAction.SCHEDULE: Action(
        does="Say when it sleeps.",
        done="given another schedule",
        access=Access.MANAGE,
        needs=("is_active",),
        takes=("days_of_week", "start_time", "end_time"),
        undone_by=(WorkerAction.SCHEDULE,),
    ),
    WorkerAction.NOTE: Action(
        does="Leave a note on it for others.",
        done="given a note",
        access=Access.MANAGE,
        needs=("note",),
        undone_by=(WorkerAction.NOTE,),
    ),
    WorkerAction.PUT_AWAY: Action(
        does="Take one that is gone out of all lists, until it signs on again.",
        done="put away",
        access=Access.MANAGE,
        undone_by=(WorkerAction.BRING_BACK,),
    ),
    WorkerAction.BRING_BACK: Action(
        does="Have it in the lists again.",
        done="brought back",
        access=Access.MANAGE,
        undone_by=(WorkerAction.PUT_AWAY,),
    ),
    WorkerAction.APPROVE: Action(does="Let it work here.", done="approved", access=Access.MANAGE),
    WorkerAction.HEAL: Action(does="Give it tasks again, though it was sick.", done="healed", access=Access.MANAGE),
    WorkerAction.REMOVE: Action(
        does="Forget it; its tasks go to others, and its secret opens nothing.", done="removed", access=Access.MANAGE
    ),
}

OF_TRASH: Final = frozenset({JobAction.UNDELETE, JobAction.PURGE})
"""What is done with jobs in the trash; everything else is done with those that are not."""

REQUEUES: Final[Mapping[AnyAction, TaskStatus]] = {
    JobAction.REQUEUE_FAILED: TaskStatus.FAILED,
    JobAction.REQUEUE_CANCELED: TaskStatus.CANCELED,
}
"""Which tasks of a job are meant by the actions that requeue some."""


def requested_by(name: str) -> str:
    """The reason that is given for what somebody has done without saying why."""
    return f"requested by {name or 'a person'}"


def check_fits(action: Action, status: str) -> None:
    """Raise `Conflict` where the action makes no sense for something in `status`."""
    if action.fits is not None and status not in action.fits:
        raise Conflict(f"It is {status}; only what is {_any_of(action.fits)} can be {action.done}.")


def check_arguments(name: str, action: Action, given: Collection[str]) -> str:
    """What is wrong with the names of the arguments that were given, as a sentence; empty when nothing is."""
    missing = [each for each in action.needs if each not in given]
    if missing:
        return f"arguments.{missing[0]}: is missing; the action {name} needs it"
    allowed = {*action.needs, *action.takes}
    for each in sorted(given):
        if each not in allowed:
            return f"arguments.{each}: is nothing that the action {name} knows; {_known(allowed)}"
    return ""


def _known(allowed: Collection[str]) -> str:
    return f"it knows {', '.join(sorted(allowed))}" if allowed else "it takes none"


def _any_of(statuses: Iterable[str]) -> str:
    *most, last = sorted(str(status) for status in statuses)
    return f"{', '.join(most)} or {last}" if most else last
