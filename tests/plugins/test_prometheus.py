"""The plugin prometheus: what it tells is the farm's state, in a form that Prometheus' own parser reads."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from falcon import testing
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from flamenco import EventSink, Limit, PublishedEvent, SchedulingPolicy
from flamenco.api.app import create_app
from flamenco.bootstrap import create_farm
from flamenco.domain.errors import ConfigError
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.farm import jobs, workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling.policies import Policies
from flamenco.hooks.statistics import REQUEST_BOUNDS_S
from flamenco.services import delivery, upkeep
from flamenco.store.upgrade import upgrade
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, run_next, store_job, take
from tests.plugins.loading import documented_example, load_documented, load_text

MakeProcess = Callable[[], Farm]


@pytest.fixture
def make_process(tmp_path: Path, clock: Clock) -> Iterator[MakeProcess]:
    """Makes manager processes of one farm, which has the plugin as its docstring configures it."""
    loaded = load_documented("prometheus", tmp_path)
    made: list[Farm] = []

    def make() -> Farm:
        farm = create_farm(loaded.config, loaded.hooks, clock)
        upgrade(farm.store, clock())
        made.append(farm)
        return farm

    yield make
    for farm in made:
        farm.close()


@pytest.fixture
def farm(make_process: MakeProcess) -> Farm:
    """A farm with the plugin."""
    return make_process()


def scrape(farm: Farm, path: str = "/metrics") -> str:
    """What Prometheus is told."""
    result = testing.TestClient(create_app(farm)).simulate_get(path)
    assert result.status_code == 200
    assert result.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return result.text


def samples(text: str) -> list[Sample]:
    """Every sample, as Prometheus' parser reads it."""
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def values(text: str, name: str) -> dict[str, float]:
    """The samples of a metric with one label or none, by the value of that."""
    return {"".join(sample.labels.values()): sample.value for sample in samples(text) if sample.name == name}


def buckets(text: str, process: str, operation: str) -> dict[str, float]:
    """The histogram of an operation in a process, by upper bound."""
    return {
        sample.labels["le"]: sample.value
        for sample in samples(text)
        if sample.name == "flamenco_request_duration_seconds_bucket"
        and (sample.labels["process"], sample.labels["operation"]) == (process, operation)
    }


def test_the_documented_example_is_complete(tmp_path: Path) -> None:
    """The example says where the numbers are, and the plugin has them there."""
    assert "path: /metrics" in documented_example("prometheus")
    loaded = load_documented("prometheus", tmp_path)
    assert [(name, route.path) for name, route in loaded.hooks.api_routes(loaded.config)] == [
        ("prometheus", "/metrics")
    ]


def test_an_empty_farm_is_told_in_full(farm: Farm) -> None:
    """Every status has a series from the beginning; a worker that never signed on is called registered."""
    text = scrape(farm)
    assert values(text, "flamenco_jobs") == {status.value: 0 for status in JobStatus}
    assert values(text, "flamenco_tasks") == {status.value: 0 for status in TaskStatus}
    assert values(text, "flamenco_workers") == {status.value or "registered": 0 for status in WorkerStatus}
    assert values(text, "flamenco_queue_age_seconds") == {"": 0}
    names = {family.name for family in text_string_to_metric_families(text)}
    assert names == {
        "flamenco_jobs",
        "flamenco_tasks",
        "flamenco_workers",
        "flamenco_runnable_tasks",
        "flamenco_queue_age_seconds",
        "flamenco_limit_capacity",
        "flamenco_limit_in_use",
        "flamenco_event_sink_waiting",
        "flamenco_event_sink_dead",
        "flamenco_event_sink_failures",
        "flamenco_request_duration_seconds",
    }


def test_every_metric_says_what_it_is(farm: Farm) -> None:
    """All have a help text and a type: gauges, but for the one histogram."""
    for family in text_string_to_metric_families(scrape(farm)):
        assert family.documentation.endswith(".")
        assert family.type == ("histogram" if family.name == "flamenco_request_duration_seconds" else "gauge")


def test_numbers_are_those_of_the_farm(farm: Farm, clock: Clock) -> None:
    """Jobs, tasks, workers, queues and limits are told as they are at that moment."""
    licence = SchedulingPolicy(
        name="licence",
        description="",
        limits=lambda _job, task_type: [Limit("nuke: x11", 2)] if task_type == "blender" else [],
        depends_on="job",
    )
    farm.policies = Policies({**farm.hooks.scheduling_policies(farm.config), "licence": licence}, {})
    store_job(farm, authored_job(*(authored_task(f"t{n}", "blender") for n in range(3)), priority=90))
    failing = store_job(farm, authored_job(authored_task("later", "misc")))
    store_job(farm, authored_job(authored_task("held", "misc")), JobStatus.PAUSED)
    team = [new_worker(farm, f"w{n}") for n in range(3)]
    run_next(farm, team[0])
    take(farm, team[0])
    workers.state_changed(farm, team[2], WorkerStatus.ASLEEP)
    jobs.set_status(farm, failing.id, JobStatus.CANCEL_REQUESTED, "test")
    clock.forward(90)
    text = scrape(farm)
    assert set_of(values(text, "flamenco_jobs")) == {("active", 1), ("canceled", 1), ("paused", 1)}
    assert set_of(values(text, "flamenco_tasks")) == {
        ("completed", 1),
        ("active", 1),
        ("queued", 2),
        ("canceled", 1),
    }
    assert set_of(values(text, "flamenco_workers")) == {("awake", 2), ("asleep", 1)}
    assert values(text, "flamenco_runnable_tasks") == {"blender": 1, "misc": 0}
    assert values(text, "flamenco_queue_age_seconds") == {"": 90}
    assert values(text, "flamenco_limit_capacity") == {"nuke: x11": 2}
    assert values(text, "flamenco_limit_in_use") == {"nuke: x11": 1}


def set_of(counts: dict[str, float]) -> set[tuple[str, float]]:
    """The counts that are not 0."""
    return {(name, count) for name, count in counts.items() if count}


def test_event_sinks_are_told_of(farm: Farm) -> None:
    """What waits for a sink, and how often the next event failed, can be watched."""

    def deliver(_event: PublishedEvent) -> None:
        raise OSError("down")

    farm.event_sinks = {"webhooks.chat": EventSink(name="webhooks.chat", description="", deliver=deliver)}
    delivery.tick(farm, farm.event_sinks["webhooks.chat"])
    new_worker(farm)
    delivery.tick(farm, farm.event_sinks["webhooks.chat"])
    text = scrape(farm)
    assert values(text, "flamenco_event_sink_waiting")["webhooks.chat"] > 0
    assert values(text, "flamenco_event_sink_failures") == {"webhooks.chat": 1}
    assert values(text, "flamenco_event_sink_dead") == {"webhooks.chat": 0}


def test_requests_of_every_process_are_told(make_process: MakeProcess) -> None:
    """Whichever process is asked, the histograms of all of them are there, each class with all the quicker ones."""
    one, two = make_process(), make_process()
    for farm, times_s in ((one, (0.001, 0.02, 0.02, 99.0)), (two, (0.3,))):
        for seconds in times_s:
            farm.request_times.add("getVersion", seconds)
    upkeep.write_measurements(two)
    text = scrape(one)
    first, second = one.request_times.process, two.request_times.process
    bounds = [*map(str, REQUEST_BOUNDS_S), "+Inf"]
    assert buckets(text, first, "getVersion") == dict(zip(bounds, [1, 1, *[3] * 9, 4], strict=True))
    assert buckets(text, second, "getVersion") == dict(zip(bounds, [*[0] * 6, *[1] * 6], strict=True))
    sums = {
        sample.labels["process"]: sample.value
        for sample in samples(text)
        if sample.name == "flamenco_request_duration_seconds_sum"
    }
    counts = {
        sample.labels["process"]: sample.value
        for sample in samples(text)
        if sample.name == "flamenco_request_duration_seconds_count"
    }
    assert sums == {first: pytest.approx(99.041), second: pytest.approx(0.3)}
    assert counts == {first: 4, second: 1}


def test_being_asked_is_measured_too(farm: Farm) -> None:
    """The page itself is an operation, so that it shows when it takes long."""
    client = testing.TestClient(create_app(farm))
    client.simulate_get("/metrics")
    found = buckets(client.simulate_get("/metrics").text, farm.request_times.process, "prometheus:/metrics")
    assert found["+Inf"] == 1


def test_each_application_tells_of_its_own_farm(make_process: MakeProcess, farm: Farm) -> None:
    """Nothing is kept in a registry that all would share: asking often, or in two applications, changes nothing."""
    apps = [testing.TestClient(create_app(each)) for each in (farm, make_process())]
    told = [app.simulate_get("/metrics").text for app in apps * 2]
    assert {tuple(sorted(values(text, "flamenco_jobs").items())) for text in told} == {
        tuple(sorted((status.value, 0.0) for status in JobStatus))
    }


def test_the_page_can_be_elsewhere(tmp_path: Path, clock: Clock) -> None:
    """The path is a setting; one without a slash lies below the plugin's own address."""
    loaded = load_text("plugins:\n  prometheus:\n    path: numbers\n", tmp_path)
    farm = create_farm(loaded.config, loaded.hooks, clock)
    upgrade(farm.store, clock())
    assert "flamenco_jobs" in scrape(farm, "/api/x/prometheus/numbers")
    farm.close()


def test_a_missing_library_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library the start stops with a sentence that says how to get it."""
    loaded = load_documented("prometheus", tmp_path)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ConfigError, match=r"plugin 'prometheus' \(.*\): the library .*flamenco-farm\[prometheus\]"):
        loaded.hooks.api_routes(loaded.config)
