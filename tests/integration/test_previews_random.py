"""Jobs with a preview and an order, on which anything happens: nothing held is run, and it ends once it is approved."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test
from msgspec.structs import replace

from flamenco.domain.errors import Conflict, NotFound, Refused
from flamenco.domain.frame_plans import planned
from flamenco.domain.model import Assignment, Job, Submission
from flamenco.domain.previews import PENDING, Preview, Then, Wave
from flamenco.domain.statuses import FINISHED_JOB, FINISHED_TASK, JobStatus, TaskStatus
from flamenco.farm import jobs, ordering, previews, tasks
from flamenco.farm.scheduling import claim
from flamenco.services import previews as chore
from flamenco.services import upkeep
from tests import length
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, report, store_job
from tests.integration.machines import FarmMachine
from tests.integration.waiting import check_counters, frames_task

WORDS = st.sampled_from(["first", "last", "first,middle,last", "every 2", "2-3"])
ORDERS = st.sampled_from(["forward", "backward", "every 2", "middle-out"])


class Previewed(FarmMachine):
    """One job, two workers, and people."""

    def __init__(self) -> None:
        super().__init__()
        self.workers = [new_worker(self.farm, f"worker {number}") for number in range(2)]
        self.running: dict[int, Assignment] = {}

    @initialize(
        frames=st.integers(3, 6),
        words=WORDS,
        then=st.sampled_from(Then),
        order=ORDERS,
        after=st.sampled_from([0.0, 60.0]),
        prepared=st.booleans(),
    )
    def submit(self, frames: int, words: str, then: Then, order: str, after: float, *, prepared: bool) -> None:
        """A job, maybe with something that each frame needs, and a video of all."""
        first = [authored_task("prepare")] if prepared else []
        made = [frames_task(str(frame), f"frame {frame}") for frame in range(1, frames + 1)]
        waiting = [replace(task, dependencies=tuple(each.id for each in first)) for task in made]
        video = authored_task("video", "ffmpeg", after=tuple(waiting))
        asked = Submission(name="job", type="test", frame_order=order, previewed=Preview(words, then, after))
        job = planned(authored_job(*first, *waiting, video), asked)
        self.held = {task.name for task in job.tasks if task.wave is Wave.HELD}
        self.job: Job = store_job(self.farm, job)

    @rule(number=st.integers(0, 1))
    def ask(self, number: int) -> None:
        """A worker asks for a task: none that is held is given to anybody."""
        if number in self.running:
            return
        assigned = claim.assign_next(self.farm, self.workers[number])
        if isinstance(assigned, Assignment):
            assert self._now().preview not in PENDING or assigned.task.name not in self.held
            self.running[number] = assigned

    @rule(number=st.integers(0, 1), status=st.sampled_from([TaskStatus.COMPLETED] * 3 + [TaskStatus.FAILED]))
    def end(self, number: int, status: TaskStatus) -> None:
        """A worker's task ends."""
        assigned = self.running.pop(number, None)
        if assigned is not None:
            with suppress(Conflict, NotFound):  # somebody took it away
                report(self.farm, self.workers[number], assigned, status)

    @rule()
    def approve(self) -> None:
        """Somebody approves."""
        before = self._now()
        try:
            previews.approve(self.farm, self.job.id, "a person says so")
        except Conflict:
            assert before.preview not in PENDING or before.status in FINISHED_JOB
            return
        assert self._now().preview == "over"

    @rule(order=ORDERS)
    def reorder(self, order: str) -> None:
        """Somebody wants another order."""
        with suppress(Conflict, Refused):
            ordering.reorder(self.farm, self.job.id, order)

    @rule(seconds=st.sampled_from([1, 60]))
    def time_passes(self, seconds: int) -> None:
        """And the chores come by."""
        self.clock.forward(seconds)
        chore.tick(self.farm)
        upkeep.finish_moves(self.farm)

    @rule(status=st.sampled_from(["cancel-requested", "requeueing", "pause-requested", "queued"]))
    def steer(self, status: str) -> None:
        """Somebody steers the job."""
        jobs.set_status(self.farm, self.job.id, JobStatus(status), "a person says so")

    @rule(number=st.integers(0, 7), status=st.sampled_from([TaskStatus.QUEUED, TaskStatus.CANCELED]))
    def steer_task(self, number: int, status: TaskStatus) -> None:
        """Somebody steers a task."""
        of_job = tasks.of_job(self.farm, self.job.id)
        if number < len(of_job) and (status is not TaskStatus.QUEUED or of_job[number].status in FINISHED_TASK):
            tasks.set_status(self.farm, of_job[number].id, status, "a person says so")

    @invariant()
    def counters_are_right(self) -> None:
        """What is counted is what counting gives, at every moment."""
        check_counters(self.farm)

    def teardown(self) -> None:
        """Once somebody approves, and people let it be, the job ends."""
        if hasattr(self, "job"):
            for number in (0, 1):
                self.end(number, TaskStatus.COMPLETED)
            if self._now().counts.paused or self._now().status is JobStatus.PAUSED:
                # Also what stayed paused as the job was canceled, and went on by one of its tasks.
                jobs.set_status(self.farm, self.job.id, JobStatus.PAUSE_REQUESTED, "in the end")
                jobs.set_status(self.farm, self.job.id, JobStatus.QUEUED, "in the end")
            with suppress(Conflict):
                previews.approve(self.farm, self.job.id, "in the end")
            for _ in range(60):
                for number in (0, 1):
                    self.ask(number)
                    self.end(number, TaskStatus.COMPLETED)
            now = self._now()
            assert now.status in FINISHED_JOB, (now.status, now.activity, tasks.of_job(self.farm, self.job.id))
        self.farm.close()
        self._folder.cleanup()

    def _now(self) -> Job:
        return jobs.fetch(self.farm, self.job.id)


@pytest.mark.longer
def test_anything_may_happen() -> None:
    """In any order."""
    run_state_machine_as_test(
        Previewed,
        settings=settings(
            max_examples=length.of(12, 300),
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
