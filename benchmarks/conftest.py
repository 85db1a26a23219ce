"""Farms of a given size, on SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flamenco import bundled
from flamenco.compiler.compile import Compiler
from flamenco.config import Config
from flamenco.farm.context import Farm
from flamenco.store.engine import Store
from flamenco.store.upgrade import upgrade
from flamenco.testing import START, Clock
from tests.conftest import authored_job, authored_task, make_hooks
from tests.integration.farming import store_job
from tests.machine import on_its_own

__all__ = ["on_its_own"]

MakeFarm = Callable[[int, int], Farm]


@pytest.fixture(scope="session")
def farm_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeFarm]:
    """Makes a farm with so many queued jobs of so many tasks each, and a last task that waits for all of them."""
    made: dict[tuple[int, int], Farm] = {}

    def make(jobs: int, tasks: int) -> Farm:
        if (jobs, tasks) not in made:
            folder: Path = tmp_path_factory.mktemp(f"farm-{jobs}x{tasks}")
            store = Store(f"sqlite:///{folder}/flamenco.sqlite")
            upgrade(store, START)
            farm = Farm(Config(data_dir=folder), store, Compiler([bundled.job_types()]), make_hooks(), Clock())
            for number in range(jobs):
                renders = [authored_task(f"render-{frame}", "blender") for frame in range(tasks)]
                video = authored_task("video", "ffmpeg", after=tuple(renders))
                store_job(farm, authored_job(*renders, video, name=f"job {number}"))
            made[jobs, tasks] = farm
        return made[jobs, tasks]

    yield make
    for farm in made.values():
        farm.close()
