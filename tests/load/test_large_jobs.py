"""A job of 100,000 tasks is canceled, requeued, paused and deleted: others do not wait for all of that."""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from statistics import quantiles

import httpx
import pytest
from sqlalchemy import bindparam, func, select

from flamenco.compiler.compile import Compiler
from flamenco.config import Config
from flamenco.domain.model import Job
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import deletion, jobs, moving
from flamenco.farm.context import Farm
from flamenco.store import jobs as job_store
from flamenco.store import recount, schema
from flamenco.store.engine import Store, Tx
from flamenco.store.scheduling import queues
from flamenco.store.upgrade import upgrade
from tests import length
from tests.acceptance.conftest import Manager, running_manager, wait_until
from tests.conftest import authored_job, authored_task, make_hooks
from tests.integration.farming import new_worker, report, store_job, take
from tests.load.polling import polling_workers
from tests.machine import slowness

log = logging.getLogger(__name__)

TASKS = 100_000
OTHERS = 3_000
MOST_S = 0.2
"""No request of anybody else takes longer, on the machine that limits are written for."""

ALONE_S = 4.0
"""For so long it is looked first how long requests take when there is nothing else to do."""

MOST_OF_PROCESSOR_S = 0.04
"""No transaction that writes to SQLite, and lets all others wait, takes more of the processor."""

STEPS = (
    (JobStatus.CANCEL_REQUESTED, "canceled"),
    (JobStatus.REQUEUEING, "queued"),
    (JobStatus.PAUSE_REQUESTED, "paused"),
    (JobStatus.REQUEUEING, "queued"),
    (JobStatus.FAILED, "failed"),
)

_LEFT = select(func.count()).select_from(schema.tasks.join(schema.jobs)).where(schema.jobs.c.uuid == bindparam("id"))

DATABASES = length.every(2, ("sqlite", "postgresql"))


class TimedStore(Store):
    """One that knows how much of the processor its dearest transaction took that wrote, or of time on a server."""

    dearest_s = 0.0

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """As ever."""
        with super().write() as tx:
            clock = time.thread_time if self.is_sqlite else time.monotonic
            started = clock()
            yield tx
        self.dearest_s = max(self.dearest_s, clock() - started)


def farm_with(store: Store, folder: Path) -> tuple[Farm, Job]:
    """A job of so many tasks, of which the last waits for all others; and one that workers are busy with."""
    farm = Farm(Config(data_dir=folder), store, Compiler([]), make_hooks())
    upgrade(farm.store, farm.clock())
    frames = [authored_task(f"render-{number}", "blender") for number in range(TASKS - 1)]
    large = store_job(farm, authored_job(*frames, authored_task("video", "ffmpeg", after=tuple(frames))))
    store_job(farm, authored_job(*(authored_task(f"other-{number}") for number in range(OTHERS))))
    return farm, large


def stored(url: str, folder: Path) -> Job:
    """The same, for a manager."""
    farm, job = farm_with(Store(url), folder)
    farm.close()
    return job


@cache
def stored_once() -> tuple[bytes, Job]:
    """The same as a SQLite file, which takes seconds to make."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "flamenco.sqlite"
        job = stored(f"sqlite:///{file}", Path(folder))
        return file.read_bytes(), job


def in_data_folder(folder: Path) -> tuple[str, Job]:
    """The same where a manager looks for it; its URL."""
    (folder / "data").mkdir()
    content, job = stored_once()
    (folder / "data" / "flamenco-manager.sqlite").write_bytes(content)
    return f"sqlite:///{folder}/data/flamenco-manager.sqlite", job


def send(manager: Manager, job: Job, status: JobStatus, end: str) -> None:
    """Have the job sent to a status, and see it where it comes to rest."""
    started = time.monotonic()
    order = {"status": status.value, "reason": "test"}
    answer = httpx.post(f"{manager.url}/api/v3/jobs/{job.id}/setstatus", json=order, timeout=60)
    assert answer.status_code == 204, answer.text
    log.info("%s took %.2f s", status.value, time.monotonic() - started)
    assert httpx.get(f"{manager.url}/api/v3/jobs/{job.id}").json()["status"] == end


def is_gone(manager: Manager, store: Store, job: Job) -> bool:
    """Whether nothing is left of the job."""
    with store.read() as tx:
        left = tx.execute(_LEFT, {"id": job.id}).scalar_one()
    assert httpx.get(f"{manager.url}/api/v3/jobs/{job.id}").status_code == 404
    return not left


@pytest.mark.long
@pytest.mark.parametrize("database_url", DATABASES, indirect=True)
def test_nobody_waits_for_a_large_job(tmp_path: Path, database_url: str) -> None:
    """While 100,000 tasks change status again and again, and go, no request of a worker takes more than 200 ms."""
    if is_sqlite := database_url.startswith("sqlite"):
        database_url, job = in_data_folder(tmp_path)
    else:
        job = stored(database_url, tmp_path)
    arguments = ("--processes", "2", *(() if is_sqlite else ("--database", database_url)))
    with running_manager(tmp_path, *arguments) as manager, closing(Store(database_url)) as store:
        with polling_workers(manager.url) as alone:
            assert not threading.Event().wait(ALONE_S)
        with polling_workers(manager.url) as durations:
            for status, end in STEPS:
                send(manager, job, status, end)
            assert httpx.delete(f"{manager.url}/api/v3/jobs/{job.id}").status_code == 204
            purge = {"action": "purge", "ids": [job.id]}  # else it would be kept for a week
            assert httpx.post(f"{manager.url}/api/x/jobs/actions", json=purge).json()["done"] == 1
            assert wait_until(lambda: is_gone(manager, store, job), 120)
        with store.read() as tx:
            assert recount.miscounted(tx) == []
    p95, longest = quantiles(durations, n=20)[-1], max(durations)
    log.info("%d requests of workers: p95 %.3f s, longest %.3f s", len(durations), p95, longest)
    log.info("with nothing else to do: p95 %.3f s, longest %.3f s", quantiles(alone, n=20)[-1], max(alone))
    # A machine that has others to serve as well lets workers wait for them, too.
    assert longest <= max(MOST_S * slowness(), 2 * max(alone))


@pytest.mark.long
def test_no_transaction_takes_long(tmp_path: Path) -> None:
    """Whatever is done with 100,000 tasks, all others wait for a slice of it at most, by the processor's time."""
    url, job = in_data_folder(tmp_path)
    store = TimedStore(url)
    farm = Farm(Config(data_dir=tmp_path), store, Compiler([]), make_hooks())
    dearest: dict[str, float] = {}
    for status, end in STEPS:
        store.dearest_s = 0.0
        jobs.set_status(farm, job.id, status, "test")
        assert jobs.fetch(farm, job.id).status == end
        dearest[status] = store.dearest_s
    deletion.request(farm, job.id)
    store.dearest_s = 0.0
    while not deletion.delete_some(farm, job.id):
        pass
    dearest["deletion"] = store.dearest_s
    log.info("the dearest transactions: %s", {what: f"{seconds * 1e3:.1f} ms" for what, seconds in dearest.items()})
    assert max(dearest.values()) <= MOST_OF_PROCESSOR_S * slowness()
    farm.close()


@pytest.mark.long
@pytest.mark.parametrize("database_url", DATABASES, indirect=True)
def test_nobody_waits_while_very_many_are_freed(tmp_path: Path, database_url: str) -> None:
    """A task is completed for which 100,000 wait: neither that transaction nor a slice of what follows takes long."""
    farm = Farm(Config(data_dir=tmp_path), TimedStore(database_url), Compiler([]), make_hooks())
    assert isinstance(farm.store, TimedStore)
    upgrade(farm.store, farm.clock())
    first = authored_task("first")
    frames = [authored_task(f"render-{number}", "blender", after=(first,)) for number in range(TASKS)]
    job = store_job(farm, authored_job(first, *frames))
    worker = new_worker(farm)
    assigned = take(farm, worker)
    farm.store.dearest_s = 0.0
    report(farm, worker, assigned, TaskStatus.COMPLETED)
    completing_s = farm.store.dearest_s
    assert take(farm, worker).task.name.startswith("render-")
    started = time.monotonic()
    assert moving.finish_all(farm) == 1
    took_s = time.monotonic() - started
    log.info(
        "completed in %.1f ms; all freed in %.1f s, the dearest transaction took %.1f ms",
        completing_s * 1e3,
        took_s,
        farm.store.dearest_s * 1e3,
    )
    with farm.store.read() as tx:
        assert recount.miscounted(tx) == []
        assert queues.has_runnable(tx, job.key)
    assert farm.store.dearest_s <= MOST_S * slowness()
    farm.close()


@pytest.mark.long
def test_a_manager_that_is_killed_finishes_it_when_it_is_back(tmp_path: Path) -> None:
    """What is left of 100,000 tasks when the manager is killed is done by the next one before it serves."""
    url, job = in_data_folder(tmp_path)
    with closing(Store(url)) as store:
        with running_manager(tmp_path, "--processes", "2") as manager:
            order = {"status": JobStatus.CANCEL_REQUESTED.value, "reason": "test"}
            with pytest.raises(httpx.TransportError):
                httpx.post(f"{manager.url}/api/v3/jobs/{job.id}/setstatus", json=order, timeout=0.1)
            manager.kill()
        with store.read() as tx:
            half = job_store.fetch(tx, job.id)
        assert half.status == JobStatus.CANCEL_REQUESTED
        assert half.moves
        assert 0 <= half.counts.canceled < TASKS
        with running_manager(tmp_path, "--processes", "2") as manager:
            assert httpx.get(f"{manager.url}/api/v3/jobs/{job.id}").json()["status"] == "canceled"
        with store.read() as tx:
            assert recount.miscounted(tx) == []
