"""Command lines that lack something, and what is said of them before any manager is asked."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from flamenco.cli import main
from flamenco.cli.explain import _print
from flamenco.client import ExplainedJob, Explanation, FailedTask
from flamenco.domain.statuses import JobStatus, TaskStatus


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["workers", "request", "asleep"], "Which worker?"),
        (["workers", "request", "render-07"], "'render-07' is not one of"),
        (["priority", "80"], "Which job?"),
        (["priority", "render"], "'render' is not a valid integer range"),
    ],
)
def test_the_last_word_is_what_is_asked_for(arguments: list[str], said: str) -> None:
    """What is missing is what the message is about."""
    done = CliRunner().invoke(main, arguments)
    assert (done.exit_code, said in done.stderr) == (2, True), done.output


@pytest.mark.parametrize(
    ("running", "said"), [(1, "1 task is being run."), (2, "2 tasks are being run."), (0, "No task is waiting.")]
)
def test_tasks_that_are_being_run_are_counted(running: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One is not several, and none is not worth a word."""
    job = ExplainedJob(id="1", name="Shot 12", status=JobStatus.ACTIVE, priority=50, activity="")
    _print(Explanation(job=job, open_jobs=1, running=running))
    assert said in capsys.readouterr().out.splitlines()


def test_what_failed_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a few tasks it is said why they failed, of the others where to look."""
    job = ExplainedJob(id="1", name="Shot 12", status=JobStatus.FAILED, priority=50, activity="3 of 4 failed")
    failed = tuple(
        FailedTask(index_in_job=number, name=f"t{number}", status=TaskStatus.FAILED, why="Failed: no camera")
        for number in range(7)
    )
    _print(Explanation(job=job, open_jobs=0, running=0, failed=failed))
    said = capsys.readouterr().out.splitlines()
    assert said[1] == "3 of 4 failed"
    assert said[2:7] == [f"failed: t{number}: no camera" for number in range(5)]
    assert "flamenco tasks 1 --status failed,soft-failed" in said[7]
