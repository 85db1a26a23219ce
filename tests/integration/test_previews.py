"""A few frames first: the others are held until somebody has looked at them, or nobody came in time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from flamenco.config.keeping_settings import TrashConfig
from flamenco.domain.access import ITSELF, Owner
from flamenco.domain.actions import JobAction
from flamenco.domain.errors import Conflict
from flamenco.domain.frame_plans import planned
from flamenco.domain.model import Assignment, Job, Submission
from flamenco.domain.previews import Preview, Then
from flamenco.domain.scheduling.values import Placement
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import archives, arriving, deletion, jobs, previews, tasks, trash
from flamenco.farm.actions.carrying_out import carry_out
from flamenco.farm.actions.of_jobs import Jobs
from flamenco.farm.actions.values import Asked
from flamenco.farm.context import Farm
from flamenco.farm.lists import job_details
from flamenco.farm.scheduling import explanation
from flamenco.services import previews as chore
from flamenco.services.archiving import Archiving
from flamenco.services.deletion import Deletions
from flamenco.store import events, moves
from flamenco.store.scheduling import claim as claims
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, report, run_next, statuses, take
from tests.integration.previewing import framed, stands, stored
from tests.integration.waiting import check_counters, frames_task, is_idle

pytestmark = pytest.mark.postgresql


def told(farm: Farm) -> list[dict[str, Any]]:
    """The events of previews, in their order."""
    with farm.store.read() as tx:
        return [each.payload for each in events.after(tx, 0, 1000) if each.topic == "/previews"]


def test_the_others_are_held_until_somebody_approves(farm: Farm) -> None:
    """To clients of today, the job is active and its tasks are queued; what is to be done it says itself."""
    job = stored(farm, *framed(7, video=True), preview="first,middle,last")
    worker, other = new_worker(farm), new_worker(farm, "other")
    assert [run_next(farm, worker) for _ in range(2)] == ["1", "4"]
    last = take(farm, worker)
    assert last.task.name == "7"
    assert is_idle(farm, other)
    (reason,) = explanation.explain(farm, job.id).waiting
    assert (reason.why, reason.text, reason.count) == ("preview", "preview first: first,middle,last", 5)
    assert told(farm) == []
    report(farm, worker, last, TaskStatus.COMPLETED)
    assert is_idle(farm, worker)
    expected = ["completed", "queued", "queued", "completed", "queued", "queued", "completed", "queued"]
    assert statuses(farm, job) == ["active", *expected]
    now = jobs.fetch(farm, job.id)
    assert (now.preview, now.activity) == ("waiting", "Waiting for approval: the preview (first,middle,last) is there.")
    (reason,) = explanation.explain(farm, job.id).waiting
    assert reason.why == "preview"
    assert reason.text == "waiting for approval: the preview (first,middle,last) is there"
    (event,) = told(farm)
    assert (event["id"], event["state"], event["tasks"], event["failed"]) == (job.id, "waiting", 3, 0)
    seen = job_details(farm, job.id).preview
    assert seen is not None
    assert (seen.held, seen.tally, seen.kept.due) == (5, {TaskStatus.COMPLETED: 3}, None)
    previews.approve(farm, job.id, "looks good")
    assert jobs.fetch(farm, job.id).activity == "The preview is approved: looks good"
    check_counters(farm)
    assert [run_next(farm, worker) for _ in range(5)] == ["2", "3", "5", "6", "video"]
    assert statuses(farm, job)[0] == "completed"
    assert [each["state"] for each in told(farm)] == ["waiting", "over"]


def test_what_a_preview_needs_comes_with_it(farm: Farm) -> None:
    """Also what is about no frames; and what comes of it, such as a merged picture, if that says which frame it is."""
    prepare = authored_task("prepare")
    tiles = {
        frame: [authored_task(f"tile-{n}-{frame}", frames=str(frame), after=(prepare,)) for n in (1, 2)]
        for frame in (1, 2)
    }
    merged = [authored_task(f"merge-{n}", "ffmpeg", frames=str(n), after=tuple(tiles[n])) for n in (1, 2)]
    job = stored(farm, prepare, *tiles[1], *tiles[2], *merged, authored_task("clean up"), preview="last")
    worker = new_worker(farm)
    assert [run_next(farm, worker) for _ in range(4)] == ["prepare", "tile-1-2", "tile-2-2", "merge-2"]
    assert is_idle(farm, worker)
    assert stands(farm, job) == "waiting"


def test_it_goes_on_by_itself(farm: Farm) -> None:
    """Where nobody is to be asked, the frames come first, and other workers have the others meanwhile."""
    job = stored(farm, *framed(5), preview=Preview("last", Then.CONTINUE))
    first, second = new_worker(farm, "first"), new_worker(farm, "second")
    looked_at = take(farm, first)
    assert looked_at.task.name == "5"
    assert run_next(farm, second) == "1"
    assert stands(farm, job) == "rendering"
    report(farm, first, looked_at, TaskStatus.COMPLETED)
    assert stands(farm, job) == "over"
    (event,) = told(farm)
    assert event["state"] == "over"
    with pytest.raises(Conflict, match="went on by itself"):
        previews.approve(farm, job.id, "test")
    assert [run_next(farm, first) for _ in range(3)] == ["2", "3", "4"]
    assert statuses(farm, job)[0] == "completed"


def test_nobody_comes_in_time(farm: Farm, clock: Clock) -> None:
    """Then it goes on after what was said; where nothing was said, it waits for as long as it takes."""
    job = stored(farm, *framed(3), preview=Preview("1", continue_after_s=3600))
    patient = stored(farm, *framed(3), preview="1")
    worker = new_worker(farm)
    assert [run_next(farm, worker) for _ in range(2)] == ["1", "1"]
    seen = job_details(farm, job.id).preview
    assert seen is not None
    assert seen.kept.due is not None
    assert (seen.kept.due - clock()).total_seconds() == 3600
    clock.forward(3599)
    chore.tick(farm)
    assert is_idle(farm, worker)
    clock.forward(1)
    chore.tick(farm)
    assert jobs.fetch(farm, job.id).activity == "The preview is approved: nobody said anything in time"
    assert run_next(farm, worker) == "2"
    assert stands(farm, patient) == "waiting"
    check_counters(farm)


def test_nobody_is_waited_for_in_vain(make_farm: Callable[..., Farm], clock: Clock) -> None:
    """A job that was canceled meanwhile is looked at once; one in the trash has all it had when it is back."""
    farm, soon = make_farm(trash=TrashConfig()), Preview("1", continue_after_s=60)
    canceled, deleted, failed = (stored(farm, *framed(30), preview=soon) for _ in range(3))
    worker = new_worker(farm)
    for _ in range(2):
        run_next(farm, worker)
    tasks.set_status(farm, tasks.of_job(farm, failed.id)[0].id, TaskStatus.FAILED, "test")
    assert "of which 1 failed" in jobs.fetch(farm, failed.id).activity
    jobs.set_status(farm, canceled.id, JobStatus.CANCEL_REQUESTED, "test")
    deletion.request(farm, deleted.id)
    clock.forward(60)
    assert previews.go_on_without(farm) == 1
    assert previews.go_on_without(farm) == 0
    assert [stands(farm, canceled), stands(farm, failed)] == ["waiting", "waiting"]
    trash.undelete(farm, deleted.id)
    assert previews.go_on_without(farm) == 1
    assert stands(farm, deleted) == "over"
    check_counters(farm)


def test_a_frame_is_rendered_once_more(farm: Farm) -> None:
    """Then it is looked at once more; a person may also have seen enough before all is there."""
    job = stored(farm, *framed(5), preview="first,last")
    worker = new_worker(farm)
    assert [run_next(farm, worker) for _ in range(2)] == ["1", "5"]
    tasks.set_status(farm, tasks.of_job(farm, job.id)[4].id, TaskStatus.QUEUED, "again")
    assert stands(farm, job) == "rendering"
    assert run_next(farm, worker) == "5"
    assert stands(farm, job) == "waiting"
    assert [each["state"] for each in told(farm)] == ["waiting", "waiting"]
    tasks.set_status(farm, tasks.of_job(farm, job.id)[0].id, TaskStatus.QUEUED, "again")
    previews.approve(farm, job.id, "seen enough")
    assert [run_next(farm, worker) for _ in range(4)] == ["1", "2", "3", "4"]
    assert statuses(farm, job)[0] == "completed"


def test_a_preview_that_fails(farm: Farm) -> None:
    """Too many make the job fail, as ever; otherwise a person is asked, and told of it, and the job ends either way."""
    few = stored(farm, *framed(5), preview="first")
    many = stored(farm, *framed(30), preview="first")
    worker = new_worker(farm)
    for job in (few, many):
        tasks.set_status(farm, tasks.of_job(farm, job.id)[0].id, TaskStatus.FAILED, "it is all black")
    assert jobs.fetch(farm, few.id).status is JobStatus.FAILED
    now = jobs.fetch(farm, many.id)
    assert (now.status, now.preview) == (JobStatus.ACTIVE, "waiting")
    assert now.activity == "Waiting for approval: the preview (first) is there, of which 1 failed."
    assert is_idle(farm, worker)
    previews.approve(farm, many.id, "never mind")
    for _ in range(29):
        run_next(farm, worker)
    assert statuses(farm, many)[0] == "failed"


def test_a_preview_that_cannot_be_done(farm: Farm) -> None:
    """What it waits for failed: it is as much as there will be of it, so a person is asked."""
    prepare = authored_task("prepare")
    frame = authored_task("frame", frames="1", after=(prepare,))
    job = stored(farm, prepare, frame, *framed(20)[1:], preview="1")
    worker = new_worker(farm)
    assert take(farm, worker).task.name == "prepare"
    tasks.set_status(farm, tasks.of_job(farm, job.id)[0].id, TaskStatus.FAILED, "test")
    assert stands(farm, job) == "waiting"
    previews.approve(farm, job.id, "never mind")
    for _ in range(19):
        run_next(farm, worker)
    assert jobs.fetch(farm, job.id).status is JobStatus.FAILED
    check_counters(farm)


def test_a_job_that_was_canceled_and_is_queued_again(farm: Farm) -> None:
    """Waits still, and says so; one that is done, and is all queued again, has its preview first, and nothing held."""
    job = stored(farm, *framed(4), preview="first")
    worker = new_worker(farm)
    run_next(farm, worker)
    jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "test")
    jobs.set_status(farm, job.id, JobStatus.REQUEUEING, "test")
    now = jobs.fetch(farm, job.id)
    assert (now.status, now.preview, now.activity[:20]) == (JobStatus.QUEUED, "waiting", "Waiting for approval")
    assert is_idle(farm, worker)
    jobs.set_status(farm, job.id, JobStatus.PAUSE_REQUESTED, "test")
    previews.approve(farm, job.id, "while it is paused")
    assert is_idle(farm, worker)
    jobs.set_status(farm, job.id, JobStatus.QUEUED, "test")
    assert [run_next(farm, worker) for _ in range(3)] == ["2", "3", "4"]
    jobs.set_status(farm, job.id, JobStatus.REQUEUEING, "test")
    assert [run_next(farm, worker) for _ in range(4)] == ["1", "2", "3", "4"]
    assert statuses(farm, job)[0] == "completed"


def test_by_the_table_of_actions(farm: Farm) -> None:
    """Many at once; those that wait for nobody are refused with a sentence."""
    job, none = stored(farm, *framed(3), preview="first"), stored(farm, *framed(3))
    outcome = carry_out(farm, ITSELF, Jobs(), Asked(action=JobAction.APPROVE, ids=[job.id, none.id]))
    assert (outcome.done, outcome.refused[0].reason) == (1, "It has no preview that could be approved.")
    again = carry_out(farm, ITSELF, Jobs(), Asked(action=JobAction.APPROVE, ids=[job.id]))
    assert "was approved already" in again.refused[0].reason


def test_a_large_job_is_let_go_by_and_by(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for that; what a process that dies leaves is done by the next one."""
    monkeypatch.setattr(moves, "AT_ONCE", 5)
    job = stored(farm, *framed(23), preview="every 20")
    worker = new_worker(farm)
    assert [run_next(farm, worker) for _ in range(2)] == ["1", "21"]
    previews.approve(farm, job.id, "test")
    check_counters(farm)
    for _ in range(21):
        run_next(farm, worker)
    assert statuses(farm, job)[0] == "completed"


def test_an_order_within_what_was_held(farm: Farm) -> None:
    """The preview is first, and then it is as was asked for."""
    job = stored(farm, *framed(6), order="backward", preview="2")
    worker = new_worker(farm)
    assert run_next(farm, worker) == "2"
    previews.approve(farm, job.id, "test")
    assert [run_next(farm, worker) for _ in range(5)] == ["6", "5", "4", "3", "1"]


@pytest.mark.parametrize("early", [True, False])
def test_two_approve_at_once(farm: Farm, *, early: bool) -> None:
    """One of them has; the other one is told, and nothing is let go twice."""
    job = stored(farm, *framed(9), preview="first")
    worker = new_worker(farm)
    if not early:
        run_next(farm, worker)

    def approve(number: int) -> bool:
        try:
            previews.approve(farm, job.id, f"person {number}")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(approve, range(4))) == 1
    check_counters(farm)
    while jobs.fetch(farm, job.id).status is not JobStatus.COMPLETED:
        run_next(farm, worker)


def test_somebody_approves_as_the_last_frame_ends(farm: Farm) -> None:
    """Whichever is first: nothing is held for ever, and nothing counted twice."""
    for number in range(10):
        job = stored(farm, *framed(4), preview="first")
        worker = new_worker(farm, f"worker {number}")
        given = take(farm, worker)
        with ThreadPoolExecutor(2) as threads:
            ended = threads.submit(report, farm, worker, given, TaskStatus.COMPLETED)
            approved = threads.submit(previews.approve, farm, job.id, "test")
            ended.result()
            approved.result()
        assert stands(farm, job) == "over"
        check_counters(farm)
        for _ in range(3):
            run_next(farm, worker)
        assert statuses(farm, job)[0] == "completed"


def test_frames_that_end_at_the_same_moment(farm: Farm) -> None:
    """One of them is the last, and the preview is there, told once, whoever waited for whom."""
    team = [new_worker(farm, f"worker {number}") for number in range(4)]
    for rounds in range(1, 6):
        job = stored(farm, *framed(8), preview="1-4")
        given = [take(farm, worker) for worker in team]
        start = threading.Barrier(len(team))

        def end(number: int, given: list[Assignment] = given, start: threading.Barrier = start) -> None:
            start.wait()
            report(farm, team[number], given[number], TaskStatus.COMPLETED)

        with ThreadPoolExecutor(len(team)) as threads:
            list(threads.map(end, range(len(team))))
        assert stands(farm, job) == "waiting"
        assert [each["state"] for each in told(farm)] == ["waiting"] * rounds
        check_counters(farm)


def test_what_is_held_costs_a_poll_nothing(farm: Farm) -> None:
    """Its queues have nothing to hand out: the same is asked, and as little, as where there is no such job."""
    worker = new_worker(farm)
    with farm.store.read() as tx:
        assert claims.met_requirements(tx, worker, claims.look(tx, worker), farm.clock()) == []
    for _ in range(3):
        job = stored(farm, *framed(5), preview="first")
        run_next(farm, worker)
        assert stands(farm, job) == "waiting"
    with farm.store.read() as tx:
        assert claims.met_requirements(tx, worker, claims.look(tx, worker), farm.clock()) == []


def test_a_job_in_an_archive(farm: Farm) -> None:
    """Has its order and its preview still when it is brought back, and what was held is."""
    job = stored(farm, *framed(4), order="backward", preview="2")
    worker = new_worker(farm)
    run_next(farm, worker)
    jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "test")
    archives.request(farm, job.id)
    deletions, archiving = Deletions(), Archiving()
    for _ in range(6):
        deletions.tick(farm)
        archiving.tick(farm)
    (found,) = archives.listed(farm)
    archives.bring_back(farm, found.file)
    check_counters(farm)
    jobs.set_status(farm, job.id, JobStatus.REQUEUEING, "test")
    assert (stands(farm, job), jobs.fetch(farm, job.id).frame_order) == ("waiting", "backward")
    assert is_idle(farm, worker)
    previews.approve(farm, job.id, "test")
    assert [run_next(farm, worker) for _ in range(3)] == ["4", "3", "1"]


def test_a_submission_in_parts(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that is too large for one transaction has the same tasks held."""
    monkeypatch.setattr(arriving, "PART", 4)
    submission = Submission(name="job", type="test", frame_order="backward", previewed=Preview("first,last"))
    authored = planned(authored_job(*framed(10, video=True)), submission)
    terms = arriving.Terms(
        status=JobStatus.QUEUED,
        placement=Placement(rank=1.0),
        owner=Owner(),
        admit=lambda _tx: None,
        check=lambda _tx, _job: None,
        tell=lambda _tx, _job: None,
    )
    job: Job = arriving.store(farm, authored, terms)
    check_counters(farm)
    worker = new_worker(farm)
    assert [run_next(farm, worker) for _ in range(2)] == ["10", "1"]
    assert is_idle(farm, worker)
    previews.approve(farm, job.id, "test")
    assert run_next(farm, worker) == "9"
    assert stands(farm, job) == "over"


def test_a_job_of_which_all_is_looked_at(farm: Farm) -> None:
    """Has nothing held, and is completed when that is done."""
    job = stored(farm, frames_task("1"), frames_task("2"), preview="1-2")
    worker = new_worker(farm)
    assert [run_next(farm, worker) for _ in range(2)] == ["1", "2"]
    assert (statuses(farm, job)[0], stands(farm, job)) == ("completed", "over")
