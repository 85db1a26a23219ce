"""The rules by which jobs wait for jobs, held against naive readings of them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.domain.errors import Refused
from flamenco.domain.job_waits import (
    PENDING,
    Kind,
    Offset,
    Span,
    State,
    Wait,
    Wanted,
    When,
    circle,
    first_state,
    keeps_job,
    next_state,
    sentence,
    summary,
    task_counts_as_done,
    waits_for_task,
)
from flamenco.domain.statuses import FINISHED_JOB, JobStatus, TaskStatus
from flamenco.domain.wait_texts import offset_of, wanted_in

STATUSES = st.sampled_from([*JobStatus, None])
SPANS = st.tuples(st.integers(-20, 20), st.integers(0, 6)).map(lambda ends: Span(ends[0], ends[0] + ends[1]))
OFFSETS = st.tuples(st.integers(-5, 5), st.integers(0, 4)).map(lambda ends: Offset(ends[0], ends[0] + ends[1]))


def wait(**said: Any) -> Wait:
    """A dependency on a job "sim" that is being worked on."""
    usual: dict[str, Any] = {"key": 1, "job_key": 2, "on_key": 1, "job": "11111111-aaaa", "name": "sim"}
    return Wait(**(usual | {"state": State.WAITING, "status": JobStatus.ACTIVE} | said))


@given(SPANS, OFFSETS, SPANS)
def test_tasks_wait_for_those_that_have_one_of_their_frames(own: Span, offset: Offset, other: Span) -> None:
    """Frame by frame means what it says: some frame of the other is one that some frame of this waits for."""
    wanted = {frame + by for frame in range(own.first, own.last + 1) for by in range(offset.first, offset.last + 1)}
    assert waits_for_task(own, offset, other) == bool(wanted & set(range(other.first, other.last + 1)))


def test_tasks_without_frames_wait_for_all_and_keep_up_nobody_that_has_some() -> None:
    """What says nothing of frames comes after all of the other job; frames wait for frames alone."""
    assert waits_for_task(None, Offset(), Span(3, 3))
    assert waits_for_task(None, Offset(), None)
    assert not waits_for_task(Span(3, 3), Offset(), None)


@given(st.sampled_from(Kind), st.sampled_from(When), st.lists(STATUSES, min_size=1))
def test_a_dependency_follows_the_other_job_until_it_is_met(
    kind: Kind, when: When, became: list[JobStatus | None]
) -> None:
    """It holds exactly as long as the other job has not come where it has to, and never again after that."""
    state = first_state(kind)
    was_met = False
    for status in became:
        state = next_state(state, kind, when, status)
        was_met |= status is JobStatus.COMPLETED or (when is When.ENDED and status in FINISHED_JOB)
        assert (state is State.MET) == was_met
        assert (state in PENDING) != was_met
        if not was_met:
            assert (state is State.BROKEN) == (status is None or status in FINISHED_JOB)
        assert keeps_job(kind, state) <= (state in PENDING)
        assert keeps_job(Kind.ALL, state) == (state in PENDING)


@given(st.sampled_from(When), STATUSES)
def test_what_a_person_satisfied_stays_so(when: When, status: JobStatus | None) -> None:
    """Nothing that becomes of the other job counts any more."""
    assert next_state(State.SATISFIED, Kind.ALL, when, status) is State.SATISFIED
    assert next_state(State.MET, Kind.FRAMES, when, status) is State.MET


@pytest.mark.parametrize("status", TaskStatus)
def test_failed_tasks_count_where_any_end_will_do(status: TaskStatus) -> None:
    """Completed ones always do, those that are queued again never."""
    ended = status in (TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELED)
    assert task_counts_as_done(status, When.ENDED) == ended
    assert task_counts_as_done(status, When.COMPLETED) == (status is TaskStatus.COMPLETED)


@given(st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=14))
def test_no_circle_ever_comes_about(asked: set[tuple[int, int]]) -> None:
    """Adding what is allowed, leaves an order in which all jobs can be done; what is refused would not."""
    edges: set[tuple[str, str]] = set()

    def waits_for(job: str) -> list[str]:
        return [on for of, on in edges if of == job]

    for job, on in sorted((str(job), str(on)) for job, on in asked):
        found = circle(job, on, waits_for)
        if found:
            assert (found[0], found[1], found[-1]) == (job, on, job)
            assert all(pair in edges for pair in pairwise(found[1:]))
        else:
            edges.add((job, on))
        assert can_be_done(edges)
        if found:
            assert not can_be_done(edges | {(job, on)})


def can_be_done(edges: set[tuple[str, str]]) -> bool:
    """Whether jobs can be done one after the other, each when none that it waits for is left."""
    left = {job for pair in edges for job in pair}
    while ready := {job for job in left if not any(of == job and on in left for of, on in edges)}:
        left -= ready
    return not left


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, 'Waits until the job "sim" (11111111) is completed.'),
        ({"when": When.ENDED}, 'Waits until the job "sim" (11111111) is over.'),
        ({"kind": Kind.FRAMES}, 'Waits frame by frame for the job "sim" (11111111) to be completed.'),
        (
            {"kind": Kind.FRAMES, "offset": Offset(-1, 0)},
            'Waits frame by frame for the job "sim" (11111111), frames -1 to +0, to be completed.',
        ),
        (
            {"state": State.BROKEN, "status": JobStatus.FAILED},
            (
                'Held: the job "sim" (11111111) that it waits for is failed; requeue that one, drop the dependency, '
                "or cancel this job."
            ),
        ),
        (
            {"state": State.BROKEN, "status": None},
            'Held: the job "sim" (11111111) that it waits for was deleted; drop the dependency, or cancel this job.',
        ),
        ({"state": State.SATISFIED}, 'Waits no more for the job "sim" (11111111): it is satisfied.'),
    ],
)
def test_people_are_told_what_a_job_waits_for(said: dict[str, Any], expected: str) -> None:
    """In one sentence, with what can be done where it is stuck."""
    assert sentence(wait(**said)) == expected


def test_what_holds_a_job_is_said_first() -> None:
    """Of many, some are named, and nothing is said of those that are met."""
    broken = wait(state=State.BROKEN, status=None)
    said = summary([wait(), wait(state=State.MET), broken, wait(), wait()])
    assert said.startswith("Held: ")
    assert said.endswith(" And for 1 more.")
    assert summary([wait(state=State.MET)]) == ""


def test_metadata_say_it_in_words_or_in_json() -> None:
    """For clients that have no field of their own for it."""
    assert wanted_in("AB, cd:frames ef:all") == [
        Wanted(job="ab"),
        Wanted(job="cd", kind=Kind.FRAMES),
        Wanted(job="ef"),
    ]
    assert wanted_in('{"job": "AB", "kind": "frames", "when": "ended", "offset": [-1, 0]}') == [
        Wanted(job="ab", kind=Kind.FRAMES, when=When.ENDED, offset=Offset(-1, 0))
    ]
    assert wanted_in('[{"job": "ab", "offset": 2}]') == [Wanted(job="ab", offset=Offset(2, 2))]
    assert wanted_in("  ") == []


@pytest.mark.parametrize("text", ["ab:parts", "[1]", '{"job": 1}', '{"job": "a", "offset": [1, 0]}', "[" * 3000])
def test_metadata_that_nobody_can_read_are_refused(text: str) -> None:
    """With a sentence that says what is wrong with them."""
    with pytest.raises(Refused, match=r"flamenco\.depends_on|write \[0, 1\]"):
        wanted_in(text)


def test_one_number_is_the_same_frame_for_both_ends() -> None:
    """As APIs write offsets."""
    assert offset_of(-1) == Offset(-1, -1)
    assert offset_of([-1, 1]) == Offset(-1, 1)
