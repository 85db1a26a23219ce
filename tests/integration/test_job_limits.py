"""How large a job may become, as the configuration says."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from flamenco.compiler.compile import Compiler
from flamenco.compiler.script_limits import script_limits_of
from flamenco.config import Config
from flamenco.domain.errors import FarmError
from flamenco.domain.model import Submission
from flamenco.testing import START

SCRIPT = """
const JOB_TYPE = { label: "Large", settings: [] };
function compileJob(job) {
    for (let n = 0; n < job.settings.tasks; n++) {
        const task = author.Task(`task ${n}`, "misc");
        for (let c = 0; c < job.settings.commands; c++)
            task.addCommand(author.Command("echo", { message: "x".repeat(job.settings.length) }));
        job.addTask(task);
    }
}
"""
LIMITED = Config(max_tasks_per_job=10, max_commands_per_task=3, max_text_kb=1)


@pytest.fixture
def compiler(tmp_path: Path) -> Iterator[Compiler]:
    """A compiler of a manager with low limits."""
    (tmp_path / "large.js").write_text(SCRIPT)
    made = Compiler([tmp_path], script_limits_of(LIMITED))
    yield made
    made.close()


def settings(tasks: int, commands: int, length: int) -> Submission:
    """A job of that size."""
    return Submission(name="n", type="large", settings={"tasks": tasks, "commands": commands, "length": length})


def test_a_job_at_its_limits_is_fine(compiler: Compiler) -> None:
    """What the configuration allows is allowed to the last."""
    job = compiler.compile(settings(10, 3, 1024), str(uuid.uuid4()), START)
    assert [len(task.commands) for task in job.tasks] == [3] * 10


@pytest.mark.parametrize(
    ("size", "says"),
    [((11, 1, 1), r"10\b.*tasks|tasks.*\b10\b"), ((1, 4, 1), r"commands"), ((1, 1, 1025), r"1024|longer|long")],
)
def test_a_job_beyond_a_limit_is_refused(compiler: Compiler, size: tuple[int, int, int], says: str) -> None:
    """One more than the configuration allows is too much, and the message says of what."""
    with pytest.raises(FarmError, match=says):
        compiler.compile(settings(*size), str(uuid.uuid4()), START)


@pytest.mark.long
def test_listing_many_job_types_runs_each_script_once(tmp_path: Path) -> None:
    """Two hundred job types are described once; from then on listing them needs no helper process."""
    for number in range(200):
        (tmp_path / f"type_{number}.js").write_text(SCRIPT.replace("Large", f"Type {number}"))
    lister = Compiler([tmp_path])
    assert len(lister.job_types()) == 200
    lister.close()  # from here on nothing can be run
    assert len(lister.job_types()) == 200
