"""How a job that is waited for goes: a bar on a terminal, a line for each status elsewhere. Always on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from flamenco.cli.job_waits import patiently
from flamenco.cli.output import print_line
from flamenco.client import Job, ManagerClient, count_by_status
from flamenco.domain.statuses import TaskStatus


class Show(Protocol):
    """Shows the status and the progress of a job."""

    def __call__(self, job: Job) -> None:
        """Show them as they are now."""


@contextmanager
def job_progress(client: ManagerClient) -> Iterator[Show]:
    """Shows jobs as long as the block runs, what there is to count of them counted by `client`."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines()
        return
    columns = (
        *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[unit]}")),
        *(TimeElapsedColumn(), TimeRemainingColumn()),
    )
    with Progress(*columns, console=console, transient=True) as display:
        bar = display.add_task("queued", total=None, unit="")

        def show(job: Job) -> None:
            completed, total, unit = counted(client, job)
            display.update(bar, description=job.status, completed=completed, total=total, unit=unit)

        yield show


@contextmanager
def counted_progress() -> Iterator[Callable[[str, int, int], None]]:
    """Shows how far several things are, one after the other: a bar on a terminal, a line for each elsewhere.

    Is told what it is about, how much is done, and of how much.
    """
    console = Console(stderr=True)
    if not console.is_terminal:

        def say(about: str, done: int, total: int) -> None:
            if done == total:
                print_line(f"{about}: {total}", err=True)

        yield say
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as display:
        bar = display.add_task("", total=None)
        yield lambda about, done, total: display.update(bar, description=about, completed=done, total=total)


def counted(client: ManagerClient, job: Job) -> tuple[int, int, str]:
    """How much is done of how much of what: of steps if the job has any, else of tasks."""
    if job.steps_total:
        return job.steps_completed, job.steps_total, "steps"
    counts = count_by_status(patiently(lambda: client.jobs.tasks(job.id)))
    return counts[TaskStatus.COMPLETED], sum(counts.values()), "tasks"


class Lines:
    """A line for each status."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, job: Job) -> None:
        """Say the status unless it is the same as before."""
        if job.status != self._last:
            self._last = job.status
            print_line(f"{job.name}: {job.status}", err=True)
