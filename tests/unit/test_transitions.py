"""The state machine, row by row, and what must hold whatever happens."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.domain.model import TaskCounts
from flamenco.domain.moves import MassMove
from flamenco.domain.statuses import TRANSITIONAL_JOB, UNFINISHED_TASK, JobStatus, TaskStatus
from flamenco.domain.transitions import (
    JobMove,
    activity_of,
    after_task,
    enforce_again,
    may_be_over,
    move_job,
    over,
    reason_in,
    requeued,
    taken_up,
)

J = JobStatus
T = TaskStatus


@pytest.mark.parametrize(
    ("job", "counts", "new", "expected"),
    [
        # A task was queued again.
        (J.COMPLETED, TaskCounts(completed=4, queued=1), T.QUEUED, J.REQUEUEING),
        (J.FAILED, TaskCounts(failed=4, queued=1), T.QUEUED, None),
        (J.CANCELED, TaskCounts(canceled=4, queued=1), T.QUEUED, None),
        (J.PAUSED, TaskCounts(paused=4, queued=1), T.QUEUED, None),
        (J.ACTIVE, TaskCounts(active=4, queued=1), T.QUEUED, None),
        # A task was paused.
        (J.PAUSE_REQUESTED, TaskCounts(paused=2), T.PAUSED, J.PAUSED),
        (J.PAUSE_REQUESTED, TaskCounts(paused=2, active=1), T.PAUSED, None),
        (J.ACTIVE, TaskCounts(paused=2), T.PAUSED, None),
        # A task was canceled.
        (J.CANCEL_REQUESTED, TaskCounts(canceled=2, completed=1), T.CANCELED, J.CANCELED),
        (J.ACTIVE, TaskCounts(canceled=2), T.CANCELED, J.CANCELED),
        (J.ACTIVE, TaskCounts(canceled=2, queued=1), T.CANCELED, None),
        (J.ACTIVE, TaskCounts(canceled=2, soft_failed=1), T.CANCELED, None),
        (J.PAUSE_REQUESTED, TaskCounts(canceled=1, queued=1), T.CANCELED, J.PAUSED),
        # A task failed for good: 10 percent, truncated.
        (J.ACTIVE, TaskCounts(failed=1, queued=9), T.FAILED, J.FAILED),
        (J.ACTIVE, TaskCounts(failed=1, queued=10), T.FAILED, None),
        (J.QUEUED, TaskCounts(failed=1, queued=10), T.FAILED, J.ACTIVE),
        (J.ACTIVE, TaskCounts(failed=2, queued=18), T.FAILED, J.FAILED),
        (J.PAUSE_REQUESTED, TaskCounts(failed=1, paused=10), T.FAILED, J.PAUSED),
        (J.PAUSE_REQUESTED, TaskCounts(failed=1, paused=9, active=1), T.FAILED, None),
        # A task became active, or failed softly.
        (J.ACTIVE, TaskCounts(active=1), T.ACTIVE, None),
        (J.CANCEL_REQUESTED, TaskCounts(active=1), T.ACTIVE, None),
        *((job, TaskCounts(active=1), T.ACTIVE, J.ACTIVE) for job in (J.QUEUED, J.PAUSED, J.COMPLETED, J.FAILED)),
        (J.PAUSE_REQUESTED, TaskCounts(soft_failed=1), T.SOFT_FAILED, J.PAUSED),
        (J.PAUSE_REQUESTED, TaskCounts(soft_failed=1, active=1), T.SOFT_FAILED, None),
        *((job, TaskCounts(soft_failed=1), T.SOFT_FAILED, None) for job in (J.PAUSED, J.CANCELED, J.COMPLETED)),
        (J.QUEUED, TaskCounts(soft_failed=1), T.SOFT_FAILED, J.ACTIVE),
        (J.ACTIVE, TaskCounts(soft_failed=1), T.SOFT_FAILED, None),
        # A task was completed.
        (J.ACTIVE, TaskCounts(completed=3), T.COMPLETED, J.COMPLETED),
        (J.PAUSE_REQUESTED, TaskCounts(completed=3), T.COMPLETED, J.COMPLETED),
        (J.ACTIVE, TaskCounts(completed=3, failed=1), T.COMPLETED, None),
        (J.PAUSE_REQUESTED, TaskCounts(completed=3, paused=1), T.COMPLETED, J.PAUSED),
        (J.QUEUED, TaskCounts(completed=3, queued=1), T.COMPLETED, J.ACTIVE),
        (J.ACTIVE, TaskCounts(completed=3, queued=1), T.COMPLETED, None),
        # A task that the job can do without failed, or was the last that was missing.
        (J.ACTIVE, TaskCounts(completed=3, failed=1, failed_optional=1), T.FAILED, J.COMPLETED),
        (J.ACTIVE, TaskCounts(completed=3, failed=1, failed_optional=1), T.COMPLETED, J.COMPLETED),
        (J.ACTIVE, TaskCounts(completed=2, queued=1, failed=1, failed_optional=1), T.FAILED, None),
        (J.ACTIVE, TaskCounts(completed=2, failed=2, failed_optional=1), T.FAILED, J.FAILED),
    ],
)
def test_what_a_task_does_to_its_job(job: J, counts: TaskCounts, new: T, expected: J | None) -> None:
    """Every row of the ripple table leads the job where the table says."""
    ripple = after_task(job, counts, new)
    assert (ripple[0] if ripple else None) is expected


def test_a_failed_task_of_a_completed_job_is_tried_again_alone() -> None:
    """Queuing the one optional task that failed does not render all the others anew."""
    counts = TaskCounts(completed=3, queued=1)
    assert after_task(J.COMPLETED, counts, T.QUEUED, T.FAILED) == (J.QUEUED, "task was queued")
    assert after_task(J.COMPLETED, counts, T.QUEUED, T.COMPLETED) == (J.REQUEUEING, "task was queued")


def test_optional_failures_are_counted_apart() -> None:
    """They move with their task, and are gone when everything that failed is queued again."""
    counts = TaskCounts(active=2).moved_one(T.ACTIVE, T.FAILED, optional=True).moved_one(T.ACTIVE, T.FAILED)
    assert (counts.failed, counts.failed_optional, counts.missed, counts.is_done) == (2, 1, 1, False)
    assert counts.moved_one(T.FAILED, T.QUEUED, optional=True).failed_optional == 0
    assert counts.moved({T.FAILED}, T.QUEUED) == TaskCounts(queued=2)


@pytest.mark.parametrize(
    ("job", "counts", "may_be", "end"),
    [
        (J.ACTIVE, TaskCounts(completed=9, failed=1), True, J.FAILED),
        (J.ACTIVE, TaskCounts(completed=9, failed=1, queued=2), True, J.FAILED),
        (J.ACTIVE, TaskCounts(completed=9, canceled=1, queued=2), True, J.CANCEL_REQUESTED),
        (J.ACTIVE, TaskCounts(completed=9, canceled=1, failed=1), True, J.FAILED),
        (J.QUEUED, TaskCounts(completed=9, failed=1, failed_optional=1, queued=1), True, J.FAILED),
        (J.QUEUED, TaskCounts(completed=9, failed=1, failed_optional=1), True, J.COMPLETED),
        (J.ACTIVE, TaskCounts(completed=9, failed=1, active=1), False, J.FAILED),
        (J.ACTIVE, TaskCounts(completed=9, failed=1, paused=1), False, J.FAILED),
        (J.PAUSED, TaskCounts(completed=9, failed=1), False, J.FAILED),
    ],
)
def test_how_a_job_ends_that_cannot_go_on(job: J, counts: TaskCounts, may_be: bool, end: J) -> None:
    """It fails with what it needs, is canceled with what people canceled, and waits for what is paused."""
    assert (may_be_over(job, counts), over(counts)) == (may_be, end)


@pytest.mark.parametrize(
    ("job", "statuses", "moved"),
    [
        (J.FAILED, [J.QUEUED], {T.CANCELED}),
        (J.CANCELED, [J.QUEUED], set()),
        (J.UNDER_CONSTRUCTION, [J.QUEUED], set()),
        (J.PAUSED, [], set()),
    ],
)
def test_a_queued_task_takes_its_job_up_again(job: J, statuses: list[J], moved: set[T]) -> None:
    """After a failure with all that the failure took down, after a cancellation alone; a pause stays one."""
    effects = taken_up(job, "again")
    assert [effect.new for effect in effects if isinstance(effect, JobMove)] == statuses
    assert {source for effect in effects if isinstance(effect, MassMove) for source in effect.sources} == moved


@pytest.mark.parametrize(
    ("job", "tasks", "moves"),
    [
        (J.FAILED, T.FAILED, [({T.FAILED, T.CANCELED, T.PAUSED}, T.QUEUED)]),
        (J.CANCELED, T.CANCELED, [({T.CANCELED}, T.QUEUED), ({T.PAUSED}, T.CANCELED)]),
        (J.CANCELED, T.PAUSED, [({T.PAUSED}, T.QUEUED), ({T.PAUSED}, T.CANCELED)]),
        (J.UNDER_CONSTRUCTION, T.FAILED, [({T.FAILED, T.PAUSED}, T.QUEUED)]),
        (J.PAUSED, T.FAILED, [({T.FAILED}, T.QUEUED)]),
    ],
)
def test_what_was_paused_when_its_job_ended(job: J, tasks: T, moves: Sequence[tuple[AbstractSet[T], T]]) -> None:
    """Goes the way of all that its job took down once that goes on: nobody could resume it any more."""
    effects = requeued(job, tasks, "again", paused=1)
    assert [(each.sources, each.to) for each in effects if isinstance(each, MassMove)] == moves


@pytest.mark.parametrize(
    ("job", "moves"),
    [
        (J.FAILED, [({T.CANCELED, T.PAUSED}, T.QUEUED)]),
        (J.CANCELED, [({T.PAUSED}, T.CANCELED)]),
        (J.UNDER_CONSTRUCTION, [({T.PAUSED}, T.QUEUED)]),
        (J.PAUSED, []),
    ],
)
def test_what_was_paused_does_not_keep_a_queued_task_waiting(job: J, moves: Sequence[tuple[AbstractSet[T], T]]) -> None:
    """Nor the job from ending with it."""
    effects = taken_up(job, "again", paused=1)
    assert [(each.sources, each.to) for each in effects if isinstance(each, MassMove)] == moves


@pytest.mark.parametrize("job", JobStatus)
@pytest.mark.parametrize("tasks", [T.FAILED, T.CANCELED])
def test_some_tasks_of_a_job_are_queued_again(job: JobStatus, tasks: TaskStatus) -> None:
    """They alone, but after a failure of the job, with what that took down; one that has ended goes on."""
    *moves, last = requeued(job, tasks, "again")
    assert isinstance(last, MassMove)
    assert set(last.sources) == ({tasks, T.CANCELED} if job is J.FAILED else {tasks})
    assert last.to is T.QUEUED
    ended = job in (J.COMPLETED, J.FAILED, J.CANCELED, J.UNDER_CONSTRUCTION)
    assert [(move.old, move.new) for move in moves if isinstance(move, JobMove)] == [(job, J.QUEUED)] * ended
    assert len(moves) == ended


@pytest.mark.parametrize("asked", [J.CANCEL_REQUESTED, J.PAUSE_REQUESTED, J.REQUEUEING])
def test_what_people_said_stays_until_the_job_rests(asked: J) -> None:
    """The last thing that is read of the job is why somebody wanted it so, not how the manager went about it."""
    moves = move_job(J.QUEUED, TaskCounts(queued=2), asked, "wrong camera")
    last = [move for move in moves if isinstance(move, JobMove)][-1]
    assert activity_of(last) == f'Changed to status "{last.new}": wrong camera'
    assert reason_in(activity_of(last), last.new) == "wrong camera"
    assert reason_in("something else", last.new) == ""


ALL_KINDS = TaskCounts(active=1, canceled=1, completed=1, failed=1, paused=1, queued=1, soft_failed=1)


@pytest.mark.parametrize(
    ("old", "counts", "new", "statuses", "moved"),
    [
        (J.ACTIVE, ALL_KINDS, J.COMPLETED, [J.COMPLETED], []),
        (J.ACTIVE, ALL_KINDS, J.CANCELED, [J.CANCELED], []),
        (J.QUEUED, ALL_KINDS, J.ACTIVE, [J.ACTIVE], []),
        (J.ACTIVE, ALL_KINDS, J.CANCEL_REQUESTED, [J.CANCEL_REQUESTED, J.CANCELED], [(UNFINISHED_TASK, T.CANCELED)]),
        (J.ACTIVE, ALL_KINDS, J.FAILED, [J.FAILED], [(UNFINISHED_TASK, T.CANCELED)]),
        (J.ACTIVE, ALL_KINDS, J.PAUSE_REQUESTED, [J.PAUSE_REQUESTED], [({T.QUEUED, T.SOFT_FAILED}, T.PAUSED)]),
        (
            J.ACTIVE,
            TaskCounts(queued=1),
            J.PAUSE_REQUESTED,
            [J.PAUSE_REQUESTED, J.PAUSED],
            [({T.QUEUED, T.SOFT_FAILED}, T.PAUSED)],
        ),
        (
            J.FAILED,
            ALL_KINDS,
            J.REQUEUEING,
            [J.REQUEUEING, J.QUEUED],
            [({T.CANCELED, T.FAILED, T.PAUSED, T.SOFT_FAILED}, T.QUEUED)],
        ),
        (
            J.COMPLETED,
            TaskCounts(completed=2),
            J.REQUEUEING,
            [J.REQUEUEING, J.QUEUED],
            [(set(T) - {T.QUEUED}, T.QUEUED)],
        ),
        (J.UNDER_CONSTRUCTION, ALL_KINDS, J.REQUEUEING, [J.REQUEUEING, J.QUEUED], []),
        (J.PAUSED, TaskCounts(completed=3), J.QUEUED, [J.QUEUED, J.COMPLETED], [({T.PAUSED}, T.QUEUED)]),
        (J.PAUSED, TaskCounts(), J.QUEUED, [J.QUEUED, J.COMPLETED], [({T.PAUSED}, T.QUEUED)]),
        (J.PAUSED, TaskCounts(completed=3), J.ACTIVE, [J.ACTIVE, J.COMPLETED], [({T.PAUSED}, T.QUEUED)]),
        (J.PAUSED, ALL_KINDS, J.QUEUED, [J.QUEUED], [({T.PAUSED}, T.QUEUED)]),
        (J.PAUSE_REQUESTED, ALL_KINDS, J.ACTIVE, [J.ACTIVE], [({T.PAUSED}, T.QUEUED)]),
        (J.FAILED, TaskCounts(completed=3), J.QUEUED, [J.QUEUED, J.COMPLETED], []),
        (J.CANCELED, TaskCounts(canceled=3), J.QUEUED, [J.QUEUED], []),
        (J.CANCELED, ALL_KINDS, J.QUEUED, [J.QUEUED], [({T.PAUSED}, T.QUEUED)]),
        (J.FAILED, ALL_KINDS, J.ACTIVE, [J.ACTIVE], [({T.PAUSED}, T.QUEUED)]),
        (J.UNDER_CONSTRUCTION, ALL_KINDS, J.QUEUED, [J.QUEUED], [({T.PAUSED}, T.QUEUED)]),
        (J.ACTIVE, ALL_KINDS, J.ACTIVE, [], []),
    ],
)
def test_what_a_job_does_to_its_tasks(
    old: J, counts: TaskCounts, new: J, statuses: Sequence[J], moved: Sequence[tuple[AbstractSet[T], T]]
) -> None:
    """Every row of the job table: the statuses the job passes through, and which tasks go where."""
    effects = move_job(old, counts, new, "reason")
    assert [effect.new for effect in effects if isinstance(effect, JobMove)] == statuses
    assert [(effect.sources, effect.to) for effect in effects if isinstance(effect, MassMove)] == moved


def test_the_reason_is_kept_and_the_old_status_named() -> None:
    """The activity of tasks and jobs says who did it and why."""
    effects = move_job(J.ACTIVE, ALL_KINDS, J.CANCEL_REQUESTED, "nobody wants it")
    assert isinstance(effects[0], JobMove)
    assert isinstance(effects[1], MassMove)
    assert (effects[0].old, effects[0].reason) == (J.ACTIVE, "nobody wants it")
    assert '"cancel-requested"' in effects[1].activity


@pytest.mark.parametrize(
    ("status", "counts", "ends_in"),
    [
        (J.CANCEL_REQUESTED, ALL_KINDS, J.CANCELED),
        (J.REQUEUEING, ALL_KINDS, J.QUEUED),
        (J.REQUEUEING, TaskCounts(completed=3), J.COMPLETED),
        (J.PAUSE_REQUESTED, TaskCounts(queued=3), J.PAUSED),
    ],
)
def test_a_job_found_between_two_statuses_is_sent_on(status: J, counts: TaskCounts, ends_in: J) -> None:
    """What a crash interrupted is carried to its end at the next start."""
    moves = [effect for effect in enforce_again(status, counts) if isinstance(effect, JobMove)]
    assert moves[-1].new is ends_in


def test_a_pausing_job_with_an_active_task_goes_on_waiting() -> None:
    """A job that is pausing is not paused before its last active task ended."""
    effects = enforce_again(J.PAUSE_REQUESTED, TaskCounts(active=1, queued=2))
    assert not [effect for effect in effects if isinstance(effect, JobMove)]


counts_of_tasks = st.builds(TaskCounts, *[st.integers(0, 5)] * 7)


@given(st.sampled_from(J), counts_of_tasks, st.sampled_from(J))
def test_a_job_never_stays_between_two_statuses_without_cause(old: J, counts: TaskCounts, new: J) -> None:
    """Whatever is asked of a job, it comes to rest, loses no task, and only waits for active tasks to pause."""
    effects = move_job(old, counts, new, "reason")
    total = counts.total
    for effect in effects:
        if isinstance(effect, MassMove):
            counts = counts.moved(effect.sources, effect.to)
    moves = [effect for effect in effects if isinstance(effect, JobMove)]
    assert counts.total == total
    if moves and moves[-1].new in TRANSITIONAL_JOB:
        assert moves[-1].new is J.PAUSE_REQUESTED
        assert counts.active


@given(st.sampled_from(J), counts_of_tasks, st.sampled_from(T), st.sampled_from(T))
def test_a_task_leads_its_job_to_rest(job: J, counts: TaskCounts, old: T, new: T) -> None:
    """Whatever happens to one task, the cascade that follows ends."""
    counts = counts.moved_one(old, new) if counts.of(old) else TaskCounts().moved((), new)
    if not counts.total:
        return
    ripple = after_task(job, counts, new)
    if ripple:
        assert len(move_job(job, counts, *ripple)) < len(J)
