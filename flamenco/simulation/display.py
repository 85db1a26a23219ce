"""Shows how a simulation goes: a live picture on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from collections import Counter
from types import TracebackType
from typing import Final, Protocol

from msgspec import Struct
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from flamenco.simulation.fake_worker import Doing
from flamenco.simulation.statistics import Latency

_STYLES: Final = {Doing.BUSY: "yellow", Doing.IDLE: "green", Doing.CRASHED: "red", Doing.AWAY: "dim"}
_LINE_EVERY_S: Final = 5.0


class Moment(Struct, frozen=True, kw_only=True):
    """The simulation at a moment: what workers do, what was done, and the newest latencies."""

    seconds: float
    workers: Counter[Doing]
    jobs: int
    completed: int
    tasks: int
    cycles_per_s: float
    errors: int
    doubled: int
    latencies: dict[str, Latency]


class Display(Protocol):
    """Where progress goes. Used as a context manager around the run."""

    def say(self, text: str) -> None:
        """A line to stay."""

    def show(self, moment: Moment) -> None:
        """Show how it goes."""

    def __enter__(self) -> Display:
        """Begin to show."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show no more."""


class LiveDisplay:
    """A picture that changes in place, and is gone in the end, when the report says it all."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def say(self, text: str) -> None:
        """A line to stay, above the picture."""
        self._live.console.print(text, highlight=False, markup=False)

    def show(self, moment: Moment) -> None:
        """Draw the picture anew."""
        self._live.update(picture(moment), refresh=True)

    def __enter__(self) -> LiveDisplay:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()


class LineDisplay:
    """A line every few seconds, for files, pipes and CI."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next = 0.0

    def say(self, text: str) -> None:
        """One line."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def show(self, moment: Moment) -> None:
        """One line, unless the last one was a moment ago."""
        if moment.seconds >= self._next:
            self._next = moment.seconds + _LINE_EVERY_S
            self.say(line(moment))

    def __enter__(self) -> LineDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""


def picture(moment: Moment) -> RenderableType:
    """Workers, tasks and latencies."""
    workers = Text("  ").join(
        Text(f"{moment.workers[doing]} {doing.value}", style=style) for doing, style in _STYLES.items()
    )
    facts = Table.grid(padding=(0, 2))
    facts.add_row(Text("workers", style="bold"), workers)
    facts.add_row(Text("tasks", style="bold"), Text(_done(moment)))
    facts.add_row(Text("errors", style="bold"), Text(str(moment.errors), style="red" if moment.errors else "dim"))
    if moment.doubled:
        facts.add_row(Text("doubled", style="bold red"), Text(str(moment.doubled), style="red"))
    latencies = Table(*("ms", "p50", "p95", "p99", "max"), box=None, padding=(0, 2, 0, 0))
    for name, latency in moment.latencies.items():
        times = (latency.p50, latency.p95, latency.p99, latency.longest)
        latencies.add_row(name, *(f"{1000 * seconds:.1f}" for seconds in times))
    return Group(Text(), facts, Text(), latencies, Text())


def _done(moment: Moment) -> str:
    return (
        f"{moment.completed}/{moment.tasks} completed of {moment.jobs} jobs, "
        f"{moment.cycles_per_s:.1f} cycles/s, {moment.seconds:.0f} s"
    )


def line(moment: Moment) -> str:
    """The same in one line of plain text."""
    workers = ", ".join(f"{moment.workers[doing]} {doing.value}" for doing in _STYLES if moment.workers[doing])
    slowest = max((latency.p95 for latency in moment.latencies.values()), default=0.0)
    return (
        f"{moment.seconds:6.1f} s  {_done(moment).rpartition(',')[0]}; workers: {workers or 'none'}; "
        f"slowest p95 {1000 * slowest:.1f} ms; {moment.errors} errors"
    )
