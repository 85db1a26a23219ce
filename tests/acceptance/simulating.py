"""Simulated workers while something breaks, and the audit that follows: what must hold whatever was broken."""

from __future__ import annotations

import json
import os
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from flamenco.simulation.audit import missing_lines
from flamenco.simulation.display import Moment
from flamenco.simulation.distributions import Distribution
from flamenco.simulation.fates import Behaviour
from flamenco.simulation.options import Options
from flamenco.simulation.report import Report
from flamenco.simulation.run import Simulation
from flamenco.store import damage, recount
from flamenco.store.engine import Store
from tests.acceptance.conftest import Manager, wait_until
from tests.acceptance.test_faults import logs_of

SEATS: Final = 24
"""A limit that all simulated tasks fall under; there are more workers than that."""
CONFIG: Final = {"plugins": {"worker_limits": {"limits": {"seats": SEATS}, "task_types": {"misc": ["seats"]}}}}
WORKER_TIMEOUT_S: Final = 6.0
SETTINGS: Final = tuple(
    word
    for setting in (
        f"worker_timeout={WORKER_TIMEOUT_S:.0f}s",
        "timeout_check_interval=1s",
        "timeout_check_delay=6s",
        "registrations_per_hour=0",
    )
    for word in ("--set", setting)
)
"""For a manager that soon gives up workers that it does not hear of."""
MOST_S: Final = 240.0
NEVER: Final = threading.Event()
"""Waited for, with a time limit, where the time that passes is what is tried."""

FARM = Options(
    workers=32,
    jobs=3,
    tasks=130,
    behaviour=Behaviour(task_seconds=Distribution.parse("uniform:2,10"), log_lines=12, speed=20),
    silence_s=WORKER_TIMEOUT_S / 2,
    patience_s=60,
    keep=True,
)
"""Workers that ask twenty times as often as real ones, and have something to do for long enough."""


class _Quiet:
    """Shows nothing."""

    def say(self, text: str) -> None:
        """Not this."""

    def show(self, moment: Moment) -> None:
        """Nor this."""

    def __enter__(self) -> _Quiet:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""


class Running:
    """A simulation in a thread of its own."""

    def __init__(self, simulation: Simulation, over: threading.Event) -> None:
        self.simulation = simulation
        self._over = over
        self._thread = threading.Thread(target=self._run)
        self._report: Report | None = None
        self._problem: BaseException | None = None
        self._thread.start()

    def _run(self) -> None:
        try:
            self._report = self.simulation.run()
        except BaseException as error:  # told by the test
            self._problem = error

    @property
    def completed(self) -> int:
        """How many tasks are done."""
        return len(self.simulation.ledger.completed)

    def wait_for(self, more: int) -> None:
        """Wait until so many more tasks are done."""
        wanted = self.completed + more
        assert wait_until(lambda: self.completed >= wanted or not self._thread.is_alive(), 60), self.completed
        assert self._thread.is_alive(), f"all over after {self.completed} tasks: {self._problem or self._report}"

    def report(self, within_s: float = MOST_S) -> Report:
        """Wait until it is over."""
        self._thread.join(within_s)
        assert not self._thread.is_alive(), f"not over after {within_s} s, with {self.completed} tasks done"
        assert self._report, self._problem
        return self._report

    def stop(self) -> None:
        """End it, if it is not over."""
        self._over.set()
        self._thread.join(MOST_S)


@contextmanager
def simulating(*urls: str, **changes: object) -> Iterator[Running]:
    """A simulation on these managers, with `changes` to `FARM`."""
    over = threading.Event()
    running = Running(Simulation(urls, replace(FARM, **changes), _Quiet(), over.is_set), over)
    try:
        yield running
    finally:
        running.stop()


def with_limit(folder: Path) -> tuple[str, ...]:
    """The options of a manager in which `SEATS` hold, and that soon gives workers up."""
    file = folder / "flamenco-manager.yaml"
    file.write_text(json.dumps(CONFIG))  # which is YAML as well
    return ("--config", str(file), *SETTINGS)


def audit(running: Running, *managers: Manager, database_url: str = "") -> Report:
    """Wait for the end: no task is lost or done twice, counters are exact, limits were kept, logs are whole.

    All `managers` share what they store; the first one's database is SQLite unless another is named.
    """
    report = running.report()
    assert (report.ended, report.lost, report.doubled, report.lost_lines) == ("done", [], [], []), report
    tasks = sum(running.simulation.work.promised.values())
    assert report.tasks == {"completed": tasks}
    with closing(Store(database_url or f"sqlite:///{managers[0].data_dir}/flamenco-manager.sqlite")) as store:
        _audit_database(store, tasks)
    logs = {task_id: text for manager in managers for task_id, text in logs_of(manager).items()}
    lines = FARM.behaviour.log_lines
    for task_id, done in running.simulation.ledger.completed.items():
        assert missing_lines(logs[task_id], done.worker, done.turn, lines) == [], logs[task_id]
    for manager in managers:
        assert not (found := re.findall(r"Traceback .*(?:\n .*)*\n.*", manager.log)), found[0]
    return report


def _audit_database(store: Store, tasks: int) -> None:
    with store.read() as tx:
        assert [each.problem for each in damage.look(tx, thorough=True)] == []
        assert recount.miscounted(tx) == []
        rows = tx.exec_driver_sql("SELECT payload FROM events WHERE topic LIKE '/jobs/%%' ORDER BY key").scalars().all()
    active: set[str] = set()
    completed: Counter[str] = Counter()
    most = 0
    for event in map(json.loads, rows):
        if "previous_status" in event and (event["previous_status"], event["status"]) == ("active", "completed"):
            completed[event["id"]] += 1
        if event["status"] == "active" and event.get("previous_status") != "active":
            active.add(event["id"])
        elif event["status"] != "active":
            active.discard(event["id"])
        most = max(most, len(active))
    assert SEATS // 2 < most <= SEATS
    assert Counter(completed.values()).keys() == {1}


def noticed(report: Report) -> set[str]:
    """What kinds of errors workers were told, so that it is certain that something was broken."""
    return {error.partition(": ")[2] for error in report.errors}


def processes_of(manager: Manager) -> list[int]:
    """All processes of a manager, which has a process group of its own; the main one first."""
    group = manager.process.pid
    found = [int(path.name) for path in Path("/proc").glob("[0-9]*") if _group_of(path) == group]
    return sorted(found, key=lambda pid: (pid != group, pid))


def _group_of(process: Path) -> int:
    try:
        return os.getpgid(int(process.name))
    except ProcessLookupError:
        return 0
