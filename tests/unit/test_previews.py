"""Frames that are looked at first: which those are, and what is held meanwhile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.domain.errors import Conflict, Refused
from flamenco.domain.frame_plans import planned
from flamenco.domain.job_waits import Span
from flamenco.domain.model import AuthoredTask, Submission
from flamenco.domain.previews import (
    Member,
    Preview,
    PreviewState,
    Then,
    Wave,
    check_waits,
    chooser,
    parse,
    parse_metadata,
    waves,
)
from tests.conftest import authored_job, authored_task


def frames_task(frames: str) -> AuthoredTask:
    """A task that says which frames it is about."""
    return authored_task(frames, frames=frames)


HUNDRED = [Span(frame, frame) for frame in range(1, 101)]


def chosen(written: str, spans: list[Span]) -> list[Span]:
    """Those that are looked at."""
    is_chosen = chooser(written, spans)
    return [span for span in spans if is_chosen(span)]


@pytest.mark.parametrize(
    ("written", "frames"),
    [
        ("first,middle,last", [1, 50, 100]),
        ("first, mid, last", [1, 50, 100]),
        ("LAST", [100]),
        ("every 33", [1, 34, 67, 100]),
        ("every 500", [1]),
        ("7,40-42", [7, 40, 41, 42]),
        ("first,40-41", [1, 40, 41]),
        ("90-1000", list(range(90, 101))),
        ("10-20x5", [10, 15, 20]),
        ("200", []),
    ],
)
def test_which_frames(written: str, frames: list[int]) -> None:
    """By words, by number, or every so many."""
    assert [span.first for span in chosen(written, HUNDRED)] == frames


def test_of_chunks_those_that_have_such_a_frame() -> None:
    """And of several that have it, such as tiles of one frame, all."""
    chunks = [Span(first, first + 9) for first in range(1, 100, 10)] * 2
    assert chosen("first,middle,last", chunks) == [Span(1, 10), Span(41, 50), Span(91, 100)] * 2
    assert chosen("15", chunks) == [Span(11, 20)] * 2
    assert chosen("every 25", chunks) == [Span(1, 10), Span(21, 30), Span(51, 60), Span(71, 80)] * 2


@given(st.integers(1, 40), st.lists(st.builds(lambda a, b: Span(a, a + b), st.integers(-30, 30), st.integers(0, 9))))
def test_every_so_many_is_what_counting_gives(step: int, spans: list[Span]) -> None:
    """From the first frame that there is."""
    start = min((span.first for span in spans), default=0)
    expected = [s for s in spans if any((frame - start) % step == 0 for frame in range(s.first, s.last + 1))]
    assert chosen(f"every {step}", spans) == expected


@pytest.mark.parametrize(
    ("frames", "then", "after", "complaint"),
    [
        ("frist", "", "", "preview: invalid range .*; write such as first,middle,last"),
        ("first,,last", "", "", "preview: invalid range"),
        ("every 0", "", "", "preview: every 0"),
        ("every 5,first", "", "", "every so many frames, or the others that are named, not both"),
        ("first", "cancel", "", "'cancel' is nothing that follows; write ask, or continue"),
        ("first", "", "soon", "'soon' is not a duration"),
        ("first", "", "9000h", "after 366 days at most"),
        ("first", "", "-1h", "after 366 days at most"),
        ("", "ask", "", "which frames"),
        ("1," * 300, "", "", "in 500 characters"),
    ],
)
def test_what_is_no_preview(frames: str, then: str, after: str, complaint: str) -> None:
    """Is refused by a sentence."""
    with pytest.raises(Refused, match=complaint):
        parse(frames, then, after)


def test_what_metadata_say() -> None:
    """For clients that have no other field."""
    said = {"flamenco.preview": "First, last", "flamenco.preview_continue_after": "4h"}
    assert parse_metadata(said) == Preview("first, last", Then.ASK, 4 * 3600.0)
    assert parse_metadata({"flamenco.preview": "first", "flamenco.preview_then": "continue"}) == Preview(
        "first", Then.CONTINUE
    )
    assert parse_metadata({}) is None


@given(st.text(max_size=20), st.text(max_size=5), st.text(max_size=5))
def test_any_text(frames: str, then: str, after: str) -> None:
    """Is a preview, or none, or refused."""
    try:
        preview = parse(frames, then, after)
    except Refused:
        return
    if preview:
        chooser(preview.frames, HUNDRED)


JOBS = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(1, 9)), st.sets(st.integers(0, 11))), min_size=1, max_size=12
).map(
    lambda tasks: [
        Member(None if frame is None else Span(frame, frame), [each for each in needs if each < number])
        for number, (frame, needs) in enumerate(tasks)
    ]
)


@given(JOBS, st.sampled_from(["first", "last", "every 3", "5"]), st.sampled_from(Then))
def test_nothing_of_a_preview_waits_for_what_is_held(tasks: list[Member], frames: str, then: Then) -> None:
    """So it is always done in the end; what belongs to it is what has such a frame, or is needed for that."""
    try:
        found = waves(tasks, Preview(frames, then))
    except Refused:
        assert not chosen(frames, [task.frames for task in tasks if task.frames])
        return
    is_chosen = chooser(frames, [task.frames for task in tasks if task.frames])
    assert Wave.PREVIEW in found
    for task, wave in zip(tasks, found, strict=True):
        if wave is Wave.PREVIEW:
            assert all(found[need] is Wave.PREVIEW for need in task.needs)
        else:
            assert wave is (Wave.HELD if then is Then.ASK else Wave.NONE)
            assert not (task.frames and is_chosen(task.frames))


def test_what_a_submission_says_comes_first() -> None:
    """Then what its metadata say, then its script."""
    tasks = [frames_task(str(frame)) for frame in range(1, 6)]
    job = authored_job(*tasks, frame_order="backward", previewed=Preview("last"))
    plain = Submission(name="job", type="test")
    by_script = planned(job, plain)
    assert [task.ord for task in by_script.tasks] == [5, 4, 3, 2, 1]
    assert [task.wave for task in by_script.tasks] == [2, 2, 2, 2, 1]
    assert [task.unmet for task in by_script.tasks] == [1, 1, 1, 1, 0]
    said = authored_job(*tasks, metadata={"flamenco.order": "every 2", "flamenco.preview": "3"}, frame_order="backward")
    by_metadata = planned(said, plain)
    assert by_metadata.frame_order == "every 2"
    assert [task.ord for task in by_metadata.tasks] == [2, 4, 1, 3, 5]
    by_hand = planned(said, Submission(name="job", type="test", frame_order="forward", previewed=Preview("2")))
    assert by_hand.frame_order == ""
    assert [task.ord for task in by_hand.tasks] == [2, 1, 3, 4, 5]


def test_where_nobody_says_anything() -> None:
    """The job is what it was."""
    job = authored_job(*(frames_task(str(frame)) for frame in range(1, 6)))
    assert planned(job, Submission(name="job", type="test")) == job


def test_a_job_that_knows_nothing_of_frames() -> None:
    """Has none to look at; an order is no matter to it."""
    job = authored_job(authored_task(), authored_task())
    assert not any(task.ord for task in planned(job, Submission(name="j", type="t", frame_order="backward")).tasks)
    with pytest.raises(Refused, match="no task of the job says which frames it is about"):
        planned(job, Submission(name="j", type="t", previewed=Preview("first")))
    with pytest.raises(Refused, match="no task of the job has the frames 7"):
        planned(authored_job(frames_task("1")), Submission(name="j", type="t", previewed=Preview("7")))


@pytest.mark.parametrize("state", PreviewState)
def test_what_can_be_approved(state: PreviewState) -> None:
    """A preview that is pending, and once."""
    if state in (PreviewState.RENDERING, PreviewState.WAITING):
        check_waits(state)
        return
    with pytest.raises(Conflict):
        check_waits(state)


@pytest.mark.parametrize("frames", [8, 9])
def test_the_middle_is_that_of_the_frames(frames: int) -> None:
    """With a video that says which frames it shows it is the same as without."""
    renders = [Member(Span(frame, frame)) for frame in range(1, frames + 1)]
    video = Member(Span(1, frames), range(frames))
    without = waves(renders, Preview("middle"))
    assert without.index(Wave.PREVIEW) == (frames - 1) // 2
    assert waves([*renders, video], Preview("middle")) == [*without, Wave.HELD]


def test_what_is_put_together_is_not_looked_at_first() -> None:
    """A video that says its frames would want all of them; a part that has as many as what it is made of would not."""
    renders = [Member(Span(first, first + 1), ()) for first in (1, 3, 5)]
    denoised = Member(Span(1, 2), (0,))
    video = Member(Span(1, 6), (0, 1, 2))
    preview = parse("first")
    assert preview is not None
    found = waves([*renders, denoised, video], preview)
    assert found == [Wave.PREVIEW, Wave.HELD, Wave.HELD, Wave.PREVIEW, Wave.HELD]
