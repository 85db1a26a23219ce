"""When a job will be done: the range follows from what is left, from what tasks took, and from who is at it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.domain.estimates import Estimate, Left, estimate
from flamenco.testing import START

SECONDS = st.floats(0, 1e6)


def in_seconds(found: Estimate | None) -> tuple[float, float]:
    """How long it takes from now."""
    assert found
    return (found.earliest - START).total_seconds(), (found.latest - START).total_seconds()


def test_tasks_that_take_the_same() -> None:
    """Ten of them by two workers are five rounds, after what is left of those that are being run."""
    left = {"render": Left(8, (4.0, 9.0))}
    assert in_seconds(estimate(left, {"render": [10.0] * 20}, {}, 2, START)) == (43.5, 46)


def test_the_range_is_that_of_the_middle_half() -> None:
    """One that took very long, as it was the first, makes no difference."""
    left = {"render": Left(4)}
    assert in_seconds(estimate(left, {"render": [10, 10, 20, 20, 30, 30, 30, 9000]}, {}, 1, START)) == (80, 120)


def test_a_type_of_which_nothing_is_done_goes_by_an_earlier_job() -> None:
    """And that is said."""
    left = {"render": Left(2), "video": Left(1)}
    found = estimate(left, {"render": [60, 60, 60]}, {"render": [1], "video": [30]}, 2, START)
    assert in_seconds(found) == (75, 90)
    assert found
    assert found.ground == (
        "render 1 m (median of 3 done); video 30 s (median of 1 done, of the last job of that name); "
        "2 workers that are at it now"
    )


def test_a_type_that_was_never_done_is_left_out() -> None:
    """The frames have a date before the first video is made, and it is said that this is not in it."""
    left = {"render": Left(2), "video": Left(1)}
    found = estimate(left, {"render": [60]}, {}, 1, START)
    assert in_seconds(found) == (120, 120)
    assert found
    assert found.ground == (
        "render 1 m (median of 1 done); without video, of which nothing is done yet; 1 worker that is at it now"
    )


@pytest.mark.parametrize(
    ("left", "workers"),
    [({}, 2), ({"render": Left(0)}, 2), ({"render": Left(3)}, 0), ({"other": Left(1)}, 2)],
)
def test_nobody_knows(left: dict[str, Left], workers: int) -> None:
    """When nothing is left, when nobody is at it, and when nothing like what is left was ever done."""
    assert estimate(left, {"render": [60]}, {}, workers, START) is None


def test_what_takes_for_ever_has_no_date() -> None:
    """Nor is there an error."""
    assert estimate({"a": Left(10**9)}, {"a": [1e6]}, {}, 1, START) is None


@given(
    st.dictionaries(
        st.sampled_from("abc"), st.builds(Left, st.integers(0, 1000), st.lists(SECONDS, max_size=3).map(tuple))
    ),
    st.dictionaries(st.sampled_from("abc"), st.lists(SECONDS, min_size=1)),
    st.integers(0, 100),
)
def test_whatever_is_left(left: dict[str, Left], done: dict[str, list[float]], workers: int) -> None:
    """It is not over before now, nor latest before earliest."""
    found = estimate(left, done, {}, workers, START)
    if found:
        assert START <= found.earliest <= found.latest < START + timedelta(days=3651)
