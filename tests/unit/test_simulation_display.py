"""What people see of a simulation."""

from __future__ import annotations

import io
from collections import Counter

from msgspec.structs import replace
from rich.console import Console

from flamenco.simulation.display import LineDisplay, LiveDisplay, Moment, line
from flamenco.simulation.fake_worker import Doing
from flamenco.simulation.report import Report, in_words
from flamenco.simulation.statistics import latency_of

QUICK = latency_of([0.01] * 99 + [0.2])
MOMENT = Moment(
    seconds=3.0,
    workers=Counter({Doing.BUSY: 7, Doing.CRASHED: 1}),
    jobs=2,
    completed=40,
    tasks=200,
    cycles_per_s=13.3,
    errors=4,
    doubled=1,
    latencies={"poll": QUICK},
)
REPORT = Report(
    manager="http://farm:8080",
    ended="done",
    seed=1,
    workers=8,
    jobs=2,
    seconds=30,
    tasks={"completed": 200},
    cycles_per_s=6.7,
    tasks_per_s=6.6,
    requests_per_s=100,
    utilisation=0.5,
    latencies={"poll": QUICK},
    submission=latency_of([0.1]),
    first_task=latency_of([]),
    errors={"poll: 503": 2},
    crashes=1,
    cut_off=0,
    lost=[],
    doubled=[],
    lost_lines=[],
    generator_cpu=0.2,
)


def test_a_line_says_how_it_goes() -> None:
    """Where there is no terminal; and not again within the same moment."""
    text = (
        "   3.0 s  40/200 completed of 2 jobs, 13.3 cycles/s; workers: 7 busy, 1 crashed; slowest p95 10.0 ms; 4 errors"
    )
    assert line(MOMENT) == text
    file = io.StringIO()
    with LineDisplay(Console(file=file, width=200)) as display:
        display.show(MOMENT)
        display.show(replace(MOMENT, seconds=4.0))
    assert file.getvalue() == f"{text}\n"


def test_the_picture_shows_workers_tasks_and_latencies() -> None:
    """On a terminal, and what is done twice at once."""
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with LiveDisplay(console) as display:
        display.say("going on")
        display.show(MOMENT)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert all(each in shown for each in ("going on", "7 busy", "40/200", "doubled", "poll"))


def test_the_report_in_words() -> None:
    """Throughput, latencies and losses, and when it was the simulation that could not do more."""
    text = "\n".join(in_words(REPORT))
    assert "6.7 cycles/s, 6.6 tasks/s, 100 requests/s" in text
    assert "poll              100     10.0     10.0     10.0    200.0" in text
    assert "errors       2 poll: 503" in text
    assert "itself was the limit" not in text
    busy = replace(REPORT, generator_cpu=0.95, manager_cpu=1.5, lost=["t is active, and nobody has it"])
    text = "\n".join(in_words(busy))
    assert "0.95 for the simulation itself, 1.50 for its manager" in text
    assert "itself was the limit" in text
    assert "lost         1\n    t is active, and nobody has it" in text
    assert REPORT.is_clean
    assert not busy.is_clean
