"""Whether jobs that were to wait for each other, or for a moment, did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from flamenco.client import Attempt


class Period(NamedTuple):
    """From when to when somebody had tasks of a job."""

    first: datetime
    last: datetime


def period_of(attempts: Sequence[Attempt]) -> Period | None:
    """When a job was worked on; None where it was not, or is still."""
    ended = [each.ended for each in attempts]
    over = [moment for moment in ended if moment is not None]
    if not over or len(over) < len(ended):
        return None
    return Period(min(each.started for each in attempts), max(over))


def early(chain: Sequence[str], periods: Mapping[str, Period]) -> list[str]:
    """A sentence for each job of the chain that began before the one ended that it waited for."""
    found = []
    for before, job_id in pairwise(chain):
        if before in periods and job_id in periods and periods[job_id].first < periods[before].last:
            seconds = (periods[before].last - periods[job_id].first).total_seconds()
            found.append(f"job {job_id} began {seconds:.1f} s before job {before} ended, which it waits for")
    return found


def before_their_moment(starts: Mapping[str, datetime], periods: Mapping[str, Period]) -> list[str]:
    """A sentence for each job that began before the moment that it was to wait for."""
    found = []
    for job_id, start in starts.items():
        if job_id in periods and periods[job_id].first < start:
            seconds = (start - periods[job_id].first).total_seconds()
            found.append(f"job {job_id} began {seconds:.1f} s before the moment that it was to wait for")
    return found
