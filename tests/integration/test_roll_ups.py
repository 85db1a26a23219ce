"""Sums of what the farm has done: each attempt is in them once, whoever counts and whatever is deleted."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from falcon import testing
from sqlalchemy import text

from flamenco.api.app import create_app
from flamenco.cli import main
from flamenco.domain.errors import Busy
from flamenco.domain.model import Job, Worker
from flamenco.domain.roll_ups import STEPS
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.farm import deletion, jobs, roll_ups, workers
from flamenco.farm.context import Farm
from flamenco.services.roll_ups import EVERY_S, RollUps
from flamenco.store import recount
from flamenco.store import roll_ups as store
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, report, store_job, take
from tests.integration.test_delivery import serving

pytestmark = pytest.mark.postgresql

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ALL = 2**62


def series(farm: Farm, **asked: Any) -> Any:
    """What the API says."""
    answer = testing.TestClient(create_app(farm)).simulate_get("/api/x/series", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json


@ON_SQLITE
@pytest.mark.parametrize("moment", ["0.5", "1767225600", "", "2026-01-02", "2026-01-02T03:04:05", "soon"])
def test_a_moment_is_written_in_one_way(farm: Farm, moment: str) -> None:
    """A number is none, nor is a day, or what does not say in which time zone it is."""
    answer = testing.TestClient(create_app(farm)).simulate_get("/api/x/series", params={"to": moment})
    assert answer.status_code == 400
    assert answer.json["message"].startswith("to: ")


def totals(farm: Farm, step: str = "5m") -> tuple[float, int, int]:
    """Seconds, and what was completed and failed, in all that is shown."""
    points = series(farm, step=step)["points"]
    sums = (sum(point[name] for point in points) for name in ("seconds", "completed", "failed"))
    seconds, completed, failed = sums
    return round(seconds, 3), completed, failed


def count_all(farm: Farm, most: int = 500) -> None:
    """Count until nothing is left."""
    while roll_ups.count_some(farm, ALL, most):
        pass


def counted_rows(farm: Farm) -> list[Any]:
    """All rows there are."""
    with farm.store.read() as tx:
        return [tuple(row) for row in tx.execute(text("SELECT * FROM roll_ups ORDER BY 1, 2, 3, 4, 5"))]


def work(farm: Farm, clock: Clock, worker: Worker, count: int, seconds: float = 100) -> None:
    """Do so many tasks, each in so many seconds."""
    for _ in range(count):
        assigned = take(farm, worker)
        clock.forward(seconds)
        report(farm, worker, assigned, TaskStatus.COMPLETED)


def some_job(farm: Farm, count: int = 10, **fields: Any) -> Job:
    """A job of so many tasks."""
    return store_job(farm, authored_job(*(authored_task(f"t{number}") for number in range(count)), **fields))


def test_what_is_shown_does_not_depend_on_what_is_counted(farm: Farm, clock: Clock) -> None:
    """It is up to now, before and after, and with what is not over: that has no end yet."""
    some_job(farm)
    worker = new_worker(farm)
    work(farm, clock, worker, 4)
    take(farm, worker)
    clock.forward(40)
    assert totals(farm) == totals(farm, "1d") == (440, 4, 0)
    before = series(farm)["points"]
    count_all(farm, most=1)
    assert series(farm)["points"] == before
    assert len(counted_rows(farm)) == 4  # three of five minutes, and the day


def test_each_attempt_counts_once(make_farm: Callable[..., Farm], clock: Clock) -> None:
    """Several managers count at the same time, and tell the same in the end."""
    farms = [make_farm() for _ in range(3)]
    some_job(farms[0], 60)
    work(farms[0], clock, new_worker(farms[0]), 60, seconds=7)
    start = threading.Barrier(len(farms))

    def count(farm: Farm) -> None:
        start.wait(20)
        is_left = True
        while is_left:
            try:
                is_left = roll_ups.count_some(farm, ALL, 3)
            except Busy:
                continue

    threads = [threading.Thread(target=count, args=(farm,)) for farm in farms]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert totals(farms[0]) == totals(farms[0], "1d") == (420, 60, 0)


def test_a_crash_in_the_middle_counts_nothing(farm: Farm, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is all one transaction: the next one finds what there was."""
    some_job(farm)
    work(farm, clock, new_worker(farm), 5)

    def die(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(store, "set_counted", die)
        with pytest.raises(SystemExit):
            count_all(farm)
    assert counted_rows(farm) == []
    count_all(farm)
    assert totals(farm) == (500, 5, 0)


@pytest.mark.parametrize("are_counted", [True, False])
def test_they_outlive_jobs(farm: Farm, clock: Clock, *, are_counted: bool) -> None:
    """What was done for a job stays done, counted or not when it goes; also what was being done."""
    job = some_job(farm)
    worker = new_worker(farm)
    work(farm, clock, worker, 4)
    take(farm, worker)
    clock.forward(50)
    if are_counted:
        count_all(farm)
    deletion.request(farm, job.id)
    while not deletion.delete_some(farm, job.id, most_rows=2):
        with farm.store.read() as tx:
            assert recount.miscounted(tx) == []
    clock.forward(1000)
    count_all(farm)
    assert totals(farm) == totals(farm, "1d") == (450, 4, 0)
    assert series(farm, by="job_type")["groups"][0]["seconds"] == 450


def test_they_are_told_apart_by_whose_they_are(farm: Farm, clock: Clock) -> None:
    """By type, user and project, before and after they are counted."""
    worker = new_worker(farm)
    for name, project, count in (("anna", "film", 3), ("bob", "film", 2), ("anna", "", 1)):
        some_job(farm, count, metadata={"user.name": name, "project": project}, type=f"for {name}")
        work(farm, clock, worker, count)
    for _ in range(2):
        for by, expected in (
            ("user", {"anna": 400, "bob": 200}),
            ("project", {"film": 500, "": 100}),
            ("job_type", {"for anna": 400, "for bob": 200}),
        ):
            groups = series(farm, by=by)["groups"]
            assert {each["name"]: each["seconds"] for each in groups} == expected
            assert [each["seconds"] for each in groups] == sorted(expected.values(), reverse=True)
        count_all(farm)
    found = series(farm, by="user")
    assert all(len(each["busy_workers"]) == len(found["points"]) for each in found["groups"])


def test_very_many_groups_are_few_rows(farm: Farm, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Users who are too many are one, and nothing of what they did is lost."""
    monkeypatch.setattr("flamenco.domain.roll_ups.MOST_GROUPS", 3)
    worker = new_worker(farm)
    for number in range(8):
        some_job(farm, 1, metadata={"user.name": f"user {number}"})
        work(farm, clock, worker, 1, seconds=1)
        count_all(farm)
    assert len([row for row in counted_rows(farm) if row[0] == STEPS["5m"].seconds]) == 4
    assert {each["name"]: each["seconds"] for each in series(farm, by="user")["groups"]} == {
        "user 0": 1,
        "user 1": 1,
        "user 2": 1,
        "(others)": 5,
    }


def test_what_failed_and_what_was_taken_away(farm: Farm, clock: Clock) -> None:
    """Failures count as such, what people cancel only as time."""
    job = some_job(farm)
    first, second = new_worker(farm, "first"), new_worker(farm, "second")
    assigned = take(farm, first)
    take(farm, second)
    clock.forward(10)
    report(farm, first, assigned, TaskStatus.FAILED)
    jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "test")
    count_all(farm)
    assert totals(farm) == (20, 0, 1)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_one_that_turns_up_late_is_counted(farm: Farm, clock: Clock) -> None:
    """A server numbers rows before they are there: while somebody writes, nothing behind them is counted."""
    some_job(farm)
    worker = new_worker(farm)
    work(farm, clock, worker, 1)
    chore = RollUps()
    late = text(
        "INSERT INTO attempts (job_key, task_key, number, started, ended, seconds, outcome, reason, steps, log_begins)"
        " SELECT job_key, task_key, 77, started, ended, seconds, outcome, reason, steps, log_begins"
        " FROM attempts LIMIT 1"
    )
    with farm.store.write() as tx:
        tx.execute(late)  # it has the next number
        work(farm, clock, worker, 1)
        assert chore.tick(farm) < EVERY_S
        assert chore.tick(farm) < EVERY_S
        assert counted_rows(farm) == []
    for _ in range(3):
        chore.tick(farm)
    assert totals(farm) == (300, 3, 0)
    with farm.store.read() as tx:
        assert store.uncounted(tx, store.counted(tx), 10) == []


def test_workers_that_are_awake_are_looked_at(farm: Farm, clock: Clock) -> None:
    """What is shown is the average of the looks that were taken; where there was none, nothing is said."""
    first, _ = new_worker(farm, "first"), new_worker(farm, "second")
    chore = RollUps()
    chore.tick(farm)
    workers.state_changed(farm, first, WorkerStatus.ASLEEP)
    clock.forward(10)
    chore.tick(farm)
    points = series(farm)["points"]
    assert points[-1]["workers"] == 1.5
    assert "workers" not in points[0]


def test_the_old_goes(farm: Farm, clock: Clock) -> None:
    """Five minutes after a week, days after two years; some at a time."""
    some_job(farm)
    worker = new_worker(farm)
    work(farm, clock, worker, 3, seconds=600)
    count_all(farm)
    roll_ups.sample(farm)
    five, day = (sum(row[0] == step.seconds for row in counted_rows(farm)) for step in STEPS.values())
    assert (five, day) == (7, 1)
    clock.forward(timedelta(days=8).total_seconds())
    assert roll_ups.forget(farm, most=2)
    while roll_ups.forget(farm, most=2):
        pass
    assert [row[0] for row in counted_rows(farm)] == [STEPS["1d"].seconds]
    clock.forward(timedelta(days=740).total_seconds())
    roll_ups.forget(farm, most=100)
    assert counted_rows(farm) == []
    with farm.store.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM awake")).scalar_one() == 0


@pytest.mark.parametrize("database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)], indirect=True)
def test_a_walk_at_random_adds_up(farm: Farm, clock: Clock) -> None:
    """Whatever is done, counted and deleted in whatever order, the sums are what workers did."""
    rng = random.Random(7)  # noqa: S311 - the same each time
    crew = [new_worker(farm, f"w{number}") for number in range(3)]
    there: list[Job] = []
    running: dict[str, float] = {}
    done = {"seconds": 0.0, "completed": 0, "failed": 0}
    for _ in range(120):
        match rng.choice(["job", "take", "take", "end", "end", "end", "count", "delete"]):
            case "job" if len(there) < 4:
                there.append(some_job(farm, 30))
            case "take" if there:
                worker = rng.choice(crew)
                if worker.id not in running:
                    take(farm, worker)
                    running[worker.id] = 0.0
            case "end" if running:
                worker = next(each for each in crew if each.id in running)
                status = rng.choice([TaskStatus.COMPLETED, TaskStatus.COMPLETED, TaskStatus.COMPLETED])
                report(farm, worker, take(farm, worker), status)
                done["seconds"] += running.pop(worker.id)
                done["completed"] += 1
            case "count":
                roll_ups.count_some(farm, ALL, rng.choice([1, 3, 100]))
            case "delete" if len(there) == 4:
                job = there.pop(0)
                with farm.store.read() as tx:
                    active = tx.execute(
                        text("SELECT w.uuid FROM tasks t JOIN workers w ON w.key = t.worker_key"
                             " WHERE t.status = 'active' AND t.job_key = :job"),
                        {"job": job.key},
                    ).scalars().all()  # fmt: skip
                deletion.request(farm, job.id)
                while not deletion.delete_some(farm, job.id, most_rows=3):
                    pass
                done["seconds"] += sum(running.pop(worker_id) for worker_id in active)
        seconds = rng.choice([1, 13, 400])
        clock.forward(seconds)
        running = {worker_id: before + seconds for worker_id, before in running.items()}
        expected = (done["seconds"] + sum(running.values()), done["completed"], done["failed"])
        assert totals(farm) == expected
        with farm.store.read() as tx:
            assert recount.miscounted(tx) == []
    count_all(farm)
    assert totals(farm) == totals(farm, "1d") == expected


@ON_SQLITE
def test_the_command(farm: Farm, clock: Clock) -> None:
    """It shows steps, or groups, for people and for programs."""
    clock.forward((farm.clock() - clock()).total_seconds())
    some_job(farm, metadata={"project": "film"})
    work(farm, clock, new_worker(farm), 3)
    with serving(farm) as url:

        def shown(*words: str) -> str:
            done = CliRunner().invoke(main, ["history", *words, "--hours", "17520", "--manager", url])
            assert done.exit_code == 0, done.output
            return done.output

        assert shown().splitlines()[-1].split()[-4:] == ["3", "0", "5", "m"]
        assert shown("--by", "project").splitlines()[-1].split() == ["5", "m", "3", "0", "film"]
        assert json.loads(shown("--json"))["points"][-1]["completed"] == 3
