"""Sums by steps of time: every second of an attempt is in one row of each kind, and rows stay few."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.domain.attempts import Outcome
from flamenco.domain.errors import Refused
from flamenco.domain.roll_ups import (
    MOST_GROUPS,
    MOST_PARTS,
    OTHERS,
    STEPS,
    Group,
    Row,
    Run,
    Sums,
    bounded,
    first_of,
    parts,
    span,
    summed,
)

NOW = datetime(2026, 3, 5, 12, 2, 30, tzinfo=UTC)
FIVE, DAY = STEPS["5m"], STEPS["1d"]
GROUP = Group("render", "anna", "film")


def run(began_ago: float, ended_ago: float, outcome: Outcome = Outcome.COMPLETED, key: int = 1) -> Run:
    """An attempt at a task of job 7, in seconds before now."""
    return Run(key, 7, NOW - timedelta(seconds=began_ago), NOW - timedelta(seconds=ended_ago), outcome)


def test_an_attempt_is_cut_at_the_steps() -> None:
    """From 11:58 until 12:01 it is two minutes in the one and one in the other."""
    found = list(parts(run(270, 90), FIVE, FIVE.oldest(NOW)))
    assert found == [(datetime(2026, 3, 5, 11, 55, tzinfo=UTC), 120), (datetime(2026, 3, 5, 12, 0, tzinfo=UTC), 60)]


@given(st.lists(st.tuples(st.floats(0, 8e5), st.floats(0, 8e5), st.sampled_from(list(Outcome))), max_size=5))
def test_no_second_is_lost(spans: list[tuple[float, float, Outcome]]) -> None:
    """Nor counted twice; of what is older than five minutes are kept, only the newer part is there."""
    runs = [run(max(ago), min(ago), outcome) for *ago, outcome in spans]
    found = summed(runs, {7: GROUP}, NOW)
    for step in (FIVE, DAY):
        rows = {row: sums for row, sums in found.items() if row.step == step}
        oldest = step.oldest(NOW)
        seconds = sum(max(0.0, (each.ended - max(each.started, oldest)).total_seconds()) for each in runs)
        assert sum(sums.seconds for sums in rows.values()) == pytest.approx(seconds, abs=1e-3)
        there = [each for each in runs if each.ended >= oldest]
        assert sum(sums.completed for sums in rows.values()) == sum(each.outcome == "completed" for each in there)
        assert sum(sums.failed for sums in rows.values()) == sum(each.outcome in ("failed", "lost") for each in there)


def test_groups_are_few() -> None:
    """Those that there is no room for are one; those that are there already go on."""
    at = FIVE.at(NOW)
    known = {Group(f"type {number}", "", "") for number in range(MOST_GROUPS)}
    old, new, other = Group("type 1", "", ""), Group("new", "", ""), Group("other", "", "")
    more = {Row(FIVE, at, group): Sums(1.0, 1, 0) for group in (old, new, other)}
    found = bounded(more, {(FIVE, at): known})
    assert {row.group: sums.seconds for row, sums in found.items()} == {old: 1.0, OTHERS: 2.0}
    assert len(bounded(more, {(FIVE, at): set()})) == 3


def test_long_attempts_are_counted_few_at_a_time() -> None:
    """One of weeks is two thousand rows; of short ones, all go at once."""
    week = timedelta(days=7).total_seconds()
    assert len(first_of([run(week, 0)] * 10, NOW)) == 1
    assert len(first_of([run(1, 0)] * 400, NOW)) == 400
    assert len(first_of([run(1, 0)] * MOST_PARTS, NOW)) < MOST_PARTS


def test_the_span_that_is_shown() -> None:
    """In whole steps, no further back than is kept, up to now; and not too long."""
    usual = span(FIVE, None, None, NOW)
    assert (usual.since, usual.until) == (datetime(2026, 3, 4, 12, 0, tzinfo=UTC), NOW)
    assert len(usual.moments()) == 289
    all_of_it = span(FIVE, datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC), NOW)
    assert (all_of_it.since, all_of_it.until) == (FIVE.oldest(NOW), NOW)
    assert span(FIVE, NOW + timedelta(days=1), None, NOW).moments() == []
    assert span(DAY, None, None, NOW).since == datetime(2025, 12, 5, tzinfo=UTC)


def test_a_span_that_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is refused with what to do."""
    monkeypatch.setattr("flamenco.domain.roll_ups.MOST_POINTS", 10)
    with pytest.raises(Refused, match="step=1d"):
        span(FIVE, None, None, NOW)
