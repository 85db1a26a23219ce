"""The dashboard and the alerts that come along: they ask for nothing that the plugin prometheus does not tell."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from flamenco.api.openapi import document
from flamenco.api.routes import SURFACES
from flamenco.config import load
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from tests.docs import manual
from tests.docs.test_examples import assert_can_be_typed

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "docs/monitoring/alerts.yaml"
DASHBOARD = ROOT / "docs/monitoring/grafana-dashboard.json"

STATUSES = {"flamenco_jobs": JobStatus, "flamenco_tasks": TaskStatus, "flamenco_workers": WorkerStatus}


def expressions() -> Iterator[str]:
    """Everything that Prometheus is asked."""
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def told() -> set[str]:
    """The names of the figures that there are, as the plugin's source makes them."""
    found = set(re.findall(r'"(flamenco_\w+)"', (ROOT / "plugins/prometheus.py").read_text()))
    return found | {f"{name}_bucket" for name in found if name.endswith("_seconds")}


@pytest.mark.parametrize("expression", list(expressions()))
def test_what_is_asked_is_told(expression: str) -> None:
    """Figures, statuses and operations by the names that they have."""
    names = set(re.findall(r"flamenco_\w+", expression))
    assert names <= told()
    for name, statuses in re.findall(r'(flamenco_\w+)\{status=~?"([^"]+)"\}', expression):
        assert set(statuses.split("|")) <= set(STATUSES[name])
    operations = {
        operation["operationId"]
        for surface in SURFACES.values()
        for methods in document(surface)["paths"].values()
        for operation in methods.values()
    }
    assert set(re.findall(r'operation="(\w+)"', expression)) <= operations


def test_the_dashboard_is_one() -> None:
    """Panels have numbers of their own, do not lie on each other, and say what they show."""
    panels: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.skipif(shutil.which("promtool") is None, reason="Prometheus' own tool is not here")
def test_prometheus_takes_the_alerts() -> None:
    """By its own judgement; and they come when they should, and not when all is well."""
    for what, file in (("check", ALERTS), ("test", ROOT / "tests/vectors/alerts.yaml")):
        done = subprocess.run(
            ["promtool", what, "rules", file], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_manual(tmp_path: Path) -> None:
    """A manager takes the plugin as it is switched on there; Prometheus is told the name that the alerts want."""
    ours, theirs = manual.blocks("yaml", "docs/operating.md")
    file = tmp_path / "flamenco-manager.yaml"
    file.write_text(ours)
    assert [*load(file, tmp_path, environ={}).config.plugins] == ["prometheus"]
    (scraped,) = yaml.safe_load(theirs)["scrape_configs"]
    assert all(job == scraped["job_name"] for job in re.findall(r'job="(\w+)"', ALERTS.read_text()))


def test_what_alerts_tell_to_type() -> None:
    """Each command is there, with its options."""
    found = re.findall(r"`flamenco ([^`]+)`", ALERTS.read_text())
    assert found
    for line in found:
        assert_can_be_typed("alerts", line.replace("{{ $labels.sink }}", "SINK").split())
