"""What old jobs come to rest as, and which hashes of secrets are looked at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from flamenco.domain import old_secrets
from flamenco.domain.model import TaskCounts
from flamenco.domain.statuses import TRANSITIONAL_JOB, UNFINISHED_TASK, JobStatus, TaskStatus
from flamenco.migration import resting
from flamenco.migration.values import Unusable

BODY = "pwb97XwTNRrys3zGJcVv7OpiJgAmZWkdnqI3U/XcBWmrKTgzXVtF."
COMING = st.sampled_from(sorted(set(JobStatus) - {JobStatus.UNDER_CONSTRUCTION}))


@given(COMING, st.lists(st.sampled_from(sorted(TaskStatus)), max_size=8))
def test_all_is_at_rest(job: JobStatus, tasks: list[TaskStatus]) -> None:
    """Nothing is being run, no job is on its way, and what a canceled or paused one had to do does not go on."""
    arrived = [resting.task_status(str(each), job) for each in tasks]
    counts = TaskCounts()
    for each in arrived:
        counts = replace(counts, **{each.column: counts.of(each) + 1})
    status = resting.rests_as(resting.job_status(str(job)), counts)
    assert status not in TRANSITIONAL_JOB
    assert TaskStatus.ACTIVE not in arrived
    if job is JobStatus.CANCEL_REQUESTED:
        assert (status, set(arrived) & UNFINISHED_TASK) == (JobStatus.CANCELED, set())
    if job is JobStatus.PAUSE_REQUESTED:
        assert (status, set(arrived) & UNFINISHED_TASK) == (JobStatus.PAUSED, set())
    if job is JobStatus.REQUEUEING:
        assert set(arrived) <= {TaskStatus.QUEUED, TaskStatus.COMPLETED}
    if job not in TRANSITIONAL_JOB and status is not job:
        assert (status, counts.is_done) == (JobStatus.COMPLETED, True)
    kept = {TaskStatus.COMPLETED, TaskStatus.FAILED}
    assert all(now is before for before, now in zip(tasks, arrived, strict=True) if before in kept) or (
        job is JobStatus.REQUEUEING
    )


@pytest.mark.parametrize("status", ["under-construction", "archived", "", "Active"])
def test_jobs_that_cannot_come(status: str) -> None:
    """One that was never stored as a whole, and one in a status that nobody knows."""
    with pytest.raises(Unusable):
        resting.job_status(status)


@pytest.mark.parametrize(
    ("secret_hash", "cost", "is_checked"),
    [
        (f"$2a$04${BODY}", 4, True),
        (f"$2b$14${BODY}", 14, True),
        (f"$2y$15${BODY}", 15, False),
        (f"$2a$31${BODY}", 31, False),
        (f"$2a$04${BODY[:-1]}", None, False),
        (f"$2a$04${BODY}\n", None, False),
        ("$2ü", None, False),
        ("", None, False),
    ],
)
def test_hashes(secret_hash: str, cost: int | None, is_checked: bool) -> None:
    """Those that are by bcrypt, and take no longer than a second."""
    assert (old_secrets.cost_of(secret_hash), old_secrets.is_checked(secret_hash)) == (cost, is_checked)
