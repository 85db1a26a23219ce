"""Sleep schedules of workers, and when each has to be looked at again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, or_, select, text, update

from flamenco.domain.sleep import SleepSchedule, schedule_from, write_time
from flamenco.store.engine import Tx
from flamenco.store.schema import SCHEDULED_SQL, sleep_schedules, workers

_WRITTEN = (
    sleep_schedules.c.is_active,
    sleep_schedules.c.days,
    sleep_schedules.c.start_time,
    sleep_schedules.c.end_time,
)
_OF_WORKER = select(*_WRITTEN).where(sleep_schedules.c.worker_key == bindparam("of_worker"))
_BY_WORKER_ID = (
    select(*_WRITTEN)
    .join(workers, workers.c.key == sleep_schedules.c.worker_key)
    .where(workers.c.uuid == bindparam("id"), workers.c.deleted.is_(None))
)


def _schedule(tx: Tx, statement: Select[Any], values: dict[str, object]) -> SleepSchedule | None:
    row = tx.execute(statement, values).one_or_none()
    if row is None:
        return None
    return schedule_from(is_active=row.is_active, days=row.days, start=row.start_time, end=row.end_time)


def of_worker(tx: Tx, worker_key: int) -> SleepSchedule | None:
    """The schedule of the worker with that row number, if it has one."""
    return _schedule(tx, _OF_WORKER, {"of_worker": worker_key})


def find(tx: Tx, worker_id: str) -> SleepSchedule | None:
    """The same by UUID; None also for a worker that does not exist, or was deleted."""
    return _schedule(tx, _BY_WORKER_ID, {"id": worker_id})


_PUT = text(
    "INSERT INTO sleep_schedules (worker_key, is_active, days, start_time, end_time, next_check)"
    " VALUES (:worker_key, :is_active, :days, :start_time, :end_time, NULL)"
    " ON CONFLICT (worker_key) DO UPDATE SET is_active = excluded.is_active, days = excluded.days,"
    " start_time = excluded.start_time, end_time = excluded.end_time, next_check = NULL"
)


def put(tx: Tx, worker_key: int, schedule: SleepSchedule) -> None:
    """Give a worker a schedule, in place of any that it has. It is due at once."""
    values = {
        "worker_key": worker_key,
        "is_active": schedule.is_active,
        "days": schedule.days_text,
        "start_time": write_time(schedule.start),
        "end_time": write_time(schedule.end),
    }
    tx.execute(_PUT, values)


_DUE = (
    select(workers.c.uuid)
    .join(sleep_schedules, sleep_schedules.c.worker_key == workers.c.key)
    .where(
        text(SCHEDULED_SQL),
        or_(sleep_schedules.c.next_check.is_(None), sleep_schedules.c.next_check <= bindparam("now")),
        workers.c.deleted.is_(None),
    )
    .order_by(workers.c.key)
)
_CHECKED = (
    update(sleep_schedules)
    .where(sleep_schedules.c.worker_key == bindparam("of_worker"))
    .values(next_check=bindparam("next"))
)


def due(tx: Tx, now: datetime) -> Sequence[str]:
    """UUIDs of the workers whose active schedule may say something else by now."""
    return tx.execute(_DUE, {"now": now}).scalars().all()


def checked(tx: Tx, worker_key: int, next_check: datetime | None) -> None:
    """Note that a schedule was applied, and when to look at it again; None while it is not active."""
    tx.execute(_CHECKED, {"of_worker": worker_key, "next": next_check})
