"""Placing all jobs when the manager starts: those that are where they belong are left alone."""

from __future__ import annotations

import re

import pytest

from flamenco import JobCandidate
from flamenco.domain.scheduling.values import Limit
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import placing
from flamenco.store import recount
from tests.conftest import authored_job, authored_task
from tests.integration.exercising import executed
from tests.integration.farming import new_worker, run_next, store_job
from tests.integration.test_ranking import with_policy


def nuke_of(capacity: int) -> object:
    """Policies that limit tasks of a type to so many."""

    def limits(_job: JobCandidate, task_type: str) -> list[Limit]:
        return [Limit("nuke", capacity)] if task_type == "blender" else []

    return limits


def writes(farm: Farm) -> list[str]:
    """What is written of jobs, queues and limits when all jobs are placed."""
    with executed(farm.store) as statements:
        placing.place_all(farm)
    found = (re.match(r"UPDATE (\w+) SET (?:rank|capacity|requirement_key)=", each) for each in statements)
    return sorted({each[1] for each in found if each})


@pytest.mark.parametrize("is_limited", [False, True])
def test_jobs_that_are_where_they_belong_are_left_alone(farm: Farm, is_limited: bool) -> None:
    """Neither locked nor written, whether they are open or not; limits alone are declared anew."""
    if is_limited:
        with_policy(farm, limits=nuke_of(2))
    for number in range(3):
        store_job(farm, authored_job(authored_task(task_type="blender"), authored_task(), priority=number))
    run_next(farm, new_worker(farm))
    assert writes(farm) == (["limits"] if is_limited else [])
    assert writes(farm) == (["limits"] if is_limited else [])


@pytest.mark.parametrize(
    "damage", ["UPDATE jobs SET rank = 7 WHERE priority = 2", "UPDATE queues SET rank = NULL WHERE rank = 2"]
)
def test_those_that_are_not_are_placed(farm: Farm, damage: str) -> None:
    """A job that has another rank than the policies give it, or one of whose queues has, is put where it belongs."""
    for number in range(3):
        store_job(farm, authored_job(authored_task(), priority=number))
    with farm.store.write() as tx:
        tx.exec_driver_sql(damage)
    assert writes(farm) == ["jobs", "queues"]
    assert writes(farm) == []
    with farm.store.read() as tx:
        assert recount.miscounted(tx) == []
        ranks = tx.exec_driver_sql("SELECT rank FROM jobs ORDER BY key").scalars().all()
    assert ranks == [0, 1, 2]
