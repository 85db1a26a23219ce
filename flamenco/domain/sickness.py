"""When a worker is sick: it failed many tasks, of several jobs, one after the other. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from flamenco.domain.failures import counted


def one_more(failing: Sequence[int], job_key: int, most: int) -> tuple[int, ...]:
    """Of which jobs the tasks were that a worker failed since it completed one, the last `most` of them."""
    return (*failing, job_key)[-most:] if most else ()


def is_sick(failing: Sequence[int], failures: int, jobs: int) -> bool:
    """Whether so many failures, of so many jobs, are there; no failures at all mean that nobody ever is."""
    return 0 < failures <= len(failing) and len(set(failing)) >= jobs


def told(failing: Sequence[int]) -> str:
    """Why it is sick."""
    tasks, jobs = counted(len(failing), "task"), counted(len(set(failing)), "job")
    return f"It failed {tasks} of {jobs}, one after the other."
