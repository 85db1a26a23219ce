"""Jobs that wait for a moment: nobody is given anything of them before, and everybody from then on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from flamenco.domain.access import ITSELF
from flamenco.domain.actions import JobAction
from flamenco.domain.errors import Refused
from flamenco.domain.model import Job, JobState
from flamenco.domain.scheduling.values import Hold
from flamenco.domain.statuses import JobStatus
from flamenco.farm import jobs, starting
from flamenco.farm.actions.carrying_out import carry_out
from flamenco.farm.actions.of_jobs import Jobs
from flamenco.farm.actions.values import Arguments, Asked
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim, explanation
from flamenco.services import ranking
from flamenco.store.scheduling import starting as store
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import job_now, new_worker, run_next, statuses, store_job, take
from tests.integration.test_ranking import with_policy


def waiting(farm: Farm, clock: Clock, seconds: float, reason: str = "", priority: int = 50) -> Job:
    """A job that starts in so many seconds."""
    start = clock() + timedelta(seconds=seconds)
    made = authored_job(authored_task("t0"), priority=priority, start_after=start, start_after_reason=reason)
    return store_job(farm, made)


def test_it_starts_at_its_moment(farm: Farm, clock: Clock) -> None:
    """For a worker that was given nothing all the time, at the very poll; nobody had to do anything for that."""
    job = waiting(farm, clock, 3600, "the license server is down")
    worker = new_worker(farm)
    for _ in range(3):
        assert claim.assign_next(farm, worker) is None
    clock.forward(3599)
    assert claim.assign_next(farm, worker) is None
    (reason,) = explanation.explain(farm, job.id).waiting
    assert reason.why == "start-after"
    assert reason.text.startswith("starts at ")
    assert reason.text.endswith(": the license server is down")
    clock.forward(1)
    assert take(farm, worker).task.job_id == job.id
    now = jobs.fetch(farm, job.id)
    assert (now.start_after, now.start_after_reason) == (None, "")
    assert statuses(farm, job) == ["active", "active"]


def test_who_asks_meanwhile_is_given_what_others_have(farm: Farm, clock: Clock) -> None:
    """And the job that waited is as good as any once it has begun."""
    later = waiting(farm, clock, 60, priority=90)
    other = store_job(farm, authored_job(*(authored_task(f"o{n}") for n in range(3)), priority=10))
    worker = new_worker(farm)
    assert run_next(farm, worker) == "o0"
    clock.forward(60)
    assert run_next(farm, worker) == "t0"
    assert run_next(farm, worker) == "o1"
    assert statuses(farm, later) == ["completed", "completed"]
    assert statuses(farm, other)[0] == "active"


def test_it_is_changed_while_it_waits(farm: Farm, clock: Clock) -> None:
    """Sooner, later, or at once; what it was before takes that back."""
    job = store_job(farm, authored_job(authored_task("a"), authored_task("b")))
    worker = new_worker(farm)
    first = take(farm, worker)

    def ask(start: str, reason: str = "") -> dict[str, object]:
        arguments = Arguments(start_after=start, reason=reason)
        outcome = carry_out(
            farm, ITSELF, Jobs(), Asked(action=JobAction.START_AFTER, arguments=arguments, ids=[job.id])
        )
        assert outcome.done == 1
        return outcome.undo[0].arguments

    assert ask("+1h", "no licenses") == {"start_after": "now", "reason": ""}
    assert statuses(farm, job) == ["active", "active", "queued"]  # what runs goes on
    at_first = (clock() + timedelta(hours=1)).isoformat()
    assert ask("+4h", "still none") == {"start_after": at_first, "reason": "no licenses"}
    assert claim.assign_next(farm, new_worker(farm, "idle")) is None
    assert ask("now")["reason"] == "still none"
    assert take(farm, new_worker(farm, "other")).task.id != first.task.id
    with pytest.raises(Refused, match="is over already"):
        carry_out(
            farm,
            ITSELF,
            Jobs(),
            Asked(action=JobAction.START_AFTER, arguments=Arguments(start_after="2020-01-01"), ids=[job.id]),
        )


def test_a_job_that_was_paused_meanwhile(farm: Farm, clock: Clock) -> None:
    """Waits until it is resumed; one that has ended has no start."""
    job = waiting(farm, clock, 60)
    worker = new_worker(farm)
    jobs.set_status(farm, job.id, JobStatus.PAUSE_REQUESTED, "test")
    clock.forward(60)
    assert claim.assign_next(farm, worker) is None
    jobs.set_status(farm, job.id, JobStatus.QUEUED, "test")
    assert take(farm, worker).task.job_id == job.id
    jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "test")
    arguments = Arguments(start_after="+1h")
    outcome = carry_out(farm, ITSELF, Jobs(), Asked(action=JobAction.START_AFTER, arguments=arguments, ids=[job.id]))
    assert "It is canceled" in outcome.refused[0].reason


def test_policies_that_look_at_the_clock(farm: Farm, clock: Clock) -> None:
    """Neither let it start sooner, nor are they passed over once it starts."""
    held = True
    with_policy(farm, hold=lambda there, _view: {job.id: Hold("not yet") for job in there if held})
    job = waiting(farm, clock, 60)
    worker = new_worker(farm)
    held = False
    ranking.tick(farm)
    assert claim.assign_next(farm, worker) is None
    held = True
    ranking.tick(farm)
    clock.forward(60)
    assert claim.assign_next(farm, worker) is None
    assert statuses(farm, job) == ["queued", "queued"]
    ranking.tick(farm)
    assert claim.assign_next(farm, worker) is None
    held = False
    ranking.tick(farm)
    assert take(farm, worker).task.job_id == job.id


def test_very_many_that_start_at_once(farm: Farm, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Are let go some at a time, by whoever asks."""
    monkeypatch.setattr(store, "_DUE", store._DUE.limit(3))
    some = [waiting(farm, clock, 60) for _ in range(8)]
    clock.forward(60)
    workers = [new_worker(farm, f"w{n}") for n in range(8)]
    given = [take(farm, worker).task.job_id for worker in workers]
    assert sorted(given) == sorted(job.id for job in some)
    assert starting.let_go(farm) == 0


def test_a_clock_that_is_put_back(farm: Farm, clock: Clock) -> None:
    """Has the job wait for longer; what has started has started."""
    first, second = waiting(farm, clock, 60), waiting(farm, clock, 120)
    worker = new_worker(farm)
    clock.forward(60)
    assert take(farm, worker).task.job_id == first.id
    clock.step(-3600)
    other = new_worker(farm, "other")
    assert claim.assign_next(farm, other) is None
    clock.step(3660)
    assert take(farm, other).task.job_id == second.id


@settings(max_examples=20)
@given(number=st.integers(0, 3))
def test_that_it_is_open_is_the_same_in_all_words(number: int) -> None:
    """A job that waits for a moment is not open, whatever its status."""
    job = authored_job(authored_task())
    fields = {name: getattr(job, name) for name in ("id", "name", "type", "priority", "created")}
    status = (JobStatus.QUEUED, JobStatus.ACTIVE, JobStatus.PAUSED, JobStatus.CANCELED)[number]
    state = JobState(key=1, status=status, activity="", updated=job.created, **fields)
    assert state.is_open == (number < 2)
    assert not replace(state, start_after=job.created).is_open


def test_its_events_and_lists(farm: Farm, clock: Clock) -> None:
    """Tell of it, and of its end."""
    job = waiting(farm, clock, 60)
    before = job_now(farm, job).updated
    clock.forward(60)
    starting.let_go(farm)
    assert job_now(farm, job).updated > before
