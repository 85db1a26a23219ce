"""Waiting jobs come sooner and sooner."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco import FarmView, SchedulingPolicy, Term
from flamenco.domain.errors import ConfigError
from tests.plugins.loading import NOW, load_documented, load_text, open_job

FARM = FarmView(now=NOW)


def ageing_of(folder: Path, text: str = "") -> SchedulingPolicy:
    """The policy with that configuration, by default the documented one."""
    loaded = load_text(text, folder) if text else load_documented("ageing", folder)
    return loaded.hooks.scheduling_policies(loaded.config)["ageing"]


@pytest.fixture(scope="module")
def ageing(tmp_path_factory: pytest.TempPathFactory) -> SchedulingPolicy:
    """The policy as its docstring configures it: 2 points for an hour."""
    return ageing_of(tmp_path_factory.mktemp("ageing"))


def score_of(policy: SchedulingPolicy, **waited: float) -> Term:
    """What a job gets that was submitted so long ago and never got a task."""
    assert policy.score
    return policy.score([open_job(created=NOW - timedelta(**waited))], FARM)["job"]


@pytest.mark.parametrize(
    ("waited_s", "reason"),
    [
        (0, "waiting for 0 s"),
        (59.9, "waiting for 59 s"),
        (60, "waiting for 1 m"),
        (3600, "waiting for 1 h"),
        (3 * 3600 + 20 * 60 + 59, "waiting for 3 h 20 m"),
        (86_400 + 60, "waiting for 1 d 1 m"),
        (9 * 86_400 + 3 * 3600 + 60, "waiting for 9 d 3 h"),
    ],
)
def test_a_job_gains_points_by_the_hour(ageing: SchedulingPolicy, waited_s: float, reason: str) -> None:
    """The score is in proportion to the time since the submission, and the reason tells that time."""
    term = score_of(ageing, seconds=waited_s)
    assert term.score == pytest.approx(2 * waited_s / 3600)
    assert term.reason == reason


def test_a_task_ends_the_wait(ageing: SchedulingPolicy) -> None:
    """A job that got a task waits from then on, however old it is."""
    assert ageing.score
    job = open_job(created=NOW - timedelta(days=3), last_assigned=NOW - timedelta(minutes=30))
    assert ageing.score([job], FARM) == {"job": Term(1.0, "waiting for 30 m")}


def test_every_job_is_scored_on_its_own(ageing: SchedulingPolicy) -> None:
    """What a job gets does not depend on which others are asked about."""
    assert ageing.score
    jobs = [open_job(f"job {hours}", created=NOW - timedelta(hours=hours)) for hours in range(5)]
    together = ageing.score(jobs, FARM)
    assert together == {job.id: ageing.score([job], FARM)[job.id] for job in jobs}
    assert ageing.score([], FARM) == {}


def test_a_clock_that_was_put_back_takes_no_points(ageing: SchedulingPolicy) -> None:
    """A job from the future has not waited yet."""
    assert score_of(ageing, hours=-5) == Term(0.0, "waiting for 0 s")


@given(priority=st.integers(0, 100))
def test_nothing_waits_for_ever(ageing: SchedulingPolicy, priority: int) -> None:
    """However high others' priority is, there is a time after which the job comes before them."""
    assert score_of(ageing, hours=priority / 2 + 1).score > priority


def test_by_default_an_hour_is_a_step_of_priority(tmp_path: Path) -> None:
    """Without settings a job gains one point an hour."""
    assert score_of(ageing_of(tmp_path, "plugins: [ageing]"), hours=7).score == pytest.approx(7)


def test_no_points_switch_it_off(tmp_path: Path) -> None:
    """A farm may give nothing for waiting."""
    assert score_of(ageing_of(tmp_path, "plugins: {ageing: {points_per_hour: 0}}"), days=300).score == 0


@pytest.mark.parametrize("points", ["-1", ".inf", ".nan", "many"])
def test_points_must_make_sense(tmp_path: Path, points: str) -> None:
    """Jobs are not punished for waiting, and scores stay numbers; the message names the setting."""
    with pytest.raises(ConfigError, match=r"plugins\.ageing\.points_per_hour"):
        ageing_of(tmp_path, f"plugins: {{ageing: {{points_per_hour: {points}}}}}")
