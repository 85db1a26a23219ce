"""`/api/x/settings`: what each setting is, where its value comes from, and changing some; plugins; what runs here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from falcon import testing

from flamenco.api.app import create_app
from flamenco.bootstrap import create_farm
from flamenco.cli import main
from flamenco.client import ManagerClient, ManagerError
from flamenco.config import load
from flamenco.farm.context import Farm
from tests.conftest import empty_database, make_hooks

WRITTEN = """\
# Our farm.
manager_name: Bärenfarm   # the name on the door
task_timeout: 20m
mqtt:
  client: {broker: "tcp://anna:hush@broker:1883", password: whisper}
plugins: [ageing]
variables:
  shared:
    is_twoway: true
    values:
      - {platform: linux, value: /mnt/shared}
"""


class Asked:
    """A farm that was started with a file, and somebody who looks at its settings."""

    def __init__(self, farm: Farm, file: Path) -> None:
        self.farm, self.file, self.starts = farm, file, 0
        self.client = testing.TestClient(create_app(farm))
        farm.restart = self._start

    def _start(self) -> None:
        self.starts += 1

    def settings(self) -> dict[str, dict[str, Any]]:
        """Each setting by its key."""
        answer = self.client.simulate_get("/api/x/settings")
        assert answer.status_code == 200, answer.text
        return {each["key"]: each for each in answer.json["settings"]}

    def change(self, values: Mapping[str, Any]) -> Any:
        """The answer to somebody who changes some."""
        return self.client.simulate_patch("/api/x/settings", json={"values": values})


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Which database there is makes no difference to the file, so one kind is enough."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


Open = Callable[..., Asked]


@pytest.fixture
def started(tmp_path: Path, make_farm: Callable[..., Farm], request: pytest.FixtureRequest) -> Open:
    """Starts a farm with a file of that text, or without one, and an environment."""

    def start(text: str | None = WRITTEN, **environ: str) -> Asked:
        file = tmp_path / "data" / "flamenco-manager.yaml"
        file.parent.mkdir()
        (file.parent / "flamenco-manager.sqlite").write_bytes(empty_database())
        if text is not None:
            file.write_text(text, encoding="utf-8")
        loaded = load(file if text is not None else None, tmp_path / "data", environ=environ, hooks=make_hooks())
        farm = create_farm(loaded.config, loaded.hooks, config_file=file, sources=loaded.sources)
        request.addfinalizer(farm.close)
        return Asked(farm, file)

    return start


def test_where_values_come_from(started: Open) -> None:
    """The file, the environment, or nobody; what can be changed here is told from what cannot, with the reason."""
    asked = started(FLAMENCO_LOG_LEVEL="warning")
    found = asked.settings()
    assert (found["task_timeout"]["value"], found["task_timeout"]["source"]) == ("20m0s", f"file {asked.file}")
    assert (found["worker_timeout"]["value"], found["worker_timeout"]["source"]) == ("1m0s", "default")
    assert found["log_level"]["source"] == "environment FLAMENCO_LOG_LEVEL"
    assert "wins over the file" in found["log_level"]["fixed"]
    assert "fixed" not in found["task_timeout"]
    assert "flamenco-manager.yaml" in found["listen"]["fixed"]
    assert "flamenco-manager.yaml" in found["plugins.ageing.points_per_hour"]["fixed"]
    assert all("in_file" not in each for each in found.values())


def test_what_a_field_needs(started: Open) -> None:
    """Each has a kind, choices or limits where there are any, a topic, help and a default."""
    found = started().settings()
    kinds = {
        "manager_name": "text",
        "task_timeout": "duration",
        "autodiscoverable": "boolean",
        "blocklist_threshold": "integer",
        "log_level": "choice",
        "blender_folders": "list",
        "policies": "map",
        "variables.shared": "variable",
        "plugins.ageing.points_per_hour": "number",
    }
    assert {key: found[key]["kind"] for key in kinds} == kinds
    assert found["log_level"]["choices"] == ["debug", "info", "warning", "error"]
    assert (found["blocklist_threshold"]["minimum"], found["blocklist_threshold"]["maximum"]) == (0, 1_000_000)
    assert found["task_timeout"]["default"] == "10m0s"
    assert found["plugins.ageing.points_per_hour"]["topic"] == "plugin ageing"
    assert found["shaman.enabled"]["topic"] == "shaman"
    assert [each["key"] for each in found.values() if not each["help"]] == []
    single = {each["topic"] for each in found.values() if "." not in each["key"]}
    assert single == {"farm", "storage", "server", "job types", "plugins"}, "each has a topic of its own"


def test_secrets_are_stars(started: Open) -> None:
    """Neither in values nor in the audit; sent back as they are shown, they stay."""
    asked = started()
    assert asked.settings()["mqtt.client.password"]["value"] == "***"
    answer = asked.client.simulate_get("/api/x/settings")
    assert "hush" not in answer.text
    assert "whisper" not in answer.text
    shown = {key: asked.settings()[key]["value"] for key in ("mqtt.client.password", "mqtt.client.broker")}
    assert asked.change({**shown, "mqtt.client.topic_prefix": "bears"}).status_code == 204
    text = asked.file.read_text()
    assert ("whisper" in text, "anna:hush" in text, "bears" in text) == (True, True, True)
    audit = asked.client.simulate_get("/api/x/audit").text
    assert "bears" in audit
    assert "whisper" not in audit
    assert "hush" not in audit


def test_some_are_changed(started: Open) -> None:
    """The file says so, and all else that it said; the manager starts anew; until then both values are told."""
    asked = started()
    assert (
        asked.change({"task_timeout": "5m", "blocklist_threshold": 7, "autodiscoverable": "false"}).status_code == 204
    )
    assert asked.starts == 1
    text = asked.file.read_text()
    assert text.startswith("# Our farm.\nmanager_name: Bärenfarm   # the name on the door\n")
    assert "task_timeout: 5m0s" in text
    assert "blocklist_threshold: 7" in text
    assert "autodiscoverable: false" in text
    found = asked.settings()
    assert (found["task_timeout"]["value"], found["task_timeout"]["in_file"]) == ("20m0s", "5m0s")
    assert (found["blocklist_threshold"]["value"], found["blocklist_threshold"]["in_file"]) == (3, 7)


def test_back_to_the_default(started: Open) -> None:
    """Null takes a setting out of the file, and leaves the lines around it."""
    asked = started()
    assert asked.change({"task_timeout": None, "mqtt.client.broker": None}).status_code == 204
    text = asked.file.read_text()
    assert "# Our farm." in text
    assert "# the name on the door" in text
    assert "task_timeout" not in text
    assert "whisper" in text
    assert asked.settings()["task_timeout"]["in_file"] == "10m0s"


def test_without_a_file(started: Open) -> None:
    """One is made, with nothing in it but that; what changes nothing makes none."""
    asked = started(None)
    assert asked.change({"task_timeout": None}).status_code == 204
    assert not asked.file.exists()
    assert asked.change({"manager_name": "012"}).status_code == 204
    assert load(asked.file, environ={}, hooks=make_hooks()).config.manager_name == "012"
    assert asked.starts == 1


def test_variables_one_by_one(started: Open) -> None:
    """One is added, one changed, one taken away; others do not notice. Those of every farm come back as they were."""
    asked = started()
    values = [{"platform": "linux", "value": "/s"}, {"platform": "windows", "audience": "users", "value": "S:\\"}]
    changes = {
        "variables.scenes": {"is_twoway": True, "values": values},
        "variables.blender": "{values: [{platform: all, value: /opt/blender}]}",
        "variables.shared": None,
    }
    assert asked.change(changes).status_code == 204
    found = asked.settings()
    assert (found["variables.scenes"]["value"], found["variables.scenes"]["in_file"]["values"]) == (None, values)
    assert found["variables.shared"]["in_file"] is None
    assert found["variables.blender"]["in_file"] == {"values": [{"value": "/opt/blender", "platform": "all"}]}
    assert asked.change({"variables.blender": None}).status_code == 204
    assert "in_file" not in asked.settings()["variables.blender"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"task_timeout": "soon"}, "task_timeout: 'soon' is not a duration"),
        ({"blocklist_threshold": -1}, "blocklist_threshold: -1 is not"),
        ({"log_level": "loud"}, "'loud' is not one of debug, info, warning, error"),
        ({"tusk_timeout": "5m"}, "did you mean 'task_timeout'?"),
        ({"listen": ":80"}, "listen: It is changed in flamenco-manager.yaml on the manager's machine"),
        ({"plugins": ["webhooks"]}, "plugins: is a list or a group"),
        ({"plugins.ageing.points_per_hour": 3}, "on the manager's machine"),
        ({"log_format": "json"}, "log_format: It is said by the environment FLAMENCO_LOG_FORMAT"),
        ({"variables.bad{name": {"values": [{"platform": "all", "value": "x"}]}}, "curly brackets"),
        ({"variables.empty": {"values": []}}, "has no values"),
        ({"variables.odd": "{"}, "is not YAML"),
        ({"mqtt.client.password": ["whispered"]}, "mqtt.client.password: it is not text"),
        ({"policies": {"priority": "much"}}, "policies: in 'priority'"),
    ],
)
def test_what_cannot_be(started: Open, values: dict[str, Any], said: str) -> None:
    """A sentence says what is wrong, nothing is written, and nothing starts anew; also where all else was right."""
    asked = started(FLAMENCO_LOG_FORMAT="logfmt")
    answer = asked.change({"manager_name": "Other", **values})
    assert answer.status_code == 400
    assert said in answer.json["message"]
    assert "whispered" not in answer.text
    assert (asked.file.read_text(), asked.starts) == (WRITTEN, 0)


def test_a_file_that_somebody_broke(started: Open) -> None:
    """The settings are shown as they run, with what is wrong with the file; it is not written over."""
    asked = started()
    asked.file.write_text("listen: [")
    answer = asked.client.simulate_get("/api/x/settings")
    assert answer.status_code == 200
    assert "is not YAML in line 1" in answer.json["problem"]
    assert asked.settings()["task_timeout"]["value"] == "20m0s"
    assert asked.change({"task_timeout": "5m"}).status_code == 500
    assert asked.file.read_text() == "listen: ["


def test_plugins(started: Open) -> None:
    """Each with whether it is used, what for, and by which hooks."""
    answer = started().client.simulate_get("/api/x/plugins")
    found = {each["name"]: each for each in answer.json["plugins"]}
    assert (found["ageing"]["enabled"], found["ageing"]["origin"]) == (True, "shipped")
    assert "scheduling_policies" in found["ageing"]["hooks"]
    assert found["ageing"]["summary"]
    assert found["webhooks"]["enabled"] is False


def test_about(started: Open) -> None:
    """Versions and counts, with which one can ask for help; no path, no secret, no name."""
    answer = started().client.simulate_get("/api/x/about")
    assert answer.json["database"].startswith("sqlite 3.")
    assert {key: answer.json[key] for key in ("jobs", "tasks", "workers")} == {"jobs": 0, "tasks": 0, "workers": 0}
    assert [each.partition(" ")[0] for each in answer.json["plugins"]] == ["ageing"]
    assert "Bärenfarm" not in answer.text
    assert "hush" not in answer.text


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`flamenco config set` writes the same, what only the file may say and settings of plugins included."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLAMENCO_LOG_LEVEL", "warning")
    file = tmp_path / "flamenco-manager.yaml"
    file.write_text(WRITTEN)
    pairs = ["listen=:9090", "plugins.ageing.points_per_hour=3", "policies={priority: 2}", "log_level=error"]
    result = CliRunner().invoke(main, ["config", "set", *pairs, "--default", "task_timeout"])
    assert (result.exit_code, result.stdout) == (
        0,
        f"{file}: changed listen, plugins.ageing.points_per_hour, policies, log_level, task_timeout\n",
    )
    assert "log_level is said by the environment FLAMENCO_LOG_LEVEL" in result.stderr
    config = load(file, environ={}, hooks=make_hooks()).config
    assert (config.listen, config.plugins.ageing.points_per_hour, config.policies) == (":9090", 3, {"priority": 2})
    assert "# the name on the door" in file.read_text()
    for wrong, said in (("task_timeout", "write KEY=VALUE"), ("listen=nowhere:x", "listen"), ("tusk=1", "no setting")):
        refused = CliRunner().invoke(main, ["config", "set", wrong])
        assert (refused.exit_code, said in refused.stderr) == (2, True), refused.output
    assert CliRunner().invoke(main, ["config", "set"]).exit_code == 2


def test_a_client_changes_some(started: Open) -> None:
    """By key; what goes back to its default is None; a setting that cannot be changed says so."""
    asked = started()
    with ManagerClient("http://localhost", transport=httpx.WSGITransport(create_app(asked.farm))) as client:
        found = {each.key: each for each in client.settings.all()}
        assert (found["task_timeout"].value, found["task_timeout"].fixed) == ("20m0s", "")
        assert found["listen"].fixed
        client.settings.change({"manager_name": "Ours", "task_timeout": None})
        with pytest.raises(ManagerError, match="only there"):
            client.settings.change({"listen": ":80"})
    assert "manager_name: Ours" in asked.file.read_text()
    assert "task_timeout" not in asked.file.read_text()
