"""The price of a poll and of an update: no statement on these paths may look through a table.

The statements are not listed here: whatever is executed while tasks are handed out, reported on and
timed out is caught, and the database is asked how it would go about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, insert

from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.farm import jobs, tasks, workers
from flamenco.farm.context import Farm
from flamenco.farm.tasks import TaskChange
from flamenco.services import timeouts
from flamenco.store.engine import Store
from flamenco.store.schema import tags
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, report, run_next, store_job, take

IN_RANK_ORDER = "ix_queues_claim"
"""The one index that is walked along rather than searched: in the order of rank, up to the first job that fits."""


@contextmanager
def executed(store: Store) -> Iterator[dict[str, Any]]:
    """Every different statement that is executed, with one set of its parameters."""
    statements: dict[str, Any] = {}

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE", "INSERT")):
            statements.setdefault(statement, parameters[0] if many else parameters)

    event.listen(store.engine, "before_cursor_execute", note)
    yield statements
    event.remove(store.engine, "before_cursor_execute", note)


def exercise(farm: Farm, clock: Clock) -> None:
    """Everything that happens while workers poll, run, report, fail and vanish."""
    with farm.store.write() as tx:
        tx.execute(insert(tags), {"uuid": "tag", "name": "tag"})
    first = authored_task("first", "blender")
    many = [authored_task(f"t{n}", "blender", after=(first,)) for n in range(50)]
    job = store_job(farm, authored_job(first, *many, authored_task("last", "ffmpeg", after=tuple(many))))
    team = [new_worker(farm, f"w{n}") for n in range(4)]
    run_next(farm, team[0])
    for _ in range(3):
        run_next(farm, team[0], TaskStatus.FAILED)
    assigned = take(farm, team[1])
    take(farm, team[1])
    tasks.update(farm, team[1], assigned.task.id, TaskChange(activity="x", log="line", steps_completed=1))
    assert tasks.may_run(farm, team[1], assigned.task.id).may_keep_running
    report(farm, team[1], assigned, TaskStatus.COMPLETED)
    take(farm, team[2])
    workers.state_changed(farm, team[2], WorkerStatus.ASLEEP)
    jobs.set_priority(farm, job.id, 70)
    take(farm, team[3])
    clock.forward(10_000)
    timeouts.tick(farm)
    jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "test")
    jobs.set_status(farm, job.id, JobStatus.REQUEUEING, "test")
    assert workers.authenticate(farm, team[0].id, "secret")


def scans_of(store: Store, statements: dict[str, Any]) -> list[str]:
    """The steps of the plans that look through a table, with the statement each belongs to."""
    found = []
    with store.engine.connect() as connection:
        if not store.is_sqlite:
            # Small tables are always read whole; forbidden to, the server shows whether it has another way.
            connection.exec_driver_sql("SET enable_seqscan = off")
        for statement, parameters in statements.items():
            explain = "EXPLAIN QUERY PLAN " if store.is_sqlite else "EXPLAIN "
            for row in connection.exec_driver_sql(explain + statement, parameters):
                step = str(row[-1])
                is_scan = step.startswith("SCAN ") if store.is_sqlite else "Seq Scan" in step
                if is_scan and IN_RANK_ORDER not in step and "CONSTANT ROW" not in step:
                    found.append(f"{step}\n    in: {statement}")
    return found


def test_no_statement_looks_through_a_table(farm: Farm, clock: Clock) -> None:
    """Every statement of the schedule and update paths finds its rows by an index."""
    with executed(farm.store) as statements:
        exercise(farm, clock)
    assert len(statements) > 40
    assert "\n".join(scans_of(farm.store, statements)) == ""


def test_a_table_scan_would_be_noticed(farm: Farm) -> None:
    """The test above can fail: a search by a column without an index is found."""
    scan = {"SELECT key FROM tasks WHERE name = 'x'": ()}
    assert scans_of(farm.store, scan)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_claim_is_sorted_by_its_index(farm: Farm) -> None:
    """Neither step of a claim sorts: the order comes from the index, so the first row costs the same among millions."""
    store_job(farm, authored_job(authored_task()))
    worker = new_worker(farm)
    with executed(farm.store) as statements:
        take(farm, worker)
    with farm.store.engine.connect() as connection:
        for statement, parameters in statements.items():
            steps = [str(row[-1]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            assert not [step for step in steps if "TEMP B-TREE" in step], statement
