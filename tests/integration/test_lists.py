"""Long lists page by page, in every order, on both databases: nothing twice, nothing missing, all of it counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from flamenco.domain.access import Owner
from flamenco.domain.errors import NotFound, Refused
from flamenco.domain.listing import JobFilter, TaskFilter, WorkerFilter
from flamenco.domain.model import Job
from flamenco.domain.paging import Slice
from flamenco.domain.sleep import SleepSchedule
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.farm import deletion, jobs, lists, sleep, tags, tasks, workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import placing
from flamenco.farm.tasks import TaskChange
from flamenco.store import job_lists, recount, task_lists, worker_lists
from flamenco.store import jobs as job_store
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, report, run_next, store_job, take

BOTH = pytest.mark.parametrize("minus", ["", "-"])


def store_owned(farm: Farm, number: int) -> Job:
    """One of some jobs of which many things are alike."""
    named = authored_job(
        *(authored_task(f"task {each}", "misc") for each in range(1 + number % 3)),
        name=f"job {number % 4}",
        type=("a", "b")[number % 2],
        priority=50 + number % 3,
        metadata={"project": f"project {number % 2}", "batch": f"batch {number % 3}"},
    )
    placement = placing.placement(farm, job_store.candidate(named), {"misc"}, farm.clock())
    with farm.store.write() as tx:
        return job_store.insert_job(tx, named, JobStatus.QUEUED, placement, owner=Owner(f"user {number % 3}"))


def read_through(ask: Callable[[str], Any]) -> list[Any]:
    """All entries of all pages, however many."""
    after, entries = "", []
    for _ in range(100):
        page = ask(after)
        entries += page.entries
        after = page.next
        if not after:
            assert page.total == len(entries)
            return entries
        assert page.entries
    raise AssertionError("There is no end.")


JOB_KEYS: dict[str, Callable[[Any], Any]] = {
    "created": lambda each: each.job.created,
    "updated": lambda each: each.job.updated,
    "name": lambda each: each.job.name,
    "priority": lambda each: each.job.priority,
    "status": lambda each: each.job.status,
    "type": lambda each: each.job.type,
    "user": lambda each: each.user,
    "project": lambda each: each.project,
    "batch": lambda each: each.batch,
    "progress": lambda each: (
        1.0 if each.job.status == "completed" else each.job.steps_completed / (each.job.steps_total or 1)
    ),
}


@BOTH
@pytest.mark.parametrize("sort", JOB_KEYS)
def test_jobs_in_pages_of_every_order(farm: Farm, clock: Clock, sort: str, minus: str) -> None:
    """Sorted as it says; what is alike comes as it came in."""
    worker = new_worker(farm, task_types=("misc",))
    for number in range(13):
        store_owned(farm, number)
        clock.forward(number % 2)
    for _ in range(5):
        run_next(farm, worker)
    page = lists.job_page(farm, JobFilter(), Slice(sort=f"{minus}{sort}", limit=3))
    assert (len(page.entries), page.total, bool(page.next)) == (3, 13, True)
    found = read_through(
        lambda after: lists.job_page(farm, JobFilter(), Slice(sort=f"{minus}{sort}", limit=3, after=after))
    )
    in_turn = sorted(found, key=lambda each: each.job.key)
    assert len(in_turn) == 13
    key = JOB_KEYS[sort]
    assert found == sorted(in_turn, key=key, reverse=bool(minus))


def test_every_order_is_tried() -> None:
    """None is left out of these tests."""
    assert set(JOB_KEYS) == set(job_lists.ORDERS)
    assert set(TASK_KEYS) == set(task_lists.ORDERS)
    assert set(WORKER_KEYS) == set(worker_lists.ORDERS)


def test_jobs_are_counted_by_status_whatever_their_status(farm: Farm) -> None:
    """The total is of all that match, the counts of all that would in another status."""
    made = [store_owned(farm, number) for number in range(6)]
    jobs.set_status(farm, made[0].id, JobStatus.PAUSE_REQUESTED, "test")
    deletion.request(farm, made[1].id)
    asked = JobFilter(statuses=(JobStatus.PAUSED,), projects=("project 0",))
    page = lists.job_page(farm, asked, Slice(sort="name", limit=10))
    assert [each.job.id for each in page.entries] == [made[0].id]
    assert page.total == 1
    assert {status: count for status, count in page.counts.items() if count} == {"paused": 1, "queued": 2}
    assert set(page.counts) == set(JobStatus)


def test_a_job_in_full(farm: Farm) -> None:
    """With its tag, its user and its project."""
    made = store_owned(farm, 5)
    tag = tags.create(farm, "gpu", "")
    tags.set_of_job(farm, made.id, tag.id, None)
    details = lists.job_details(farm, made.id)
    listed = details.listed
    assert (listed.user, listed.project, listed.tag_name) == ("user 2", "project 1", "gpu")
    assert listed.job.worker_tag == tag.id
    assert details.job.metadata == {"project": "project 1", "batch": listed.batch}
    deletion.request(farm, made.id)
    with pytest.raises(NotFound):
        lists.job_details(farm, made.id)


# -- tasks --------------------------------------------------------------------------------------------------------

DURATIONS = {1: 3, 2: 3, 3: 9, 4: 30, 5: 0}

TASK_KEYS: dict[str, Callable[[Any], Any]] = {
    "index": lambda each: each.index,
    "name": lambda each: each.name,
    "status": lambda each: each.status,
    "updated": lambda each: each.updated,
    "priority": lambda each: each.priority,
    "worker": lambda each: (each.worker.name or "c") if each.worker else "",
    "type": lambda each: each.type,
    "progress": lambda each: each.steps_completed / each.steps_total,
    "duration": lambda each: DURATIONS.get(each.index, 0),
}


def work_on(farm: Farm, clock: Clock) -> Job:
    """A job of which workers did some tasks, one is being run, and one was given up with its worker."""
    many = [
        authored_task(f"frame {each % 4}", ("misc", "blender")[each % 2], priority=50 - each // 4) for each in range(11)
    ]
    job = store_job(farm, authored_job(*many))
    first, second, gone = (new_worker(farm, name) for name in ("a", "b", "c"))
    for worker, seconds in ((second, 3), (first, 3), (second, 9)):
        assigned = take(farm, worker)
        clock.forward(seconds)
        report(farm, worker, assigned, TaskStatus.COMPLETED, steps_completed=1)
    running = take(farm, first)
    clock.forward(30)
    tasks.update(farm, first, running.task.id, TaskChange(activity="renders"))
    take(farm, gone)
    workers.delete(farm, gone.id)
    return job


@BOTH
@pytest.mark.parametrize("sort", TASK_KEYS)
def test_tasks_in_pages_of_every_order(farm: Farm, clock: Clock, sort: str, minus: str) -> None:
    """Sorted as it says; what is alike comes in the order of the job."""
    job = work_on(farm, clock)
    found = read_through(
        lambda after: lists.task_page(farm, job.id, TaskFilter(), Slice(sort=f"{minus}{sort}", limit=2, after=after))
    )
    in_turn = sorted(found, key=lambda each: each.index)
    assert [each.index for each in in_turn] == list(range(1, 12))
    key = TASK_KEYS[sort]
    assert [each.index for each in found] == [each.index for each in sorted(in_turn, key=key, reverse=bool(minus))]


def test_tasks_are_counted(farm: Farm, clock: Clock) -> None:
    """By the job's counters where they are enough, else by looking."""
    job = work_on(farm, clock)
    with farm.store.read() as tx:
        assert recount.miscounted(tx) == []
    for asked in (TaskFilter(), TaskFilter(text="frame"), TaskFilter(statuses=(TaskStatus.ACTIVE,))):
        page = lists.task_page(farm, job.id, asked, Slice(sort="index", limit=1))
        assert {status: count for status, count in page.counts.items() if count} == {
            "completed": 3,
            "active": 1,
            "queued": 7,
        }
        assert page.total == (1 if asked.statuses else 11)
    page = lists.task_page(farm, job.id, TaskFilter(text="FRAME 3"), Slice(sort="index", limit=1))
    assert (page.total, len(page.entries)) == (2, 1)
    with pytest.raises(NotFound):
        lists.task_page(farm, "no such job", TaskFilter(), Slice(sort="index", limit=1))


def test_a_task_in_full(farm: Farm, clock: Clock) -> None:
    """Who has it or had it, since when, and how many failed it; of a worker that was deleted, no name."""
    job = work_on(farm, clock)
    page = lists.task_page(farm, job.id, TaskFilter(), Slice(sort="index", limit=5))
    running, given_up = page.entries[3:]
    assert running == lists.task_at(farm, job.id, 4)
    assert running.worker is not None
    assert (running.worker.name, running.activity, running.failed_by) == ("a", "renders", 0)
    assert running.activated == clock() - timedelta(seconds=30)
    assert given_up.worker is not None
    assert given_up.worker.name == ""
    worker = new_worker(farm, "d")
    run_next(farm, worker, TaskStatus.FAILED)
    assert lists.task_at(farm, job.id, 5).failed_by == 1
    for index in (0, 12):
        with pytest.raises(NotFound, match="numbered from 1 to 11"):
            lists.task_at(farm, job.id, index)


def test_all_statuses_of_a_job_at_once(farm: Farm, clock: Clock) -> None:
    """A letter each, in their order; what has not changed since is not looked at."""
    job = work_on(farm, clock)
    first = lists.task_statuses(farm, job.id)
    assert first.letters == "dddaqqqqqqq"
    assert lists.task_statuses(farm, job.id, [first.etag]).letters is None
    jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "test")
    assert lists.task_statuses(farm, job.id, [first.etag]).letters == "dddcccccccc"


# -- workers ------------------------------------------------------------------------------------------------------

WORKER_KEYS: dict[str, Callable[[Any], Any]] = {
    "name": lambda each: each.worker.name,
    "status": lambda each: each.worker.status,
    "last_seen": lambda each: each.worker.last_seen.timestamp() if each.worker.last_seen else 0,
    "version": lambda each: each.worker.software,
    "platform": lambda each: each.worker.platform,
    "address": lambda each: each.worker.address,
    "created": lambda each: each.created,
}


@BOTH
@pytest.mark.parametrize("sort", WORKER_KEYS)
def test_workers_in_pages_of_every_order(farm: Farm, clock: Clock, sort: str, minus: str) -> None:
    """Sorted as it says; one that was never seen was seen before all others."""
    for number in range(7):
        made = new_worker(farm, f"worker {number % 4}", platform=("linux", "windows")[number % 2])
        clock.forward(number % 2)
        if number % 3:
            workers.state_changed(farm, made, WorkerStatus.ASLEEP)
        workers.register(
            farm, name="silent", platform="linux", secret="s" * 20, task_types=("misc",), address=f"10.0.0.{number}"
        )
    found = read_through(
        lambda after: lists.worker_page(farm, WorkerFilter(), Slice(sort=f"{minus}{sort}", limit=3, after=after))
    )
    in_turn = sorted(found, key=lambda each: each.worker.key)
    assert len(in_turn) == 14
    assert found == sorted(in_turn, key=WORKER_KEYS[sort], reverse=bool(minus))


def test_a_worker_in_full(farm: Farm) -> None:
    """Its tags by name, the task that it is on, what is asked of it, and what its schedule says."""
    worker, other = new_worker(farm, "one"), new_worker(farm, "other")
    made = [tags.create(farm, name, "").id for name in ("b", "a")]
    tags.set_of_worker(farm, worker.id, made)
    job = store_job(farm, authored_job(authored_task("frame"), name="shot"))
    take(farm, worker)
    sleep.give(farm, worker.id, SleepSchedule(is_active=True))
    page = lists.worker_page(farm, WorkerFilter(), Slice(sort="name", limit=10))
    first, second = page.entries
    assert [tag.name for tag in first.tags] == ["a", "b"]
    assert first.task is not None
    assert (first.task.name, first.task.job_id, first.task.job_name) == ("frame", job.id, "shot")
    assert first.worker.status_requested is WorkerStatus.ASLEEP
    assert first.schedule is not None
    said = lists.nap(farm, first.schedule)
    assert (said.is_active, said.asleep_now) == (True, True)
    assert said.next is not None
    assert not lists.nap(farm, SleepSchedule(is_active=False)).is_active
    assert (second.worker.id, second.tags, second.task, second.schedule) == (other.id, (), None, None)
    assert lists.worker_details(farm, worker.id) == first
    assert page.counts[WorkerStatus.AWAKE] == 2
    assert WorkerStatus.RESTART not in page.counts
    with pytest.raises(NotFound):
        lists.worker_details(farm, job.id)


# -- cursors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "after",
    [
        "x",
        "é",
        "bm90aGluZw==",
        "WyJuYW1lIl0=",
        "WyItbmFtZSIsIngiLDFd",  # of the other way round
        "WyJuYW1lIiwxLDFd",  # a number for a name
        "WyJuYW1lIiwiXHUwMDAwIiwxXQ==",  # what no database keeps
        "WyJuYW1lIiwieCIsOTk5OTk5OTk5OTk5OTk5OTk5OTk5OV0=",
    ],
)
def test_a_cursor_that_is_none(farm: Farm, after: str) -> None:
    """Whoever makes one up is told, in a sentence."""
    with pytest.raises(Refused, match="leave it out to begin"):
        lists.job_page(farm, JobFilter(), Slice(sort="name", limit=1, after=after))


def test_what_comes_and_goes_between_two_pages(farm: Farm) -> None:
    """Shifts nothing: no job is shown twice and none is passed over."""
    made = [store_job(farm, authored_job(name=f"job {number}")) for number in range(6)]
    first = lists.job_page(farm, JobFilter(), Slice(sort="name", limit=2))
    store_job(farm, authored_job(name="before all"))
    for gone in made[:2]:
        deletion.request(farm, gone.id)
    second = lists.job_page(farm, JobFilter(), Slice(sort="name", limit=10, after=first.next))
    assert [each.job.id for each in second.entries] == [job.id for job in made[2:]]


def test_a_cursor_fits_into_an_address(farm: Farm) -> None:
    """However long the names are, and whatever they are written in."""
    names = ["\N{GRINNING FACE}" * 3_000 + end for end in "ab"]
    for name in names:
        store_job(farm, authored_job(authored_task(name), authored_task(name[:-1]), name=name))
    first = lists.job_page(farm, JobFilter(), Slice(sort="name", limit=1))
    assert len(first.next) < 2_000
    second = lists.job_page(farm, JobFilter(), Slice(sort="name", limit=1, after=first.next))
    assert [each.job.name for each in (*first.entries, *second.entries)] == names
    page = lists.task_page(farm, first.entries[0].job.id, TaskFilter(), Slice(sort="-name", limit=1))
    assert 0 < len(page.next) < 2_000
