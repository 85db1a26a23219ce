"""Finding a worker its next task: requirements first, then jobs, then tasks; every step looks things up.

Which requirements this worker meets, and have work waiting, is one query over a few rows: an idle poll ends there.
Along the queues of those, best rank first, the first job with a task for this worker is taken. What that costs
depends on the worker's own failures, blocks and tags, not on how many jobs or tasks there are.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import groupby
from typing import Any, Final, NamedTuple

from sqlalchemy import Text, bindparam, case, cast, exists, literal, literal_column, or_, select, text, union_all
from sqlalchemy import func as sql

from flamenco.domain.errors import NotFound
from flamenco.domain.model import JobState, Task, Worker
from flamenco.domain.people_limits import EACH_MACHINE, on_machine
from flamenco.domain.scheduling.values import MACHINE
from flamenco.domain.statuses import SCHEDULABLE_JOB
from flamenco.store import jobs as job_store
from flamenco.store import tasks as task_store
from flamenco.store.elapsed import milliseconds_between
from flamenco.store.engine import Tx
from flamenco.store.job_workers import FITS
from flamenco.store.ready import Ready, Row
from flamenco.store.scheduling import limits
from flamenco.store.scheduling.queues import decode_names
from flamenco.store.schema import (
    ACTIVE_SQL,
    CLAIMABLE_SQL,
    MACHINE_SET_SQL,
    RUNNABLE_SQL,
    START_AFTER_SQL,
    Utc,
    job_blocks,
    jobs,
    queues,
    requirements,
    tags,
    task_failures,
    tasks,
    worker_tags,
)
from flamenco.store.schema import limits as limit_table

_FIRST_PAGE = 4  # queues of one requirement looked at in one go; twice as many each further time
_LARGEST_PAGE = 512


class Requirement(NamedTuple):
    """Something that is required of workers, and waits for one."""

    key: int
    task_type: str
    limits: tuple[str, ...]


class JobsAreDue(Exception):
    """The moment of jobs has come that waited for it: they are to be let go before one looks for work."""


# One statement tells all of this, since to a server each further one is a round trip. What is no requirement comes as a
# row like those, with one of these for a key. Most of the time there is none.

_START: Final = 0
"""Some job waits for a moment; as its limits, the first of those is told."""

_MACHINE: Final = -1
"""There is a limit on the worker's machine, told as its limits; as its commands, whether it is full."""

_FULL: Final = "full"

_OWN: Final = -2
"""The worker runs a task already, whose row number is told as its limits."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WAITS: Final = text(START_AFTER_SQL)
# Told as a number, for which no moment has to be put into words with every question.
_FIRST = select(sql.min(jobs.c.start_after)).where(_WAITS).scalar_subquery()
_FIRST_MS = cast(milliseconds_between(literal(_EPOCH, Utc()), _FIRST), Text)
_NAMES: Final = ("key", "task_type", "commands", "limits")
_NOTHING: Final = literal_column("''", Text())


def _told(key: int, as_limits: Any, as_commands: Any = _NOTHING) -> Any:
    """A row of what is no requirement."""
    columns: tuple[Any, ...] = (literal_column(str(key)), _NOTHING, as_commands, as_limits)
    return select(*(column.label(name) for column, name in zip(columns, _NAMES, strict=True)))


_STARTS = _told(_START, _FIRST_MS).where(exists(select(jobs.c.key).where(_WAITS)))
_FULL_THERE = case((limits.CAPACITY <= limits.RUN_THERE, literal_column(f"'{_FULL}'", Text())), else_="")
_MACHINES = _told(_MACHINE, limit_table.c.name, _FULL_THERE).where(
    text(MACHINE_SET_SQL), limit_table.c.name.in_([literal(EACH_MACHINE), bindparam("machine")])
)
_OWN_ACTIVE = (
    _told(_OWN, cast(tasks.c.key, Text))
    .join(jobs, jobs.c.key == tasks.c.job_key)
    .where(
        text(ACTIVE_SQL),
        tasks.c.worker_key == bindparam("worker_key"),
        jobs.c.status.in_([literal(status) for status in sorted(SCHEDULABLE_JOB)]),
    )
)


@cache
def _look(types: int) -> Ready:
    """The requirements that have work, of so many task types: `type_0` and so on; and when the next job starts.

    And the limits on `machine`, and on each; and what the worker runs already.
    """
    wanted = (requirements.c[name] for name in _NAMES)
    waiting = select(*wanted).where(
        requirements.c.task_type.in_([bindparam(f"type_{number}") for number in range(types)]),
        exists().where(queues.c.requirement_key == requirements.c.key, text(CLAIMABLE_SQL)),
    )
    return Ready(union_all(*([waiting] if types else []), _STARTS, _MACHINES, _OWN_ACTIVE))


class Look(NamedTuple):
    """What one look shows a worker: the number of a task that it runs already, and what waits for workers like it."""

    own: int | None
    waiting: list[Row]


def look(tx: Tx, worker: Worker) -> Look:
    """All that can be told at once of what there is for the worker; an idle poll asks for nothing else."""
    types = {f"type_{number}": each for number, each in enumerate(worker.task_types)}
    on_machine = {"machine": MACHINE + worker.address, "address": worker.address}
    found = _look(len(types)).all(tx, **types, **on_machine, worker_key=worker.key)
    own = next((int(row.limits) for row in found if row.key == _OWN), None)
    return Look(own, found if own is None else [row for row in found if row.key != _OWN])


def own_active_task(tx: Tx, seen: Look) -> Task | None:
    """A task this worker is running already: it restarted, or our answer got lost."""
    if seen.own is None:
        return None
    try:
        return task_store.fetch_whole_by_key(tx, seen.own)
    except NotFound:  # deleted since, with its job
        return None


def met_requirements(tx: Tx, worker: Worker, seen: Look, now: datetime) -> list[Requirement]:
    """What the worker is able to do and somebody waits for: types and commands it has, limits that are not full.

    Raises `JobsAreDue`; without that, `now` is long ago.
    """
    waiting = seen.waiting
    of_machine: tuple[str, ...] = ()
    if any(row.key <= _START for row in waiting):
        machines = {row.limits: row.commands for row in waiting if row.key == _MACHINE}
        of_machine = on_machine(machines, worker.address)
        waiting = _waiting_now(waiting, now)
        if any(machines[name] == _FULL for name in of_machine):
            return []
    has = None if worker.commands is None else frozenset(worker.commands)
    met = [
        Requirement(row.key, row.task_type, (*decode_names(row.limits), *of_machine))
        for row in waiting
        if has is None or has.issuperset(decode_names(row.commands))
    ]
    others = {name for requirement in met for name in requirement.limits}.difference(of_machine)
    full = limits.full(tx, others, worker.address)
    return [requirement for requirement in met if not full.intersection(requirement.limits)]


def _waiting_now(found: list[Row], now: datetime) -> list[Row]:
    """What was found of requirements; raises `JobsAreDue`."""
    now_ms = (now - _EPOCH) / timedelta(milliseconds=1)
    if any(row.key == _START and float(row.limits) <= now_ms for row in found):
        raise JobsAreDue
    return [row for row in found if row.key > _START]


_TAG_FITS = or_(
    jobs.c.tag_key.is_(None),
    exists().where(worker_tags.c.worker_key == bindparam("worker_key"), worker_tags.c.tag_key == jobs.c.tag_key),
)


def _from_queues(requirement: str, task_type: str) -> Any:
    """The queues this worker may be sent to, best job first, the older one where they are equal.

    Those of one requirement; `requirement` and `task_type` are the names of what says which.
    """
    is_blocked = exists().where(
        job_blocks.c.job_key == queues.c.job_key,
        job_blocks.c.worker_key == bindparam("worker_key"),
        job_blocks.c.task_type == bindparam(task_type),
    )
    return (
        select(queues.c.key, queues.c.job_key, queues.c.rank, jobs.c.uuid)
        .join(jobs, jobs.c.key == queues.c.job_key)
        .where(text(CLAIMABLE_SQL), queues.c.requirement_key == bindparam(requirement), _TAG_FITS, FITS, ~is_blocked)
        .order_by(queues.c.rank.desc(), queues.c.job_key)
        .limit(bindparam("page"))
    )


# Where the last page ended; `rank <=` lets the index skip to it.
_MORE_QUEUES = Ready(
    _from_queues("requirement", "task_type").where(
        queues.c.rank <= bindparam("rank"),
        or_(queues.c.rank < bindparam("rank"), queues.c.job_key > bindparam("job_key")),
    )
)


_MOST_TOGETHER: Final = 8
"""The queues of so many requirements are looked at by one statement, of which there is one for each number of them."""


@cache
def _first_queues(count: int) -> Ready:
    """The first queues of so many requirements, each with the number of its own."""
    first, *others = (
        _from_queues(f"requirement_{number}", f"task_type_{number}").add_columns(
            literal_column(str(number)).label("of")
        )
        for number in range(count)
    )
    return Ready(union_all(*(select(page.subquery()) for page in (first, *others))) if others else first)


class Offer(NamedTuple):
    """A queue with work for the worker."""

    queue_key: int
    job_key: int
    job_id: str
    rank: float
    limits: tuple[str, ...]


class JobOffers(NamedTuple):
    """A job with work for the worker, and the queues it has it in."""

    job_key: int
    job_id: str
    offers: tuple[Offer, ...]

    @property
    def limits(self) -> frozenset[str]:
        """Those under which one of them needs a slot."""
        return frozenset(name for offer in self.offers for name in offer.limits)


def jobs_with_work(tx: Tx, worker: Worker, seen: Look, now: datetime) -> Iterator[JobOffers]:
    """The jobs that have runnable tasks this worker may be given, in the order of their rank. Raises `JobsAreDue`."""
    met = met_requirements(tx, worker, seen, now)
    along: list[Iterator[Offer]] = []
    for start in range(0, len(met), _MOST_TOGETHER):
        along += _along(tx, worker.key, met[start : start + _MOST_TOGETHER])
    # A job has one rank, so its queues come next to each other.
    in_order = along[0] if len(along) == 1 else heapq.merge(*along, key=lambda offer: (-offer.rank, offer.job_key))
    for (job_key, job_id), offers in groupby(in_order, key=lambda offer: (offer.job_key, offer.job_id)):
        yield JobOffers(job_key, job_id, tuple(offers))


def _along(tx: Tx, worker_key: int, met: Sequence[Requirement]) -> list[Iterator[Offer]]:
    """The queues of each of some requirements."""
    values: dict[str, Any] = {"worker_key": worker_key, "page": _FIRST_PAGE}
    for number, requirement in enumerate(met):
        values |= {f"requirement_{number}": requirement.key, f"task_type_{number}": requirement.task_type}
    pages: list[list[Row]] = [[] for _ in met]
    for row in _first_queues(len(met)).all(tx, **values):
        pages[row.of].append(row)
    for page in pages:
        page.sort(key=lambda row: (-row.rank, row.job_key))  # as each was, which a union does not promise
    return [_offers(tx, worker_key, requirement, page) for requirement, page in zip(met, pages, strict=True)]


def _offers(tx: Tx, worker_key: int, requirement: Requirement, page: list[Row]) -> Iterator[Offer]:
    """Along the queues of a requirement, of which the first are there."""
    size = _FIRST_PAGE
    while page:
        for row in page:
            yield Offer(row.key, row.job_key, row.uuid, row.rank, requirement.limits)
        if len(page) < size:
            return
        size = min(2 * size, _LARGEST_PAGE)
        page = _MORE_QUEUES.all(
            tx,
            worker_key=worker_key,
            task_type=requirement.task_type,
            requirement=requirement.key,
            rank=page[-1].rank,
            job_key=page[-1].job_key,
            page=size,
        )


_NOT_FAILED_BY_ME = ~exists().where(
    task_failures.c.task_key == tasks.c.key, task_failures.c.worker_key == bindparam("worker_key")
)
_BEST = (
    task_store.SELECT_WHOLE.add_columns(tasks.c.ord)
    .where(tasks.c.queue_key == bindparam("of_queue"), text(RUNNABLE_SQL), _NOT_FAILED_BY_ME)
    .order_by(tasks.c.priority.desc(), tasks.c.ord, tasks.c.index_in_job)
    .limit(1)
)


@cache
def _best_of(limited: int, *, chooses: bool) -> Ready:
    """Of a queue whose tasks fall under so many limits of which it is to be said whether one is full."""
    is_full = (limits.those_full(limited).exists().label("is_full"),) if limited else ()
    return Ready((_BEST.where(FITS) if chooses else _BEST).add_columns(*is_full))


class Candidate(NamedTuple):
    """A task that the worker may run, its job, and the limits it needs a slot under. `ord` is its place in that."""

    job: JobState
    task: Task
    limits: tuple[str, ...]
    ord: int


def best_task(tx: Tx, found: JobOffers, worker: Worker) -> Candidate | None:
    """The best task of a job that this worker may run and did not fail; from here on nobody else changes the job.

    Best is the highest priority, then the order that the job is to have, then that of the script. On a server the job
    is locked in its turn, with all limits that it is to be taken under, and queues are left out of which one is full
    by now. None as well where others have ended or deleted the job meanwhile.
    """
    candidates = _found_at_once if tx.dialect.name == "sqlite" else _found_in_turn
    return min(
        candidates(tx, found, worker), key=lambda one: (-one.task.priority, one.ord, one.task.index), default=None
    )


_WITH_JOB = Ready(
    _BEST.where(FITS)
    .outerjoin(tags, tags.c.key == jobs.c.tag_key)
    .with_only_columns(*job_store.STATE.columns, *task_store.WHOLE.columns, tasks.c.ord)
)
_OF_TASK: Final = len(job_store.STATE.columns)


def _found_at_once(tx: Tx, found: JobOffers, worker: Worker) -> Iterator[Candidate]:
    """The best of each queue, in SQLite, which lets nobody else write: job and task are read together."""
    for offer in found.offers:
        row = _WITH_JOB.first(tx, of_queue=offer.queue_key, worker_key=worker.key)
        if row is not None and (job := job_store.STATE.read(row)).is_open:
            yield Candidate(job, task_store.WHOLE.read(row[_OF_TASK:]), offer.limits, row.ord)


def _found_in_turn(tx: Tx, found: JobOffers, worker: Worker) -> Iterator[Candidate]:
    """The best of each queue, on a server. What is read by the lock's own statement may be what was before it."""
    try:
        job = limits.lock(tx, found.job_key, found.limits, worker.address)
    except NotFound:
        return
    if not job.is_open:
        return
    for offer in found.offers:
        # The job may say something else of this worker since its queues were looked at, where it is not for all.
        best = _best_of(len(offer.limits), chooses=bool(job.worker_rules))
        limited = {**limits.values_of(offer.limits), "address": worker.address} if offer.limits else {}
        row = best.first(tx, of_queue=offer.queue_key, worker_key=worker.key, **limited)
        if row is not None and not (limited and row.is_full):
            yield Candidate(job, task_store.WHOLE.read(row), offer.limits, row.ord)
