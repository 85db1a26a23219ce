"""Attempts at tasks: each has its row once it is over, whichever way, and none is open but that of an active task."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config as AlembicConfig
from click.testing import CliRunner
from falcon import testing
from sqlalchemy import text

from flamenco.api.app import create_app
from flamenco.cli import main
from flamenco.domain import attempts as rules
from flamenco.domain.attempts import Attempt, Outcome, Place
from flamenco.domain.errors import Refused
from flamenco.domain.model import Job, Worker
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.farm import deletion, jobs, roll_ups, tasks, timeline, workers
from flamenco.farm.context import Farm
from flamenco.farm.tasks import TaskChange
from flamenco.services import timeouts
from flamenco.store import attempts, recount
from flamenco.store import upgrade as upgrade_module
from flamenco.store.engine import Store
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, report, run_next, store_job, take
from tests.integration.test_database import old_farm
from tests.integration.test_delivery import serving

pytestmark = pytest.mark.postgresql

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def all_of(farm: Farm, job: Job) -> list[Attempt]:
    """The attempts at all tasks of a job, after a look at the books."""
    with farm.store.read() as tx:
        assert recount.miscounted(tx) == []
    page = timeline.of_job(farm, job.id, timeline.Span(), None, 500)
    assert page.after is None
    return page.attempts


def outcomes(farm: Farm, job: Job) -> list[tuple[int, str]]:
    """The number and the outcome of each."""
    return [(each.number, str(each.outcome)) for each in all_of(farm, job)]


def one_task(farm: Farm) -> tuple[Job, Worker]:
    """A job of one task of three steps, and somebody who has it."""
    job = store_job(farm, authored_job(authored_task("only", commands=())))
    worker = new_worker(farm)
    take(farm, worker)
    return job, worker


def test_an_attempt_is_open_until_its_task_is_over(farm: Farm, clock: Clock) -> None:
    """Who has it, since when, how long it took, and that it went well."""
    job, worker = one_task(farm)
    began = clock()
    clock.forward(90)
    (attempt,) = all_of(farm, job)
    assert (attempt.outcome, attempt.ended, attempt.seconds) == (Outcome.ACTIVE, None, 90)
    assert (attempt.worker_id, attempt.worker_name, attempt.task_name) == (worker.id, "worker", "only")
    report(farm, worker, take(farm, worker), TaskStatus.COMPLETED, activity="done")
    (attempt,) = all_of(farm, job)
    assert (attempt.number, attempt.outcome, attempt.reason) == (1, Outcome.COMPLETED, "")
    assert (attempt.started, attempt.ended, attempt.seconds) == (began, clock(), 90)


def fail(farm: Farm, job: Job, worker: Worker, clock: Clock) -> None:
    """The worker fails."""
    report(farm, worker, take(farm, worker), TaskStatus.FAILED, activity="no camera")


def cancel_task(farm: Farm, job: Job, worker: Worker, clock: Clock) -> None:
    """A person cancels the task."""
    tasks.set_status(farm, tasks.of_job(farm, job.id)[0].id, TaskStatus.CANCELED, "not this one")


def requeue_task(farm: Farm, job: Job, worker: Worker, clock: Clock) -> None:
    """A person queues the task anew."""
    tasks.set_status(farm, tasks.of_job(farm, job.id)[0].id, TaskStatus.QUEUED, "again")


def cancel_job(farm: Farm, job: Job, worker: Worker, clock: Clock) -> None:
    """A person cancels the job."""
    jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "no more")


def sign_off(farm: Farm, job: Job, worker: Worker, clock: Clock) -> None:
    """The worker leaves."""
    workers.sign_off(farm, worker)


def fall_asleep(farm: Farm, job: Job, worker: Worker, clock: Clock) -> None:
    """The worker stops working."""
    workers.state_changed(farm, worker, WorkerStatus.ASLEEP)


def delete_worker(farm: Farm, job: Job, worker: Worker, clock: Clock) -> None:
    """A person forgets the worker."""
    workers.delete(farm, worker.id)


def vanish(farm: Farm, job: Job, worker: Worker, clock: Clock) -> None:
    """The worker is not heard of any more."""
    clock.forward(100)
    timeouts.tick(farm)


@pytest.mark.parametrize(
    ("end", "outcome", "reason"),
    [
        (fail, "failed", "no camera"),
        (cancel_task, "canceled", "not this one"),
        (requeue_task, "requeued", "again"),
        (cancel_job, "canceled", "cancel-requested"),
        (sign_off, "requeued", "worker signed off"),
        (fall_asleep, "requeued", "changed status to 'asleep'"),
        (delete_worker, "requeued", "worker is being deleted"),
        (vanish, "lost", "worker timed out"),
    ],
)
def test_however_it_ends_it_is_closed(
    farm: Farm, clock: Clock, end: Callable[..., None], outcome: str, reason: str
) -> None:
    """And it says why; the worker keeps its name there, also when it is deleted."""
    job, worker = one_task(farm)
    clock.forward(5)
    end(farm, job, worker, clock)
    (attempt,) = all_of(farm, job)
    assert (attempt.number, attempt.outcome) == (1, outcome)
    assert reason in attempt.reason
    assert attempt.seconds >= 5
    assert attempt.worker_name == "worker"


def test_a_silent_task_is_lost_and_may_be_completed_after_all(farm: Farm, clock: Clock) -> None:
    """That its worker went on with it meanwhile is an attempt of its own, right behind the first."""
    job, worker = one_task(farm)
    task = take(farm, worker).task
    clock.forward(700)
    workers.requested_status(farm, worker)  # it is there, and says nothing of its task
    timeouts.tick(farm)
    assert outcomes(farm, job) == [(1, "lost")]
    clock.forward(50)
    tasks.update(farm, worker, task.id, TaskChange(status=TaskStatus.COMPLETED))
    first, second = all_of(farm, job)
    assert (second.number, second.outcome, second.seconds) == (2, Outcome.COMPLETED, 50)
    assert second.started == first.ended


def test_a_task_taken_again_is_the_same_attempt(farm: Farm, clock: Clock) -> None:
    """A worker that asks again has the task that it has."""
    job, worker = one_task(farm)
    clock.forward(10)
    take(farm, worker)
    assert outcomes(farm, job) == [(1, "active")]
    assert all_of(farm, job)[0].seconds == 10


def test_each_attempt_has_its_part_of_the_log(farm: Farm) -> None:
    """The next one begins where the one before had come to, also in a log that was cut since."""
    job, worker = one_task(farm)
    other = new_worker(farm, "other")
    task = take(farm, worker).task
    tasks.update(farm, worker, task.id, TaskChange(log="first try"))
    report(farm, worker, take(farm, worker), TaskStatus.FAILED)
    take(farm, other)
    tasks.update(farm, other, task.id, TaskChange(log="second try"))
    first, second = timeline.of_task(farm, task.id)
    log = farm.logs.path(job.id, task.id).read_bytes()
    assert first.log_begins == 0
    assert b"first try" in log[: second.log_begins]
    assert log[: second.log_begins].endswith(b"\n")
    assert b"first try" not in log[second.log_begins :]
    assert b"second try" in log[second.log_begins :]


def test_of_very_many_attempts_the_last_are_kept(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that is given out again and again does not fill the database; its numbers go on. What is to be summed up
    stays until that is done.
    """
    monkeypatch.setattr(attempts, "KEPT", 3)
    job, worker = one_task(farm)
    task = take(farm, worker).task
    for _ in range(20):
        tasks.set_status(farm, task.id, TaskStatus.QUEUED, "again")
        take(farm, worker)
        roll_ups.count_some(farm, 2**62)
    numbers = [each.number for each in all_of(farm, job)]
    assert 3 <= len(numbers) <= 7
    assert numbers == list(range(numbers[0], 22))


def test_they_go_with_their_job(farm: Farm, clock: Clock) -> None:
    """Bit by bit; also the one that ends while its job is being deleted."""
    job = store_job(farm, authored_job(*(authored_task(f"t{number}") for number in range(10))))
    worker, late = new_worker(farm), new_worker(farm, "late")
    for _ in range(8):
        run_next(farm, worker)
    take(farm, late)
    deletion.request(farm, job.id)
    assert not deletion.delete_some(farm, job.id, most_rows=5)
    workers.sign_off(farm, late)
    while not deletion.delete_some(farm, job.id, most_rows=5):
        pass
    with farm.store.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM attempts")).scalar_one() == 0
        assert recount.miscounted(tx) == []


def test_what_is_wrong_with_them_is_found_and_repaired(farm: Farm) -> None:
    """One of a task that is not there, one beyond what the task counts, and an active task without one."""
    job, _ = one_task(farm)
    with farm.store.write() as tx:
        tx.execute(text("UPDATE tasks SET attempts = 0"))
        tx.execute(
            text(
                "INSERT INTO attempts (job_key, task_key, number, started, ended, seconds, outcome, reason, steps,"
                " log_begins) VALUES (1, 777, 1, '2026-01-01', '2026-01-01', 0, 'failed', '', 0, 0)"
            )
        )
        found = " ".join(recount.miscounted(tx))
        assert "tasks.attempts is wrong in 1" in found
        assert "attempts has 1 rows of tasks that are not there" in found
        recount.repair(tx)
    assert outcomes(farm, job) == [(1, "active")]


def test_tasks_that_are_run_while_the_database_is_upgraded(database_url: str, clock: Clock) -> None:
    """They are at their first attempt; that ends as any other."""
    old = Store(database_url)
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(upgrade_module.__file__).parent / "migrations"))
    with old.write() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, "0001")
        old_farm(tx, clock())
    with old.write() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, "0014")
        tx.execute(text("UPDATE tasks SET status = 'active', activated = created WHERE index_in_job = 1"))
    upgrade_module.upgrade(old, clock())
    with old.read() as tx:
        assert [problem for problem in recount.miscounted(tx) if "attempts" in problem] == []
        found = tx.execute(text("SELECT index_in_job, attempts FROM tasks ORDER BY key")).all()
    assert [tuple(row) for row in found] == [(1, 1), (2, 0), (3, 0)] * 2
    old.close()


# -- asking -----------------------------------------------------------------------------------------------------------


def finished(farm: Farm, clock: Clock, count: int = 5) -> Job:
    """A job of which so many tasks are done, ten seconds each, and one is being run."""
    job = store_job(farm, authored_job(*(authored_task(f"t{number}") for number in range(count + 2))))
    worker = new_worker(farm)
    for _ in range(count):
        assigned = take(farm, worker)
        clock.forward(10)
        report(farm, worker, assigned, TaskStatus.COMPLETED)
    take(farm, worker)
    return job


def ask(farm: Farm, path: str, **asked: Any) -> Any:
    """What the API says."""
    answer = testing.TestClient(create_app(farm)).simulate_get(f"/api/x{path}", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json


def test_pages_give_each_once(farm: Farm, clock: Clock) -> None:
    """However small they are, nothing is missing and nothing comes twice; what is under way comes last."""
    job = finished(farm, clock)
    seen, asked = [], {"limit": 2}
    while True:
        page = ask(farm, f"/jobs/{job.id}/attempts", **asked)
        seen += [(each["task"]["index"], each["outcome"]) for each in page["attempts"]]
        assert len(page["attempts"]) <= 2
        if "next" not in page:
            break
        asked = {"limit": 2, "after": page["next"]}
    assert seen == [*((number, "completed") for number in range(1, 6)), (6, "active")]


def test_a_span_of_time(farm: Farm, clock: Clock) -> None:
    """What was going on between two moments, and nothing else."""
    began = clock()
    job = finished(farm, clock)

    def within(first: float, last: float) -> list[int]:
        span = {"from": began + timedelta(seconds=first), "to": began + timedelta(seconds=last)}
        asked = {name: moment.isoformat() for name, moment in span.items()}
        return [each["task"]["index"] for each in ask(farm, f"/jobs/{job.id}/attempts", **asked)["attempts"]]

    assert within(15, 25) == [2, 3]
    assert within(45, 1000) == [5, 6]
    assert within(1000, 2000) == [6]  # for all that is known
    assert within(-20, -10) == []


def test_a_task_says_who_has_it_and_where_its_log_begins(farm: Farm, clock: Clock) -> None:
    """As the document describes it, without what there is not."""
    job = finished(farm, clock)
    active = tasks.of_job(farm, job.id)[5]
    (told,) = ask(farm, f"/tasks/{active.id}/attempts")["attempts"]
    assert told["worker"]["name"] == "worker"
    assert (told["number"], told["outcome"], told["log_offset"]) == (1, "active", 0)
    assert "ended" not in told
    assert ask(farm, f"/tasks/{tasks.of_job(farm, job.id)[6].id}/attempts") == {"attempts": []}


@pytest.mark.parametrize("after", ["", "~", "~x", "x~1", "2026-01-01~1", "~-1", "~9223372036854775808", "2026~~"])
def test_a_place_that_no_page_gave_is_refused(after: str) -> None:
    """In a sentence that says what to do."""
    with pytest.raises(Refused, match="leave it out for the first page"):
        Place.parse(after)


@ON_SQLITE
@pytest.mark.parametrize("after", ["", "&after=0001-01-01T00:00:00%2B03:17~1"])
def test_attempts_from_never_to_always(farm: Farm, clock: Clock, after: str) -> None:
    """As some clients write that there is no end."""
    job = finished(farm, clock)
    ends = f"from=0001-01-01T00:00:00%2B03:17&to=9999-12-31T23:59:59-01:00{after}"
    assert ask(farm, f"/jobs/{job.id}/attempts?{ends}") == ask(farm, f"/jobs/{job.id}/attempts")


def test_a_place_is_what_it_was() -> None:
    """Written and read again."""
    for place in (Place(None, 7), Place(datetime.fromisoformat("2026-01-01T00:00:00.000007+00:00"), 3)):
        assert Place.parse(str(place)) == place


def test_a_long_reason_is_cut() -> None:
    """What a program printed is not kept for each of a hundred attempts."""
    assert len(rules.reason_of(Outcome.FAILED, "x" * 10_000)) == rules.LONGEST_REASON


@ON_SQLITE
def test_the_command(farm: Farm, clock: Clock) -> None:
    """It lists those of a job, or of one of its tasks by number."""
    job = finished(farm, clock)
    with serving(farm) as url:

        def shown(*words: str) -> str:
            return CliRunner().invoke(main, ["attempts", job.id, *words, "--manager", url]).output

        assert shown().count("completed") == 5
        assert "10 s" in shown("3")
        assert "No worker was given any of it yet" in shown("7")
        assert '"outcome":"active"' in shown("6", "--json")
        assert "more than a job and a task" in shown("6", "7")
