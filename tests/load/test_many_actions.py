"""Something is done with thousands of jobs in one request: it ends in time, and each of them costs little."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from flamenco.domain.access import ITSELF
from flamenco.domain.actions import JobAction
from flamenco.domain.statuses import JobStatus
from flamenco.farm.actions.carrying_out import LONGEST_S, carry_out
from flamenco.farm.actions.of_jobs import Jobs
from flamenco.farm.actions.values import Arguments, Asked, Outcome
from flamenco.farm.context import Farm
from flamenco.store import jobs as job_store
from tests.conftest import authored_job, authored_task
from tests.integration.farming import store_job

MANY = 2_000


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One writer at a time is what there is to wait for."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


def done(farm: Farm, asked: Asked) -> tuple[Outcome, float]:
    """What came of it, and the milliseconds of the processor for each job."""
    started, began = time.process_time(), time.monotonic()
    outcome = carry_out(farm, ITSELF, Jobs(), asked)
    assert time.monotonic() - began < LONGEST_S + 2
    return outcome, (time.process_time() - started) * 1000 / max(1, outcome.matched - outcome.left)


def test_thousands_of_jobs(farm: Farm) -> None:
    """A try costs next to nothing; a change of each as much as a transaction of its own does."""
    for number in range(MANY):
        store_job(farm, authored_job(authored_task(), name=f"job {number}"))
    tried, ms = done(farm, Asked(action=JobAction.CANCEL, dry_run=True))
    assert (tried.matched, tried.refused_count, tried.left) == (MANY, 0, 0)
    assert ms < 0.5
    refused, ms = done(farm, Asked(action=JobAction.RESUME))
    assert refused.refused_count == MANY
    assert ms < 0.5
    for asked in (
        Asked(action=JobAction.PRIORITY, arguments=Arguments(priority=70)),
        Asked(action=JobAction.CANCEL, arguments=Arguments(reason="test")),
    ):
        outcome, ms = done(farm, asked)
        assert outcome.done + outcome.left == MANY
        assert ms < 10
    with farm.store.read() as tx:
        ended = [job for job in job_store.newest(tx, MANY) if job.status is JobStatus.CANCELED]
    assert len(ended) == outcome.done
