"""Frames that are split off while others are looked at first, or in another order: they go where their chunk went."""

from __future__ import annotations

from flamenco.domain.frame_plans import planned
from flamenco.domain.model import Assignment, Job, Submission
from flamenco.domain.previews import parse
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import previews
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from tests.conftest import authored_job
from tests.integration.farming import job_now, new_worker, report, store_job
from tests.integration.framing import again, chunk_of, render_task, shown
from tests.integration.waiting import check_counters


def looked_at(farm: Farm, *chunks: str, preview: str = "", order: str = "") -> Job:
    """A stored job that renders chunks, of which some are looked at first."""
    submission = Submission(name="job", type="test", frame_order=order, previewed=parse(preview) if preview else None)
    return store_job(farm, planned(authored_job(*map(render_task, chunks)), submission))


def all_that_run(farm: Farm) -> list[str]:
    """The frames of the tasks that a worker is given until there is nothing for it, in that order."""
    worker, found = new_worker(farm), list[str]()
    while isinstance(assigned := claim.assign_next(farm, worker), Assignment):
        found.append(chunk_of(assigned))
        report(farm, worker, assigned, TaskStatus.COMPLETED)
    return found


def test_what_is_held_stays_held(farm: Farm) -> None:
    """Until somebody approves nobody is given a frame out of a chunk that is held."""
    job = looked_at(farm, "1-3", "4-6", "7-9", preview="1")
    assert again(farm, job, "5").created
    check_counters(farm)
    assert all_that_run(farm) == ["1-3"]
    check_counters(farm)
    previews.approve(farm, job.id, "looks good")
    assert sorted(all_that_run(farm)) == ["4,6", "5", "7-9"]
    check_counters(farm)
    assert job_now(farm, job).status is JobStatus.COMPLETED


def test_a_frame_of_the_preview(farm: Farm) -> None:
    """It is one of those that are looked at: the job waits for it as well."""
    job = looked_at(farm, "1-3", "4-6", preview="1")
    again(farm, job, "2")
    assert sorted(all_that_run(farm)) == ["1,3", "2"]
    assert shown(farm, job)["render-4-6"] == "4-6 queued"
    check_counters(farm)


def test_the_order(farm: Farm) -> None:
    """What is split off comes where its chunk came, after the rest of that."""
    job = looked_at(farm, "1-2", "3-4", "5-6", order="backward")
    again(farm, job, "6")
    assert all_that_run(farm) == ["5", "6", "3-4", "1-2"]
    assert job_now(farm, job).status is JobStatus.COMPLETED
