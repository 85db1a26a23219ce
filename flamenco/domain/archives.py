"""A job in one file: what is in it, how large that may be, and what the file is called. Pure.

The limits are for files that others have made: they are far above what a manager stores, and keep a small file from
filling memory or disk.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final

from msgspec import Meta, Struct, field

from flamenco.domain import job_files
from flamenco.domain.attempts import KEPT, LONGEST_REASON, Outcome
from flamenco.domain.failure_rules import MOST_RULES, MOST_TRIES, FailureRule
from flamenco.domain.job_workers import MOST
from flamenco.domain.model import Command, TaskCounts
from flamenco.domain.notes import LONGEST
from flamenco.domain.previews import PENDING, Preview, PreviewState, Wave
from flamenco.domain.statuses import FINISHED_JOB, JobStatus, TaskStatus
from flamenco.domain.time_limits import NO_LIMITS, JobTimeLimits

FORMAT: Final = 1
SUFFIX: Final = ".flamenco-job.zip"

SUMMARY, JOB, TASKS, LOGS, IMAGES = "summary.json", "job.json", "tasks.jsonl", "logs/", "images/"
"""The names of what is in an archive; the last two are the beginnings of names."""

LONGEST_SUMMARY: Final = 64 * 1024
LONGEST_LINE: Final = 64 * 1024 * 1024
LARGEST_IMAGE: Final = 32 * 1024 * 1024
MOST_ATTEMPTS: Final = 2 * KEPT + 1

_Uuid = Annotated[str, Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")]
_Anybody = Annotated[str, Meta(pattern=r"^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?\Z")]
_Name = Annotated[str, Meta(max_length=100_000)]
_Number = Annotated[int, Meta(ge=0, le=2**31 - 1)]
_Signed = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
_Place = Annotated[int, Meta(ge=0, le=2**62)]
_Seconds = Annotated[float, Meta(ge=0, le=1e15)]
_Moment = Annotated[datetime, Meta(tz=True)]


class ArchivedFailure(Struct, frozen=True, kw_only=True):
    """A worker failed a task, at that moment."""

    worker: _Uuid
    created: _Moment


class ArchivedBlock(Struct, frozen=True, kw_only=True):
    """A worker got no more tasks of a type."""

    worker: _Uuid
    task_type: _Name
    created: _Moment
    blocked_by: _Name = ""


class ArchivedNote(Struct, frozen=True, kw_only=True):
    """What somebody wanted others to know."""

    text: Annotated[str, Meta(min_length=1, max_length=LONGEST)]
    who: _Name
    at: _Moment


_Names = Annotated[tuple[_Name, ...], Meta(max_length=MOST)]


class ArchivedAttempt(Struct, frozen=True, kw_only=True):
    """An attempt at a task; `worker` is empty where nobody is known."""

    number: _Number
    worker: _Anybody = ""
    started: _Moment
    ended: _Moment
    seconds: _Seconds
    outcome: Outcome
    reason: Annotated[str, Meta(max_length=LONGEST_REASON)] = ""
    steps: _Number = 0
    log_begins: _Place = 0


class ArchivedTask(Struct, frozen=True, kw_only=True):
    """A task, in the order of the job's; `after` are the places of those that it waits for, from 1."""

    id: _Uuid
    name: _Name
    type: _Name
    priority: _Signed
    status: TaskStatus
    activity: str
    commands: tuple[Command, ...]
    created: _Moment
    updated: _Moment
    worker: _Anybody = ""
    last_touched: _Moment | None = None
    activated: _Moment | None = None
    steps_completed: _Number = 0
    steps_total: _Number = 0
    optional: bool = False
    attempts: _Number = 0
    log_begins: _Place = 0
    frame_first: _Signed | None = None
    frame_last: _Signed | None = None
    ord: _Number = 0
    wave: Wave = Wave.NONE
    after: tuple[_Number, ...] = ()
    tried: Annotated[tuple[ArchivedAttempt, ...], Meta(max_length=MOST_ATTEMPTS)] = ()
    failed_by: tuple[ArchivedFailure, ...] = ()


_Rules = Annotated[tuple[FailureRule, ...], Meta(max_length=MOST_RULES)]
_Percent = Annotated[int, Meta(ge=0, le=100)]
_Tries = Annotated[int, Meta(ge=1, le=MOST_TRIES)]


class ArchivedJob(Struct, frozen=True, kw_only=True):
    """A job but for its tasks; of an archive it has ended. `tag` is the UUID of the one that its workers needed.

    Workers that it was for, or was not for, are named by their UUIDs, and tags by `tag:` and theirs.
    """

    id: _Uuid
    name: _Name
    type: _Name
    priority: _Signed
    status: JobStatus
    activity: str
    created: _Moment
    updated: _Moment
    settings: dict[str, Any]
    metadata: dict[str, str]
    variables: dict[str, str] = field(default_factory=dict)
    tag: _Anybody = ""
    owner: _Name = ""
    owner_address: _Name = ""
    last_assigned: _Moment | None = None
    completed_runs: _Number = 0
    completed_seconds: _Seconds = 0.0
    used_seconds: _Seconds = 0.0
    counts: TaskCounts
    blocks: tuple[ArchivedBlock, ...] = ()
    time_limits: JobTimeLimits = NO_LIMITS
    frame_order: Annotated[str, Meta(max_length=100)] = ""
    previewed: Preview | None = None
    preview: PreviewState = PreviewState.NONE
    max_workers: _Number | None = None
    workers_allowed: _Names = ()
    workers_denied: _Names = ()
    note: ArchivedNote | None = None
    failure_rules: _Rules = ()
    fail_percent: _Percent | None = None
    tries: _Tries | None = None

    @property
    def holds(self) -> bool:
        """Whether what was held of it was held still when it ended."""
        return self.previewed is not None and self.preview in PENDING


class Summary(Struct, frozen=True, kw_only=True):
    """What lists show of an archive."""

    format: int
    id: _Uuid
    name: _Name
    type: _Name
    status: JobStatus
    user: _Name = ""
    project: _Name = ""
    created: _Moment
    archived: _Moment
    tasks: _Number


class Archived(Struct, frozen=True, kw_only=True):
    """An archive that is there: the name of its file, its size, and what it says of itself."""

    file: str
    size: int
    summary: Summary


_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")
_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}" + re.escape(SUFFIX))
_LONGEST_SLUG: Final = 60


def file_name(job_id: str, name: str) -> str:
    """The name of a job's archive: that of the job, as far as every system has such names, and its UUID."""
    plain = _NOT_PLAIN.sub("-", name).strip("-.")[:_LONGEST_SLUG]
    return f"{plain}_{job_id}{SUFFIX}" if plain else f"{job_id}{SUFFIX}"


def is_file_name(name: str) -> bool:
    """Whether an archive can be called so: a plain name, of nothing outside of the folder, and not a hidden one."""
    return _FILE.fullmatch(name) is not None


def may_contain(name: str) -> bool:
    """Whether something in an archive can be called so."""
    if name.startswith(LOGS):
        return job_files.is_task_log(name.removeprefix(LOGS))
    if name.startswith(IMAGES):
        return name.removeprefix(IMAGES) in job_files.LAST_RENDERED
    return name in (SUMMARY, JOB, TASKS)


def can_be_archived(status: JobStatus) -> bool:
    """Whether a job in that status has ended, so that nothing of it is to be run."""
    return status in FINISHED_JOB
