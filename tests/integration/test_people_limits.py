"""Limits that people set while the farm runs: of users, of projects, on machines, and of workers on one job."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from click.testing import CliRunner

from flamenco import JobCandidate, Limit
from flamenco.cli import main
from flamenco.domain.access import Caller, Role, Way
from flamenco.domain.errors import NotFound, Refused
from flamenco.domain.model import Submission
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.farm import audit, jobs, limits, workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim, placing
from flamenco.store.scheduling import own_limits
from tests.conftest import authored_job, authored_task
from tests.integration.entering import Client
from tests.integration.farming import job_now, new_worker, report, store_job, take
from tests.integration.limiting import job_by, running, worker_at
from tests.integration.test_delivery import serving
from tests.integration.test_explain import ask, waiting
from tests.integration.test_limits import limited, nuke_of, renders


def state(farm: Farm, name: str) -> dict[str, Any]:
    """What the API says of a limit."""
    found: list[dict[str, Any]] = Client(farm).get("/api/x/limits").json["limits"]
    return next(each for each in found if each["name"] == name)


def test_a_user_has_so_many_tasks_at_once(farm: Farm) -> None:
    """Of all jobs together, those that come later too; others are given what is left, and a worker the next job."""
    first = job_by(farm, "ann", priority=90)
    assert limits.change(farm, "user:ann", 2) == "user:ann"
    job_by(farm, "ann", priority=80)
    bob = job_by(farm, "bob")
    team = [new_worker(farm, f"w{number}") for number in range(4)]
    assigned = [take(farm, worker) for worker in team]
    assert [each.task.job_id == bob.id for each in assigned] == [False, False, True, True]
    assert running(farm)["user:ann"] == 2
    report(farm, team[0], assigned[0], TaskStatus.COMPLETED)
    assert take(farm, team[0]).task.job_id == first.id


def test_what_runs_already_counts(farm: Farm) -> None:
    """A limit below that number lets nothing more begin until there is room; a higher one, at once."""
    job_by(farm, "ann", "Film 12", count=9)
    team = [new_worker(farm, f"w{number}") for number in range(6)]
    assigned = [take(farm, worker) for worker in team[:3]]
    limits.change(farm, "project:Film 12", 2)
    found = state(farm, "project:Film 12")
    assert (found["in_use"], found["capacity"], found["waiting"], found["is_set"]) == (3, 2, 6, True)
    for worker, each in zip(team[:2], assigned, strict=False):
        assert claim.assign_next(farm, team[3]) is None
        report(farm, worker, each, TaskStatus.COMPLETED)
    take(farm, team[3])
    assert claim.assign_next(farm, team[4]) is None
    limits.change(farm, "project:Film 12", 4)
    take(farm, team[4])
    take(farm, team[5])
    assert running(farm)["project:Film 12"] == 4
    assert claim.assign_next(farm, team[0]) is None


def test_a_limit_that_is_taken_away(farm: Farm) -> None:
    """Limits nothing any more, and is not listed; set again, it counts what has begun meanwhile."""
    job_by(farm, "ann", count=9)
    limits.change(farm, "user:ann", 0)
    team = [new_worker(farm, f"w{number}") for number in range(4)]
    assert claim.assign_next(farm, team[0]) is None
    limits.change(farm, "user:ann", None)
    assert limits.states(farm) == []
    for worker in team[:3]:
        take(farm, worker)
    limits.change(farm, "user:ann", 3)
    assert claim.assign_next(farm, team[3]) is None
    assert state(farm, "user:ann")["in_use"] == 3


def test_a_task_needs_room_under_each_limit(farm: Farm) -> None:
    """Of its user, its project and a policy."""
    limited(farm, nuke_of(1))
    renders(farm, 2, metadata={"user.name": "ann", "project": "p"})
    limits.change(farm, "user:ann", 5)
    limits.change(farm, "project:p", 5)
    limits.change(farm, "machine:*", 5)
    take(farm, new_worker(farm, "one"))
    assert claim.assign_next(farm, new_worker(farm, "two")) is None
    assert {each.name: each.in_use for each in limits.states(farm)} == {
        "machine:*": 1,
        "nuke": 1,
        "project:p": 1,
        "user:ann": 1,
    }


def test_another_capacity_for_a_limit_of_a_policy(farm: Farm) -> None:
    """Stays when jobs are placed anew, as after a restart; taken back, the policy's counts."""
    limited(farm, nuke_of(3))
    renders(farm, 9)
    limits.change(farm, "nuke", 1)
    placing.place_all(farm)
    take(farm, new_worker(farm, "one"))
    assert claim.assign_next(farm, new_worker(farm, "two")) is None
    limits.change(farm, "nuke", None)
    take(farm, new_worker(farm, "three"))
    assert state(farm, "nuke") | {"first": []} == {
        "name": "nuke",
        "capacity": 3,
        "in_use": 2,
        "waiting": 7,
        "waiting_jobs": 1,
        "first": [],
        "is_set": False,
        "per_machine": False,
    }


def test_a_machine_runs_so_many_tasks(farm: Farm) -> None:
    """Of whichever jobs, however many workers it has; one of its own limit has that instead."""
    for user in ("ann", "bob", "cid"):
        job_by(farm, user)
    here = [worker_at(farm, f"here-{number}", "10.0.0.7") for number in range(3)]
    there = [worker_at(farm, f"there-{number}", "10.0.0.8") for number in range(3)]
    first = take(farm, here[0])
    limits.change(farm, "machine:*", 1)
    assert claim.assign_next(farm, here[1]) is None
    take(farm, there[0])
    assert claim.assign_next(farm, there[1]) is None
    assert limits.change(farm, "machine:there-2", 2) == "machine:10.0.0.8"
    take(farm, there[1])
    assert claim.assign_next(farm, there[2]) is None
    assert claim.assign_next(farm, here[1]) is None
    assert [state(farm, name)["in_use"] for name in ("machine:*", "machine:10.0.0.8")] == [1, 2]
    report(farm, here[0], first, TaskStatus.COMPLETED)
    take(farm, here[1])
    assert claim.assign_next(farm, here[0]) is None
    limits.change(farm, "machine:*", None)
    take(farm, here[0])


def test_a_policy_limits_each_machine(farm: Farm) -> None:
    """Tasks of one type: one graphics card each, and everything else beside it."""
    limited(farm, lambda _job, kind: [Limit("gpu", 1, per_machine=True)] if kind == "blender" else [])
    renders(farm, 9, priority=90)
    job_by(farm, "ann")
    team = [worker_at(farm, f"w{number}", f"10.0.0.{number % 2}") for number in range(4)]
    kinds = [take(farm, worker).task.type for worker in team]
    assert kinds == ["blender", "blender", "misc", "misc"]
    found = state(farm, "gpu")
    assert (found["in_use"], found["capacity"], found["per_machine"]) == (1, 1, True)


def test_more_and_fewer_workers_on_a_job_that_runs(farm: Farm) -> None:
    """At once; what runs goes on, and what its setting says counts again when that is taken back."""

    def most(job: JobCandidate, _type: str) -> list[Limit]:
        given = job.settings.get("max_workers")
        return [Limit("max_workers", int(given), per_job=True)] if given else []

    limited(farm, most)
    job = renders(farm, 9, settings={"max_workers": 1})
    team = [new_worker(farm, f"w{number}") for number in range(6)]
    assigned = [take(farm, team[0])]
    assert claim.assign_next(farm, team[1]) is None
    assert limits.set_max_workers(farm, job.id, 3) is None
    assigned += [take(farm, team[1]), take(farm, team[2])]
    assert claim.assign_next(farm, team[3]) is None
    assert limits.set_max_workers(farm, job.id, 2) == 3
    report(farm, team[0], assigned[0], TaskStatus.COMPLETED)
    assert claim.assign_next(farm, team[0]) is None
    limits.set_max_workers(farm, job.id, 0)
    for worker in (team[0], team[3], team[4]):
        take(farm, worker)
    limits.set_max_workers(farm, job.id, None)
    placing.place_all(farm)
    assert claim.assign_next(farm, team[5]) is None
    assert job_now(farm, job).max_running == 1
    with pytest.raises(NotFound):
        limits.set_max_workers(farm, authored_job().id, 1)


def test_without_a_policy_people_limit_jobs_as_well(farm: Farm) -> None:
    """No plugin is needed for it, and it stays when the job is queued again."""
    job = job_by(farm, "ann")
    limits.set_max_workers(farm, job.id, 1)
    worker = new_worker(farm)
    take(farm, worker)
    assert claim.assign_next(farm, new_worker(farm, "other")) is None
    jobs.set_status(farm, job.id, JobStatus.REQUEUEING, "again")
    take(farm, worker)
    assert claim.assign_next(farm, new_worker(farm, "third")) is None


def test_explained(farm: Farm) -> None:
    """With the limit's name, for the job and for a worker whose machine has enough."""
    job = job_by(farm, "ann")
    limits.change(farm, "user:ann", 1)
    team = [worker_at(farm, f"w{number}", "10.0.0.7") for number in range(2)]
    take(farm, team[0])
    (found,) = ask(farm, job)["waiting"]
    assert (found["why"], found["reason"]) == ("limit", "the limit 'user:ann' is used up: 1 of 1")
    limits.change(farm, "user:ann", 4)
    limits.change(farm, "machine:*", 1)
    assert waiting(farm, job) == {"machine-limit": 3}
    (found,) = ask(farm, job, team[1].id)["waiting"]
    assert found["reason"] == "worker w1 has a machine that runs as many tasks as it may (limit machine:*)"
    limits.change(farm, "machine:*", None)
    assert waiting(farm, job, team[1].id) == {"next": 3}


def test_names_with_braces_are_explained_too(farm: Farm) -> None:
    """What somebody calls a worker is no place for anything to be put in."""
    job = job_by(farm, "ann")
    worker = new_worker(farm, "{status} {0} {x}", ("blender",))
    (found,) = ask(farm, job, worker.id)["waiting"]
    assert found["reason"] == "worker {status} {0} {x} does not run tasks of type 'misc'"


@pytest.mark.parametrize(
    ("name", "capacity", "complaint"),
    [
        ("licences", 3, "There is no limit 'licences'. Limits of policies: none; you can make user:NAME"),
        ("machine:nowhere", 3, "no worker is called 'nowhere'"),
        ("user:ann", -1, "capacity: is from 0"),
    ],
)
def test_what_cannot_be_set(farm: Farm, name: str, capacity: int, complaint: str) -> None:
    """Is refused with a sentence, and leaves nothing behind."""
    with pytest.raises(Refused, match=complaint):
        limits.change(farm, name, capacity)
    assert limits.states(farm) == []


def test_what_a_process_that_died_left_is_finished(farm: Farm) -> None:
    """The limit is known at once; the jobs that were not put under it yet are by the chore."""
    job_by(farm, "ann")
    with farm.store.write() as tx:
        own_limits.save(tx, "user:ann", 0, settles=True)
    assert claim.assign_next(farm, new_worker(farm)) is not None  # the process died before it came to this job
    limits.settle(farm)
    assert claim.assign_next(farm, new_worker(farm, "next")) is None
    assert running(farm)["user:ann"] == state(farm, "user:ann")["in_use"] == 1
    with farm.store.read() as tx:
        assert own_limits.settling(tx) == {}


def test_a_limit_is_set_again_while_jobs_are_put_under_it(farm: Farm) -> None:
    """The first that is done with that does not say that the second is."""
    with farm.store.write() as tx:
        own_limits.save(tx, "user:ann", 1, settles=True)
        seen = own_limits.settling(tx)["user:ann"]
        own_limits.save(tx, "user:ann", None, settles=True)
        own_limits.settled(tx, "user:ann", seen)
        assert own_limits.settling(tx) == {"user:ann": seen + 1}


@pytest.mark.postgresql
def test_who_submits_meanwhile_falls_under_it(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that is being stored when a limit is set is waited for, or finds it."""
    ready, go = threading.Event(), threading.Event()
    whole = placing.settle

    def slowly(*given: Any) -> None:
        whole(*given)
        ready.set()
        assert go.wait(30)

    monkeypatch.setattr(placing, "settle", slowly)
    submission = Submission(
        name="late", type="echo-sleep-test", settings={"message": "m"}, metadata={"user.name": "ann"}
    )
    by = Caller(role=Role.SUBMIT, way=Way.MODE, address="10.1.2.3")
    storing = threading.Thread(target=jobs.submit, args=(farm, submission, by), kwargs={"strict": True})
    storing.start()
    assert ready.wait(60)
    setting = threading.Thread(target=limits.change, args=(farm, "user:ann", 0))
    setting.start()
    go.set()
    for thread in (storing, setting):
        thread.join(60)
    assert state(farm, "user:ann")["waiting_jobs"] == 1
    assert claim.assign_next(farm, new_worker(farm)) is None


def test_the_api(farm: Farm) -> None:
    """Sets and takes away; what somebody did is in the record, and wrong bodies are refused."""
    client = Client(farm)
    job_by(farm, "Ann Ä")
    answer = client.post("/api/x/limits", {"name": "user:Ann Ä", "capacity": 4})
    assert answer.status_code == 200, answer.text
    assert [(each["name"], each["capacity"]) for each in answer.json["limits"]] == [("user:Ann Ä", 4)]
    assert client.post("/api/x/limits", {"name": "user:Ann Ä"}).json == {"limits": []}
    for wrong in ({"name": "user:a", "capacity": -1}, {"name": ""}, {"capacity": 1}, {"name": "user:\x00"}):
        assert client.post("/api/x/limits", wrong).status_code == 400
    assert client.post("/api/x/limits", {"name": "none", "capacity": 1}).status_code == 400
    records = [record for record in audit.records(farm, 10) if record.kind == "limit"]
    assert [(record.object_name, record.after) for record in records] == [
        ("user:Ann Ä", {"capacity": None}),
        ("user:Ann Ä", {"capacity": 4}),
    ]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_typed(farm: Farm) -> None:
    """For people and for programs."""
    job_by(farm, "ann")
    worker_at(farm, "render-07", "10.0.0.7")
    with serving(farm) as url:

        def run(*words: str, code: int = 0) -> str:
            done = CliRunner().invoke(main, [*words, "--manager", url])
            assert done.exit_code == code, done.output
            return done.output

        assert "nobody has set one" in run("limits")
        run("limits", "set", "machine:render-07", "2")
        (row,) = json.loads(run("limits", "set", "user:ann", "4", "--json"))[1:]
        assert (row["name"], row["capacity"], row["is_set"]) == ("user:ann", 4, True)
        lines = [line.split() for line in run("limits").splitlines()]
        assert lines[1][:6] == ["machine:10.0.0.7", "0", "2", "on", "each", "machine"]
        assert lines[2][:4] == ["user:ann", "0", "4", "4"]
        assert "user:ann" not in run("limits", "unset", "user:ann")
        assert "there is no limit 'seats'" in run("limits", "set", "seats", "1", code=1).lower()
        assert "0<=x<=1000000" in run("limits", "set", "user:ann", "--", "-1", code=2)


def test_a_worker_that_comes_from_elsewhere(farm: Farm) -> None:
    """Is of that machine from its next sign-on on."""
    job_by(farm, "ann", count=9)
    limits.change(farm, "machine:*", 1)
    one, other = (worker_at(farm, name, "10.0.0.7") for name in ("one", "other"))
    take(farm, one)
    assert claim.assign_next(farm, other) is None
    moved = worker_at(farm, "third", "10.0.0.9")
    take(farm, moved)
    workers.sign_on(farm, other, name="other", software="", task_types=["misc"], can_restart=False, address="10.0.0.10")
    workers.state_changed(farm, other, WorkerStatus.AWAKE)
    take(farm, other)


def test_a_limit_of_a_machine_that_is_gone(farm: Farm) -> None:
    """Can still be taken away."""
    worker = worker_at(farm, "render-07", "10.0.0.7")
    limits.change(farm, "machine:render-07", 1)
    workers.delete(farm, worker.id)
    limits.change(farm, "machine:10.0.0.7", None)
    assert limits.states(farm) == []
    with pytest.raises(Refused, match=r"no worker is called '10\.0\.0\.7'"):
        limits.change(farm, "machine:10.0.0.7", 1)


def test_tasks_of_paused_and_finished_jobs_fall_under_it_later(farm: Farm) -> None:
    """When they go on."""
    paused = store_job(farm, authored_job(authored_task("p", "misc"), metadata={"user.name": "ann"}), JobStatus.PAUSED)
    over = store_job(farm, authored_job(authored_task("o", "misc"), metadata={"user.name": "ann"}), JobStatus.CANCELED)
    limits.change(farm, "user:ann", 0)
    for job in (paused, over):
        jobs.set_status(farm, job.id, JobStatus.REQUEUEING, "again")
    assert claim.assign_next(farm, new_worker(farm)) is None
