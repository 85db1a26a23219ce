"""Changes that are put off are made with what is sent next to a server, and before anything is read or committed."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from msgspec.structs import replace
from sqlalchemy import bindparam, delete, insert, select, text, update

from flamenco.domain.errors import Conflict
from flamenco.domain.statuses import TaskStatus
from flamenco.farm import tasks as farm_tasks
from flamenco.farm.context import Farm
from flamenco.farm.tasks import TaskChange
from flamenco.store import jobs, tasks
from flamenco.store.engine import Store, Tx
from flamenco.store.ready import Ready
from flamenco.store.schema import tags
from tests.conftest import authored_job, authored_task
from tests.integration.exercising import executed
from tests.integration.farming import new_worker, store_job, take

pytestmark = pytest.mark.postgresql

RENAME = Ready(update(tags).where(tags.c.name == bindparam("old")).values(name=bindparam("new")))
RENAMED = Ready(
    update(tags).where(tags.c.name == bindparam("old")).values(name=bindparam("new")).returning(tags.c.key, tags.c.name)
)
ADD = Ready(insert(tags).values(uuid=bindparam("uuid"), name=bindparam("name"), description=bindparam("about")))
FORGET = Ready(delete(tags).where(tags.c.name == bindparam("name")))
NAMES = Ready(select(tags.c.name).order_by(tags.c.name))


@pytest.fixture
def tagged(store: Store) -> Store:
    """A database with tags that are called a, b and c."""
    with store.write() as tx:
        ADD.run_each(tx, [{"uuid": f"u-{name}", "name": name, "about": ""} for name in "abc"])
    return store


def names(tx: Tx) -> list[str]:
    """What the tags are called."""
    return [row.name for row in NAMES.all(tx)]


def test_whatever_reads_has_all_changes(tagged: Store) -> None:
    """Whether it is sent ready-made or by SQLAlchemy."""
    with tagged.write() as tx:
        RENAME.later(tx, "tags", 1, old="a", new="x")
        assert names(tx) == ["b", "c", "x"]
        FORGET.later(tx, "tags", 2, name="b")
        assert tx.execute(text("SELECT count(*) FROM tags")).scalar_one() == 2
        FORGET.later(tx, "tags", 3, name="c")
    with tagged.read() as tx:
        assert names(tx) == ["x"]


def test_a_row_may_be_changed_twice(tagged: Store) -> None:
    """The later change is of what the earlier one made of it."""
    with tagged.write() as tx:
        RENAME.later(tx, "tags", 1, old="a", new="x")
        RENAME.later(tx, "tags", 1, old="x", new="y")
        assert RENAMED.all_with_those(tx, "tags", 9, old="y", new="z")[0].name == "z"
        assert names(tx) == ["b", "c", "z"]


def test_all_are_counted(tagged: Store) -> None:
    """Those that were put off, and the one that they go with, by what it concerned or returned."""
    counts: list[int] = []
    with tagged.write() as tx:
        RENAME.later(tx, "tags", 1, counts.append, old="a", new="x")
        assert FORGET.run_with_those(tx, "others", 0, name="b") == 1
        RENAME.later(tx, "tags", 1, counts.append, old="a", new="x")
        assert RENAMED.all_with_those(tx, "others", 0, old="x", new="a")[0].name == "a"
        RENAME.later(tx, "tags", 1, counts.append, old="a", new="x")
        assert RENAMED.all_with_those(tx, "others", 0, old="nobody", new="a") == []
        assert FORGET.run_with_those(tx, "others", 0, name="nobody") == 0
    assert counts == [1, 0, 1]


def test_what_is_rolled_back_is_never_made(tagged: Store) -> None:
    """Not even by the next transaction over the same connection."""

    def fail() -> None:
        with tagged.write() as tx:
            RENAME.later(tx, "tags", 1, old="a", new="x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with tagged.write() as tx:
        ADD.run_each(tx, [{"uuid": "u-d", "name": "d", "about": ""}])
    with tagged.read() as tx:
        assert names(tx) == ["a", "b", "c", "d"]


def test_a_task_that_changed_meanwhile_is_noticed(farm: Farm) -> None:
    """At the end of the transaction at the latest, of which nothing is kept."""
    store_job(farm, authored_job(authored_task()))
    assigned = take(farm, new_worker(farm))

    def end() -> None:
        with farm.store.write() as tx:
            job, task = tasks.lock(tx, assigned.task.id)
            jobs.save(tx, job, replace(job, activity="never"))
            tasks.save(tx, replace(task, status=TaskStatus.QUEUED), replace(task, activity="never"))

    with pytest.raises(Conflict):
        end()
    with farm.store.read() as tx:
        assert tasks.fetch(tx, assigned.task.id).activity != "never"
        assert jobs.fetch(tx, assigned.task.job_id).activity != "never"


def test_a_savepoint_takes_back_what_came_after_it(tagged: Store) -> None:
    """What was put off before stays."""
    with tagged.write() as tx:
        RENAME.later(tx, "tags", 1, old="a", new="x")
        with tx.begin_nested() as attempt:
            RENAME.later(tx, "tags", 2, old="b", new="y")
            attempt.rollback()
    with tagged.read() as tx:
        assert names(tx) == ["b", "c", "x"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_claim_and_an_end_are_few_round_trips(farm: Farm) -> None:
    """While others wait for the job: its task is looked for, and all is stored at once; an end takes two."""
    store_job(farm, authored_job(authored_task(), authored_task()))
    worker = new_worker(farm)
    with executed(farm.store) as claimed:
        assigned = take(farm, worker)
    locked = [number for number, sql in enumerate(claimed) if "FOR UPDATE OF jobs" in sql]
    assert len(list(claimed)[locked[0] :]) == 3, "lock, task, changes"
    with executed(farm.store) as ended:
        farm_tasks.update(farm, worker, assigned.task.id, TaskChange(status=TaskStatus.COMPLETED))
    assert len(ended) == 2, "lock, changes"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_those_who_want_a_job_have_it_in_turn(farm: Farm) -> None:
    """In the order in which they came, though each makes a new version of what the next one waits for."""
    job = store_job(farm, authored_job(authored_task()))
    order: list[int] = []
    waiting = text(
        "SELECT pg_sleep(0.01), count(*) AS number FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    )

    def have(number: int) -> None:
        with farm.store.write() as tx:
            found = jobs.lock_in_turn(tx, job.key)
            order.append(number)
            jobs.save(tx, found, replace(found, activity=f"of {number}"))

    with ThreadPoolExecutor(6) as others:
        futures: list[Future[None]] = []
        with farm.store.write() as tx:
            jobs.lock_in_turn(tx, job.key)
            for number in range(6):
                futures.append(others.submit(have, number))
                for _ in range(1000):
                    with farm.store.read() as look:
                        if look.execute(waiting).one().number == number + 1:
                            break
                else:
                    raise AssertionError("it does not wait")
        for future in futures:
            future.result(20)
    assert order == list(range(6))
