"""A farm with ten thousand jobs, and one more that workers are busy with while something happens to all of those."""

from __future__ import annotations

import logging
import tempfile
import uuid
from functools import cache
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

from sqlalchemy import func, insert, select, text, update

from flamenco.compiler.compile import Compiler
from flamenco.config import Config
from flamenco.domain.model import Job
from flamenco.farm.context import Farm
from flamenco.store import recount
from flamenco.store.engine import Store, Tx
from flamenco.store.schema import job_dependencies, job_texts, jobs, queues, tasks
from flamenco.store.upgrade import upgrade
from flamenco.testing import START
from tests.conftest import authored_job, authored_task, make_hooks
from tests.integration.farming import store_job
from tests.machine import slowness

log = logging.getLogger(__name__)

JOBS: Final = 10_000
OTHERS: Final = 40_000
"""More than workers do meanwhile: who reports on a task of a job that was deleted by then is told that it is gone."""
MANY: Final = "many"
"""The type of all of those jobs."""

MOST_S: Final = 0.2
"""No request of anybody else takes longer, on the machine that limits are written for."""

ALONE_S: Final = 4.0
"""For so long it is looked first how long requests take when there is nothing else to do."""


def farm_on(store: Store, folder: Path) -> Farm:
    """A farm without anything."""
    upgrade(store, START)
    return Farm(Config(data_dir=folder), store, Compiler([]), make_hooks())


def stored(url: str, folder: Path) -> None:
    """Store them, of a task each, and the job that workers prefer."""
    store = Store(url)
    farm = farm_on(store, folder)
    first = store_job(farm, authored_job(authored_task(), type=MANY, created=farm.clock()))
    with store.write() as tx:
        _copy(tx, first)
    store_job(farm, authored_job(*(authored_task(f"other-{number}") for number in range(OTHERS)), priority=90))
    assert_counted(store)
    farm.close()


def _copy(tx: Tx, first: Job) -> None:
    """Have as many jobs like it as there are to be: one by one would take minutes."""
    numbers = range(1, JOBS)
    same = _row(tx, jobs, jobs.c.key == first.key)
    tx.execute(insert(jobs), [same | {"uuid": _uuid("job", each), "name": f"job {each}"} for each in numbers])
    others = (jobs.c.type == MANY, jobs.c.key != first.key)
    keys = tx.execute(select(jobs.c.key).where(*others).order_by(jobs.c.key)).scalars().all()
    for table in (queues, job_texts):
        same = _row(tx, table, table.c.job_key == first.key)
        tx.execute(insert(table), [same | {"job_key": key} for key in keys])
    same = _row(tx, tasks, tasks.c.job_key == first.key)
    theirs = tx.execute(
        select(queues.c.job_key, queues.c.key).where(queues.c.job_key.in_(select(jobs.c.key).where(*others)))
    )
    tx.execute(
        insert(tasks),
        [same | {"uuid": _uuid("task", job), "job_key": job, "queue_key": queue} for job, queue in theirs.all()],
    )


def _row(tx: Tx, table: Any, condition: Any) -> dict[str, Any]:
    found = dict(tx.execute(select(table).where(condition)).mappings().one())
    return {name: value for name, value in found.items() if name != "key"}


def _uuid(kind: str, number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{kind} {number}"))


@cache
def _stored_once() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "flamenco.sqlite"
        stored(f"sqlite:///{file}", Path(folder))
        return file.read_bytes()


def in_database(url: str, folder: Path) -> str:
    """The URL of a database that has all of that: that one, or SQLite's where a manager looks for it."""
    if not url.startswith("sqlite"):
        stored(url, folder)
        return url
    (folder / "data").mkdir()
    (folder / "data" / "flamenco-manager.sqlite").write_bytes(_stored_once())
    return f"sqlite:///{folder}/data/flamenco-manager.sqlite"


def manager_on(url: str) -> tuple[str, ...]:
    """How a manager is told to use that database."""
    return "--processes", "2", *(() if url.startswith("sqlite") else ("--database", url))


def have_them_wait(farm: Farm) -> Job:
    """Have all of them wait for one more job, as if each had been submitted so."""
    one = store_job(farm, authored_job(authored_task(task_type="nobody can"), name="the one"))
    known = {"on_key": one.key, "on_id": one.id, "on_name": one.name, "created": farm.clock()}
    said = {"kind": "all", "awaits": "completed", "state": "waiting"}
    with farm.store.write() as tx:
        keys = tx.execute(select(jobs.c.key).where(jobs.c.type == MANY).order_by(jobs.c.key)).scalars().all()
        tx.execute(insert(job_dependencies), [{"job_key": key, **known, **said} for key in keys])
        tx.execute(update(jobs).where(jobs.c.type == MANY).values(waiting_for=1))
        tx.execute(update(jobs).where(jobs.c.key == one.key).values(waited_for=1))
        _withdraw(tx)
    assert_counted(farm.store)
    return one


def have_them_start(farm: Farm, moment: Any) -> None:
    """Have all of them start at a moment."""
    with farm.store.write() as tx:
        tx.execute(update(jobs).where(jobs.c.type == MANY).values(start_after=moment, start_after_reason="test"))
        _withdraw(tx)


def _withdraw(tx: Tx) -> None:
    """Nothing of them is offered to workers."""
    of_many = select(jobs.c.key).where(jobs.c.type == MANY)
    tx.execute(update(queues).where(queues.c.job_key.in_(of_many)).values(rank=None))


def count(store: Store, *conditions: Any) -> int:
    """How many jobs are like that."""
    with store.read() as tx:
        return int(tx.execute(select(func.count()).select_from(jobs).where(*conditions)).scalar_one())


def pending(store: Store) -> int:
    """How many jobs still wait for another."""
    with store.read() as tx:
        return int(tx.execute(text("SELECT count(*) FROM jobs WHERE waiting_for > 0")).scalar_one())


def assert_nobody_was_held_up(durations: list[float], alone: list[float]) -> None:
    """No request of a worker took long; a machine that has others to serve as well lets them wait for those, too."""
    for what, times in (("meanwhile", durations), ("with nothing else to do", alone)):
        p95, p99 = quantiles(times, n=100)[94], quantiles(times, n=100)[98]
        log.info("%d requests %s: p95 %.3f s, p99 %.3f s, longest %.3f s", len(times), what, p95, p99, max(times))
    assert max(durations) <= max(MOST_S * slowness(), 2 * max(alone))


def assert_counted(store: Store) -> None:
    """All counters are what counting gives."""
    with store.read() as tx:
        assert recount.miscounted(tx) == []
