"""Deleting jobs: what is marked is not handed out any more, then goes with all that belongs to it; both databases."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from falcon import testing
from msgspec.structs import replace
from sqlalchemy import func as sql
from sqlalchemy import select
from structlog.testing import capture_logs

from flamenco import JobCandidate, WorkerView
from flamenco.api.app import create_app
from flamenco.config.keeping_settings import TrashConfig
from flamenco.domain.durations import Duration
from flamenco.domain.errors import NotFound, Refused
from flamenco.domain.model import AuthoredJob, Submission, Task, Worker
from flamenco.domain.scheduling.values import Placement
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import deletion, jobs, tags, tasks, workers
from flamenco.farm.context import Farm
from flamenco.farm.reader import FarmReading
from flamenco.farm.scheduling import accounts, claim, explanation
from flamenco.farm.tasks import TaskChange
from flamenco.files.job_folders import job_folder
from flamenco.hooks.types import PublishedEvent
from flamenco.services import ranking
from flamenco.services.deletion import EVERY_S, RETRY_AFTER, Deletions
from flamenco.store import deletion as deletion_store
from flamenco.store import events, recount
from flamenco.store import jobs as job_store
from flamenco.store.engine import Store
from flamenco.store.schema import (
    attempts,
    job_blocks,
    limit_uses,
    queues,
    task_dependencies,
    task_failures,
)
from flamenco.store.schema import jobs as jobs_table
from flamenco.store.schema import tasks as tasks_table
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.exercising import executed
from tests.integration.farming import job_now, new_worker, report, run_next, statuses, store_job, take
from tests.integration.test_query_plans import scans_of
from tests.integration.test_races import wait_for_waiting
from tests.integration.test_ranking import with_policy

NOBODY = "00000000-0000-4000-8000-000000000000"
OF_JOBS = (jobs_table, tasks_table, queues, task_dependencies, task_failures, job_blocks, limit_uses, attempts)
"""The tables that have something of a job in them."""


def rows(store: Store) -> dict[str, int]:
    """How many rows there are of jobs."""
    with store.read() as tx:
        return {table.name: int(tx.execute(select(sql.count()).select_from(table)).scalar_one()) for table in OF_JOBS}


def published(farm: Farm, topic: str = "/jobs") -> list[PublishedEvent]:
    """Everything that was published on a topic."""
    with farm.store.read() as tx:
        return [event for event in events.after(tx, 0, 10_000) if event.topic == topic]


def fan(count: int) -> AuthoredJob:
    """Tasks that one waits for."""
    before = [authored_task(f"frame {n}") for n in range(count)]
    return authored_job(*before, authored_task("join", after=tuple(before)))


def delete_all(farm: Farm) -> None:
    """Let the chore work until it has nothing to do."""
    chore = Deletions()
    assert any(chore.tick(farm) == EVERY_S for _ in range(200))
    assert not deletion.requested(farm, 1)


def test_a_marked_job_is_told_and_not_handed_out(farm: Farm, clock: Clock) -> None:
    """Marking changes no status; others are told, workers get nothing of it, and nobody can undo that by steering."""
    job, worker = store_job(farm, authored_job(authored_task())), new_worker(farm)
    clock.forward(5)
    deletion.request(farm, job.id)
    marked = job_now(farm, job)
    assert (marked.delete_requested, marked.updated, marked.status) == (clock(), clock(), JobStatus.QUEUED)
    payload = published(farm)[-1].payload
    assert payload["delete_requested_at"] == "2026-01-02T03:04:10Z"
    assert "previous_status" not in payload
    assert claim.assign_next(farm, worker) is None
    for steer in (
        lambda: jobs.set_priority(farm, job.id, 99),
        lambda: jobs.set_status(farm, job.id, JobStatus.REQUEUEING, "test"),
        lambda: tags.set_of_job(farm, job.id, None, None),
        lambda: explanation.explain(farm, job.id),
    ):
        with pytest.raises(NotFound):
            steer()
    ranking.tick(farm)
    assert claim.assign_next(farm, worker) is None
    assert job_now(farm, job).status is JobStatus.QUEUED


def test_whoever_works_on_a_marked_job_is_let_go(farm: Farm) -> None:
    """Its task is not there any more, neither to go on with nor to be given once more; there is other work."""
    job, worker = store_job(farm, authored_job(authored_task(), priority=90)), new_worker(farm)
    given = take(farm, worker)
    deletion.request(farm, job.id)
    assert not tasks.may_run(farm, worker, given.task.id).may_keep_running
    with pytest.raises(NotFound):
        tasks.update(farm, worker, given.task.id, TaskChange(status=TaskStatus.COMPLETED))
    assert claim.assign_next(farm, worker) is None
    other = store_job(farm, authored_job(authored_task()))
    assert take(farm, worker).task.job_id == other.id


def test_asking_again_is_fine(farm: Farm, clock: Clock) -> None:
    """A second request counts from then on; one for a job that is not there is refused."""
    job = store_job(farm, authored_job(authored_task()))
    deletion.request(farm, job.id)
    clock.forward(1)
    deletion.request(farm, job.id)
    assert job_now(farm, job).delete_requested == clock()
    with pytest.raises(NotFound):
        deletion.request(farm, NOBODY)


def test_everything_goes_with_a_job(farm: Farm) -> None:
    """Tasks, dependencies, failures, blocks, limits and files go, the event has what the protocol takes for nothing."""
    kept = store_job(farm, authored_job(authored_task("kept"), name="kept", priority=1))
    before = rows(farm.store)
    team = [new_worker(farm, f"w{n}") for n in range(5)]
    job = store_job(farm, fan(12))
    for worker in team[:2]:
        for _ in range(2):
            run_next(farm, worker, TaskStatus.FAILED)
    running = take(farm, team[4])
    tasks.update(farm, team[4], running.task.id, TaskChange(log="hello", steps_completed=1))
    folder = job_folder(farm.config.local_storage_path, job.id)
    assert folder.is_dir()
    deletion.request(farm, job.id)
    assert Deletions().tick(farm) >= 0
    assert rows(farm.store) == before
    assert not folder.exists()
    assert published(farm)[-1].payload == {
        "id": job.id,
        "was_deleted": True,
        "type": "",
        "updated": "0001-01-01T00:00:00Z",
        "status": "",
        "priority": 0,
        "refresh_tasks": False,
        "steps_completed": 0,
        "steps_total": 0,
    }
    permission = tasks.may_run(farm, team[4], running.task.id)
    assert (permission.may_keep_running, permission.reason) == (False, "Task not found")
    with pytest.raises(NotFound):
        tasks.update(farm, team[4], running.task.id, TaskChange(status=TaskStatus.COMPLETED))
    assert workers.active_task_id(farm, team[4]) == ""
    assert run_next(farm, team[4]) == "kept"
    assert statuses(farm, kept) == ["completed", "completed"]


def test_a_large_job_goes_bit_by_bit(farm: Farm) -> None:
    """No transaction deletes more rows than it may; in between, all counters agree with what is left."""
    job = store_job(farm, fan(25))
    worker = new_worker(farm)
    for _ in range(3):
        run_next(farm, worker)
    take(farm, worker)
    deletion.request(farm, job.id)
    seen, before = 0, sum(rows(farm.store).values())
    while not deletion.delete_some(farm, job.id, most_rows=7):
        seen += 1
        after = sum(rows(farm.store).values())
        assert 0 < before - after <= 7
        before = after
        with farm.store.read() as tx:
            assert recount.miscounted(tx) == []
    assert seen > 6
    assert not any(rows(farm.store).values())


def test_mass_deletion(farm: Farm, clock: Clock) -> None:
    """All jobs go that were not changed since, whatever part of that second it was; with none, that is said."""
    old = [store_job(farm, authored_job(authored_task(), name=f"old {n}")) for n in range(3)]
    clock.forward(60.5)
    edge = store_job(farm, authored_job(authored_task(), created=clock()))
    clock.forward(0.6)
    new = store_job(farm, authored_job(authored_task(), created=clock()))
    with pytest.raises(NotFound, match="no jobs modified before timestamp"):
        deletion.request_mass(farm, datetime(2020, 1, 1, tzinfo=UTC))
    assert deletion.requested(farm, 10) == []
    clock.forward(1)
    deletion.request_mass(farm, edge.updated - timedelta(milliseconds=400))
    assert deletion.requested(farm, 10) == [each.id for each in (*old, edge)]
    assert claim.assign_next(farm, new_worker(farm)).task.job_id == new.id  # type: ignore[union-attr]
    told = [each.payload["id"] for each in published(farm) if "delete_requested_at" in each.payload]
    assert told == [each.id for each in (*old, edge)]
    delete_all(farm)
    assert [event.payload["id"] for event in published(farm) if "was_deleted" in event.payload] == told


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59.5Z", "9999-12-31T23:59:59-01:00"])
def test_mass_deletion_at_the_ends_of_time(farm: Farm, moment: str) -> None:
    """What clients write for never and always is no moment that one could reckon with."""
    store_job(farm, authored_job(authored_task()))
    client = testing.TestClient(create_app(farm))
    answer = client.simulate_delete("/api/v3/jobs/mass-delete", json={"last_updated_max": moment})
    assert answer.status_code == (416 if moment.startswith("0001") else 204)


def test_many_jobs_are_marked_page_by_page(farm: Farm) -> None:
    """More jobs than one transaction takes are all marked."""
    made = [store_job(farm, authored_job(authored_task())) for _ in range(5)]
    after, pages = -1, []
    for _ in range(4):
        with farm.store.write() as tx:
            now = farm.clock()
            page = deletion_store.mark_unchanged(tx, now, now, after, page=2, for_good=True)
        pages.append([job.id for job in page])
        after = page[-1].key if page else after
    assert pages == [[job.id for job in made[first : first + 2]] for first in (0, 2, 4, 6)]
    assert len(deletion.requested(farm, 10)) == 5


def test_a_job_that_cannot_be_deleted_holds_up_nobody(farm: Farm, clock: Clock) -> None:
    """What fails is logged and stays, the others go, and after a while it is tried again."""
    stuck = store_job(farm, authored_job(authored_task(), name="stuck"))
    folder = job_folder(farm.config.local_storage_path, stuck.id)
    folder.parent.mkdir(parents=True)
    folder.write_text("not a folder")
    other = store_job(farm, authored_job(authored_task()))
    for job in (stuck, other):
        deletion.request(farm, job.id)
    chore = Deletions()
    with capture_logs() as logs:
        for _ in range(4):
            chore.tick(farm)
    assert [entry["event"] for entry in logs if entry.get("job") == stuck.id] == [
        "a job could not be deleted; trying again soon"
    ]
    assert deletion.requested(farm, 10) == [stuck.id]
    folder.unlink()
    chore.tick(farm)
    assert deletion.requested(farm, 10) == [stuck.id]
    clock.forward(RETRY_AFTER.total_seconds())
    chore.tick(farm)
    assert deletion.requested(farm, 10) == []


def test_the_shaman_checkout_goes_too(make_farm: Callable[..., Farm]) -> None:
    """The checkout of the job is removed where Shaman is on; asked before, the farm says so."""
    farm = make_farm()
    assert farm.shaman is not None
    job = store_job(farm, authored_job(authored_task(), shaman_checkout_id="some/checkout"))
    plain = store_job(farm, authored_job(authored_task()))
    checkout = farm.shaman.folders.jobs / "some" / "checkout"
    checkout.mkdir(parents=True)
    (checkout / "scene.blend").write_text("scene")
    assert deletion.shaman_checkout_goes(farm, job.id)
    assert not deletion.shaman_checkout_goes(farm, plain.id)
    with pytest.raises(NotFound):
        deletion.shaman_checkout_goes(farm, NOBODY)
    deletion.request(farm, job.id)
    delete_all(farm)
    assert not checkout.parent.exists()


def test_a_checkout_that_another_job_needs_stays(make_farm: Callable[..., Farm]) -> None:
    """The same one, or one inside or around it; it goes with the last job that needs it."""
    farm = make_farm()
    assert farm.shaman
    names = ("film", "film", "film/shot 1", "film_2")
    first, second, inside, beside = (
        store_job(farm, authored_job(authored_task(), shaman_checkout_id=name)) for name in names
    )
    for name in names:
        (farm.shaman.folders.jobs / name).mkdir(parents=True, exist_ok=True)
        (farm.shaman.folders.jobs / name / "scene.blend").write_text("scene")
    places = [farm.shaman.folders.jobs / name for name in ("film", "film/shot 1", "film_2")]
    assert not deletion.shaman_checkout_goes(farm, first.id)
    for job, left in ((first, 3), (inside, 3), (second, 1), (beside, 0)):
        deletion.request(farm, job.id)
        assert deletion.delete_some(farm, job.id) or deletion.delete_some(farm, job.id)
        assert sum(place.exists() for place in places) == left


def checked_out(farm: Farm, name: str) -> Path:
    """A checkout with a file in it, as Shaman would have made it."""
    assert farm.shaman
    file = farm.shaman.folders.jobs / name / "scene.blend"
    file.parent.mkdir(parents=True)
    file.write_text("scene")
    return file


@pytest.mark.parametrize("name", ["./film", "film/.", "film//", "film/shot", "film/./shot", "film"])
def test_nobody_deletes_the_files_of_others_by_another_name_for_them(farm: Farm, name: str) -> None:
    """A job says itself which checkout it has; whatever it calls it, what another job needs stays."""
    kept = checked_out(farm, "film/shot")
    store_job(farm, authored_job(authored_task(), shaman_checkout_id="film"))
    wanted = Submission(name="theirs", type="echo-sleep-test", settings={"message": "x", "sleep_duration_seconds": 1})
    theirs = jobs.submit(farm, replace(wanted, shaman_checkout_id=name), strict=False)
    assert not deletion.shaman_checkout_goes(farm, theirs.id)
    deletion.request(farm, theirs.id)
    delete_all(farm)
    assert kept.exists()
    with pytest.raises(Refused):
        jobs.submit(farm, replace(wanted, shaman_checkout_id="../film"), strict=False)


def test_no_job_gets_a_checkout_that_is_being_removed(farm: Farm) -> None:
    """While files go, a job with the same checkout, or one inside, is refused; once they are gone its path is free."""
    checked_out(farm, "film")
    doomed = store_job(farm, authored_job(authored_task(), shaman_checkout_id="film"))
    deletion.request(farm, doomed.id)
    wanted = Submission(name="late", type="echo-sleep-test", settings={"message": "x", "sleep_duration_seconds": 1})
    with farm.store.write() as tx:
        assert deletion_store.take_checkout(tx, job_store.lock_by_id(tx, doomed.id, doomed=True), farm.clock())
    for same in ("film", "film/", "film/shot"):
        with pytest.raises(Refused, match="check them out again"):
            jobs.submit(farm, replace(wanted, shaman_checkout_id=same), strict=False)
    for other in ("film 2", "fil", ""):
        jobs.submit(farm, replace(wanted, shaman_checkout_id=other), strict=False)
    # The tasks of a large job go bit by bit, its files at once: whoever uses the path anew keeps what is there.
    assert not deletion.delete_some(farm, doomed.id, most_rows=1)
    anew = checked_out(farm, "film")
    assert deletion.delete_some(farm, doomed.id)
    assert anew.exists()
    jobs.submit(farm, replace(wanted, shaman_checkout_id="film"), strict=False)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_job_that_is_being_stored_keeps_its_checkout(farm: Farm) -> None:
    """Whoever removes the files waits for a job that comes in with the same ones, and leaves them to it."""
    file = checked_out(farm, "film")
    doomed = store_job(farm, authored_job(authored_task(), shaman_checkout_id="film"))
    deletion.request(farm, doomed.id)
    with ThreadPoolExecutor(1) as other_process:
        with farm.store.write() as tx:
            late = authored_job(authored_task(), shaman_checkout_id="film")
            job = job_store.insert_job(tx, late, JobStatus.QUEUED, Placement(rank=50.0))
            assert not deletion_store.checkout_goes(tx, job)
            deleting = other_process.submit(delete_all, farm)
            wait_for_waiting(farm)
        deleting.result(20)
    assert file.exists()


def test_without_shaman_no_checkout_goes(make_farm: Callable[..., Farm]) -> None:
    """Where Shaman is off, nothing of it is touched."""
    farm = make_farm()
    farm.shaman = None
    job = store_job(farm, authored_job(authored_task(), shaman_checkout_id="some/checkout"))
    assert not deletion.shaman_checkout_goes(farm, job.id)
    deletion.request(farm, job.id)
    delete_all(farm)


def test_what_a_job_used_stays_used(farm: Farm, clock: Clock) -> None:
    """The time that went into a job stays on its owner's account, that of the tasks that were running with it."""
    with_policy(farm, account=lambda job: job.name)
    job = store_job(farm, authored_job(authored_task(), authored_task(), name="ada"))
    first, second = new_worker(farm), new_worker(farm, "another")
    assigned = take(farm, first)
    clock.forward(30)
    report(farm, first, assigned, TaskStatus.COMPLETED)
    take(farm, second)
    clock.forward(12)
    deletion.request(farm, job.id)
    delete_all(farm)
    assert accounts.usage(farm, "own")["ada"].seconds == pytest.approx(42)


def test_a_policy_is_not_shown_a_deleted_job_under_a_new_number(farm: Farm, make_farm: Callable[..., Farm]) -> None:
    """A database may number a new job like a deleted one; no process takes it for that one."""
    seen: list[str] = []

    def accepts(job: JobCandidate, _worker: WorkerView) -> None:
        seen.append(job.name)

    other = with_policy(make_farm(), accepts=accepts)
    worker = new_worker(farm)
    old = store_job(farm, authored_job(authored_task(), name="old"))
    take(other, worker)
    deletion.request(farm, old.id)
    delete_all(farm)
    store_job(farm, authored_job(authored_task(), name="new"))
    take(other, worker)
    assert seen == ["old", "new"]


def test_another_process_is_faster(farm: Farm) -> None:
    """Whoever comes second finds the job gone, and that is well."""
    job = store_job(farm, authored_job(authored_task()))
    deletion.request(farm, job.id)
    assert deletion.delete_some(farm, job.id)
    assert deletion.delete_some(farm, job.id)


def test_workers_go_on_while_jobs_are_deleted(farm: Farm) -> None:
    """Polling, reporting and signing off beside the deletion of the very jobs fail for nobody."""
    made = [store_job(farm, authored_job(*(authored_task() for _ in range(4)))) for _ in range(12)]
    team = [new_worker(farm, f"w{n}") for n in range(3)]

    def work(number: int) -> int:
        worker, done = team[number], 0
        while True:
            assigned = claim.assign_next(farm, worker)
            if assigned is None:
                workers.sign_off(farm, worker)
                return done
            tasks.may_run(farm, worker, assigned.task.id)  # type: ignore[union-attr]
            try:
                report(farm, worker, assigned, TaskStatus.COMPLETED)  # type: ignore[arg-type]
                done += 1
            except NotFound:
                pass

    def delete() -> None:
        for job in made:
            deletion.request(farm, job.id)
            while not deletion.delete_some(farm, job.id, most_rows=3):
                pass

    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(work, number) for number in range(3)]
        pool.submit(delete).result(60)
        assert all(each.result(60) >= 0 for each in working)
    assert not any(rows(farm.store).values())
    with farm.store.read() as tx:
        assert recount.miscounted(tx) == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("act", "answer"),
    [
        (lambda farm, idle, _busy, _task: claim.assign_next(farm, idle), None),
        (lambda farm, _idle, busy, _task: claim.assign_next(farm, busy), None),
        (lambda farm, _idle, busy, task: tasks.may_run(farm, busy, task.id).reason, "Task not found"),
        (lambda farm, _idle, busy, _task: workers.sign_off(farm, busy), None),
        (lambda farm, _idle, _busy, task: tasks.time_out(farm, task), None),
    ],
    ids=["claim", "ask again", "may I run", "sign off", "time out"],
)
def test_whoever_waits_for_a_job_that_goes(
    farm: Farm, act: Callable[[Farm, Worker, Worker, Task], object], answer: object
) -> None:
    """Whoever found a task of a job that is deleted while they wait for it, finds nothing, and that is no accident."""
    job = store_job(farm, authored_job(authored_task(), authored_task()))
    idle, busy = new_worker(farm, "idle"), new_worker(farm, "busy")
    task = take(farm, busy).task
    with ThreadPoolExecutor(1) as other_process:
        with farm.store.write() as tx:
            locked = job_store.lock(tx, job.key)
            acting = other_process.submit(act, farm, idle, busy, task)
            wait_for_waiting(farm)
            assert deletion_store.delete_tasks(tx, locked, 100)
            deletion_store.delete_job(tx, job.key)
        assert acting.result(20) == answer


def test_deleting_looks_through_no_table(farm: Farm) -> None:
    """Whatever else is stored, finding a marked job and taking it apart costs what it costs to delete it."""
    job = store_job(farm, fan(5))
    deletion.request(farm, job.id)
    with executed(farm.store) as statements:
        Deletions().tick(farm)
    assert len(statements) > 5
    assert "\n".join(scans_of(farm.store, statements)) == ""


@pytest.mark.parametrize("keep_s", [0.0, 604_800.0], ids=["for good", "into the trash"])
def test_over_http(make_farm: Callable[..., Farm], keep_s: float) -> None:
    """The protocol's three operations, and what they answer; whether a job is kept or not makes no difference."""
    farm = make_farm(trash=TrashConfig(keep=Duration(keep_s)))
    client = testing.TestClient(create_app(farm))
    task = authored_task()
    job = store_job(farm, authored_job(task, shaman_checkout_id="checkout"))
    would = client.simulate_get(f"/api/v3/jobs/{job.id}/what-would-delete-do")
    assert would.json == {"shaman_checkout": True}
    assert client.simulate_delete(f"/api/v3/jobs/{job.id}").status_code == 204
    # Before anything of it is deleted, it is gone for all who ask.
    of_job = f"/api/v3/jobs/{job.id}"
    assert client.simulate_get(of_job).status_code == 404
    assert client.simulate_get(f"{of_job}/what-would-delete-do").status_code == 404
    assert client.simulate_get(f"/api/jobs/{job.id}").status_code == 404
    assert client.simulate_get(f"{of_job}/tasks").json == {"tasks": []}
    assert client.simulate_get(f"{of_job}/blocklist").json == []
    assert client.simulate_get("/api/v3/jobs").json == {"jobs": []}
    assert client.simulate_get("/api/x/overview").json["jobs"] == []
    status = {"status": "requeueing", "reason": "r"}
    assert client.simulate_post(f"{of_job}/setstatus", json=status).status_code == 404
    for path in ("", "/log", "/logtail"):
        assert client.simulate_get(f"/api/v3/tasks/{task.id}{path}").status_code == 404
    assert client.simulate_post(f"/api/v3/tasks/{task.id}/setstatus", json=status).status_code == 400
    status["status"] = "queued"
    assert client.simulate_post(f"/api/v3/tasks/{task.id}/setstatus", json=status).status_code == 404
    assert FarmReading(farm).statistics().jobs[JobStatus.QUEUED] == 0
    assert client.simulate_delete(of_job).status_code == 204
    delete_all(farm)
    for answer in (
        client.simulate_get(f"/api/v3/jobs/{job.id}"),
        client.simulate_delete(f"/api/v3/jobs/{job.id}"),
        client.simulate_get(f"/api/v3/jobs/{job.id}/what-would-delete-do"),
    ):
        assert answer.status_code == 404
    body = {"last_updated_max": "2026-01-02T03:04:05.000001Z"}
    none = client.simulate_delete("/api/v3/jobs/mass-delete", json=body)
    assert (none.status_code, none.json) == (416, {"code": 416, "message": "no jobs modified before timestamp"})
    store_job(farm, authored_job(authored_task()))
    assert client.simulate_delete("/api/v3/jobs/mass-delete", json=body).status_code == 204
    delete_all(farm)
    assert client.simulate_delete("/api/v3/jobs/mass-delete", json={}).status_code == 400
