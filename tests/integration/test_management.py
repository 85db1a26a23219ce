"""What people do with tags, workers, jobs and tasks, and the lists they look at."""

from __future__ import annotations

import pytest
from falcon import testing
from structlog.testing import capture_logs

from flamenco.api.app import create_app
from flamenco.domain.errors import Conflict, NotFound, Refused
from flamenco.domain.listing import JobOrder, JobQuery, Page, TaskOrder, TaskQuery
from flamenco.domain.model import Submission, TaskWorker
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.farm import jobs, tags, tasks, workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from flamenco.store import events
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, report, run_next, statuses, store_job, take

NOBODY = "00000000-0000-4000-8000-000000000000"


def told(farm: Farm, topic: str) -> list[dict[str, object]]:
    """What was published on a topic."""
    with farm.store.read() as tx:
        return [event.payload for event in events.after(tx, 0, 10_000) if event.topic == topic]


# -- tags ---------------------------------------------------------------------------------------------------------


def test_a_tags_life(farm: Farm) -> None:
    """Made, changed in parts, and gone; everybody is told each time."""
    tag = tags.create(farm, "large", "for large jobs")
    with pytest.raises(Conflict, match="error creating worker tag"):
        tags.create(farm, "large")
    with pytest.raises(Conflict):
        tags.create(farm, "other", tag_id=tag.id)
    tags.change(farm, tag.id, "huge", None)
    assert (tags.fetch(farm, tag.id).name, tags.fetch(farm, tag.id).description) == ("huge", "for large jobs")
    small = tags.create(farm, "small")
    with pytest.raises(Conflict):
        tags.change(farm, small.id, "huge", None)
    assert [each.name for each in tags.list_all(farm)] == ["huge", "small"]
    tags.remove(farm, tag.id)
    with pytest.raises(NotFound, match="not found"):
        tags.fetch(farm, tag.id)
    about_tag = [each for each in told(farm, "/workertags") if each["tag"]["id"] == tag.id]  # type: ignore[index]
    assert about_tag[0] == {"tag": {"id": tag.id, "name": "large", "description": "for large jobs"}}
    assert about_tag[-1] == {"tag": {"id": tag.id, "name": ""}, "was_deleted": True}


def test_a_job_with_a_tag_goes_to_workers_with_it(farm: Farm) -> None:
    """From the very next poll on; a job whose tag is gone is for everybody."""
    tag, other = tags.create(farm, "a"), tags.create(farm, "b")
    job = store_job(farm, authored_job(*(authored_task(name, "misc") for name in "xyz")))
    member, stranger = new_worker(farm, "member"), new_worker(farm, "stranger")
    tags.set_of_worker(farm, member.id, [tag.id, NOBODY])
    tags.set_of_job(farm, job.id, tag.id, None)
    assert claim.assign_next(farm, stranger) is None
    assert run_next(farm, member) == "x"
    tags.set_of_job(farm, job.id, None, "b")
    assert jobs.fetch(farm, job.id).worker_tag == other.id
    assert claim.assign_next(farm, member) is None
    for tag_id, name in ((NOBODY, None), ("", None), (None, "c"), (None, "")):
        with pytest.raises(Refused, match="tag not found"):
            tags.set_of_job(farm, job.id, tag_id, name)
    tags.remove(farm, other.id)
    assert jobs.fetch(farm, job.id).worker_tag == ""
    assert run_next(farm, stranger) == "y"
    tags.set_of_job(farm, job.id, tag.id, None)
    tags.set_of_job(farm, job.id, None, None)
    assert run_next(farm, stranger) == "z"
    assert [each.name for each in workers.details(farm, member.id).tags] == ["a"]
    tags.set_of_worker(farm, member.id, [])
    assert workers.details(farm, member.id).tags == []


def test_the_case_of_a_tags_id_makes_no_difference(farm: Farm) -> None:
    """Ids in paths are put into lower case; one that was stored otherwise could not even be deleted."""
    client = testing.TestClient(create_app(farm))
    worker = new_worker(farm)
    job = store_job(farm, authored_job(authored_task("x", "misc")))
    made = {"name": "large", "id": "ABCDEF00-0000-4000-8000-00000000000A"}
    assert client.simulate_post("/api/v3/worker-mgt/tags", json=made).json == made | {"id": made["id"].lower()}
    assert client.simulate_post(f"/api/v3/jobs/{job.id}/settag", json={"id": made["id"]}).status_code == 204
    assert jobs.fetch(farm, job.id).worker_tag == made["id"].lower()
    change = {"tag_ids": [made["id"]]}
    client.simulate_post(f"/api/v3/worker-mgt/workers/{worker.id}/settags", json=change)
    assert [each.name for each in workers.details(farm, worker.id).tags] == ["large"]
    assert client.simulate_delete(f"/api/v3/worker-mgt/tag/{made['id']}").status_code == 204


# -- workers ------------------------------------------------------------------------------------------------------


def test_a_worker_and_its_task(farm: Farm, clock: Clock) -> None:
    """The task it is on, else the one that it was given last, whatever changed since of others; else none."""
    worker = new_worker(farm)
    assert workers.details(farm, worker.id).task is None
    first = authored_task("first")
    store_job(farm, authored_job(first, authored_task("second"), authored_task("third")))
    run_next(farm, worker)
    clock.forward(1)
    found = workers.details(farm, worker.id).task
    assert found
    assert (found.name, found.status) == ("first", TaskStatus.COMPLETED)
    second = take(farm, worker)
    found = workers.details(farm, worker.id).task
    assert found
    assert (found.name, found.status) == ("second", TaskStatus.ACTIVE)
    report(farm, worker, second, TaskStatus.COMPLETED)
    clock.forward(1)
    tasks.set_status(farm, first.id, TaskStatus.PAUSED, "test")
    found = workers.details(farm, worker.id).task
    assert found
    assert (found.name, found.status) == ("second", TaskStatus.COMPLETED)
    tasks.set_status(farm, first.id, TaskStatus.ACTIVE, "test")
    found = workers.details(farm, worker.id).task
    assert found
    assert found.id == first.id


def test_a_worker_that_is_deleted(farm: Farm) -> None:
    """Its task goes to others, and it is gone for everybody; the task still knows that somebody had it."""
    worker, other = new_worker(farm, "gone"), new_worker(farm, "other")
    job = store_job(farm, authored_job(authored_task("task", "misc")))
    task = take(farm, worker).task
    workers.delete(farm, worker.id)
    assert statuses(farm, job) == ["active", "queued"]
    assert [each.name for each in workers.list_all(farm)] == ["other"]
    with pytest.raises(NotFound):
        workers.delete(farm, worker.id)
    assert tasks.details(farm, task.id).worker == TaskWorker(worker.id, "", "")
    assert tasks.matching(farm, job.id, TaskQuery())[0].worker == TaskWorker(worker.id, "", "")
    assert ["worker" in each for each in told(farm, f"/jobs/{job.id}")] == [True, False]
    last = [each for each in told(farm, "/workers") if each["id"] == worker.id][-1]
    assert last["deleted_at"] == "2026-01-02T03:04:05Z"
    assert run_next(farm, other) == "task"


def test_a_worker_that_cannot_restart(farm: Farm) -> None:
    """It is not asked to; asking for the status it has takes back what was asked before."""
    worker = new_worker(farm)
    with pytest.raises(Conflict, match="does not know how to restart"):
        workers.request_status(farm, worker.id, WorkerStatus.RESTART, lazy=False)
    workers.request_status(farm, worker.id, WorkerStatus.ASLEEP, lazy=True)
    assert told(farm, "/workers")[-1]["status_change"] == {"status": "asleep", "is_lazy": True}
    workers.request_status(farm, worker.id, WorkerStatus.AWAKE, lazy=True)
    assert workers.details(farm, worker.id).worker.status_requested is None


# -- lists --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ((), "bac"),
        (("name",), "abc"),
        (("-name",), "cba"),
        (("-priority", "name"), "acb"),
        (("priority", "-name"), "bca"),
        (("type", "status", "name"), "abc"),
    ],
)
def test_jobs_in_order(farm: Farm, order: tuple[JobOrder, ...], names: str) -> None:
    """As they came in, or as asked for; what is alike comes as it came in."""
    for name, priority in (("b", 1), ("a", 50), ("c", 50)):
        store_job(farm, authored_job(authored_task("task", "misc"), name=name, priority=priority))
    assert "".join(job.name for job in jobs.matching(farm, JobQuery(order_by=order))) == names


def test_parts_of_lists(farm: Farm) -> None:
    """Filters, pages, and all of it where nothing is asked for."""
    made = [store_job(farm, authored_job(authored_task("task", "misc"), name=f"job {number}")) for number in range(5)]
    jobs.set_status(farm, made[1].id, JobStatus.CANCEL_REQUESTED, "test")
    assert [job.id for job in jobs.matching(farm, JobQuery())] == [job.id for job in made]
    canceled = JobQuery(statuses=(JobStatus.CANCELED, JobStatus.FAILED))
    assert [job.id for job in jobs.matching(farm, canceled)] == [made[1].id]
    assert jobs.matching(farm, JobQuery(types=("other",))) == []
    page = JobQuery(page=Page(offset=1, limit=2))
    assert [job.id for job in jobs.matching(farm, page)] == [made[1].id, made[2].id]
    assert len(jobs.matching(farm, JobQuery(page=Page(offset=3)))) == 2

    job = store_job(farm, authored_job(*(authored_task(name, "misc") for name in "caba")))
    worker = new_worker(farm)
    jobs.set_priority(farm, job.id, 90)
    run_next(farm, worker)
    every = tasks.matching(farm, job.id, TaskQuery())
    assert [(task.name, task.index, task.status) for task in every] == [
        *(("c", 1, "completed"), ("a", 2, "queued"), ("b", 3, "queued"), ("a", 4, "queued"))
    ]
    assert [task.worker for task in every] == [TaskWorker(worker.id, "worker", "127.0.0.1"), None, None, None]
    by_name: tuple[TaskOrder, ...] = ("name",)
    assert [task.index for task in tasks.matching(farm, job.id, TaskQuery(order_by=by_name))] == [2, 4, 3, 1]
    queued = TaskQuery(statuses=(TaskStatus.QUEUED,), page=Page(offset=1, limit=1))
    assert [task.index for task in tasks.matching(farm, job.id, queued)] == [3]
    assert tasks.matching(farm, NOBODY, TaskQuery()) == []


# -- tasks and blocklists -----------------------------------------------------------------------------------------


def test_who_failed_a_task_and_is_gone(farm: Farm) -> None:
    """Whoever looks for what went wrong sees on which machine, though that was deleted meanwhile."""
    job = store_job(farm, authored_job(authored_task("task", "misc")))
    worker = new_worker(farm)
    run_next(farm, worker, TaskStatus.FAILED)
    workers.delete(farm, worker.id)
    (task,) = tasks.of_job(farm, job.id)
    assert tasks.details(farm, task.id).failed_by == [TaskWorker(worker.id, worker.name, worker.address)]


def test_a_task_that_a_person_requeues_starts_afresh(farm: Farm) -> None:
    """Nobody failed it, so everybody may have it, and its job, which had ended, goes on with it."""
    job = store_job(farm, authored_job(authored_task("task", "misc")))
    worker = new_worker(farm)
    run_next(farm, worker, TaskStatus.FAILED)
    assert statuses(farm, job) == ["failed", "failed"]
    (task,) = tasks.of_job(farm, job.id)
    assert [each.id for each in tasks.details(farm, task.id).failed_by] == [worker.id]
    tasks.set_status(farm, task.id, TaskStatus.QUEUED, "try again")
    found = tasks.details(farm, task.id)
    assert (found.failed_by, found.task.activity) == ([], "try again")
    assert statuses(farm, job) == ["queued", "queued"]
    # Whoever looks on sees who had it, whatever happens to it.
    who = {"name": worker.name, "uuid": worker.id}
    assert [each["worker"] for each in told(farm, f"/jobs/{job.id}")] == [who] * 3
    assert run_next(farm, worker) == "task"
    assert statuses(farm, job) == ["completed", "completed"]
    with pytest.raises(NotFound):
        tasks.set_status(farm, NOBODY, TaskStatus.QUEUED, "")


def test_a_blocked_worker_may_try_again(farm: Farm) -> None:
    """Once it is off the list; what is not on the list is passed over."""
    job = store_job(farm, authored_job(*(authored_task(f"task {number}", "misc") for number in range(5))))
    new_worker(farm, "nobody else")
    worker = new_worker(farm, "clumsy")
    for _ in range(3):
        run_next(farm, worker, TaskStatus.FAILED)
    assert claim.assign_next(farm, worker) is None
    (block,) = jobs.blocklist(farm, job.id)
    assert (block.worker_id, block.worker_name, block.task_type) == (worker.id, "clumsy", "misc")
    jobs.unblock(farm, job.id, [(worker.id, "ffmpeg"), (NOBODY, "misc")])
    jobs.unblock(farm, NOBODY, [(worker.id, "misc")])
    assert jobs.blocklist(farm, job.id) == [block]
    jobs.unblock(farm, job.id, [(worker.id, "misc")])
    assert jobs.blocklist(farm, job.id) == jobs.blocklist(farm, NOBODY) == []
    assert run_next(farm, worker) == "task 3"


ECHO = """
const JOB_TYPE = { label: "Echo", settings: [{ key: "message", type: "string", required: true }] };

function compileJob(job) {
    const task = author.Task("say", "misc");
    task.addCommand(author.Command("echo", { message: job.settings.message }));
    job.addTask(task);
}
"""


@pytest.fixture
def _echo(farm: Farm) -> None:
    """A job type `echo` of one task."""
    farm.config.job_types_path.mkdir(parents=True)
    (farm.config.job_types_path / "echo.js").write_text(ECHO)


@pytest.mark.usefixtures("_echo")
def test_the_console_says_who_came_and_how_jobs_ended(farm: Farm) -> None:
    """A line each for a worker that came, went or was silent, and for a job that came and ended; none for tasks."""
    message = {"message": "hi"}
    with capture_logs() as said:
        worker = new_worker(farm, "tall")
        for status in (TaskStatus.COMPLETED, TaskStatus.FAILED):
            jobs.submit(farm, Submission(name=f"{status} soon", type="echo", settings=message), strict=True)
            run_next(farm, worker, status)
        canceled = jobs.submit(farm, Submission(name="no", type="echo", settings=message), strict=True)
        jobs.set_status(farm, canceled.id, JobStatus.CANCEL_REQUESTED, "not today")
        workers.sign_off(farm, worker)
        silent = new_worker(farm, "silent")
        workers.time_out(farm, silent.id, farm.clock())
    assert [(line["event"], line["name"]) for line in said if "name" in line] == [
        ("a worker came", "tall"),
        ("a job came", "completed soon"),
        ("a job is completed", "completed soon"),
        ("a job came", "failed soon"),
        ("a job failed", "failed soon"),
        ("a job came", "no"),
        ("a job was canceled", "no"),
        ("a worker went", "tall"),
        ("a worker came", "silent"),
        ("a worker was silent for too long", "silent"),
    ]


@pytest.mark.usefixtures("_echo")
def test_priorities_have_one_limit(farm: Farm) -> None:
    """What cannot be given to a job later cannot be given when it is submitted, whichever API it comes through."""
    client = testing.TestClient(create_app(farm))
    body = {"name": "n", "type": "echo", "settings": {"message": "m"}, "submitter_platform": "linux"}
    for path in ("/api/jobs", "/api/v3/jobs", "/api/v3/jobs/check", "/api/x/jobs", "/api/x/jobs/compile"):
        for priority in (-1, 101, 2**31 - 1):
            refused = client.simulate_post(path, json={**body, "priority": priority})
            assert (refused.status_code, "priority" in refused.json["message"]) == (400, True), (path, priority)
        for allowed in (0, 100):
            assert client.simulate_post(path, json={**body, "priority": allowed}).status_code in (200, 204), path


@pytest.mark.usefixtures("_echo")
def test_tags_that_are_not_there_or_taken(farm: Farm) -> None:
    """The client's mistake is told as one: 400 for a job of an unknown tag, 409 for a name that is taken."""
    client = testing.TestClient(create_app(farm))
    job = {"name": "n", "type": "echo", "settings": {"message": "m"}, "submitter_platform": "linux"}
    for path in ("/api/v3/jobs", "/api/x/jobs"):
        refused = client.simulate_post(path, json={**job, "worker_tag": NOBODY})
        assert (refused.status_code, NOBODY in refused.json["message"]) == (400, True)
    tags.create(farm, "gpu")
    other = tags.create(farm, "cpu")
    assert client.simulate_post("/api/v3/worker-mgt/tags", json={"name": "gpu"}).status_code == 409
    assert client.simulate_put(f"/api/v3/worker-mgt/tag/{other.id}", json={"name": "gpu"}).status_code == 409


@pytest.mark.usefixtures("_echo")
def test_submitting_for_a_tag_paused_or_to_see(farm: Farm) -> None:
    """Our own API takes a tag and a paused job, and compiles one that is not stored."""
    client = testing.TestClient(create_app(farm))
    tag = tags.create(farm, "gpu")
    body = {"name": "n", "type": "echo", "settings": {"message": "m"}, "worker_tag": tag.id, "initial_status": "paused"}
    compiled = client.simulate_post("/api/x/jobs/compile", json=body)
    assert compiled.status_code == 200
    (task,) = compiled.json["tasks"]
    assert (compiled.json["settings"]["message"], task["commands"][0]["name"]) == ("m", "echo")
    assert jobs.matching(farm, JobQuery()) == []
    stored = client.simulate_post("/api/x/jobs", json=body)
    assert stored.status_code == 200
    job = jobs.fetch(farm, stored.json["id"])
    assert (job.status, job.worker_tag) == (JobStatus.PAUSED, tag.id)
    assert client.simulate_post("/api/x/jobs", json={**body, "initial_status": "active"}).status_code == 400
