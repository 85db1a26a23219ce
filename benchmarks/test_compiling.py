"""Compiling jobs in the helper process: one of a single task, where starting costs most, and of a thousand and more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.test_submission import RENDER
from flamenco import bundled
from flamenco.compiler.compile import Compiler
from flamenco.domain.model import Submission
from flamenco.testing import START

JOB_ID = "11111111-2222-4333-8444-555555555555"
SHIPPED = {
    "scene": "Scene",
    "format": "PNG",
    "image_file_extension": ".png",
    "fps": 24,
    "render_output_path": "/render/shot/######",
    "blendfile": "/jobs/shot.blend",
}


@pytest.fixture
def compiler(tmp_path: Path) -> Iterator[Compiler]:
    """One that knows the shipped job types, and the plainest that renders."""
    (tmp_path / "render.js").write_text(RENDER)
    compiler = Compiler([tmp_path, bundled.job_types()])
    yield compiler
    compiler.close()


@pytest.mark.parametrize("tasks", [2, 1_000, 10_000])
@pytest.mark.parametrize("job_type", ["render", "simple-blender-render"])
def test_compile(benchmark: Any, compiler: Compiler, job_type: str, tasks: int) -> None:
    """Tasks of which the last waits for all others, which is what most jobs are."""
    settings = {"frames": tasks - 1} if job_type == "render" else {"frames": f"1-{tasks - 1}"} | SHIPPED
    submission = Submission(name="n", type=job_type, settings=settings)

    def compiled() -> int:
        return len(compiler.compile(submission, JOB_ID, START, strict=True).tasks)

    assert compiled() == tasks  # starts the helper, and has the job type described
    assert benchmark(compiled) == tasks
