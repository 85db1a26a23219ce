"""The chores: which process runs them, and what they do to the database, on both kinds."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import time, timedelta
from pathlib import Path

import pytest
from msgspec import Struct
from sqlalchemy import delete, select
from sqlalchemy import func as sql
from structlog.testing import capture_logs

from flamenco.domain.errors import Busy, StoreError, Unavailable
from flamenco.domain.events import Event
from flamenco.domain.sleep import SleepSchedule
from flamenco.domain.statuses import WorkerStatus
from flamenco.farm import deletion, workers
from flamenco.farm import sleep as schedules
from flamenco.farm.attempts import Repeated
from flamenco.farm.context import Farm
from flamenco.services import deletion as deletions
from flamenco.services import delivery, sleep, timeouts, upkeep
from flamenco.services.runner import Chore, Runner, chores
from flamenco.store import damage
from flamenco.store import events as event_store
from flamenco.store.schema import events, leases
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import giving_up_soon, new_worker, store_job, take


class SomethingHappened(Struct, frozen=True):
    """What some events of these tests say."""

    what: str = ""


def stored_events(farm: Farm) -> int:
    """How many events are kept."""
    with farm.store.read() as tx:
        return int(tx.execute(select(sql.count()).select_from(events)).scalar_one())


def test_old_events_are_forgotten(farm: Farm, clock: Clock) -> None:
    """Events go when they are old enough, the younger ones stay, and there is time until the next look."""
    new_worker(farm)
    clock.forward((upkeep.EVENTS_KEPT + timedelta(seconds=1)).total_seconds())
    new_worker(farm)
    before = stored_events(farm)
    assert upkeep.forget_events(farm) > 60
    assert 0 < stored_events(farm) < before
    assert upkeep.forget_events(farm) > 60


def test_there_are_never_many_more_events_than_are_kept(make_farm: Callable[..., Farm]) -> None:
    """However young they are; the newest stay, and the rest follows where one transaction should not delete it all."""
    farm = make_farm(max_events=1000)
    with farm.store.write() as tx:
        for number in range(1010):
            event_store.append(tx, [Event(f"/x/{number}", SomethingHappened())], farm.clock())
    assert upkeep.forget_events(farm, batch=6) <= 1
    assert stored_events(farm) == 1004
    assert upkeep.forget_events(farm, batch=6) > 60
    with farm.store.read() as tx:
        assert [event.topic for event in event_store.after(tx, 0, 1)] == ["/x/10"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_room_that_is_not_needed_is_given_back(farm: Farm) -> None:
    """Little by little, and some of it stays for what comes next."""
    file = farm.store.file
    assert file is not None
    text = "x" * 3_000
    with farm.store.write() as tx:
        for _ in range(4_000):
            event_store.append(tx, [Event("/x", SomethingHappened(text))], farm.clock())
    farm.store.checkpoint()
    full = file.stat().st_size
    with farm.store.write() as tx:
        tx.execute(delete(events))
    assert upkeep.give_space_back(farm, pages=100) == 1.0
    while upkeep.give_space_back(farm) <= 1.0:
        pass
    assert farm.store.checkpoint()
    assert 4_000_000 < file.stat().st_size < full / 2
    farm.store.compact()
    assert file.stat().st_size < 1_500_000
    with giving_up_soon(farm), closing(sqlite3.connect(file, isolation_level=None)) as somebody:
        somebody.execute("BEGIN IMMEDIATE")
        with pytest.raises(Busy):
            farm.store.compact()


def test_a_pile_of_old_events_goes_bit_by_bit(farm: Farm, clock: Clock) -> None:
    """When there is more than one transaction should delete, the rest follows soon."""
    new_worker(farm)
    new_worker(farm)
    before = stored_events(farm)
    clock.forward(2 * upkeep.EVENTS_KEPT.total_seconds())
    assert upkeep.forget_events(farm, batch=2) <= 1
    assert stored_events(farm) == before - 2


def test_a_sound_database_is_looked_at_in_its_period(make_farm: Callable[..., Farm]) -> None:
    """The database is checked as often as the settings say, and not at all for a period of zero."""
    assert upkeep.check_database(make_farm(database_check_period=77.0)) == 77
    assert upkeep.check_database(make_farm(database_check_period=0.0)) > 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_damage_is_reported(farm: Farm, capsys: pytest.CaptureFixture[str]) -> None:
    """A reference to a row that is not there is found, and said loudly."""
    assert farm.store.file
    with closing(sqlite3.connect(farm.store.file)) as careless, careless:
        careless.execute("INSERT INTO worker_tags (worker_key, tag_key) VALUES (1, 1)")
    farm.shut_down = lambda: pytest.fail("such damage is no reason to stop")
    upkeep.check_database(farm)
    assert "refers to a row of" in capsys.readouterr().out


def break_file(file: Path) -> None:
    """Write nonsense over a table that is only read."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page_size = connection.execute("PRAGMA page_size").fetchone()[0]
        page = connection.execute("SELECT max(pageno) FROM dbstat WHERE name = 'tags'").fetchone()[0]
    with file.open("r+b") as broken:
        broken.seek((page - 1) * page_size)
        broken.write(b"\xff" * page_size)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_manager_stops_when_its_database_breaks(farm: Farm, capsys: pytest.CaptureFixture[str]) -> None:
    """A broken file is said loudly with what to do, and the manager ends; it does not start with it again either."""
    stopped: list[bool] = []
    farm.shut_down = lambda: stopped.append(True)
    new_worker(farm)
    assert farm.store.file
    break_file(farm.store.file)
    upkeep.check_database(farm)
    assert stopped == [True]
    said = capsys.readouterr().out
    assert "restore a copy" in said
    assert str(farm.store.file) in said
    with pytest.raises(StoreError, match=r"damaged.*recover"):
        damage.check_before_start(farm.store, 10.0)


def test_the_log_of_the_database_is_emptied(farm: Farm) -> None:
    """It is, unless somebody reads; then the chore comes back soon."""
    new_worker(farm)
    assert upkeep.checkpoint(farm) > 60
    if farm.store.file is None:
        return
    log = farm.store.file.with_name(f"{farm.store.file.name}-wal")
    assert log.stat().st_size == 0
    with farm.store.read() as tx:
        tx.execute(select(events.c.key)).all()
        new_worker(farm)
        assert upkeep.checkpoint(farm) < 60
    assert log.stat().st_size > 0


def test_one_of_two_processes_runs_a_chore(make_farm: Callable[..., Farm]) -> None:
    """While one has the lease the other leaves the chore alone, and does others; leaving gives the leases up."""
    ran: list[Farm] = []
    started, other_ran, ran_often = threading.Event(), threading.Event(), threading.Event()

    def shared(farm: Farm) -> float:
        ran.append(farm)
        started.set()
        if other_ran.is_set():
            ran_often.set()
        return 0.01

    def own(_farm: Farm) -> float:
        other_ran.set()
        return 60.0

    one, two = make_farm(), make_farm()
    first, second = Runner(one, [Chore("shared", shared)]), Runner(two, [Chore("shared", shared), Chore("own", own)])
    first.start()
    assert started.wait(20)
    second.start()
    assert ran_often.wait(20)
    first.stop()
    second.stop()
    assert ran == [one] * len(ran)
    with one.store.read() as tx:
        assert tx.execute(select(leases)).all() == []


def test_nothing_is_left_behind_at_the_end(make_farm: Callable[..., Farm]) -> None:
    """Who is to end waits a little for the lease of a chore that is behind, and does it."""
    ran: list[Farm] = []
    started = threading.Event()

    def shared(farm: Farm) -> float:
        ran.append(farm)
        started.set()
        return 60.0

    asked: list[bool] = []

    def is_behind(_farm: Farm) -> bool:
        asked.append(True)
        if len(asked) == 2:
            first.stop()
        return ran[-1] is not two

    one, two = make_farm(), make_farm()
    first = Runner(one, [Chore("shared", shared)])
    second = Runner(two, [Chore("shared", shared, is_behind=is_behind)])
    first.start()
    assert started.wait(20)
    second.start()
    second.stop()
    assert ran == [one, two]
    with one.store.read() as tx:
        assert tx.execute(select(leases)).all() == []


def test_what_cannot_be_finished_does_not_hold_up_the_end(farm: Farm) -> None:
    """A chore that is always behind, and one that fails, are left, and the leases are given up."""

    def fail(_farm: Farm) -> bool:
        raise RuntimeError("cannot")

    todo = [
        Chore("fails", lambda _farm: 60.0, 60.0, is_behind=fail),
        Chore("endless", lambda _farm: 60.0, 60.0, is_behind=lambda _farm: True),
    ]
    runner = Runner(farm, todo)
    runner.start()
    runner.stop()
    with farm.store.read() as tx:
        assert tx.execute(select(leases)).all() == []


def test_a_chore_that_fails_does_not_end_the_others(farm: Farm) -> None:
    """Whatever one chore raises, the next one is done."""
    done = threading.Event()

    def fail(_farm: Farm) -> float:
        raise RuntimeError("cannot")

    def succeed(_farm: Farm) -> float:
        done.set()
        return 60.0

    runner = Runner(farm, [Chore("fails", fail), Chore("succeeds", succeed)])
    runner.start()
    assert done.wait(20)
    runner.stop()


@pytest.mark.parametrize("error", [Unavailable("away"), Busy("busy"), RuntimeError("a mistake")])
def test_a_chore_that_goes_on_failing_is_said_once_a_minute(farm: Farm, error: Exception) -> None:
    """What fails again and again is one line in the log a minute; a traceback is only there for mistakes of ours."""
    now = [0.0]
    farm.repeated = Repeated(lambda: now[0])

    def fail(_farm: Farm) -> float:
        raise error

    runner = Runner(farm, [Chore("fails", fail, lease_s=0.01)])
    with capture_logs() as logs:
        for _ in range(5):
            runner._run_once(runner._chores[0])
        now[0] = 60.0
        runner._run_once(runner._chores[0])
    assert [entry["times"] for entry in logs] == [1, 5]
    assert [bool(entry.get("exc_info")) for entry in logs] == [isinstance(error, RuntimeError)] * 2


@pytest.mark.parametrize("seconds", [1, 2, 17])
def test_a_chore_that_meets_busy_is_tried_again_when_the_error_says(farm: Farm, seconds: int) -> None:
    """Whoever is busy knows best for how long; nothing is wrong, so it is a warning without a traceback."""

    def meet(_farm: Farm) -> float:
        raise Busy("in use", retry_after=seconds)

    runner = Runner(farm, [Chore("meets", meet)])
    with capture_logs() as logs:
        assert runner._run_once(runner._chores[0]) == seconds
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("a chore has to wait", "warning")]
    assert not logs[0].get("exc_info")


def with_something_to_do(farm: Farm, clock: Clock) -> None:
    """A worker that was silent for too long with its task, and has a schedule that is due; a job to delete."""
    doomed = store_job(farm, authored_job(authored_task()))
    store_job(farm, authored_job(authored_task()))
    store_job(farm, authored_job(authored_task(task_type="nobody-does-this")))
    worker = new_worker(farm)
    schedules.give(farm, worker.id, SleepSchedule(is_active=True, start=time(4), end=time(5)))
    take(farm, worker)
    deletion.request(farm, doomed.id)
    timeouts.tick(farm)
    clock.forward(3600)


CHORES = [
    timeouts.tick,
    sleep.tick,
    deletions.Deletions().tick,
    upkeep.look_at_farm,
    upkeep.write_measurements,
    upkeep.look_for_stranded,
    upkeep.forget_events,
    upkeep.forget_task_logs,
    upkeep.give_space_back,
    delivery.look_after_sinks,
]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("tick", CHORES, ids=lambda tick: tick.__module__.rpartition(".")[2] + "." + tick.__name__)
def test_no_chore_keeps_it_to_itself_that_the_database_is_busy(
    farm: Farm, clock: Clock, tick: Callable[[Farm], float]
) -> None:
    """While somebody else writes for too long, every chore says so to the runner, and logs no traceback of its own."""
    with_something_to_do(farm, clock)
    with giving_up_soon(farm) as file, closing(sqlite3.connect(file, isolation_level=None)) as somebody:
        somebody.execute("BEGIN IMMEDIATE")
        with capture_logs() as logs, pytest.raises(Busy):
            tick(farm)
    assert logs == []


def test_the_real_chores_run(make_farm: Callable[..., Farm], clock: Clock) -> None:
    """A runner that is started gives up a silent worker by itself."""
    farm = make_farm(timeout_check_delay=0.0)
    new_worker(farm)
    clock.forward(61)
    looked = threading.Event()

    def look(_farm: Farm) -> float:
        looked.set()
        return 60.0

    # One thread does them one after the other, so what is due later comes after.
    runner = Runner(farm, [*chores(farm), Chore("look", look, 0.01)])
    runner.start()
    assert looked.wait(20)
    runner.stop()
    assert workers.list_all(farm)[0].status is WorkerStatus.ERROR
