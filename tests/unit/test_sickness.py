"""When a worker is sick: by how many failures of how many jobs, one after the other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flamenco.domain.sickness import is_sick, one_more, told


@given(st.lists(st.integers(1, 4)), st.integers(0, 8), st.integers(1, 4))
def test_only_the_last_failures_count(jobs: list[int], failures: int, of_jobs: int) -> None:
    """What is kept is never more than is needed, and says the same as all of it."""
    failing: tuple[int, ...] = ()
    for job in jobs:
        failing = one_more(failing, job, failures)
    assert len(failing) <= failures
    last = jobs[-failures:] if failures else []
    assert is_sick(failing, failures, of_jobs) == (0 < failures <= len(jobs) and len(set(last)) >= of_jobs)


@given(st.integers(1, 100), st.integers(2, 100))
def test_one_job_makes_nobody_sick(failures: int, jobs: int) -> None:
    """However often it fails."""
    failing: tuple[int, ...] = ()
    for _ in range(200):
        failing = one_more(failing, 7, failures)
    assert not is_sick(failing, failures, jobs)


def test_it_is_told() -> None:
    """In a sentence."""
    assert told((1, 1, 2)) == "It failed 3 tasks of 2 jobs, one after the other."
