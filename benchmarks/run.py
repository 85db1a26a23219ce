"""What `scripts/bench` runs: over HTTP, by turns with an earlier version or two managers with one; and operations."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final, TypeVar

import click
from msgspec import Struct
from msgspec.structs import replace
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.cycles import Cycles, Size, measure
from benchmarks.instructions import per_cycle
from benchmarks.managers import Setting
from benchmarks.submitting import submissions
from flamenco.domain.errors import Failed
from tests.conftest import postgres_database, postgres_of_ours

HERE: Final = Path(__file__).parent.parent
_SIZES: Final = (Size(1, 1, 5000), Size(8, 1, 5000), Size(64, 1, 5000), Size(256, 1, 5000), Size(8, 100, 100))
_SIZES_FOR_TWO: Final = (Size(8, 8, 1000, apart=True), Size(8, 1, 5000))

_FIGURES: Final[dict[str, Callable[[Cycles], float]]] = {
    "cycles/s": lambda run: run.per_second,
    "CPU ms/cycle": lambda run: run.cpu_ms,
    "processors idle": lambda run: run.idle_processors,
    "schedule p50 ms": lambda run: run.percentile("schedule", 0.5),
    "schedule p99 ms": lambda run: run.percentile("schedule", 0.99),
    "update p50 ms": lambda run: run.percentile("update", 0.5),
    "update p99 ms": lambda run: run.percentile("update", 0.99),
    "version p50 ms": lambda run: run.percentile("version", 0.5),
    "MB at rest": lambda run: run.rest.all_mb,
    "  the helper": lambda run: run.rest.helper_mb,
    "MB after": lambda run: run.after.all_mb,
    "  the helper then": lambda run: run.after.helper_mb,
    "errors": lambda run: float(run.errors),
}
"""What is shown of a run."""

T = TypeVar("T")
Figures = dict[str, dict[str, float]]
"""What was found, by what it is and then by whose it is."""


class Plan(Struct, frozen=True, kw_only=True):
    """Whose figures are wanted, by name, and how often each is measured. `server`: a PostgreSQL, or SQLite."""

    settings: Mapping[str, Setting]
    rounds: int
    server: str
    console: Console

    def by_turns(self, title: str, run: Callable[[Setting], T]) -> dict[str, list[T]]:
        """What came of `run` in each round: one after the other, so that a noisy hour of the machine hits all."""
        found: dict[str, list[T]] = {name: [] for name in self.settings}
        for turn in range(self.rounds):
            for name, setting in self.settings.items():
                self.console.print(f"[dim]{title}: {name}, round {turn + 1} of {self.rounds}", highlight=False)
                with _fresh(self.server) as url:
                    found[name].append(run(replace(setting, database=url)))
        return found

    def show(self, title: str, figures: Figures) -> None:
        """Print a table."""
        self.console.print(_table(title, figures))


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option(
    "--against",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Another checkout, with a .venv of its own (scripts/check makes it), that is measured by turns with this one.",
)
@click.option("--size", "sizes", multiple=True, metavar="WORKERS,JOBS,TASKS", help="Instead of the usual sizes.")
@click.option("--seconds", default=10.0, show_default=True, help="How long each run of cycles takes.")
@click.option("--rounds", default=3, show_default=True, help="How often each is run; medians are shown.")
@click.option(
    "--database",
    default="",
    metavar="URL",
    help="An empty PostgreSQL database is made anew for each run there; `own`: on a server that is started for it.",
)
@click.option("--processes", multiple=True, type=int, help="Of the manager, one number or several, each measured.")
@click.option("--two", is_flag=True, help="Two managers on one PostgreSQL by turns with one; cycles alone.")
@click.option(
    "--in-use",
    is_flag=True,
    help="Jobs with limits, previews, others that wait and so on; by turns with plain ones.",
)
@click.option(
    "--instructions",
    "instructions_only",
    is_flag=True,
    help="How many instructions a cycle takes, by valgrind, and nothing else: for steps smaller than the noise.",
)
@click.option("--most-tasks", default=100_000, show_default=True, help="In the largest job that is submitted.")
@click.option("--cycles-only", is_flag=True, help="Leave out submissions, and the benchmarks of single operations.")
@click.option("--submissions-only", is_flag=True, help="Leave out all else.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), metavar="FILE", help="Write all figures there.")
def main(
    against: Path | None,
    sizes: tuple[str, ...],
    seconds: float,
    rounds: int,
    database: str,
    processes: tuple[int, ...],
    most_tasks: int,
    json_file: Path | None,
    *,
    two: bool,
    in_use: bool,
    instructions_only: bool,
    cycles_only: bool,
    submissions_only: bool,
) -> None:
    """Measure what a manager does, and print tables. Ratios count: machines differ, and are noisy.

    A cycle makes a file, in the folder that TMPDIR says. On ext4 without a journal that takes most of the time once
    thousands were removed, as after some runs: TMPDIR=/dev/shm leaves it out.

    \b
    Examples:
      scripts/bench --against ../flamenco-before --size 8,1,5000 --rounds 5 --json figures.json
      scripts/bench --database own --processes 1 --processes 2 --processes 4 --cycles-only
      scripts/bench --database own --two
      scripts/bench --against ../flamenco-before --in-use --cycles-only
      scripts/bench --against ../flamenco-before --instructions
    """
    found: dict[str, Any]
    if two and not database:
        raise click.UsageError("Several managers need a PostgreSQL: name one by --database, or say `--database own`.")
    if instructions_only and (database or sizes or processes):
        raise click.UsageError("Instructions are those of one worker on SQLite: leave out what says otherwise.")
    if instructions_only:
        settings = _settings(against, (), two=False, in_use=in_use)
        found = {"instructions": _instructions(Plan(settings=settings, rounds=rounds, server="", console=Console()))}
        _keep(found, json_file)
        return
    wanted = [_size(text) for text in sizes] or list(_SIZES_FOR_TWO if two else _SIZES)
    found = {"cycles": {}}
    with _server(database) as server:
        settings = _settings(against, processes, two=two, in_use=in_use)
        plan = Plan(settings=settings, rounds=rounds, server=server, console=Console())
        if not submissions_only:
            found["cycles"] = {str(size): _cycles(plan, size, seconds) for size in wanted}
        if not (cycles_only or two):
            found["submissions"] = _submissions(plan, most_tasks)
    if not (cycles_only or submissions_only or two):
        found["operations"] = _operations(plan.console)
    _keep(found, json_file)


def _keep(found: Mapping[str, Any], file: Path | None) -> None:
    if file:
        aside = file.with_name(f"{file.name}~")
        aside.write_text(json.dumps(found, indent=1))
        aside.replace(file)


def _size(text: str) -> Size:
    workers, jobs, tasks = (int(part) for part in text.split(","))
    return Size(workers, jobs, tasks)


def _settings(against: Path | None, processes: tuple[int, ...], *, two: bool, in_use: bool) -> dict[str, Setting]:
    now = Setting(checkout=HERE)
    settings = {"before": replace(now, checkout=against.absolute()), "now": now} if against else {"now": now}
    if in_use:
        settings = {
            "before" if against else "plain": next(iter(settings.values())),
            "in use": replace(now, in_use=True),
        }
    if two:
        settings = {"one manager": now, "two": replace(now, managers=2)}
    if not processes:
        return settings
    return {
        (f"{name}, {number} processes" if len(processes) > 1 else name): replace(
            setting, arguments=("--processes", str(number))
        )
        for number in processes
        for name, setting in settings.items()
    }


def _cycles(plan: Plan, size: Size, seconds: float) -> Figures:
    runs = plan.by_turns(str(size), lambda setting: measure(setting, size, seconds))
    figures = {
        what: {name: median(of(run) for run in each) for name, each in runs.items()} for what, of in _FIGURES.items()
    }
    plan.show(str(size), figures)
    return figures


def _instructions(plan: Plan) -> Figures:
    title = "instructions, millions"
    try:
        runs = plan.by_turns(title, per_cycle)
    except Failed as error:
        raise click.ClickException(str(error)) from error
    figures = {"a cycle": {name: median(each) for name, each in runs.items()}}
    plan.show(title, figures)
    return figures


def _submissions(plan: Plan, most_tasks: int) -> Figures:
    runs = plan.by_turns("submissions", lambda setting: submissions(setting, most_tasks))
    whats = next(iter(runs.values()))[0]
    figures = {what: {name: median(run[what] for run in each) for name, each in runs.items()} for what in whats}
    plan.show("submission over HTTP, ms", figures)
    return figures


def _table(title: str, figures: Figures) -> Table:
    names = list(next(iter(figures.values())))
    is_pair = len(names) == 2
    table = Table(title=title, title_justify="left")
    for heading in ("", *names, *([f"{names[1]} / {names[0]}"] if is_pair else [])):
        table.add_column(heading, justify="left" if not heading else "right")
    for what, values in figures.items():
        row = [f"{value:.2f}" for value in values.values()]
        if is_pair:
            first, second = values.values()
            row.append(f"{second / first:.2f}" if first else "")
        table.add_row(what, *row)
    return table


@contextmanager
def _server(database: str) -> Iterator[str]:
    """The server that is meant; an empty URL for SQLite."""
    with ExitStack() as stack:
        if database == "own":
            database = stack.enter_context(postgres_of_ours())
        yield database.replace("postgresql://", "postgresql+psycopg://")


@contextmanager
def _fresh(server: str) -> Iterator[str]:
    """A database for one run: SQLite's own for an empty URL, else a new one on that server, gone afterwards."""
    if not server:
        yield ""
        return
    with postgres_database(server) as url:
        yield url


def _operations(console: Console) -> dict[str, float]:
    """Run the benchmarks, and show their medians, in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        command = [sys.executable, "-m", "pytest", "--quiet", f"--benchmark-json={file}"]
        command += [str(each) for each in sorted((HERE / "benchmarks").glob("test_*.py"))]  # named, so all of each
        ended = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
        if not file.exists() or not file.stat().st_size:
            raise click.ClickException(f"the benchmarks did not run:\n{ended.stdout[-2000:]}")
        measured = json.loads(file.read_text())["benchmarks"]
    medians = {each["fullname"].removeprefix("benchmarks/"): each["stats"]["median"] * 1000 for each in measured}
    table = Table("operation", "median ms", title="single operations", title_justify="left")
    for name, milliseconds in sorted(medians.items()):
        table.add_row(escape(name), f"{milliseconds:.3f}")
    console.print(table)
    if ended.returncode:
        console.print("[red]Some do not hold what they are to hold; see `scripts/test benchmarks --long`.")
    return medians


if __name__ == "__main__":
    main()
