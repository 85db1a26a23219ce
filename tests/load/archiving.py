"""A large job goes into an archive and comes back, in a process of its own: `python -m tests.load.archiving FOLDER`.

Prints what it took, and how much more memory, as JSON: that of a process that has done nothing else before.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import insert, select, text, update

from flamenco.compiler.compile import Compiler
from flamenco.config import Config
from flamenco.domain.archives import file_name
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import archives, deletion, trash
from flamenco.farm.context import Farm
from flamenco.files.job_folders import make_job_folder
from flamenco.store import jobs as job_store
from flamenco.store import recount
from flamenco.store.engine import Store, Tx
from flamenco.store.schema import attempts, jobs, tasks
from flamenco.store.upgrade import upgrade
from flamenco.testing import START
from tests.conftest import authored_job, authored_task, make_hooks
from tests.integration.farming import store_job

LOGS: Final = 200
"""So many of its tasks have a log."""

_KIB: Final = 1024
_SLICE: Final = 10_000


def farm_in(folder: Path) -> Farm:
    """The farm in a folder."""
    store = Store(f"sqlite:///{folder}/flamenco.sqlite")
    upgrade(store, START)
    return Farm(Config(data_dir=folder), store, Compiler([]), make_hooks())


def store_ended_job(folder: Path, count: int) -> str:
    """Store a job of so many tasks, each of which was completed at its second attempt; its UUID."""
    farm = farm_in(folder)
    job = store_job(farm, authored_job(authored_task("frame 0", "blender"), name="large"))
    with farm.store.write() as tx:
        first = dict(tx.execute(select(tasks).where(tasks.c.job_key == job.key)).mappings().one())
    for start in range(1, count, _SLICE):
        with farm.store.write() as tx:
            _add_tasks(tx, first, range(start, min(count, start + _SLICE)))
    with farm.store.write() as tx:
        tx.execute(update(tasks).values(status=TaskStatus.COMPLETED, attempts=2, activated=START, last_touched=START))
        tx.execute(_TRIED, {"first": 1})
        tx.execute(_TRIED, {"first": 2})
        tx.execute(update(jobs).values(status=JobStatus.COMPLETED))
        recount.repair(tx)
        some = tx.execute(select(tasks.c.uuid).order_by(tasks.c.key).limit(LOGS)).scalars().all()
    logs = make_job_folder(farm.config.local_storage_path, job.id)
    for task_id in some:
        (logs / f"task-{task_id}.txt").write_text("a line of a log\n" * 100)
    farm.close()
    return job.id


_TRIED = text(
    "INSERT INTO attempts (job_key, task_key, number, started, ended, seconds, outcome, reason, steps, log_begins)"
    " SELECT job_key, key, :first, created, updated, 1.0, 'completed', '', 0, 0 FROM tasks"
)


def _add_tasks(tx: Tx, first: dict[str, object], places: range) -> None:
    same = {name: value for name, value in first.items() if name != "key"}
    rows = [
        same | {"uuid": f"00000000-0000-4000-8000-{place:012x}", "index_in_job": place + 1, "name": f"frame {place}"}
        for place in places
    ]
    tx.execute(insert(tasks), rows)


def peak_mb() -> float:
    """The most memory this process ever had, in MiB; `getrusage` would tell that of whoever started it, if more."""
    status = Path("/proc/self/status").read_text("utf-8")
    return int(status.partition("VmHWM:")[2].split(maxsplit=1)[0]) / _KIB


@contextmanager
def measured(what: str, found: dict[str, float]) -> Iterator[None]:
    """How long something takes, and the most memory until then."""
    began = time.monotonic()
    yield
    found[f"{what}_s"] = round(time.monotonic() - began, 2)
    found[f"{what}_peak_mb"] = round(peak_mb(), 1)


def until(is_done: Callable[[], bool]) -> None:
    """Go on until it is."""
    while not is_done():
        pass


def main() -> None:
    """Do it, and print what came of it."""
    folder = Path(sys.argv[1])
    farm = farm_in(folder)
    with farm.store.read() as tx:
        job = job_store.STATE.read(tx.execute(job_store.SELECT).one())
    found = {"before_mb": round(peak_mb(), 1)}
    with measured("archive", found):
        archives.request(farm, job.id)
        trash.put_away(farm, job.id)
        archives.archive(farm, job.id)
    with measured("purge", found):
        until(lambda: deletion.delete_some(farm, job.id))
    file = file_name(job.id, job.name)
    found["file_mb"] = round((farm.config.archives_path / file).stat().st_size / _KIB / _KIB, 1)
    with measured("bring_back", found):
        archives.bring_back(farm, file)
    with farm.store.read() as tx:
        now = job_store.fetch(tx, job.id)
        assert (now.status, now.counts) == (job.status, job.counts)
        found["attempts"] = len(tx.execute(select(attempts.c.key)).all())
    farm.close()
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
