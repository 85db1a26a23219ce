"""The rules of a simulation: what is drawn, what is counted, and what counts as lost or doubled."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from itertools import islice
from statistics import median

import pytest

from flamenco.client import Attempt, AttemptTask, TaskSummary
from flamenco.domain.attempts import Outcome
from flamenco.domain.statuses import TaskStatus
from flamenco.simulation.audit import judge, line_of, misbooked, missing_lines
from flamenco.simulation.distributions import Distribution
from flamenco.simulation.fates import Behaviour, fates
from flamenco.simulation.ledger import Ledger
from flamenco.simulation.statistics import Statistics, latency_of
from flamenco.testing import START


def task(task_id: str, status: TaskStatus) -> TaskSummary:
    """A task as the manager tells of it."""
    return TaskSummary(
        id=task_id, name="t", status=status, index_in_job=1, priority=50, task_type="misc", updated=START
    )


@pytest.mark.parametrize(
    ("text", "middle"),
    [
        ("3", 3.0),
        ("fixed:2", 2.0),
        ("uniform:1,5", 3.0),
        ("normal:30,5", 30.0),
        ("lognormal:30,0.8", 30.0),
        ("exponential:10", 6.93),
        ("exponential:0", 0.0),
    ],
)
def test_distributions(text: str, middle: float) -> None:
    """Half of what is drawn is shorter than the middle of the distribution, and nothing takes less than no time."""
    distribution, dice = Distribution.parse(text), random.Random(1)  # noqa: S311 - no secret
    drawn = [distribution.draw(dice) for _ in range(4000)]
    assert median(drawn) == pytest.approx(middle, rel=0.08)
    assert min(drawn) >= 0
    assert Distribution.parse(str(distribution)) == distribution


@pytest.mark.parametrize(
    "text", ["", "normal", "normal:3", "fixed:x", "gauss:1,2", "fixed:-1", "fixed:inf", "fixed:nan"]
)
def test_what_is_no_distribution(text: str) -> None:
    """Whoever mistypes one is told how it is written."""
    with pytest.raises(ValueError, match=r"write (one of|\w+:)"):
        Distribution.parse(text)


def test_the_same_seed_has_the_same_happen() -> None:
    """To each worker, whatever the others do; and one rate changes nothing about what another one does."""
    behaviour = Behaviour(task_seconds=Distribution.parse("normal:30,5"), failure_rate=0.3, speed=2)
    first, again, other = (list(islice(fates(behaviour, 7, worker), 50)) for worker in (1, 1, 2))
    assert first == again != other
    assert 0 < sum(fate.fails for fate in first) < 30
    assert median(fate.seconds for fate in first) == pytest.approx(15, rel=0.1)
    crashing = Behaviour(task_seconds=behaviour.task_seconds, failure_rate=0.3, crash_rate=1, return_rate=0, speed=2)
    fated = list(islice(fates(crashing, 7, 1), 50))
    assert [(fate.seconds, fate.fails) for fate in fated] == [(fate.seconds, fate.fails) for fate in first]
    assert all(fate.crash_at is not None and fate.crash_at < fate.seconds for fate in fated)
    assert {fate.restart_after for fate in fated} == {None}


def test_percentiles() -> None:
    """Of a hundred durations, the 95th is what 95 of 100 do not exceed; of none, nothing is said."""
    latency = latency_of([number / 100 for number in range(100, 0, -1)])
    assert (latency.count, latency.p50, latency.p95, latency.p99, latency.longest) == (100, 0.5, 0.95, 0.99, 1.0)
    assert latency_of([]).longest == 0
    statistics = Statistics()
    for seconds in (1.0, 2.0, 3.0):
        statistics.answered("poll", seconds)
    statistics.failed("poll", "503")
    assert statistics.latencies(newest=1)["poll"].p50 == 3.0
    assert (statistics.requests, dict(statistics.errors)) == (3, {"poll: 503": 1})


class Told:
    """A ledger in which worker 1 has a task, and was heard of a second ago."""

    def __init__(self) -> None:
        self.ledger = Ledger(silence_s=30)
        self.ledger.heard(1, 99)
        self.turn = self.ledger.given("j", "t", 1, 99)


def test_a_task_that_two_have() -> None:
    """It is doubled when the first one is there, and has it still."""
    told = Told()
    told.ledger.given("j", "t", 2, 100)
    assert told.ledger.doubled == ["t was given to worker 2 while worker 1 had it"]


def test_a_task_that_was_given_on_for_a_reason() -> None:
    """It is not when the first has let it go, is about to, has not been heard of for long, or is the same."""
    reasons: list[Callable[[Ledger], None]] = [
        lambda ledger: ledger.let_go("t", 1),
        lambda ledger: ledger.ending("t", 1),
        lambda ledger: ledger.heard(1, 60),
    ]
    for reason in reasons:
        told = Told()
        reason(told.ledger)
        told.ledger.given("j", "t", 2, 100)
        assert told.ledger.doubled == []
    told = Told()
    told.ledger.given("j", "t", 1, 100)
    assert told.ledger.doubled == []


def test_a_task_that_is_completed_twice() -> None:
    """Is doubled, also by one worker in two turns; the same report that is taken again is not."""
    told = Told()
    told.ledger.accepted("t", 1, told.turn)
    told.ledger.accepted("t", 1, told.turn)
    assert told.ledger.doubled == []
    told.ledger.accepted("t", 1, told.ledger.given("j", "t", 1, 100))
    assert told.ledger.doubled == ["t was completed by worker 1 and by worker 1"]


def test_what_is_lost() -> None:
    """A success that the manager has forgotten, a task that is active and nobody's, one that was never created."""
    told = Told()
    told.ledger.accepted("t", 1, told.turn)
    told.ledger.let_go("t", 1)
    tasks = {"j": [task("t", TaskStatus.QUEUED), task("u", TaskStatus.ACTIVE), task("v", TaskStatus.COMPLETED)]}
    verdict = judge(told.ledger, tasks, {"j": 4})
    assert verdict.lost == [
        "job j has 3 tasks instead of 4",
        "t was completed, and is queued",
        "u is active, and nobody has it",
    ]
    assert verdict.tasks == {"queued": 1, "active": 1, "completed": 1}
    assert not verdict.is_clean


def test_what_is_only_not_done_yet() -> None:
    """Is lost when everybody had time enough for it, and not otherwise; what somebody has is nobody's loss."""
    told = Told()
    tasks = {"j": [task("t", TaskStatus.ACTIVE), task("u", TaskStatus.QUEUED)]}
    assert judge(told.ledger, tasks, {"j": 2}).is_clean
    stalled = judge(told.ledger, tasks, {"j": 2}, is_stalled=True)
    assert stalled.lost == [
        "t is active, and nobody was given it",
        "u is queued, and nobody was given it",
    ]


def attempt(number: int, outcome: Outcome, began: int, ended: int | None) -> Attempt:
    """One at the task `t`, in seconds from some moment."""
    return Attempt(
        number=number,
        outcome=outcome,
        started=START + timedelta(seconds=began),
        ended=None if ended is None else START + timedelta(seconds=ended),
        seconds=1,
        task=AttemptTask(id="t", index=1, name="t"),
    )


FAILED, DONE, OPEN = Outcome.FAILED, Outcome.COMPLETED, Outcome.ACTIVE


@pytest.mark.parametrize(
    ("status", "attempts", "said"),
    [
        ("completed", [attempt(1, FAILED, 0, 5), attempt(2, DONE, 5, 9)], []),
        ("active", [attempt(2, OPEN, 5, None), attempt(1, FAILED, 0, 5)], []),
        ("active", [], []),  # its attempt has ended since, or the task was given back
        ("queued", [], []),
        ("active", [attempt(1, OPEN, 0, None), attempt(2, OPEN, 1, None)], ["open, and a later one"]),
        ("queued", [attempt(1, OPEN, 0, None)], ["is queued, and has an attempt that is open"]),
        ("queued", [attempt(1, FAILED, 0, 5), attempt(2, FAILED, 4, 6)], ["two attempts at the same time"]),
        ("completed", [attempt(1, FAILED, 0, 5)], ["is completed, and no attempt at it is"]),
    ],
)
def test_what_attempts_say_of_tasks(status: str, attempts: list[Attempt], said: list[str]) -> None:
    """None is open but that of an active task, none is at the time of another, and success is one of them."""
    found = list(misbooked([task("t", TaskStatus(status))], attempts))
    assert len(found) == len(said)
    assert all(words in each for words, each in zip(said, found, strict=True))


def test_lines_that_are_missing() -> None:
    """Each line of that turn is looked for; those of other turns do not count for it."""
    log = f"{line_of(1, 5, 1)}\n{line_of(1, 5, 3)}\n{line_of(1, 4, 2)}\n{line_of(1, 5, 3)}\n"
    assert missing_lines(log, 1, 5, 3) == [2]
