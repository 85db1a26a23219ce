"""Actions on many jobs, tasks and workers in one request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flamenco.domain.access import Role
from flamenco.domain.actions import JOB_ACTIONS, TASK_ACTIONS, WORKER_ACTIONS, JobAction, TaskAction, WorkerAction
from flamenco.domain.model import AuthoredTask, Job
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.farm import audit, jobs, tags, tasks, workers
from flamenco.farm.actions import carrying_out
from flamenco.farm.context import Farm
from flamenco.store import moves
from tests.conftest import authored_job, authored_task
from tests.integration.entering import Client, access, add_user, with_token
from tests.integration.farming import job_now, new_worker, present, report, run_next, statuses, store_job, take
from tests.integration.test_access import submit

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NOBODY = "6f1c3c3e-4d7e-4f0b-9a55-0d3d1f0e9b1a"


def stored(farm: Farm, name: str = "job", count: int = 1, status: JobStatus = JobStatus.QUEUED) -> Job:
    """A job of so many tasks."""
    return store_job(farm, authored_job(*many(count), name=name), status)


def many(count: int) -> list[AuthoredTask]:
    """So many tasks, called by their numbers."""
    return [authored_task(f"task {number}") for number in range(1, count + 1)]


def act(farm: Farm | Client, on: str, action: str, things: Any = None, **more: Any) -> dict[str, Any]:
    """What comes of an action on things by their ids, or by `filter`."""
    client = farm if isinstance(farm, Client) else Client(farm)
    body = {"action": action, "arguments": more.pop("arguments", {}), **more}
    if things is not None:
        body["ids"] = [getattr(each, "id", each) for each in things]
    answer = client.post(f"/api/x/{on}/actions", body)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json
    return result


def job_statuses(farm: Farm, *stored_jobs: Job) -> list[str]:
    """The statuses of jobs, by now."""
    return [str(job_now(farm, each).status) for each in stored_jobs]


def test_what_fits_is_done_and_what_does_not_is_refused(farm: Farm) -> None:
    """Each for itself, in the order in which they are named; a sentence says why, and what takes it back."""
    running, over = stored(farm, "running"), stored(farm, "over", status=JobStatus.COMPLETED)
    result = act(farm, "jobs", "pause", [over, running, running, NOBODY])
    assert result == {
        "matched": 3,
        "done": 1,
        "refused": [
            {
                "id": over.id,
                "name": "over",
                "reason": "It is completed; only what is active, queued or requeueing can be paused.",
            },
            {"id": NOBODY, "name": "", "reason": "There is no such job."},
        ],
        "refused_count": 2,
        "undo": [{"ids": [running.id], "action": "resume", "arguments": {}}],
    }
    assert job_statuses(farm, running, over) == ["paused", "completed"]
    (undo,) = result["undo"]
    assert act(farm, "jobs", undo["action"], undo["ids"])["done"] == 1
    assert statuses(farm, running) == ["queued", "queued"]


ARGUMENTS: dict[JobAction, dict[str, Any]] = {
    JobAction.PRIORITY: {"priority": 3},
    JobAction.TAG: {"tag_id": ""},
    JobAction.START_AFTER: {"start_after": "+1h"},
    JobAction.ORDER: {"order": "backward"},
    JobAction.TIME_LIMITS: {"max_run_time": "1h"},
    JobAction.FRAMES: {"frames": "1"},
    JobAction.MAX_WORKERS: {"max_workers": 2},
    JobAction.WORKERS: {"workers_allowed": []},
    JobAction.BLOCK: {"workers": ["w"]},
    JobAction.UNBLOCK: {"workers": ["w"]},
    JobAction.NOTE: {"note": "n"},
    JobAction.RETRIES: {"tries": 5},
}
"""What those actions are given that need something."""

_NEED_MORE = (JobAction.REQUEUE_FAILED, JobAction.REQUEUE_CANCELED, JobAction.FRAMES, JobAction.APPROVE)
"""What makes no sense with these jobs, whatever their status."""


def test_a_dry_run_changes_nothing(farm: Farm) -> None:
    """It says with what it would be refused, and records nothing."""
    first, second = stored(farm), stored(farm, status=JobStatus.CANCELED)
    for action in JobAction:
        given = ARGUMENTS.get(action, {})
        result = act(farm, "jobs", action, [first, second], arguments=given, dry_run=True)
        assert (result["matched"], result["done"], "undo" in result) == (2, 0, False)
        fits = JOB_ACTIONS[action].fits
        refused = {each["id"] for each in result["refused"]}
        if fits is not None and action not in _NEED_MORE:
            assert refused == {job.id for job in (first, second) if job.status not in fits}
    assert job_statuses(farm, first, second) == ["queued", "canceled"]
    assert audit.records(farm, 100) == []


def test_a_filter_chooses_all_that_it_leaves_in(farm: Farm) -> None:
    """Jobs that were deleted are not among them; an empty one is for all."""
    some = [stored(farm, f"shot {number}") for number in range(3)]
    other = stored(farm, "other")
    act(farm, "jobs", "delete", [some[0]])
    result = act(farm, "jobs", "cancel", filter={"q": "SHOT", "status": ["queued", "failed"]})
    assert (result["matched"], result["done"]) == (2, 2)
    assert job_statuses(farm, *some, other) == ["queued", "canceled", "canceled", "queued"]
    assert act(farm, "jobs", "priority", filter={}, arguments={"priority": 7})["done"] == 3
    assert act(farm, "jobs", "pause", filter={"user": ["nobody"]})["matched"] == 0


def test_what_is_taken_back_is_as_it_was(farm: Farm) -> None:
    """Priorities and tags of jobs go back to what each of them had."""
    tag = tags.create(farm, "gpu")
    first, second = stored(farm), stored(farm)
    jobs.set_priority(farm, second.id, 80)
    tags.set_of_job(farm, second.id, tag.id, None)
    both = [first, second]
    for action, given in (("priority", {"priority": 20}), ("tag", {"tag_id": ""})):
        result = act(farm, "jobs", action, both, arguments=given)
        assert result["done"] == 2
        for undo in result["undo"]:
            act(farm, "jobs", undo["action"], undo["ids"], arguments=undo["arguments"])
        now = [job_now(farm, each) for each in both]
        assert [(each.priority, each.worker_tag) for each in now] == [(50, ""), (80, tag.id)]


def test_it_is_recorded_as_single_ones_are(farm: Farm) -> None:
    """Who, by which operation, with what: one record for each."""
    first, second = stored(farm), stored(farm)
    act(farm, "jobs", "cancel", [first, second], arguments={"reason": "wrong camera"})
    records = audit.records(farm, 10)
    assert {(each.object_id, each.operation) for each in records} == {
        (first.id, "actOnJobs"),
        (second.id, "actOnJobs"),
    }
    assert "wrong camera" in job_now(farm, first).activity
    act(farm, "jobs", "requeue", [first])
    assert "a person" in job_now(farm, first).activity


# -- requeueing some ------------------------------------------------------------------------------------------------


def failed_job(farm: Farm, count: int = 12) -> Job:
    """A job that failed: of its tasks one is completed, two have failed, and the rest was canceled."""
    job, worker = stored(farm, count=count), new_worker(farm, "first")
    new_worker(farm, "second")
    run_next(farm, worker)
    for number in (2, 3):
        tasks.set_status(farm, task_ids(farm, job)[number - 1], TaskStatus.FAILED, "it broke")
    assert statuses(farm, job)[:5] == ["failed", "completed", "failed", "failed", "canceled"]
    return job


def task_ids(farm: Farm, job: Job) -> list[str]:
    """The tasks of a job by their ids."""
    return [task.id for task in tasks.of_job(farm, job.id)]


@pytest.mark.parametrize("at_once", [1000, 4])
def test_failed_tasks_of_a_job_are_run_again(farm: Farm, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is completed stays; what the failure took down goes along, as for a single task; large jobs go in parts."""
    monkeypatch.setattr(moves, "AT_ONCE", at_once)
    job = failed_job(farm)
    assert act(farm, "jobs", "requeue-failed", [job]) == {"matched": 1, "done": 1, "refused": [], "refused_count": 0}
    assert statuses(farm, job) == ["queued", "completed", *["queued"] * 11]
    again = act(farm, "jobs", "requeue-failed", [job])
    assert again["refused"][0]["reason"] == "None of its tasks is failed."


def test_failed_tasks_of_a_job_that_goes_on(farm: Farm) -> None:
    """Nothing else of it is touched: not what runs, nor what somebody has canceled."""
    job, worker = stored(farm, count=30), new_worker(farm)
    ids = task_ids(farm, job)
    assigned = take(farm, worker)
    tasks.set_status(farm, ids[1], TaskStatus.FAILED, "it broke")
    tasks.set_status(farm, ids[2], TaskStatus.CANCELED, "not needed")
    assert act(farm, "jobs", "requeue-failed", [job])["done"] == 1
    assert statuses(farm, job)[:5] == ["active", "active", "queued", "canceled", "queued"]
    assert act(farm, "jobs", "requeue-canceled", [job])["done"] == 1
    assert statuses(farm, job)[:5] == ["active", "active", "queued", "queued", "queued"]
    report(farm, worker, assigned, TaskStatus.COMPLETED)
    while "queued" in statuses(farm, job):
        run_next(farm, worker)
    assert statuses(farm, job)[0] == "completed"


def test_canceled_tasks_of_a_job_are_run_after_all(farm: Farm) -> None:
    """A job that was canceled goes on with them; in one that failed, what failed stays so."""
    canceled = stored(farm, count=3)
    jobs.set_status(farm, canceled.id, JobStatus.CANCEL_REQUESTED, "no")
    assert act(farm, "jobs", "requeue-canceled", [canceled])["done"] == 1
    assert statuses(farm, canceled) == ["queued"] * 4
    jobs.set_status(farm, canceled.id, JobStatus.CANCEL_REQUESTED, "so that the worker gets others")
    failed = failed_job(farm)
    assert act(farm, "jobs", "requeue-canceled", [failed])["done"] == 1
    assert statuses(farm, failed)[:5] == ["queued", "completed", "failed", "failed", "queued"]


def test_who_failed_a_task_may_try_it_again_with_the_rest(farm: Farm) -> None:
    """Failures of those tasks are forgotten, and where nobody else is left, so is that somebody was blocked."""
    job, worker = stored(farm, count=40), new_worker(farm)
    for _ in range(3):
        report(farm, worker, take(farm, worker), TaskStatus.FAILED)
    assert jobs.blocklist(farm, job.id) != []
    assert act(farm, "jobs", "requeue-failed", [job])["done"] == 1
    assert jobs.blocklist(farm, job.id) == []
    assert take(farm, worker).task.name == "task 1"


def test_elsewhere_is_on_another_worker(farm: Farm) -> None:
    """The one that had it last does not get it again, whether it had completed or failed it, or runs it still."""
    job = stored(farm, count=2)
    first = new_worker(farm, "first")
    (alone,) = act(farm, "tasks", "requeue-elsewhere", [task_ids(farm, job)[0]])["refused"]
    assert alone["reason"] == "No worker has had it yet."
    done = take(farm, first)
    report(farm, first, done, TaskStatus.COMPLETED)
    (alone,) = act(farm, "tasks", "requeue-elsewhere", [done.task.id])["refused"]
    assert alone["reason"] == "There is no other worker than first that could run it."
    assert statuses(farm, job) == ["active", "completed", "queued"]
    second = new_worker(farm, "second")
    assert act(farm, "tasks", "requeue-elsewhere", [done.task.id])["done"] == 1
    assert take(farm, first).task.name == "task 2"
    running = take(farm, second)
    assert running.task.id == done.task.id
    new_worker(farm, "third")
    assert act(farm, "tasks", "requeue-elsewhere", [running.task.id])["done"] == 1
    assert not tasks.may_run(farm, second, running.task.id).may_keep_running
    third = new_worker(farm, "fourth")
    assert take(farm, third).task.id == done.task.id


# -- tasks ----------------------------------------------------------------------------------------------------------


def test_tasks_by_ids_and_by_filter(farm: Farm) -> None:
    """Those of several jobs by their ids; a filter is about one job."""
    first, second = stored(farm, count=3), stored(farm, count=2)
    ids = [task_ids(farm, first)[0], task_ids(farm, second)[1]]
    assert act(farm, "tasks", "cancel", ids)["done"] == 2
    assert (statuses(farm, first), statuses(farm, second)) == (
        ["queued", "canceled", "queued", "queued"],
        ["queued", "queued", "canceled"],
    )
    result = act(farm, "tasks", "requeue", filter={"job_id": first.id.upper(), "q": "task"})
    assert (result["matched"], result["done"], result["refused_count"]) == (3, 1, 2)
    assert act(farm, "tasks", "cancel", filter={"job_id": first.id, "status": ["queued"], "q": "k 2"})["done"] == 1
    assert statuses(farm, first) == ["queued", "queued", "canceled", "queued"]
    assert act(farm, "tasks", "cancel", filter={"job_id": NOBODY})["matched"] == 0


# -- workers --------------------------------------------------------------------------------------------------------


def test_workers_are_asked_and_asked_no_more(farm: Farm) -> None:
    """What was asked before is what takes it back; who is so already is refused."""
    first, second = new_worker(farm, "first"), new_worker(farm, "second")
    workers.request_status(farm, second.id, WorkerStatus.OFFLINE, lazy=True)
    both = [first, second]
    result = act(farm, "workers", "sleep", both, arguments={"lazy": False})
    assert result["undo"] == [
        {"ids": [first.id], "action": "cancel-request", "arguments": {}},
        {"ids": [second.id], "action": "shutdown", "arguments": {"lazy": True}},
    ]
    assert [present(farm, each).status_requested for each in both] == [WorkerStatus.ASLEEP] * 2
    for undo in result["undo"]:
        act(farm, "workers", undo["action"], undo["ids"], arguments=undo["arguments"])
    assert [present(farm, each).status_requested for each in both] == [None, WorkerStatus.OFFLINE]
    taken_back = act(farm, "workers", "cancel-request", both)
    assert taken_back["refused"] == [{"id": first.id, "name": "first", "reason": "It is asked for nothing."}]
    assert taken_back["undo"] == [{"ids": [second.id], "action": "shutdown", "arguments": {"lazy": True}}]
    assert act(farm, "workers", "wakeup", both)["refused"][0]["reason"] == "It is awake already."
    assert act(farm, "workers", "restart", both)["refused"][1]["reason"] == "It does not know how to restart."
    assert act(farm, "workers", "offline", filter={"q": "sec"})["done"] == 1
    assert act(farm, "workers", "wakeup", [second])["done"] == 1
    assert present(farm, second).status_requested is None


def test_tags_and_schedules_of_workers(farm: Farm) -> None:
    """They are given beside those that each has, and taken back as it was."""
    gpu, big = tags.create(farm, "gpu"), tags.create(farm, "big")
    first, second = new_worker(farm, "first"), new_worker(farm, "second")
    tags.set_of_worker(farm, first.id, [gpu.id])
    result = act(
        farm, "workers", "tags", [first, second], arguments={"add": [gpu.id.upper(), big.id], "remove": [NOBODY]}
    )
    assert [{tag.name for tag in workers.details(farm, each.id).tags} for each in (first, second)] == [
        {"gpu", "big"}
    ] * 2
    for undo in result["undo"]:
        act(farm, "workers", undo["action"], undo["ids"], arguments=undo["arguments"])
    assert [[tag.name for tag in workers.details(farm, each.id).tags] for each in (first, second)] == [["gpu"], []]
    schedule = {"is_active": True, "days_of_week": "mo fr", "start_time": "08:00", "end_time": "18:30"}
    given = act(farm, "workers", "schedule", [first], arguments=schedule)
    assert given["undo"] == [
        {
            "ids": [first.id],
            "action": "schedule",
            "arguments": {"is_active": False, "days_of_week": "", "start_time": "", "end_time": ""},
        }
    ]
    changed = act(farm, "workers", "schedule", [first], arguments={"is_active": False})
    assert changed["undo"][0]["arguments"] == schedule


def test_workers_are_approved_and_removed(make_farm: Callable[..., Farm]) -> None:
    """One after the other; who was approved is not approved again, who was removed is not there."""
    farm = make_farm(**access("open", registration="approve"))
    added = workers.register(farm, name="n", platform="linux", secret="x" * 20, task_types=["misc"], address="10.0.0.1")
    assert not added.approved
    assert act(farm, "workers", "approve", filter={"approved": False})["done"] == 1
    assert present(farm, added).approved
    assert act(farm, "workers", "approve", [added])["refused"][0]["reason"] == "It is approved already."
    assert act(farm, "workers", "remove", [added])["done"] == 1
    assert act(farm, "workers", "remove", [added])["refused"][0]["reason"] == "There is no such worker."


# -- rights ---------------------------------------------------------------------------------------------------------


def test_rights_are_those_of_each_job(make_farm: Callable[..., Farm]) -> None:
    """An artist steers their own jobs, and is told of the others that they may not; nothing of priorities is new."""
    farm = make_farm(**access("login", highest_priority=60))
    for user in ("anna", "bert"):
        add_user(farm, user, Role.ARTIST)
    anna, bert = (with_token(farm, Role.ARTIST, user=user) for user in ("anna", "bert"))
    mine, theirs = submit(anna, name="mine"), submit(bert, name="theirs")
    refusal = {
        "id": theirs,
        "name": "theirs",
        "reason": "anna, with the role artist, may only steer jobs of their own.",
    }
    ways: tuple[dict[str, Any], ...] = ({"things": [mine, theirs]}, {"filter": {}})
    for how in ways:
        result = act(anna, "jobs", "pause", dry_run=True, **how)
        assert (result["matched"], result["refused"]) == (2, [refusal])
    assert act(anna, "jobs", "pause", filter={})["done"] == 1
    assert [jobs.fetch(farm, each).status for each in (mine, theirs)] == [JobStatus.PAUSED, JobStatus.QUEUED]
    high = act(anna, "jobs", "priority", [mine], arguments={"priority": 99}, dry_run=True)
    assert "highest that artists may give" in high["refused"][0]["reason"]
    their_task = tasks.of_job(farm, theirs)[0].id
    assert act(anna, "tasks", "cancel", [their_task])["refused"][0]["id"] == their_task
    body = {"action": "cancel", "filter": {"job_id": theirs}}
    assert anna.post("/api/x/tasks/actions", body).status_code == 403
    assert anna.post("/api/x/workers/actions", {"action": "sleep", "filter": {}}).status_code == 403
    assert act(with_token(farm, Role.WRANGLER), "jobs", "cancel", filter={})["done"] == 2


def test_programs_learn_nothing_of_jobs_of_others(make_farm: Callable[..., Farm]) -> None:
    """A token that may only look at its own is not told what others are called, and a filter is about its own."""
    farm = make_farm(**access("login"))
    for user in ("anna", "bert"):
        add_user(farm, user, Role.ARTIST)
    anna, bert = (with_token(farm, Role.SUBMIT, user=user) for user in ("anna", "bert"))
    mine, theirs = submit(anna, name="mine"), submit(bert, name="secret")
    result = act(anna, "jobs", "pause", [theirs, mine])
    assert (result["done"], result["refused"][0]["name"]) == (1, "")
    assert act(anna, "jobs", "resume", filter={})["matched"] == 1


# -- bounds ---------------------------------------------------------------------------------------------------------


def test_it_ends_in_time_and_goes_on_from_there(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left is said, and where; nothing is done twice, whether things were named or a filter was given."""
    monkeypatch.setattr(carrying_out, "LONGEST_S", 4.0)
    some = [stored(farm, f"job {number}") for number in range(10)]
    ways: tuple[dict[str, Any], ...] = ({"things": some}, {"filter": {}})
    for how in ways:
        done, after, requests = 0, 0, 0
        while True:
            seconds = iter(range(1000))
            farm.timer = lambda seconds=seconds: float(next(seconds))  # type: ignore[misc]
            result = act(farm, "jobs", "priority", arguments={"priority": 9}, after=after, **how)
            done, requests = done + result["done"], requests + 1
            assert result["matched"] == 10 - done + result["done"]
            assert result.get("left", 0) == 10 - done
            if "next" not in result:
                break
            after = result["next"]
        assert (done, requests) == (10, 4)
    assert len(audit.records(farm, 100)) == 20


@ON_SQLITE
def test_there_is_no_end_of_refusals_and_undos(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first are told and all counted; what takes it back comes in parts that may be asked for."""
    monkeypatch.setattr(carrying_out, "MOST_NAMED", 2)
    monkeypatch.setattr(carrying_out, "MOST_AT_ONCE", 3)
    monkeypatch.setattr(carrying_out, "_PAGE", 4)
    for _ in range(7):
        stored(farm)
    result = act(farm, "jobs", "priority", filter={}, arguments={"priority": 1})
    assert [len(undo["ids"]) for undo in result["undo"]] == [3, 3, 1]
    result = act(farm, "jobs", "resume", filter={})
    assert (len(result["refused"]), result["refused_count"], result["matched"]) == (2, 7, 7)
    assert act(farm, "jobs", "resume", [NOBODY, *[f"{NOBODY[:-2]}{n:02}" for n in range(9)]])["refused_count"] == 10


@ON_SQLITE
def test_one_has_much_done_at_a_time(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others are told to come again; what is about few waits for nobody."""
    monkeypatch.setattr(carrying_out, "_PATIENCE_S", 0.0)
    job = stored(farm)
    with farm.large_action:
        busy = Client(farm).post("/api/x/jobs/actions", {"action": "cancel", "filter": {}})
        assert (busy.status_code, busy.headers["Retry-After"]) == (429, "1")
        assert act(farm, "jobs", "pause", [job])["done"] == 1


@ON_SQLITE
@pytest.mark.parametrize(
    ("on", "body", "word"),
    [
        ("jobs", {}, "action"),
        ("jobs", {"action": "explode", "ids": []}, "cancel, pause, resume"),
        ("jobs", {"action": "cancel"}, "ids"),
        ("jobs", {"action": "cancel", "ids": [], "filter": {}}, "ids"),
        ("jobs", {"action": "cancel", "ids": [NOBODY] * 1001}, "1000"),
        ("jobs", {"action": "cancel", "ids": ["x" * 37]}, "36"),
        ("jobs", {"action": "cancel", "ids": ["\0"]}, "NUL"),
        ("jobs", {"action": "cancel", "ids": NOBODY}, "ids"),
        ("jobs", {"action": "cancel", "filter": {"status": ["odd"]}}, "odd"),
        ("jobs", {"action": "priority", "ids": []}, "arguments.priority"),
        ("jobs", {"action": "priority", "ids": [], "arguments": {"priority": 101}}, "priority"),
        ("jobs", {"action": "priority", "ids": [], "arguments": {"priority": "high"}}, "priority"),
        ("jobs", {"action": "cancel", "ids": [], "arguments": {"priority": 3}}, "arguments.priority"),
        ("jobs", {"action": "cancel", "ids": [], "arguments": {"reason": "x" * 10_001}}, "reason"),
        ("jobs", {"action": "tag", "ids": [], "arguments": {"tag_id": NOBODY}}, "arguments.tag_id"),
        ("jobs", {"action": "cancel", "ids": [], "after": -1}, "after"),
        ("jobs", {"action": "cancel", "ids": [], "dry_run": "yes"}, "dry_run"),
        ("tasks", {"action": "cancel", "filter": {}}, "job_id"),
        ("tasks", {"action": "pause", "ids": []}, "cancel, requeue"),
        ("workers", {"action": "tags", "ids": []}, "which tags"),
        ("workers", {"action": "tags", "ids": [], "arguments": {"add": [NOBODY]}}, "no tag"),
        ("workers", {"action": "schedule", "ids": []}, "arguments.is_active"),
        (
            "workers",
            {"action": "schedule", "ids": [], "arguments": {"is_active": True, "start_time": "25:00"}},
            "start_time",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(farm: Farm, on: str, body: dict[str, Any], word: str) -> None:
    """With a sentence, before anything is done."""
    answer = Client(farm).post(f"/api/x/{on}/actions", body)
    assert answer.status_code == 400
    assert word in answer.json["message"]


def test_the_table_is_complete() -> None:
    """Every action has a row, by which it is known what it does, who may, and what takes it back."""
    assert JOB_ACTIONS.keys() == set(JobAction)
    assert TASK_ACTIONS.keys() == set(TaskAction)
    assert WORKER_ACTIONS.keys() == set(WorkerAction)
