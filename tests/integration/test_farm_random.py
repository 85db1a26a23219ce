"""A farm on which anything happens in any order, beside a naive reading of the rules that says what must come of it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace
from sqlalchemy import Select, select

from flamenco.compiler.compile import Compiler
from flamenco.config import Config
from flamenco.config.failure_settings import FailuresConfig
from flamenco.domain.access import ITSELF
from flamenco.domain.actions import REQUEUES, JobAction, TaskAction
from flamenco.domain.errors import Conflict, NotFound, Refused
from flamenco.domain.failure_rules import FailureRule
from flamenco.domain.model import Assignment, AuthoredTask, Command, Job, Task, TaskState, Worker
from flamenco.domain.statuses import (
    FINISHED_JOB,
    PAUSING_JOB,
    RUNNABLE_TASK,
    SCHEDULABLE_JOB,
    UNFINISHED_TASK,
    JobStatus,
    TaskStatus,
    WorkerStatus,
)
from flamenco.domain.timeouts import CANNOT_TIME_OUT
from flamenco.domain.trash import put_down
from flamenco.farm import deletion, jobs, retrying, sickness, tasks, timeline, trash, workers
from flamenco.farm.actions.carrying_out import carry_out
from flamenco.farm.actions.of_jobs import Jobs
from flamenco.farm.actions.of_tasks import Tasks
from flamenco.farm.actions.values import Arguments, Asked
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from flamenco.farm.tasks import TaskChange
from flamenco.services import timeouts, upkeep
from flamenco.services.deletion import Deletions
from flamenco.store import moves, recount, retries
from flamenco.store import tasks as task_store
from flamenco.store import workers as worker_store
from flamenco.store.engine import Store
from flamenco.store.scheduling import queues
from flamenco.store.schema import job_blocks, task_dependencies, task_failures, task_retries
from flamenco.testing import Clock
from tests import length
from tests.conftest import authored_job, authored_task, empty_database, make_hooks
from tests.integration.farming import job_now, new_worker, store_job

pytestmark = pytest.mark.longer

EXAMPLES = length.of(8, 60)
STEPS = 45
IN_SLICES = 2

FAILED_SOMEHOW = (TaskStatus.FAILED, TaskStatus.SOFT_FAILED)
TIMED_OUT_AND_DONE = (TaskStatus.FAILED, TaskStatus.COMPLETED)

PAUSED_NOW = (JobStatus.PAUSE_REQUESTED, JobStatus.PAUSED)

TYPES = ("misc", "blender")
REPORTED = sorted(TaskStatus)
"""What a worker could say of a task; what is not its to say is in it."""

RULES = FailuresConfig(
    rules=(
        FailureRule(match="later", then="retry_after 1m"),
        FailureRule(match="hold", then="hold_job 1m"),
        FailureRule(match="again", then="retry"),
        FailureRule(match="elsewhere", then="retry_elsewhere"),
        FailureRule(match="job", then="fail_job"),
        FailureRule(match="block", then="blocklist"),
        FailureRule(match="task", then="fail_task"),
        FailureRule(match="worker", then="worker_error"),
    ),
    free_retries=3,
    job_fail_percent=20,
)
SAYS = ("", "", "later", "later", "hold", "again", "elsewhere", "job", "block", "task", "worker")
"""What workers say last, for rules to go by."""

ENDS = (TaskStatus.COMPLETED, TaskStatus.COMPLETED, TaskStatus.FAILED)
"""What workers mostly say."""

PERSONS = (TaskStatus.CANCELED, TaskStatus.FAILED, TaskStatus.PAUSED)
"""What people make of a task."""

STATES = sorted(set(WorkerStatus) - {WorkerStatus.REGISTERED})

DescribedTask = tuple[str, int, int, set[int], bool]
"""A task to be: its type, priority, steps, which of those before it it waits for, and whether it is optional."""

described_tasks = st.tuples(
    st.sampled_from(TYPES),
    st.sampled_from([40, 50, 60]),
    st.integers(0, 3),
    st.sets(st.integers(0, 15), max_size=2),
    st.sampled_from([False, False, True]),
)


def authored(described: Sequence[DescribedTask]) -> list[AuthoredTask]:
    """Tasks of a job; they may be added before those they wait for."""
    made: list[AuthoredTask] = []
    for index, (task_type, priority, steps, after, optional) in enumerate(described):
        before = tuple(made[other] for other in sorted(after) if other < index)
        commands = (Command("echo", {"message": "m"}, steps),)
        task = authored_task(f"t{index}", task_type, after=before, priority=priority)
        made.append(replace(task, commands=commands, optional=optional))
    return made[::-1] if len(made) % 2 else made


class RandomFarm(RuleBasedStateMachine):
    """Workers and people do what they like; after every step the books must balance."""

    submitted = Bundle("jobs")
    team = Bundle("workers")
    given = Bundle("assignments")

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        (folder / "farm.sqlite").write_bytes(empty_database())
        self.clock = Clock()
        config = Config(data_dir=folder, task_fail_after_softfail_count=2, blocklist_threshold=2, failures=RULES)
        store = Store(f"sqlite:///{folder / 'farm.sqlite'}")
        self.farm = Farm(config, store, Compiler([]), make_hooks(), self.clock, timer=self.clock.timer)
        self.resting: dict[str, JobStatus] = {}
        self.named: JobStatus | None = None  # the status that a person has just given to a job, whatever its tasks are

    def teardown(self) -> None:
        """Close the farm and forget it."""
        self.farm.close()
        self._folder.cleanup()

    # -- reading, the slow and simple way -------------------------------------------------------------------------

    def all_jobs(self) -> list[Job]:
        """Every job, oldest first."""
        return [jobs.fetch(self.farm, job_id) for job_id in self.resting]

    def tasks_of(self, job: Job) -> list[Task]:
        """The job's tasks, in order."""
        return tasks.of_job(self.farm, job.id)

    def task_now(self, task_id: str) -> TaskState:
        """The task as it is now."""
        with self.farm.store.read() as tx:
            return task_store.fetch(tx, task_id)

    def worker_now(self, worker: Worker) -> Worker:
        """The worker as it is now."""
        with self.farm.store.read() as tx:
            return worker_store.fetch(tx, worker.id)

    def rows(self, statement: Select[Any]) -> set[tuple[Any, ...]]:
        """The rows of a query."""
        with self.farm.store.read() as tx:
            return {tuple(row) for row in tx.execute(statement)}

    def candidates(self, worker: Worker) -> list[tuple[Job, Task]]:
        """What the worker may be given, best first, read off the rules with no regard for cost."""
        waits_for = self.rows(select(task_dependencies.c.task_key, task_dependencies.c.dependency_key))
        failed = self.rows(select(task_failures.c.task_key).where(task_failures.c.worker_key == worker.key))
        blocked = self.rows(
            select(job_blocks.c.job_key, job_blocks.c.task_type).where(job_blocks.c.worker_key == worker.key)
        )
        put_off = self.rows(select(task_retries.c.task_key).where(task_retries.c.not_before.is_not(None)))
        found = []
        for job in self.all_jobs():
            everything = self.tasks_of(job)
            status = {task.key: task.status for task in everything}
            for task in everything:
                if (
                    job.status in SCHEDULABLE_JOB
                    and (job.start_after is None or job.start_after <= self.clock())
                    and task.status in RUNNABLE_TASK
                    and task.type in worker.task_types
                    and (task.key,) not in failed
                    and (task.key,) not in put_off
                    and (job.key, task.type) not in blocked
                    and all(status[b] is TaskStatus.COMPLETED for a, b in waits_for if a == task.key)
                ):
                    found.append((job, task))
        return sorted(found, key=lambda pair: (-pair[0].priority, pair[0].key, -pair[1].priority, pair[1].index))

    # -- people ---------------------------------------------------------------------------------------------------

    @initialize(target=team, types=st.lists(st.sampled_from([TYPES, TYPES, TYPES[:1], ()]), min_size=3, max_size=5))
    def first_workers(self, types: list[tuple[str, ...]]) -> object:
        """There is somebody to begin with."""
        return multiple(*(new_worker(self.farm, f"w{number}", some) for number, some in enumerate(types)))

    @initialize(target=submitted, described=st.lists(described_tasks, min_size=1, max_size=16))
    def first_job(self, described: list[DescribedTask]) -> Job:
        """There is something to begin with."""
        return self.store(described, 50, JobStatus.QUEUED)

    @rule(
        target=submitted,
        described=st.lists(described_tasks, max_size=6),
        priority=st.sampled_from([10, 50, 90]),
        status=st.sampled_from([JobStatus.QUEUED, JobStatus.QUEUED, JobStatus.PAUSED]),
    )
    def submit(self, described: list[DescribedTask], priority: int, status: JobStatus) -> Job:
        """Somebody submits a job."""
        return self.store(described, priority, status)

    def store(self, described: list[DescribedTask], priority: int, status: JobStatus) -> Job:
        """A new job; the last task may be added first."""
        job = store_job(self.farm, authored_job(*authored(described), priority=priority), status)
        self.resting[job.id] = status
        return job

    @rule(job=submitted, status=st.one_of(st.just(JobStatus.REQUEUEING), st.sampled_from(sorted(JobStatus))))
    def steer(self, job: Job, status: JobStatus) -> None:
        """Somebody sends a job to a status."""
        before = job_now(self.farm, job)
        jobs.set_status(self.farm, job.id, status, "somebody wanted it")
        self.named = status
        after = job_now(self.farm, job)
        if before.status is status:
            assert after == before
        elif status in (JobStatus.CANCEL_REQUESTED, JobStatus.FAILED):
            assert not after.counts.of(*UNFINISHED_TASK)
        elif status is JobStatus.REQUEUEING and before.status is JobStatus.COMPLETED and before.counts.total:
            assert (after.status, after.counts.queued) == (JobStatus.QUEUED, before.counts.total)
        elif status is JobStatus.PAUSE_REQUESTED:
            assert not after.counts.of(*RUNNABLE_TASK)

    @rule(assigned=given, status=st.one_of(st.just(TaskStatus.QUEUED), st.sampled_from(PERSONS)))
    def steer_task(self, assigned: Assignment, status: TaskStatus) -> None:
        """Somebody decides what becomes of a task; what is queued will be run, unless its job is paused."""
        tasks.set_status(self.farm, assigned.task.id, status, "somebody wanted it")
        job = jobs.fetch(self.farm, assigned.task.job_id)
        if status is TaskStatus.QUEUED:
            assert job.status in SCHEDULABLE_JOB | PAUSING_JOB or job.counts.missed or job.counts.canceled
        self.named = job.status

    @rule(job=submitted, action=st.sampled_from(list(JobAction)), start=st.sampled_from(["now", "+5m", "+3h"]))
    def act(self, job: Job, action: JobAction, start: str) -> None:
        """Somebody has something done that makes sense, or is told why not; nothing of a refusal is left."""
        if action in (JobAction.DELETE, JobAction.ARCHIVE):
            return
        before, tasks_before = job_now(self.farm, job), self.tasks_of(job)
        arguments = Arguments(
            priority=50,
            start_after=start,
            time_limits={"min_run_time": "0s"},
            retries={"tries": 3},
            workers_allowed=(),
            note="n",
            frames="1",
            order="backward",
        )
        asked = Asked(action=action, ids=[job.id], arguments=arguments)
        outcome = carry_out(self.farm, ITSELF, Jobs(), asked)
        after = job_now(self.farm, job)
        if not outcome.done:
            assert (after, self.tasks_of(job)) == (before, tasks_before)
            return
        self.named = after.status
        if status := REQUEUES.get(action):
            assert not after.counts.of(status)
            kept = {task.id for task in tasks_before if task.status is TaskStatus.COMPLETED}
            assert kept <= {task.id for task in self.tasks_of(job) if task.status is TaskStatus.COMPLETED}
            assert after.status not in FINISHED_JOB or after.counts.missed or after.counts.canceled

    @rule(job=submitted, steps=st.integers(0, 2))
    def delete_and_undelete(self, job: Job, steps: int) -> None:
        """Somebody deletes a job and wants it back, soon or once it is put away: it is as it was, but for what ran."""
        before, tasks_before = job_now(self.farm, job), self.tasks_of(job)
        if before.status is JobStatus.UNDER_CONSTRUCTION:
            return  # it is none yet, and purged at once
        deletion.request(self.farm, job.id)
        for _ in range(steps):
            Deletions().tick(self.farm)
        with pytest.raises(NotFound):
            jobs.fetch(self.farm, job.id)
        trash.undelete(self.farm, job.id)
        let_go = {TaskStatus.ACTIVE: put_down(before.status)} if steps else {}
        statuses = [let_go.get(task.status, task.status) for task in tasks_before]
        assert [task.status for task in self.tasks_of(job)] == statuses
        after = job_now(self.farm, job)
        assert after.status is before.status or (before.status, after.status) == PAUSED_NOW
        if not before.counts.active:
            assert self.tasks_of(job) == tasks_before
            assert replace(after, updated=before.updated) == before

    @rule(assigned=given)
    def send_elsewhere(self, assigned: Assignment) -> None:
        """Somebody wants a task on another worker than its last; it waits for one then, and not for that one."""
        before = self.task_now(assigned.task.id)
        asked = Asked(action=TaskAction.REQUEUE_ELSEWHERE, ids=[before.id])
        outcome = carry_out(self.farm, ITSELF, Tasks(), asked)
        after = self.task_now(before.id)
        if not outcome.done:
            assert after == before
            return
        job = jobs.fetch(self.farm, after.job_id)
        assert after.status is TaskStatus.QUEUED or job.status not in SCHEDULABLE_JOB
        failed = self.rows(select(task_failures.c.worker_key).where(task_failures.c.task_key == after.key))
        assert failed == {(before.worker_key,)}
        self.named = job.status

    @rule(job=submitted, priority=st.integers(1, 100))
    def prioritise(self, job: Job, priority: int) -> None:
        """Somebody gives a job another priority."""
        jobs.set_priority(self.farm, job.id, priority)

    @rule(worker=team, status=st.sampled_from(STATES), lazy=st.booleans())
    def ask_worker(self, worker: Worker, status: WorkerStatus, lazy: bool) -> None:
        """Somebody asks a worker for another status."""
        if status is WorkerStatus.RESTART and not self.worker_now(worker).can_restart:
            with pytest.raises(Conflict):
                workers.request_status(self.farm, worker.id, status, lazy=lazy)
        else:
            workers.request_status(self.farm, worker.id, status, lazy=lazy)

    # -- workers --------------------------------------------------------------------------------------------------

    def claim(self, worker: Worker) -> Assignment | None:
        """A worker asks for a task, and gets the one that a look through everything says."""
        now = self.worker_now(worker)
        if now.status_requested is not None:
            assert claim.assign_next(self.farm, worker) is now.status_requested
            return None
        if now.status is not WorkerStatus.AWAKE:
            with pytest.raises(Conflict):
                claim.assign_next(self.farm, worker)
            return None
        own = [
            task.id
            for job in self.all_jobs()
            for task in self.tasks_of(job)
            if job.status in SCHEDULABLE_JOB and task.is_active_with(worker.key)
        ]
        expected = own or [task.id for _, task in self.candidates(now)[:1]]
        assigned = claim.assign_next(self.farm, worker)
        if assigned is None:
            assert not expected
            return None
        assert isinstance(assigned, Assignment)
        assert assigned.task.id in expected
        after = self.task_now(assigned.task.id)
        assert after.is_active_with(worker.key)
        assert after.last_touched == self.clock()
        assert jobs.fetch(self.farm, after.job_id).status is JobStatus.ACTIVE
        return assigned

    @rule(target=given, worker=team, is_obedient=st.booleans())
    def take_and_keep(self, worker: Worker, is_obedient: bool) -> object:
        """A worker takes a task, and is busy with it for now."""
        if is_obedient:
            self.wake(worker)
        assigned = self.claim(worker)
        return multiple(assigned) if assigned else multiple()

    @rule(
        target=given,
        worker=team,
        ends=st.lists(st.tuples(st.sampled_from(ENDS), st.sampled_from(SAYS)), min_size=1, max_size=5),
    )
    def work(self, worker: Worker, ends: list[tuple[TaskStatus, str]]) -> object:
        """A worker takes tasks and ends them, one after the other."""
        self.wake(worker)
        done = []
        for end, says in ends:
            if assigned := self.claim(worker):
                self.report_own(self.task_now(assigned.task.id), worker, TaskChange(status=end, log=says))
                self.check()
                done.append(assigned)
        return multiple(*done)

    @rule(target=given, worker=team)
    def work_through(self, worker: Worker) -> object:
        """A worker completes all that there is for it."""
        self.wake(worker)
        done = []
        while assigned := self.claim(worker):
            self.report_own(self.task_now(assigned.task.id), worker, TaskChange(status=TaskStatus.COMPLETED))
            done.append(assigned)
        return multiple(*done)

    def wake(self, worker: Worker) -> None:
        """Nothing keeps the worker from asking for tasks."""
        if self.worker_now(worker).sick:
            sickness.heal(self.farm, worker.id)
        workers.request_status(self.farm, worker.id, WorkerStatus.AWAKE, lazy=False)
        workers.state_changed(self.farm, worker, WorkerStatus.AWAKE)

    @rule(
        assigned=given,
        worker=st.one_of(st.none(), team),
        status=st.one_of(st.sampled_from([None, *ENDS]), st.sampled_from(REPORTED)),
        steps=st.one_of(st.none(), st.integers(0, 9)),
        activity=st.sampled_from([None, "busy"]),
    )
    def report(
        self,
        assigned: Assignment,
        worker: Worker | None,
        status: TaskStatus | None,
        steps: int | None,
        activity: str | None,
    ) -> None:
        """Anything is reported on a task that was given to somebody at some time, by whoever has it or by another."""
        before = self.task_now(assigned.task.id)
        speaker = worker or next(w for w in workers.list_all(self.farm) if w.key == before.worker_key)
        change = TaskChange(status=status, steps_completed=steps, activity=activity, log="said something")
        if before.worker_key == speaker.key:
            self.report_own(before, speaker, change)
            return
        with pytest.raises(Conflict if change.status in (None, *tasks.REPORTABLE) else Refused):
            tasks.update(self.farm, speaker, before.id, change)
        assert self.task_now(before.id) == before

    def report_own(self, before: TaskState, worker: Worker, change: TaskChange) -> None:
        """A worker reports on a task that it has or had; that is what happens while it is active, and else nothing."""
        job_before = jobs.fetch(self.farm, before.job_id)
        if change.status not in (None, *tasks.REPORTABLE):
            with pytest.raises(Refused):
                tasks.update(self.farm, worker, before.id, change)
            assert (self.task_now(before.id), jobs.fetch(self.farm, before.job_id)) == (before, job_before)
            return
        try:
            tasks.update(self.farm, worker, before.id, change)
            is_taken = True
        except Conflict:
            is_taken = False
        after = self.task_now(before.id)
        if before.status is not TaskStatus.ACTIVE and after.status is not TaskStatus.COMPLETED:
            assert (after, jobs.fetch(self.farm, before.job_id)) == (before, job_before)
            assert is_taken == (change.status is TaskStatus.FAILED and before.status in FAILED_SOMEHOW)
        if before.status is not TaskStatus.ACTIVE:
            assert after.status is before.status or (before.status, after.status) == TIMED_OUT_AND_DONE
            return
        assert after.last_touched == self.clock()
        if change.status is TaskStatus.COMPLETED:
            assert (after.status, after.steps_completed) == (TaskStatus.COMPLETED, after.steps_total)
            job = jobs.fetch(self.farm, after.job_id)
            assert (job.status is JobStatus.COMPLETED) == job.counts.is_done

    @rule(worker=team, assigned=given)
    def ask_whether_to_go_on(self, worker: Worker, assigned: Assignment) -> None:
        """A worker asks whether to go on with a task; only one can be told yes."""
        now, task = self.worker_now(worker), self.task_now(assigned.task.id)
        called_away = now.status_requested is not None and not now.lazy_request
        permission = tasks.may_run(self.farm, worker, task.id)
        assert permission.may_keep_running == (task.is_active_with(worker.key) and not called_away)
        assert permission.status_change_requested == called_away

    @rule(worker=team, status=st.one_of(st.none(), st.sampled_from(STATES)), can_restart=st.booleans())
    def come_and_go(self, worker: Worker, status: WorkerStatus | None, can_restart: bool) -> None:
        """A worker signs on, signs off or reports a state; one that leaves or stops working has no task left."""
        before = self.worker_now(worker)
        if status is WorkerStatus.STARTING:
            workers.sign_on(
                self.farm,
                worker,
                name="again",
                software="test",
                task_types=worker.task_types,
                can_restart=can_restart,
                address="::1",
            )
        elif status is None:
            workers.sign_off(self.farm, worker)
            assert workers.active_task_id(self.farm, worker) == ""
        else:
            workers.state_changed(self.farm, worker, status)
            if before.status is WorkerStatus.AWAKE is not status:
                assert workers.active_task_id(self.farm, worker) == ""

    # -- time, and the manager ------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 50, 70, 650]), restarts=st.booleans(), seen=st.lists(team, max_size=3))
    def time_passes(self, seconds: int, restarts: bool, seen: list[Worker]) -> None:
        """Time passes, some workers are heard of, the timeouts are looked at; perhaps the manager starts again."""
        self.clock.forward(seconds)
        if restarts:
            jobs.finish_transitions(self.farm)
        for worker in seen:
            workers.requested_status(self.farm, worker)
        timeouts.tick(self.farm)
        retrying.let_go(self.farm)
        upkeep.look_for_stranded(self.farm)
        for worker in workers.list_all(self.farm):
            silent = worker.last_seen is not None and (self.clock() - worker.last_seen).total_seconds() >= 60
            assert not silent or worker.status in CANNOT_TIME_OUT

    # -- what always holds ----------------------------------------------------------------------------------------

    @invariant()
    def check(self) -> None:
        """No counter is wrong, jobs come to rest and complete for a reason, and active tasks are with somebody."""
        with self.farm.store.read() as tx:
            assert recount.miscounted(tx) == []
        for job in self.all_jobs():
            before, self.resting[job.id] = self.resting[job.id], job.status
            assert job.status not in (JobStatus.CANCEL_REQUESTED, JobStatus.REQUEUEING) or self.is_left(job)
            if job.status is JobStatus.PAUSE_REQUESTED:
                assert job.counts.active or job.counts.queued
            if job.status is JobStatus.COMPLETED is not before and self.named is not JobStatus.COMPLETED:
                assert job.counts.is_done
            self.check_can_go_on(job)
            for task in self.tasks_of(job):
                assert task.status is not TaskStatus.ACTIVE or task.worker_key is not None
                assert 0 <= task.steps_completed <= task.steps_total
                self.check_attempts(task)
        self.named = None

    def check_attempts(self, task: Task) -> None:
        """They come one after the other; the last is open, and no other, just while somebody runs the task."""
        found = timeline.of_task(self.farm, task.id)
        assert [each.number for each in found] == list(range(1, task.attempts + 1))
        is_open = [each.ended is None for each in found]
        assert not any(is_open[:-1])
        assert any(is_open) == (task.status is TaskStatus.ACTIVE)
        for before, after in pairwise(found):
            assert before.ended is not None
            assert before.started <= before.ended <= after.started

    def is_left(self, job: Job) -> bool:
        """Whether a chore is to go on with the tasks of a job: of those that are moved at once, nothing is left."""
        assert not job.moves
        return False

    def check_can_go_on(self, job: Job) -> None:
        """A job that is open is being run, or could be, or has something that people paused."""
        if job.status not in SCHEDULABLE_JOB or not job.counts.total:
            return
        with self.farm.store.read() as tx:
            goes = job.counts.of(TaskStatus.ACTIVE, TaskStatus.PAUSED) or queues.has_runnable(tx, job.key)
            assert goes or retries.wait(tx, job.key)


class RandomFarmOfLargeJobs(RandomFarm):
    """The same where a job of three tasks is a large one, and only a chore goes on with what one leaves that ends."""

    def is_left(self, job: Job) -> bool:
        """Whether it is for the chore."""
        return bool(job.moves)

    @rule()
    def chore(self) -> None:
        """What is left is done, and no job stays between two statuses."""
        upkeep.finish_moves(self.farm)
        assert [job.id for job in self.all_jobs() if job.moves] == []
        self.check()


@pytest.mark.parametrize("at_once", [moves.AT_ONCE, IN_SLICES], ids=["at once", "in slices"])
def test_whatever_happens_the_books_balance(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    """No order of events makes a counter wrong, an error of ours, a task without its turn, or a job without an end."""
    monkeypatch.setattr(moves, "AT_ONCE", at_once)
    farm = RandomFarmOfLargeJobs if at_once == IN_SLICES else RandomFarm
    bounds = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    run_state_machine_as_test(farm, settings=bounds)
