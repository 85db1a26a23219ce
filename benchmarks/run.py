"""What `scripts/bench` runs: full cycles over HTTP, by turns with an earlier version if wanted, and all benchmarks."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from benchmarks.cycles import Cycles, Size, measure
from tests.conftest import postgres_database

HERE: Final = Path(__file__).parent.parent
_SIZES: Final = (Size(1, 1, 5000), Size(8, 1, 5000), Size(64, 1, 5000), Size(8, 100, 100))

_FIGURES: Final[dict[str, Callable[[Cycles], float]]] = {
    "cycles/s": lambda run: run.per_second,
    "CPU ms/cycle": lambda run: run.cpu_ms,
    "schedule p50 ms": lambda run: run.percentile("schedule", 0.5),
    "schedule p99 ms": lambda run: run.percentile("schedule", 0.99),
    "update p50 ms": lambda run: run.percentile("update", 0.5),
    "update p99 ms": lambda run: run.percentile("update", 0.99),
    "version p50 ms": lambda run: run.percentile("version", 0.5),
    "MB at rest": lambda run: run.rest_mb,
    "MB after": lambda run: run.after_mb,
    "errors": lambda run: float(run.errors),
}
"""What is shown of a run."""


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
    "--database", default="", metavar="URL", help="An empty PostgreSQL database is made anew for each run there."
)
@click.option("--processes", type=int, help="Of the manager; its own default otherwise.")
@click.option("--cycles-only", is_flag=True, help="Leave out the benchmarks of single operations.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), metavar="FILE", help="Write all figures there.")
def main(
    against: Path | None,
    sizes: tuple[str, ...],
    seconds: float,
    rounds: int,
    database: str,
    processes: int | None,
    json_file: Path | None,
    *,
    cycles_only: bool,
) -> None:
    """Measure what a manager does, and print one table. Ratios count: machines differ, and are noisy.

    \b
    Example:
      scripts/bench --against ../flamenco-before --size 8,1,5000 --rounds 5 --json figures.json
    """
    console = Console()
    wanted = [Size(*(int(part) for part in size.split(","))) for size in sizes] or list(_SIZES)
    checkouts = {"before": against.absolute(), "now": HERE} if against else {"now": HERE}
    arguments = ["--processes", str(processes)] if processes else []
    found: dict[str, Any] = {"cycles": {}}
    for size in wanted:
        runs: dict[str, list[Cycles]] = {name: [] for name in checkouts}
        for turn in range(rounds):
            for name, checkout in checkouts.items():
                console.print(f"[dim]{size}: {name}, round {turn + 1} of {rounds}", highlight=False)
                with _fresh(database) as url:
                    runs[name].append(measure(checkout, size, seconds, url, arguments))
        figures = {
            what: {name: median(of(run) for run in each) for name, each in runs.items()}
            for what, of in _FIGURES.items()
        }
        found["cycles"][str(size)] = figures
        console.print(_table(str(size), figures))
    if not cycles_only:
        found["operations"] = _operations(console)
    if json_file:
        aside = json_file.with_name(f"{json_file.name}~")
        aside.write_text(json.dumps(found, indent=1))
        aside.replace(json_file)


def _table(title: str, figures: dict[str, dict[str, float]]) -> Table:
    names = list(next(iter(figures.values())))
    table = Table(title=title, title_justify="left")
    for heading in ("", *names, *(["now / before"] if len(names) > 1 else [])):
        table.add_column(heading, justify="left" if not heading else "right")
    for what, values in figures.items():
        row = [f"{values[name]:.2f}" for name in names]
        if len(names) > 1:
            row.append(f"{values['now'] / values['before']:.2f}" if values["before"] else "")
        table.add_row(what, *row)
    return table


@contextmanager
def _fresh(server: str) -> Iterator[str]:
    """A database for one run: SQLite's own for an empty URL, else a new one on that server, gone afterwards."""
    if not server:
        yield ""
        return
    with postgres_database(server.replace("postgresql://", "postgresql+psycopg://")) as url:
        yield url


def _operations(console: Console) -> dict[str, float]:
    """Run the benchmarks, and show their medians, in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        command = [sys.executable, "-m", "pytest", "--quiet", "--long", f"--benchmark-json={file}", "benchmarks"]
        ended = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
        if not file.exists() or not file.stat().st_size:
            raise click.ClickException(f"the benchmarks did not run:\n{ended.stdout[-2000:]}")
        measured = json.loads(file.read_text())["benchmarks"]
    medians = {each["fullname"].removeprefix("benchmarks/"): each["stats"]["median"] * 1000 for each in measured}
    table = Table("operation", "median ms", title="single operations", title_justify="left")
    for name, milliseconds in sorted(medians.items()):
        table.add_row(name, f"{milliseconds:.3f}")
    console.print(table)
    if ended.returncode:
        console.print("[red]Some do not hold what they are to hold; see `scripts/test benchmarks --long`.")
    return medians


if __name__ == "__main__":
    main()
