"""The price of what is asked of the database: no statement may look through a table, but for a few with a reason.

The statements are not listed here: whatever is executed while a farm does all that it can do is caught, and the
database is asked how it would go about it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

import pytest

from flamenco.domain.statuses import RUNNABLE_TASK, SCHEDULABLE_JOB, TRANSITIONAL_JOB, TaskStatus
from flamenco.farm import tasks, workers
from flamenco.farm.context import Farm
from flamenco.farm.tasks import TaskChange
from flamenco.store.engine import Store
from flamenco.store.schema import ACTIVE_SQL, OPEN_SQL, RUNNABLE_SQL, TRANSITIONAL_SQL, metadata
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.exercising import executed, exercise, functions_of_the_store
from tests.integration.farming import new_worker, run_next, store_job, take

pytestmark = pytest.mark.postgresql

PARTIAL: Final = [
    str(index.name)
    for table in metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
]
"""The indexes that may be walked along: they have only rows of the kind that is asked for."""

FEW_ROWS: Final = frozenset(
    {
        "farm_status",
        "last_rendered",
        "leases",
        "limits",
        "log_followers",
        "processes",
        "requirements",
        "rolled_up",
        "sinks",
        "tags",
        "told",  # the values that are in the statement itself
        "tokens",
        "users",
        "worker_tags",
    }
)
"""The tables that stay small however much the farm does, so that nobody minds who reads them whole."""

LOOK_THROUGH: Final = {
    "audit.newest": "backwards from the newest, no further than is shown",
    "jobs.keys_unfinished": "once, when the manager starts; an index would have to be kept up with every task",
    "jobs.newest": "backwards from the newest, no further than is shown",
    "job_news.next_ones": "from the oldest, no further than to the next one",
    "job_news.next_of": "likewise",
    "job_waits.unheard": "every ten minutes, by a chore",
    "job_waits.uncounted": "likewise",
    "job_lists.counts": "counts those that a filter leaves in",
    "job_lists.groups": "sums up those that a filter leaves in",
    "job_lists.page": "a page of all jobs, in an order that has no index: one would be kept up with every task",
    "listing.jobs_matching": "somebody wants the list of all jobs",
    "present.job_ids": "once, when a farm comes over from another manager",
    "present.worker_ids": "likewise",
    "recount.miscounted": "a person has everything counted anew",
    "recount.repair": "likewise",
    "search.job_names": "somebody looks for a part of a name, which no index of whole ones has",
    "search.batch_names": "likewise, along an index",
    "search.project_names": "likewise",
    "search.user_names": "likewise",
    "search.worker_names": "likewise, among workers, who are few",
    "sinks.count_dead": "counts them, along an index",
    "statistics.count_jobs": "counts them, for whoever draws a curve",
    "worker_lists.counts": "counts those that a filter leaves in",
    "worker_lists.page": "a page of all workers, in an order that has no index: they are too few",
}
"""The functions of the store that may look through other tables, and why."""

_SCAN: Final = {True: re.compile(r"SCAN (?!anon_)(\w+)"), False: re.compile(r"Seq Scan on (\w+)")}
"""How a step of a plan tells which table it looks through, in SQLite and in PostgreSQL; not of a result in between."""


def scans_of(store: Store, statements: Mapping[str, Any]) -> list[str]:
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
                scan = _SCAN[store.is_sqlite].search(step)
                along_partial = any(name in step for name in PARTIAL)
                if scan and scan[1] not in FEW_ROWS and "CONSTANT ROW" not in step and not along_partial:
                    found.append(f"{step}\n    in: {statement}")
    return found


PUT_OFF: Final = frozenset(
    {
        *("jobs.save", "attempts.end", "queues.add_runnable", "queues.add_all_runnable", "tasks.save"),
        *("audit.append", "trash.purge", "trash.put_away", "job_news.add_task", "limits.take"),
    }
)
"""What a server is told of as a part of what other functions send."""


def test_no_statement_looks_through_a_table(farm: Farm, clock: Clock) -> None:
    """Every function of the store finds its rows by an index, and every one is asked here; a few read all, and say why.

    Of one that nobody asks here, nobody knows what it costs: `exercise` has it do its work too.
    """
    with executed(farm.store) as statements:
        exercise(farm, clock)
    of_other_databases = (
        {"leases.clock", "roll_ups.horizon", "job_waits.alone", "own_limits.alone", "jobs.lock_in_turn", "limits.lock"}
        if farm.store.is_sqlite
        else {"damage.look", "space.give_back", *PUT_OFF}
    )
    assert sorted(functions_of_the_store() - statements.functions - of_other_databases) == []
    assert sorted(LOOK_THROUGH.keys() - functions_of_the_store()) == []
    searching = {sql: values for sql, values in statements.items() if statements.asked_by[sql] not in LOOK_THROUGH}
    assert "\n".join(scans_of(farm.store, searching)) == ""


@pytest.mark.parametrize(
    ("condition", "statuses"),
    [
        (RUNNABLE_SQL, RUNNABLE_TASK),
        (ACTIVE_SQL, {TaskStatus.ACTIVE}),
        (TRANSITIONAL_SQL, TRANSITIONAL_JOB),
        (OPEN_SQL, SCHEDULABLE_JOB),
    ],
)
def test_conditions_of_indexes_agree_with_the_rules(condition: str, statuses: Collection[str]) -> None:
    """What is written out for the sake of an index names the statuses that the rules name."""
    assert set(re.findall(r"'([\w-]+)'", condition)) == set(statuses)


def test_an_update_asks_for_no_more_than_it_needs(farm: Farm) -> None:
    """What may be long of a job and a task is not read, and no column is written that stays: it may be indexed."""
    store_job(farm, authored_job(authored_task(), settings={"long": "x"}))
    worker = new_worker(farm)
    assigned = take(farm, worker)
    with executed(farm.store) as statements:
        tasks.update(farm, worker, assigned.task.id, TaskChange(activity="x", log="line", steps_completed=1))
    asked = [sql for sql in statements if sql.startswith(("SELECT", "WITH turn")) and "tasks.uuid" in sql]
    assert len(asked) == 2, "the task, before its log is written and once its job is locked, and the job"
    assert not [sql for sql in asked if re.search(r"settings|metadata|tasks\.commands", sql)]
    written = dict(re.findall(r"\bUPDATE (\w+) SET (.*?) WHERE", " ".join(statements)))
    assert not re.search("status|worker_key|activated", written["tasks"])
    assert re.findall(r"(\w+)=", written["jobs"]) == ["steps_completed"]


def test_a_table_scan_would_be_noticed(farm: Farm) -> None:
    """The test above can fail: a search by a column without an index is found."""
    scan = {"SELECT key FROM tasks WHERE name = 'x'": ()}
    assert scans_of(farm.store, scan)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_comes_first_is_found_by_an_index(farm: Farm) -> None:
    """Neither a claim nor a look at a worker's last task sorts: the first row costs the same among millions."""
    store_job(farm, authored_job(authored_task()))
    worker = new_worker(farm)
    with executed(farm.store) as statements:
        run_next(farm, worker)
        assert workers.details(farm, worker.id).task
        store_job(farm, authored_job(authored_task()))
        take(farm, worker)
    with farm.store.engine.connect() as connection:
        for statement, parameters in statements.items():
            steps = [str(row[-1]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            is_of_few = statements.asked_by[statement] in ("tags.of_worker", "events.append")
            assert is_of_few or not [step for step in steps if "TEMP B-TREE" in step], statement
