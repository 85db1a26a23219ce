"""Chunks are split while workers have them, by several people at once: nothing is miscounted, lost, or done twice."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

import pytest

from flamenco.domain.errors import Busy, Conflict
from flamenco.domain.frames_again import Mode
from flamenco.domain.model import Assignment, Job, Worker
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import frames, skipping, tasks
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from flamenco.farm.tasks import TaskChange
from tests.integration.farming import job_now, new_worker, report
from tests.integration.framing import render_job
from tests.integration.test_frames_random import frames_of
from tests.integration.waiting import check_counters

pytestmark = pytest.mark.postgresql

WORKERS: Final = 3
PEOPLE: Final = 3
ROUNDS: Final = 6


def work(farm: Farm, worker: Worker, is_over: threading.Event) -> None:
    """Take and do what there is, step by step, until it is over."""
    while not is_over.is_set():
        with suppress(Busy, Conflict):
            assigned = claim.assign_next(farm, worker)
            if isinstance(assigned, Assignment):
                for step in range(1, 4):
                    change = TaskChange(steps_completed=step, activity=f"frame {step}", log="Fra")
                    tasks.update(farm, worker, assigned.task.id, change)
                report(farm, worker, assigned, TaskStatus.COMPLETED)


def want_again(farm: Farm, job: Job, number: int) -> None:
    """Want frames again, some of which others want as well, and skip a task."""
    for turn in range(ROUNDS):
        first = (number * 5 + turn * 3) % 28 + 1
        with suppress(Busy, Conflict):
            frames.run_again(farm, job.id, f"{first}-{first + 2}", list(Mode)[(number + turn) % 2], "again")
        with suppress(Busy, Conflict):
            skipping.skip(farm, tasks.of_job(farm, job.id)[first % 6].id, "anna", "no need", lambda _status: None)


def test_all_is_done_in_the_end(farm: Farm) -> None:
    """Each frame is in one task, as it was, and the job is completed."""
    job = render_job(farm, *(f"{first}-{first + 4}" for first in range(1, 31, 5)))
    before = frames_of(farm, job)
    workers = [new_worker(farm, f"w{number}") for number in range(WORKERS)]
    is_over = threading.Event()
    with ThreadPoolExecutor(WORKERS + PEOPLE) as pool:
        working = [pool.submit(work, farm, worker, is_over) for worker in workers]
        wanting = [pool.submit(want_again, farm, job, number) for number in range(PEOPLE)]
        try:
            for each in wanting:
                each.result()
        finally:
            is_over.set()
        for each in working:
            each.result()
    check_counters(farm)
    for task in tasks.of_job(farm, job.id):
        if task.is_active:
            tasks.set_status(farm, task.id, TaskStatus.QUEUED, "its worker has gone")
    for _ in range(200):
        assigned = claim.assign_next(farm, workers[0])
        if not isinstance(assigned, Assignment):
            break
        report(farm, workers[0], assigned, TaskStatus.COMPLETED)
    check_counters(farm)
    assert frames_of(farm, job) == before
    assert job_now(farm, job).status is JobStatus.COMPLETED
