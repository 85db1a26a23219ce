"""Limits on what runs at once: exact, whoever hands out the tasks, and cheap while they are used up."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import event

from flamenco import JobCandidate, Limit, SchedulingPolicy
from flamenco.cli import main
from flamenco.domain.access import Access, Role, reach
from flamenco.domain.model import Job
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import jobs, workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim, placing
from flamenco.farm.scheduling.policies import Policies
from flamenco.services import timeouts
from flamenco.store import recount
from flamenco.store.scheduling import limits
from flamenco.store.schema import queues
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.entering import Client
from tests.integration.farming import new_worker, report, run_next, store_job, take
from tests.integration.test_delivery import serving


def limited(farm: Farm, given: Callable[[JobCandidate, str], Iterable[Limit]]) -> Farm:
    """The farm with a policy that gives these limits, beside those it has."""
    policy = SchedulingPolicy(name="limits", description="", limits=given, depends_on="job")
    farm.policies = Policies({**farm.hooks.scheduling_policies(farm.config), "limits": policy}, {})
    return farm


def nuke_of(capacity: int) -> Callable[[JobCandidate, str], Iterable[Limit]]:
    """Tasks of type blender need a licence, of which there are so many."""
    return lambda _job, task_type: [Limit("nuke", capacity)] if task_type == "blender" else []


def in_use(farm: Farm) -> dict[str, int]:
    """How many places of each limit are taken; and nothing may be miscounted."""
    with farm.store.read() as tx:
        assert recount.miscounted(tx) == []
        return {limit.name: limit.in_use for limit in limits.all_limits(tx)}


def renders(farm: Farm, count: int = 4, **fields: Any) -> Job:
    """A job of so many tasks that need a licence."""
    return store_job(farm, authored_job(*(authored_task(f"t{n}", "blender") for n in range(count)), **fields))


def test_no_more_than_the_limit_run_at_once(farm: Farm) -> None:
    """With two licences the third worker gets nothing, until one of the two is done."""
    limited(farm, nuke_of(2))
    renders(farm)
    team = [new_worker(farm, f"w{n}") for n in range(3)]
    first = take(farm, team[0])
    take(farm, team[1])
    assert claim.assign_next(farm, team[2]) is None
    assert in_use(farm) == {"nuke": 2}
    report(farm, team[0], first, TaskStatus.COMPLETED)
    assert take(farm, team[2]).task.name == "t2"
    assert in_use(farm) == {"nuke": 2}


def test_what_needs_no_licence_goes_on(farm: Farm) -> None:
    """A limit that is used up keeps nobody from other tasks, of the same job or of a less important one."""
    limited(farm, nuke_of(1))
    renders(farm, 2, priority=90)
    store_job(farm, authored_job(authored_task("echo", "misc"), priority=1))
    take(farm, new_worker(farm, "one"))
    assert take(farm, new_worker(farm, "two")).task.name == "echo"
    assert claim.assign_next(farm, new_worker(farm, "three")) is None


def test_asking_again_takes_no_second_place(farm: Farm) -> None:
    """A worker that restarts is given its task again, for the one licence that it has."""
    limited(farm, nuke_of(1))
    renders(farm)
    worker = new_worker(farm)
    assert take(farm, worker).task.id == take(farm, worker).task.id
    assert in_use(farm) == {"nuke": 1}


@pytest.mark.parametrize("status", [JobStatus.CANCEL_REQUESTED, JobStatus.FAILED])
def test_places_come_back_when_the_job_is_taken_away(farm: Farm, status: JobStatus) -> None:
    """Whatever happens to a job as a whole, its licences are free afterwards."""
    limited(farm, nuke_of(2))
    job = renders(farm)
    for number in range(2):
        take(farm, new_worker(farm, f"w{number}"))
    jobs.set_status(farm, job.id, status, "test")
    assert in_use(farm) == {"nuke": 0}


def test_places_come_back_when_workers_fail_leave_or_vanish(farm: Farm, clock: Clock) -> None:
    """A failed task, a worker that signs off and one that is silent give their licences back."""
    limited(farm, nuke_of(3))
    renders(farm, 6)
    team = [new_worker(farm, f"w{n}") for n in range(3)]
    assigned = [take(farm, worker) for worker in team]
    report(farm, team[0], assigned[0], TaskStatus.FAILED)
    assert in_use(farm) == {"nuke": 2}
    workers.sign_off(farm, team[1])
    assert in_use(farm) == {"nuke": 1}
    clock.forward(10_000)
    timeouts.tick(farm)
    assert in_use(farm) == {"nuke": 0}


def test_a_task_under_two_limits_needs_a_place_under_both(farm: Farm) -> None:
    """It waits while one of them is used up, and takes a place of neither."""
    limited(farm, lambda job, _type: [Limit("seat", 5), *([Limit("rare", 1)] if job.name == "rare" else [])])
    for _ in range(2):
        store_job(farm, authored_job(authored_task(), name="rare", priority=90))
    store_job(farm, authored_job(authored_task("plain")))
    take(farm, new_worker(farm, "one"))
    assert take(farm, new_worker(farm, "two")).task.name == "plain"
    assert in_use(farm) == {"seat": 2, "rare": 1}


def test_a_job_has_no_more_workers_than_it_says(farm: Farm) -> None:
    """A limit of the job closes its queues at that number, and opens them again below it."""
    limited(farm, lambda job, _type: [Limit("max", job.settings["max"], per_job=True)] if job.settings else [])
    few = renders(farm, 4, priority=90, settings={"max": 2})
    renders(farm, 4)
    team = [new_worker(farm, f"w{n}") for n in range(4)]
    assigned = [take(farm, worker) for worker in team]
    assert [each.task.job_id == few.id for each in assigned] == [True, True, False, False]
    report(farm, team[0], assigned[0], TaskStatus.COMPLETED)
    assert take(farm, new_worker(farm, "next")).task.job_id == few.id
    assert in_use(farm) == {}


def test_a_limit_that_changed_counts_after_a_restart(farm: Farm) -> None:
    """Jobs that were queued before get the limits that are configured now, and lose those that are not."""
    renders(farm, 4)
    limited(farm, nuke_of(1))
    placing.place_all(farm)
    take(farm, new_worker(farm, "one"))
    assert claim.assign_next(farm, new_worker(farm, "two")) is None
    limited(farm, nuke_of(2))
    placing.place_all(farm)
    take(farm, new_worker(farm, "three"))
    assert in_use(farm) == {"nuke": 2}
    limited(farm, lambda _job, _type: [])
    placing.place_all(farm)
    take(farm, new_worker(farm, "four"))
    assert in_use(farm) == {"nuke": 2}


def test_the_tighter_of_two_capacities_counts(farm: Farm) -> None:
    """Two policies that speak of one limit differently are both obeyed."""
    both = lambda _job, _type: [Limit("nuke", 3), Limit("nuke", 1)]  # noqa: E731
    limited(farm, both)
    renders(farm)
    take(farm, new_worker(farm, "one"))
    assert claim.assign_next(farm, new_worker(farm, "two")) is None


def test_limits_that_go_wrong_limit_nothing(farm: Farm) -> None:
    """A policy that raises, or gives no limits where some are due, fails no submission and no poll."""

    def broken(job: JobCandidate, _type: str) -> Iterable[Limit]:
        if job.name == "nonsense":
            return ["nuke"]  # type: ignore[list-item]
        raise RuntimeError("no licence server")

    limited(farm, broken)
    renders(farm, 1)
    renders(farm, 1, name="nonsense")
    assert {run_next(farm, new_worker(farm, f"w{n}")) for n in range(2)} == {"t0"}


def test_many_threads_never_exceed_it(farm: Farm) -> None:
    """Sixteen workers at once, three licences: three get a task, whatever the interleaving."""
    limited(farm, nuke_of(3))
    for _ in range(4):
        renders(farm, 8)
    team = [new_worker(farm, f"w{n}") for n in range(16)]
    start = threading.Barrier(len(team))
    given: list[Any] = []

    def ask(worker: Any) -> None:
        start.wait()
        given.append(claim.assign_next(farm, worker))

    threads = [threading.Thread(target=ask, args=(worker,)) for worker in team]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len([each for each in given if each is not None]) == 3
    assert in_use(farm) == {"nuke": 3}


def test_a_limit_that_is_used_up_makes_no_poll_dear(farm: Farm) -> None:
    """However many jobs wait for a licence, a poll looks at none of them: their requirement is not met."""
    limited(farm, nuke_of(0))
    for _ in range(30):
        renders(farm, 1)
    worker = new_worker(farm)
    looked: list[str] = []
    event.listen(
        farm.store.engine, "before_cursor_execute", lambda _c, _cu, statement, *_: looked.append(str(statement))
    )
    assert claim.assign_next(farm, worker) is None
    assert not [statement for statement in looked if f"FROM {queues.name} JOIN" in statement]


def test_who_waits(farm: Farm) -> None:
    """Of each limit what is in use, and the jobs that are first in line with what they have to run under it."""
    limited(farm, nuke_of(1))
    assert Client(farm).get("/api/x/limits").json == {"limits": []}
    late = [renders(farm, 1, name=f"late {number}", priority=20) for number in range(5)]
    first = renders(farm, 4, name="first", priority=90)
    second = renders(farm, 2, name="second", priority=80)
    store_job(farm, authored_job(authored_task("free", "misc"), name="free", priority=99))
    paused = authored_job(authored_task("t", "blender"), name="paused")
    store_job(farm, paused, JobStatus.PAUSED)
    worker = new_worker(farm, task_types=("blender",))
    running = take(farm, worker)
    (limit,) = Client(farm).get("/api/x/limits").json["limits"]
    assert {name: limit[name] for name in ("name", "capacity", "in_use", "waiting", "waiting_jobs")} == {
        "name": "nuke",
        "capacity": 1,
        "in_use": 1,
        "waiting": 10,
        "waiting_jobs": 7,
    }
    named = [{"id": job.id, "name": job.name, "tasks": 1} for job in late[:3]]
    assert limit["first"] == [
        {"id": first.id, "name": "first", "tasks": 3},
        {"id": second.id, "name": "second", "tasks": 2},
        *named,
    ]
    report(farm, worker, running, TaskStatus.COMPLETED)
    (limit,) = Client(farm).get("/api/x/limits").json["limits"]
    assert (limit["in_use"], limit["waiting"]) == (0, 10)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_limits_on_the_command_line(farm: Farm) -> None:
    """For people and for programs."""
    with serving(farm) as url:

        def run(*words: str) -> str:
            done = CliRunner().invoke(main, ["limits", *words, "--manager", url])
            assert done.exit_code == 0, done.output
            return done.stdout

        assert "No policy" in run()
        limited(farm, nuke_of(1))
        for number in range(6):
            renders(farm, 2, name=f"shot {number}")
        take(farm, new_worker(farm))
        title, row = run().splitlines()
        assert title.split() == ["Limit", "In", "use", "Of", "Waiting", "First", "in", "line"]
        assert row.split()[:5] == ["nuke", "1", "(full)", "1", "11"]
        assert "shot 0 (1), shot 1 (2)" in row
        assert row.endswith("and 1 more")
        (found,) = json.loads(run("--json"))
        assert (found["name"], found["waiting_jobs"]) == ("nuke", 6)


@pytest.mark.parametrize("role", Role)
def test_who_sees_limits_may_see_jobs(role: Role) -> None:
    """Limits name jobs that wait; they are for whoever may look at the farm, and those may see all jobs."""
    assert reach(role, Access.LOOK) <= reach(role, Access.JOB)
