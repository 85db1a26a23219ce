"""Who waits under a limit: jobs with tasks that could run now, if there were a place for them and a worker."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import bindparam, select, text
from sqlalchemy import func as sql

from flamenco.domain.listing import LimitState, WaitingJob
from flamenco.store.engine import Tx
from flamenco.store.scheduling import own_limits
from flamenco.store.scheduling.own_limits import LimitRow
from flamenco.store.scheduling.queues import decode_names
from flamenco.store.schema import CLAIMABLE_SQL, jobs, queues, requirements

SHOWN: Final = 5
"""So many jobs are named, those that are first in line."""

_LIMITED = select(requirements.c.key, requirements.c.limits).where(requirements.c.limits != "[]")
_WAITING: Any = (text(CLAIMABLE_SQL), queues.c.requirement_key.in_(bindparam("keys", expanding=True)))
_COUNT = select(sql.coalesce(sql.sum(queues.c.runnable), 0), sql.count(queues.c.job_key.distinct())).where(*_WAITING)
_FIRST = (
    select(jobs.c.uuid, jobs.c.name, sql.sum(queues.c.runnable).label("tasks"))
    .join(jobs, jobs.c.key == queues.c.job_key)
    .where(*_WAITING)
    .group_by(jobs.c.key, jobs.c.uuid, jobs.c.name)
    .order_by(sql.max(queues.c.rank).desc(), jobs.c.key)
    .limit(SHOWN)
)


def states(tx: Tx) -> list[LimitState]:
    """Every limit, how much of it is in use, and who waits, by name."""
    under: dict[str, list[int]] = {}
    for key, names in tx.execute(_LIMITED):
        for name in decode_names(names):
            under.setdefault(name, []).append(key)
    return [_state(tx, limit, under.get(limit.name, [])) for limit in own_limits.everything(tx)]


def _state(tx: Tx, limit: LimitRow, keys: list[int]) -> LimitState:
    asked = {"keys": keys}
    waiting, waiting_jobs = tx.execute(_COUNT, asked).one() if keys else (0, 0)
    first = tx.execute(_FIRST, asked).all() if waiting else []
    return LimitState(
        **limit._asdict(),
        waiting=int(waiting),
        waiting_jobs=waiting_jobs,
        first=tuple(WaitingJob(row.uuid, row.name, int(row.tasks)) for row in first),
    )
