"""What came of a simulation: as values for programs, and in words for people."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct, field

from flamenco.simulation.statistics import Latency

BOUND_BY_ITSELF = 0.8
"""From such a share of one processor on, it is the simulation that could not do more."""


class Report(Struct, frozen=True, kw_only=True):
    """All that is said in the end. `ended`: done, duration, stalled, no workers, interrupted or foreign task.

    `cycles_per_s` counts turns of workers with tasks, `tasks_per_s` tasks that were completed. `utilisation` is the
    share of their time awake in which workers had a task. `generator_cpu` and `manager_cpu` are processors that were
    kept busy by the simulation itself, and by a manager of its own.
    """

    manager: str
    ended: str
    seed: int
    workers: int
    jobs: int
    seconds: float
    tasks: dict[str, int]
    cycles_per_s: float
    tasks_per_s: float
    requests_per_s: float
    utilisation: float
    latencies: dict[str, Latency]
    submission: Latency
    first_task: Latency
    errors: dict[str, int]
    crashes: int
    cut_off: int
    hung: int = 0
    failures: int = 0
    lost: list[str]
    doubled: list[str]
    lost_lines: list[str]
    generator_cpu: float
    early: list[str] = field(default_factory=list)
    crowded: list[str] = field(default_factory=list)
    most_at_once: int = 0
    manager_cpu: float | None = None

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost, done twice, done too early, or beyond a limit."""
        return not (self.lost or self.doubled or self.lost_lines or self.early or self.crowded)


def in_words(report: Report) -> Iterator[str]:
    """Lines for people."""
    yield f"{report.workers} workers for {report.seconds:.0f} s at {report.manager}; ended: {report.ended}"
    yield f"  jobs         {report.jobs}; tasks: {_counts(report.tasks)}; at once: {report.most_at_once}"
    yield (
        f"  throughput   {report.cycles_per_s:.1f} cycles/s, {report.tasks_per_s:.1f} tasks/s, "
        f"{report.requests_per_s:.0f} requests/s"
    )
    yield f"  utilisation  {report.utilisation:.0%} of the workers' time awake"
    hung = f", {report.hung} hung" if report.hung else ""
    failures = f", {report.failures} failures" if report.failures else ""
    yield f"  mishaps      {report.crashes} crashes, {report.cut_off} lost networks{hung}{failures}"
    yield f"  errors       {_counts(report.errors)}"
    yield f"  {'in ms':<12} {'count':>8} {'p50':>8} {'p95':>8} {'p99':>8} {'max':>8}"
    for name, latency in [
        *report.latencies.items(),
        ("submission", report.submission),
        ("first task", report.first_task),
    ]:
        times = (latency.p50, latency.p95, latency.p99, latency.longest)
        yield f"  {name:<12} {latency.count:>8} " + " ".join(f"{1000 * seconds:>8.1f}" for seconds in times)
    yield f"  processors   {report.generator_cpu:.2f} for the simulation itself{_of_manager(report)}"
    if report.generator_cpu > BOUND_BY_ITSELF:
        yield "  The simulation itself was the limit: run it on another machine, or in two parts."
    wrong = {"lost": report.lost, "doubled": report.doubled, "lost lines": report.lost_lines, "early": report.early}
    for name, found in {**wrong, "crowded": report.crowded}.items():
        yield f"  {name:<12} {len(found)}"
        yield from (f"    {each}" for each in found[:10])


def _of_manager(report: Report) -> str:
    return "" if report.manager_cpu is None else f", {report.manager_cpu:.2f} for its manager"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"
