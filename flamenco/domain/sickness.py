"""When a worker is sick: it failed many tasks, of several jobs, one after the other. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from flamenco.domain.failures import counted
from flamenco.domain.self_tests.judging import Report

RELAPSE: Final = timedelta(minutes=10)
"""One that is sick again so soon after its self-test had nothing to say is for a person to see to."""


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


def is_not_seen(last: Report, now: datetime) -> bool:
    """Whether a self-test had nothing to say just now, and so would say nothing of what is wrong, such as a full disk
    that is no storage: the worker would be healed and be sick again for ever."""
    return last.is_passed and not last.why.is_quick and now - last.tested < RELAPSE
