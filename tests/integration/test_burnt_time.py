"""Nobody has the compiler for oneself alone: who sends scripts that take all their time, again and again, waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from falcon import testing
from msgspec.structs import replace

from flamenco.api.app import create_app
from flamenco.compiler.compile import Compiler
from flamenco.compiler.script_limits import ScriptLimits
from flamenco.farm.context import Farm
from flamenco.farm.throttle import stopped_scripts
from flamenco.testing import Clock
from tests import length

BURNING = 'const JOB_TYPE = { label: "Burning", settings: [] }; function compileJob(job) { for (;;); }'
MODEST = (
    'const JOB_TYPE = { label: "Modest", settings: [] };'
    'function compileJob(job) { job.addTask(author.Task("t", "misc")); }'
)
WAITS_FROM = stopped_scripts(1.0).waits_from
HOSTILE, HONEST = "10.0.0.66", "10.0.0.7"


@pytest.fixture
def hasty_farm(farm: Farm) -> Iterator[Farm]:
    """A farm whose scripts have little time, with one that needs more."""
    folder = farm.config.job_types_path
    folder.mkdir(parents=True)
    (folder / "burning.js").write_text(BURNING)
    (folder / "modest.js").write_text(MODEST)
    shared, farm.compiler = farm.compiler, Compiler([folder], replace(ScriptLimits(), timeout_s=0.5))
    yield farm
    farm.compiler.close()
    farm.compiler = shared


Submit = Callable[[str, str], testing.Result]


@pytest.fixture
def submit(hasty_farm: Farm) -> Submit:
    """Submits a job of a type, from an address."""
    client = testing.TestClient(create_app(hasty_farm))

    def post(job_type: str, address: str, path: str = "/api/v3/jobs") -> testing.Result:
        body = {"name": "n", "type": job_type, "submitter_platform": "linux"}
        return client.simulate_post(path, json=body, remote_addr=address)

    return post


PATHS = ["/api/jobs", "/api/v3/jobs", "/api/v3/jobs/check", "/api/x/jobs", "/api/x/jobs/compile"]


@pytest.mark.parametrize("path", length.every(len(PATHS), PATHS))
def test_who_burns_time_waits(hasty_farm: Farm, submit: Callable[..., testing.Result], clock: Clock, path: str) -> None:
    """Whose scripts take all their time again and again gets 503 with a sentence; jobs of others are taken."""
    for _ in range(WAITS_FROM - 1):
        hasty_farm.stopped_scripts.failed(HOSTILE)
    refused = submit("burning", HOSTILE, path)
    assert refused.status_code == 400
    assert "ran longer than" in refused.json["message"]
    for job_type in ("burning", "modest"):
        refused = submit(job_type, HOSTILE, path)
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "20"
        assert f"{WAITS_FROM} jobs from {HOSTILE}" in refused.json["message"]
        assert submit("modest", HONEST, path).status_code in (200, 204)
    clock.forward(20)
    assert submit("modest", HOSTILE, path).status_code in (200, 204)


@pytest.mark.long
def test_each_of_them_counts(submit: Submit) -> None:
    """It is the script of every such job that was stopped, one after the other, that makes its sender wait."""
    assert [submit("burning", HOSTILE).status_code for _ in range(WAITS_FROM + 1)] == [400] * WAITS_FROM + [503]
    assert submit("modest", HONEST).status_code == 200


@pytest.mark.long
def test_all_addresses_of_a_machine_count_together(submit: Submit) -> None:
    """For IPv6 a machine has as many as it likes in its network."""
    for number in range(WAITS_FROM):
        assert submit("burning", f"2001:db8:1:2::{number}").status_code == 400
    assert submit("modest", "2001:db8:1:2:aaaa::1").status_code == 503
    assert submit("modest", "2001:db8:1:3::1").status_code == 200


def test_mistakes_burn_no_time(hasty_farm: Farm, submit: Submit) -> None:
    """Jobs that are refused quickly, however many, make nobody wait."""
    (hasty_farm.config.job_types_path / "wrong.js").write_text(MODEST.replace("author.Task", "author.Tusk"))
    for _ in range(5 * WAITS_FROM):
        assert submit("wrong", HOSTILE).status_code == 400
        assert submit("missing", HOSTILE).status_code == 400
    assert submit("modest", HOSTILE).status_code == 200
