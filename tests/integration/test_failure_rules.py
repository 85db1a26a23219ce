"""What rules say of failed tasks, and that it happens: by the configuration, job types and plugins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from flamenco.config.failure_settings import FailuresConfig
from flamenco.domain.failure_rules import FailureRule
from flamenco.domain.model import AuthoredTask, Job, Worker
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.farm import jobs, retrying, sickness, starting, tasks, timeline
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim, explanation
from flamenco.farm.tasks import TaskChange
from flamenco.services import upkeep
from flamenco.store import recount, retries
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import job_now, new_worker, present, report, statuses, store_job, take

MakeFarm = Callable[..., Farm]


def rule(then: str, match: str = "trouble", **parts: Any) -> FailureRule:
    """What follows from trouble."""
    return FailureRule(match=match, then=then, **parts)


@pytest.fixture
def ruled(make_farm: MakeFarm) -> Callable[..., Farm]:
    """Makes farms with rules in their configuration."""

    def make(*rules: FailureRule, **settings: Any) -> Farm:
        return make_farm(failures=FailuresConfig(rules=rules, **settings))

    return make


def some_tasks(number: int = 20) -> list[AuthoredTask]:
    """So many that one that fails does not fail the job."""
    return [authored_task(f"t{each}") for each in range(number)]


def fail(farm: Farm, worker: Worker, log: str = "a\ntrouble: here\nb\n", activity: str = "Failed: exec") -> str:
    """The worker takes a task, says something, and fails it; which one that was."""
    assigned = take(farm, worker)
    tasks.update(farm, worker, assigned.task.id, TaskChange(log=log))
    report(farm, worker, assigned, TaskStatus.FAILED, activity=activity)
    return assigned.task.id


def test_the_job_fails_at_once(ruled: Callable[..., Farm]) -> None:
    """With the sentence everywhere that people look; what runs of it is stopped."""
    farm = ruled(rule("fail_job", r"trouble: (?P<where>\w+)", say="There is trouble {where}, says {worker}."))
    job = store_job(farm, authored_job(*some_tasks()))
    first, second = new_worker(farm, "first"), new_worker(farm, "second")
    take(farm, second)
    task_id = fail(farm, first)
    sentence = "There is trouble here, says first."
    assert statuses(farm, job)[:3] == ["failed", "canceled", "failed"]
    assert job_now(farm, job).activity == f'Changed to status "failed": t1: {sentence}'
    assert tasks.details(farm, task_id).task.activity == sentence
    (attempt,) = timeline.of_task(farm, task_id)
    assert (attempt.outcome, attempt.reason) == ("failed", sentence)
    assert f"By a rule of the configuration: the job fails. {sentence}" in farm.logs.tail(job.id, task_id)
    assert explanation.explain(farm, job.id).failed[0].activity == sentence
    assert present(farm, first).failing == ()


def test_a_task_that_the_job_can_do_without(ruled: Callable[..., Farm]) -> None:
    """Fails alone."""
    farm = ruled(rule("fail_job"))
    job = store_job(farm, authored_job(replace(authored_task("extra"), optional=True), authored_task("t")))
    new_worker(farm, "second")
    fail(farm, new_worker(farm, "first"))
    assert statuses(farm, job) == ["active", "failed", "queued"]


def test_the_task_fails_and_nobody_tries(ruled: Callable[..., Farm]) -> None:
    """The job goes on."""
    farm = ruled(rule("fail_task"))
    job = store_job(farm, authored_job(*some_tasks()))
    new_worker(farm, "second")
    fail(farm, new_worker(farm, "first"))
    assert statuses(farm, job)[:3] == ["active", "failed", "queued"]


def test_what_nobody_is_to_try_is_not_tried_when_its_worker_is_blocked(ruled: Callable[..., Farm]) -> None:
    """What it has failed otherwise goes to others then."""
    farm = ruled(rule("fail_task"))
    job = store_job(farm, authored_job(*some_tasks(60), tries=1))
    bad, good = new_worker(farm, "bad"), new_worker(farm, "good")
    fail(farm, bad)
    for _ in range(2):
        fail(farm, bad, "something\n")
    assert [block.worker_name for block in jobs.blocklist(farm, job.id)] == ["bad"]
    assert statuses(farm, job)[1:4] == ["failed", "queued", "failed"]
    assert take(farm, good).task.name == "t1"


def test_the_same_worker_tries_again(ruled: Callable[..., Farm]) -> None:
    """As often as there are tries; a farm of one worker is enough for that."""
    farm = ruled(rule("retry"))
    job = store_job(farm, authored_job(*some_tasks()))
    worker = new_worker(farm)
    assert [fail(farm, worker) for _ in range(3)].count(tasks.of_job(farm, job.id)[0].id) == 3
    assert statuses(farm, job)[:3] == ["active", "failed", "queued"]
    assert take(farm, worker).task.name == "t1"


def test_another_worker_tries_as_long_as_there_is_one(ruled: Callable[..., Farm]) -> None:
    """Those who could not are no tries of the task; but each gets no more of these once it failed three."""
    farm = ruled(rule("retry_elsewhere"), sick_after_failures=0)
    job = store_job(farm, authored_job(authored_task("large"), *some_tasks(40)))
    team = [new_worker(farm, f"w{number}") for number in range(6)]
    for worker in team[:5]:
        fail(farm, worker)
        assert statuses(farm, job)[1] == "soft-failed"
    fail(farm, team[5])
    assert statuses(farm, job)[:3] == ["active", "failed", "queued"]
    for _ in range(2):
        fail(farm, team[0])
    assert [block.worker_name for block in jobs.blocklist(farm, job.id)] == ["w0"]


def test_it_is_tried_again_later(ruled: Callable[..., Farm], clock: Clock) -> None:
    """Not before its moment, by anybody; the rest of the job goes on, and nothing is counted."""
    farm = ruled(rule("retry_after 5m", say="busy"))
    job = store_job(farm, authored_job(*some_tasks(2)))
    worker = new_worker(farm)
    task_id = fail(farm, worker)
    assert statuses(farm, job) == ["active", "soft-failed", "queued"]
    report(farm, worker, take(farm, worker), TaskStatus.COMPLETED)
    assert claim.assign_next(farm, worker) is None
    (reason,) = explanation.explain(farm, job.id).waiting
    assert (reason.why, reason.count) == ("retry-later", 1)
    assert reason.text.startswith("failed, and is tried again at ")
    clock.forward(299)
    upkeep.finish_moves(farm)
    assert claim.assign_next(farm, worker) is None
    clock.forward(1)
    upkeep.finish_moves(farm)
    assigned = take(farm, worker)
    assert assigned.task.id == task_id
    report(farm, worker, assigned, TaskStatus.COMPLETED)
    assert statuses(farm, job) == ["completed", "completed", "completed"]


def test_what_waits_is_not_the_end_of_a_job(ruled: Callable[..., Farm], clock: Clock) -> None:
    """All else of it has failed: it ends when the last one has."""
    farm = ruled(rule("retry_after 5m"), job_fail_percent=100)
    job = store_job(farm, authored_job(*some_tasks(2)))
    worker = new_worker(farm)
    fail(farm, worker)
    fail(farm, worker, log="something else\n")
    assert statuses(farm, job) == ["active", "soft-failed", "failed"]
    clock.forward(300)
    retrying.let_go(farm)
    report(farm, worker, take(farm, worker), TaskStatus.COMPLETED)
    assert statuses(farm, job) == ["failed", "completed", "failed"]


def _requeue_task(farm: Farm, job: Job, task_id: str) -> None:
    tasks.set_status(farm, task_id, TaskStatus.QUEUED, "now")


def _requeue_job(farm: Farm, job: Job, task_id: str) -> None:
    jobs.set_status(farm, job.id, JobStatus.REQUEUEING, "now")


def _pause_and_resume(farm: Farm, job: Job, task_id: str) -> None:
    jobs.set_status(farm, job.id, JobStatus.PAUSE_REQUESTED, "wait")
    assert statuses(farm, job)[1] == "paused"
    jobs.set_status(farm, job.id, JobStatus.QUEUED, "go on")


def _cancel_and_requeue(farm: Farm, job: Job, task_id: str) -> None:
    jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "no")
    assert statuses(farm, job)[1] == "canceled"
    tasks.set_status(farm, task_id, TaskStatus.QUEUED, "yes")


@pytest.mark.parametrize(
    ("act", "waits"),
    [(_requeue_task, False), (_requeue_job, False), (_pause_and_resume, True), (_cancel_and_requeue, False)],
)
def test_what_people_do_meanwhile(
    ruled: Callable[..., Farm], clock: Clock, act: Callable[[Farm, Job, str], None], *, waits: bool
) -> None:
    """Who queues it again does not want to wait; the counters are right, and the moment does no harm when it comes."""
    farm = ruled(rule("retry_after 5m"))
    job = store_job(farm, authored_job(*some_tasks(2)))
    worker = new_worker(farm)
    task_id = fail(farm, worker)
    report(farm, worker, take(farm, worker), TaskStatus.COMPLETED)
    act(farm, job, task_id)
    statuses(farm, job)  # which counts anew
    if waits:
        assert claim.assign_next(farm, worker) is None
    clock.forward(400)
    retrying.let_go(farm)
    statuses(farm, job)
    assert take(farm, worker).task.id == task_id


def test_what_does_not_count_has_an_end(ruled: Callable[..., Farm], clock: Clock) -> None:
    """After so many times it is a failure like any other, and that is said."""
    farm = ruled(rule("retry_after 1s", say="busy"), free_retries=3, sick_after_failures=0)
    job = store_job(farm, authored_job(*some_tasks(20)))
    worker = new_worker(farm)
    for _ in range(3):
        task_id = fail(farm, worker)
        assert statuses(farm, job)[1] == "soft-failed"
        clock.forward(1)
        retrying.let_go(farm)
    assert fail(farm, worker) == task_id
    assert statuses(farm, job)[1] == "failed"
    assert (
        "busy It was tried again 3 times for that, and now it counts (free_retries)."
        in farm.logs.part(job.id, task_id, 0, 100_000).data.decode()
    )
    tasks.set_status(farm, task_id, TaskStatus.QUEUED, "once more")
    with farm.store.read() as tx:
        assert retries.counts(tx, tasks.of_job(farm, job.id)[0].key) == (0, 0)


def test_the_job_is_held(ruled: Callable[..., Farm], clock: Clock) -> None:
    """What runs goes on, nothing is begun; why is told where the job is shown, and it never starts sooner for that."""
    farm = ruled(rule("hold_job 5m", say="no license"))
    job = store_job(farm, authored_job(*some_tasks(3)))
    first, second = new_worker(farm, "first"), new_worker(farm, "second")
    other = take(farm, second)
    task_id = fail(farm, first)
    now = job_now(farm, job)
    assert (now.status, now.start_after) == (JobStatus.ACTIVE, clock() + timedelta(minutes=5))
    assert now.activity == "Held for 5m0s: no license"
    assert jobs.fetch(farm, job.id).start_after_reason == "no license"
    assert claim.assign_next(farm, first) is None
    assert ": no license" in explanation.explain(farm, job.id).waiting[0].text
    report(farm, second, other, TaskStatus.COMPLETED)
    starting.put_off(farm, job.id, "+3h", "tonight")
    clock.forward(300)
    assert claim.assign_next(farm, first) is None
    starting.put_off(farm, job.id, "now", "")
    assert take(farm, first).task.id in (task_id, *(task.id for task in tasks.of_job(farm, job.id)))
    assert present(farm, first).failing == ()


def test_a_hold_ends_by_itself(ruled: Callable[..., Farm], clock: Clock) -> None:
    """Whoever asks then is given the task."""
    farm = ruled(rule("hold_job 5m"))
    store_job(farm, authored_job(*some_tasks(1)))
    worker = new_worker(farm)
    task_id = fail(farm, worker)
    clock.forward(300)
    assert take(farm, worker).task.id == task_id


def test_the_worker_is_in_error(ruled: Callable[..., Farm]) -> None:
    """It is given nothing of any job; others do the task, for which that counts nothing."""
    farm = ruled(rule("worker_error", say="The disk of {worker} is full."))
    job = store_job(farm, authored_job(*some_tasks(2)))
    bad, good = new_worker(farm, "bad"), new_worker(farm, "good")
    task_id = fail(farm, bad)
    assert statuses(farm, job) == ["active", "soft-failed", "queued"]
    now = present(farm, bad)
    assert (now.status, now.sick) == (WorkerStatus.ERROR, "The disk of bad is full.")
    with pytest.raises(Exception, match=r'"error", requires state "awake" .*; it is sick: The disk of bad'):
        claim.assign_next(farm, bad)
    assert take(farm, good).task.id == task_id


def test_no_job_has_the_whole_farm_in_error(ruled: Callable[..., Farm], clock: Clock) -> None:
    """After two workers it is held: it must be the storage, or the job."""
    farm = ruled(rule("worker_error"))
    job = store_job(farm, authored_job(*some_tasks(9)))
    team = [new_worker(farm, f"w{number}") for number in range(5)]
    for worker in team[:3]:
        fail(farm, worker)
    assert [present(farm, worker).status for worker in team] == ["error", "error", "awake", "awake", "awake"]
    assert job_now(farm, job).start_after == clock() + timedelta(minutes=5)
    assert (
        "2 other workers had such trouble with this job, so it is held." in jobs.fetch(farm, job.id).start_after_reason
    )
    sickness.heal(farm, team[0].id)
    clock.forward(300)
    fail(farm, team[3])
    assert present(farm, team[3]).status is WorkerStatus.ERROR


def test_the_worker_is_blocked_at_once(ruled: Callable[..., Farm]) -> None:
    """From tasks of that type, of that job; the task counts as failed by it."""
    farm = ruled(rule("blocklist"))
    job = store_job(farm, authored_job(*some_tasks()))
    bad, good = new_worker(farm, "bad"), new_worker(farm, "good")
    task_id = fail(farm, bad)
    assert [(block.worker_name, block.task_type) for block in jobs.blocklist(farm, job.id)] == [("bad", "misc")]
    assert claim.assign_next(farm, bad) is None
    assert take(farm, good).task.id == task_id


def test_the_first_rule_decides(make_farm: MakeFarm) -> None:
    """Those of the job type come before those of the configuration, and those before Flamenco's own."""
    farm = make_farm(failures=FailuresConfig(rules=(rule("fail_task", "No space"), rule("fail_job", "No space"))))
    declared = (rule("retry", "No space", task_types=("blender",)), rule("hold_job 1m", "No space left"))
    new_worker(farm, "other")
    worker = new_worker(farm, task_types=("misc",))
    plain = store_job(farm, authored_job(*some_tasks()))
    fail(farm, worker, "No space left on device\n")
    assert statuses(farm, plain)[:2] == ["active", "failed"]
    jobs.set_status(farm, plain.id, JobStatus.CANCEL_REQUESTED, "")
    with_rules = store_job(farm, authored_job(*some_tasks(), failure_rules=declared))
    fail(farm, worker, "No space left on device\n")
    assert job_now(farm, with_rules).start_after is not None


def test_a_shipped_rule_is_left_out_by_its_name(make_farm: MakeFarm) -> None:
    """Then the failure is one like any other."""
    for settings, status in (
        (FailuresConfig(), WorkerStatus.ERROR),
        (FailuresConfig(without=("disk-full",)), WorkerStatus.AWAKE),
    ):
        farm = make_farm(failures=settings)
        job = store_job(farm, authored_job(*some_tasks()))
        new_worker(farm, "other")
        worker = new_worker(farm)
        fail(farm, worker, "write: No space left on device\n")
        assert present(farm, worker).status is status
        jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "")


def test_a_missing_file_needs_two_who_say_so(farm: Farm) -> None:
    """One of them may not see the storage; two name the file in what the job says."""
    log = "Error: Cannot read file '/shots/a.blend': No such file or directory\n"
    job = store_job(farm, authored_job(*some_tasks()))
    team = [new_worker(farm, f"w{number}") for number in range(3)]
    fail(farm, team[0], log)
    assert statuses(farm, job)[:2] == ["active", "soft-failed"]
    fail(farm, team[1], log)
    assert statuses(farm, job)[0] == "failed"
    assert "The file /shots/a.blend is missing, or cannot be read." in job_now(farm, job).activity


def test_the_exit_code_is_looked_at(ruled: Callable[..., Farm]) -> None:
    """As the worker says it, of the task or in its log; a rule may be about that alone."""
    farm = ruled(FailureRule(exit_code=75, then="hold_job 5m"), sick_after_failures=0)
    worker = new_worker(farm)
    for log, activity, held in (
        ("", "Failed: exec: the program exited with code 75", True),
        ("command exited abnormally with code 75\n", "Failed", True),
        ("", "Failed: exec: the program exited with code 7", False),
    ):
        job = store_job(farm, authored_job(*some_tasks()))
        fail(farm, worker, log, activity)
        assert (job_now(farm, job).start_after is not None) == held
        jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "")


def test_only_the_last_attempt_is_looked_at(ruled: Callable[..., Farm]) -> None:
    """What another worker had logged before, and what we said of it, is none of this one's trouble."""
    farm = ruled(rule("fail_job", "trouble"), rule("retry", "other"))
    job = store_job(farm, authored_job(*some_tasks()))
    first, second = new_worker(farm, "first"), new_worker(farm, "second")
    fail(farm, first, "other\n")
    assigned = take(farm, first)
    tasks.update(farm, first, assigned.task.id, TaskChange(log="trouble\n"))
    tasks.set_status(farm, assigned.task.id, TaskStatus.QUEUED, "again")
    fail(farm, second, "something\n")
    assert job_now(farm, job).status is JobStatus.ACTIVE


@pytest.mark.parametrize(
    "log",
    ["\x00\x01\x02" * 40_000, "x" * 1_000_000, "x\r" * 100_000, "\ufffd" * 30_000, "a" * 200 + "!"],
    ids=["binary", "1 MB line", "progress", "marks", "trap"],
)
def test_hostile_logs(ruled: Callable[..., Farm], log: str) -> None:
    """Rules of ours and of others are looked for in anything, and what is at its end is found."""
    farm = ruled(rule("retry", r"(x+x+)+y"), rule("fail_task", "trouble$"))
    job = store_job(farm, authored_job(*some_tasks()))
    new_worker(farm, "second")
    worker = new_worker(farm, "first")
    fail(farm, worker, f"{log}\ntrouble\n")
    for _ in range(2):  # the time was up at the first: it does not count from then on, or once that was so twice
        if "failed" not in statuses(farm, job)[1:]:
            fail(farm, worker, f"{log}\ntrouble\n")
    assert "failed" in statuses(farm, job)[1:]


def test_a_log_that_cannot_be_read(ruled: Callable[..., Farm]) -> None:
    """The task has failed all the same, and what its worker says of it is looked at."""
    farm = ruled(rule("fail_task", "no paper"))
    job = store_job(farm, authored_job(*some_tasks()))
    new_worker(farm, "second")
    worker = new_worker(farm, "first")
    assigned = take(farm, worker)
    path = farm.logs.path(job.id, assigned.task.id)
    path.unlink()
    path.mkdir()
    report(farm, worker, assigned, TaskStatus.FAILED, activity="Failed: no paper")
    assert statuses(farm, job)[1] == "failed"


def test_a_task_that_was_taken_away_meanwhile(ruled: Callable[..., Farm]) -> None:
    """What a rule said of an attempt that is over is nothing to the next one."""
    farm = ruled(rule("fail_job"))
    job = store_job(farm, authored_job(*some_tasks()))
    worker = new_worker(farm)
    assigned = take(farm, worker)
    tasks.update(farm, worker, assigned.task.id, TaskChange(log="trouble\n"))
    tasks.set_status(farm, assigned.task.id, TaskStatus.CANCELED, "no")
    with pytest.raises(Exception, match="not active any more"):
        report(farm, worker, assigned, TaskStatus.FAILED)
    assert job_now(farm, job).status is JobStatus.ACTIVE


@pytest.mark.parametrize(("percent", "failures"), [(0, 1), (10, 2), (50, 10), (100, 20)])
def test_how_much_of_a_job_may_fail(make_farm: MakeFarm, percent: int, failures: int) -> None:
    """By the settings, or by the job, which is changed while it runs."""
    settings = FailuresConfig(job_fail_percent=percent, sick_after_failures=0)
    for own in (None, percent):
        farm = make_farm(
            failures=FailuresConfig(sick_after_failures=0) if own is not None else settings,
            task_fail_after_softfail_count=1,
            blocklist_threshold=100,
        )
        job = store_job(farm, authored_job(*some_tasks(20), fail_percent=own))
        worker = new_worker(farm)
        for _ in range(failures):
            assert job_now(farm, job).status in (JobStatus.ACTIVE, JobStatus.QUEUED)
            fail(farm, worker, "something\n")
        assert job_now(farm, job).status is JobStatus.FAILED
        with farm.store.read() as tx:
            assert recount.miscounted(tx) == []


def test_how_often_a_task_is_tried(make_farm: MakeFarm) -> None:
    """By the job before the settings."""
    farm = make_farm()
    team = [new_worker(farm, f"w{number}") for number in range(5)]
    job = store_job(farm, authored_job(*some_tasks(), tries=2))
    fail(farm, team[0], "something\n")
    assert statuses(farm, job)[1] == "soft-failed"
    fail(farm, team[1], "something\n")
    assert statuses(farm, job)[1] == "failed"
