"""The farm's numbers for Prometheus: queues, limits, event sinks, and how long requests take.

They are at `/metrics` of the manager, in Prometheus' text format; let it scrape any of the manager's addresses, since
every process tells about all of them.

```yaml
plugins:
  prometheus:
    path: /metrics
```

A `path` that does not begin with `/` counts from `/api/x/prometheus/`. Needs the library `prometheus_client`:
`pip install 'flamenco-farm[prometheus]'`.

- `flamenco_jobs{status}`, `flamenco_tasks{status}`, `flamenco_workers{status}`: how many there are;
- `flamenco_runnable_tasks{type}`: tasks that wait for a worker and nothing else, but perhaps for a limit;
- `flamenco_queue_age_seconds`: the age of the oldest job that has such a task;
- `flamenco_limit_capacity{limit}`, `flamenco_limit_in_use{limit}`: limits of the whole farm;
- `flamenco_event_sink_waiting{sink}`, `…_dead{sink}`: events to be delivered, and events that were given up;
  `…_failures{sink}`: how often the next one failed so far;
- `flamenco_request_duration_seconds{process,operation}`: a histogram for each manager process, which begins at 0 when
  the process does. The time in which 95 of 100 requests are answered, by operation:
  `histogram_quantile(0.95, sum by (operation, le) (rate(flamenco_request_duration_seconds_bucket[5m])))`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from itertools import accumulate
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from flamenco import (
    REQUEST_BOUNDS_S,
    ApiRequest,
    ApiResponse,
    ConfigError,
    FarmReader,
    JobStatus,
    ManagerConfig,
    RequestTimes,
    Route,
    Setting,
    SinkState,
    TaskStatus,
    WorkerStatus,
    hookimpl,
)

if TYPE_CHECKING:  # whoever only asks which plugins there are need not wait for it, nor have it
    from prometheus_client import Metric

StatusCounts = Mapping[JobStatus, int] | Mapping[TaskStatus, int] | Mapping[WorkerStatus, int]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@hookimpl
def settings() -> Iterable[Setting]:
    """Where the numbers are."""
    yield Setting(
        key="path",
        type=Annotated[str, Meta(min_length=1)],
        default="/metrics",
        help="Where Prometheus finds the numbers, on the manager's own address.",
    )


@hookimpl
def api_routes(config: ManagerConfig) -> Iterable[Route]:
    """The one page. Raises `ConfigError` when the library is missing."""
    if find_spec("prometheus_client") is None:
        raise ConfigError(
            "the library prometheus_client is missing; `pip install 'flamenco-farm[prometheus]'` brings it "
            "(with uv or pipx: docs/packages.md)."
        )
    yield Route(
        path=config.plugins.prometheus.path,
        respond=show_metrics,
        summary="The farm in numbers, for Prometheus.",
        access="look",
    )


def show_metrics(_request: ApiRequest, farm: FarmReader) -> ApiResponse:
    """Everything, as it is at this moment."""
    from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 - only a manager needs it

    registry = CollectorRegistry()
    registry.register(FarmCollector(farm))
    return ApiResponse(body=generate_latest(registry), content_type=CONTENT_TYPE)


class FarmCollector:
    """Tells a registry of `prometheus_client` about a farm."""

    def __init__(self, farm: FarmReader) -> None:
        self._farm = farm

    def collect(self) -> Iterator[Metric]:
        """Every metric with its present values."""
        now = self._farm.statistics()
        limits = self._farm.limits()
        yield gauge("flamenco_jobs", "Jobs, by status.", "status", by_name(now.jobs))
        yield gauge("flamenco_tasks", "Tasks, by status.", "status", by_name(now.tasks))
        yield gauge("flamenco_workers", "Workers, by status.", "status", by_name(now.workers))
        yield gauge("flamenco_runnable_tasks", "Tasks that wait for a worker, by type.", "type", now.runnable)
        yield gauge("flamenco_queue_age_seconds", "Age of the oldest job with such a task.", "", {"": now.queue_age_s})
        capacities = {limit.name: limit.capacity for limit in limits}
        yield gauge("flamenco_limit_capacity", "Tasks that may run at once under a limit.", "limit", capacities)
        in_use = {limit.name: limit.in_use for limit in limits}
        yield gauge("flamenco_limit_in_use", "Running tasks that fall under a limit.", "limit", in_use)
        yield from of_sinks(now.sinks)
        yield request_durations(now.requests)


def by_name(counts: StatusCounts) -> dict[str, int]:
    """Counts by the status as a word. A worker that never signed on has an empty one, which would be no label."""
    return {str(status) or "registered": count for status, count in counts.items()}


def gauge(name: str, help_text: str, label: str, values: Mapping[str, float]) -> Metric:
    """One value for each value of the label, or the only one when there is no label."""
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - as above

    metric = GaugeMetricFamily(name, help_text, labels=[label] if label else [])
    for label_value, value in values.items():
        metric.add_metric([label_value] if label else [], value)
    return metric


def of_sinks(sinks: Sequence[SinkState]) -> Iterator[Metric]:
    """How the event sinks are doing."""
    waiting = {sink.name: sink.waiting for sink in sinks}
    yield gauge("flamenco_event_sink_waiting", "Events that are still to be delivered.", "sink", waiting)
    dead = {sink.name: sink.dead for sink in sinks}
    yield gauge("flamenco_event_sink_dead", "Events that were given up.", "sink", dead)
    failures = {sink.name: sink.failures for sink in sinks}
    yield gauge("flamenco_event_sink_failures", "Failed attempts to deliver the next event.", "sink", failures)


def request_durations(requests: Iterable[RequestTimes]) -> Metric:
    """How long requests took. The classes of Prometheus each contain all the quicker ones."""
    from prometheus_client.core import HistogramMetricFamily  # noqa: PLC0415 - as above

    metric = HistogramMetricFamily(
        "flamenco_request_duration_seconds",
        "Time until a request was answered, by manager process and operation.",
        labels=["process", "operation"],
    )
    bounds = [*map(str, REQUEST_BOUNDS_S), "+Inf"]
    for times in requests:
        classes = list(zip(bounds, accumulate(times.counts), strict=True))
        metric.add_metric([times.process, times.operation], classes, times.total_s)
    return metric
