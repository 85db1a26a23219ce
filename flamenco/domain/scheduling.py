"""Which job comes first: what scheduling policies are given, what they give back, and how that is added up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from flamenco.domain.model import TaskCounts


class JobCandidate(Struct, frozen=True, kw_only=True):
    """An open job, as a policy sees it."""

    id: str
    name: str
    type: str
    priority: int
    created: datetime
    metadata: Mapping[str, str]
    settings: Mapping[str, Any]
    worker_tag: str = ""
    counts: TaskCounts = TaskCounts()


class FarmView(Struct, frozen=True, kw_only=True):
    """What a policy may know of the farm beside the jobs."""

    now: datetime


class Term(Struct, frozen=True):
    """What one policy says for a job: more is sooner. `reason` is shown to whoever asks why."""

    score: float
    reason: str


class Hold(Struct, frozen=True):
    """A policy keeps the job back; `reason` is shown to whoever asks why."""

    reason: str


class Ranked(Struct, frozen=True):
    """A job's place: the weighted sum of its terms, or None while a policy holds it."""

    job_id: str
    rank: float | None
    terms: tuple[tuple[str, Term | Hold], ...]


Verdicts = Mapping[str, Term | Hold]
"""Job id to verdict; a job that is missing gets no term from this policy."""


def rank(jobs: Sequence[JobCandidate], verdicts: Sequence[tuple[str, float, Verdicts]]) -> list[Ranked]:
    """Add up the verdicts `(policy name, weight, verdicts)` for each of `jobs`; one `Hold` is enough to hold a job."""
    ranked = []
    for job in jobs:
        terms = tuple((name, given[job.id]) for name, _, given in verdicts if job.id in given)
        weights = {name: weight for name, weight, _ in verdicts}
        held = any(isinstance(term, Hold) for _, term in terms)
        total = sum(weights[name] * term.score for name, term in terms if isinstance(term, Term))
        ranked.append(Ranked(job.id, None if held else float(total), terms))
    return ranked
