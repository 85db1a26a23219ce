"""Rules for jobs that ended long ago: which of them is about a job, and when; as they are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flamenco import builtin
from flamenco.config import load
from flamenco.domain.durations import Duration
from flamenco.domain.errors import ConfigError, Refused
from flamenco.domain.retention import Aged, RetentionRule, due, parse
from flamenco.domain.statuses import JobStatus

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HOUR = 3600.0


def job(status: JobStatus = JobStatus.COMPLETED, project: str = "", hours: float = 100) -> Aged:
    """A job that has not changed for so long."""
    changed = NOW - timedelta(hours=hours)
    return Aged(key=1, id="", name="", user="", status=status, project=project, updated=changed)


def done(rules: list[str], one: Aged) -> str:
    """What is to be done with it now."""
    rule = due([parse(each) for each in rules], one, NOW)
    return rule.do if rule else ""


@pytest.mark.parametrize(
    ("rules", "one", "do"),
    [
        (["completed:100h:archive"], job(), "archive"),
        (["completed:100h1s:archive"], job(), ""),
        (["failed:1h:trash"], job(), ""),
        (["failed:1h:trash"], job(JobStatus.FAILED), "trash"),
        (["completed:1h:trash:film", "completed:1h:archive"], job(project="film"), "trash"),
        (["completed:1h:trash:film", "completed:1h:archive"], job(project="other"), "archive"),
        (["completed:900h:trash:film", "completed:1h:archive"], job(project="film"), ""),
        (["completed:0s:keep:film", "completed:1h:archive"], job(project="film"), ""),
        (["completed:1h:archive", "completed:1h:trash:film"], job(project="film"), "archive"),
        (["completed:1h:trash:a:b"], job(project="a:b"), "trash"),
        (["completed:0s:trash"], job(hours=-5), ""),
        ([], job(), ""),
    ],
)
def test_the_first_rule_that_is_about_a_job_decides(rules: list[str], one: Aged, do: str) -> None:
    """Also where it says that the job stays for a while, or for good."""
    assert done(rules, one) == do


@pytest.mark.parametrize(
    "text", ["", "completed", "active:1h:trash", "completed:1h:burn", "completed:soon:trash", "completed:-1h:trash"]
)
def test_what_is_no_rule(text: str) -> None:
    """It is said how one is written."""
    with pytest.raises(Refused, match="no rule"):
        parse(text)


def test_in_the_configuration(tmp_path: Path) -> None:
    """Durations as everywhere; what nobody knows is refused."""
    file = tmp_path / "flamenco-manager.yaml"
    file.write_text("retention:\n- {status: completed, after: 720h, do: archive, project: Film 12}\n")
    config = load(file, tmp_path, environ={}, hooks=builtin.core_hooks({})).config
    rule = RetentionRule(status="completed", after=Duration(720 * HOUR), do="archive", project="Film 12")
    assert config.retention == (rule,)
    for wrong in (
        "{status: active, after: 1h, do: trash}",
        "{status: failed, do: trash}",
        "{status: failed, after: -1h, do: trash}",
        "{status: failed, after: 1h, do: burn}",
    ):
        file.write_text(f"retention: [{wrong}]\n")
        with pytest.raises(ConfigError):
            load(file, tmp_path, environ={}, hooks=builtin.core_hooks({}))
