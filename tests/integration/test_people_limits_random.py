"""Limits that people set, on a farm where anything happens in any order: none is ever exceeded by what begins."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from flamenco.domain.errors import Conflict, NotFound
from flamenco.domain.model import Assignment, Job, Worker
from flamenco.domain.people_limits import is_of_machine, on_machine
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.farm import jobs, limits, workers
from flamenco.farm.scheduling import claim, placing
from tests import length
from tests.integration.farming import job_now, report
from tests.integration.limiting import job_by, running, worker_at
from tests.integration.machines import FarmMachine

pytestmark = pytest.mark.longer

TEAM = 5
NAMES = ("user:ann", "user:bob", "project:p", "machine:*", "machine:10.0.0.0")


class Limited(FarmMachine):
    """Jobs of two people, workers on two machines, and somebody who sets limits."""

    def __init__(self) -> None:
        super().__init__()
        self.team: list[Worker] = []
        self.given: dict[int, Assignment] = {}
        self.jobs: list[Job] = []
        self.set: dict[str, int] = {}
        self.most: dict[str, int] = {}

    def teardown(self) -> None:
        """Close the farm and forget it."""
        self.farm.close()
        self._folder.cleanup()

    @initialize()
    def begin(self) -> None:
        """Some workers."""
        self.team = [worker_at(self.farm, f"w{number}", f"10.0.0.{number % 2}") for number in range(TEAM)]

    @rule(user=st.sampled_from(["ann", "bob"]), project=st.sampled_from(["", "p"]), count=st.integers(1, 4))
    def submit(self, user: str, project: str, count: int) -> None:
        """Somebody submits."""
        self.jobs.append(job_by(self.farm, user, project, count))

    @rule(name=st.sampled_from(NAMES), most=st.one_of(st.none(), st.integers(0, 3)))
    def limit(self, name: str, most: int | None) -> None:
        """Somebody sets a limit, or takes it away."""
        limits.change(self.farm, name, most)
        self.set.pop(name, None)
        if most is not None:
            self.set[name] = most

    @rule(which=st.integers(0, 9), most=st.one_of(st.none(), st.integers(0, 2)))
    def limit_job(self, which: int, most: int | None) -> None:
        """Somebody wants so many workers on a job."""
        if self.jobs:
            job = self.jobs[which % len(self.jobs)]
            limits.set_max_workers(self.farm, job.id, most)
            self.most[job.id] = most or TEAM

    @rule(number=st.integers(0, TEAM - 1))
    def ask(self, number: int) -> None:
        """A worker asks: what it is given has room under all limits; and if nothing, something is full, or all done."""
        if number in self.given:
            return
        before = running(self.farm)
        assigned = claim.assign_next(self.farm, self.team[number])
        under = self._under(assigned, number) if isinstance(assigned, Assignment) else set()
        taken = {name: before[f"10.0.0.{number % 2}" if is_of_machine(name) else name] for name in under}
        assert all(taken[name] < self.set[name] for name in under), (taken, before, self.set)
        if isinstance(assigned, Assignment):
            job_id = assigned.task.job_id
            held = sum(each.task.job_id == job_id for each in self.given.values())
            assert held < self.most.get(job_id, TEAM)
            self.given[number] = assigned
        elif not self.set and not self.most:
            assert not any(self._has_work(job) for job in self.jobs)

    def _under(self, assigned: Assignment, number: int) -> set[str]:
        job = jobs.fetch(self.farm, assigned.task.job_id)
        machine = on_machine(self.set, f"10.0.0.{number % 2}")
        return {f"user:{job.owner.name}", f"project:{job.project}", *machine} & set(self.set)

    def _has_work(self, job: Job) -> bool:
        now = job_now(self.farm, job)
        return now.is_open and now.counts.queued > 0

    @rule(number=st.integers(0, TEAM - 1), status=st.sampled_from([TaskStatus.COMPLETED, TaskStatus.FAILED]))
    def end(self, number: int, status: TaskStatus) -> None:
        """A worker's task ends."""
        if assigned := self.given.pop(number, None):
            try:
                report(self.farm, self.team[number], assigned, status)
            except (Conflict, NotFound):  # somebody took it away
                return

    @rule(number=st.integers(0, TEAM - 1))
    def leave(self, number: int) -> None:
        """A worker goes, and comes back: what it had is queued again."""
        workers.sign_off(self.farm, self.team[number])
        workers.state_changed(self.farm, self.team[number], WorkerStatus.AWAKE)
        self.given.pop(number, None)

    @rule(which=st.integers(0, 9), status=st.sampled_from(["cancel-requested", "requeueing", "pause-requested"]))
    def steer(self, which: int, status: str) -> None:
        """Somebody steers a job."""
        if self.jobs:
            job = self.jobs[which % len(self.jobs)]
            jobs.set_status(self.farm, job.id, JobStatus(status), "test")
            if status != "pause-requested":
                self.given = {n: each for n, each in self.given.items() if each.task.job_id != job.id}

    @rule()
    def restart(self) -> None:
        """The manager starts anew."""
        placing.place_all(self.farm)
        limits.settle(self.farm)

    @invariant()
    def counts_are_right(self) -> None:
        """What is said to be in use is what runs, counted one by one."""
        counted = running(self.farm)
        there = {f"10.0.0.{number}" for number in range(2)}
        for each in limits.states(self.farm):
            assert each.capacity == self.set[each.name]
            if is_of_machine(each.name):
                machines = {address for address in there if each.name in on_machine(self.set, address)}
                assert each.in_use == max((counted[address] for address in machines), default=0)
            else:
                assert each.in_use >= counted[each.name]


def test_no_limit_is_exceeded() -> None:
    """Whatever workers and people do, in any order."""
    run_state_machine_as_test(
        Limited,
        settings=settings(
            max_examples=length.of(8, 80),
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
