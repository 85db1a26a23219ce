"""`flamenco simulate`: how many workers and tasks a manager bears, tried with workers that run nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click
import msgspec
from msgspec.structs import replace
from rich.console import Console

from flamenco.cli import EXIT_INTERRUPTED
from flamenco.cli.demo import StopSignals
from flamenco.cli.options import json_option, manager_option, override_option
from flamenco.cli.time_limits import time_limit_options
from flamenco.domain.durations import Duration
from flamenco.domain.errors import Failed
from flamenco.platforms import open_files
from flamenco.simulation.display import Display, LineDisplay, LiveDisplay
from flamenco.simulation.distributions import FORMS, Distribution
from flamenco.simulation.fates import Behaviour
from flamenco.simulation.ledger import SILENCE_S
from flamenco.simulation.options import Options
from flamenco.simulation.own_manager import own_manager
from flamenco.simulation.report import Report, in_words
from flamenco.simulation.run import Simulation

MAX_WORKERS = 20_000
MAX_TASKS = 1_000_000
_FILES_BESIDE = 256

F = TypeVar("F", bound=Callable[..., Any])


class _Seconds(click.ParamType[Distribution]):
    """A distribution of seconds."""

    name = "SECONDS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Distribution:
        """Read it; a usage error says what is wrong."""
        try:
            return value if isinstance(value, Distribution) else Distribution.parse(value)
        except ValueError as error:
            return self.fail(str(error), param, ctx)


def _rate(name: str, help_: str, default: float = 0.0) -> Callable[[F], F]:
    return click.option(name, type=click.FloatRange(0, 1), default=default, show_default=True, metavar="P", help=help_)


def _seconds(name: str, default: str, help_: str) -> Callable[[F], F]:
    return click.option(name, type=_Seconds(), default=default, show_default=True, metavar="SECONDS", help=help_)


def _behaviour_options(function: F) -> F:
    for option in (
        click.option(
            "--log-lines", type=click.IntRange(0, 100_000), default=10, show_default=True, help="Lines per task."
        ),
        click.option(
            "--speed",
            type=click.FloatRange(0.01, 10_000),
            default=1.0,
            show_default=True,
            help="So many times as fast, tasks and the pauses of workers alike: a worker counts for as many.",
        ),
        _seconds("--offline-seconds", "20", "How long a network is lost."),
        _rate("--offline-rate", "How many workers lose their network during a task, which goes on."),
        _seconds("--restart-seconds", "10", "How long a worker that crashed is gone."),
        _rate("--return-rate", "How many of those come back.", 1.0),
        _rate("--crash-rate", "How many workers vanish in the middle of a task, without a word."),
        _rate("--hang-rate", "How many tasks hang: they never end, and say nothing more."),
        click.option("--failure-line", default="", metavar="TEXT", help="What tasks log last that fail."),
        _rate("--failure-rate", "How many tasks fail."),
        _seconds("--task-seconds", "2", f"How long tasks take: {FORMS}."),
    ):
        function = option(function)
    return function


@click.command()
@click.option("--workers", type=click.IntRange(1, MAX_WORKERS), default=10, show_default=True, help="How many workers.")
@click.option("--jobs", type=click.IntRange(1, 10_000), default=1, show_default=True, help="How many jobs at a time.")
@click.option("--tasks", type=click.IntRange(1, MAX_TASKS), default=100, show_default=True, help="Tasks of each job.")
@_behaviour_options
@time_limit_options
@click.option(
    "--duration", "duration_s", type=click.FloatRange(1), metavar="SECONDS", help="Go on for so long, with new jobs."
)
@_rate("--vanish-rate", "How many workers are gone for good, all at once, after --vanish-after.")
@click.option("--vanish-after", "vanish_after_s", type=click.FloatRange(0), default=60.0, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed has the same befall the workers.")
@click.option("--own", is_flag=True, help="Try it on a new manager of this machine, which is gone afterwards.")
@override_option
@click.option("--delete-done", "deletes_done", is_flag=True, help="Delete each job as soon as it is done.")
@click.option("--chained", is_flag=True, help="Each job waits until the one before has ended.")
@click.option(
    "--start-after",
    "start_after_s",
    type=click.FloatRange(0),
    default=0.0,
    metavar="SECONDS",
    help="Jobs wait so long.",
)
@click.option("--limit", type=click.IntRange(0), metavar="N", help="Have no more than N tasks of all jobs run at once.")
@click.option("--keep", is_flag=True, help="Leave jobs and workers of the simulation in the farm.")
@manager_option
@json_option
def simulate(
    workers: int,
    jobs: int,
    tasks: int,
    duration_s: float | None,
    vanish_rate: float,
    vanish_after_s: float,
    seed: int,
    start_after_s: float,
    limit: int | None,
    time_limits: dict[str, dict[str, str]],
    overrides: dict[str, str],
    manager_url: str,
    *,
    own: bool,
    chained: bool,
    keep: bool,
    deletes_done: bool,
    as_json: bool,
    **behaviour: Any,
) -> None:
    """Try how large a farm may be, with workers that ask and report as real ones do, and run nothing.

    They are given jobs of their own, which begin with "simulated" and have a tag that no other worker has; all of it is
    removed in the end. With --own, the manager is a new one, with the settings that --set gives, such as processes=4 or
    database=postgresql://…, and no farm is touched.

    \b
    Example:
      flamenco simulate --own --workers 200 --jobs 4 --tasks 500 --task-seconds lognormal:30,0.8 --speed 10
      flamenco simulate --own --workers 20 --hang-rate 0.05 --max-silence 10s
      flamenco simulate --own --workers 50 --jobs 5 --limit 8 --crash-rate 0.02
      flamenco simulate --own --failure-rate 0.5 --failure-line "server is busy" \
        --set "failures.rules=[{match: server is busy, then: retry_after 1s}]"
      flamenco simulate --workers 50 --duration 600 --crash-rate 0.01 --failure-rate 0.02 --json

    With --json, the report is on stdout and all else on stderr. Exit codes: 0 all went well, 1 a task or a line was
    lost, or a task done twice, too early or beyond a limit, 130 interrupted; the report of what was done so far comes
    all the same.
    """
    if overrides and not own:
        raise click.UsageError("--set is for the manager that --own starts.")
    if behaviour["hang_rate"] and not time_limits:
        raise click.UsageError("--hang-rate: nothing ends what hangs but --max-silence or --max-run-time; give one.")
    options = Options(
        workers=workers,
        jobs=jobs,
        tasks=tasks,
        behaviour=Behaviour(**behaviour),
        duration_s=duration_s,
        vanish_rate=vanish_rate,
        vanish_after_s=vanish_after_s,
        seed=seed,
        silence_s=_silence_s(overrides),
        keep=keep,
        deletes_done=deletes_done,
        chained=chained,
        start_after_s=start_after_s,
        time_limits=time_limits,
        limit=limit,
    )
    _allow_connections(workers)
    signals = StopSignals()
    console = Console(stderr=as_json)
    with _manager(manager_url, overrides, own=own) as url, _display(console) as display:
        report = Simulation([url], options, display, lambda: signals.received).run()
    report = replace(report, manager_cpu=_processors_of_children(report)) if own else report
    _print(console, report, as_json=as_json)
    if not report.is_clean:
        raise Failed("tasks or lines were lost, or tasks done twice, too early or beyond a limit; see the report.")
    if signals.received:
        sys.exit(EXIT_INTERRUPTED)


def _silence_s(overrides: dict[str, str]) -> float:
    """How soon the manager may give up a worker: half of what it has been told, as with the default."""
    try:
        return float(Duration.parse(overrides["worker_timeout"])) / 2
    except (KeyError, ValueError):
        return SILENCE_S


@contextmanager
def _manager(url: str, overrides: dict[str, str], *, own: bool) -> Iterator[str]:
    if not own:
        yield url
        return
    with own_manager(overrides, os.environ) as found:
        yield found


def _display(console: Console) -> Display:
    return LiveDisplay(console) if console.is_terminal else LineDisplay(console)


def _allow_connections(workers: int) -> None:
    """Open as many files as there are connections, where the system says how many one may."""
    needed = workers + _FILES_BESIDE
    if (most := open_files.grant(needed)) < needed:
        raise Failed(f"this machine allows {most} open files, too few for {workers} workers; see `ulimit -Hn`.")


def _processors_of_children(report: Report) -> float:
    """What the manager has had of the processors, from its start to its end."""
    times = os.times()
    return round((times.children_user + times.children_system) / report.seconds, 3)


def _print(console: Console, report: Report, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report), indent=2))
        return
    console.print("\n".join(in_words(report)), highlight=False, markup=False, soft_wrap=True)
