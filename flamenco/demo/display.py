"""Shows how the demo goes: a live picture on a terminal, plain lines elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from flamenco.client import JobSummary, Overview, WorkerSummary
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.domain.visible import visible

BAR_WIDTH = 36

JOB_STYLES = {JobStatus.COMPLETED: "green", JobStatus.FAILED: "red", JobStatus.CANCELED: "red"}
TASK_STYLES = {
    TaskStatus.QUEUED: "dim",
    TaskStatus.ACTIVE: "yellow",
    TaskStatus.COMPLETED: "green",
    TaskStatus.SOFT_FAILED: "magenta",
    TaskStatus.FAILED: "red",
    TaskStatus.PAUSED: "dim",
    TaskStatus.CANCELED: "red",
}
"""In the order in which they are shown."""


class Display(Protocol):
    """Where the demo's progress goes. Used as a context manager around the run."""

    def say(self, text: str) -> None:
        """A line to stay."""

    def show(self, overview: Overview, seconds: float) -> None:
        """Show jobs and workers `seconds` after the start."""

    def end(self) -> None:
        """Change no more of what was shown: what is said from now on stands below it."""

    def __enter__(self) -> Display:
        """Begin to show."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show no more; what stands stays."""


class LiveDisplay:
    """A picture that changes in place."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="visible")

    def say(self, text: str) -> None:
        """A line to stay, above the picture."""
        self._live.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def show(self, overview: Overview, seconds: float) -> None:
        """Draw the picture anew."""
        self._live.update(picture(overview, seconds), refresh=True)

    def end(self) -> None:
        """Leave the picture as it is."""
        self._live.stop()

    def __enter__(self) -> LiveDisplay:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()


class LineDisplay:
    """A line per change, for files, pipes and CI."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = ""

    def say(self, text: str) -> None:
        """One line."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def show(self, overview: Overview, seconds: float) -> None:
        """One line, unless it says the same as the one before."""
        text = line(overview)
        if text and text != self._last:
            self._last = text
            self.say(f"{seconds:6.1f} s  {text}")

    def end(self) -> None:
        """Lines stand where they are."""

    def __enter__(self) -> LineDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""


def picture(overview: Overview, seconds: float) -> RenderableType:
    """Jobs, their tasks, and workers."""
    jobs = Table.grid(padding=(0, 2))
    for job in overview.jobs:
        jobs.add_row(*_job_row(job, seconds))
    tasks = Table.grid(padding=(0, 2))
    for job in overview.jobs:
        tasks.add_row(Text("tasks", style="bold"), _task_counts(job))
    workers = Table.grid(padding=(0, 2))
    for worker in sorted(overview.workers, key=lambda each: each.name):
        workers.add_row(Text(visible(worker.name), style="bold"), *_worker_cells(worker))
    return Group(Text(), jobs, tasks, Text(), workers, Text())


def _job_row(job: JobSummary, seconds: float) -> list[RenderableType]:
    bar = ProgressBar(total=max(1, job.steps_total), completed=job.steps_completed, width=BAR_WIDTH)
    return [
        Text(visible(job.name), style="bold"),
        Text(str(job.status), style=JOB_STYLES.get(job.status, "yellow")),
        bar,
        Text(f"{job.steps_completed}/{job.steps_total} steps"),
        Text(f"{seconds:.0f} s", style="dim"),
    ]


def _task_counts(job: JobSummary) -> Text:
    parts = [
        Text(f"{job.tasks.get(status, 0)} {status}", style=style)
        for status, style in TASK_STYLES.items()
        if job.tasks.get(status, 0) or status in (TaskStatus.QUEUED, TaskStatus.ACTIVE, TaskStatus.COMPLETED)
    ]
    return Text("  ").join(parts)


def _worker_cells(worker: WorkerSummary) -> list[RenderableType]:
    awake = worker.status is WorkerStatus.AWAKE
    doing = Text(_doing(worker), style="yellow" if worker.task else "dim")
    return [Text(_status_of(worker), style="green" if awake else "dim"), doing]


def _status_of(worker: WorkerSummary) -> str:
    return str(worker.status) or "registered"


def _doing(worker: WorkerSummary) -> str:
    if worker.task:
        return visible(worker.task.name)
    return "idle" if worker.status is WorkerStatus.AWAKE else ""


def line(overview: Overview) -> str:
    """The same in one line of plain text; empty while there is no job."""
    parts = []
    for job in overview.jobs:
        done = job.tasks.get(TaskStatus.COMPLETED, 0)
        parts.append(
            f"job {job.status}: {done}/{sum(job.tasks.values())} tasks, {job.steps_completed}/{job.steps_total} steps"
        )
    for worker in sorted(overview.workers, key=lambda each: each.name):
        parts.append(f"{visible(worker.name)}: {_doing(worker) or _status_of(worker)}")
    return "  ".join(parts) if overview.jobs else ""
