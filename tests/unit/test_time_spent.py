"""What attempts have used: by a timer while somebody looks, and by the clock for those that began before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flamenco.domain.time_spent import Life, Spent, TimeSpent
from flamenco.domain.timeouts import Moment
from flamenco.testing import START, Clock


def at(clock: Clock) -> Moment:
    """What clock and timer say."""
    return Moment(clock(), clock.timer())


def test_one_that_began_before_anybody_looked() -> None:
    """Has run since then, and is taken for silent from the first look on."""
    clock = Clock()
    watch = TimeSpent(at(clock))
    clock.forward(100)
    watch = watch.look({1: Life(1, START, "a")}, at(clock))
    assert watch.attempts[1] == Spent(1, "a", 100, 0)
    clock.forward(5)
    assert watch.look({1: Life(1, START, "a")}, at(clock)).attempts[1] == Spent(1, "a", 105, 5)


def test_a_sign_of_life() -> None:
    """Ends its silence; another attempt has used nothing of what the one before had; one that ended is forgotten."""
    clock = Clock()
    watch = TimeSpent(at(clock)).look({1: Life(1, START, "a"), 2: Life(1, START)}, at(clock))
    clock.forward(5)
    watch = watch.look({1: Life(1, START, "b"), 2: Life(2, clock())}, at(clock))
    assert watch.attempts == {1: Spent(1, "b", 5, 0), 2: Spent(2, None, 0, 0)}
    assert watch.look({}, at(clock)).attempts == {}


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(-1e6, 1e6))))
def test_clocks_that_are_moved(steps: list[tuple[float, float]]) -> None:
    """Make no attempt older, neither one that is known nor one that has just begun."""
    clock = Clock()
    watch = TimeSpent(at(clock)).look({1: Life(1, START)}, at(clock))
    passed = 0.0
    for number, (seconds, moved) in enumerate(steps):
        began = clock()
        clock.forward(seconds)
        clock.step(moved)
        passed += seconds
        watch = watch.look({1: Life(1, START), 2: Life(number, began)}, at(clock))
        assert abs(watch.attempts[1].run_s - passed) < 1e-3
        assert watch.attempts[2].run_s <= seconds + 2.001
