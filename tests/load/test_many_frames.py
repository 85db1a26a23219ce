"""Orders and previews of a job of 100,000 frames, and of 10,000 jobs that are held: nobody else notices."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from flamenco.compiler.compile import Compiler
from flamenco.config import Config
from flamenco.domain.frame_plans import planned
from flamenco.domain.model import AuthoredJob, Job, Submission, Worker
from flamenco.domain.previews import Preview
from flamenco.farm import ordering, previews
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from flamenco.store import recount
from flamenco.store.upgrade import upgrade
from tests.conftest import authored_job, authored_task, make_hooks
from tests.integration.farming import new_worker, run_next, store_job
from tests.load.test_large_jobs import MOST_OF_PROCESSOR_S, TimedStore
from tests.machine import slowness

log = logging.getLogger(__name__)

FRAMES = 100_000
JOBS = 10_000
POLLS = 400


def framed(count: int, preview: str) -> AuthoredJob:
    """A job of so many frames, some of which are looked at first."""
    frames = [authored_task(f"render-{number}", "blender", frames=f"{number}") for number in range(1, count + 1)]
    return planned(authored_job(*frames), Submission(name="j", type="t", previewed=Preview(preview)))


def farm_at(folder: Path) -> tuple[Farm, TimedStore]:
    """An empty one."""
    store = TimedStore(f"sqlite:///{folder}/flamenco.sqlite")
    farm = Farm(Config(data_dir=folder), store, Compiler([]), make_hooks())
    upgrade(farm.store, farm.clock())
    return farm, store


@pytest.mark.long
def test_no_transaction_takes_long(tmp_path: Path) -> None:
    """Whatever order 100,000 frames are put into, and when they are let go, all others wait for a slice at most."""
    farm, store = farm_at(tmp_path)
    job = store_job(farm, framed(FRAMES, "first,middle,last"))
    worker = new_worker(farm, "worker", ("blender",))
    dearest: dict[str, float] = {}
    for order in ("middle-out", "every 10", "backward"):
        store.dearest_s, started = 0.0, time.monotonic()
        ordering.reorder(farm, job.id, order)
        log.info("%s took %.2f s", order, time.monotonic() - started)
        dearest[order] = store.dearest_s
    assert [run_next(farm, worker) for _ in range(3)] == ["render-100000", "render-50000", "render-1"]
    store.dearest_s, started = 0.0, time.monotonic()
    previews.approve(farm, job.id, "test")
    log.info("approving took %.2f s", time.monotonic() - started)
    dearest["approve"] = store.dearest_s
    assert run_next(farm, worker) == "render-99999"
    log.info("the dearest transactions: %s", {what: f"{seconds * 1e3:.1f} ms" for what, seconds in dearest.items()})
    with store.read() as tx:
        assert recount.miscounted(tx) == []
    assert max(dearest.values()) <= MOST_OF_PROCESSOR_S * slowness()
    farm.close()


_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count) "


def copied(farm: Farm, job: Job, count: int) -> None:
    """So many more of a job, with its queues and tasks."""
    with farm.store.write() as tx:
        for table, of_job in (
            ("jobs", "key"),
            ("queues", "job_key"),
            ("tasks", "job_key"),
            ("job_previews", "job_key"),
        ):
            columns = [row[1] for row in tx.execute(text(f"PRAGMA table_info({table})"))]
            shown = dict(zip(columns, columns, strict=True))
            shown |= {"uuid": "uuid || '-' || i"}
            shown |= {name: f"{name} + 1000 * i" for name in ("key", "job_key", "queue_key")}
            chosen = ", ".join(shown[name] for name in columns)
            into = f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} FROM n, {table}"  # noqa: S608 - our own
            tx.execute(text(f"{_NUMBERS} {into} WHERE {of_job} = :of_job"), {"count": count, "of_job": job.key})


def cost_of_polls(farm: Farm, worker: Worker) -> float:
    """How much of the processor it takes to be given nothing, in seconds."""
    started = time.thread_time()
    for _ in range(POLLS):
        farm.idle_workers.discard(worker.key)
        assert claim.assign_next(farm, worker) is None
    return time.thread_time() - started


@pytest.mark.long
def test_what_is_held_costs_a_poll_nothing(tmp_path: Path) -> None:
    """A worker that asks is told as fast that there is nothing with a million tasks that are held as with a hundred."""
    farm, store = farm_at(tmp_path)
    worker = new_worker(farm, "worker", ("blender",))
    job = store_job(farm, framed(100, "first"))
    assert run_next(farm, worker) == "render-1"
    few = min(cost_of_polls(farm, worker) for _ in range(5))
    copied(farm, job, JOBS)
    many = min(cost_of_polls(farm, worker) for _ in range(5))
    in_us = [cost / POLLS * 1e6 for cost in (few, many)]
    log.info("a poll takes %.0f µs with one job that is held, %.0f µs with 10,000", *in_us)
    assert many <= 1.15 * few
    farm.close()
    store.close()
