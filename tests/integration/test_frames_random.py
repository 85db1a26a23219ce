"""Frames that run again, are split off and skipped, in any order: all is counted, none is lost, and every job ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from flamenco.domain.errors import Conflict, Refused
from flamenco.domain.frames import frame_ranges
from flamenco.domain.frames_again import Mode
from flamenco.domain.job_waits import Kind
from flamenco.domain.model import Assignment, Job
from flamenco.domain.statuses import FINISHED_JOB, JobStatus, TaskStatus
from flamenco.farm import frames, jobs, skipping, tasks, telling
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from flamenco.store import chunks as chunk_store
from tests import length
from tests.integration.farming import job_now, new_worker, report
from tests.integration.framing import chunk_of, render_job
from tests.integration.machines import FarmMachine
from tests.integration.waiting import check_counters, wait_for

CHUNKS = st.lists(st.sampled_from(["1", "2-4", "5-6", "7-10"]), min_size=1, max_size=4, unique=True)
ASKED = st.sampled_from(["1", "2", "3", "2-4", "6", "5-8", "1-10x3", "4,3,2", "9-10", "1-10"])
WHICH = st.integers(0, 1)
ENDS = st.sampled_from([TaskStatus.COMPLETED, TaskStatus.COMPLETED, TaskStatus.FAILED])


def frames_of(farm: Farm, job: Job) -> Counter[int]:
    """How many tasks of a job have each frame."""
    chunks = filter(None, map(chunk_of, tasks.of_job(farm, job.id)))
    return Counter(frame for chunk in chunks for each in frame_ranges(chunk) for frame in each)


class Rendering(FarmMachine):
    """Two jobs, of which the second waits for the first frame by frame, two workers, and people."""

    def __init__(self) -> None:
        super().__init__()
        self.workers = [new_worker(self.farm, f"worker {number}") for number in range(2)]
        self.running: dict[int, Assignment] = {}
        self.jobs: list[Job] = []
        self.frames: list[Counter[int]] = []

    @initialize(chunks=st.tuples(CHUNKS, CHUNKS), video=st.booleans())
    def submit(self, *, chunks: Sequence[Sequence[str]], video: bool) -> None:
        """Some jobs."""
        self.jobs = [render_job(self.farm, *each, video=video) for each in chunks]
        wait_for(self.farm, self.jobs[1], self.jobs[0], kind=Kind.FRAMES)
        self.frames = [frames_of(self.farm, job) for job in self.jobs]

    @rule(number=WHICH)
    def ask(self, number: int) -> None:
        """A worker asks for a task: what it is given depends on nothing that is not completed."""
        if number in self.running:
            return
        assigned = claim.assign_next(self.farm, self.workers[number])
        if isinstance(assigned, Assignment):
            with self.farm.store.read() as tx:
                before = chunk_store.states(tx, chunk_store.dependencies(tx, assigned.task.key))
            assert all(task.status is TaskStatus.COMPLETED for task in before), (assigned, before)
            self.running[number] = assigned

    @rule(number=WHICH, status=ENDS)
    def end(self, number: int, status: TaskStatus) -> None:
        """A worker's task ends."""
        if assigned := self.running.pop(number, None):
            try:
                report(self.farm, self.workers[number], assigned, status)
            except Conflict:  # somebody took it away
                return

    @rule(which=WHICH, wanted=ASKED, mode=st.sampled_from(Mode))
    def run_again(self, which: int, wanted: str, mode: Mode) -> None:
        """Somebody wants frames again."""
        with suppress(Refused):  # where no task has some of them
            frames.run_again(self.farm, self.jobs[which].id, wanted, mode, "again")
        telling.tell_all(self.farm)  # what is queued again is waited for from when that was told

    @rule(which=WHICH, number=st.integers(0, 6))
    def skip(self, which: int, number: int) -> None:
        """Somebody skips a task."""
        of_job = tasks.of_job(self.farm, self.jobs[which].id)
        if number < len(of_job):
            skipping.skip(self.farm, of_job[number].id, "anna", "no need", lambda _status: None)

    @rule(which=WHICH, status=st.sampled_from(["cancel-requested", "requeueing", "pause-requested", "queued"]))
    def steer(self, which: int, status: str) -> None:
        """Somebody steers a job."""
        jobs.set_status(self.farm, self.jobs[which].id, JobStatus(status), "a person says so")
        telling.tell_all(self.farm)

    @invariant()
    def counters_are_right(self) -> None:
        """What is counted is what counting gives."""
        check_counters(self.farm)

    @invariant()
    def no_frame_is_lost(self) -> None:
        """Nor in two tasks that were not there before."""
        assert [frames_of(self.farm, job) for job in self.jobs] == self.frames

    @invariant()
    def names_are_unique(self) -> None:
        """As they were."""
        for job in self.jobs:
            names = [task.name for task in tasks.of_job(self.farm, job.id)]
            assert len(set(names)) == len(names)

    def teardown(self) -> None:
        """When people leave it alone, all jobs end, but for those that they have paused or that wait for such."""
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
            if not (self._run_next(0) or self._run_next(1)):
                break
        check_counters(self.farm)
        stopped = FINISHED_JOB | {JobStatus.PAUSED}
        ends = [job_now(self.farm, job) for job in self.jobs]
        assert not ends or ends[0].status in stopped, ends
        waits = bool(ends) and ends[0].status is not JobStatus.COMPLETED
        assert not ends or ends[1].status in stopped or waits, ends

    def _run_next(self, number: int) -> bool:
        assigned = claim.assign_next(self.farm, self.workers[number])
        if isinstance(assigned, Assignment):
            report(self.farm, self.workers[number], assigned, TaskStatus.COMPLETED)
        return isinstance(assigned, Assignment)


@pytest.mark.longer
def test_whatever_is_wanted_again() -> None:
    """Whatever workers and people do."""
    run_state_machine_as_test(
        Rendering,
        settings=settings(
            max_examples=length.of(8, 400),
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
