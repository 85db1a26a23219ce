"""Everything that the store is asked for, once: what workers, people, chores and event sinks do with a farm."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import FrameType
from typing import Any

from msgspec.structs import replace
from sqlalchemy import event

from flamenco import Limit, Term
from flamenco import store as store_package
from flamenco.config.access_settings import AccessConfig
from flamenco.config.keeping_settings import TrashConfig
from flamenco.domain.access import ITSELF, Access, Caller, Role, Way, hash_of
from flamenco.domain.actions import AnyAction, JobAction, TaskAction, WorkerAction
from flamenco.domain.durations import Duration
from flamenco.domain.errors import AccessDenied, Refused
from flamenco.domain.failure_rules import FailureRule
from flamenco.domain.frame_plans import planned
from flamenco.domain.frames_again import Mode
from flamenco.domain.job_files import LAST_RENDERED
from flamenco.domain.job_waits import Kind as WaitKind
from flamenco.domain.job_waits import Wanted
from flamenco.domain.listing import JobFilter, JobQuery, Page, TaskFilter, TaskQuery, WorkerFilter
from flamenco.domain.model import AuthoredJob, Command, Job, Submission, Worker
from flamenco.domain.paging import Slice
from flamenco.domain.previews import Preview
from flamenco.domain.retention import parse
from flamenco.domain.self_tests.facts import Facts, Why
from flamenco.domain.sleep import SleepSchedule
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.domain.time_limits import TimeLimits
from flamenco.farm import (
    archives,
    audit,
    blocks,
    deletion,
    farm_status,
    following,
    frames,
    job_waits,
    job_workers,
    jobs,
    last_rendered,
    lifecycle,
    limits,
    lists,
    notes,
    ordering,
    previews,
    putting_away,
    requeueing,
    retention,
    retry_limits,
    roll_ups,
    search,
    self_tests,
    sickness,
    sign_in,
    sinks,
    skipping,
    speaking,
    starting,
    tags,
    tasks,
    telling,
    time_limits,
    timeline,
    times,
    tokens,
    trash,
    users,
    worker_times,
    workers,
)
from flamenco.farm import sleep as sleeping
from flamenco.farm.actions import of_jobs, of_tasks, of_workers
from flamenco.farm.actions.carrying_out import carry_out
from flamenco.farm.actions.values import Asked, Kind
from flamenco.farm.authorization import require
from flamenco.farm.context import Farm
from flamenco.farm.identification import Credentials, identify
from flamenco.farm.reader import FarmReading
from flamenco.farm.scheduling import explanation, placing, stranding
from flamenco.farm.tasks import TaskChange
from flamenco.hooks.authentication import Identity
from flamenco.hooks.types import EventSink, PublishedEvent, Undeliverable
from flamenco.services import delivery, ranking, sleep, timeouts, upkeep
from flamenco.services import telling as telling_chore
from flamenco.services.archiving import Archiving
from flamenco.services.deletion import Deletions
from flamenco.services.overdue import Overdue
from flamenco.services.roll_ups import RollUps
from flamenco.services.runner import Chore, Runner
from flamenco.store import arrivals as arrival_store
from flamenco.store import checkouts as checkout_store
from flamenco.store import damage, job_lists, present, recount, task_lists, worker_lists
from flamenco.store import deletion as deletion_store
from flamenco.store import events as event_store
from flamenco.store import failures as failure_store
from flamenco.store import last_rendered as rendered_store
from flamenco.store import times as time_store
from flamenco.store import users as user_store
from flamenco.store import workers as worker_store
from flamenco.store.engine import Store
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import SECRET, new_worker, report, run_next, store_job, take
from tests.integration.framing import render_job
from tests.integration.test_ranking import with_policy

_STORE = str(Path(store_package.__file__).parent)
_FOR_THE_OTHERS = ("later", "pages", "ready", "rows")
"""Modules of the store by way of which the others ask."""


class Statements(dict[str, Any]):
    """Every different statement that was executed, with one set of its parameters, and who in the store asks it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_by: dict[str, str] = {}
        self.functions: set[str] = set()


@contextmanager
def executed(store: Store) -> Iterator[Statements]:
    """Catches what is executed meanwhile."""
    statements = Statements()

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        functions = list(_in_store(sys._getframe()))
        statements.functions.update(functions)
        if statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE", "INSERT", "WITH")):
            statements.setdefault(statement, parameters[0] if many else parameters)
            statements.asked_by.setdefault(statement, functions[0] if functions else "")

    event.listen(store.engine, "before_cursor_execute", note)
    yield statements
    event.remove(store.engine, "before_cursor_execute", note)


def _in_store(frame: FrameType | None) -> Iterator[str]:
    """The public functions of the store that are being executed, the innermost first."""
    while frame is not None:
        file, name = frame.f_code.co_filename, frame.f_code.co_name
        if file.startswith(_STORE) and not name.startswith("_") and Path(file).stem not in _FOR_THE_OTHERS:
            yield f"{Path(file).stem}.{name}"
        frame = frame.f_back


def functions_of_the_store() -> set[str]:
    """Every public function that takes a transaction, with its module."""
    found = walk_packages(store_package.__path__, f"{store_package.__name__}.")
    modules = [import_module(each.name) for each in found if ".migrations" not in each.name]
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}"
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and module.__name__.rpartition(".")[2] not in _FOR_THE_OTHERS
        and not name.startswith("_")
        and next(iter(inspect.signature(function).parameters), "") == "tx"
    }


def exercise(farm: Farm, clock: Clock) -> None:
    """Have every statement of the store executed."""
    lifecycle.tell_startup(farm)
    following.follow(farm, None, ["/tasklog/*"], 1, 0)
    with_policy(
        farm,
        score=lambda there, view: {job.id: Term(view.now.timestamp() / 1000, "the longer the better") for job in there},
        limits=lambda _job, task_type: [Limit("nuke", 2)] if task_type == "blender" else [],
        account=lambda job: job.name,
        accepts=lambda _job, _worker: None,
    )
    placing.place_all(farm)
    sink = _attach_sink(farm)
    tag = tags.create(farm, "tag")
    job = _work(farm, clock)
    _rule(farm, clock)
    _fail(farm)
    _wait(farm)
    _steer(farm, job, tag.id)
    _act(farm, job)
    _look(farm, job)
    _deliver(farm, clock, sink)
    clock.forward(1000)
    _access(farm)
    own = Caller(role=Role.SUBMIT, way=Way.TOKEN, address="127.0.0.1", name="t")
    for where in ({"job_id": job.id}, {"task_id": job.id}):
        with suppress(AccessDenied):
            require(farm, own, Access.JOB, **where)
    jobs.matching(farm, JobQuery(of=own))
    _chores(farm)
    tags.remove(farm, tag.id)
    _delete(farm, job)


def _work(farm: Farm, clock: Clock) -> Job:
    """Workers poll, run, report, fail and vanish."""
    first = authored_task("first", "blender")
    many = [authored_task(f"t{n}", "blender", after=(first,)) for n in range(50)]
    last = authored_task("last", "ffmpeg", after=tuple(many))
    job = store_job(farm, authored_job(first, *many, last, variables={"a": "b"}, shaman_checkout_id="here"))
    team = [new_worker(farm, f"w{n}") for n in range(4)]
    workers.tell_commands(farm, team[3], ["echo"])
    _test(farm, team[3])
    _limit(farm, clock, job)
    run_next(farm, team[0])
    for _ in range(3):
        run_next(farm, team[0], TaskStatus.FAILED)
    assigned = take(farm, team[1])
    take(farm, team[1])
    tasks.update(farm, team[1], assigned.task.id, TaskChange(activity="x", log="line", steps_completed=1))
    tasks.update(farm, team[1], assigned.task.id, TaskChange(log="another"))
    tasks.update(farm, team[1], assigned.task.id, TaskChange(activity="y"))
    assert tasks.may_run(farm, team[1], assigned.task.id).may_keep_running
    assert workers.active_task_id(farm, team[1]) == assigned.task.id
    farm_status.overview(farm)
    FarmReading(farm).usage("own")
    report(farm, team[1], assigned, TaskStatus.COMPLETED)
    take(farm, team[2])
    workers.state_changed(farm, team[2], WorkerStatus.ASLEEP)
    jobs.set_priority(farm, job.id, 70)
    stranding.look(farm)
    take(farm, team[3])
    clock.forward(10_000)
    timeouts.tick(farm)
    assert speaking.authenticate(farm, team[0].id, SECRET)
    for number in range(2):
        # Two programs that take turns as one worker, of which people are warned.
        speaking.authenticate(farm, team[0].id, SECRET, address=f"10.0.0.{number}")
        speaking.authenticate(farm, team[0].id, SECRET, address=f"10.0.0.{1 - number}")
    return job


def _test(farm: Farm, worker: Worker) -> None:
    """A worker tests itself, with all well."""
    order = self_tests.begin(farm, worker, Why.SIGN_ON)
    assert order is not None
    self_tests.report(farm, worker, order.id, Facts())
    workers.tell_commands(farm, worker, ["echo"])
    self_tests.ask(farm, worker.id, lazy=True)
    workers.take_back_request(farm, worker.id)


def _limit(farm: Farm, clock: Clock, job: Job) -> None:
    """Tasks may take some time, and be silent for some, and begin later."""
    farm.command_limits = {"echo": TimeLimits(max_run_s=100_000)}
    Overdue().tick(farm)
    farm.command_limits = {}
    for span in ("0s", "100h"):
        time_limits.change(farm, job.id, "*", {"max_run_time": span})
    Overdue().tick(farm)
    starting.put_off(farm, job.id, "+1m", "test")
    _preview(farm, clock)
    clock.forward(60)
    _say(farm, job)


def _say(farm: Farm, job: Job) -> None:
    """People say how many workers it may be, which, and what they think of them."""
    for most in (1, None):
        for name in ("user:a", "project:p", "machine:*", "machine:w0", "nuke"):
            limits.change(farm, name, 100 if most else None)
        limits.set_max_workers(farm, job.id, most)
    limits.change(farm, "machine:*", 100)
    with suppress(Refused):
        limits.change(farm, "none", 1)
    limits.settle(farm)
    store_job(farm, authored_job(authored_task("own", "own"), metadata={"user.name": "b"}))
    owner = new_worker(farm, "owner", ("own",))
    assigned = take(farm, owner)
    limits.change(farm, "user:b", 1)
    report(farm, owner, assigned, TaskStatus.COMPLETED)
    job_workers.change(farm, job.id, [], ["w0", "tag:tag"])
    stranding.look(farm)
    job_workers.check_arguments(farm, ["w0"], None)
    blocks.block(farm, job.id, ["w0"], "*", "ann")
    blocks.unblock(farm, job.id, ["w0"], "*")
    worker = new_worker(farm, "away", ("elsewhere",))
    for text in ("a", ""):
        notes.note_job(farm, job.id, text, "ann")
        notes.note_worker(farm, worker.id, text, "ann")
    notes.of_job(farm, job.id)
    notes.of_worker(farm, worker.id)
    workers.sign_off(farm, worker)
    putting_away.put_away(farm, worker.id)
    putting_away.bring_back(farm, worker.id)
    putting_away.tick(farm)
    job_workers.change(farm, job.id, [], ["away"])


def _preview(farm: Farm, clock: Clock) -> None:
    """Some frames are looked at first, and all come in another order."""
    frames = [authored_task(f"frame {n}", "preview", frames=f"{n}") for n in range(1, 9)]
    asked = Submission(name="j", type="t", previewed=Preview("1", continue_after_s=60))
    job = store_job(farm, planned(authored_job(*frames), asked))
    worker = new_worker(farm, "previewing", ("preview",))
    run_next(farm, worker)
    ordering.reorder(farm, job.id, "backward")
    upkeep.finish_moves(farm)
    link = previews.make_link(farm, ITSELF, job.id, timedelta(hours=1))
    previews.asked(farm, str(link.token))
    explanation.explain(farm, job.id)
    lists.job_details(farm, job.id)
    clock.forward(60)
    previews.go_on_without(farm)
    jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "test")
    deletion.request(farm, job.id)


def _rule(farm: Farm, clock: Clock) -> None:
    """What workers fail, rules judge: it waits, is held, or its worker is sick."""
    worker = new_worker(farm, "ruled", ("ruled",))
    words = {"later": "retry_after 1m", "again": "retry", "hold": "hold_job 1m", "never": "fail_task"}
    rules = tuple(FailureRule(match=word, then=then) for word, then in words.items())
    pair = (authored_task("now", "ruled"), authored_task("then", "ruled"))
    small = store_job(farm, authored_job(*pair, failure_rules=rules, fail_percent=100))
    for word in ("later", "never"):  # which is not the end of it
        report(farm, worker, take(farm, worker), TaskStatus.FAILED, log=word)
    jobs.set_status(farm, small.id, JobStatus.CANCEL_REQUESTED, "test")
    job = store_job(farm, authored_job(*(authored_task(f"q{n}", "ruled") for n in range(40)), failure_rules=rules))
    for word in ("later", "again", "hold", "No space left on device"):
        assigned = take(farm, worker)
        report(farm, worker, assigned, TaskStatus.FAILED, log=word)
        upkeep.finish_moves(farm)
        explanation.explain(farm, job.id)
        clock.forward(60)
        upkeep.finish_moves(farm)
    sickness.heal(farm, worker.id)
    workers.state_changed(farm, worker, WorkerStatus.AWAKE)
    for _ in range(2):
        run_next(farm, worker, TaskStatus.FAILED)
    run_next(farm, worker)
    retry_limits.change(farm, job.id, {"tries": 5, "fail_percent": None})
    jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "test")
    requeueing.requeue_tasks(farm, job.id, TaskStatus.CANCELED, "test", lambda _status: None)
    jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "test")


def _fail(farm: Farm) -> None:
    """The only worker that could do a thing is blocked from it; and all of a job is done again that was completed."""
    lonely = new_worker(farm, "lonely", ("rare",))
    store_job(farm, authored_job(*(authored_task(f"r{n}", "rare") for n in range(40))))
    for _ in range(3):
        run_next(farm, lonely, TaskStatus.FAILED)
    done = store_job(farm, authored_job(authored_task("done", "rare")))
    run_next(farm, lonely)
    jobs.set_status(farm, done.id, JobStatus.REQUEUEING, "test")


def _wait(farm: Farm) -> None:
    """Jobs wait for others, all of them and frame by frame, until they are told."""
    worker = new_worker(farm, "patient", ("frames",))
    command = (Command("echo", {"frames": "1-3"}),)
    first, then, last = (
        store_job(farm, authored_job(*(authored_task(f"f{n}", "frames", commands=command) for n in range(40))))
        for _ in range(3)
    )
    job_waits.add(farm, then.id, Wanted(job=first.id, kind=WaitKind.FRAMES))
    job_waits.add(farm, last.id, Wanted(job=then.id))
    telling_chore.tell(farm)
    run_next(farm, worker)
    telling.tell_of(farm, first.key)
    _render_again(farm, then)
    for status in (JobStatus.FAILED, JobStatus.REQUEUEING, JobStatus.COMPLETED, JobStatus.REQUEUEING):
        jobs.set_status(farm, first.id, status, "test")
        telling_chore.tell(farm)
    for status in (JobStatus.PAUSE_REQUESTED, JobStatus.QUEUED):
        jobs.set_status(farm, last.id, status, "test")
    job_waits.waits(farm, then.id)
    job_waits.satisfy(farm, last.id, then.id)
    job_waits.drop(farm, last.id, then.id)
    telling_chore.look_for_forgotten(farm)
    for job in (first, then, last):
        jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "test")


def _render_again(farm: Farm, light: Job) -> None:
    """Frames run again, some split off from a chunk that another job waits for, and a task is skipped."""
    job = render_job(farm, "1-3", *(f"{first}-{first + 1}" for first in range(4, 80, 2)))
    job_waits.add(farm, light.id, Wanted(job=job.id, kind=WaitKind.FRAMES))
    telling_chore.tell(farm)
    renderer = new_worker(farm, "renderer", ("blender",))
    run_next(farm, renderer)
    take(farm, renderer)
    frames.run_again(farm, job.id, "2,4,7", Mode.SPLIT, "test")
    frames.run_again(farm, job.id, "1-5", Mode.REQUEUE, "test", dry_run=True)
    skipping.skip(farm, tasks.of_job(farm, job.id)[5].id, "anna", "test", lambda _status: None)
    jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "test")
    telling_chore.tell(farm)


def _steer(farm: Farm, job: Job, tag_id: str) -> None:
    """People change what there is."""
    worker = new_worker(farm, "steered")
    assigned = take(farm, worker)
    tasks.set_status(farm, assigned.task.id, TaskStatus.FAILED, "test")
    tasks.set_status(farm, assigned.task.id, TaskStatus.QUEUED, "test")
    with farm.store.write() as tx:
        failure_store.block(tx, assigned.task, worker.key, farm.clock())
        assert failure_store.is_blocked(tx, job.key, worker.key, assigned.task.type)
        failure_store.unblock_type(tx, job.key, assigned.task.type)
        failure_store.block(tx, assigned.task, worker.key, farm.clock())
    jobs.unblock(farm, job.id, [(worker.id, assigned.task.type)])
    tags.change(farm, tag_id, "tagged", "with")
    tags.set_of_job(farm, job.id, None, "tagged")
    tags.set_of_worker(farm, worker.id, [tag_id])
    take(farm, worker)
    stranding.look(farm)
    schedule = SleepSchedule(is_active=True)
    sleeping.give(farm, worker.id, schedule)
    workers.request_status(farm, worker.id, WorkerStatus.AWAKE, lazy=True)
    with farm.store.write() as tx:
        key = rendered_store.lock_kept(tx, job.id)
        assert key is not None
        rendered_store.remember(tx, key)
    jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "test")
    jobs.set_status(farm, job.id, JobStatus.REQUEUEING, "test")
    first = authored_task("first")
    completed = store_job(farm, authored_job(first, authored_task("last", after=(first,))), JobStatus.PAUSED)
    for task in tasks.of_job(farm, completed.id):
        tasks.set_status(farm, task.id, TaskStatus.COMPLETED, "test")
    for status in (TaskStatus.QUEUED, TaskStatus.COMPLETED):
        tasks.set_status(farm, first.id, status, "test")
    jobs.set_status(farm, completed.id, JobStatus.REQUEUEING, "test")
    jobs.set_status(farm, completed.id, JobStatus.CANCEL_REQUESTED, "test")


def _act(farm: Farm, job: Job) -> None:
    """People have something done with many, and with tasks by how they ended, or where they ran."""
    ids = [task.id for task in tasks.of_job(farm, job.id)]
    kinds: list[tuple[Kind[Any], AnyAction, list[str]]] = [
        (of_jobs.Jobs(), JobAction.RESUME, [job.id]),
        (of_tasks.Tasks(job.id), TaskAction.CANCEL, ids),
        (of_workers.Workers(), WorkerAction.CANCEL_REQUEST, [workers.list_all(farm)[0].id]),
    ]
    for kind, action, named in kinds:
        for given in (None, named):
            carry_out(farm, ITSELF, kind, Asked(action=action, ids=given, dry_run=True))
    other = store_job(farm, authored_job(*(authored_task(f"e{n}", "elsewhere") for n in range(40))))
    here, there = (new_worker(farm, name, ("elsewhere",)) for name in ("here", "there"))
    run_next(farm, here, TaskStatus.FAILED)
    run_next(farm, there, TaskStatus.FAILED)
    first = tasks.of_job(farm, other.id)[0].id
    tasks.set_status(farm, first, TaskStatus.FAILED, "test")
    requeueing.requeue_tasks(farm, other.id, TaskStatus.FAILED, "test", lambda _status: None)
    requeueing.requeue_elsewhere(farm, first, "test")
    jobs.set_status(farm, other.id, JobStatus.CANCEL_REQUESTED, "test")


def _look(farm: Farm, job: Job) -> None:
    """People look at what there is."""
    worker = workers.list_all(farm)[0]
    explanation.explain(farm, job.id)
    jobs.matching(farm, JobQuery())
    jobs.matching(farm, JobQuery(page=Page(limit=2), order_by=("-updated",), statuses=(JobStatus.ACTIVE,)))
    _list(farm, job, worker)
    jobs.blocklist(farm, job.id)
    of_job = tasks.of_job(farm, job.id)
    tasks.matching(farm, job.id, TaskQuery(statuses=(TaskStatus.QUEUED,), page=Page(limit=2)))
    tasks.details(farm, of_job[0].id)
    timeline.of_task(farm, of_job[0].id)
    for span in (timeline.Span(), timeline.Span(until=farm.clock())):
        timeline.of_job(farm, job.id, span, None, 100)
    with farm.store.read() as tx:
        assert time_store.done_before(tx, replace(job, key=job.key + 1))
        time_store.waiting(tx, job)
    times.of_job(farm, job.id)
    workers.details(farm, worker.id)
    jobs.fetch(farm, job.id)
    tags.list_all(farm)
    sleeping.fetch(farm, worker.id)
    FarmReading(farm).statistics()
    FarmReading(farm).limits()
    limits.states(farm)
    farm_status.look(farm)
    following.follow(farm, 0, ["*"], 10, 0)
    farm.images.store(job.id, [b"image"] * len(LAST_RENDERED))
    last_rendered.of_farm(farm)
    last_rendered.of_job(farm, job.id)


def _list(farm: Farm, job: Job, worker: Worker) -> None:
    """People look through long lists, in every order."""
    for sort in job_lists.ORDERS:
        page = lists.job_page(farm, JobFilter(users=("a",), text="job", worker=worker.id), Slice(sort=sort, limit=1))
        lists.job_page(farm, JobFilter(), Slice(sort=f"-{sort}", limit=1, after=page.next), whole=True)
    for by in job_lists.GROUPED_BY:
        lists.job_groups(farm, JobFilter(), by)
    for sort in task_lists.ORDERS:
        page_of_tasks = lists.task_page(farm, job.id, TaskFilter(), Slice(sort=sort, limit=1))
        lists.task_page(farm, job.id, TaskFilter(), Slice(sort=sort, limit=1, after=page_of_tasks.next))
        lists.task_page(farm, job.id, TaskFilter(text="t", worker=worker.id), Slice(sort=f"-{sort}", limit=1))
    for sort in worker_lists.ORDERS:
        lists.worker_page(farm, WorkerFilter(text="w", tags=("a",)), Slice(sort=sort, limit=1))
    lists.worker_details(farm, worker.id)
    timeline.of_worker(farm, worker.id, 5)
    worker_times.of_worker(farm, worker.id, 5)
    lists.job_details(farm, job.id)
    lists.task_at(farm, job.id, 1)
    lists.task_statuses(farm, job.id)
    search.search(farm, "job", 5, ITSELF)


class _Refuses:
    """A sink that takes nothing, until it is told to."""

    refuses = True

    def deliver(self, _event: PublishedEvent) -> None:
        """Take it, or not."""
        if self.refuses:
            raise Undeliverable("not now")


def _attach_sink(farm: Farm) -> tuple[EventSink, _Refuses]:
    to = _Refuses()
    sink = EventSink(name="sink", description="", deliver=to.deliver, topics=("/jobs",))
    farm.event_sinks = {"sink": sink}
    delivery.tick(farm, sink)
    return sink, to


def _deliver(farm: Farm, clock: Clock, attached: tuple[EventSink, _Refuses]) -> None:
    """Events go to a sink, and those it does not take are dealt with."""
    sink, to = attached
    delivery.tick(farm, sink)
    assert delivery.is_behind(farm, sink) in (True, False)
    dead = sinks.dead_letters(farm, 10, "sink")
    for _ in range(2):
        sinks.retry(farm, "sink", [dead[0].key])
        clock.forward(1)
        delivery.tick(farm, sink)
        to.refuses = False
    sinks.discard(farm, "sink", [dead[1].key])
    sinks.discard(farm, "sink")


def _access(farm: Farm) -> None:
    """Somebody signs in, has a token, and is gone; a worker is made beforehand, and approved."""
    strict = AccessConfig(mode="login")
    farm.config, before = replace(farm.config, access=strict), farm.config
    by, link = Caller(role=Role.ADMIN, way=Way.TOKEN, address="10.0.0.7"), sign_in.first_link(farm)
    assert link
    with audit.acting(by, "exercise"):
        root, secret = sign_in.become_first(farm, link, "root", SECRET, by.address)
        users.add(farm, "anna", Role.ARTIST, SECRET)
        users.change(farm, "anna", Role.WRANGLER, SECRET)
        users.of_plugin(farm, "oidc", Identity(name="bob", role="viewer"))
        sign_in.sign_in(farm, "anna", SECRET, by.address)
        token, text = tokens.add(farm, by, "t", Role.VIEW, for_user="anna")
        identify(farm, Credentials(address=by.address, token=str(text)))
        identify(farm, Credentials(address=by.address, session=secret))
        with farm.store.write() as tx:
            user_store.session_used(tx, hash_of(secret), farm.clock(), farm.clock() + timedelta(days=1))
        tokens.listed(farm, by)
        tokens.listed(farm, Caller(role=Role.ARTIST, way=Way.SESSION, address="", name=root.name, user_key=root.key))
        tokens.revoke(farm, by, token.id)
        sign_in.sign_out(farm, secret)
        users.everybody(farm)
        with farm.store.write() as tx:
            assert user_store.keep(tx, root.key, root.name)
        users.remove(farm, "anna")
        workers.approve(farm, workers.add(farm, by, "made", "linux")[0].id)
    audit.records(farm, 10, before=1_000, who="root")
    upkeep.forget_access(farm)
    farm.config = before


def _chores(farm: Farm) -> None:
    """What a manager does by itself, and by command."""
    for tick in (ranking.tick, sleep.tick, upkeep.write_measurements, delivery.look_after_sinks, upkeep.forget_events):
        tick(farm)
    upkeep.forget_task_logs(farm)
    upkeep.give_space_back(farm)
    RollUps().tick(farm)
    roll_ups.series(farm, "5m", None, None, "user")
    placing.place_all(farm)
    jobs.finish_transitions(farm)
    farm_status.forget(farm)
    runner = Runner(farm, [Chore("none", lambda _farm: 60.0)])
    runner.start()
    runner.stop()
    with farm.store.write() as tx:
        event_store.newest(tx)
        damage.look(tx)
        recount.miscounted(tx)
        recount.repair(tx)


def _archive(farm: Farm) -> None:
    """A job goes into an archive and comes back."""
    job = store_job(farm, fan_of(3))
    failing = new_worker(farm, "failing")
    for _ in range(3):
        run_next(farm, failing, TaskStatus.FAILED)
    jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "test")
    retention.look(farm, [parse("canceled:0s:keep")], farm.clock())
    archives.request(farm, job.id)
    Deletions().tick(farm)
    Archiving().tick(farm)
    while deletion.requested(farm, 1):
        Deletions().tick(farm)
    for found in archives.listed(farm):
        archives.bring_back(farm, found.file)
    with farm.store.write() as tx:
        arrival_store.abandon(tx, 0, farm.clock())


def _migrate(farm: Farm) -> None:
    """It is looked what is there, before a farm comes over, and a worker that came says who it is."""
    with farm.store.write() as tx:
        present.job_ids(tx)
        present.worker_ids(tx)
        worker_store.replace_secret(tx, 0, "old", "new")


def fan_of(count: int) -> AuthoredJob:
    """Tasks that one waits for."""
    before = [authored_task(f"frame {n}") for n in range(count)]
    return authored_job(*before, authored_task("join", after=tuple(before)))


def _delete(farm: Farm, job: Job) -> None:
    """Jobs and workers go."""
    store_job(farm, authored_job(authored_task()))
    assert deletion.shaman_checkout_goes(farm, job.id)
    with farm.store.write() as tx:
        assert not deletion_store.checkout_goes(tx, job)
        checkout_store.record(tx, "elsewhere", "anna", farm.clock())
        assert checkout_store.of_others(tx, "elsewhere", "bob") == "elsewhere"
    run_next(farm, new_worker(farm, "last"))
    _archive(farm)
    _migrate(farm)
    was, farm.config = farm.config, replace(farm.config, trash=TrashConfig(keep=Duration(1)))
    deletion.request(farm, job.id)
    Deletions().tick(farm)
    trash.hides(farm, job.id)
    with farm.store.read() as tx:
        assert rendered_store.may_come_back(tx, job.id)
    trash.undelete(farm, job.id)
    deletion.request(farm, job.id)
    Deletions().tick(farm)
    trash.purge(farm, job.id)
    Deletions().tick(farm)
    for _ in range(2):  # small ones, of which several go at once
        deletion.request(farm, store_job(farm, authored_job(authored_task())).id)
    Deletions().tick(farm)
    farm.config = was
    trash.purge_overdue(farm)
    deletion.request_mass(farm, farm.clock() + timedelta(days=1))
    while deletion.requested(farm, 1):
        Deletions().tick(farm)
    for worker in workers.list_all(farm):
        workers.delete(farm, worker.id)
