"""Policies at work in a farm: whose word counts, when, and what a policy that goes wrong can do (nothing)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from flamenco import FarmView, Hold, JobCandidate, SchedulingPolicy, Term, WorkerView
from flamenco.domain.errors import ConfigError
from flamenco.domain.model import Job
from flamenco.domain.scheduling.ranking import worth_writing
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import jobs, workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import accounts, claim, placing
from flamenco.farm.scheduling.policies import Policies
from flamenco.services import ranking
from flamenco.store import jobs as job_store
from flamenco.store.schema import jobs as jobs_table
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, report, run_next, store_job, take


def with_policy(farm: Farm, **functions: Any) -> Farm:
    """The farm with a policy called `own` beside those it has."""
    policy = SchedulingPolicy(name="own", description="", **functions)
    farm.policies = Policies({**farm.hooks.scheduling_policies(farm.config), "own": policy}, {})
    return farm


def job_named(farm: Farm, name: str, count: int = 3, **fields: Any) -> Job:
    """A job of so many tasks that are called after it."""
    return store_job(farm, authored_job(*(authored_task(name) for _ in range(count)), name=name, **fields))


def by_metadata(jobs: Sequence[JobCandidate], _farm: FarmView) -> dict[str, Term]:
    """Score a job by what its metadata says."""
    return {job.id: Term(float(job.metadata.get("score", 0)), "as it says") for job in jobs}


def stored_ranks(farm: Farm) -> dict[str, float | None]:
    """The ranks that polls go by, by the name of the job."""
    with farm.store.read() as tx:
        return {row.name: row.rank for row in tx.execute(jobs_table.select())}


def test_terms_are_added_up(farm: Farm) -> None:
    """Priority and another policy have their say together; the higher sum comes first, the older job of equals."""
    with_policy(farm, score=by_metadata, depends_on="job")
    job_named(farm, "plain", priority=50)
    job_named(farm, "scored", priority=45, metadata={"score": "10"})
    job_named(farm, "equal", priority=55)
    assert stored_ranks(farm) == {"plain": 50, "scored": 55, "equal": 55}
    worker = new_worker(farm)
    assert [run_next(farm, worker) for _ in range(7)] == [*["scored"] * 3, *["equal"] * 3, "plain"]


def test_weights_multiply(farm: Farm) -> None:
    """What the configuration says of policies is which are in use, and with which weight."""
    with_policy(farm, score=by_metadata, depends_on="job")
    policies = {policy.name: policy for policy in farm.policies.in_use}
    farm.policies = Policies(policies, {"own": 3.0})
    job_named(farm, "job", priority=50, metadata={"score": "2"})
    assert stored_ranks(farm) == {"job": 6}


def test_an_unknown_policy_stops_the_start(farm: Farm) -> None:
    """A name in the configuration that no plugin has ends in a sentence with the nearest one."""
    with pytest.raises(ConfigError, match="did you mean 'priority'"):
        Policies(farm.hooks.scheduling_policies(farm.config), {"priorty": 1.0})


def test_a_held_job_waits_until_it_is_let_go(farm: Farm) -> None:
    """While a policy holds it, a job is handed to nobody; when it does not any more, the next ranking opens it."""
    held = {"held"}
    with_policy(farm, hold=lambda jobs, _farm: {job.id: Hold("wait") for job in jobs if job.name in held})
    job_named(farm, "held", priority=90)
    job_named(farm, "free")
    worker = new_worker(farm)
    assert run_next(farm, worker) == "free"
    held.clear()
    ranking.tick(farm)
    assert run_next(farm, worker) == "held"
    held.add("held")
    ranking.tick(farm)
    assert run_next(farm, worker) == "free"


def test_a_higher_priority_counts_at_once_beside_other_policies(farm: Farm) -> None:
    """A job that comes in, and one whose priority is changed, are ranked there and then, not a second later."""
    with_policy(farm, score=by_metadata)
    first, second = job_named(farm, "first"), job_named(farm, "second", priority=60)
    worker = new_worker(farm)
    assert run_next(farm, worker) == "second"
    jobs.set_priority(farm, first.id, 70)
    assert run_next(farm, worker) == "first"
    jobs.set_priority(farm, second.id, 80)
    assert run_next(farm, worker) == "second"


def test_a_priority_that_changes_during_a_ranking_stands(farm: Farm) -> None:
    """A ranking that began before a change of priority does not undo it."""
    job = job_named(farm, "job", priority=50)
    changed: list[int] = []

    def slow(jobs_there: Sequence[JobCandidate], _farm: FarmView) -> dict[str, Term]:
        if changed and changed.pop():
            jobs.set_priority(farm, job.id, 80)
        return {each.id: Term(len(jobs_there), "") for each in jobs_there}

    with_policy(farm, score=slow)
    changed.append(1)
    ranking.tick(farm)
    assert stored_ranks(farm)["job"] == 81


def test_time_alone_changes_ranks(farm: Farm, clock: Clock) -> None:
    """A policy that goes by the clock is asked again as time passes."""
    with_policy(
        farm, score=lambda jobs, view: {j.id: Term((view.now - j.created).total_seconds() / 60, "") for j in jobs}
    )
    job_named(farm, "old")
    clock.forward(3600)
    store_job(farm, authored_job(authored_task("new"), name="new", priority=100, created=clock()))
    ranking.tick(farm)
    assert run_next(farm, new_worker(farm)) == "old"


@pytest.mark.parametrize(
    ("before", "after", "written"),
    [
        ({1: 5.0, 2: 4.0}, {1: 5.05, 2: 4.05}, []),
        ({1: 5.0, 2: 4.0}, {1: 5.5, 2: 4.05}, [1]),
        ({1: 5.0, 2: 4.0}, {1: 4.99, 2: 5.0}, [1, 2]),
        ({1: 5.0, 2: 4.0}, {1: 5.0, 2: 4.9}, [2]),
        ({1: 5.0, 2: None}, {1: 5.01, 2: 1.0}, [1, 2]),
        ({1: 5.0, 2: 4.0}, {1: None, 2: 4.0}, [1]),
        ({1: None, 2: 4.0}, {1: None, 2: 4.0}, []),
        ({1: 5.0, 2: 5.0}, {1: 5.0, 2: 5.01}, [2]),
    ],
)
def test_ranks_are_written_when_it_matters(
    before: Mapping[int, float | None], after: Mapping[int, float | None], written: list[int]
) -> None:
    """A rank that moved a little and passed nobody may stay as it is written; an idle farm writes nothing."""
    assert worth_writing(before, after, 0.1) == written


def boom(*_: Any) -> Any:
    """Fail."""
    raise RuntimeError("a policy's mistake")


ABOUT_ANOTHER = lambda _jobs, _farm: {"another": Term(1.0, "")}  # noqa: E731
"""Speaks of a job that nobody asked about, which is not wrong."""

NOBODY = lambda _job: None  # noqa: E731
"""Knows no account, which is not wrong either."""


NINE: Any = "9"
"""A text that is handed over for a number."""


@pytest.mark.parametrize(
    "functions",
    [
        pytest.param({"score": boom}, id="score-raises"),
        pytest.param({"hold": boom}, id="hold-raises"),
        pytest.param({"accepts": boom}, id="accepts-raises"),
        pytest.param({"limits": boom}, id="limits-raises"),
        pytest.param({"account": boom}, id="account-raises"),
        pytest.param({"score": lambda _jobs, _farm: 7}, id="score-number"),
        pytest.param({"score": lambda jobs, _farm: {job.id: 7 for job in jobs}}, id="score-of-numbers"),
        pytest.param(
            {"score": lambda jobs, _farm: {job.id: Term(float("nan"), "") for job in jobs}}, id="score-not-a-number"
        ),
        pytest.param({"score": lambda jobs, _farm: {job.id: Term(NINE, "") for job in jobs}}, id="score-of-a-text"),
        pytest.param({"score": ABOUT_ANOTHER}, id="score-of-another-job"),
        pytest.param({"hold": lambda jobs, _farm: [Hold("x") for _ in jobs]}, id="hold-list"),
        pytest.param({"hold": lambda jobs, _farm: {job.id: True for job in jobs}}, id="hold-of-booleans"),
        pytest.param({"accepts": lambda _job, _worker: False}, id="accepts-boolean"),
        pytest.param({"limits": lambda _job, _type: 5}, id="limits-number"),
        pytest.param({"account": lambda _job: 5}, id="account-number"),
        pytest.param({"account": NOBODY, "half_life_s": 0.0}, id="half-life-zero"),
    ],
)
def test_a_policy_that_goes_wrong_has_no_say(farm: Farm, functions: Mapping[str, Any]) -> None:
    """Whatever a policy raises or gives, jobs come in, are ranked by the others and handed out; the log names it."""
    with_policy(farm, **functions)
    with capture_logs() as logs:
        job_named(farm, "less", priority=40)
        job_named(farm, "more", priority=60)
        ranking.tick(farm)
        worker = new_worker(farm)
        assert [run_next(farm, worker) for _ in range(4)] == ["more", "more", "more", "less"]
        ranking.tick(farm)
    harmless = functions.get("account") is NOBODY or functions.get("score") is ABOUT_ANOTHER
    assert harmless or any(entry.get("policy") == "own" for entry in logs)


def test_a_policy_that_fails_every_second_is_logged_once(farm: Farm) -> None:
    """The log is not filled by one policy."""
    with_policy(farm, score=boom)
    job_named(farm, "job")
    with capture_logs() as logs:
        for _ in range(20):
            ranking.tick(farm)
    assert len([entry for entry in logs if entry.get("policy") == "own"]) <= 1


def test_a_policy_may_keep_a_worker_from_a_job(farm: Farm) -> None:
    """The worker gets the next job instead; another worker gets the first."""

    def accepts(job: JobCandidate, worker: WorkerView) -> Hold | None:
        return Hold("not on laptops") if job.name == "big" and worker.name == "laptop" else None

    with_policy(farm, accepts=accepts)
    job_named(farm, "big", priority=90)
    job_named(farm, "small")
    assert run_next(farm, new_worker(farm, "laptop")) == "small"
    assert run_next(farm, new_worker(farm, "tower")) == "big"


def test_refusing_all_of_many_jobs_gives_nothing(farm: Farm) -> None:
    """A worker that policies keep from every job goes away empty, past the first pages of them."""
    with_policy(farm, accepts=lambda _job, _worker: Hold("no"))
    for number in range(40):
        job_named(farm, f"j{number}", count=1)
    assert claim.assign_next(farm, new_worker(farm)) is None


def test_policies_are_told_of_the_farm(farm: Farm, clock: Clock) -> None:
    """The view has the workers that are awake, what is running by type, and the accounts that have jobs waiting."""
    seen: list[FarmView] = []

    def score(_jobs: Sequence[JobCandidate], view: FarmView) -> dict[str, Term]:
        seen.append(view)
        return {}

    with_policy(farm, score=score, account=lambda job: job.name)
    job_named(farm, "ada")
    job_named(farm, "bob")
    worker = new_worker(farm)
    new_worker(farm, "another")
    assigned = take(farm, worker)
    clock.forward(60)
    ranking.tick(farm)
    assert (seen[-1].workers_awake, seen[-1].running) == (2, {"misc": 1})
    assert seen[-1].waiting == {"ada", "bob"}
    assert seen[-1].usage["ada"].running == 1
    assert seen[-1].usage["ada"].seconds == pytest.approx(60)
    report(farm, worker, assigned, TaskStatus.COMPLETED)
    ranking.tick(farm)
    assert seen[-1].usage["ada"].running == 0
    assert seen[-1].usage["ada"].seconds == pytest.approx(60)


def test_usage_decays(farm: Farm, clock: Clock) -> None:
    """After one half-life half of it counts, after ten next to nothing; new use is added to what is left."""
    with_policy(farm, account=lambda job: job.name, half_life_s=3600.0)
    job_named(farm, "ada", count=2)
    worker = new_worker(farm)
    assigned = take(farm, worker)
    clock.forward(100)
    report(farm, worker, assigned, TaskStatus.COMPLETED)
    ranking.tick(farm)
    clock.forward(3600)
    assert accounts.usage(farm, "own")["ada"].seconds == pytest.approx(50)
    assigned = take(farm, worker)
    clock.forward(10)
    report(farm, worker, assigned, TaskStatus.COMPLETED)
    ranking.tick(farm)
    assert accounts.usage(farm, "own")["ada"].seconds == pytest.approx(60, rel=0.01)
    clock.forward(36_000)
    assert accounts.usage(farm, "own")["ada"].seconds < 0.1


@pytest.mark.parametrize("how", ["failed", "canceled", "left"])
def test_time_that_led_nowhere_is_used_too(farm: Farm, clock: Clock, how: str) -> None:
    """A task that fails, is canceled or is given back has used the farm nonetheless."""
    with_policy(farm, account=lambda job: job.name)
    job, worker = job_named(farm, "ada"), new_worker(farm)
    new_worker(farm, "another")
    assigned = take(farm, worker)
    clock.forward(30)
    if how == "failed":
        report(farm, worker, assigned, TaskStatus.FAILED)
    elif how == "canceled":
        jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "test")
    else:
        workers.sign_off(farm, worker)
    ranking.tick(farm)
    assert accounts.usage(farm, "own")["ada"].seconds == pytest.approx(30)


def test_booking_twice_books_once(farm: Farm, clock: Clock) -> None:
    """Ticks with nothing new to book leave the accounts alone."""
    with_policy(farm, account=lambda job: job.name)
    job_named(farm, "ada")
    worker = new_worker(farm)
    assigned = take(farm, worker)
    clock.forward(5)
    report(farm, worker, assigned, TaskStatus.COMPLETED)
    for _ in range(3):
        ranking.tick(farm)
    assert accounts.usage(farm, "own")["ada"].seconds == pytest.approx(5)


def test_accounts_begin_when_the_policy_does(farm: Farm, clock: Clock) -> None:
    """What was used before anybody kept accounts is nobody's."""
    job_named(farm, "ada")
    worker = new_worker(farm)
    assigned = take(farm, worker)
    clock.forward(5000)
    report(farm, worker, assigned, TaskStatus.COMPLETED)
    with_policy(farm, account=lambda job: job.name)
    placing.place_all(farm)
    ranking.tick(farm)
    assert accounts.usage(farm, "own") == {}


def test_the_time_of_tasks_is_measured(farm: Farm, clock: Clock) -> None:
    """The mean over the completed tasks of a job is there for policies; failures do not count in it."""
    seen: list[JobCandidate] = []
    with_policy(farm, score=lambda jobs, _farm: seen.extend(jobs))
    job_named(farm, "job")
    worker = new_worker(farm)
    new_worker(farm, "another")
    for seconds, status in ((10, TaskStatus.COMPLETED), (500, TaskStatus.FAILED), (30, TaskStatus.COMPLETED)):
        assigned = take(farm, worker)
        clock.forward(seconds)
        report(farm, worker, assigned, status)
    ranking.tick(farm)
    assert seen[-1].mean_task_s == pytest.approx(20)
    assert seen[-1].last_assigned == clock() - timedelta(seconds=30)
    assert seen[-1].remaining == 1


def test_jobs_queued_before_follow_the_policies_of_now(farm: Farm) -> None:
    """After a restart with other policies, what is queued, and what is paused, is ranked by them."""
    job_named(farm, "first", metadata={"score": "1"})
    job_named(farm, "second", metadata={"score": "9"})
    paused = job_named(farm, "paused", metadata={"score": "99"})
    jobs.set_status(farm, paused.id, JobStatus.PAUSED, "test")
    with_policy(farm, score=by_metadata, depends_on="job")
    placing.place_all(farm)
    assert run_next(farm, new_worker(farm)) == "second"
    jobs.set_status(farm, paused.id, JobStatus.QUEUED, "test")
    assert run_next(farm, new_worker(farm)) == "paused"


def test_the_default_is_static(farm: Farm) -> None:
    """With priority alone, nothing is ranked as time goes: what is stored at submission is right for ever."""
    assert farm.policies.is_static
    assert not with_policy(farm, score=by_metadata).policies.is_static
    assert with_policy(farm, score=by_metadata, depends_on="job").policies.is_static
    assert with_policy(farm, limits=lambda _job, _type: []).policies.is_static
    assert not with_policy(farm, account=lambda _job: "x").policies.is_static


def test_a_ranking_waits_for_nobody(farm: Farm) -> None:
    """A job that is being handed out is left for the next ranking, so neither waits for the other."""
    score = {"a": 1.0, "b": 1.0}
    with_policy(farm, score=lambda there, _farm: {job.id: Term(score[job.name], "") for job in there})
    held, free = job_named(farm, "a"), job_named(farm, "b")
    score |= {"a": 5.0, "b": 7.0}
    if farm.store.is_sqlite:  # has one writer at a time, which is what this is about elsewhere
        ranking.tick(farm)
        assert stored_ranks(farm) == {"a": 55, "b": 57}
        return
    with farm.store.write() as tx:
        job_store.lock(tx, held.key)
        ranking.tick(farm)
    assert stored_ranks(farm) == {"a": 51, "b": 57}
    ranking.tick(farm)
    assert stored_ranks(farm) == {"a": 55, "b": 57}
    assert free.key > held.key


def test_of_many_kinds_of_tasks_the_best_job_comes_first(farm: Farm) -> None:
    """However many a worker can do, more than are looked at together, and however many jobs there are of each."""
    types = [f"type-{number}" for number in range(11)]
    ranked = list(range(len(types) * 6))
    for number in ranked:
        one_task = authored_task(f"{number * 7 % len(ranked)}", types[number % len(types)])
        store_job(farm, authored_job(one_task, name=f"job {number}", priority=number * 7 % len(ranked)))
    worker = new_worker(farm, task_types=tuple(types))
    assert [run_next(farm, worker) for _ in ranked] == [str(number) for number in reversed(ranked)]
    assert claim.assign_next(farm, worker) is None
