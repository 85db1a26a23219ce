"""Which job comes first: what scheduling policies are given, what they give back, and how that is added up.

Policies are pure. They see jobs, workers and the farm as the values here, and answer with values; what they say
is stored beside the jobs (`flamenco.farm.scheduling`): a worker that polls looks things up and computes nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from flamenco.domain.model import TaskCounts

_LIMIT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:/@+-]{0,99}")


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


class Usage(Struct, frozen=True):
    """What has gone to one account.

    `seconds` is the time that workers spent on its tasks, what is further back counting for less and less, the time
    of those that are running included; `running` is how many those are.
    """

    seconds: float = 0.0
    running: int = 0


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

    Limits of the farm are counted by their `name`, whichever jobs and policies ask for it.
    """

    name: str
    capacity: int
    per_job: bool = False

    def __post_init__(self) -> None:
        if not _LIMIT_NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name for a limit: letters, digits, spaces and ._:/@+- are")
        if self.capacity < 0:
            raise ValueError(f"the limit {self.name!r} has a capacity of {self.capacity}, which is less than none")


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


class Say(Struct, frozen=True):
    """What one policy has to say about a number of jobs, by the jobs' id; a job that is missing gets nothing."""

    policy: str
    weight: float
    terms: Mapping[str, Term] = field(default_factory=dict)
    holds: Mapping[str, Hold] = field(default_factory=dict)


def rank(jobs: Sequence[JobCandidate], said: Sequence[Say]) -> list[Ranked]:
    """Add up what policies say of each of `jobs`; one `Hold` is enough to hold a job."""
    ranked = []
    for job in jobs:
        terms = {say.policy: say.terms[job.id] for say in said if job.id in say.terms}
        holds = {say.policy: say.holds[job.id] for say in said if job.id in say.holds}
        weights = {say.policy: say.weight for say in said}
        total = math.fsum(weights[policy] * term.score for policy, term in terms.items())
        ranked.append(Ranked(job.id, None if holds else total, terms, holds))
    return ranked


def worth_writing(before: Mapping[int, float | None], after: Mapping[int, float | None], tolerance: float) -> list[int]:
    """The row numbers of the jobs whose rank has to be written down, of all open jobs before and after a ranking.

    Ranks that age change all the time, and mostly change nothing: as long as the jobs keep their order, a rank that
    is less than `tolerance` off may stay as it is.
    """
    changed = [key for key, rank in after.items() if rank != before[key]]
    if any(after[key] is None or before[key] is None for key in changed) or _order(before) != _order(after):
        return changed
    return [key for key in changed if abs((after[key] or 0.0) - (before[key] or 0.0)) > tolerance]


def _order(ranks: Mapping[int, float | None]) -> list[int]:
    """In which order jobs are handed out."""
    open_jobs = [(-rank, key) for key, rank in ranks.items() if rank is not None]
    return [key for _, key in sorted(open_jobs)]


def decayed(seconds: float, age_s: float, half_life_s: float) -> float:
    """What is left of `seconds` that were booked `age_s` ago, when half is left after `half_life_s`."""
    return float(seconds * 0.5 ** (max(0.0, age_s) / half_life_s)) if half_life_s > 0 else 0.0
