"""The database as a whole: its shape, its upgrades, its copies, and its self-check; on both kinds."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from sqlalchemy import column, event, inspect, select, text
from sqlalchemy import func as sql
from sqlalchemy import table as any_table
from sqlalchemy.exc import IntegrityError

from flamenco.compiler.compile import Compiler
from flamenco.config import Config
from flamenco.domain.errors import Busy, StoreError, Unavailable
from flamenco.domain.model import Assignment
from flamenco.domain.statuses import TaskStatus
from flamenco.farm import tasks, workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from flamenco.store import damage, leases, recount, tags
from flamenco.store import upgrade as upgrade_module
from flamenco.store import workers as worker_store
from flamenco.store.engine import Store, Tx
from flamenco.store.schema import Utc, job_texts, metadata, queues, requirements
from flamenco.store.schema import jobs as jobs_table
from flamenco.store.upgrade import backup, revision, upgrade
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task, make_hooks
from tests.integration.farming import new_worker, run_next, store_job

pytestmark = pytest.mark.postgresql


def test_the_migrations_make_the_tables_that_the_code_expects(store: Store) -> None:
    """A database that was upgraded step by step is the one that the statements are written for."""
    with store.read() as tx:
        assert compare_metadata(MigrationContext.configure(tx), metadata) == []


def test_upgrading_twice_changes_nothing(store: Store, clock: Clock) -> None:
    """The second start finds everything in place."""
    before = revision(store)
    assert not upgrade(store, clock())
    assert revision(store) == before


def test_a_newer_database_is_refused(store: Store, clock: Clock) -> None:
    """A database of a later version is left alone, and the message says what to do."""
    with store.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"newer version.*9999.*install"):
        upgrade(store, clock())


def test_somebody_elses_database_is_refused(database_url: str, clock: Clock) -> None:
    """A database that holds other tables is not ours to change."""
    other = Store(database_url)
    with other.write() as tx:
        tx.execute(text("CREATE TABLE pictures (id INTEGER)"))
    with pytest.raises(StoreError, match="is not of this manager"):
        upgrade(other, clock())
    other.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path, clock: Clock) -> None:
    """Pointing the manager at a wrong file ends in a sentence, and the file stays as it is."""
    path = tmp_path / "notes.txt"
    path.write_text("milk, eggs, " * 1000)
    broken = Store(f"sqlite:///{path}")
    with pytest.raises(StoreError, match=r"is damaged \(file is not a database\)"):
        upgrade(broken, clock())
    broken.close()
    assert path.read_text().startswith("milk")


def old_farm(tx: Tx, moment: datetime) -> None:
    """Two jobs as the first version of the tables had them: two tasks that can run, one that waits for the first."""

    def add(name: str, /, **values: object) -> int:
        columns = [column(each, Utc() if isinstance(values[each], datetime) else None) for each in values]
        tx.execute(any_table(name, *columns).insert(), values)
        return (
            int(tx.execute(select(sql.max(text("key"))).select_from(text(name))).scalar_one())
            if "uuid" in values
            else 0
        )

    times = {"created": moment, "updated": moment}
    for status, rank in (("queued", 50.0), ("paused", 60.0)):
        counts = {"tasks_queued": 3, "steps_total": 3}
        about = {"name": "n", "type": "t", "priority": 50, "settings": "{}", "metadata": "{}"}
        job = add("jobs", uuid=f"job {rank}", status=status, rank=rank, **about, **counts, **times)
        add("queues", job_key=job, task_type="misc", runnable=2, rank=rank if status == "queued" else None)
        keys = []
        for index, (name, unmet) in enumerate((("echo", 0), ("sleep", 0), ("echo", 1)), start=1):
            about = {"name": name, "type": "misc", "priority": 50, "status": "queued", "steps_total": 1, "unmet": unmet}
            commands = f'[{{"name":"{name}","parameters":{{}},"total_step_count":0}}]'
            place = {"uuid": f"task {rank} {index}", "job_key": job, "index_in_job": index}
            keys.append(add("tasks", **place, **about, commands=commands, **times))
        add("task_dependencies", task_key=keys[2], dependency_key=keys[0])


def test_a_database_of_before_is_upgraded(database_url: str, clock: Clock) -> None:
    """What was queued before the upgrade is sorted by what it requires, and handed out after it."""
    old = Store(database_url)
    with old.write() as tx:
        config = AlembicConfig()
        config.set_main_option("script_location", str(Path(upgrade_module.__file__).parent / "migrations"))
        config.attributes["connection"] = tx
        command.upgrade(config, "0001")
        old_farm(tx, clock())
    assert upgrade(old, clock())
    with old.read() as tx:
        assert recount.miscounted(tx) == []
        joined = queues.join(requirements, requirements.c.key == queues.c.requirement_key)
        columns = (requirements.c.task_type, requirements.c.commands, queues.c.runnable, queues.c.rank)
        found = tx.execute(select(*columns).select_from(joined).order_by(queues.c.key)).all()
    assert [tuple(row) for row in found] == [
        ("misc", '["echo"]', 1, 50),
        ("misc", '["sleep"]', 1, 50),
        ("misc", '["echo"]', 1, None),
        ("misc", '["sleep"]', 1, None),
    ]
    farm = Farm(Config(), old, Compiler([]), make_hooks(), clock)
    store_job(farm, authored_job(authored_task("new")))
    worker = new_worker(farm)
    workers.tell_commands(farm, worker, ["echo"])
    assert [run_next(farm, worker) for _ in range(3)] == ["echo", "echo", "new"]
    farm.close()


def test_jobs_of_before_get_their_user_and_project(database_url: str, clock: Clock) -> None:
    """From their metadata, a slice at a time; what they claim of their user makes nobody their owner."""
    old = Store(database_url)
    with old.write() as tx:
        config = AlembicConfig()
        config.set_main_option("script_location", str(Path(upgrade_module.__file__).parent / "migrations"))
        config.attributes["connection"] = tx
        command.upgrade(config, "0014")
        values = {
            "type": "t",
            "priority": 50,
            "status": "queued",
            "settings": {},
            "created": clock(),
            "updated": clock(),
        }
        said = [{"project": "Ünder", "user.name": "Anna"}, {"user.name": "Anna"}, {}] * 400
        columns = ("uuid", "name", "metadata", "owner", "owner_address", *values)
        rows = [
            {"uuid": str(number), "name": f"Job {number}", "metadata": each, "owner": "bob" if number % 3 == 1 else ""}
            | {"owner_address": ""}
            | values
            for number, each in enumerate(said)
        ]
        tx.execute(any_table("jobs", *(column(each, jobs_table.c[each].type) for each in columns)).insert(), rows)
    assert upgrade(old, clock())
    with old.read() as tx:
        found = tx.execute(
            select(jobs_table.c.owner, jobs_table.c.owner_address, jobs_table.c.project).order_by(jobs_table.c.key)
        ).all()
        texts = tx.execute(select(job_texts.c.text).order_by(job_texts.c.job_key)).scalars().all()
    assert [tuple(row) for row in found] == [("Anna", "unknown", "Ünder"), ("bob", "", ""), ("", "", "")] * 400
    assert texts[-3:] == ["job 1197\nanna\nünder\nt", "job 1198\nbob\n\nt", "job 1199\n\n\nt"]
    old.close()


def test_jobs_of_before_get_their_batch(database_url: str, clock: Clock) -> None:
    """From their metadata, a slice at a time, and are found by it."""
    old = Store(database_url)
    with old.write() as tx:
        config = AlembicConfig()
        config.set_main_option("script_location", str(Path(upgrade_module.__file__).parent / "migrations"))
        config.attributes["connection"] = tx
        command.upgrade(config, "0023")
        names = ("uuid", "name", "type", "priority", "status", "settings", "metadata", "created", "updated")
        moments = {"created": clock(), "updated": clock()}
        rows = [
            {"uuid": str(number), "name": "job", "type": "t", "priority": 50, "status": "queued", "settings": {}}
            | {"metadata": {"batch": "Übung 7"} if number % 600 == 0 else {"project": "film"}}
            | moments
            for number in range(1200)
        ]
        table = any_table("jobs", *(column(each, jobs_table.c[each].type) for each in names))
        tx.execute(table.insert(), rows)
        tx.execute(text("INSERT INTO job_texts (job_key, text) SELECT key, 'job' FROM jobs"))
    assert upgrade(old, clock())
    with old.read() as tx:
        found = tx.execute(
            select(jobs_table.c.uuid, jobs_table.c.batch, job_texts.c.text)
            .join(job_texts)
            .where((jobs_table.c.batch != "") | (job_texts.c.text != "job"))
            .order_by(jobs_table.c.key)
        ).all()
    assert [tuple(row) for row in found] == [(each, "Übung 7", "job\nübung 7") for each in ("0", "600")]
    old.close()


def test_every_foreign_key_has_an_index(store: Store) -> None:
    """Deleting a row never looks through the tables that refer to it."""
    inspector = inspect(store.engine)
    for table in metadata.sorted_tables:
        leading = {index["column_names"][0] for index in inspector.get_indexes(table.name)}
        leading.add(inspector.get_pk_constraint(table.name)["constrained_columns"][0])
        leading |= {unique["column_names"][0] for unique in inspector.get_unique_constraints(table.name)}
        for key in inspector.get_foreign_keys(table.name):
            assert key["constrained_columns"][0] in leading, (table.name, key)


def test_what_is_miscounted_is_found_and_repaired(farm: Farm) -> None:
    """Whatever a counter was changed to, the check names it and the repair puts it right."""
    first = authored_task("first")
    store_job(farm, authored_job(first, authored_task("second", after=(first,))))
    run_next(farm, new_worker(farm))
    with farm.store.write() as tx:
        tx.execute(text("UPDATE jobs SET tasks_queued = 7, steps_completed = 9"))
        tx.execute(text("UPDATE queues SET runnable = 5, rank = NULL"))
        tx.execute(text("UPDATE tasks SET unmet = 3"))
    with farm.store.read() as tx:
        found = " ".join(recount.miscounted(tx))
    for name in ("jobs.tasks_queued", "jobs.steps_completed", "queues.runnable", "queues.rank", "tasks.unmet"):
        assert name in found
    with farm.store.write() as tx:
        recount.repair(tx)
        assert recount.miscounted(tx) == []
    assert run_next(farm, new_worker(farm, "other")) == "second"


def test_foreign_keys_that_point_nowhere_are_found(tmp_path: Path, clock: Clock) -> None:
    """Rows that refer to nothing, which only happens from outside, are reported."""
    path = tmp_path / "flamenco.sqlite"
    opened = Store(f"sqlite:///{path}")
    upgrade(opened, clock())
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO queues (job_key, requirement_key) VALUES (77, 1)")
    connection.close()
    with opened.read() as tx:
        found = damage.look(tx)
    assert "queues" in found[0].problem
    assert not any(each.in_file for each in found)
    assert damage.check_before_start(opened, 10.0) == [each.problem for each in found]
    opened.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_large_database_is_not_looked_at_for_ever(store: Store, clock: Clock) -> None:
    """When the time is over, the look for damage ends, and the database can be used."""
    with store.write() as tx:
        tx.execute(
            text(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)"
                " INSERT INTO leases (name, owner, expires) SELECT i, 'o', '2026-01-01' FROM n"
            )
        )
    with closing(sqlite3.connect(str(store.file))) as careless, careless:
        careless.execute("INSERT INTO worker_tags (worker_key, tag_key) VALUES (1, 1)")
    assert damage.check_before_start(store, -1.0) == []
    assert len(damage.check_before_start(store, 60.0)) == 2
    with store.write() as tx:
        assert leases.take(tx, "chore", "me", clock(), clock())


def test_a_copy_is_whole_and_never_overwrites(farm: Farm, tmp_path: Path, clock: Clock) -> None:
    """A backup of a running database opens as one; PostgreSQL says which tool to use."""
    store_job(farm, authored_job(authored_task()))
    target = tmp_path / "copy.sqlite"
    if not farm.store.is_sqlite:
        with pytest.raises(StoreError, match="pg_dump"):
            backup(farm.store, target)
        return
    backup(farm.store, target)
    copy = Store(f"sqlite:///{target}")
    assert not upgrade(copy, clock())
    with copy.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM tasks")).scalar_one() == 1
    copy.close()
    with pytest.raises(StoreError, match="exists already"):
        backup(farm.store, target)


def test_an_exception_leaves_nothing_behind(farm: Farm) -> None:
    """A transaction that fails half way has not happened."""

    def fail_half_way() -> None:
        with farm.store.write() as tx:
            tx.execute(text("INSERT INTO tags (uuid, name) VALUES ('a', 'a')"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    with farm.store.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM tags")).scalar_one() == 0


def test_many_workers_at_once_never_share_a_task(make_farm: Callable[..., Farm]) -> None:
    """Eight threads claiming as fast as they can: every task is run once, by one worker."""
    farm = make_farm()
    job = store_job(farm, authored_job(*(authored_task(f"t{n}") for n in range(200))))
    ran: list[str] = []

    def work(number: int) -> None:
        worker = new_worker(farm, f"w{number}")
        while True:
            try:
                assigned = claim.assign_next(farm, worker)
                if not isinstance(assigned, Assignment):
                    return
                done = tasks.TaskChange(status=TaskStatus.COMPLETED)
                tasks.update(farm, worker, assigned.task.id, done)
            except Busy:
                continue
            ran.append(assigned.task.name)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sorted(ran) == sorted(f"t{n}" for n in range(200))
    with farm.store.read() as tx:
        assert recount.miscounted(tx) == []
    assert {str(task.status) for task in tasks.of_job(farm, job.id)} == {"completed"}


def test_a_reader_sees_one_state(farm: Farm) -> None:
    """What others write while somebody reads is not in the picture that the reader gets."""
    new_worker(farm, "here")
    with farm.store.read() as tx:
        before = [worker.name for worker in worker_store.all_present(tx)]
        new_worker(farm, "came meanwhile")
        assert [worker.name for worker in worker_store.all_present(tx)] == before == ["here"]


def test_others_write_after_what_went_wrong(store: Store) -> None:
    """Nothing is kept of a transaction that failed, and nobody waits for it."""

    def fail() -> None:
        with store.write() as tx:
            tags.insert_tag(tx, "one", "failed", "")
            raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        fail()
    with ThreadPoolExecutor(1) as other_thread:
        with store.write() as tx:
            tx.execute(text("SELECT 1"))  # of which SQLAlchemy takes note
            waiting = other_thread.submit(fail)
            tags.insert_tag(tx, "two", "kept", "")
        with pytest.raises(ValueError, match="wrong"):
            waiting.result(20)
    with store.read() as tx:
        assert [tag.name for tag in tags.all_tags(tx)] == ["kept"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_server_that_was_restarted_costs_nobody_anything(store: Store) -> None:
    """What it has closed meanwhile is noticed before it is used; other connections are kept."""
    pid = text("SELECT pg_backend_pid()")
    with store.read() as kept, store.read() as ended:
        pids = [tx.execute(pid).scalar_one() for tx in (kept, ended)]
    with store.write() as tx:
        assert tx.execute(pid).scalar_one() == pids[0]
        tx.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": pids[1]})
        with store.read() as new:
            assert new.execute(pid).scalar_one() not in pids


def test_a_connection_that_is_lost_is_one_thing(postgres_server: str) -> None:
    """A database that does not answer, or hangs up, may come back: that is said, and so is what is wrong."""
    away = Store(postgres_server.partition("?")[0] + "?host=127.0.0.1&port=1", pool_size=1)
    with pytest.raises(Unavailable, match="does not answer"), away.read():
        pass
    away.close()
    hung_up = Store(postgres_server, pool_size=1)
    with pytest.raises((Unavailable, Busy)), hung_up.write() as tx:
        tx.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    with hung_up.read() as tx:
        assert tx.execute(text("SELECT 1")).scalar_one() == 1
    hung_up.close()


def test_a_disk_that_is_full_is_a_third(store: Store) -> None:
    """Whoever asks is told what is wrong, on either database, and that it may be mended."""
    full = "DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$"
    if store.is_sqlite:
        event.listen(store.engine, "begin", lambda tx: tx.exec_driver_sql("PRAGMA max_page_count = 1"))
        full = "CREATE TABLE large AS SELECT randomblob(1000000)"
    with (
        pytest.raises(Unavailable, match=r"disk of the database is full.*(is full|could not extend)"),
        store.write() as tx,
    ):
        tx.exec_driver_sql(full)


def test_a_database_that_is_broken_is_another(tmp_path: Path) -> None:
    """Nobody is told to come back when that would not help."""
    empty = Store(f"sqlite:///{tmp_path / 'x.sqlite'}")
    with pytest.raises(StoreError, match="cannot be used: no such table") as error, empty.read() as tx:
        tx.execute(text("SELECT * FROM tags"))
    assert not isinstance(error.value, Unavailable)
    empty.close()


def test_a_lease_is_held_by_one_and_taken_over_when_it_expires(store: Store, clock: Clock) -> None:
    """Of two processes one has the lease, until it stops renewing it or gives it up."""

    def take(owner: str) -> bool:
        with store.write() as tx:
            return leases.take(tx, "chore", owner, clock(), Clock(clock()).now.replace(year=2027))

    assert take("a")
    assert not take("b")
    assert take("a")
    clock.now = clock.now.replace(year=2028)
    assert take("b")
    with store.write() as tx:
        leases.release(tx, "b")
    clock.now = clock.now.replace(year=2026)
    assert take("a")


def add_a_tag_of_nobody(store: Store) -> None:
    """Write what is refused only when it is to count."""
    with store.write() as tx:
        tx.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        tx.exec_driver_sql("INSERT INTO worker_tags (worker_key, tag_key) VALUES (99, 99)")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_commit_that_fails(store: Store) -> None:
    """As on a full disk: what follows on the same connection is not refused for it."""
    for _ in range(2):
        with pytest.raises(IntegrityError, match="FOREIGN KEY"):
            add_a_tag_of_nobody(store)
    with store.write() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM worker_tags").scalar_one() == 0
