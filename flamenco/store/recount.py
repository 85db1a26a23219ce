"""The counters, derived anew: what `flamenco db check` compares, and `--repair` writes."""

from __future__ import annotations

from sqlalchemy import insert, select, text

from flamenco.domain.statuses import TaskStatus
from flamenco.store import job_waits, unmet
from flamenco.store.engine import Tx
from flamenco.store.scheduling.queues import decode_names
from flamenco.store.schema import (
    ACTIVE_SQL,
    MOVING_SQL,
    OFFERED_SQL,
    PURGING_SQL,
    RUNNABLE_SQL,
    limit_uses,
    queues,
    requirements,
    tasks,
)

_TASKS_OF_JOB = "FROM tasks WHERE tasks.job_key = jobs.key"

_RUNNABLE = f"""(
    SELECT count(*) FROM tasks
    WHERE tasks.queue_key = queues.key AND {RUNNABLE_SQL}
)"""  # noqa: S608 - our own constants, here and below
_RANK = f"""(
    SELECT CASE WHEN {OFFERED_SQL} THEN jobs.rank END
    FROM jobs WHERE jobs.key = queues.job_key
)"""  # noqa: S608
_NOT_RUNNING = "task_key NOT IN (SELECT key FROM tasks WHERE status = 'active')"
# An attempt that is over has a row. One that is not is the active task itself: so there is never more than one.
_ATTEMPTS = """(
    SELECT coalesce(max(attempts.number), 0) + CASE WHEN tasks.status = 'active' THEN 1 ELSE 0 END
    FROM attempts WHERE attempts.task_key = tasks.key
)"""
_ASTRAY = "task_key NOT IN (SELECT key FROM tasks)"
# What each counter must be: (table, column, SQL over a row of that table), in the order of repair.
_DERIVED: list[tuple[str, str, str]] = [
    ("jobs", "waiting_for", job_waits.WAITING_FOR_SQL),
    ("jobs", "waited_for", job_waits.WAITED_FOR_SQL),
    ("tasks", "unmet", unmet.UNMET_SQL),
    ("tasks", "attempts", _ATTEMPTS),
    *(
        ("jobs", f"tasks_{status.column}", f"(SELECT count(*) {_TASKS_OF_JOB} AND tasks.status = '{status}')")
        for status in TaskStatus
    ),
    (
        "jobs",
        "tasks_failed_optional",
        f"(SELECT count(*) {_TASKS_OF_JOB} AND tasks.status = 'failed' AND tasks.optional)",
    ),
    ("jobs", "steps_completed", f"(SELECT coalesce(sum(tasks.steps_completed), 0) {_TASKS_OF_JOB})"),
    ("jobs", "steps_total", f"(SELECT coalesce(sum(tasks.steps_total), 0) {_TASKS_OF_JOB})"),
    ("queues", "runnable", _RUNNABLE),
    ("queues", "rank", _RANK),
]
# Of a job that is being deleted for good, what tasks depend on goes first, and nobody counts what is left; of one that
# is being stored it comes last. Where many tasks are being moved, what waits for them is counted last; and what jobs
# have not been told of others is counted then.
_IN_PART = f"({PURGING_SQL} OR (jobs.delete_requested IS NOT NULL AND jobs.status = 'under-construction'))"
_BUT = {
    "unmet": (
        f" AND tasks.job_key NOT IN (SELECT key FROM jobs WHERE {_IN_PART} OR {MOVING_SQL})"  # noqa: S608
        f" AND tasks.job_key NOT IN ({unmet.UNTOLD_SQL})"
    ),
    "attempts": f" AND tasks.job_key NOT IN (SELECT key FROM jobs WHERE {_IN_PART})",  # noqa: S608
}
_DISTINCT = {"sqlite": "IS NOT", "postgresql": "IS DISTINCT FROM"}


_UNDER_LIMITS = select(tasks.c.key, requirements.c.limits).select_from(
    tasks.join(queues, queues.c.key == tasks.c.queue_key).join(
        requirements, requirements.c.key == queues.c.requirement_key
    )
)
_LIMITED = _UNDER_LIMITS.where(text(ACTIVE_SQL), requirements.c.limits != "[]")


def _not_counted(tx: Tx) -> list[dict[str, object]]:
    """What is run falls under all limits of its queue; under others as well, where it did when it was begun."""
    counted = {tuple(row) for row in tx.execute(select(limit_uses.c.limit_name, limit_uses.c.task_key))}
    return [
        {"limit_name": name, "task_key": task_key}
        for task_key, names in tx.execute(_LIMITED)
        for name in decode_names(names)
        if (name, task_key) not in counted
    ]


def miscounted(tx: Tx) -> list[str]:
    """One sentence per counter that is wrong somewhere; none when all is well."""
    problems = []
    differs = _DISTINCT[tx.dialect.name]
    for table, column, expression in _DERIVED:
        wrong_there = f"{table}.{column} {differs} {expression}{_BUT.get(column, '')}"
        count = text(f"SELECT count(*) FROM {table} WHERE {wrong_there}")  # noqa: S608
        if wrong := tx.execute(count).scalar_one():
            problems.append(f"{table}.{column} is wrong in {wrong} of its rows")
    if wrong := tx.execute(text(f"SELECT count(*) FROM limit_uses WHERE {_NOT_RUNNING}")).scalar_one():  # noqa: S608
        problems.append(f"limit_uses has {wrong} rows of tasks that are not run")
    if missing := _not_counted(tx):
        problems.append(f"limit_uses lacks {len(missing)} rows of tasks that are run")
    if wrong := tx.execute(text(f"SELECT count(*) FROM attempts WHERE {_ASTRAY}")).scalar_one():  # noqa: S608
        problems.append(f"attempts has {wrong} rows of tasks that are not there")
    return problems


def repair(tx: Tx) -> None:
    """Write every counter anew."""
    for table, column, expression in _DERIVED:
        tx.execute(text(f"UPDATE {table} SET {column} = {expression}"))  # noqa: S608
    tx.execute(text(f"DELETE FROM limit_uses WHERE {_NOT_RUNNING}"))  # noqa: S608
    if missing := _not_counted(tx):
        tx.execute(insert(limit_uses), missing)
    tx.execute(text(f"DELETE FROM attempts WHERE {_ASTRAY}"))  # noqa: S608
