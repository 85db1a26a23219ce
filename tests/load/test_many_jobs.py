"""Something happens to ten thousand jobs: they are freed, deleted, had back, or may start. Nobody waits for that."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from flamenco.domain.statuses import JobStatus
from flamenco.farm import deletion, jobs, starting, telling, trash
from flamenco.store import schema
from flamenco.store.engine import Store
from flamenco.store.schema import jobs as jobs_table
from tests import length
from tests.acceptance.conftest import Manager, running_manager, wait_until
from tests.load.many_jobs import (
    ALONE_S,
    JOBS,
    MANY,
    assert_counted,
    assert_nobody_was_held_up,
    count,
    farm_on,
    have_them_start,
    have_them_wait,
    in_database,
    manager_on,
    pending,
)
from tests.load.polling import polling_workers
from tests.load.test_large_jobs import MOST_OF_PROCESSOR_S, TimedStore
from tests.machine import slowness

log = logging.getLogger(__name__)

pytestmark = pytest.mark.long

FREED_S: Final = 5.0
"""So soon all of them are free that waited for one job, on the machine that limits are written for."""

BOTH = pytest.mark.parametrize("database_url", length.every(2, ("sqlite", "postgresql")), indirect=True)

_OF_MANY: Final = jobs_table.c.type == MANY
_IN_TRASH: Final = (_OF_MANY, jobs_table.c.trashed_at.is_not(None))
_THERE: Final = (_OF_MANY, jobs_table.c.delete_requested.is_(None))


@contextmanager
def watched(manager: Manager) -> Iterator[None]:
    """Workers poll meanwhile, and are not held up."""
    with polling_workers(manager.url) as alone:
        assert not threading.Event().wait(ALONE_S)
    with polling_workers(manager.url) as durations:
        yield
    assert_nobody_was_held_up(durations, alone)


def timed(what: str, is_done: Callable[[], bool], timeout_s: float) -> float:
    """How long it takes until it is done, in seconds."""
    began = time.monotonic()
    assert wait_until(is_done, timeout_s), what
    log.info("%s took %.2f s", what, time.monotonic() - began)
    return time.monotonic() - began


@BOTH
def test_ten_thousand_jobs_that_waited_for_one(tmp_path: Path, database_url: str) -> None:
    """All are free within five seconds, and no worker waits for more than 200 ms meanwhile."""
    url = in_database(database_url, tmp_path)
    with closing(Store(url)) as store:
        one = have_them_wait(farm_on(store, tmp_path))
        with running_manager(tmp_path, *manager_on(url)) as manager, watched(manager):
            assert pending(store) == JOBS
            order = {"status": JobStatus.COMPLETED.value, "reason": "test"}
            began = time.monotonic()
            answer = httpx.post(f"{manager.url}/api/v3/jobs/{one.id}/setstatus", json=order, timeout=60)
            assert answer.status_code == 204, answer.text
            timed("to free them", lambda: pending(store) == 0, 60)
            took = time.monotonic() - began
        assert_counted(store)
    assert took <= FREED_S * slowness()


@BOTH
def test_ten_thousand_jobs_that_start_at_the_same_moment(tmp_path: Path, database_url: str) -> None:
    """Who asks for a task when it has come lets some of them go, and no worker waits for more than 200 ms."""
    url = in_database(database_url, tmp_path)
    with closing(Store(url)) as store:
        farm = farm_on(store, tmp_path)
        with running_manager(tmp_path, *manager_on(url)) as manager:
            have_them_start(farm, datetime.now(UTC) + timedelta(seconds=ALONE_S + 10))
            with watched(manager):
                waiting = (_OF_MANY, jobs_table.c.start_after.is_not(None))
                timed("to have them start", lambda: count(store, *waiting) == 0, 60)
        assert_counted(store)


def have_done(manager: Manager, action: str) -> None:
    """Have an action carried out with all of them, as often as it takes."""
    began, done = time.monotonic(), 0
    after: int | None = 0
    while after is not None:
        asked = {"action": action, "filter": {"type": [MANY]}, "after": after}
        answer = httpx.post(f"{manager.url}/api/x/jobs/actions", json=asked, timeout=60)
        assert answer.status_code == 200, answer.text
        outcome: Any = answer.json()
        assert outcome["refused_count"] == 0, outcome["refused"]
        done, after = done + outcome["done"], outcome.get("next") if outcome.get("left") else None
    log.info("to %s %d of them took %.2f s", action, done, time.monotonic() - began)
    assert done == JOBS


@BOTH
def test_ten_thousand_jobs_in_the_trash(tmp_path: Path, database_url: str) -> None:
    """They are deleted, had back, deleted again and purged, and no worker waits for more than 200 ms meanwhile."""
    url = in_database(database_url, tmp_path)
    with (
        closing(Store(url)) as store,
        running_manager(tmp_path, *manager_on(url)) as manager,
        watched(manager),
    ):
        have_done(manager, "delete")
        timed("to put them away", lambda: count(store, *_IN_TRASH) == JOBS, 300)
        have_done(manager, "undelete")
        assert count(store, *_THERE) == JOBS
        have_done(manager, "delete")
        timed("to put them away", lambda: count(store, *_IN_TRASH) == JOBS, 300)
        assert_counted(store)
        have_done(manager, "purge")
        timed("to purge them", lambda: count(store, _OF_MANY) == 0, 600)
        assert_counted(store)
        assert count(store, jobs_table.c.tasks_queued > 0) == 1, "workers had nothing of their own to do any more"


def test_no_transaction_of_many_jobs_takes_long(tmp_path: Path) -> None:
    """Whatever is done with ten thousand jobs, others wait for a slice of it at most, by the processor's time."""
    store = TimedStore(in_database(f"sqlite:///{tmp_path}/unused", tmp_path))
    farm = farm_on(store, tmp_path)
    dearest: dict[str, float] = {}

    def measure(what: str, do: Callable[[], object]) -> None:
        store.dearest_s = 0.0
        began = time.process_time()
        do()
        dearest[what] = store.dearest_s
        log.info("to %s took %.2f s of the processor", what, time.process_time() - began)

    def start_all() -> None:
        while starting.let_go(farm):
            pass

    def put_all_away() -> None:
        while doomed := trash.doomed(farm, 100):
            for job_id in doomed:
                trash.put_away(farm, job_id)

    one = have_them_wait(farm)
    jobs.set_status(farm, one.id, JobStatus.COMPLETED, "test")
    measure("free them", lambda: telling.tell_all(farm))
    have_them_start(farm, farm.clock() - timedelta(seconds=1))
    measure("have them start", start_all)
    measure("delete all at once", lambda: deletion.request_mass(farm, farm.clock() + timedelta(hours=1)))
    measure("put them away", put_all_away)
    with store.read() as tx:
        assert not tx.execute(schema.jobs.select().where(*_THERE).limit(1)).first()
    assert_counted(store)
    log.info("the dearest transactions: %s", {what: f"{seconds * 1e3:.1f} ms" for what, seconds in dearest.items()})
    assert max(dearest.values()) <= MOST_OF_PROCESSOR_S * slowness()
    farm.close()
