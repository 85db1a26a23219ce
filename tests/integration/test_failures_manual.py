"""What docs/failures.md shows: commands as somebody types them one after the other, a configuration, a job type."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from flamenco import builtin
from flamenco.cli import main
from flamenco.config import load
from flamenco.config.failure_settings import FailuresConfig
from flamenco.domain.shipped_rules import SHIPPED
from flamenco.domain.statuses import TaskStatus
from flamenco.farm import sickness
from flamenco.farm.context import Farm
from tests.docs import manual
from tests.docs.test_examples import lines_for_a_shell
from tests.integration.farming import new_worker, report, take
from tests.integration.test_delivery import serving

MANUAL = "docs/failures.md"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_the_manual_has_one_type(farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it works, and says what was meant."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "license.log").write_text("loading\nNo licenses could be found\n exited with code 3\n")
    said: dict[str, list[str]] = {}
    with serving(farm) as url:
        for line in lines_for_a_shell(MANUAL):
            done = CliRunner().invoke(main, [*shlex.split(line)[1:], "--manager", url])
            assert done.exit_code == 0, done.output
            said.setdefault(line.split()[1], []).append(done.stdout)
            if line.startswith("flamenco submit"):
                worker = new_worker(farm, "broken")
                report(farm, worker, take(farm, worker), TaskStatus.FAILED, log="could not check out a license\n")
                sickness.fall_sick(farm, worker.id, "it smokes")
    listed, tried = said["rules"]
    assert all(name in listed for name in SHIPPED)
    assert "A rule of Flamenco (license) fits: hold_job 5m." in tried
    assert "The line is: No licenses could be found" in tried
    assert said["retries"] == ["Shot 12: given other limits on failures\n"]
    assert "There is no license for it now: could not check out a license" in said["explain"][0]
    assert "There is no license for it now" in said["attempts"][0]
    assert said["workers"][1].endswith("1 worker healed\n")


def test_the_configuration(tmp_path: Path) -> None:
    """A manager takes it."""
    file = tmp_path / "flamenco-manager.yaml"
    file.write_text(manual.blocks("yaml", MANUAL)[0])
    rules = load(file, tmp_path, environ={}, hooks=builtin.core_hooks({})).config.failures.rules
    assert [rule.then for rule in rules] == ["hold_job 5m", "retry_elsewhere", "fail_job"]
    assert [rule.exit_code for rule in rules] == [None, 139, None]


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("rules: [{match: '(', then: retry}]", "match: '(' is no regular expression"),
        ("rules: [{match: a, then: explode}]", "'explode' is nothing that can follow"),
        ("rules: [{match: a, than: retry}]", "than"),
        ("without: [licence]", "licence"),
        ("job_fail_percent: 101", "job_fail_percent"),
    ],
)
def test_a_configuration_that_is_wrong(tmp_path: Path, written: str, says: str) -> None:
    """It stops the start, with a sentence that says what and where."""
    file = tmp_path / "flamenco-manager.yaml"
    file.write_text(f"failures: {{{written}}}\n")
    with pytest.raises(Exception, match="failures") as refused:
        load(file, tmp_path, environ={}, hooks=builtin.core_hooks({}))
    assert says in str(refused.value)


def test_the_job_type(farm: Farm) -> None:
    """Its rules are those of its jobs."""
    folder = farm.config.job_types_path
    folder.mkdir(parents=True)
    (folder / "simulation.js").write_text(f"{manual.blocks('js', MANUAL)[0]}\nfunction compileJob(job) {{}}\n")
    job_type = farm.compiler.job_type("simulation")
    assert [rule.then for rule in job_type.failure_rules] == ["fail_job", "retry_after 10m"]
    assert (job_type.fail_percent, job_type.tries) == (100, 2)


def test_the_tables_name_what_there_is(make_farm: Callable[..., Farm]) -> None:
    """All rules that come with Flamenco, and their defaults."""
    text = (manual.ROOT / MANUAL).read_text("utf-8")
    for name, rule in SHIPPED.items():
        assert f"| `{name}` | " in text
        assert f"| `{rule.then}`" in text
    settings = FailuresConfig()
    assert (settings.sick_after_failures, settings.sick_after_jobs, settings.free_retries) == (5, 2, 100)
    assert make_farm().config.failures == settings
