"""Whatever workers say when they fail, and whoever dies in between: every job ends, and no counter is wrong."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import select

from flamenco.config.failure_settings import FailuresConfig
from flamenco.domain.errors import Conflict
from flamenco.domain.failure_rules import FailureRule
from flamenco.domain.model import Assignment, AuthoredJob, Job, Worker
from flamenco.domain.statuses import FINISHED_JOB, TaskStatus, WorkerStatus
from flamenco.farm import jobs, sickness, tasks, workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from flamenco.farm.tasks import TaskChange
from flamenco.services import upkeep
from flamenco.store import recount
from flamenco.store.schema import task_retries
from flamenco.testing import Clock
from tests import length
from tests.conftest import authored_job, authored_task
from tests.integration.farming import job_now, new_worker, present, store_job

RULES = {
    "later": "retry_after 1m",
    "hold": "hold_job 30s",
    "again": "retry",
    "elsewhere": "retry_elsewhere",
    "block": "blocklist",
    "worker": "worker_error",
    "task": "fail_task",
    "(x+x+)+y": "fail_job",
}
FREE = 4
STEPS = 4_000
"""More than any of these jobs needs: one that takes so long would go on for ever."""


class _Play:
    """Workers that do what the dice say, on a manager that is put to death now and then."""

    def __init__(self, make_farm: Callable[..., Farm], clock: Clock, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - no secret
        self.clock = clock
        rules = tuple(FailureRule(match=match, then=then) for match, then in RULES.items())
        settings = FailuresConfig(rules=rules, free_retries=FREE, job_fail_percent=60)
        self._make, self._settings = make_farm, {"failures": settings, "blocklist_threshold": 4}
        self.farm = make_farm(**self._settings)
        self.jobs: list[Job] = [store_job(self.farm, self._authored()) for _ in range(3)]
        self.team: list[Worker] = [new_worker(self.farm, f"w{number}") for number in range(4)]

    def _authored(self) -> AuthoredJob:
        first = [authored_task(f"t{number}") for number in range(8)]
        return authored_job(*first, *(authored_task(f"d{number}", after=(first[number],)) for number in range(4)))

    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        return all(job_now(self.farm, job).status in FINISHED_JOB for job in self.jobs)

    def step(self) -> None:
        """Something happens."""
        chance = self.dice.random()
        if chance < 0.03:
            self.farm = self._make(**self._settings)  # another process, that knows nothing of this one
            jobs.finish_transitions(self.farm)
        elif chance < 0.2:
            self.clock.forward(self.dice.choice([1, 10, 45]))
            upkeep.finish_moves(self.farm)
        elif chance < 0.23:
            job = self.dice.choice(self.jobs)
            task = self.dice.choice(tasks.of_job(self.farm, job.id))
            if job_now(self.farm, job).status not in FINISHED_JOB and task.status is TaskStatus.SOFT_FAILED:
                tasks.set_status(self.farm, task.id, TaskStatus.QUEUED, "now")
        else:
            self._work(self.dice.choice(self.team))

    def _work(self, worker: Worker) -> None:
        now = present(self.farm, worker)
        if now.sick and self.dice.random() < 0.3:
            sickness.heal(self.farm, worker.id)
        if now.status is not WorkerStatus.AWAKE:
            workers.state_changed(self.farm, worker, WorkerStatus.AWAKE)
        try:
            assigned = claim.assign_next(self.farm, worker)
        except Conflict:
            assert present(self.farm, worker).sick
            return
        if isinstance(assigned, Assignment):
            assert self._not_before(assigned) is None
            self._end(worker, assigned)

    def _not_before(self, assigned: Assignment) -> datetime | None:
        """What a task that is handed out waits for."""
        with self.farm.store.read() as tx:
            asked = select(task_retries.c.not_before).where(task_retries.c.task_key == assigned.task.key)
            moment: datetime | None = tx.execute(asked).scalar_one_or_none()
        return moment

    def _end(self, worker: Worker, assigned: Assignment) -> None:
        if self.dice.random() < 0.4:
            change = TaskChange(status=TaskStatus.COMPLETED)
        else:
            says = self.dice.choice([*list(RULES)[:7], "nothing"])
            change = TaskChange(status=TaskStatus.FAILED, log=f"{says}\n", activity="Failed")
        tasks.update(self.farm, worker, assigned.task.id, change)

    def check(self) -> None:
        """The books balance, and nothing is done without counting it more often than it may."""
        with self.farm.store.read() as tx:
            assert recount.miscounted(tx) == []
            assert max(tx.execute(select(task_retries.c.free)).scalars(), default=0) <= FREE


@pytest.mark.parametrize("seed", length.every(8, list(range(8))))
def test_every_job_ends(make_farm: Callable[..., Farm], clock: Clock, seed: int) -> None:
    """After some time, though most of it fails; nothing runs before its moment."""
    play = _Play(make_farm, clock, seed)
    for step in range(STEPS):
        play.step()
        if step % 25 == 0:
            play.check()
            if play.is_over():
                break
    play.check()
    assert play.is_over()
