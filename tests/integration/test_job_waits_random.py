"""Jobs that wait for each other, on which anything happens in any order: nothing runs before what it waits for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from flamenco.domain.errors import Conflict, NotFound, Refused
from flamenco.domain.job_waits import Kind, Offset, State, Wait, Wanted, When, task_counts_as_done, waits_for_task
from flamenco.domain.model import Assignment, Job, Task, Worker
from flamenco.domain.statuses import FINISHED_JOB, FINISHED_TASK, JobStatus, TaskStatus
from flamenco.domain.task_frames import frames_of
from flamenco.farm import deletion, job_waits, jobs, tasks, telling
from flamenco.farm.scheduling import claim
from flamenco.services import telling as chore
from tests import length
from tests.integration.farming import new_worker, report
from tests.integration.machines import FarmMachine
from tests.integration.waiting import check_counters, frames_job

JOBS = 4
CHUNKS = st.lists(st.sampled_from(["1", "2", "3", "1-2", "3-4", "2-5", "video"]), min_size=1, max_size=4, unique=True)
WHICH = st.integers(0, JOBS - 1)


class Waiting(FarmMachine):
    """Some jobs, two workers, and people."""

    def __init__(self) -> None:
        super().__init__()
        self.workers = [new_worker(self.farm, f"worker {number}") for number in range(2)]
        self.running: dict[int, Assignment] = {}
        self.jobs: list[Job] = []

    @initialize(chunks=st.lists(CHUNKS, min_size=JOBS, max_size=JOBS))
    def submit(self, chunks: Sequence[Sequence[str]]) -> None:
        """Some jobs, the later the more urgent."""
        for number, each in enumerate(chunks):
            self.jobs.append(frames_job(self.farm, *each, name=f"job {number}", priority=number))

    @rule(of=WHICH, on=WHICH, kind=st.sampled_from(Kind), when=st.sampled_from(When), by=st.integers(-1, 1))
    def wait(self, of: int, on: int, kind: Kind, when: When, by: int) -> None:
        """Somebody has a job wait for another."""
        asked = Wanted(job=self.jobs[on].id, kind=kind, when=when, offset=Offset(min(by, 0), max(by, 0)))
        try:
            job_waits.add(self.farm, self.jobs[of].id, asked)
        except (Conflict, NotFound, Refused):
            return

    @rule(of=WHICH, on=WHICH, drops=st.booleans())
    def decide(self, *, of: int, on: int, drops: bool) -> None:
        """Somebody has it wait no more."""
        try:
            (job_waits.drop if drops else job_waits.satisfy)(self.farm, self.jobs[of].id, self.jobs[on].id)
        except (Conflict, NotFound):
            return

    @rule()
    def tell(self) -> None:
        """The chore comes by."""
        chore.tell(self.farm)

    @rule(number=st.integers(0, 1))
    def ask(self, number: int) -> None:
        """A worker asks for a task: what it is given waits for nothing that anybody was told of."""
        if number in self.running:
            return
        assigned = claim.assign_next(self.farm, self.workers[number])
        if isinstance(assigned, Assignment):
            self._check_waits_for_nothing(assigned.task)
            self.running[number] = assigned

    @rule(number=st.integers(0, 1), status=st.sampled_from([TaskStatus.COMPLETED, TaskStatus.FAILED]))
    def end(self, number: int, status: TaskStatus) -> None:
        """A worker's task ends."""
        assigned = self.running.pop(number, None)
        if assigned is None:
            return
        try:
            report(self.farm, self.workers[number], assigned, status)
        except (Conflict, NotFound):  # somebody took it away
            return

    @rule(which=WHICH, status=st.sampled_from(["cancel-requested", "requeueing", "pause-requested", "queued"]))
    def steer(self, which: int, status: str) -> None:
        """Somebody steers a job."""
        try:
            jobs.set_status(self.farm, self.jobs[which].id, JobStatus(status), "a person says so")
        except NotFound:
            return
        chore.tell(self.farm)  # what is queued again is waited for from when that was told

    @rule(which=WHICH, number=st.integers(0, 3))
    def queue_again(self, which: int, number: int) -> None:
        """Somebody queues a task."""
        try:
            of_job = tasks.of_job(self.farm, self.jobs[which].id)
        except NotFound:
            return
        if number < len(of_job) and of_job[number].status in FINISHED_TASK:
            tasks.set_status(self.farm, of_job[number].id, TaskStatus.QUEUED, "once more")
            chore.tell(self.farm)

    @rule(which=WHICH)
    def delete(self, which: int) -> None:
        """Somebody deletes a job."""
        try:
            deletion.request(self.farm, self.jobs[which].id)
        except NotFound:
            return
        while not deletion.delete_some(self.farm, self.jobs[which].id):
            pass

    @invariant()
    def counters_are_right(self) -> None:
        """What is counted is what counting gives, at every moment."""
        check_counters(self.farm)

    def _check_waits_for_nothing(self, task: Task) -> None:
        """By a naive reading of the rules; a dependency that is met by now, and was not told, is no reason to wait."""
        for wait in job_waits.waits(self.farm, task.job_id).waits_for:
            assert not wait.keeps_job, wait
            if wait.state is State.WAITING and not self._is_over(wait):
                self._check_frames(task, wait)

    def _is_over(self, wait: Wait) -> bool:
        return wait.status in FINISHED_JOB

    def _check_frames(self, task: Task, wait: Wait) -> None:
        own = frames_of(task.commands)
        assert own is not None, (task, wait)
        for other in tasks.of_job(self.farm, wait.job):
            if waits_for_task(own, wait.offset, frames_of(other.commands)):
                assert task_counts_as_done(other.status, wait.when), (task, other)

    def teardown(self) -> None:
        """When people leave it alone, and drop what can never be met, all that is not stopped is done."""
        try:
            self._finish()
        finally:
            self.farm.close()
            self._folder.cleanup()

    def _finish(self) -> None:
        for number in list(self.running):
            self.end(number, TaskStatus.COMPLETED)
        for _ in range(200):
            telling.tell_all(self.farm)
            self._drop_what_is_broken()
            given = [self._run_next(worker) for worker in self.workers]
            if not any(given):
                break
        telling.tell_all(self.farm)
        check_counters(self.farm)
        for job in self.jobs:
            try:
                now = jobs.fetch(self.farm, job.id)
            except NotFound:
                continue
            if now.status not in FINISHED_JOB | {JobStatus.PAUSED}:
                # What it waits for was stopped by a person.
                left = job_waits.waits(self.farm, job.id).waits_for
                assert any(wait.state is State.WAITING and wait.status not in FINISHED_JOB for wait in left), (
                    now,
                    left,
                )

    def _run_next(self, worker: Worker) -> bool:
        assigned = claim.assign_next(self.farm, worker)
        if not isinstance(assigned, Assignment):
            return False
        report(self.farm, worker, assigned, TaskStatus.COMPLETED)
        return True

    def _drop_what_is_broken(self) -> None:
        for job in self.jobs:
            try:
                waits = job_waits.waits(self.farm, job.id).waits_for
            except NotFound:
                continue
            for wait in waits:
                if wait.state is State.BROKEN:
                    job_waits.drop(self.farm, job.id, wait.job)
        telling.tell_all(self.farm)


@pytest.mark.longer
def test_nothing_runs_before_what_it_waits_for() -> None:
    """Whatever workers and people do, and however late it is told."""
    run_state_machine_as_test(
        Waiting,
        settings=settings(
            max_examples=length.of(20, 400),
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
