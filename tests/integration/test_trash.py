"""The trash: what somebody deletes is gone for everybody, and comes back as it was for as long as it is kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from falcon import testing
from sqlalchemy import select
from structlog.testing import capture_logs

from flamenco.api.app import create_app
from flamenco.config.keeping_settings import TrashConfig
from flamenco.domain.access import Role
from flamenco.domain.durations import Duration
from flamenco.domain.errors import Conflict, NotFound
from flamenco.domain.listing import JobFilter
from flamenco.domain.paging import Slice
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.domain.trash import deleted_until, goes_at, put_down
from flamenco.farm import audit, deletion, jobs, tags, tasks, trash, workers
from flamenco.farm.context import Farm
from flamenco.farm.lists import job_page
from flamenco.farm.scheduling import claim, placing
from flamenco.farm.tasks import TaskChange
from flamenco.files.job_folders import job_folder
from flamenco.services import shaman as garbage
from flamenco.services import upkeep
from flamenco.services.deletion import EVERY_S, Deletions
from flamenco.store import recount
from flamenco.store import trash as trash_store
from flamenco.store.schema import job_variables
from flamenco.store.schema import jobs as jobs_table
from flamenco.store.schema import tasks as tasks_table
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.entering import access, with_token
from tests.integration.exercising import executed
from tests.integration.farming import job_now, new_worker, report, run_next, statuses, store_job, take
from tests.integration.test_deletion import OF_JOBS, checked_out, delete_all, fan, published
from tests.integration.test_query_plans import scans_of

KEPT = TrashConfig()
DAY = 86_400.0


@pytest.fixture
def farm(make_farm: Callable[..., Farm]) -> Farm:
    """What is deleted is kept for as long as it is by default."""
    return make_farm(trash=KEPT)


def everything(farm: Farm) -> dict[str, list[tuple[Any, ...]]]:
    """All rows that there are of jobs, but for the moments of deleting and of the last change."""
    left_out = {"delete_requested", "trashed_at", "updated"}
    with farm.store.read() as tx:
        return {
            table.name: sorted(
                tuple(str(row[column.name]) for column in table.c if column.name not in left_out)
                for row in tx.execute(select(table)).mappings()
            )
            for table in (*OF_JOBS, job_variables)
        }


def test_undeleted_it_is_as_it_was(farm: Farm, clock: Clock) -> None:
    """Every row of it: tasks in each status, failures, blocks, attempts, ranks and counters; and its files."""
    job = store_job(farm, fan(12))
    team = [new_worker(farm, f"w{n}") for n in range(4)]
    for worker in team[:2]:
        for _ in range(2):
            run_next(farm, worker, TaskStatus.FAILED)
    run_next(farm, team[2])
    tasks.set_status(farm, tasks.of_job(farm, job.id)[9].id, TaskStatus.CANCELED, "no")
    store_job(farm, authored_job(authored_task(), name="other"))
    folder = job_folder(farm.config.local_storage_path, job.id)
    before, files = everything(farm), {file: file.read_bytes() for file in folder.iterdir()}
    deletion.request(farm, job.id)
    delete_all(farm)
    clock.forward(6 * DAY)
    jobs.finish_transitions(farm)
    placing.place_all(farm)
    delete_all(farm)
    trash.undelete(farm, job.id)
    assert everything(farm) == before
    assert {file: file.read_bytes() for file in folder.iterdir()} == files
    assert job_now(farm, job).updated == clock()
    statuses(farm, job)
    assert take(farm, team[3]).task.job_id == job.id


def test_what_ran_is_run_again(farm: Farm) -> None:
    """Its worker is let go, its attempt is over, the time counts; nobody is at it when the job is back."""
    job, worker = store_job(farm, authored_job(authored_task("a"), authored_task("b"))), new_worker(farm)
    given = take(farm, worker)
    deletion.request(farm, job.id)
    assert not tasks.may_run(farm, worker, given.task.id).may_keep_running
    delete_all(farm)
    with pytest.raises(NotFound):
        report(farm, worker, given, TaskStatus.COMPLETED)
    assert claim.assign_next(farm, worker) is None
    assert workers.active_task_id(farm, worker) == ""
    trash.undelete(farm, job.id)
    assert statuses(farm, job) == ["active", "queued", "queued"]
    with farm.store.read() as tx:
        assert recount.miscounted(tx) == []
    assert take(farm, worker).task.name == "a"


def test_whoever_has_not_noticed_goes_on(farm: Farm) -> None:
    """A job that is back before it was put away has its tasks with their workers still."""
    job, worker = store_job(farm, authored_job(authored_task())), new_worker(farm)
    given = take(farm, worker)
    deletion.request(farm, job.id)
    trash.undelete(farm, job.id)
    delete_all(farm)
    assert statuses(farm, job) == ["active", "active"]
    report(farm, worker, given, TaskStatus.COMPLETED)
    assert statuses(farm, job) == ["completed", "completed"]


def test_a_job_that_was_about_to_pause_is_paused(farm: Farm) -> None:
    """What it was waiting for was taken from its workers."""
    job, worker = store_job(farm, authored_job(authored_task(), authored_task())), new_worker(farm)
    take(farm, worker)
    jobs.set_status(farm, job.id, JobStatus.PAUSE_REQUESTED, "wait")
    deletion.request(farm, job.id)
    delete_all(farm)
    trash.undelete(farm, job.id)
    assert statuses(farm, job) == ["paused", "paused", "paused"]


@pytest.mark.parametrize("status", list(JobStatus))
def test_where_tasks_are_put_down(status: JobStatus) -> None:
    """They wait, where their job goes on; nothing of a job that has ended does."""
    expected = {
        JobStatus.PAUSED: TaskStatus.PAUSED,
        JobStatus.PAUSE_REQUESTED: TaskStatus.PAUSED,
        JobStatus.COMPLETED: TaskStatus.CANCELED,
        JobStatus.FAILED: TaskStatus.CANCELED,
        JobStatus.CANCELED: TaskStatus.CANCELED,
    }
    assert put_down(status) is expected.get(status, TaskStatus.QUEUED)


def test_who_is_told_what(farm: Farm) -> None:
    """Those who follow events hear what they always did; of one that is back, what they hear of a new one."""
    job = store_job(farm, authored_job(authored_task()))
    deletion.request(farm, job.id)
    delete_all(farm)
    requested, gone = published(farm)
    assert "delete_requested_at" in requested.payload
    assert gone.payload["was_deleted"]
    trash.undelete(farm, job.id)
    back = published(farm)[-1].payload
    assert (back["id"], back["status"], back["name"]) == (job.id, "queued", "job")
    assert "delete_requested_at" not in back
    assert "previous_status" not in back
    deletion.request(farm, job.id)
    delete_all(farm)
    told = len(published(farm))
    trash.purge(farm, job.id)
    delete_all(farm)
    assert len(published(farm)) == told  # they know that already


def test_it_goes_in_time(farm: Farm, clock: Clock) -> None:
    """When it was kept for long enough, and not before; then nobody gets it back, and nothing is left."""
    job = store_job(farm, authored_job(authored_task()))
    deletion.request(farm, job.id)
    delete_all(farm)
    clock.forward(7 * DAY - 1)
    delete_all(farm)
    assert job_page(farm, JobFilter(in_trash=True), Slice(sort="-updated", limit=9)).total == 1
    clock.forward(1)
    assert trash.purge_overdue(farm) == 1
    for late in (trash.undelete, trash.purge, deletion.request):
        with pytest.raises(NotFound):
            late(farm, job.id)
    delete_all(farm)
    with farm.store.read() as tx:
        assert not any(tx.execute(select(table)).first() for table in OF_JOBS)


def test_what_is_not_there_is_not_taken_out(farm: Farm) -> None:
    """Neither a job that nobody knows nor one that nobody has deleted."""
    job = store_job(farm, authored_job(authored_task()))
    for act in (trash.undelete, trash.purge):
        with pytest.raises(Conflict, match="not in the trash"):
            act(farm, job.id)
        with pytest.raises(NotFound):
            act(farm, "00000000-0000-4000-8000-000000000000")
    trash.put_away(farm, job.id)
    assert statuses(farm, job) == ["queued", "queued"]


def test_nothing_touches_what_is_in_the_trash(farm: Farm, clock: Clock) -> None:
    """Chores, workers that leave, changes of policies and starts of the manager leave it as it is."""
    first = authored_task("first")
    job = store_job(farm, authored_job(first, authored_task("second", "nobody-has-this", after=(first,))))
    other = store_job(farm, authored_job(authored_task(task_type="nobody-has-this")))
    worker = new_worker(farm)
    take(farm, worker)
    for each in (job, other):
        deletion.request(farm, each.id)
    delete_all(farm)
    before, told = everything(farm), len(published(farm))
    workers.sign_off(farm, worker)
    clock.forward(3600)
    upkeep.look_for_stranded(farm)
    upkeep.finish_moves(farm)
    jobs.finish_transitions(farm)
    placing.place_all(farm)
    assert everything(farm) == before
    assert len(published(farm)) == told


def test_it_is_in_nothing_that_people_look_at(farm: Farm, clock: Clock) -> None:
    """Search, users and projects, lists, what the farm rendered last, files."""
    metadata = {"project": "a film", "user.name": "anna"}
    job = store_job(farm, authored_job(authored_task(), name="shot", metadata=metadata))
    worker = new_worker(farm)
    given = take(farm, worker)
    tasks.update(farm, worker, given.task.id, TaskChange(log="hello", status=TaskStatus.COMPLETED))
    client = testing.TestClient(create_app(farm))
    log = f"/job-files/job-{job.id[:4]}/{job.id}/task-{given.task.id}.txt"
    assert client.simulate_get(log).status_code == 200
    deletion.request(farm, job.id)
    for _ in range(2):
        found = client.simulate_get("/api/x/search", params={"q": "a"}).json
        assert not any(found[kind] for kind in ("jobs", "users", "projects") if kind in found)
        assert client.simulate_get("/api/x/jobs").json["total"] == 0
        assert client.simulate_get("/api/v3/jobs").json == {"jobs": []}
        for path in (log, f"/api/x/jobs/{job.id}", f"/api/x/jobs/{job.id}/attempts", f"/api/x/jobs/{job.id}/times"):
            assert client.simulate_get(path).status_code == 404, path
        delete_all(farm)
    trash.undelete(farm, job.id)
    assert client.simulate_get(log).status_code == 200
    assert client.simulate_get("/api/x/search", params={"q": "anna"}).json["users"] == ["anna"]


def test_the_list(farm: Farm, clock: Clock) -> None:
    """What was deleted last comes first, with when it goes; by pages, and by a filter."""
    for number in range(3):
        job = store_job(farm, authored_job(authored_task(), name=f"shot {number}", metadata={"user.name": "anna"}))
        clock.forward(60)
        deletion.request(farm, job.id)
    store_job(farm, authored_job(authored_task(), name="shot 4"))
    client = testing.TestClient(create_app(farm))
    first = client.simulate_get("/api/x/trash", params={"limit": 2}).json
    assert ([job["name"] for job in first["jobs"]], first["total"]) == (["shot 2", "shot 1"], 3)
    row = first["jobs"][0]
    assert (row["status"], row["deleted"], row["goes"]) == ("queued", "2026-01-02T03:07:05Z", "2026-01-09T03:07:05Z")
    assert "image" not in row
    second = client.simulate_get("/api/x/trash", params={"limit": 2, "after": first["next"]}).json
    assert [job["name"] for job in second["jobs"]] == ["shot 0"]
    assert client.simulate_get("/api/x/trash", params={"q": "1", "sort": "name"}).json["total"] == 1
    assert client.simulate_get("/api/x/trash", params={"user": "bob"}).json["total"] == 0
    assert client.simulate_get("/api/x/trash", params={"sort": "updated"}).status_code == 400


def test_actions_undo_each_other(farm: Farm) -> None:
    """Deleting says what takes it back, and so does taking out; what was deleted for good has nothing."""
    job = store_job(farm, authored_job(authored_task()))
    client = testing.TestClient(create_app(farm))

    def act(action: str, **more: object) -> Any:
        body = {"action": action, "ids": [job.id], **more}
        return client.simulate_post("/api/x/jobs/actions", json=body).json

    assert act("undelete")["refused"][0]["reason"] == "There is no such job."
    assert act("delete", dry_run=True)["done"] == 0
    deleted = act("delete")
    assert deleted["undo"] == [{"ids": [job.id], "action": "undelete", "arguments": {}}]
    delete_all(farm)
    assert act("cancel")["refused_count"] == 1
    assert act("undelete")["undo"] == [{"ids": [job.id], "action": "delete", "arguments": {}}]
    assert statuses(farm, job) == ["queued", "queued"]
    act("delete")
    delete_all(farm)
    everything_of_it = client.simulate_post("/api/x/jobs/actions", json={"action": "purge", "filter": {}}).json
    assert (everything_of_it["done"], "undo" in everything_of_it) == (1, False)
    delete_all(farm)
    assert act("undelete")["refused_count"] == 1
    changes = [(each.operation, each.before, each.after) for each in audit.records(farm, 10)]
    assert changes == [
        ("actOnJobs", None, {"purged": True}),
        ("actOnJobs", None, {"deleted": True}),
        ("actOnJobs", {"deleted": True}, {"deleted": False}),
        ("actOnJobs", None, {"deleted": True}),
    ]


def test_artists_have_their_own_back(make_farm: Callable[..., Farm]) -> None:
    """And see no others in the trash that they do not see elsewhere; nobody else's are for them to take out."""
    farm = make_farm(**access("login"), trash=KEPT)
    artist = with_token(farm, Role.ARTIST)
    theirs = store_job(farm, authored_job(authored_task(), name="theirs", metadata={"user.name": "somebody"}))
    deletion.request(farm, theirs.id)
    delete_all(farm)
    body = {"action": "undelete", "ids": [theirs.id]}
    assert artist.post("/api/x/jobs/actions", body).json["refused_count"] == 1
    wrangler = with_token(farm, Role.WRANGLER)
    assert wrangler.post("/api/x/jobs/actions", body).json["done"] == 1


def test_a_checkout_stays_while_its_job_may_come_back(make_farm: Callable[..., Farm], clock: Clock) -> None:
    """It is kept with the job, from other jobs that are purged and from the garbage collection, and goes with it."""
    farm = make_farm(trash=KEPT)
    file = checked_out(farm, "film/shot")
    inner = store_job(farm, authored_job(authored_task(), shaman_checkout_id="film/shot"))
    outer = store_job(farm, authored_job(authored_task(), shaman_checkout_id="film"))
    for job in (inner, outer):
        deletion.request(farm, job.id)
    delete_all(farm)
    trash.purge(farm, outer.id)
    delete_all(farm)
    clock.forward(6 * DAY)
    garbage.collect(farm)
    assert file.exists()
    trash.undelete(farm, inner.id)
    assert deletion.shaman_checkout_goes(farm, inner.id)
    deletion.request(farm, inner.id)
    clock.forward(7 * DAY)
    delete_all(farm)
    assert not file.exists()


def test_what_would_go_is_what_it_always_was(farm: Farm) -> None:
    """A job that somebody deleted does not count as one that needs the files, though it may come back."""
    first, second = (store_job(farm, authored_job(authored_task(), shaman_checkout_id="film")) for _ in range(2))
    assert not deletion.shaman_checkout_goes(farm, first.id)
    deletion.request(farm, second.id)
    delete_all(farm)
    assert deletion.shaman_checkout_goes(farm, first.id)


def test_a_tag_that_went_meanwhile(farm: Farm) -> None:
    """The job is given to all workers then, as others are that had it."""
    tag = tags.create(farm, "gpu")
    job = store_job(farm, authored_job(authored_task(), worker_tag=tag.id))
    deletion.request(farm, job.id)
    delete_all(farm)
    tags.remove(farm, tag.id)
    trash.undelete(farm, job.id)
    assert run_next(farm, new_worker(farm)) == "task"


def test_a_change_of_the_setting_counts_for_what_is_there(make_farm: Callable[..., Farm], clock: Clock) -> None:
    """Kept for shorter, what is older goes; without a trash, what is deleted is not put away, and all that was goes."""
    farm = make_farm(trash=KEPT)
    old, new = (store_job(farm, authored_job(authored_task())) for _ in range(2))
    deletion.request(farm, old.id)
    clock.forward(3600)
    deletion.request(farm, new.id)
    delete_all(farm)
    shorter = make_farm(trash=TrashConfig(keep=Duration(3600)))
    delete_all(shorter)
    in_trash = JobFilter(in_trash=True)
    newest = Slice(sort="-updated", limit=9)
    assert [each.job.id for each in job_page(shorter, in_trash, newest).entries] == [new.id]
    delete_all(make_farm())
    assert job_page(farm, in_trash, newest).total == 0


def test_the_ends_of_time(farm: Farm) -> None:
    """Whoever keeps things for longer than a calendar reaches, keeps them."""
    now = farm.clock()
    assert goes_at(now, 1e12).year == 9999
    assert deleted_until(now, 1e12).year == 1
    assert deleted_until(now, 60.0) == now - timedelta(seconds=60)


def test_a_job_that_cannot_be_put_away_holds_up_nobody(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails is logged, and tried again later."""
    stuck, other = (store_job(farm, authored_job(authored_task())) for _ in range(2))
    assert take(farm, new_worker(farm)).task.job_id == stuck.id  # so it is put away by itself
    for job in (stuck, other):
        deletion.request(farm, job.id)
    put_away = trash.put_away

    def fail_for_one(farm: Farm, job_id: str) -> None:
        if job_id == stuck.id:
            raise Conflict("not this one")
        put_away(farm, job_id)

    monkeypatch.setattr(trash, "put_away", fail_for_one)
    chore = Deletions()
    with capture_logs() as logs:
        assert any(chore.tick(farm) == EVERY_S for _ in range(9))
    assert [entry["job"] for entry in logs] == [stuck.id]
    assert trash.doomed(farm, 9) == [stuck.id]


def test_a_restart_between_any_two_steps(farm: Farm) -> None:
    """Whoever goes on in the place of one that died finds it hidden, put away, or partly there; and in order."""
    job = store_job(farm, fan(20))
    run_next(farm, new_worker(farm))
    deletion.request(farm, job.id)
    assert trash.doomed(farm, 9) == [job.id]
    Deletions().tick(farm)
    assert (trash.doomed(farm, 9), deletion.requested(farm, 9)) == ([], [])
    trash.purge(farm, job.id)
    while deletion.requested(farm, 1):
        with farm.store.read() as tx:
            assert recount.miscounted(tx) == []
        deletion.delete_some(farm, job.id, most_rows=7)
    with farm.store.read() as tx:
        assert tx.execute(select(tasks_table.c.key)).first() is None
        assert tx.execute(select(jobs_table.c.key)).first() is None


def test_putting_away_looks_through_no_table(farm: Farm, clock: Clock) -> None:
    """However many jobs and tasks there are, and however many in the trash."""
    job = store_job(farm, fan(5))
    take(farm, new_worker(farm))
    with executed(farm.store) as statements:
        deletion.request(farm, job.id)
        delete_all(farm)
        trash.undelete(farm, job.id)
        deletion.request(farm, job.id)
        trash.hides(farm, job.id)
        clock.forward(8 * DAY)
        delete_all(farm)
    assert "\n".join(scans_of(farm.store, statements)) == ""


def test_the_index_of_the_trash_is_used(farm: Farm) -> None:
    """What is asked every second goes along an index that has none of the others."""
    if not farm.store.is_sqlite:
        return
    with executed(farm.store) as statements:
        trash.doomed(farm, 1)
        deletion.requested(farm, 1)
        trash.purge_overdue(farm)
    with farm.store.engine.connect() as connection:
        plans = [
            " ".join(str(row[-1]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values))
            for sql, values in statements.items()
        ]
    for name in ("ix_jobs_doomed", "ix_jobs_purging", "ix_jobs_delete_requested"):
        assert any(name in plan for plan in plans), plans
    assert trash_store.IN_TRASH
