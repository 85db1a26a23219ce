"""A farm as large as the page has to cope with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import case, update

from flamenco.compiler.compile import Compiler
from flamenco.config import Config
from flamenco.domain.access import ITSELF, Owner
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import placing
from flamenco.store import jobs as job_store
from flamenco.store import schema
from flamenco.store.engine import Store
from flamenco.store.upgrade import upgrade
from flamenco.testing import START
from tests.conftest import authored_job, authored_task, make_hooks
from tests.integration.farming import store_job

JOBS: Final = 10_000
TASKS: Final = 100_000
WORKERS: Final = 2_000
LARGE: Final = "a job of very many tasks"


@contextmanager
def long_farm(data_dir: Path) -> Iterator[Farm]:
    """One with as many jobs, tasks of a job and workers, in all kinds of statuses, in the data folder of a manager."""
    store = Store(f"sqlite:///{data_dir}/flamenco-manager.sqlite")
    upgrade(store, START)
    farm = Farm(Config(data_dir=data_dir), store, Compiler([]), make_hooks())
    settings = {"frames": "1-250", "render_output": f"/render/{'x' * 400}", "blendfile": f"/shots/{'y' * 400}"}
    for number in range(JOBS):
        _store_job(farm, number, settings)
    names = (f"frames {number * 7 % TASKS:06d}" for number in range(TASKS))
    store_job(farm, authored_job(*(authored_task(name, "blender") for name in names), name=LARGE))
    for number in range(WORKERS):
        workers.add(farm, ITSELF, f"render-{number:04d}", "linux")
    _have_worked(farm)
    yield farm
    farm.close()


def _store_job(farm: Farm, number: int, settings: dict[str, str]) -> None:
    job = authored_job(
        authored_task(),
        name=f"Shot {number * 7 % JOBS:05d}",
        priority=number % 100,
        settings=settings,
        metadata={"project": f"project {number % 17}"},
        created=farm.clock(),
    )
    placement = placing.placement(farm, job_store.candidate(job), {"misc"}, farm.clock())
    with farm.store.write() as tx:
        job_store.insert_job(tx, job, JobStatus.QUEUED, placement, owner=Owner(f"user {number % 40}"))


def _have_worked(farm: Farm) -> None:
    """All tasks of the large job were given to somebody, one after another, and became one thing or the other."""
    ended = (TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.QUEUED)
    tasks = schema.tasks.c
    status = case(*((tasks.key % 3 == number, each.value) for number, each in enumerate(ended)), else_="queued")
    with farm.store.write() as tx:
        given = update(schema.tasks).where(tasks.type == "blender")
        moments = {"activated": tasks.created, "last_touched": tasks.updated}
        tx.execute(given.values(status=status, worker_key=1 + tasks.key % WORKERS, steps_completed=1, **moments))
        jobs = schema.jobs.c
        tx.execute(update(schema.jobs).where(jobs.key % 2 == 0).values(status="completed", steps_completed=1))
        tx.execute(update(schema.jobs).where(jobs.name == LARGE).values(updated=START))
