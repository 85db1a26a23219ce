"""`flamenco rules`, `retries`, `submit --tries` and `workers heal`, against a manager, and what programs are told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from flamenco.cli import main
from flamenco.client import ManagerClient
from flamenco.config.failure_settings import FailuresConfig
from flamenco.domain.failure_rules import FailureRule
from flamenco.farm import sickness
from flamenco.farm.context import Farm
from tests.integration.farming import new_worker
from tests.integration.test_delivery import serving

Run = Callable[..., str]
SCRIPT = """const JOB_TYPE = {
    label: "x", settings: [],
    failureRules: [{ match: "diverged (?P<how>.+)", taskTypes: ["misc"], then: "fail_job", say: "It is {how}." }],
};
function compileJob(job) { job.addTask(author.Task("t", "misc")); }
"""


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Which database there is makes no difference to what is typed."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


@pytest.fixture
def farm(make_farm: Callable[..., Farm]) -> Farm:
    """One with rules of its own."""
    rules = (FailureRule(match="busy", then="retry_after 5m", say="busy"), FailureRule(exit_code=9, then="blocklist"))
    farm = make_farm(failures=FailuresConfig(rules=rules))
    farm.config.job_types_path.mkdir(parents=True)
    (farm.config.job_types_path / "x.js").write_text(SCRIPT)
    return farm


@pytest.fixture
def run(farm: Farm) -> Iterator[Run]:
    """Types a command; what it printed, or with `code`, what it said on stderr."""
    with serving(farm) as url:

        def run(*words: str, code: int = 0) -> str:
            done = CliRunner().invoke(main, [*words, "--manager", url])
            assert done.exit_code == code, (done.output, done.exception)
            return done.stderr if code else done.stdout

        yield run


def test_rules_are_listed_in_their_order(run: Run) -> None:
    """With who says so; those of other job types are left out where one is named."""
    listed = run("rules").splitlines()
    who = ["the job type (x)", "the configuration", "the configuration", "Flamenco (gpu-memory)"]
    assert [line.startswith(each) for line, each in zip(listed[1:], who, strict=False)] == [True] * 4
    assert "fail_job, once 2 workers failed it" in listed[-1]
    found = json.loads(run("rules", "--job-type", "echo-sleep-test", "--json"))
    assert [rule["by"] for rule in found] == ["the configuration"] * 2 + ["Flamenco"] * 4
    assert found[1]["exit_code"] == 9


@pytest.mark.parametrize(
    ("log", "words", "says"),
    [
        (b"a\nbusy\n", (), "A rule of the configuration fits: retry_after 5m.\nIt is said: busy\nThe line is: busy\n"),
        (b"exited abnormally with code 9\n", (), "A rule of the configuration fits: blocklist."),
        (b"nothing\n", ("--exit-code", "9"), "A rule of the configuration fits: blocklist."),
        (b"diverged slowly\n", (), "A rule of the job type (x) fits: fail_job.\nIt is said: It is slowly.\n"),
        (b"diverged slowly\n", ("--task-type", "render"), "No rule fits"),
        (b"Cannot read file '/a'\n", (), "No rule fits"),
        (b"Cannot read file '/a'\n", ("--workers", "2"), "It is said: The file /a is missing, or cannot be read."),
        (b"\xff\xfe\x00" * 100_000 + b"\nbusy", (), "A rule of the configuration fits: retry_after 5m."),
        (b"", (), "No rule fits"),
    ],
)
def test_a_log_is_tried(run: Run, tmp_path: Path, log: bytes, words: tuple[str, ...], says: str) -> None:
    """Whatever is in it; which rule it is, what is said, and by which line."""
    (tmp_path / "a.log").write_bytes(log)
    assert says in run("rules", "--try", str(tmp_path / "a.log"), *words)


def test_a_try_for_programs(run: Run, tmp_path: Path) -> None:
    """The rule as it is listed."""
    (tmp_path / "a.log").write_text("busy")
    tried = json.loads(run("rules", "--try", str(tmp_path / "a.log"), "--json"))
    assert (tried["rule"]["by"], tried["sentence"]) == ("the configuration", "busy")


def test_how_much_may_fail(run: Run, farm: Farm) -> None:
    """Said at submission, changed, taken back; the job shows it."""
    run("submit", "x", "--name", "job", "--tries", "5", "--fail-percent", "50")
    with serving(farm) as url, ManagerClient(url) as client:
        (job,) = client.jobs.all()

        def shown() -> tuple[object, object]:
            found = client.get(f"/api/x/jobs/{job.id}")
            return found.get("tries"), found.get("fail_percent")

        assert shown() == (5, 50)
        assert run("retries", "job", "--tries", "default", "--fail-percent", "0") == (
            "job: given other limits on failures\n"
        )
        assert shown() == (None, 0)
    assert "Give --fail-percent, --tries or both" in run("retries", "job", code=2)
    assert "is not in the range" in run("retries", "job", "--tries", "0", code=2)


def test_sick_workers(run: Run, farm: Farm) -> None:
    """Are listed with why, and healed; those that are well are refused."""
    worker = new_worker(farm, "render-07")
    sickness.fall_sick(farm, worker.id, "It failed 5 tasks of 2 jobs.")
    (listed,) = json.loads(run("workers", "list", "--json"))
    assert (listed["status"], listed["warning"]) == (
        "error",
        "it is sick, and given nothing until `flamenco workers heal`: It failed 5 tasks of 2 jobs.",
    )
    assert run("workers", "heal", "render-07").endswith("render-07: healed\n")
    assert "It is not sick." in run("workers", "heal", "render-07", code=1)
