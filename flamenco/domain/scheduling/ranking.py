"""Which job comes first: how what policies say is added up, and which ranks are worth writing down."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from flamenco.domain.scheduling.values import Hold, JobCandidate, Ranked, Term


class PolicyResult(Struct, frozen=True):
    """What one policy gives a number of jobs, by the jobs' id; a job that is missing gets nothing."""

    policy: str
    weight: float
    terms: Mapping[str, Term] = field(default_factory=dict)
    holds: Mapping[str, Hold] = field(default_factory=dict)


def rank(jobs: Sequence[JobCandidate], results: Sequence[PolicyResult]) -> list[Ranked]:
    """Add up what policies say of each of `jobs`; one `Hold` is enough to hold a job."""
    ranked = []
    for job in jobs:
        terms: dict[str, Term] = {}
        holds: dict[str, Hold] = {}
        weighted: list[float] = []
        for result in results:
            if (term := result.terms.get(job.id)) is not None:
                terms[result.policy] = term
                weighted.append(result.weight * term.score)
            if (hold := result.holds.get(job.id)) is not None:
                holds[result.policy] = hold
        ranked.append(Ranked(job.id, None if holds else math.fsum(weighted), terms, holds))
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
