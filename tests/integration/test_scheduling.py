"""Which task a worker gets, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import delete, event, insert

from flamenco.config.failure_settings import FailuresConfig
from flamenco.domain.durations import Duration
from flamenco.domain.errors import AccessDenied, Conflict, NotFound
from flamenco.domain.model import Assignment, Command, Worker
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.farm import deletion, following, jobs, task_logs, tasks, workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from flamenco.farm.tasks import TaskChange
from flamenco.store import jobs as job_store
from flamenco.store.schema import jobs as job_rows
from flamenco.store.schema import tags, worker_tags
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import job_now, new_worker, present, report, run_next, statuses, store_job, take

pytestmark = pytest.mark.postgresql


def test_tasks_come_in_script_order_and_the_job_completes(farm: Farm) -> None:
    """Equal tasks are handed out as their script added them, and the last one completes the job."""
    job = store_job(farm, authored_job(*(authored_task(f"t{n}") for n in range(3))))
    worker = new_worker(farm)
    assert [run_next(farm, worker) for _ in range(3)] == ["t0", "t1", "t2"]
    assert claim.assign_next(farm, worker) is None
    assert statuses(farm, job) == ["completed", "completed", "completed", "completed"]


def test_the_job_with_the_higher_priority_comes_first_then_the_older(farm: Farm) -> None:
    """Jobs go by priority, and by age where that is equal."""
    for name, priority in [("old", 50), ("new", 50), ("urgent", 80), ("lazy", 10)]:
        store_job(farm, authored_job(authored_task(name), priority=priority))
    worker = new_worker(farm)
    assert [run_next(farm, worker) for _ in range(4)] == ["urgent", "old", "new", "lazy"]


def test_a_changed_priority_counts_at_the_very_next_poll(farm: Farm) -> None:
    """Whoever raises a job's priority sees the next idle worker take it."""
    store_job(farm, authored_job(authored_task("a"), authored_task("b")))
    later = store_job(farm, authored_job(authored_task("c")))
    worker = new_worker(farm)
    assert run_next(farm, worker) == "a"
    jobs.set_priority(farm, later.id, 90)
    assert run_next(farm, worker) == "c"


def test_within_a_job_priority_decides_across_task_types(farm: Farm) -> None:
    """The best task of the job is taken, whichever of the worker's types it has."""
    store_job(
        farm,
        authored_job(
            authored_task("low", "blender", priority=10),
            authored_task("high", "ffmpeg", priority=90),
            authored_task("middle", "blender", priority=50),
        ),
    )
    worker = new_worker(farm)
    assert [run_next(farm, worker) for _ in range(3)] == ["high", "middle", "low"]


def test_a_task_waits_for_everything_it_depends_on(farm: Farm) -> None:
    """Fan out, fan in: the last task runs when the last of those before it is completed, and not earlier."""
    first = authored_task("first")
    middle = [authored_task(f"m{n}", after=(first,)) for n in range(3)]
    job = store_job(farm, authored_job(authored_task("last", after=tuple(middle)), *middle, first))
    one, other = new_worker(farm, "one"), new_worker(farm, "other")
    assert run_next(farm, one) == "first"
    assert [run_next(farm, one) for _ in range(2)] == ["m0", "m1"]
    assigned = take(farm, one)
    assert claim.assign_next(farm, other) is None
    report(farm, one, assigned, TaskStatus.COMPLETED)
    assert run_next(farm, other) == "last"
    assert job_now(farm, job).status is JobStatus.COMPLETED


def test_a_worker_gets_only_types_it_supports(farm: Farm) -> None:
    """A worker without ffmpeg renders; the video waits for one that has it."""
    store_job(farm, authored_job(authored_task("video", "ffmpeg"), authored_task("frame", "blender")))
    renderer = new_worker(farm, task_types=("blender",))
    assert run_next(farm, renderer) == "frame"
    assert claim.assign_next(farm, renderer) is None
    assert claim.assign_next(farm, new_worker(farm, task_types=())) is None
    assert run_next(farm, new_worker(farm, task_types=("ffmpeg",))) == "video"


def test_a_job_with_a_tag_is_for_workers_with_that_tag(farm: Farm) -> None:
    """Tagged jobs run on members only; jobs without a tag on everybody."""
    with farm.store.write() as tx:
        tx.execute(insert(tags), [{"uuid": "tag-a", "name": "A"}, {"uuid": "tag-b", "name": "B"}])
    store_job(farm, authored_job(authored_task("for A"), worker_tag="tag-a"))
    member, stranger = new_worker(farm, "member"), new_worker(farm, "stranger")
    with farm.store.write() as tx:
        tx.execute(insert(worker_tags), {"worker_key": member.key, "tag_key": 1})
        tx.execute(insert(worker_tags), {"worker_key": stranger.key, "tag_key": 2})
    assert claim.assign_next(farm, stranger) is None
    assert run_next(farm, member) == "for A"
    store_job(farm, authored_job(authored_task("for all")))
    assert run_next(farm, stranger) == "for all"


def test_only_open_jobs_are_worked_on(farm: Farm) -> None:
    """A job that starts paused waits until it is requeued."""
    job = store_job(farm, authored_job(authored_task()), JobStatus.PAUSED)
    worker = new_worker(farm)
    assert claim.assign_next(farm, worker) is None
    jobs.set_status(farm, job.id, JobStatus.REQUEUEING, "go")
    assert run_next(farm, worker) == "task"


def test_a_worker_that_asks_again_gets_the_task_it_has(farm: Farm) -> None:
    """When the answer got lost, or the worker restarted, it continues with what is its own."""
    store_job(farm, authored_job(authored_task("a"), authored_task("b")))
    worker = new_worker(farm)
    assert take(farm, worker).task.id == take(farm, worker).task.id


def test_a_process_that_was_replaced_hands_out_nothing(farm: Farm) -> None:
    """What a task is made of may be otherwise by the configuration that counts now; what runs goes on and ends."""
    job = store_job(farm, authored_job(authored_task("a"), authored_task("b")))
    worker = new_worker(farm)
    assigned = take(farm, worker)
    farm.is_replaced = True
    report(farm, worker, assigned, TaskStatus.COMPLETED)
    assert claim.assign_next(farm, worker) is None
    assert statuses(farm, job) == ["active", "completed", "queued"]
    farm.is_replaced = False
    assert run_next(farm, worker) == "b"


def test_a_worker_is_told_to_change_state_first(farm: Farm) -> None:
    """A pending request comes before any task, lazy or not."""
    store_job(farm, authored_job(authored_task()))
    worker = new_worker(farm)
    workers.request_status(farm, worker.id, WorkerStatus.ASLEEP, lazy=True)
    assert claim.assign_next(farm, worker) is WorkerStatus.ASLEEP


def test_more_jobs_than_fit_a_page_are_looked_through(make_farm: Callable[..., Farm]) -> None:
    """A worker that failed the best task of many jobs still finds the one it has not failed."""
    farm = make_farm(failures=FailuresConfig(sick_after_failures=0))
    others = [new_worker(farm, f"other {n}") for n in range(3)]
    worker = new_worker(farm, "unlucky")
    for n in range(45):
        store_job(farm, authored_job(authored_task(f"bad {n}"), *(authored_task(task_type="rare") for _ in range(20))))
    for _ in range(45):
        run_next(farm, worker, TaskStatus.FAILED)
    store_job(farm, authored_job(authored_task("good")))
    assert run_next(farm, worker) == "good"
    assert claim.assign_next(farm, worker) is None
    assert run_next(farm, others[0]) == "bad 0"


def test_who_polls_is_seen(farm: Farm, clock: Clock) -> None:
    """A worker that asks for work is alive, whether it gets any or not."""
    worker = new_worker(farm)
    clock.forward(30)
    claim.assign_next(farm, worker)
    assert workers.list_all(farm)[0].last_seen == clock()


@pytest.fixture
def waiting(farm: Farm, clock: Clock) -> Worker:
    """A worker that has asked for work a few seconds ago, and was given none."""
    worker = new_worker(farm)
    assert claim.assign_next(farm, worker) is None
    clock.forward(3)
    return worker


@contextmanager
def writing_nothing(farm: Farm) -> Iterator[None]:
    """Fails when anybody begins to write meanwhile."""
    written: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.lstrip().startswith("SELECT"):
            written.append(statement)

    event.listen(farm.store.engine, "before_cursor_execute", note)
    yield
    event.remove(farm.store.engine, "before_cursor_execute", note)
    assert [each for each in written if each != "BEGIN"] == []


def test_who_waits_writes_nothing(farm: Farm, waiting: Worker, clock: Clock) -> None:
    """A worker that asks again and again is only noted every few seconds."""
    before = present(farm, waiting)
    with writing_nothing(farm):
        assert claim.assign_next(farm, before) is None
    assert present(farm, waiting).last_seen == before.last_seen
    clock.forward(7)
    assert claim.assign_next(farm, present(farm, waiting)) is None
    assert present(farm, waiting).last_seen == clock()


def test_a_worker_that_would_soon_count_as_lost_is_noted(make_farm: Callable[..., Farm], clock: Clock) -> None:
    """Where workers may be silent for a moment only, one that waits is noted more often."""
    farm = make_farm(worker_timeout=Duration(8))
    worker = new_worker(farm)
    for _ in range(3):
        assert claim.assign_next(farm, present(farm, worker)) is None
        assert present(farm, worker).last_seen == clock()
        clock.forward(2)


def test_what_only_adds_to_a_log_writes_nothing_else(farm: Farm, clock: Clock) -> None:
    """Whoever runs a task and goes on saying something is noted every few seconds, and what it said is in the log."""
    store_job(farm, authored_job(authored_task()))
    worker = new_worker(farm)
    task = take(farm, worker).task
    with writing_nothing(farm):
        tasks.update(farm, worker, task.id, TaskChange(log="one"))
        tasks.update(farm, worker, task.id, TaskChange(log="two"))
    assert task_logs.tail(farm, task.id).splitlines()[-2:] == ["one", "two"]
    clock.forward(10)
    tasks.update(farm, worker, task.id, TaskChange(log="three"))
    assert present(farm, worker).last_seen == clock()
    assert tasks.details(farm, task.id).task.last_touched == clock()


def test_what_is_followed_is_told_at_once(farm: Farm) -> None:
    """A line of a log that somebody follows is an event, however lately the task was heard of."""
    store_job(farm, authored_job(authored_task()))
    worker = new_worker(farm)
    task = take(farm, worker).task
    begun = following.follow(farm, None, [f"/tasklog/{task.id}"], 1, 0)
    tasks.update(farm, worker, task.id, TaskChange(log="followed"))
    (told,) = following.follow(farm, begun.next, [f"/tasklog/{task.id}"], 10, 0).events
    assert told.payload["log"].strip() == "followed"


def test_who_is_not_there_any_more_only_adds_nothing(farm: Farm) -> None:
    """A task that was taken away, and a worker that was deleted, are told as ever."""
    job = store_job(farm, authored_job(authored_task()))
    worker = new_worker(farm)
    task = take(farm, worker).task
    jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "enough")
    with pytest.raises(Conflict, match="not active"):
        tasks.update(farm, worker, task.id, TaskChange(log="late"))
    workers.delete(farm, worker.id)
    with pytest.raises(AccessDenied):
        tasks.update(farm, worker, task.id, TaskChange(log="later"))
    assert task_logs.tail(farm, task.id).splitlines()[-1].endswith("late")


def test_who_waits_is_given_what_comes(farm: Farm, waiting: Worker) -> None:
    """A job that comes meanwhile, and a task that it has already."""
    store_job(farm, authored_job(authored_task("one"), authored_task("two")))
    taken = claim.assign_next(farm, present(farm, waiting))
    assert isinstance(taken, Assignment)
    assert claim.assign_next(farm, present(farm, waiting)) == taken


def test_who_waits_is_told_what_is_asked_of_it(farm: Farm, waiting: Worker) -> None:
    """A status that somebody requests meanwhile, and that it is not awake any more."""
    workers.request_status(farm, waiting.id, WorkerStatus.ASLEEP, lazy=True)
    assert claim.assign_next(farm, present(farm, waiting)) is WorkerStatus.ASLEEP
    workers.state_changed(farm, waiting, WorkerStatus.ASLEEP)
    with pytest.raises(Conflict):
        claim.assign_next(farm, present(farm, waiting))


def test_variables_of_a_job_are_put_in(farm: Farm) -> None:
    """A worker gets commands in which the job's own variables are replaced; they go with the job."""
    command = Command("exec", {"exe": "{script}", "args": ["{script}", "{other}"], "more": {"deep": "{script}"}})
    task = authored_task("t", commands=(command,))
    job = store_job(farm, authored_job(task, variables={"script": "import bpy\nprint({other})"}))
    [command] = take(farm, new_worker(farm)).task.commands
    text = "import bpy\nprint({other})"
    assert command.parameters == {"exe": text, "args": [text, "{other}"], "more": {"deep": "{script}"}}
    assert tasks.of_job(farm, job.id)[0].name == "t"
    with farm.store.write() as tx:
        assert job_store.variables(tx, job.key) == {"script": text}
        tx.execute(delete(job_rows).where(job_rows.c.key == job.key))
        assert job_store.variables(tx, job.key) == {}


def test_what_a_worker_says_of_its_task_counts_while_it_has_it(farm: Farm, clock: Clock) -> None:
    """What it is about is noted without its job, and refused as ever where the task is not that worker's any more."""
    job = store_job(farm, authored_job(authored_task()))
    worker, other = new_worker(farm, "has it"), new_worker(farm, "has it not")
    task = take(farm, worker).task
    clock.forward(5)
    tasks.update(farm, worker, task.id, TaskChange(status=TaskStatus.ACTIVE, activity="halfway"))
    now = tasks.details(farm, task.id).task
    assert (now.activity, now.updated, now.last_touched) == ("halfway", clock(), clock())
    clock.forward(5)
    tasks.update(farm, worker, task.id, TaskChange(status=TaskStatus.ACTIVE))
    now = tasks.details(farm, task.id).task
    assert (now.activity, now.last_touched) == ("halfway", clock())
    with pytest.raises(Conflict, match="not assigned"):
        tasks.update(farm, other, task.id, TaskChange(activity="mine"))
    jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "enough")
    with pytest.raises(Conflict, match="not active"):
        tasks.update(farm, worker, task.id, TaskChange(activity="late"))
    deletion.request(farm, job.id)
    with pytest.raises(NotFound):
        tasks.update(farm, worker, task.id, TaskChange(activity="later"))
