"""A farm with all kinds of load for as long as one likes: memory, open files and the database stay as they were.

`ENDURANCE_MINUTES` in the environment says how long; half an hour is what shows most.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import pytest
from msgspec import Struct
from msgspec.structs import replace

from flamenco.client import ManagerClient
from flamenco.store import events
from flamenco.store.engine import Store
from tests.acceptance.conftest import Manager, running_manager
from tests.acceptance.simulating import FARM, SETTINGS, processes_of, simulating

log = logging.getLogger(__name__)

MINUTES = float(os.environ.get("ENDURANCE_MINUTES", "3"))
LOOK_S = 2.0
EVENTS_KEPT = timedelta(seconds=20)
"""Instead of a week, after which the manager itself forgets them."""
MORE = {"memory": 1.08, "files": 1.1, "database": 1.1}
"""How much larger each may be in the last third than it was in the second, when all has been in use for long."""
LEEWAY = {"memory": 4 << 20, "files": 8, "database": 2 << 20}


class Sample(Struct, frozen=True):
    """What a manager takes: memory of all its processes, shared parts once, in bytes; open files; its database."""

    memory: int
    files: int
    database: int


def sample(manager: Manager) -> Sample:
    """What it takes just now; its helper, which comes and goes, does not count."""
    pids = [pid for pid in processes_of(manager) if b"compiler.helper" not in _read(f"/proc/{pid}/cmdline")]
    database = manager.data_dir.glob("flamenco-manager.sqlite*")
    return Sample(
        memory=sum(_pss(pid) for pid in pids),
        files=sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids),
        database=sum(path.stat().st_size for path in database),
    )


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def _pss(pid: int) -> int:
    lines = _read(f"/proc/{pid}/smaps_rollup").splitlines()
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(b"Pss:")), 0)


@contextmanager
def again_and_again(*calls: Callable[[], None]) -> Iterator[None]:
    """Make these calls every few seconds meanwhile; what one raises, the test does."""
    over, problems = threading.Event(), list[BaseException]()

    def call() -> None:
        try:
            while not over.wait(LOOK_S):
                for each in calls:
                    each()
        except BaseException as error:
            problems.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert not problems, problems


def look_around(client: ManagerClient) -> None:
    """What people look at."""
    client.overview()
    client.jobs.newest(20)
    for worker in client.workers.all()[:5]:
        client.workers.get(worker.id)


def grown(samples: Sequence[Sample]) -> list[str]:
    """What is larger in the last third of the time than it may be."""
    third = len(samples) // 3
    before, after = samples[third : 2 * third], samples[2 * third :]
    found = []
    for name, factor in MORE.items():
        was, now = (median(getattr(each, name) for each in part) for part in (before, after))
        log.info("%s: %.0f in the second third, %.0f in the last", name, was, now)
        if now > was * factor + LEEWAY[name]:
            found.append(f"{name}: {was:.0f}, then {now:.0f}")
    return found


@pytest.mark.long
def test_nothing_grows(tmp_path: Path) -> None:
    """While jobs come, are done and deleted, workers crash, fail and are cut off, and people look around."""
    behaviour = replace(FARM.behaviour, failure_rate=0.01, crash_rate=0.005, offline_rate=0.01)
    samples: list[Sample] = []
    with (
        running_manager(tmp_path, "--processes", "2", *SETTINGS) as manager,
        ManagerClient(manager.url) as client,
        closing(Store(f"sqlite:///{manager.data_dir}/flamenco-manager.sqlite", pool_size=1)) as store,
    ):

        def forget_events() -> None:
            with store.write() as tx:
                events.delete_before(tx, datetime.now(UTC) - EVENTS_KEPT, 10_000)

        with (
            again_and_again(lambda: samples.append(sample(manager)), lambda: look_around(client), forget_events),
            simulating(
                manager.url, duration_s=60 * MINUTES, tasks=60, jobs=4, behaviour=behaviour, deletes_done=True
            ) as running,
        ):
            report = running.report(60 * MINUTES + 300)
    log.info("%s; %d requests/s", report.tasks, report.requests_per_s)
    for each in samples[:: max(1, len(samples) // 20)]:
        log.info("%s", each)
    assert report.ended == "duration"
    assert (report.lost, report.doubled, report.lost_lines) == ([], [], [])
    assert grown(samples) == []
