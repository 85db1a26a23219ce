"""The order of frames: who may change places with whom, and which comes first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.domain.errors import Refused
from flamenco.domain.frame_order import AS_COMPILED, EXAMPLES, FrameOrder, Placed, Way, arranged, parse, places
from flamenco.domain.job_waits import Span

ORDERS = st.one_of(
    st.sampled_from([FrameOrder(Way.FORWARD), FrameOrder(Way.BACKWARD), FrameOrder(Way.MIDDLE_OUT)]),
    st.builds(FrameOrder, st.just(Way.EVERY), st.integers(1, 12)),
)
SPANS = st.builds(lambda first, more: Span(first, first + more), st.integers(-20, 20), st.integers(0, 5))
TASKS = st.lists(
    st.builds(Placed, st.sampled_from(["render", "denoise"]), st.one_of(st.none(), SPANS), st.booleans()), max_size=30
)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", FrameOrder()),
        ("forward", FrameOrder()),
        (" Backward ", FrameOrder(Way.BACKWARD)),
        ("middle-out", FrameOrder(Way.MIDDLE_OUT)),
        ("every 10", FrameOrder(Way.EVERY, 10)),
        ("every:3", FrameOrder(Way.EVERY, 3)),
        ("every-3", FrameOrder(Way.EVERY, 3)),
    ],
)
def test_what_people_write(written: str, expected: FrameOrder) -> None:
    """Is read, and is the same once it was written down."""
    assert parse(written) == expected
    assert parse(str(expected)) == expected


@pytest.mark.parametrize("written", ["sideways", "every", "every 0", "every -1", "every 1e3", "every ²", "forward 2"])
def test_what_is_no_order(written: str) -> None:
    """Is refused by a sentence that says what can be written."""
    with pytest.raises(Refused, match=r"is no order of frames; write forward, backward, middle-out, or every 10\."):
        parse(written)


@given(st.text(max_size=20))
def test_any_text(text: str) -> None:
    """Is an order, or refused."""
    try:
        order = parse(text)
    except Refused:
        return
    assert parse(str(order)) == order


def test_the_examples_are_orders() -> None:
    """As the API shows them."""
    assert [str(parse(each)) for each in EXAMPLES] == list(EXAMPLES)


def test_halves() -> None:
    """Of 100 frames the ends come first, then the middle, then those of both halves."""
    frames = [position + 1 for position in arranged(100, FrameOrder(Way.MIDDLE_OUT))]
    assert frames[:9] == [1, 100, 50, 25, 75, 13, 37, 62, 87]
    assert [position + 1 for position in arranged(5, FrameOrder(Way.MIDDLE_OUT))] == [1, 5, 3, 2, 4]


def test_every_third_first() -> None:
    """And then the others, as they come."""
    assert arranged(8, FrameOrder(Way.EVERY, 3)) == [0, 3, 6, 1, 2, 4, 5, 7]
    assert arranged(3, FrameOrder(Way.BACKWARD)) == [2, 1, 0]


@given(st.integers(0, 300), ORDERS)
def test_each_position_comes_once(number: int, order: FrameOrder) -> None:
    """Whatever the order."""
    assert sorted(arranged(number, order)) == list(range(number))


@given(st.integers(3, 300))
def test_halves_are_halves(number: int) -> None:
    """At any moment, no gap is more than about twice as wide as another."""
    there = arranged(number, FrameOrder(Way.MIDDLE_OUT))
    for seen in range(3, number):
        done = sorted(there[:seen])
        gaps = [after - before for before, after in pairwise(done)]
        assert max(gaps) <= 2 * min(gaps) + 2


@given(TASKS, ORDERS)
def test_an_order_is_a_permutation(tasks: Sequence[Placed], order: FrameOrder) -> None:
    """Tasks change places within their group alone; those without frames stay; what is looked at first is first."""
    found = places(tasks, order)
    if not any(found):
        return
    assert sorted(found) == list(range(1, len(tasks) + 1))
    for number, (task, place) in enumerate(zip(tasks, found, strict=True)):
        assert tasks[place - 1].group == task.group
        assert task.frames is not None or place == number + 1
    for group in {task.group for task in tasks}:
        members = [(place, task) for place, task in zip(found, tasks, strict=True) if task.group == group]
        first = [place for place, task in members if task.is_first and task.frames]
        later = [place for place, task in members if not task.is_first and task.frames]
        assert not first or not later or max(first) < min(later)


@given(TASKS)
def test_where_nothing_is_asked_for_nothing_changes(tasks: Sequence[Placed]) -> None:
    """All stay where their script has put them, which is what zeros say."""
    plain = [task._replace(is_first=False) for task in tasks]
    assert not any(places(plain, AS_COMPILED))


@given(st.lists(SPANS, max_size=20))
def test_backward_is_by_frames(spans: Sequence[Span]) -> None:
    """However a script has put them; those of the same frames come together."""
    found = places([Placed("render", span) for span in spans], FrameOrder(Way.BACKWARD))
    in_order = [span for _, span in sorted(zip(found, spans, strict=True), key=lambda pair: pair[0])]
    if any(found):
        assert in_order == sorted(spans, reverse=True)
