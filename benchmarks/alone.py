"""Cycles of one worker in a process that does nothing else: to be run by `instructions`, in any checkout.

Run by its path, in the checkout that is measured: everything but what is used here alone is that one's.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from flamenco import bundled
from flamenco.compiler.compile import Compiler
from flamenco.config import Config
from flamenco.domain.model import Worker
from flamenco.domain.statuses import TaskStatus
from flamenco.farm.context import Farm
from flamenco.farm.tasks import TaskChange, update
from flamenco.store.engine import Store
from flamenco.store.upgrade import upgrade
from flamenco.testing import START, Clock
from tests.conftest import authored_job, authored_task, make_hooks
from tests.integration.farming import new_worker, store_job, take

_BEFORE = 30
"""So many cycles until all is made that is made once."""


def main(cycles: int, *, in_use: bool, counted: bool) -> None:
    """Go through so many; what comes before and afterwards is not `counted`, for which valgrind has to be there."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        farm = _farm(folder)
        try:
            if in_use:
                from benchmarks.in_use import submit_to  # noqa: PLC0415 - earlier checkouts have no such thing

                submit_to(farm, folder, cycles + _BEFORE)
            else:
                tasks = (authored_task(f"task {number}", "misc") for number in range(cycles + _BEFORE))
                store_job(farm, authored_job(*tasks, name="job"))
            worker = new_worker(farm, "worker", task_types=("misc",))
            for _ in range(_BEFORE):
                _cycle(farm, worker)
            _count("on", counted=counted)
            for _ in range(cycles):
                _cycle(farm, worker)
            _count("off", counted=counted)
        finally:
            farm.close()
    print(f"{cycles} cycles")


def _farm(folder: Path) -> Farm:
    store = Store(f"sqlite:///{folder}/flamenco.sqlite")
    upgrade(store, START)
    return Farm(Config(data_dir=folder), store, Compiler([folder, bundled.job_types()]), make_hooks(), Clock())


def _cycle(farm: Farm, worker: Worker) -> None:
    task_id = take(farm, worker).task.id
    update(farm, worker, task_id, TaskChange(status=TaskStatus.ACTIVE, activity="it runs"))
    update(farm, worker, task_id, TaskChange(log="one line of a log"))
    update(farm, worker, task_id, TaskChange(status=TaskStatus.COMPLETED, activity="it is done"))


def _count(what: str, *, counted: bool) -> None:
    if counted:
        command = ["callgrind_control", "-i", what, str(os.getpid())]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main(int(sys.argv[1]), in_use="--in-use" in sys.argv, counted="--counted" in sys.argv)
