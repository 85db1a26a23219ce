"""Workers register, sign on and off, and are asked to do something else."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from msgspec import Struct
from msgspec.structs import replace

from flamenco.domain.access import ITSELF, SHORTEST_SECRET, Caller, hash_of
from flamenco.domain.errors import Busy, Conflict, NotFound, Refused
from flamenco.domain.events import worker_event
from flamenco.domain.identity import approval_code
from flamenco.domain.model import Speaker, Tag, Task, TaskState, Worker
from flamenco.domain.self_tests.judging import left_of
from flamenco.domain.statuses import PAUSING_JOB, TaskStatus, WorkerStatus
from flamenco.domain.timeouts import CANNOT_TIME_OUT
from flamenco.farm import audit, sleep, speaking
from flamenco.farm.cascade import Cascade
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import stranding
from flamenco.store import events, jobs, listing, self_tests, tasks
from flamenco.store import tags as tag_store
from flamenco.store import workers as worker_store
from flamenco.store.engine import Tx

log = structlog.get_logger(__name__)

_AN_HOUR: Final = timedelta(hours=1)


class WorkerDetails(Struct, frozen=True):
    """A worker with the task it is on, else the last one it was on, and its tags."""

    worker: Worker
    task: Task | None
    tags: list[Tag]


class SignedOn(Struct, frozen=True):
    """The status that a worker is to take, and the number of its sign-on."""

    status: WorkerStatus
    number: int


def register(
    farm: Farm, by: Caller = ITSELF, *, name: str, platform: str, secret: str, task_types: Sequence[str], address: str
) -> Worker:
    """Add a worker. Every call makes a new one; the secret is only ever stored as a hash.

    Where workers are approved, it waits for that, unless whoever registers it has shown that they may.
    Raises `Refused` for a secret that could be guessed, and `Busy` when too many came from that address lately.
    """
    if len(secret) < SHORTEST_SECRET:
        raise Refused(
            f"secret: is to be at least {SHORTEST_SECRET} characters long, and random, so that nobody guesses it"
        )
    worker = Worker(
        key=0,
        id=str(uuid.uuid4()),
        name=name,
        address=address,
        platform=platform,
        software="",
        status=WorkerStatus.REGISTERED,
        task_types=tuple(task_types),
        approved=farm.config.registration != "approve" or by.is_known,
    )
    if not worker.approved:
        worker = replace(worker, warning=f"waits for approval, with the code {approval_code(hash_of(secret))}")
    now, most = farm.clock(), farm.config.registrations_per_hour
    with farm.store.write() as tx:
        if most and worker_store.count_registered(tx, address, now - _AN_HOUR, most) == most:
            raise Busy(
                f"{most} workers have registered from {address} within an hour, which is as many as may "
                "(the setting registrations_per_hour); a worker registers once, and keeps its credentials",
                retry_after=600,
            )
        return worker_store.insert_worker(tx, worker, hash_of(secret), now)


def add(farm: Farm, by: Caller, name: str, platform: str) -> tuple[Worker, str]:
    """Make a worker, approved, and the secret that it is to have: for one that shall not register by itself."""
    secret = secrets.token_hex(32)
    now = farm.clock()
    worker = Worker(
        key=0,
        id=str(uuid.uuid4()),
        name=name,
        address=by.address,
        platform=platform,
        software="",
        status=WorkerStatus.REGISTERED,
        task_types=(),
    )
    with farm.store.write() as tx:
        worker = worker_store.insert_worker(tx, worker, hash_of(secret), now)
        audit.note(tx, now, "worker", worker.id, name, after={"platform": platform})
    return worker, secret


def approve(farm: Farm, worker_id: str) -> Worker:
    """Let a worker work from now on. Raises `NotFound`."""
    now = farm.clock()
    with farm.store.write() as tx:
        before = worker_store.lock(tx, worker_id)
        approved = replace(before, approved=True)
        worker_store.save(tx, approved, now)
        if not before.approved:
            worker_store.warn(tx, before.key, "", now)
        audit.note(
            tx, now, "worker", worker_id, before.name, before={"approved": before.approved}, after={"approved": True}
        )
        events.append(tx, [worker_event(approved, now)], now)
    stranding.look_soon(farm)
    return approved


def sign_on(
    farm: Farm,
    speaker: Speaker,
    *,
    name: str,
    software: str,
    task_types: Sequence[str],
    can_restart: bool,
    address: str,
) -> SignedOn:
    """The worker is here, and tells what it can do."""
    now = farm.clock()
    with speaking.hearing(farm, speaker, now) as (tx, before):
        present = replace(
            before,
            name=name if before.approved else before.name,  # by which somebody looks for it
            software=software,
            task_types=tuple(task_type.strip().lower() for task_type in task_types),
            can_restart=can_restart,
            commands=None,
            address=address,
            status=WorkerStatus.STARTING,
            put_away=None,
            sign_ons=before.sign_ons + 1,
            signed_on=now,
        )
        worker_store.save(tx, present, now)
        events.append(tx, [worker_event(present, now, before.status)], now)
        signed_on = SignedOn(present.status_requested or sleep.status_now(tx, present, now), present.sign_ons)
    log.info("a worker came", name=name, address=address, worker=speaker.id)
    return signed_on


def tell_commands(farm: Farm, speaker: Speaker, commands: Sequence[str]) -> Worker:
    """The worker says which commands it has: from now on, until it signs on anew, it is given tasks of those alone.

    What its last self-test has kept it from, it is kept from until it passes one.
    """
    now = farm.clock()
    with speaking.hearing(farm, speaker, now) as (tx, before):
        told = tuple(sorted(set(commands)))
        present = replace(before, commands=told)
        if known := self_tests.find(tx, before.key):
            present = replace(present, commands=left_of(told, known.kept))
            self_tests.put(tx, replace(known, told=told))
        worker_store.save(tx, present, now)
    return present


def sign_off(farm: Farm, speaker: Speaker) -> None:
    """The worker leaves; its tasks go back. It will be asked to resume what it did when it comes again."""
    now = farm.clock()
    with speaking.hearing(farm, speaker, now) as (tx, before):
        gone = replace(before, status=WorkerStatus.OFFLINE)
        if gone.status_requested in (WorkerStatus.OFFLINE, WorkerStatus.RESTART):
            gone = replace(gone, status_requested=None, lazy_request=False)
        if gone.status_requested is None and before.status in (WorkerStatus.AWAKE, WorkerStatus.ASLEEP):
            gone = replace(gone, status_requested=before.status, lazy_request=False)
        worker_store.save(tx, gone, now)
        events.append(tx, [worker_event(gone, now, before.status)], now)
        cascades = return_tasks(farm, tx, gone, "worker signed off")
    log.info("a worker went", name=gone.name, worker=gone.id)
    write_logs(farm, cascades)


def requested_status(farm: Farm, speaker: Speaker) -> WorkerStatus | None:
    """The status the worker is to take, if any."""
    with speaking.hearing(farm, speaker, farm.clock(), holds=False) as (_, worker):
        return worker.status_requested


def state_changed(farm: Farm, speaker: Speaker, status: WorkerStatus) -> None:
    """The worker took another status. If it is not awake any more, its tasks go back."""
    now = farm.clock()
    cascades: list[Cascade] = []
    with speaking.hearing(farm, speaker, now) as (tx, before):
        # One that is sick may think that it is awake, and is given nothing all the same.
        is_kept = status is WorkerStatus.AWAKE and before.sick
        present = replace(before, status=WorkerStatus.ERROR if is_kept else status, put_away=None)
        if before.status_requested in (None, status):
            present = replace(present, status_requested=None, lazy_request=False)
        worker_store.save(tx, present, now)
        events.append(tx, [worker_event(present, now, before.status)], now)
        if before.status is WorkerStatus.AWAKE and present.status is not WorkerStatus.AWAKE:
            reason = f"worker {present.name} ({present.id}) changed status to '{status}'"
            cascades = return_tasks(farm, tx, present, reason)
    write_logs(farm, cascades)


def request_status(farm: Farm, worker_id: str, status: WorkerStatus, *, lazy: bool) -> Worker:
    """Ask a worker for another status, after its present task (`lazy`) or at once; gives it as it was before.

    Raises `NotFound`, `Conflict`.
    """
    now = farm.clock()
    with farm.store.write() as tx:
        worker = worker_store.lock(tx, worker_id)
        if status is WorkerStatus.RESTART and not worker.can_restart:
            raise Conflict(f'worker "{worker.id}" does not know how to restart')
        request = None if status is worker.status else status
        asked = replace(worker, status_requested=request, lazy_request=lazy and request is not None)
        audit.note(tx, now, "worker", worker_id, worker.name, after={"status_requested": status, "lazy": lazy})
        worker_store.save(tx, asked, now)
        events.append(tx, [worker_event(asked, now)], now)
    return worker


def take_back_request(farm: Farm, worker_id: str) -> Worker:
    """Ask a worker for nothing any more; gives it as it was before.

    Raises `NotFound`, and `Conflict` when it is asked for nothing.
    """
    now = farm.clock()
    with farm.store.write() as tx:
        worker = worker_store.lock(tx, worker_id)
        if worker.status_requested is None:
            raise Conflict("It is asked for nothing.")
        left = replace(worker, status_requested=None, lazy_request=False)
        before = {"status_requested": worker.status_requested, "lazy": worker.lazy_request}
        audit.note(tx, now, "worker", worker_id, worker.name, before=before, after={"status_requested": None})
        worker_store.save(tx, left, now)
        events.append(tx, [worker_event(left, now)], now)
    return worker


def list_all(farm: Farm) -> list[Worker]:
    """Every worker that was not deleted."""
    with farm.store.read() as tx:
        return worker_store.all_present(tx)


def details(farm: Farm, worker_id: str) -> WorkerDetails:
    """A worker, the task it is on or was on last, and its tags. Raises `NotFound`."""
    with farm.store.read() as tx:
        worker = worker_store.fetch(tx, worker_id)
        task_key = listing.last_task_key(tx, worker.key)
        task = None if task_key is None else tasks.fetch_whole_by_key(tx, task_key)
        return WorkerDetails(worker, task, tag_store.of_worker(tx, worker.key))


def delete(farm: Farm, worker_id: str) -> None:
    """Forget a worker: its tasks go back, and its secret opens nothing any more. Raises `NotFound`."""
    now = farm.clock()
    with farm.store.write() as tx:
        worker = worker_store.lock(tx, worker_id)
        worker_store.mark_deleted(tx, worker.key, now)
        self_tests.forget(tx, worker.key)
        audit.note(tx, now, "worker", worker_id, worker.name, after={"deleted": True})
        events.append(tx, [worker_event(worker, now, deleted=True)], now)
        cascades = return_tasks(farm, tx, worker, "worker is being deleted")
    write_logs(farm, cascades)
    stranding.look_soon(farm)


def active_task_id(farm: Farm, worker: Worker) -> str:
    """The UUID of the task the worker is running, or an empty string."""
    with farm.store.read() as tx:
        active = tasks.active_of_worker(tx, worker.key)
    return active[0].id if active else ""


def time_out(farm: Farm, worker_id: str, last_seen: datetime) -> None:
    """The worker was silent since `last_seen`: its tasks go back, unless it spoke up meanwhile."""
    now = farm.clock()
    with farm.store.write() as tx:
        before = worker_store.lock(tx, worker_id)
        if before.status in CANNOT_TIME_OUT or before.last_seen is None or before.last_seen > last_seen:
            return
        lost = replace(before, status=WorkerStatus.ERROR, status_requested=None, lazy_request=False)
        worker_store.save(tx, lost, now)
        events.append(tx, [worker_event(lost, now, before.status)], now)
        cascades = return_tasks(farm, tx, lost, "worker timed out", are_lost=True)
    log.warning("a worker was silent for too long", name=lost.name, since=str(before.last_seen), worker=lost.id)
    write_logs(farm, cascades)


def return_tasks(farm: Farm, tx: Tx, worker: Worker, reason: str, *, are_lost: bool = False) -> list[Cascade]:
    """Give back all tasks that a locked worker is running; call `write_logs` after the transaction."""
    cascades = []
    active = tasks.active_of_worker(tx, worker.key)
    # Jobs are locked in the order of their keys, so that two transactions never wait for each other.
    for job_key in sorted({task.job_key for task in active}):
        # Another process may have deleted the job, or taken a task away, while we waited for the job's lock.
        try:
            cascade = Cascade(tx, jobs.lock(tx, job_key), farm.clock())
        except NotFound:
            continue
        for task in tasks.active_of_worker(tx, worker.key):
            if task.job_key == job_key:
                return_task(cascade, task, reason, is_lost=are_lost)
        cascade.save()
        cascades.append(cascade)
    return cascades


def return_task(cascade: Cascade, task: TaskState, reason: str, *, is_lost: bool = False) -> None:
    """Give a task back to the pool, or to where its job's tasks wait while it is paused.

    `is_lost`: nothing was heard of it any more.
    """
    if cascade.job.status in PAUSING_JOB:
        status, verb = TaskStatus.PAUSED, "paused"
    else:
        status, verb = TaskStatus.QUEUED, "queued"
    activity = f"Task was {verb} by Manager because {reason}"
    cascade.set_task(task, status, activity, is_lost=is_lost)
    cascade.log(task, activity)


def write_logs(farm: Farm, cascades: Sequence[Cascade]) -> None:
    """Say in the logs what happened to tasks."""
    for cascade in cascades:
        cascade.write_logs(farm)
