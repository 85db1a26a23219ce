"""Cycles of one worker in a process that does nothing else: to be run by `instructions`, in any checkout.

Run by its path, in the checkout that is measured: everything but what is used here alone is that one's.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from flamenco import bundled
from flamenco.compiler.compile import Compiler
from flamenco.config import Config
from flamenco.domain.model import Speaker
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
    with tempfile.TemporaryDirectory() as folder:
        farm = _farm(Path(folder))
        try:
            if in_use:
                _submit_in_use(farm, cycles + _BEFORE)
            else:
                tasks = (authored_task(f"task {number}", "misc") for number in range(cycles + _BEFORE))
                store_job(farm, authored_job(*tasks, name="job"))
            worker = new_worker(farm, "worker", task_types=("misc",))
            speaker = Speaker(key=worker.key, id=worker.id, name=worker.name)
            for _ in range(_BEFORE):
                _cycle(farm, speaker)
            _count("on", counted=counted)
            for _ in range(cycles):
                _cycle(farm, speaker)
            _count("off", counted=counted)
        finally:
            farm.close()
    print(f"{cycles} cycles")


def _farm(folder: Path) -> Farm:
    store = Store(f"sqlite:///{folder}/flamenco.sqlite")
    upgrade(store, START)
    (folder / "many").mkdir()
    compiler = Compiler([folder / "many", bundled.job_types()])
    return Farm(Config(data_dir=folder), store, compiler, make_hooks(), Clock())


def _submit_in_use(farm: Farm, tasks: int) -> None:
    import falcon.testing  # noqa: PLC0415 - earlier checkouts have none of what follows

    from benchmarks.in_use import submit_in_use  # noqa: PLC0415
    from benchmarks.managers import MANY, Caller  # noqa: PLC0415
    from flamenco.api.app import create_app  # noqa: PLC0415
    from flamenco.farm import telling  # noqa: PLC0415

    (farm.config.data_dir / "many" / "many.js").write_text(MANY)
    client = falcon.testing.TestClient(create_app(farm))

    class _People(Caller):
        def __init__(self) -> None:
            """Nothing listens: the application is asked itself, and what its chores would do is done."""

        def get(self, method: str, path: str, body: Any = None) -> Any:
            answer = client.simulate_request(method, path, json=body, headers={"Host": "localhost"})
            if answer.status_code not in (200, 204):
                raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
            telling.tell_all(farm)
            return answer.json if answer.text else None

    submit_in_use(_People(), "job", tasks, "misc")


def _cycle(farm: Farm, speaker: Speaker) -> None:
    task_id = take(farm, speaker).task.id  # type: ignore[arg-type]
    update(farm, speaker, task_id, TaskChange(status=TaskStatus.ACTIVE, activity="it runs"))
    update(farm, speaker, task_id, TaskChange(log="one line of a log"))
    update(farm, speaker, task_id, TaskChange(status=TaskStatus.COMPLETED, activity="it is done"))


def _count(what: str, *, counted: bool) -> None:
    if counted:
        command = ["callgrind_control", "-i", what, str(os.getpid())]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main(int(sys.argv[1]), in_use="--in-use" in sys.argv, counted="--counted" in sys.argv)
