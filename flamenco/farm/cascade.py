"""Carrying out what the state machine decides, for one job within one transaction.

A `Cascade` holds the locked job. Changes are made to it and to its tasks; the job's row, with all its
counters, and the events are written once, at the end. Log lines are kept until the transaction has
succeeded: they go to files, which cannot be rolled back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final, TypeVar

import structlog
from msgspec.structs import replace

from flamenco.domain import transitions
from flamenco.domain.attempts import over, seconds_between
from flamenco.domain.events import Event, job_event, task_event, task_log_event
from flamenco.domain.failures import cause, what_is_missing
from flamenco.domain.model import JobState, TaskState, TaskWorker, Worker
from flamenco.domain.moves import MassMove
from flamenco.domain.previews import PENDING
from flamenco.domain.statuses import FINISHED_TASK, RUNNABLE_TASK, SCHEDULABLE_JOB, JobStatus, TaskStatus
from flamenco.domain.transitions import Effect, JobMove
from flamenco.domain.visible import visible
from flamenco.farm import preview_states
from flamenco.farm.context import Farm
from flamenco.files.logs import stamped
from flamenco.store import attempts, events, job_news, job_waits, jobs, listing, moves, retries, tasks, unmet
from flamenco.store.engine import Tx
from flamenco.store.job_news import What
from flamenco.store.job_waits import Followed
from flamenco.store.scheduling import limits, queues

NAMED = 5
"""So many tasks are named where a job says what became of it."""


_ENDS: Final = {
    JobStatus.COMPLETED: "a job is completed",
    JobStatus.FAILED: "a job failed",
    JobStatus.CANCELED: "a job was canceled",
}
"""What is said on the console, by how a job ends."""

log = structlog.get_logger(__name__)


T = TypeVar("T", bound=TaskState)


class Cascade:
    """All that one transaction does to one job. Call `save` at the end, `write_logs` after the commit."""

    def __init__(
        self,
        tx: Tx,
        job: JobState,
        now: datetime,
        alone: Collection[int] = (),
        fail_percent: int = transitions.FAILED_TASKS_FAIL_JOB_PERCENT,
    ) -> None:
        """`alone`: the row numbers of tasks that are known to be waited for by no other.

        `fail_percent` of its tasks fail the job, unless that is said of the job itself.
        """
        self._fail_percent = fail_percent
        self.job = job
        self._alone = alone
        self.now = now
        self._tx = tx
        self._loaded = job
        self._events: list[Event] = []
        self._log_lines: list[tuple[str, str]] = []
        self._moves_many = False
        self._ended = 0
        """The row number of the task that was changed last, where that is over."""

    @classmethod
    def of_task(
        cls, tx: Tx, task_id: str, now: datetime, fail_percent: int = transitions.FAILED_TASKS_FAIL_JOB_PERCENT
    ) -> tuple[Cascade, TaskState]:
        """Lock a task and its job. Raises `NotFound`."""
        job, task = tasks.lock(tx, task_id)
        return cls(tx, job, now, fail_percent=fail_percent), task

    @property
    def fail_percent(self) -> int:
        """How many of a hundred tasks have to fail until the job does."""
        return self._fail_percent if self.job.fail_percent is None else self.job.fail_percent

    def publish(self, event: Event) -> None:
        """Tell of something else that happens with all this."""
        self._events.append(event)

    def log(self, task: TaskState, line: str) -> None:
        """Say something in the task's log, once all this has happened."""
        line = stamped(visible(line), self.now)
        self._log_lines.append((task.id, line))
        self._events.append(task_log_event(task.id, line))

    def set_task(
        self,
        task: T,
        new: TaskStatus,
        activity: str | None = None,
        worker: Worker | None = None,
        *,
        is_lost: bool = False,
        log_begins: int = 0,
    ) -> T:
        """Send a task to another status, and the job and its other tasks wherever that leads them.

        `worker` becomes the one the task is with. Of an attempt that ends, `is_lost` says that nothing is heard of it
        any more; of one that begins, `log_begins` says how much was logged before. Returns the task as it is then.
        """
        changed = self._changed(task, new, activity, worker)
        if changed.status is TaskStatus.ACTIVE is not task.status:
            changed = replace(changed, log_begins=log_begins)
        self._store_task(task, changed, is_lost=is_lost)
        self._events.append(task_event(changed, task.status, worker or self._worker_of(changed)))
        if new is not task.status:
            self.log(task, f"task changed status {task.status} -> {new}")
        follow_up = transitions.after_task(self.job.status, self.job.counts_to_be, new, task.status, self.fail_percent)
        if follow_up and not (self.job.moves and follow_up[0] is JobStatus.PAUSED):  # which it is once all are moved
            status, reason = follow_up
            self.set_job(status, self._in_full(status, reason, changed))
        elif new is TaskStatus.FAILED and task.optional:
            self.note(f"Optional task failed: {cause(task.name, changed.activity)}")
        return changed

    def _in_full(self, status: JobStatus, reason: str, task: TaskState) -> str:
        """Why the job goes to `status` because of `task`: with what failed, or with what a person said."""
        if status is JobStatus.FAILED:
            return f"{reason}: {cause(task.name, task.activity)}"
        if status is JobStatus.COMPLETED and self.job.counts.failed_optional:
            return f"{reason}, but optional ones failed: {'; '.join(self.causes())}"
        if status is JobStatus.PAUSED:
            return transitions.reason_in(self.job.activity, JobStatus.PAUSE_REQUESTED) or reason
        return reason

    def causes(self) -> list[str]:
        """Why tasks of the job failed, of the first few."""
        return [cause(task.name, task.activity) for task in self._tasks_in([TaskStatus.FAILED])]

    def note(self, activity: str) -> None:
        """Tell something of the job, which stays in its status."""
        if activity != self.job.activity:
            self.job = replace(self.job, activity=activity, updated=self.now)
            self._events.append(job_event(self.job))

    def _worker_of(self, task: TaskState) -> TaskWorker | None:
        """Who has the task, or had it last; nobody once that worker was deleted."""
        found = listing.task_worker(self._tx, task.worker_key)
        return found if found and (found.name or found.address) else None

    def _changed(self, task: T, new: TaskStatus, activity: str | None, worker: Worker | None) -> T:
        begins = new is TaskStatus.ACTIVE is not task.status
        # It was given up while its worker, who has it done now, could not say that it was at it still.
        is_late = worker is not None and task.status is TaskStatus.FAILED and new is TaskStatus.COMPLETED
        steps = {TaskStatus.COMPLETED: task.steps_total, TaskStatus.QUEUED: 0}.get(new, task.steps_completed)
        return replace(
            task,
            status=new,
            activity=task.activity if activity is None else activity,
            updated=self.now,
            worker_key=worker.key if worker else task.worker_key,
            # One that a person calls active, and that nobody has, is to time out as well.
            last_touched=self.now if worker or begins else task.last_touched,
            activated=self.now if begins else task.activated,
            steps_completed=steps if new is not task.status else task.steps_completed,
            attempts=task.attempts + (begins or is_late),
        )

    def _store_task(self, task: T, changed: T, *, is_lost: bool) -> None:
        new = changed.status
        tasks.save(self._tx, task, changed)
        self._ended = task.key if new in FINISHED_TASK else 0
        self._note_run(task, changed, is_lost=is_lost)
        self._count_steps(changed.steps_completed - task.steps_completed)
        self.job = replace(self.job, counts=self.job.counts.moved_one(task.status, new, optional=task.optional))
        self._count_runnable(task, new)
        if self.job.waited_for == Followed.FRAMES and (new in FINISHED_TASK or task.status in FINISHED_TASK):
            job_news.add_task(self._tx, task.key)
        is_completed_or_again_not = TaskStatus.COMPLETED in (task.status, new) and new is not task.status
        if is_completed_or_again_not and task.key not in self._alone:
            self._tell_dependents(task, new)

    def _tell_dependents(self, task: TaskState, new: TaskStatus) -> None:
        """Tell those that wait for a task; of very many the rest is counted anew, some in each transaction.

        They wait a moment longer, then, which does no harm. Those that are to wait again are all told at once.
        """
        is_done = new is TaskStatus.COMPLETED
        told = tasks.let_go(self._tx, task.key, moves.FREED_AT_ONCE) if is_done else tasks.hold(self._tx, task.key)
        for queue_key, became_runnable in told.runnable.items():
            queues.add_runnable(self._tx, queue_key, became_runnable)
        if is_done and told.number == moves.FREED_AT_ONCE and not any(move.counts_all for move in self.job.moves):
            reason = transitions.reason_in(self.job.activity, self.job.status) or f'task "{task.name}" is completed'
            self.job = moves.begin_recount(self._tx, self.job, reason)

    def _note_run(self, task: TaskState, changed: TaskState, *, is_lost: bool) -> None:
        """An attempt begins or ends: note when, and for how long."""
        is_new = changed.attempts > task.attempts
        if changed.status is TaskStatus.ACTIVE:
            if is_new:
                self.job = replace(self.job, last_assigned=self.now)
            return
        if task.status is TaskStatus.ACTIVE or is_new:
            attempts.end(self._tx, over(task, changed, self.now, is_lost=is_lost))
        if task.status is not TaskStatus.ACTIVE:
            return
        seconds = self._book([task])
        if changed.status is TaskStatus.COMPLETED:
            self.job = replace(
                self.job,
                completed_runs=self.job.completed_runs + 1,
                completed_seconds=self.job.completed_seconds + seconds,
            )

    def _book(self, run: Iterable[TaskState]) -> float:
        """Add the time for which tasks were run to what the job has used. Returns it, in seconds."""
        seconds = sum(seconds_between(task.activated, self.now) for task in run if task.activated)
        self.job = replace(self.job, used_seconds=self.job.used_seconds + seconds)
        return seconds

    def _count_runnable(self, task: TaskState, new: TaskStatus) -> None:
        more = (new in RUNNABLE_TASK) - (task.status in RUNNABLE_TASK)
        if more and not task.unmet:
            queues.add_runnable(self._tx, task.queue_key, more)

    def set_progress(self, task: T, activity: str | None, steps_completed: int | None, worker: Worker) -> T:
        """Note what a task is about and how far it is, and that `worker`, who has it, was heard of.

        More steps than the task has count as all of them; None leaves a thing as it is.
        """
        done = task.steps_completed if steps_completed is None else max(0, min(steps_completed, task.steps_total))
        changed = replace(
            task,
            activity=task.activity if activity is None else activity,
            steps_completed=done,
            last_touched=self.now,
            updated=self.now,
        )
        tasks.save(self._tx, task, changed)
        if done != task.steps_completed:
            self._count_steps(done - task.steps_completed)
            self._events += [job_event(self.job), task_event(changed, worker=worker)]
        return changed

    def _count_steps(self, more: int) -> None:
        if more:
            self.job = replace(self.job, steps_completed=self.job.steps_completed + more)

    def set_job(self, new: JobStatus, reason: str) -> None:
        """Send the job to another status, with all that follows."""
        self._carry_out(transitions.move_job(self.job.status, self.job.counts_to_be, new, reason), reason)

    def enforce_again(self) -> None:
        """Send a job that got stuck between two statuses on its way again."""
        reason = transitions.reason_in(self.job.activity, self.job.status) or "the manager was restarted"
        self._carry_out(transitions.enforce_again(self.job.status, self.job.counts, reason), reason)

    def take_up(self, reason: str) -> None:
        """Have a job that has ended go on: a person has queued one of its tasks."""
        self._carry_out(transitions.taken_up(self.job.status, reason, self.job.counts_to_be.paused), reason)

    def reopen(self, reason: str) -> None:
        """Have a completed job go on with what is queued now, and with nothing else."""
        self._carry_out(transitions.reopened(self.job.status, reason), reason)

    def requeue(self, tasks: TaskStatus, reason: str) -> None:
        """Queue all tasks that are in one status, and have a job that has ended go on with them."""
        self._carry_out(transitions.requeued(self.job.status, tasks, reason, self.job.counts_to_be.paused), reason)
        self.job = replace(self.job, updated=self.now)
        self._events.append(job_event(self.job, refresh_tasks=True))

    def go_on(self, most: int) -> None:
        """Move some of the tasks that are still to be moved; and the job, when those were the last."""
        reason = self.job.moves[-1].reason
        self.job = moves.move_some(self._tx, self.job, self.now, most)
        self._moves_many = True
        if not self.job.moves:
            follow_up = transitions.go_on(self.job.status, self.job.counts, reason)
            self._carry_out(follow_up, reason)
            self._events.append(job_event(self.job, refresh_tasks=True))  # there are more in their places now

    def _carry_out(self, effects: list[Effect], reason: str) -> None:
        """Let `effects` happen, in their order.

        Where a move takes several transactions, those that follow are begun with it; what then becomes of the job is
        seen once all are done.
        """
        begun = False
        for effect in effects:
            match effect:
                case JobMove():
                    if begun:
                        return
                    activity = self._wait_for(effect.new) or transitions.activity_of(effect)
                    self.job = replace(self.job, status=effect.new, activity=activity, updated=self.now)
                    self._events.append(job_event(self.job, effect.old, refresh_tasks=effect.refresh_tasks))
                case MassMove():
                    self._move_tasks(effect, reason)
                    begun = bool(self.job.moves)

    def _wait_for(self, new: JobStatus) -> str:
        """What a job that is queued waits for; empty where it does not wait."""
        if new not in SCHEDULABLE_JOB:
            return ""
        if self.job.waiting_for:
            return job_waits.summary_of(self._tx, self.job.key)
        return preview_states.text_of(self._tx, self.job)

    def _move_tasks(self, move: MassMove, reason: str) -> None:
        """Move tasks, or at least those that are being run: what workers say of them counts no more from now on."""
        self._moves_many = True
        if TaskStatus.ACTIVE in move.sources:
            self.end_active(move)
        is_small = self.job.counts.total <= moves.AT_ONCE and not self.job.moves
        self.job = moves.begin(self._tx, self.job, move, reason)
        while is_small and self.job.moves:
            self.job = moves.move_some(self._tx, self.job, self.now, moves.AT_ONCE)

    def let_go(self, activity: str, preview: str) -> None:
        """Its `preview` is that now, as is stored already: count anew what its tasks wait for."""
        self.job = replace(self.job, preview=preview, activity=activity, updated=self.now)
        self._events.append(job_event(self.job, refresh_tasks=True))
        self.job = moves.begin_recount(self._tx, self.job, activity)
        while self.job.counts.total <= moves.AT_ONCE and self.job.moves:
            self.job = moves.move_some(self._tx, self.job, self.now, moves.AT_ONCE)

    def end_active(self, move: MassMove) -> None:
        """Move the tasks that are being run; nothing follows from it for the job."""
        if self.job.counts.active:
            run = attempts.active_of_job(self._tx, self.job.key)
            self._book(run)
            ended = (replace(task, status=move.to, activity=move.activity) for task in run)
            attempts.end_each(self._tx, [over(*pair, self.now) for pair in zip(run, ended, strict=True)])
            limits.release_active_of(self._tx, self.job.key)
            self.job = moves.move_active(self._tx, self.job, move, self.now)

    def _end_if_over(self) -> None:
        """End the job when none of its tasks is being run or ever could be."""
        if self.job.moves or self.job.delete_requested or not transitions.may_be_over(self.job.status, self.job.counts):
            return
        if self.job.counts.of(*RUNNABLE_TASK) and (
            queues.has_runnable(self._tx, self.job.key)
            or unmet.waits_by_frames(self._tx, self.job.key)
            or retries.wait(self._tx, self.job.key)
        ):
            return
        if preview_states.holds(self._tx, self.job):
            return
        if not self.job.counts.missed and not self.job.counts.canceled:
            # What is left waits for tasks that the job can do without; so may some of it be.
            for task in self._tasks_in(RUNNABLE_TASK, most=self.job.counts.of(*RUNNABLE_TASK)):
                if task.optional:
                    self.set_task(task, TaskStatus.FAILED, "An optional task that it waits for failed.")
        counts = self.job.counts
        if transitions.may_be_over(self.job.status, counts):
            canceled = [task.name for task in self._tasks_in([TaskStatus.CANCELED])]
            waiting = [task.name for task in self._tasks_in(RUNNABLE_TASK)]
            self.set_job(transitions.over(counts), what_is_missing(counts, self.causes(), canceled, waiting))

    def _tasks_in(self, statuses: Iterable[TaskStatus], most: int = NAMED) -> list[TaskState]:
        return tasks.in_statuses(self._tx, self.job.key, statuses, most)

    def save(self) -> None:
        """Write the job and the events. Nothing may be changed afterwards."""
        if self.job.preview in PENDING and (
            self._moves_many or self._finished(self.job) != self._finished(self._loaded)
        ):
            self.job, told = preview_states.follow(self._tx, self.job, self.now, self._ended)
            self._events += told
        self._end_if_over()
        if self.job.waited_for:
            self._note_for_followers()
        if self.job != self._loaded:
            jobs.save(self._tx, self._loaded, self.job)
            if self.job.is_open != self._loaded.is_open:
                queues.offer(self._tx, self.job)
        events.append(self._tx, self._events, self.now)

    @staticmethod
    def _finished(job: JobState) -> int:
        return job.counts.of(*FINISHED_TASK)

    def _note_for_followers(self) -> None:
        """Other jobs wait for this one: have them told, once all this has happened."""
        if self._moves_many and self.job.waited_for == Followed.FRAMES:
            job_news.add(self._tx, self.job.key, What.TASKS)
        if self.job.status is not self._loaded.status:
            job_news.add(self._tx, self.job.key, What.STATUS)

    def write_logs(self, farm: Farm) -> None:
        """Say in the task logs what happened, and on the console how the job ended. Only after the transaction."""
        if self.job.status is not self._loaded.status and (end := _ENDS.get(self.job.status)):
            log.info(end, name=self.job.name, job=self.job.id, activity=self.job.activity)
        by_task: dict[str, list[str]] = {}
        for task_id, line in self._log_lines:
            by_task.setdefault(task_id, []).append(line)
        for task_id, lines in by_task.items():
            farm.logs.note(self.job.id, task_id, "\n".join(lines))
