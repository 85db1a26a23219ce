"""`/api/x/setup`: where workers find the manager, what is written down for a new farm, and its first frame."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from falcon import testing

from flamenco.api.app import create_app
from flamenco.cli import main
from flamenco.config import load
from flamenco.config.access_settings import AccessConfig
from flamenco.farm import blenders
from flamenco.farm.context import Farm
from tests.conftest import make_hooks
from tests.integration.test_delivery import serving


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Which database there is makes no difference to the file, so one kind is enough."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


@pytest.fixture
def farm(make_farm: Callable[..., Farm], tmp_path: Path) -> Farm:
    """A farm that nobody has set up."""
    made = make_farm(data_dir=tmp_path / "data")
    made.restart = lambda: None
    return made


@pytest.fixture
def client(farm: Farm) -> testing.TestClient:
    """Somebody who sets it up."""
    return testing.TestClient(create_app(farm))


def found(given: str, _folders: Any = ()) -> blenders.BlenderCheck:
    """A Blender, for those who need not run one."""
    return blenders.BlenderCheck(given, f"/opt/{given}", "input_path", is_usable=True, cause="Found Blender 4.2.0")


def test_the_state(client: testing.TestClient, farm: Farm) -> None:
    """Before anybody chose: a first run, alone on its machine, with an address."""
    state = client.simulate_get("/api/x/setup").json
    assert (state["is_first_run"], state["storage"], state["is_alone"]) == (True, "", True)
    assert state["file"] == str(farm.config_file)
    assert state["addresses"]
    assert state["platform"]


def test_the_addresses_of_a_manager_for_all(make_farm: Callable[..., Farm]) -> None:
    """The one that a proxy has comes first."""
    farm = make_farm(listen=":8080", public_url="https://farm.studio.com/flamenco", access=AccessConfig(mode="open"))
    state = testing.TestClient(create_app(farm)).simulate_get("/api/x/setup").json
    assert state["addresses"][0] == "https://farm.studio.com/flamenco"
    assert state["is_alone"] is False


def test_it_is_written_down(
    client: testing.TestClient, farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it in one file, once; the variable is two-way, and has the manager's own platform as well."""
    monkeypatch.setattr(blenders, "check", found)
    body = {"storage": str(tmp_path), "blender": "blender 4", "elsewhere": {"windows": "F:\\farm", "darwin": ""}}
    assert client.simulate_post("/api/x/setup", json=body).status_code == 204
    config = load(farm.config_file, environ={}, hooks=make_hooks()).config
    assert config.shared_storage_path == str(tmp_path)
    assert config.variables["blender"].values[0].value == "/opt/blender 4"
    storage = config.variables["storage"]
    assert storage.is_twoway
    own = client.simulate_get("/api/x/setup").json["platform"]
    assert {each.platform: each.value for each in storage.values} == {own: str(tmp_path), "windows": "F:\\farm"}
    assert client.simulate_get("/api/x/setup").json["is_first_run"] is False
    assert "shared_storage_path" in client.simulate_get("/api/x/audit").text


def test_nothing_but_the_storage(client: testing.TestClient, farm: Farm, tmp_path: Path) -> None:
    """Who skips Blender and has one platform leaves the variables alone."""
    assert client.simulate_post("/api/x/setup", json={"storage": str(tmp_path)}).status_code == 204
    assert "variables" not in farm.config_file.read_text()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"storage": "/no/such/folder"}, "does not exist"),
        ({"storage": "."}, "is not a whole path"),
        ({"storage": "\\\\server\\share"}, "UNC"),
        ({"storage": ""}, "storage"),
        ({"storage": "/tmp", "blender": "/bin/sh"}, "cannot be the Blender"),
        ({"storage": "/tmp", "elsewhere": {"amiga": "DH0:"}}, "elsewhere"),
    ],
)
def test_what_cannot_be_used(client: testing.TestClient, farm: Farm, body: dict[str, Any], said: str) -> None:
    """A sentence says what it is, and nothing is written."""
    answer = client.simulate_post("/api/x/setup", json=body)
    assert (answer.status_code, said in answer.json["message"]) == (400, True), answer.text
    assert not farm.config_file.exists()


def test_a_storage_that_others_say(client: testing.TestClient, farm: Farm, tmp_path: Path) -> None:
    """The environment wins over the file, so writing there would do nothing."""
    farm.sources = {"shared_storage_path": "environment FLAMENCO_SHARED_STORAGE_PATH"}
    answer = client.simulate_post("/api/x/setup", json={"storage": str(tmp_path)})
    assert answer.status_code == 400
    assert "FLAMENCO_SHARED_STORAGE_PATH, which wins over the file" in answer.json["message"]


def test_a_trial(client: testing.TestClient, farm: Farm) -> None:
    """The scene is in the shared storage, and a job has one frame of it rendered beside it."""
    answer = client.simulate_post("/api/x/setup/trial-render")
    assert answer.status_code == 200, answer.text
    folder = farm.config.shared_path / "flamenco-test"
    assert answer.json["folder"] == str(folder)
    assert [each.name for each in folder.iterdir()] == ["fan.blend"]
    job = client.simulate_get(f"/api/x/jobs/{answer.json['id']}").json
    assert (job["name"], job["settings"]["blendfile"]) == ("Test render", str(folder / "fan.blend"))
    assert sum(job["tasks"].values()) == 1
    folder.chmod(0o700)
    for each in folder.iterdir():
        each.unlink()
    folder.rmdir()
    folder.write_text("in the way")
    refused = client.simulate_post("/api/x/setup/trial-render")
    assert refused.status_code in (500, 503)
    assert "The scene cannot be put into" in refused.json["message"]


def test_the_command(farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how far that is, sets the farm up, and refuses with the manager's words what will not do."""
    monkeypatch.setattr(blenders, "check", found)
    with serving(farm) as url:

        def run(*words: str) -> Result:
            return CliRunner().invoke(main, ["setup", *words, "--manager", url])

        assert "nobody has chosen one" in run().stdout
        assert json.loads(run("--json").stdout)["is_first_run"] is True
        wrong = run("--storage", str(tmp_path / "missing"))
        assert wrong.exit_code == 1
        assert "cannot be the shared storage" in wrong.stderr
        for words in (
            ("--blender", "b"),
            ("--storage", "/x", "--on", "amiga=/y"),
            ("--storage", "/x", "--trial-render"),
        ):
            assert run(*words).exit_code == 2
        assert run("--storage", str(tmp_path), "--blender", "blender", "--on", "windows=F:\\").exit_code == 0
        written = load(farm.config_file, environ={}, hooks=make_hooks()).config
        assert written.shared_storage_path == str(tmp_path)
        assert {value.platform for value in written.variables["storage"].values} >= {"windows"}
        assert "renders a frame into" in run("--trial-render").stdout
