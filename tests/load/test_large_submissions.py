"""Handing in as large a job as anybody has: it goes through, and nobody else waits for the database meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flamenco import bundled
from flamenco.compiler.compile import Compiler
from flamenco.config import Config
from flamenco.domain.model import Submission
from flamenco.farm import jobs
from flamenco.farm.context import Farm
from flamenco.store.engine import Store, Tx
from flamenco.store.upgrade import upgrade
from flamenco.testing import START, Clock
from tests.conftest import make_hooks
from tests.machine import slowness

LARGE, LARGEST = 100_000, 1_000_000
MOST_S = 0.2
"""For so long one transaction may keep others from writing, where nothing else has the processor."""

RENDER = {
    "scene": "Scene",
    "format": "PNG",
    "image_file_extension": ".png",
    "fps": 24,
    "render_output_path": "/render/shot/######",
    "blendfile": "/jobs/shot.blend",
}
MANY = """
const JOB_TYPE = { label: "Many", settings: [{ key: "count", type: "int32", required: true }] };
function compileJob(job) {
    for (let i = 0; i < job.settings.count; i++) {
        const task = author.Task(`task-${i}`, "misc");
        task.addCommand(author.Command("echo", { message: `number ${i}` }));
        job.addTask(task);
    }
}"""


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    """A farm on SQLite, with the limits that a manager has by default."""
    (tmp_path / "many.js").write_text(MANY)
    store = Store(f"sqlite:///{tmp_path}/flamenco.sqlite")
    upgrade(store, START)
    farm = Farm(Config(data_dir=tmp_path), store, Compiler([tmp_path, bundled.job_types()]), make_hooks(), Clock())
    yield farm
    farm.close()


@pytest.fixture
def kept_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """For how long each transaction kept others from writing, on a machine that has nothing else to do.

    That is the processor time of what it did: the helper process may be at work beside it, and whatever else.
    """
    kept: list[float] = []
    write = Store.write

    @contextmanager
    def timed(store: Store) -> Iterator[Tx]:
        with write(store) as tx:
            began = time.thread_time()
            yield tx
        kept.append(time.thread_time() - began)

    monkeypatch.setattr(Store, "write", timed)
    return kept


def test_a_hundred_thousand_frames(farm: Farm, kept_s: list[float]) -> None:
    """A job of the type that most are of goes through, and no transaction of it takes long."""
    settings = {"frames": f"1-{LARGE - 1}"} | RENDER
    job = jobs.submit(farm, Submission(name="n", type="simple-blender-render", settings=settings), strict=True)
    assert job.counts.queued == LARGE
    assert max(kept_s) < MOST_S * slowness(), sorted(kept_s)[-5:]


@pytest.mark.long
def test_a_million_tasks(farm: Farm, kept_s: list[float]) -> None:
    """As many tasks as a job may have, of a simple script, go through; the last transaction takes no longer."""
    job = jobs.submit(farm, Submission(name="n", type="many", settings={"count": LARGEST}), strict=True)
    assert job.counts.queued == LARGEST
    assert max(kept_s) < MOST_S * slowness(), sorted(kept_s)[-5:]
