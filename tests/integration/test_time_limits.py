"""Tasks that are run or silent for too long, or are done too soon: they fail, and are tried elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flamenco.domain.access import ITSELF
from flamenco.domain.actions import JobAction
from flamenco.domain.errors import Refused
from flamenco.domain.model import AuthoredTask, Command, Job, Worker
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.domain.time_limits import NO_LIMITS, JobTimeLimits, TimeLimits
from flamenco.farm import jobs, speaking, tasks, time_limits, timeline, workers
from flamenco.farm.actions.carrying_out import carry_out
from flamenco.farm.actions.of_jobs import Jobs
from flamenco.farm.actions.values import Arguments, Asked
from flamenco.farm.context import Farm
from flamenco.farm.overdue import Overdue
from flamenco.farm.scheduling import explanation
from flamenco.farm.tasks import TaskChange
from flamenco.services.overdue import Overdue as Chore
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import job_now, new_worker, report, statuses, store_job, take

Pass = Callable[..., None]


def limited(farm: Farm, number: int = 1, **limits: float) -> Job:
    """A job whose tasks have these limits."""
    said = JobTimeLimits(own={"*": TimeLimits(**limits)})
    return store_job(farm, authored_job(*(authored_task(f"t{n}") for n in range(number)), time_limits=said))


@pytest.fixture
def overdue(farm: Farm) -> Overdue:
    """Who looks."""
    return Overdue(farm)


def passing(farm: Farm, clock: Clock, overdue: Overdue, seconds: float, worker: Worker | None, task_id: str) -> None:
    """Time passes; every ten seconds the worker asks whether to go on, and somebody looks at what is overdue."""
    left = seconds
    while left > 0:
        clock.forward(min(10, left))
        left -= 10
        if worker is not None:
            tasks.may_run(farm, worker, task_id)
        overdue.look(farm)


def test_one_that_takes_too_long_is_taken_away(farm: Farm, clock: Clock, overdue: Overdue) -> None:
    """Its worker is told so when it asks; another one tries, and the reason is everywhere that people look."""
    job = limited(farm, max_run_s=60)
    first, second = new_worker(farm, "first"), new_worker(farm, "second")
    assigned = take(farm, first)
    passing(farm, clock, overdue, 59, first, assigned.task.id)
    assert tasks.may_run(farm, first, assigned.task.id).may_keep_running
    passing(farm, clock, overdue, 1, None, "")
    answer = tasks.may_run(farm, first, assigned.task.id)
    assert (answer.may_keep_running, answer.reason) == (False, 'task is in non-runnable status "soft-failed"')
    sentence = "It ran for 1 m, and the job lets such tasks run for 1 m (max_run_time)."
    assert tasks.details(farm, assigned.task.id).task.activity == sentence
    (attempt,) = timeline.of_task(farm, assigned.task.id)
    assert (attempt.outcome, attempt.reason, attempt.seconds) == ("failed", sentence, 60)
    log = farm.logs.tail(job.id, assigned.task.id)
    assert sentence in log
    assert "Task failed by 1 worker, Manager will mark it as soft failure." in log
    assert statuses(farm, job) == ["active", "soft-failed"]
    assert take(farm, second).task.id == assigned.task.id


def test_what_its_worker_says_afterwards_changes_nothing(farm: Farm, clock: Clock, overdue: Overdue) -> None:
    """Also when it was done just then: it is tried elsewhere already."""
    job = limited(farm, max_run_s=60)
    worker, _other = new_worker(farm, "first"), new_worker(farm, "second")
    assigned = take(farm, worker)
    passing(farm, clock, overdue, 60, worker, assigned.task.id)
    with pytest.raises(Exception, match="not active any more"):
        report(farm, worker, assigned, TaskStatus.COMPLETED)
    report(farm, worker, assigned, TaskStatus.FAILED)
    assert statuses(farm, job) == ["active", "soft-failed"]


def test_enough_workers_fail_it_for_good(farm: Farm, clock: Clock, overdue: Overdue) -> None:
    """By the rules of all failures; the job says why."""
    job = limited(farm, max_run_s=60)
    for name in ("a", "b", "c", "d"):
        new_worker(farm, name)
    for worker in workers.list_all(farm)[:3]:
        passing(farm, clock, overdue, 60, worker, take(farm, worker).task.id)
    assert statuses(farm, job) == ["failed", "failed"]
    assert "It ran for 1 m" in job_now(farm, job).activity


@pytest.mark.parametrize(
    "sign",
    [
        TaskChange(log="Fra:12"),
        TaskChange(log="50%\r"),
        TaskChange(activity="frame 12"),
        TaskChange(steps_completed=1),
    ],
)
def test_signs_of_life(farm: Farm, clock: Clock, overdue: Overdue, sign: TaskChange) -> None:
    """A line, a step or another activity is one; that its worker asks whether to go on, or says the same, is none."""
    job = limited(farm, max_silence_s=60)
    worker = new_worker(farm, "first")
    new_worker(farm, "second")
    assigned = take(farm, worker)
    overdue.look(farm)
    passing(farm, clock, overdue, 50, worker, assigned.task.id)
    tasks.update(farm, worker, assigned.task.id, sign)
    passing(farm, clock, overdue, 60, worker, assigned.task.id)
    tasks.update(farm, worker, assigned.task.id, TaskChange(status=TaskStatus.ACTIVE))
    assert statuses(farm, job) == ["active", "active"]
    passing(farm, clock, overdue, 10, worker, assigned.task.id)
    assert statuses(farm, job) == ["active", "soft-failed"]
    assert tasks.details(farm, assigned.task.id).task.activity.startswith("Nothing came of it for 1 m: no line")


def test_one_that_is_done_too_soon_has_failed(farm: Farm, clock: Clock) -> None:
    """Whoever reports it is told that all is well, and others try."""
    job = limited(farm, min_run_s=5)
    first, second = new_worker(farm, "first"), new_worker(farm, "second")
    assigned = take(farm, first)
    clock.forward(2)
    report(farm, first, assigned, TaskStatus.COMPLETED)
    assert statuses(farm, job) == ["active", "soft-failed"]
    assert tasks.details(farm, assigned.task.id).task.activity.startswith("It ended after 2 s, and by the job")
    again = take(farm, second)
    clock.forward(5)
    report(farm, second, again, TaskStatus.COMPLETED)
    assert statuses(farm, job) == ["completed", "completed"]


@pytest.mark.parametrize(("seen", "now", "fails"), [(5, 1, False), (0, 5, True), (1, 5, False)])
def test_limits_that_were_changed_while_a_report_waited(
    farm: Farm, clock: Clock, *, seen: int, now: int, fails: bool
) -> None:
    """What its transaction saw of them may be older: nobody fails by what was taken back, or stays without any."""
    limited(farm, min_run_s=now)
    worker = new_worker(farm, "first")
    assigned = take(farm, worker)
    clock.forward(2)
    with speaking.hearing_of(farm, worker, assigned.task.id, clock()) as told:
        old = JobTimeLimits(own={"*": TimeLimits(min_run_s=seen)}) if seen else NO_LIMITS
        assert bool(time_limits.shortfall(told._replace(limits=old), farm, clock())) is fails


def test_limits_of_a_job_are_changed_while_it_runs(farm: Farm, clock: Clock, overdue: Overdue) -> None:
    """By an action, which can be taken back; what runs falls under them at once."""
    job = store_job(farm, authored_job(authored_task("t"), authored_task("u", "ffmpeg")))
    worker = new_worker(farm, "first")
    new_worker(farm, "second")
    assigned = take(farm, worker)
    clock.forward(1000)
    overdue.look(farm)

    def asked(**limits: str) -> Asked:
        arguments = Arguments(task_type="misc", time_limits=limits)
        return Asked(action=JobAction.TIME_LIMITS, arguments=arguments, ids=[job.id])

    outcome = carry_out(farm, ITSELF, Jobs(), asked(max_run_time="2h", max_silence="1h"))
    (undo,) = outcome.undo
    assert undo.arguments == {"task_type": "misc", "max_run_time": "", "max_silence": ""}
    told = {task_type: limits.max_run for task_type, limits in explanation.explain(farm, job.id).time_limits.items()}
    assert told == {"misc": (7200, "the job")}
    carry_out(farm, ITSELF, Jobs(), asked(max_run_time="", max_silence=""))
    assert explanation.explain(farm, job.id).time_limits == {}
    assert not job_now(farm, job).has_time_limits
    carry_out(farm, ITSELF, Jobs(), asked(max_run_time="10m"))
    overdue.look(farm)
    assert statuses(farm, job) == ["active", "soft-failed", "queued"]
    assert tasks.details(farm, assigned.task.id).task.activity.startswith("It ran for 16 m")
    with pytest.raises(Refused, match=r"arguments\.max_run_time: 'soon' is not a duration"):
        carry_out(farm, ITSELF, Jobs(), asked(max_run_time="soon"))
    with pytest.raises(Refused, match="which limits"):
        carry_out(farm, ITSELF, Jobs(), asked())


def test_commands_have_limits_by_default(farm: Farm, clock: Clock, overdue: Overdue) -> None:
    """For tasks that are made of them; a job may say that there are none."""
    farm.command_limits = {"echo": TimeLimits(max_run_s=60, min_run_s=1)}
    echo, other = (
        AuthoredTask(id=authored_task().id, name=name, type="misc", commands=(Command(name, {}),))
        for name in ("echo", "sleep")
    )
    job, free = store_job(farm, authored_job(echo, other)), limited(farm, max_run_s=0, min_run_s=0)
    given = [(worker, take(farm, worker)) for worker in (new_worker(farm, f"w{n}") for n in range(3))]
    idle = new_worker(farm, "idle")
    clock.forward(60)
    overdue.look(farm)
    assert statuses(farm, job) == ["active", "soft-failed", "active"]
    assert statuses(farm, free) == ["active", "active"]
    assert "the command echo lets such tasks run" in tasks.details(farm, given[0][1].task.id).task.activity
    report(farm, given[1][0], given[1][1], TaskStatus.COMPLETED)
    again = take(farm, idle)
    report(farm, idle, again, TaskStatus.COMPLETED)
    assert statuses(farm, job) == ["active", "soft-failed", "completed"]
    assert "by the command echo such tasks take 1 s" in tasks.details(farm, again.task.id).task.activity


def done(farm: Farm, clock: Clock, job: Job, worker: Worker, number: int, seconds: float) -> None:
    """The worker does tasks that take so long each."""
    for _ in range(number):
        assigned = take(farm, worker)
        assert assigned.task.job_id == job.id
        clock.forward(seconds)
        report(farm, worker, assigned, TaskStatus.COMPLETED)


@pytest.mark.parametrize("mode", ["off", "warn", "fail"])
def test_the_automatic_limit(make_farm: Callable[..., Farm], clock: Clock, mode: str) -> None:
    """Warns, once and in words, of a task that takes six times what half of eight took; ends it when that is wanted."""
    farm = make_farm(automatic_time_limit=mode)
    job = store_job(farm, authored_job(*(authored_task(f"t{n}") for n in range(10))))
    worker = new_worker(farm)
    new_worker(farm, "other")
    chore = Chore()
    done(farm, clock, job, worker, 7, 100)
    assigned = take(farm, worker)
    clock.forward(700)
    chore.tick(farm)
    assert statuses(farm, job)[8] == "active"  # seven say nothing yet
    clock.forward(-600)
    report(farm, worker, assigned, TaskStatus.COMPLETED)
    assigned = take(farm, worker)
    for _ in range(3):
        clock.forward(250)
        chore.tick(farm)
    log = farm.logs.tail(job.id, assigned.task.id)
    assert log.count("It has run for 12 m, more than 10 m, and half of 8 others") == (mode != "off")
    assert statuses(farm, job)[9] == ("soft-failed" if mode == "fail" else "active")
    if mode == "warn":
        assert job_now(farm, job).activity.startswith("t8: It has run for 12 m, more than 10 m")


def test_a_limit_of_its_own_takes_the_place_of_the_automatic_one(make_farm: Callable[..., Farm], clock: Clock) -> None:
    """Whoever said how long tasks may take needs no guess."""
    farm = make_farm(automatic_time_limit="fail")
    job = limited(farm, 10, max_run_s=86_400)
    worker = new_worker(farm)
    done(farm, clock, job, worker, 9, 1)
    take(farm, worker)
    clock.forward(3600)
    Chore().tick(farm)
    assert statuses(farm, job)[-1] == "active"


def test_a_clock_that_is_moved_ends_nothing(farm: Farm, clock: Clock, overdue: Overdue) -> None:
    """Neither what runs already, nor what is begun at that moment."""
    job = limited(farm, 2, max_run_s=60, max_silence_s=60)
    take(farm, new_worker(farm, "first"))
    overdue.look(farm)
    take(farm, new_worker(farm, "second"))
    clock.step(86_400)
    overdue.look(farm)
    clock.step(-3 * 86_400)
    overdue.look(farm)
    assert statuses(farm, job) == ["active", "active", "active"]


def test_a_job_that_is_being_paused(farm: Farm, clock: Clock, overdue: Overdue) -> None:
    """Is paused once its last task is broken off; and the limits go with the job."""
    job = limited(farm, 2, max_run_s=60)
    worker = new_worker(farm)
    new_worker(farm, "other")
    assigned = take(farm, worker)
    jobs.set_status(farm, job.id, JobStatus.PAUSE_REQUESTED, "test")
    passing(farm, clock, overdue, 60, worker, assigned.task.id)
    assert statuses(farm, job)[0] == "paused"
    with farm.store.read() as tx:
        assert time_limits.of_job(tx, job_now(farm, job)).own == {"*": TimeLimits(max_run_s=60)}


def test_nobody_else_is_disturbed(farm: Farm, clock: Clock, overdue: Overdue) -> None:
    """A worker that left, and a task that somebody else has by now, are nobody's to end."""
    job = limited(farm, max_run_s=60)
    worker, other = new_worker(farm, "first"), new_worker(farm, "other")
    take(farm, worker)
    clock.forward(59)
    overdue.look(farm)
    workers.state_changed(farm, worker, WorkerStatus.ASLEEP)
    take(farm, other)
    clock.forward(59)
    overdue.look(farm)
    assert statuses(farm, job) == ["active", "active"]
    clock.forward(1)
    overdue.look(farm)
    assert statuses(farm, job)[1] != "active"
