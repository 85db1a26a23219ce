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

from flamenco.domain.model import Task, Worker
from flamenco.domain.people_limits import EACH_MACHINE, on_machine
from flamenco.domain.scheduling.values import MACHINE
from flamenco.domain.statuses import SCHEDULABLE_JOB
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
    task_failures,
    tasks,
    worker_tags,
)
from flamenco.store.schema import limits as limit_table

_FIRST_PAGE = 4  # queues of one requirement looked at in one go; twice as many each further time
_LARGEST_PAGE = 512

_OWN_ACTIVE = Ready(
    task_store.SELECT_WHOLE.where(
        text(ACTIVE_SQL),
        tasks.c.worker_key == bindparam("worker_key"),
        jobs.c.status.in_([literal(status) for status in sorted(SCHEDULABLE_JOB)]),
    ).limit(1)
)


def own_active_task(tx: Tx, worker_key: int) -> Task | None:
    """A task this worker is running already: it restarted, or our answer got lost."""
    row = _OWN_ACTIVE.first(tx, worker_key=worker_key)
    return task_store.WHOLE.read(row) if row else None


class Requirement(NamedTuple):
    """Something that is required of workers, and waits for one."""

    key: int
    task_type: str
    limits: tuple[str, ...]


class JobsAreDue(Exception):
    """The moment of jobs has come that waited for it: they are to be let go before one looks for work."""


_START: Final = 0
"""Stands for a requirement where some job waits for a moment; as its limits, the first of those is told."""

_MACHINE: Final = -1
"""The same where there is a limit on the worker's machine, told as its limits; as its commands, whether it is full."""

_FULL: Final = "full"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WAITS: Final = text(START_AFTER_SQL)
# Told as a number, for which no moment has to be put into words with every question. Seldom is there any.
_FIRST = select(sql.min(jobs.c.start_after)).where(_WAITS).scalar_subquery()
_FIRST_MS = cast(milliseconds_between(literal(_EPOCH, Utc()), _FIRST), Text)
_STARTS: Any = select(
    literal_column(str(_START)), literal_column("''", Text()), literal_column("''", Text()), _FIRST_MS
).where(exists(select(jobs.c.key).where(_WAITS)))


# Seldom is there any of these as well.
_FULL_THERE = case((limits.CAPACITY <= limits.RUN_THERE, literal_column(f"'{_FULL}'", Text())), else_="")
_MACHINES: Any = select(
    literal_column(str(_MACHINE)), literal_column("''", Text()), _FULL_THERE, limit_table.c.name
).where(text(MACHINE_SET_SQL), limit_table.c.name.in_([literal(EACH_MACHINE), bindparam("machine")]))


@cache
def _waiting(types: int) -> Ready:
    """The requirements that have work, of so many task types: `type_0` and so on; and when the next job starts.

    And the limits on `machine`, and on each.
    """
    wanted = (requirements.c[name] for name in ("key", "task_type", "commands", "limits"))
    waiting = select(*wanted).where(
        requirements.c.task_type.in_([bindparam(f"type_{number}") for number in range(types)]),
        exists().where(queues.c.requirement_key == requirements.c.key, text(CLAIMABLE_SQL)),
    )
    return Ready(union_all(waiting, _STARTS, _MACHINES))


def met_requirements(tx: Tx, worker: Worker, now: datetime) -> list[Requirement]:
    """What the worker is able to do and somebody waits for: types and commands it has, limits that are not full.

    Raises `JobsAreDue`; without that, `now` is long ago.
    """
    if not worker.task_types:
        return []
    types = {f"type_{number}": each for number, each in enumerate(worker.task_types)}
    waiting = _waiting(len(types)).all(tx, **types, machine=MACHINE + worker.address, address=worker.address)
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


_NOT_BLOCKED = ~exists().where(
    job_blocks.c.job_key == queues.c.job_key,
    job_blocks.c.worker_key == bindparam("worker_key"),
    job_blocks.c.task_type == bindparam("task_type"),
)
_TAG_FITS = or_(
    jobs.c.tag_key.is_(None),
    exists().where(worker_tags.c.worker_key == bindparam("worker_key"), worker_tags.c.tag_key == jobs.c.tag_key),
)
# The queues this worker may be sent to, best job first, the older one where they are equal.
_FROM_QUEUES = (
    select(queues.c.key, queues.c.job_key, queues.c.rank, jobs.c.uuid)
    .join(jobs, jobs.c.key == queues.c.job_key)
    .where(text(CLAIMABLE_SQL), queues.c.requirement_key == bindparam("requirement"), _TAG_FITS, FITS, _NOT_BLOCKED)
    .order_by(queues.c.rank.desc(), queues.c.job_key)
    .limit(bindparam("page"))
)
# Where the last page ended; `rank <=` lets the index skip to it.
_MORE_QUEUES = Ready(
    _FROM_QUEUES.where(
        queues.c.rank <= bindparam("rank"),
        or_(queues.c.rank < bindparam("rank"), queues.c.job_key > bindparam("job_key")),
    )
)
_QUEUES = Ready(_FROM_QUEUES)


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
    def has_limits(self) -> bool:
        """Whether there is one among them that needs a slot under a limit."""
        return any(offer.limits for offer in self.offers)


def jobs_with_work(tx: Tx, worker: Worker, now: datetime) -> Iterator[JobOffers]:
    """The jobs that have runnable tasks this worker may be given, in the order of their rank. Raises `JobsAreDue`."""
    along = [_offers(tx, worker.key, requirement) for requirement in met_requirements(tx, worker, now)]
    # A job has one rank, so its queues come next to each other.
    in_order = heapq.merge(*along, key=lambda offer: (-offer.rank, offer.job_key))
    for (job_key, job_id), offers in groupby(in_order, key=lambda offer: (offer.job_key, offer.job_id)):
        yield JobOffers(job_key, job_id, tuple(offers))


def _offers(tx: Tx, worker_key: int, requirement: Requirement) -> Iterator[Offer]:
    size = _FIRST_PAGE
    arguments: dict[str, Any] = {
        "worker_key": worker_key,
        "task_type": requirement.task_type,
        "requirement": requirement.key,
    }
    page = _QUEUES.all(tx, **arguments, page=size)
    while page:
        for row in page:
            yield Offer(row.key, row.job_key, row.uuid, row.rank, requirement.limits)
        if len(page) < size:
            return
        size = min(2 * size, _LARGEST_PAGE)
        page = _MORE_QUEUES.all(tx, **arguments, rank=page[-1].rank, job_key=page[-1].job_key, page=size)


_NOT_FAILED_BY_ME = ~exists().where(
    task_failures.c.task_key == tasks.c.key, task_failures.c.worker_key == bindparam("worker_key")
)
_BEST = (
    task_store.SELECT_WHOLE.add_columns(tasks.c.ord)
    .where(tasks.c.queue_key == bindparam("of_queue"), text(RUNNABLE_SQL), _NOT_FAILED_BY_ME)
    .order_by(tasks.c.priority.desc(), tasks.c.ord, tasks.c.index_in_job)
    .limit(1)
)
_BEST_TASK, _BEST_TASK_IF_IT_FITS = Ready(_BEST), Ready(_BEST.where(FITS))


class Candidate(NamedTuple):
    """A task that the worker may run, and the limits it needs a slot under. `ord` is its place in the job's order."""

    task: Task
    limits: tuple[str, ...]
    ord: int


def best_tasks(tx: Tx, offers: Sequence[Offer], worker_key: int, *, chooses: bool) -> list[Candidate]:
    """The first task in each queue of a locked job that this worker may run and did not fail, the best of them first.

    Best is the highest priority, then the order that the job is to have, then that of the script. `chooses`: the job is
    not for every worker, and may say something else of this one since its queues were looked at.
    """
    best = _BEST_TASK_IF_IT_FITS if chooses else _BEST_TASK
    found = []
    for offer in offers:
        row = best.first(tx, of_queue=offer.queue_key, worker_key=worker_key)
        if row is not None:
            found.append(Candidate(task_store.WHOLE.read(row), offer.limits, row.ord))
    return sorted(found, key=lambda candidate: (-candidate.task.priority, candidate.ord, candidate.task.index))
