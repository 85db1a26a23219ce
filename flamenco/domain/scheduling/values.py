"""What scheduling policies are given and what they give back.

Policies are pure. They see jobs, workers and the farm as the values here, and answer with values; what they say
is stored beside the jobs (`flamenco.farm.scheduling`): a worker that polls looks things up and computes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from flamenco.domain.model import TaskCounts
from flamenco.domain.scheduling.accounts import Usage

_LIMIT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:/@+-]{0,99}")
_NAMED_BY_PEOPLE = re.compile(r"(?:user|project|machine):[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{1,260}")
"""What users, projects and machines are called is up to people."""

MACHINE = "machine:"
"""How the names of limits begin that are on all that runs on a machine, whichever policy knows of it."""

UNLIMITED = 2**31 - 1
"""The capacity of a limit that limits nothing by itself; what people say of it counts."""


class JobCandidate(Struct, frozen=True, kw_only=True):
    """An open job, as a policy sees it. `metadata` and `settings` are what it was submitted with.

    `last_assigned` is when a task of it was last given to a worker. `mean_task_s` is how long its tasks took
    so far, in seconds, or None before the first has ended.
    """

    id: str
    name: str
    type: str
    priority: int
    created: datetime
    metadata: Mapping[str, str]
    settings: Mapping[str, Any]
    worker_tag: str = ""
    counts: TaskCounts = TaskCounts()
    last_assigned: datetime | None = None
    mean_task_s: float | None = None

    @property
    def running(self) -> int:
        """How many of its tasks are being run."""
        return self.counts.active

    @property
    def remaining(self) -> int:
        """How many of its tasks are being run, or will be."""
        return self.counts.active + self.counts.queued + self.counts.soft_failed


class WorkerView(Struct, frozen=True, kw_only=True):
    """A worker, as a policy sees it. `commands` is None for one that does not say which it has."""

    id: str
    name: str
    platform: str
    task_types: tuple[str, ...]
    tags: tuple[str, ...] = ()
    commands: frozenset[str] | None = None


class FarmView(Struct, frozen=True, kw_only=True):
    """What a policy may know of the farm beside the jobs.

    `running` is the number of running tasks by task type. `usage` is what the accounts of the policy that asks
    have used, by account; those that have used nothing are missing. `waiting` are its accounts with open jobs.
    """

    now: datetime
    workers_awake: int = 0
    running: Mapping[str, int] = field(default_factory=dict)
    usage: Mapping[str, Usage] = field(default_factory=dict)
    waiting: frozenset[str] = frozenset()


class Term(Struct, frozen=True):
    """What one policy says for a job: more is sooner. `reason` is shown to whoever asks why."""

    score: float
    reason: str


class Hold(Struct, frozen=True):
    """A policy keeps a job back, or a worker from it; `reason` is shown to whoever asks why."""

    reason: str


class Limit(Struct, frozen=True):
    """Never more than `capacity` tasks with this limit run at once: in the whole farm, or, `per_job`, in one job.

    Limits of the farm are counted by their `name`, whichever jobs and policies ask for it; `per_machine`, on each
    machine by itself, however many workers that has.
    """

    name: str
    capacity: int
    per_job: bool = False
    per_machine: bool = False

    def __post_init__(self) -> None:
        if not _LIMIT_NAME.fullmatch(self.name) and not _NAMED_BY_PEOPLE.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name for a limit: letters, digits, spaces and ._:/@+- are")
        if self.capacity < 0:
            raise ValueError(f"the limit {self.name!r} has a capacity of {self.capacity}, which is less than none")
        if self.per_job and self.per_machine:
            raise ValueError(f"the limit {self.name!r} is in one job, or on one machine; take one of both")


class Ranked(Struct, frozen=True):
    """A job's place: the weighted sum of its terms, or None while a policy holds it.

    `terms` and `holds` are by the name of the policy.
    """

    job_id: str
    rank: float | None
    terms: Mapping[str, Term] = field(default_factory=dict)
    holds: Mapping[str, Hold] = field(default_factory=dict)


class Placement(Struct, frozen=True):
    """Where policies put a job: its rank, None while one holds it; the most of its tasks that may run at once.

    `limits` are those of the farm that the tasks of each type fall under.
    """

    rank: float | None
    max_running: int | None = None
    limits: Mapping[str, tuple[Limit, ...]] = field(default_factory=dict)
