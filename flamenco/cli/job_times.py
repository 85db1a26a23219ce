"""How the command line tells how long a job takes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from flamenco.client import Eta, JobTimes
from flamenco.domain.durations import in_words

NAMED: Final = 5
"""So many workers are named, those who spent most with a job."""


def time_fields(times: JobTimes, now: datetime) -> Iterator[tuple[str, str]]:
    """Since when a job is worked on, by whom, and until when, as names and what they are."""
    if times.elapsed_s is not None:
        yield "elapsed", in_words(times.elapsed_s)
        yield "worker time", in_words(times.worker_s)
    if times.median_s is not None:
        yield "a done task", f"{in_words(times.median_s)} (median)"
    for each in times.by_worker[:NAMED]:
        tasks = "1 task" if each.tasks == 1 else f"{each.tasks} tasks"
        yield "by", f"{each.worker.name or each.worker.id or 'nobody'}: {in_words(each.seconds)}, {tasks}"
    if len(times.by_worker) > NAMED:
        yield "by", f"and {len(times.by_worker) - NAMED} more"
    if times.eta:
        yield "done in", done_in(times.eta, now)
        yield "which is", f"{_at(times.eta.earliest)} to {_at(times.eta.latest)}"
        yield "because of", times.eta.ground


def done_in(eta: Eta | None, now: datetime) -> str:
    """In how long a job will be done, in short; nothing when nobody can tell."""
    if eta is None:
        return ""
    soonest, latest = (in_words(max(0.0, (each - now).total_seconds())) for each in (eta.earliest, eta.latest))
    return soonest if soonest == latest else f"{soonest} to {latest}"


def _at(moment: datetime) -> str:
    return moment.astimezone().isoformat(" ", "minutes")
