"""Ten thousand jobs that wait for one: they are let go soon, and nobody is held up meanwhile."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from flamenco.domain.job_waits import Kind, Wanted
from flamenco.domain.statuses import JobStatus
from flamenco.farm import job_waits, jobs, telling
from flamenco.farm.context import Farm
from flamenco.store import jobs as job_store
from tests.integration.farming import job_now, new_worker, run_next, take
from tests.integration.waiting import check_counters, frames_job

FOLLOWERS = 10_000
MOST_S = 5.0
MOST_HELD_S = 0.2


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Where all others wait for the one who writes."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


class Held:
    """How long transactions that write keep all others waiting, in processor time of this thread."""

    def __init__(self, farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
        self.longest = 0.0
        store = farm.store
        begin, end = store._begin, store._end
        began = [0.0]

        def beginning(*, writes: bool, is_one: bool) -> object:
            tx = begin(writes=writes, is_one=is_one)
            began[0] = time.thread_time()
            return tx

        def ending(tx: object, *, writes: bool, succeeded: bool) -> None:
            end(tx, writes=writes, succeeded=succeeded)  # type: ignore[arg-type]
            if writes:
                self.longest = max(self.longest, time.thread_time() - began[0])

        monkeypatch.setattr(store, "_begin", beginning)
        monkeypatch.setattr(store, "_end", ending)


@pytest.mark.long
def test_all_that_wait_for_one_are_let_go(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    """In less than five seconds, in parts of a fifth of a second at most."""
    sim = frames_job(farm, "1", name="sim")
    waiting = [frames_job(farm, "1", name=f"job {number}") for number in range(FOLLOWERS)]
    for start in range(0, FOLLOWERS, 500):
        with farm.store.write() as tx:
            for job in waiting[start : start + 500]:
                job_waits.attach(tx, job_store.lock(tx, job.key), [Wanted(job=sim.id)], farm.clock())
    held = Held(farm, monkeypatch)
    jobs.set_status(farm, sim.id, JobStatus.COMPLETED, "test")
    begun = time.process_time()
    telling.tell_all(farm)
    took = time.process_time() - begun
    assert took < MOST_S
    assert held.longest < MOST_HELD_S
    assert job_now(farm, waiting[-1]).waiting_for == 0
    check_counters(farm)
    assert take(farm, new_worker(farm)).task.name == "1"


@pytest.mark.parametrize("frames", [20_000])
def test_long_jobs_wait_frame_by_frame(farm: Farm, monkeypatch: pytest.MonkeyPatch, frames: int) -> None:
    """To count which tasks wait, and to let one go, takes no longer at a time for as many frames as anybody has."""
    chunks = [str(number) for number in range(frames)]
    sim, light = frames_job(farm, *chunks, name="sim", priority=10), frames_job(farm, *chunks, name="light")
    held = Held(farm, monkeypatch)
    job_waits.add(farm, light.id, Wanted(job=sim.id, kind=Kind.FRAMES))
    telling.tell_all(farm)
    worker = new_worker(farm)
    begun = time.process_time()
    for _ in range(100):
        assert run_next(farm, worker)
        telling.tell_all(farm)
    each = (time.process_time() - begun) / 100
    assert held.longest < MOST_HELD_S
    assert each < 0.05
