"""The farm in numbers, and what its processes measure of themselves, on both databases."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from falcon import testing
from sqlalchemy import event, select, update

from flamenco import EventSink, Limit, PublishedEvent, SchedulingPolicy
from flamenco.api.app import create_app
from flamenco.domain.errors import Busy
from flamenco.domain.model import Job, Worker
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.farm import jobs, tasks, workers
from flamenco.farm.context import Farm
from flamenco.farm.measurements import RequestHistograms
from flamenco.farm.reader import ALIVE, FarmReading
from flamenco.farm.scheduling.policies import Policies
from flamenco.hooks.statistics import REQUEST_BOUNDS_S, FarmStatistics, LimitUse
from flamenco.services import upkeep
from flamenco.services.runner import Chore, Runner, runners, stop_all
from flamenco.store.schema import leases, processes
from flamenco.store.schema import workers as worker_table
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import giving_up_soon, job_now, new_worker, run_next, store_job, take

SLOWEST = len(REQUEST_BOUNDS_S)


def statistics(farm: Farm) -> FarmStatistics:
    """The farm in numbers."""
    return FarmReading(farm).statistics()


def measured(farm: Farm) -> set[tuple[str, str, int, float]]:
    """What all processes have measured, as this one tells it: process, operation, requests, seconds."""
    return {(each.process, each.operation, sum(each.counts), each.total_s) for each in statistics(farm).requests}


def played(farm: Farm) -> tuple[list[Job], list[Worker]]:
    """Jobs and workers after some work, failures, a pause and a cancellation."""
    stored = [store_job(farm, authored_job(*(authored_task() for _ in range(4)))) for _ in range(4)]
    stored.append(store_job(farm, authored_job(authored_task()), JobStatus.PAUSED))
    team = [new_worker(farm, f"w{n}") for n in range(3)]
    for status in (TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.COMPLETED):
        run_next(farm, team[0], status)
    take(farm, team[1])
    workers.state_changed(farm, team[2], WorkerStatus.ASLEEP)
    jobs.set_status(farm, stored[2].id, JobStatus.CANCEL_REQUESTED, "test")
    return stored, team


@contextmanager
def executed(farm: Farm) -> Iterator[list[str]]:
    """The statements that are executed meanwhile."""
    statements: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(farm.store.engine, "before_cursor_execute", note)
    yield statements
    event.remove(farm.store.engine, "before_cursor_execute", note)


# -- the farm in numbers ----------------------------------------------------------------------------------------


def test_an_empty_farm_has_every_status(farm: Farm) -> None:
    """Every status is there with 0, so that a curve begins before the first job does."""
    now = statistics(farm)
    assert now.jobs == dict.fromkeys(JobStatus, 0)
    assert now.tasks == dict.fromkeys(TaskStatus, 0)
    assert now.workers == dict.fromkeys(WorkerStatus, 0)
    assert (now.runnable, now.queue_age_s, list(now.sinks), list(now.requests)) == ({}, 0.0, [], [])


def test_numbers_are_those_of_the_farm(farm: Farm) -> None:
    """After all that happens to jobs, the counts equal those of going through everything one by one."""
    stored, _ = played(farm)
    now = statistics(farm)
    each_task = Counter(task.status for job in stored for task in tasks.of_job(farm, job.id))
    assert len(each_task) > 3
    assert now.tasks == {status: each_task[status] for status in TaskStatus}
    each_job = Counter(job_now(farm, job).status for job in stored)
    assert len(each_job) > 2
    assert now.jobs == {status: each_job[status] for status in JobStatus}
    each_worker = Counter(worker.status for worker in workers.list_all(farm))
    assert len(each_worker) == 2
    assert now.workers == {status: each_worker[status] for status in WorkerStatus}


def test_deleted_workers_do_not_count(farm: Farm, clock: Clock) -> None:
    """A worker that was deleted is none of the farm's workers any more."""
    gone = new_worker(farm)
    with farm.store.write() as tx:
        tx.execute(update(worker_table).where(worker_table.c.key == gone.key).values(deleted=clock()))
    assert sum(statistics(farm).workers.values()) == 0


def test_tasks_are_never_counted_one_by_one(farm: Farm) -> None:
    """However many tasks there are, nobody looks at them for the numbers."""
    played(farm)
    with executed(farm) as statements:
        statistics(farm)
    assert statements
    assert not [statement for statement in statements if re.search(r"\btasks\b", statement)]


def test_runnable_is_what_could_be_given_away(farm: Farm) -> None:
    """Tasks that wait for others, or whose job is not open, are left out; a type that has none left stays, with 0."""
    first = authored_task("first", "blender")
    later = [authored_task(f"t{n}", "ffmpeg", after=(first,)) for n in range(3)]
    job = store_job(farm, authored_job(first, *later))
    store_job(farm, authored_job(authored_task("held")), JobStatus.PAUSED)
    assert statistics(farm).runnable == {"blender": 1, "ffmpeg": 0, "misc": 0}
    run_next(farm, new_worker(farm))
    assert statistics(farm).runnable == {"blender": 0, "ffmpeg": 3, "misc": 0}
    jobs.set_status(farm, job.id, JobStatus.PAUSE_REQUESTED, "test")
    assert statistics(farm).runnable == {"blender": 0, "ffmpeg": 0, "misc": 0}


def test_the_queue_is_as_old_as_its_oldest_job_with_work(farm: Farm, clock: Clock) -> None:
    """A job whose tasks are all being run makes the queue no older; no clock makes its age less than 0."""
    old = authored_job(authored_task(), created=clock() - timedelta(hours=2))
    store_job(farm, old)
    store_job(farm, authored_job(authored_task(), created=clock() - timedelta(hours=1)))
    assert statistics(farm).queue_age_s == 7200
    take(farm, new_worker(farm, "one"))
    assert statistics(farm).queue_age_s == 3600
    clock.forward(60)
    assert statistics(farm).queue_age_s == 3660
    clock.forward(-7200)
    assert statistics(farm).queue_age_s == 0
    take(farm, new_worker(farm, "two"))
    assert statistics(farm).queue_age_s == 0


def test_sinks_are_among_the_numbers(farm: Farm) -> None:
    """Every event sink is there, with what waits for it."""

    def deliver(_event: PublishedEvent) -> None:
        """Take it."""

    farm.event_sinks = {"log": EventSink(name="log", description="", deliver=deliver)}
    assert [(sink.name, sink.waiting, sink.dead) for sink in statistics(farm).sinks] == [("log", 0, 0)]


def test_limits_and_accounts_can_be_read(farm: Farm, clock: Clock) -> None:
    """A reader tells the use of every limit, and what the accounts of a policy have had, a running task included."""
    licence = SchedulingPolicy(name="licence", description="", limits=lambda _job, _type: [Limit("nuke", 3)])
    shares = SchedulingPolicy(name="shares", description="", account=lambda job: job.metadata["user"])
    farm.policies = Policies({"licence": licence, "shares": shares}, {})
    store_job(farm, authored_job(authored_task(), metadata={"user": "anna"}))
    take(farm, new_worker(farm))
    clock.forward(30)
    reader = FarmReading(farm)
    assert reader.limits() == [LimitUse("nuke", 3, 1)]
    used = reader.usage("shares")["anna"]
    assert used.seconds == pytest.approx(30)
    assert used.running == 1
    assert reader.usage("licence") == reader.usage("unheard of") == {}
    assert reader.now == clock()


# -- how long requests take -------------------------------------------------------------------------------------


def test_bounds_belong_to_their_class() -> None:
    """A time that is exactly a bound counts as within it; what is slower than all of them is counted too."""
    histograms = RequestHistograms()
    for bound in REQUEST_BOUNDS_S:
        histograms.add("op", bound)
    histograms.add("op", 0.0)
    histograms.add("op", 1e9)
    (times,) = histograms.so_far()
    assert times.counts == (2, *[1] * (SLOWEST - 1), 1)
    assert times.total_s == pytest.approx(sum(REQUEST_BOUNDS_S) + 1e9)


def test_threads_lose_no_request() -> None:
    """Of many threads that count at once, every request is counted, and what is read meanwhile never shrinks."""
    histograms = RequestHistograms()

    def count() -> None:
        for number in range(2_000):
            histograms.add(f"op{number % 3}", 0.25)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    seen = 0
    while any(thread.is_alive() for thread in threads):
        now = sum(sum(times.counts) for times in histograms.so_far())
        assert now >= seen
        seen = now
    for thread in threads:
        thread.join()
    assert sum(sum(times.counts) for times in histograms.so_far()) == 8_000
    assert sum(times.total_s for times in histograms.so_far()) == pytest.approx(2_000)


def test_every_operation_is_measured(farm: Farm) -> None:
    """Requests are counted by their operation, refused ones too; what is no operation is not."""
    client = testing.TestClient(create_app(farm))
    for method, path in [
        ("GET", "/api/version"),
        ("HEAD", "/api/version"),
        ("POST", "/api/worker/task"),  # without saying who asks
        ("POST", "/api/jobs"),  # without a body
        ("GET", "/api/openapi.json"),
        ("GET", "/no/such/path"),
        ("PATCH", "/api/version"),
    ]:
        client.simulate_request(method, path)
    counted = {times.operation: sum(times.counts) for times in farm.request_times.so_far()}
    assert sorted(counted.values()) == [1, 1, 2]
    assert all(times.total_s > 0 for times in farm.request_times.so_far())


# -- several processes ------------------------------------------------------------------------------------------


def test_every_process_is_told_of(make_farm: Callable[..., Farm]) -> None:
    """A process tells what it has measured itself as it is now, and what others wrote down."""
    one, two = make_farm(), make_farm()
    one.request_times.add("op", 0.5)
    two.request_times.add("op", 2.0)
    first, second = one.request_times.process, two.request_times.process
    assert first != second
    assert measured(one) == {(first, "op", 1, 0.5)}
    assert upkeep.write_measurements(two) == upkeep.MEASURE_EVERY_S
    upkeep.write_measurements(one)
    one.request_times.add("op", 0.5)
    two.request_times.add("op", 2.0)
    assert measured(one) == {(first, "op", 2, 1.0), (second, "op", 1, 2.0)}
    assert measured(two) == {(first, "op", 1, 0.5), (second, "op", 2, 4.0)}
    upkeep.write_measurements(two)
    assert measured(one) == {(first, "op", 2, 1.0), (second, "op", 2, 4.0)}


def test_processes_that_ended_are_forgotten(make_farm: Callable[..., Farm], clock: Clock) -> None:
    """What nothing was heard of for a minute is left out, and after an hour it is gone from the database."""
    one, gone = make_farm(), make_farm()
    gone.request_times.add("op", 1.0)
    upkeep.write_measurements(gone)
    clock.forward(ALIVE.total_seconds())
    assert measured(one) == {(gone.request_times.process, "op", 1, 1.0)}
    clock.forward(1)
    assert measured(one) == set()
    upkeep.write_measurements(one)
    assert stored_processes(one) == {one.request_times.process, gone.request_times.process}
    clock.forward(upkeep.MEASUREMENTS_KEPT.total_seconds())
    upkeep.write_measurements(one)
    assert stored_processes(one) == {one.request_times.process}


def stored_processes(farm: Farm) -> set[str]:
    """The processes that the database knows."""
    with farm.store.read() as tx:
        return set(tx.execute(select(processes.c.name)).scalars())


def test_a_process_of_another_version_is_passed_over(make_farm: Callable[..., Farm]) -> None:
    """While a manager is replaced by one that counts in other classes, nothing is mixed up."""
    one, old = make_farm(), make_farm()
    old.request_times.add("op", 1.0)
    upkeep.write_measurements(old)
    with one.store.write() as tx:
        tx.execute(update(processes).values(measured=[{"operation": "op", "counts": [1, 2], "total_s": 3.0}]))
    assert measured(one) == set()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_busy_database_is_left_alone(farm: Farm) -> None:
    """Measurements that cannot be written now are written next time, which is when the runner finds it right."""
    with farm.store.write(), giving_up_soon(farm), pytest.raises(Busy):
        upkeep.write_measurements(farm)
    assert stored_processes(farm) == set()
    upkeep.write_measurements(farm)
    assert stored_processes(farm) == {farm.request_times.process}


def test_a_chore_without_a_lease_is_done_by_every_process(make_farm: Callable[..., Farm]) -> None:
    """What each process does for itself runs in all of them at once, and takes no lease."""
    meeting = threading.Barrier(2)
    met = threading.Event()

    def meet(_farm: Farm) -> float:
        meeting.wait(20)  # nobody gets further unless both are here
        met.set()
        return 60.0

    one, two = make_farm(), make_farm()
    both = [Runner(farm, [Chore("meet", meet, leased=False)]) for farm in (one, two)]
    for runner in both:
        runner.start()
    assert met.wait(20)
    with one.store.read() as tx:
        assert tx.execute(select(leases)).all() == []
    stop_all(both)


def test_a_manager_writes_its_measurements(farm: Farm) -> None:
    """What runs in the background of a process writes down what it measured, without being asked."""
    written = threading.Event()

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("INSERT INTO processes"):
            written.set()

    event.listen(farm.store.engine, "after_cursor_execute", note)
    running = runners(farm)
    for runner in running:
        runner.start()
    assert written.wait(20)
    stop_all(running)
