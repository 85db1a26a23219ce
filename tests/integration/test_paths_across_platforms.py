"""One storage that each platform calls something else: from an artist's machine to a worker's, through the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from falcon import testing

from flamenco.api.app import create_app
from flamenco.domain.variables import Variable, VariableValue, this_platform
from flamenco.farm import workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from tests.integration.farming import new_worker

HERE = this_platform()
ROOTS = {"linux": "/mnt/shared", "windows": "S:\\", "darwin": "/Volumes/shared"}
SHARED = Variable(
    is_twoway=True,
    values=tuple(VariableValue(platform=platform, value=value) for platform, value in ROOTS.items()),
)

Call = Callable[..., Any]


@pytest.fixture
def shared_farm(make_farm: Callable[..., Farm]) -> Farm:
    """A farm whose jobs lie on storage that is mounted everywhere."""
    return make_farm(shared_storage_path=f"{ROOTS[HERE]}/flamenco", variables={"shared": SHARED})


@pytest.fixture
def call(shared_farm: Farm) -> Call:
    """Calls the API; the answer has to be a good one."""
    client = testing.TestClient(create_app(shared_farm))

    def send(method: str, path: str, **body: Any) -> Any:
        answer = client.simulate_request(method, f"/api/v3{path}", json=body or None)
        assert answer.status_code == 200, answer.text
        return answer.json

    return send


def message_for(farm: Farm, platform: str) -> str:
    """What a worker on that platform, a new one, is to echo."""
    worker = new_worker(farm, platform, platform=platform)
    given = claim.assign_next(farm, worker)
    (command,) = given.task.commands  # type: ignore[union-attr]
    workers.delete(farm, worker.id)
    return str(command.parameters["message"])  # type: ignore[index]


@pytest.mark.parametrize(
    ("platform", "path"),
    [
        ("windows", "S:\\show\\shot 1.blend"),
        ("windows", "s:/show/shot 1.blend"),
        ("linux", "/mnt/shared/show/shot 1.blend"),
        ("darwin", "/Volumes/shared/show/shot 1.blend"),
        ("manager", f"{ROOTS[HERE]}/show/shot 1.blend"),
    ],
)
def test_a_path_from_one_platform_to_all(shared_farm: Farm, call: Call, platform: str, path: str) -> None:
    """It is stored by the variable's name, in settings and metadata, and each worker gets its own platform's path."""
    settings = {"message": path, "sleep_duration_seconds": 0, "sleep_repeats": 0, "nested": {"path": path}}
    job = call(
        *("POST", "/jobs"),
        name=path,
        type="echo-sleep-test",
        submitter_platform=platform,
        settings=settings,
        metadata={"original": path},
    )
    stored = job["settings"]["message"]
    assert stored.startswith("{shared}")
    assert job["metadata"]["original"] == stored
    assert job["name"] == job["settings"]["nested"]["path"] == path
    (task, *_rest) = call("GET", f"/jobs/{job['id']}/tasks")["tasks"]
    assert call("GET", f"/tasks/{task['id']}")["commands"][0]["parameters"]["message"] == stored
    assert {each: message_for(shared_farm, each) for each in ROOTS} == {
        "linux": "/mnt/shared/show/shot 1.blend",
        "windows": "S:\\show\\shot 1.blend",
        "darwin": "/Volumes/shared/show/shot 1.blend",
    }


def test_where_jobs_are(shared_farm: Farm, call: Call) -> None:
    """The storage, and the variable `jobs`, as each platform calls them; below `jobs` with Shaman."""
    here = f"{ROOTS[HERE]}/flamenco/jobs"
    for audience in ("users", "workers"):
        places = {
            platform: call("GET", f"/configuration/shared-storage/{audience}/{platform}")["location"]
            for platform in ROOTS
        }
        assert places == {
            "linux": "/mnt/shared/flamenco/jobs",
            "windows": "S:\\flamenco\\jobs",
            "darwin": "/Volumes/shared/flamenco/jobs",
        }
    variables = call("GET", "/configuration/variables/users/windows")
    assert variables["jobs"] == {"name": "jobs", "value": here, "is_twoway": False}
    assert variables["shared"] == {"name": "shared", "value": "S:", "is_twoway": True}
    call(
        *("POST", "/jobs"),
        name="n",
        type="echo-sleep-test",
        submitter_platform="linux",
        settings={"message": "{jobs}/shot/a.blend", "sleep_duration_seconds": 0, "sleep_repeats": 0},
    )
    assert message_for(shared_farm, "windows") == "S:\\flamenco\\jobs\\shot\\a.blend"
    assert message_for(shared_farm, "darwin") == "/Volumes/shared/flamenco/jobs/shot/a.blend"


@pytest.mark.parametrize(
    ("platform", "path"),
    [("linux", "/mnt/shared2/a.blend"), ("linux", "/mnt/sharedfoo"), ("windows", "S:a.blend"), ("darwin", "/Volumes")],
)
def test_a_neighbour_of_the_shared_storage(shared_farm: Farm, call: Call, platform: str, path: str) -> None:
    """A path that only begins like the shared storage is another place: it stays as it was written, for everybody."""
    settings = {"message": path, "sleep_duration_seconds": 0, "sleep_repeats": 0}
    about = {"name": path, "type": "echo-sleep-test", "submitter_platform": platform}
    job = call("POST", "/jobs", **about, settings=settings, metadata={"original": path})
    assert job["settings"]["message"] == job["metadata"]["original"] == path
    assert {message_for(shared_farm, each) for each in ROOTS} == {path}
