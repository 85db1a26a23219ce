"""What the demo shows of a farm."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from flamenco.client import JobSummary, Overview, TaskOfWorker, WorkerSummary
from flamenco.demo.display import LineDisplay, LiveDisplay, line, picture
from flamenco.domain.statuses import JobStatus, WorkerStatus

JOB = JobSummary(
    id="j1",
    name="A fan",
    type="simple-blender-render",
    status=JobStatus.ACTIVE,
    steps_completed=7,
    steps_total=25,
    tasks={"queued": 5, "active": 2, "completed": 2, "failed": 0},
)
RENDERING = WorkerSummary(
    id="w1", name="worker-1", status=WorkerStatus.AWAKE, task=TaskOfWorker(id="t", name="render-4-6", job_id="j1")
)
IDLE = WorkerSummary(id="w2", name="worker-2", status=WorkerStatus.AWAKE)
NEW = WorkerSummary(id="w3", name="worker-3", status=WorkerStatus.REGISTERED)


def test_the_picture_has_jobs_tasks_and_workers() -> None:
    """One look says how far the job is, how its tasks stand, and what each worker does."""
    console = Console(file=io.StringIO(), record=True, width=100)
    console.print(picture(Overview(jobs=(JOB,), workers=(IDLE, RENDERING, NEW)), 12.4))
    lines = [" ".join(text.split()) for text in console.export_text().splitlines() if text.strip()]
    assert lines[0].startswith("A fan active ━")
    assert lines[0].endswith("7/25 steps 12 s")
    assert lines[1:] == [
        "tasks 5 queued 2 active 2 completed",
        "worker-1 awake render-4-6",
        "worker-2 awake idle",
        "worker-3 registered",
    ]


@pytest.mark.parametrize(
    ("overview", "expected"),
    [
        (Overview(), ""),
        (Overview(workers=(IDLE,)), ""),
        (Overview(jobs=(JOB,)), "job active: 2/9 tasks, 7/25 steps"),
        (
            Overview(jobs=(JOB,), workers=(IDLE, RENDERING, NEW)),
            "job active: 2/9 tasks, 7/25 steps  worker-1: render-4-6  worker-2: idle  worker-3: registered",
        ),
    ],
)
def test_the_line_says_the_same(overview: Overview, expected: str) -> None:
    """Where nothing can be drawn, a line has it all."""
    assert line(overview) == expected


def test_lines_are_printed_once() -> None:
    """A log of the demo is as long as there is news, however often it looks."""
    output = io.StringIO()
    with LineDisplay(Console(file=output, width=20)) as display:
        display.say("Rendering with [Blender]")
        for seconds in (1.0, 2.0):
            display.show(Overview(jobs=(JOB,)), seconds)
    assert output.getvalue() == "Rendering with [Blender]\n   1.0 s  job active: 2/9 tasks, 7/25 steps\n"


def test_the_live_picture_stays() -> None:
    """On a terminal the last picture and all that was said are there at the end."""
    output = io.StringIO()
    with LiveDisplay(Console(file=output, force_terminal=True, width=100)) as display:
        display.say("Rendering with [Blender]")
        display.show(Overview(jobs=(JOB,), workers=(RENDERING,)), 1.0)
    assert "Rendering with [Blender]" in output.getvalue()
    assert "render-4-6" in output.getvalue()
