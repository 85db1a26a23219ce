"""Which workers jobs are for, by rows for each that is named; most jobs are for all, and have none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import and_, bindparam, delete, insert, not_, or_, select, text, update
from sqlalchemy import func as sql

from flamenco.domain.errors import Refused
from flamenco.domain.job_workers import EVERYBODY, TAG, JobWorkers, Named, Some, Written, unknown
from flamenco.store.engine import Tx
from flamenco.store.schema import (
    CHOOSING_SQL,
    OPEN_SQL,
    job_workers,
    jobs,
    tags,
    worker_tags,
    workers,
)

DENIES: Final = 1
ALLOWS: Final = 2
"""What `jobs.worker_rules` is made of. With the second, it is for nobody once those are gone that are allowed."""

_ITS_TAGS = select(worker_tags.c.tag_key).where(worker_tags.c.worker_key == bindparam("worker_key"))
_NAMES_IT = or_(job_workers.c.worker_key == bindparam("worker_key"), job_workers.c.tag_key.in_(_ITS_TAGS))


def _named(*, allowed: bool) -> Any:
    """Whether a job names the worker. Counted, so that nothing but the rows of that job is looked at for it."""
    those = (job_workers.c.job_key == jobs.c.key, job_workers.c.allowed.is_(allowed), _NAMES_IT)
    return select(sql.count()).select_from(job_workers).where(*those).correlate(jobs).scalar_subquery() > 0


FITS: Final = or_(
    jobs.c.worker_rules == 0,
    and_(or_(jobs.c.worker_rules == DENIES, _named(allowed=True)), not_(_named(allowed=False))),
)
"""Whether a job is for the worker `worker_key`: the first is true of nearly all, and nothing else is looked at then."""


class Rows(NamedTuple):
    """What a reference stands for: one tag, or all workers of a name."""

    workers: Sequence[int]
    tag: int | None


_TAG = select(tags.c.key).where(or_(tags.c.uuid == bindparam("by_id"), tags.c.name == bindparam("by_name")))
_WORKERS = (
    select(workers.c.key, workers.c.uuid)
    .where(
        or_(workers.c.uuid == bindparam("by_id"), workers.c.name == bindparam("by_name")), workers.c.deleted.is_(None)
    )
    .order_by(workers.c.key)
)


def workers_called(tx: Tx, written: str) -> list[tuple[int, str]]:
    """Row numbers and UUIDs of the workers with that name, or of the one with that UUID. Raises `Refused` for none."""
    found = tx.execute(_WORKERS, {"by_id": written.lower(), "by_name": written}).all()
    if not found:
        raise unknown(written)
    return [(row.key, row.uuid) for row in found]


def _rows(tx: Tx, written: str) -> Rows:
    if not written.startswith(TAG):
        return Rows([key for key, _ in workers_called(tx, written)], None)
    name = written.removeprefix(TAG).strip()
    key = tx.execute(_TAG, {"by_id": name.lower(), "by_name": name}).scalars().first()
    if key is None:
        raise unknown(written)
    return Rows((), key)


_FORGET = delete(job_workers).where(job_workers.c.job_key == bindparam("of_job"))
_SET = update(jobs).where(jobs.c.key == bindparam("of_job")).values(worker_rules=bindparam("rules"))


def check_there(tx: Tx, said: Written) -> None:
    """Raise `Refused` for a worker or tag that there is not."""
    for each in (*said.allowed, *said.denied):
        _rows(tx, each)


def save(tx: Tx, job_key: int, said: Written, *, only_known: bool = False) -> int:
    """Say which workers a locked job is for, instead of what was said before; gives its `worker_rules`.

    Raises `Refused` for a worker or tag that there is not, unless those are to be left out.
    """
    tx.execute(_FORGET, {"of_job": job_key})
    rows: dict[tuple[bool, int | None, int | None], None] = {}
    for allowed, references in ((True, said.allowed), (False, said.denied)):
        for each in references:
            try:
                found = _rows(tx, each)
            except Refused:
                if not only_known:
                    raise
                continue
            keys = [(key, None) for key in found.workers] if found.tag is None else [(None, found.tag)]
            rows.update(((allowed, *pair), None) for pair in keys)
    if rows:
        names = ("allowed", "worker_key", "tag_key")
        tx.execute(insert(job_workers), [{"job_key": job_key, **dict(zip(names, row, strict=True))} for row in rows])
    rules = (ALLOWS if said.allowed else 0) | (DENIES if said.denied else 0)
    tx.execute(_SET, {"of_job": job_key, "rules": rules})
    return rules


_NAMED = (
    select(
        job_workers.c.allowed,
        workers.c.uuid.label("worker"),
        workers.c.name.label("worker_name"),
        tags.c.uuid.label("tag"),
        tags.c.name.label("tag_name"),
    )
    .outerjoin(workers, workers.c.key == job_workers.c.worker_key)
    .outerjoin(tags, tags.c.key == job_workers.c.tag_key)
    .where(job_workers.c.job_key == bindparam("of_job"))
    .order_by(tags.c.name, workers.c.name, workers.c.key)
)


class NamedOfJob(NamedTuple):
    """Whom a job names."""

    allowed: tuple[Named, ...]
    denied: tuple[Named, ...]


def named(tx: Tx, job_key: int) -> NamedOfJob:
    """The workers and tags that a job names, as they are called now."""
    found: dict[bool, list[Named]] = {True: [], False: []}
    for row in tx.execute(_NAMED, {"of_job": job_key}):
        each = Named(id=row.tag or row.worker, name=row.tag_name or row.worker_name, is_tag=row.tag is not None)
        found[row.allowed].append(each)
    return NamedOfJob(tuple(found[True]), tuple(found[False]))


_COLUMNS = (
    *(jobs.c.key, jobs.c.worker_rules),
    *(job_workers.c.allowed, job_workers.c.worker_key, job_workers.c.tag_key),
)
_RULES = select(*_COLUMNS).outerjoin(job_workers, job_workers.c.job_key == jobs.c.key).where(text(CHOOSING_SQL))
_OF_JOB = _RULES.where(jobs.c.key == bindparam("of_job"))
_OF_OPEN = _RULES.where(text(OPEN_SQL))


def of_job(tx: Tx, job_key: int) -> JobWorkers:
    """Which workers a job is for."""
    return _rules(tx.execute(_OF_JOB, {"of_job": job_key})).get(job_key, EVERYBODY)


def of_open_jobs(tx: Tx) -> dict[int, JobWorkers]:
    """Which workers the open jobs are for that are not for all."""
    return _rules(tx.execute(_OF_OPEN))


def _rules(rows: Iterable[Any]) -> dict[int, JobWorkers]:
    said: dict[int, int] = {}
    named: defaultdict[tuple[int, bool], tuple[set[int], set[int]]] = defaultdict(lambda: (set(), set()))
    for row in rows:
        said[row.key] = row.worker_rules
        if row.allowed is not None:
            its_workers, its_tags = named[row.key, row.allowed]
            its_workers.update({row.worker_key} - {None})
            its_tags.update({row.tag_key} - {None})
    return {
        key: JobWorkers(_some(*named[key, True]) if rules & ALLOWS else None, _some(*named[key, False]))
        for key, rules in said.items()
    }


def _some(its_workers: Collection[int], its_tags: Collection[int]) -> Some:
    return Some(frozenset(its_workers), frozenset(its_tags))


_MEMBERS = select(worker_tags.c.worker_key, worker_tags.c.tag_key)


def members(tx: Tx) -> dict[int, frozenset[int]]:
    """The tags of each worker that has any."""
    found: defaultdict[int, set[int]] = defaultdict(set)
    for worker_key, tag_key in tx.execute(_MEMBERS):
        found[worker_key].add(tag_key)
    return {key: frozenset(its_tags) for key, its_tags in found.items()}
