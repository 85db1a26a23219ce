"""Frames that run again: with their tasks, or split off; what follows from it is right, on both databases."""

from __future__ import annotations

import pytest

from flamenco.domain.errors import Conflict, NotFound, Refused
from flamenco.domain.frames_again import MOST_TASKS, Mode
from flamenco.domain.job_waits import Kind
from flamenco.domain.model import Command, Job
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import frames, jobs, splitting, tasks, telling
from flamenco.farm.context import Farm
from flamenco.farm.tasks import TaskChange
from flamenco.store import chunks as chunk_store
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import job_now, new_worker, report, run_next, statuses, store_job, take
from tests.integration.framing import again, render_job, shown
from tests.integration.test_deletion import published
from tests.integration.waiting import check_counters, frames_job, is_idle, wait_for


@pytest.fixture
def done(farm: Farm) -> Job:
    """A job of three chunks and a video that is completed."""
    job = render_job(farm, "1-4", "5-8", "9,10")
    worker = new_worker(farm)
    for _ in range(4):
        run_next(farm, worker)
    assert job_now(farm, job).status is JobStatus.COMPLETED
    return job


def test_a_chunk_runs_again(farm: Farm, done: Job) -> None:
    """And the video that was made of it; nothing else of a completed job does."""
    found = again(farm, done, "6", Mode.REQUEUE)
    assert [(each.name, each.frames) for each in found.requeued] == [("render-5-8", "6")]
    assert (found.created, found.waiting, found.following, found.notes) == ([], 0, 1, [])
    assert statuses(farm, done) == ["queued", "completed", "queued", "completed", "queued"]
    worker = new_worker(farm)
    assert [run_next(farm, worker) for _ in range(2)] == ["render-5-8", "video"]
    assert statuses(farm, done) == ["completed"] * 5


def test_a_chunk_is_split(farm: Farm, done: Job) -> None:
    """The chunk keeps all other frames, and that they are rendered; the new tasks are like it in all else."""
    found = again(farm, done, "6-7,9")
    assert [(each.name, each.frames) for each in found.created] == [
        ("render-6", "6"),
        ("render-7", "7"),
        ("render-9", "9"),
    ]
    assert (found.frames, found.requeued, found.following) == ("6,7,9", [], 1)
    assert shown(farm, done) == {
        "render-1-4": "1-4 completed",
        "render-5-8": "5,8 completed",
        "render-9,10": "10 completed",
        "video": "queued",
        "render-6": "6 queued",
        "render-7": "7 queued",
        "render-9": "9 queued",
    }
    job = job_now(farm, done)
    assert (job.status, job.steps_total, job.steps_completed) == (JobStatus.QUEUED, 11, 7)
    chunk, new = (tasks.of_job(farm, done.id)[number] for number in (1, 4))
    assert (chunk.steps_total, chunk.steps_completed, new.steps_total, new.index) == (2, 2, 1, 5)
    assert (new.type, new.priority, new.activity) == (chunk.type, chunk.priority, "Split from render-5-8: too dark")
    assert "The frames 6,7 are for tasks of their own" in farm.logs.tail(done.id, chunk.id)
    worker = new_worker(farm)
    assert [run_next(farm, worker) for _ in range(4)] == ["render-6", "render-7", "render-9", "video"]
    assert statuses(farm, done) == ["completed"] * 8


def test_a_task_of_the_frames_alone_is_not_split(farm: Farm, done: Job) -> None:
    """It runs again as it is, and so does what was split off before."""
    again(farm, done, "6")
    found = again(farm, done, "9-10,6")
    assert [each.name for each in found.requeued] == ["render-9,10"]
    assert (found.created, found.waiting, found.following) == ([], 1, 0)
    check_counters(farm)


def test_a_chunk_that_is_being_run(farm: Farm) -> None:
    """Its worker goes on with all of it; the frame is rendered again after that, and the video is made of both."""
    job = render_job(farm, "1-4")
    worker, other = new_worker(farm), new_worker(farm, "other")
    running = take(farm, worker)
    again(farm, job, "2")
    assert shown(farm, job) == {"render-1-4": "1,3,4 active", "video": "queued", "render-2": "2 queued"}
    assert tasks.may_run(farm, worker, running.task.id).may_keep_running
    tasks.update(farm, worker, running.task.id, TaskChange(steps_completed=4))  # as it was told
    check_counters(farm)
    assert is_idle(farm, other)
    report(farm, worker, running, TaskStatus.COMPLETED)
    assert [run_next(farm, other) for _ in range(2)] == ["render-2", "video"]
    assert statuses(farm, job) == ["completed"] * 4


def test_a_running_chunk_is_taken_away_where_it_is_to_run_again(farm: Farm) -> None:
    """As by the action of its task."""
    job = render_job(farm, "1-4", video=False)
    worker = new_worker(farm)
    running = take(farm, worker)
    again(farm, job, "2", Mode.REQUEUE)
    assert statuses(farm, job) == ["active", "queued"]
    assert not tasks.may_run(farm, worker, running.task.id).may_keep_running
    with pytest.raises(Conflict):
        report(farm, worker, running, TaskStatus.COMPLETED)


def test_a_failed_job_goes_on(farm: Farm) -> None:
    """With the frame, and with what its failure took down; the rest of the chunk stays failed, and decides the end."""
    job = render_job(farm, "1-4", "5-8")
    first = tasks.of_job(farm, job.id)[0]
    tasks.set_status(farm, first.id, TaskStatus.FAILED, "broken")
    assert job_now(farm, job).status is JobStatus.FAILED
    again(farm, job, "2")
    assert statuses(farm, job) == ["queued", "failed", "queued", "queued", "queued"]
    worker = new_worker(farm)
    for _ in range(2):
        run_next(farm, worker)
    assert job_now(farm, job).status is JobStatus.FAILED
    again(farm, job, "1,3,4")  # all that the chunk has left
    assert statuses(farm, job) == ["queued", "queued", "completed", "queued", "completed"]
    for _ in range(2):
        run_next(farm, worker)
    assert statuses(farm, job) == ["completed"] * 5


def test_one_bad_frame_of_many(farm: Farm) -> None:
    """What makes a chunk fail can be split off before anybody tries it again; who failed it may try."""
    job = render_job(farm, "1-4", video=False)
    worker, other = new_worker(farm), new_worker(farm, "other")
    running = take(farm, worker)
    report(farm, worker, running, TaskStatus.FAILED)
    again(farm, job, "3")
    assert shown(farm, job) == {"render-1-4": "1,2,4 soft-failed", "render-3": "3 queued"}
    run_next(farm, other)
    assert run_next(farm, worker) == "render-3"
    assert statuses(farm, job) == ["completed"] * 3


def test_what_does_not_declare_its_frames(farm: Farm) -> None:
    """Runs again as a whole, which is said."""
    job = frames_job(farm, "1-4", "5-8")
    worker = new_worker(farm)
    for _ in range(2):
        run_next(farm, worker)
    found = again(farm, job, "2")
    assert [each.name for each in found.requeued] == ["1-4"]
    assert found.notes == ["1-4 is run again as a whole: its commands do not say where they have its frames."]
    assert statuses(farm, job) == ["queued", "queued", "completed"]


def test_what_depends_on_frames_and_has_them_too(farm: Farm) -> None:
    """Runs again after them, as a whole, whether it was asked for or not."""
    first = authored_task("sim", commands=(Command("echo", {"frames": "1-4"}),))
    then = authored_task("comp", commands=(Command("echo", {"frames": "1-4"}),), after=(first,))
    job = store_job(farm, authored_job(first, then, authored_task("copy", after=(then,))))
    worker = new_worker(farm)
    for _ in range(3):
        run_next(farm, worker)
    found = again(farm, job, "2", Mode.REQUEUE)
    assert ([each.name for each in found.requeued], found.following) == (["sim"], 2)
    assert [run_next(farm, worker) for _ in range(3)] == ["sim", "comp", "copy"]
    check_counters(farm)


def test_trying_changes_nothing(farm: Farm, done: Job) -> None:
    """It says what would be done."""
    before = shown(farm, done)
    found = again(farm, done, "6,9-10", dry_run=True)
    assert [(each.id, each.name, each.frames) for each in found.created] == [("", "render-5-8", "6")]
    assert ([each.name for each in found.requeued], found.following) == (["render-9,10"], 1)
    assert shown(farm, done) == before


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("6,11-12", "No task of the job has the frames 11,12; its tasks go from 1 to 10."),
        ("9007199254740991", "No task of the job has the frames 9007199254740991"),
        ("-9007199254740991,1", "No task of the job has the frames -9007199254740991"),
        ("all", "is not a number"),
        ("1-200000", "100,000 at most"),
    ],
)
def test_what_cannot_be_is_refused(farm: Farm, done: Job, wanted: str, said: str) -> None:
    """With a sentence, and nothing is changed."""
    with pytest.raises(Refused, match=said):
        again(farm, done, wanted)
    assert statuses(farm, done) == ["completed"] * 5


def test_jobs_without_frames_are_refused(farm: Farm) -> None:
    """So is one that is only just being made, and one that is gone."""
    with pytest.raises(Refused, match="No task of the job says which frames"):
        again(farm, store_job(farm, authored_job(authored_task())), "1")
    with pytest.raises(Conflict, match="It is under-construction"):
        again(farm, store_job(farm, authored_job(authored_task()), JobStatus.UNDER_CONSTRUCTION), "1")
    with pytest.raises(NotFound):
        frames.run_again(farm, "00000000-0000-4000-8000-000000000000", "1", Mode.SPLIT, "gone")


def test_many_tasks_go_some_at_a_time(farm: Farm) -> None:
    """More of them than one transaction has; all are counted, and told, and the job is noted once."""
    job = render_job(farm, *(f"{first}-{first + 1}" for first in range(1, 2 * frames.AT_ONCE + 20, 2)))
    jobs.set_status(farm, job.id, JobStatus.PAUSE_REQUESTED, "wait")
    found = again(farm, job, f"1-{2 * frames.AT_ONCE + 18}x2")
    assert len(found.created) == frames.AT_ONCE + 9
    assert len({each.name for each in tasks.of_job(farm, job.id)}) == 2 * frames.AT_ONCE + 20
    check_counters(farm)
    jobs.set_status(farm, job.id, JobStatus.QUEUED, "go on")
    check_counters(farm)


def test_too_many_are_refused(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    """New tasks, and those that would follow; nothing is changed. A chunk with too much around it stays whole."""
    job = render_job(farm, f"1-{MOST_TASKS + 2}")
    with pytest.raises(Refused, match="more than 1,000 tasks"):
        again(farm, job, f"1-{MOST_TASKS + 1}")
    assert len(tasks.of_job(farm, job.id)) == 2
    monkeypatch.setattr(splitting, "MOST_ROWS", 5)
    found = again(farm, job, "1-3")
    assert found.notes == [
        f"render-1-{MOST_TASKS + 2} is run again as a whole: too many tasks depend on it, or it on them."
    ]
    assert len(tasks.of_job(farm, job.id)) == 2


def test_others_that_wait_frame_by_frame(farm: Farm) -> None:
    """What has not begun waits for the new task of its frame, and for no other."""
    sim, light = render_job(farm, "1-4", "5-8", name="sim", video=False), frames_job(farm, "1", "2", "6")
    wait_for(farm, light, sim, kind=Kind.FRAMES)
    assert run_next(farm, new_worker(farm)) == "render-1-4"
    telling.tell_all(farm)
    assert [task.unmet for task in tasks.of_job(farm, light.id)] == [0, 0, 1]
    again(farm, sim, "2")
    telling.tell_all(farm)
    check_counters(farm)
    assert [task.unmet for task in tasks.of_job(farm, light.id)] == [0, 1, 1]


def test_a_split_chunk_waits_for_its_own_frames_alone(farm: Farm) -> None:
    """Of the job that this one waits for; each part for its part."""
    sim, light = frames_job(farm, "1", "2", "3", name="sim"), render_job(farm, "1-3", video=False)
    wait_for(farm, light, sim, kind=Kind.FRAMES)
    worker = new_worker(farm)
    assert [run_next(farm, worker) for _ in range(2)] == ["1", "2"]
    again(farm, light, "2")
    check_counters(farm)
    telling.tell_all(farm)
    check_counters(farm)
    chunk, new = tasks.of_job(farm, light.id)
    assert (chunk.unmet, new.unmet) == (1, 0)


def test_it_is_told(farm: Farm, done: Job) -> None:
    """Who follows the job hears of the new tasks, and that it has others now; the record says who wanted it."""
    again(farm, done, "6")
    assert any(each.payload["refresh_tasks"] for each in published(farm)[-2:])
    assert "render-6" in [each.payload["name"] for each in published(farm, f"/jobs/{done.id}")]


def test_attempts_and_log_stay_with_the_chunk(farm: Farm, done: Job, clock: Clock) -> None:
    """The new task begins its own."""
    clock.forward(60)
    again(farm, done, "6")
    chunk, new = (tasks.of_job(farm, done.id)[number] for number in (1, 4))
    assert (chunk.attempts, new.attempts) == (1, 0)
    with farm.store.read() as tx:
        assert chunk_store.dependencies(tx, new.key) == []
        (video,) = chunk_store.dependents(tx, [new.key])
    assert video == tasks.of_job(farm, done.id)[3].key
