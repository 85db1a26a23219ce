"""`/api/v3/configuration/file`, as Flamenco's own page uses it: it shows all it gets, and sends all that back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from falcon import testing
from msgspec.structs import replace

from flamenco.api.app import create_app
from flamenco.config import Config, MqttClientConfig, MqttConfig, load
from flamenco.config.content import read
from flamenco.config.declared import settings_of
from flamenco.config.writing import as_content, write
from flamenco.farm import configuration
from flamenco.farm.context import Farm
from flamenco.testing import Clock
from tests.conftest import make_hooks

PATH = "/api/v3/configuration/file"

WRITTEN = """\
# Our farm. Ask before you change anything.
_meta:
  version: 3
manager_name: Bärenfarm   # the name on the door
# no more than the machine bears
processes: 1
max_body_mb: 0x40

shaman:
  enabled: true
  # not all of our disks have links
  checkout_links: hardlink

# ask the administrators
mqtt:
  client: {broker: "tcp://broker:1883", password: 012345}
variables:
  shared:
    is_twoway: true
    values:
      - {platform: linux, value: /mnt/shared}
policies:
  priority: 2  # who waited longest
# the end
"""

MQTT = {"enabled", "broker", "clientID", "topic_prefix", "username", "password"}


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Which database there is makes no difference to the file, so one kind is enough."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


Open = Callable[[str | None], tuple[Farm, testing.TestClient, Path]]


@pytest.fixture
def farm_of(tmp_path: Path, make_farm: Callable[..., Farm], clock: Clock) -> Open:
    """Opens a farm that was started with a file of that text, or without one."""

    def open_farm(text: str | None) -> tuple[Farm, testing.TestClient, Path]:
        file = tmp_path / "data" / "flamenco-manager.yaml"
        file.parent.mkdir()
        if text is not None:
            file.write_text(text, encoding="utf-8")
        loaded = load(file if text is not None else None, tmp_path / "data", environ={}, hooks=make_hooks())
        fields = {name: getattr(loaded.config, name) for name in loaded.config.__struct_fields__}
        farm = make_farm(**fields)
        return farm, testing.TestClient(create_app(farm)), file

    return open_farm


def empties(value: Any, where: str = "") -> list[str]:
    """Where in it there is nothing, or a text without characters."""
    if isinstance(value, dict):
        return [each for key, part in value.items() for each in empties(part, f"{where}.{key}")]
    return [where] if value in (None, "") else []


@pytest.mark.parametrize("text", [None, WRITTEN])
def test_what_the_page_is_shown(farm_of: Open, text: str | None) -> None:
    """It gets the keys that Flamenco has and no others; paths say where things are though nobody set them."""
    farm, client, _ = farm_of(text)
    shown = client.simulate_get(PATH).json
    assert set(shown) == {
        *("_meta", "manager_name", "database", "database_check_period", "listen", "autodiscoverable"),
        *("local_manager_storage_path", "shared_storage_path", "shaman", "task_timeout", "worker_timeout"),
        *("blocklist_threshold", "task_fail_after_softfail_count", "mqtt", "variables"),
    }
    assert set(shown["shaman"]) == {"enabled", "garbageCollect"}
    assert set(shown["shaman"]["garbageCollect"]) == {"period", "maxAge"}
    assert set(shown["mqtt"]["client"]) == MQTT
    assert {each for each in empties(shown) if not each.startswith(".mqtt.client.")} == set()
    assert shown["database"] == str(farm.config.data_dir / "flamenco-manager.sqlite")
    assert shown["local_manager_storage_path"] == str(farm.config.local_storage_path)
    assert f"{shown['shared_storage_path']}/jobs" == farm.config.effective_storage_path


@pytest.mark.parametrize("text", [None, WRITTEN])
def test_saved_as_it_is(farm_of: Open, text: str | None) -> None:
    """Whoever saves what they were shown changes nothing: no setting, no comment, and no default becomes a decision."""
    _, client, file = farm_of(text)
    assert client.simulate_put(PATH, json=client.simulate_get(PATH).json).status_code == 204
    if text:
        assert file.read_text(encoding="utf-8") == text
    else:
        assert yaml.safe_load(file.read_text(encoding="utf-8")) == {"_meta": {"version": 3}}


def test_settings_of_ours_stay(farm_of: Open) -> None:
    """What is changed is changed where it stands; settings that the page does not know stay, and so do comments."""
    _, client, file = farm_of(WRITTEN)
    shown = client.simulate_get(PATH).json
    shown["manager_name"] = "Other"
    shown["blocklist_threshold"] = 5
    shown["shaman"]["garbageCollect"]["period"] = "1h0m0s"
    assert client.simulate_put(PATH, json=shown).status_code == 204
    written = file.read_text(encoding="utf-8")
    assert yaml.safe_load(written) == yaml.safe_load(WRITTEN) | {
        "manager_name": "Other",
        "blocklist_threshold": 5,
        "shaman": {"enabled": True, "checkout_links": "hardlink", "garbageCollect": {"period": "1h0m0s"}},
    }
    assert "manager_name: Other   # the name on the door\n# no more than the machine bears\nprocesses: 1\n" in written
    assert "password: 012345}" in written
    assert "# ask the administrators\nmqtt:" in written
    assert "priority: 2  # who waited longest\n# the end\nblocklist_threshold: 5\n" in written
    assert file.with_name(f"{file.name}.bak").read_text(encoding="utf-8") == WRITTEN
    again = client.simulate_get(PATH).json
    assert (again["manager_name"], again["blocklist_threshold"]) == ("Other", 5)


def test_variables_come_and_go(farm_of: Open) -> None:
    """The page sends all variables, so one that is missing was removed there."""
    _, client, file = farm_of(WRITTEN)
    shown = client.simulate_get(PATH).json
    assert {"shared", "blender", "ffmpeg"} <= set(shown["variables"])
    del shown["variables"]["shared"]
    shown["variables"]["assets"] = {"values": [{"platform": "linux", "value": "/assets"}]}
    assert client.simulate_put(PATH, json=shown).status_code == 204
    variables = yaml.safe_load(file.read_text(encoding="utf-8"))["variables"]
    assert variables == {"assets": shown["variables"]["assets"]}
    assert set(client.simulate_get(PATH).json["variables"]) == set(shown["variables"])


def test_a_part_is_enough(farm_of: Open) -> None:
    """A client that sends one setting changes that one; one of ours it may send too."""
    _, client, file = farm_of(WRITTEN)
    assert client.simulate_put(PATH, json={"worker_timeout": "90s", "log_level": "debug"}).status_code == 204
    assert yaml.safe_load(file.read_text(encoding="utf-8")) == yaml.safe_load(WRITTEN) | {
        "worker_timeout": "90s",
        "log_level": "debug",
    }


@pytest.mark.parametrize(
    "sent",
    [
        {"task_timeout": None},
        {"shaman": {"enabled": "perhaps"}},
        {"shaman": "on"},
        {"_meta": {"version": 2}},
        {"plugins": ["webhooks"]},
        {"no_such_setting": 1},
    ],
)
def test_what_is_wrong_changes_nothing(farm_of: Open, sent: dict[str, Any]) -> None:
    """The file stays as it is, to the last character."""
    _, client, file = farm_of(WRITTEN)
    assert client.simulate_put(PATH, json=sent).status_code == 400
    assert file.read_text(encoding="utf-8") == WRITTEN


@pytest.mark.parametrize(
    "sent",
    [
        {"listen": ":8080"},
        {"allowed_hosts": ["*"]},
        {"database": "sqlite:////etc/passwd"},
        {"database": "postgresql://nobody@127.0.0.1:22/none"},
        {"local_manager_storage_path": "/etc"},
        {"shared_storage_path": "/"},
        {"addon_file": "/etc/shadow"},
        {"job_types_dir": "/tmp"},
        {"plugins_dir": "/tmp"},
        {"plugins": []},
        {"data_dir": "/tmp"},
        {"processes": 64},
        {"threads": 256},
        {"compile_timeout": "24h"},
        {"compile_memory_mb": 65536},
        {"max_tasks_per_job": 2},
        {"max_commands_per_task": 2},
        {"max_text_kb": 2},
        {"max_body_mb": 2},
        {"task_log_mb": 0},
    ],
    ids=lambda sent: next(iter(sent)),
)
def test_what_only_the_file_decides(farm_of: Open, sent: dict[str, Any]) -> None:
    """What code runs, what is opened, and how much is used is refused by its name, and everything beside it."""
    _, client, file = farm_of(WRITTEN)
    answer = client.simulate_put(PATH, json={"manager_name": "Other"} | sent)
    assert answer.status_code == 400
    assert answer.json["message"].startswith(f"{next(iter(sent))}: is changed in {file.name}")
    assert file.read_text(encoding="utf-8") == WRITTEN


def test_what_only_the_file_decides_may_be_sent_as_it_is(farm_of: Open) -> None:
    """Whoever saves all settings sends those too; nothing of them gets into the file that was not there."""
    farm, client, file = farm_of(WRITTEN)
    content, present = as_content(farm.config), dict[str, Any]()
    for key in configuration.ONLY_IN_THE_FILE:
        *groups, name = key.split(".")
        there, sent = content, present
        for group in groups:
            there, sent = there[group], sent.setdefault(group, {})
        sent[name] = there[name]
    assert client.simulate_put(PATH, json=present | {"manager_name": "Other"}).status_code == 204
    written = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert written == yaml.safe_load(WRITTEN) | {"manager_name": "Other"}


def test_passwords_are_not_shown(farm_of: Open) -> None:
    """Those of the broker neither, wherever they stand; saved as they are shown they stay, and can be changed."""
    url = "tcp://me:hush@broker:1883"
    _, client, file = farm_of(WRITTEN.replace("tcp://broker:1883", url))
    answer = client.simulate_get(PATH)
    assert not any(secret in answer.text for secret in ("hush", "12345"))
    shown = answer.json
    assert shown["mqtt"]["client"]["broker"] == "tcp://me:***@broker:1883"
    assert shown["mqtt"]["client"]["password"] == "***"
    assert client.simulate_put(PATH, json=shown).status_code == 204
    assert "password: 012345}" in file.read_text(encoding="utf-8")
    assert url in file.read_text(encoding="utf-8")
    shown["mqtt"]["client"]["password"] = "new"
    assert client.simulate_put(PATH, json=shown).status_code == 204
    written = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert written["mqtt"]["client"] == {"broker": url, "password": "new"}


def test_every_secret_is_masked(farm: Farm) -> None:
    """No setting of the core that is declared a secret is ever shown, also one that is new."""
    secrets = [setting.key for setting in settings_of(Config) if setting.secret]
    assert "mqtt.client.password" in secrets
    client = MqttClientConfig(password="hush", broker="ws://x:hush@broker")
    farm.config = replace(farm.config, mqtt=MqttConfig(client=client), database="postgresql://me:hush@host/name")
    assert "hush" not in str(configuration.everything(farm))


def test_the_password_of_the_database_is_not_shown(farm_of: Open, tmp_path: Path) -> None:
    """It is a star for whoever looks, and still there once they have saved that."""
    _, client, file = farm_of("manager_name: x\n")
    file.write_text("database: postgresql://me:secret@127.0.0.1:1/none  # ours\n", encoding="utf-8")
    shown = client.simulate_get(PATH).json
    assert shown["database"] == "postgresql://me:***@127.0.0.1:1/none"
    # That database does not answer, which is found out before anything is written.
    assert client.simulate_put(PATH, json=shown).status_code == 400
    assert "me:secret@" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "{manager_name: a, threads: 2}\n",
        "base: &base {platform: all, value: x}\n",
        "manager_name: |\n  long\n  text\nthreads: 2\n",
        "manager_name: >-\n  folded\n\n# end\n",
        "variables: {v: &v {values: [{platform: all, value: x}]}, w: *v}\nmanager_name: 'a'\n",
        "manager_name:\n",
        "",
        "# nothing but this\n",
        '"manager_name": a\r\nthreads: 2\r\n',
    ],
)
def test_however_it_is_written(tmp_path: Path, clock: Clock, text: str) -> None:
    """A file that cannot be changed where it stands is written anew; either way it says what it is to say."""
    file = tmp_path / "f.yaml"
    file.write_text(text, encoding="utf-8")
    content = {**read(file, Config), "manager_name": "changed: #1", "shaman": {"enabled": False}}
    write(file, content, clock())
    said = read(file, Config)
    said.pop("_meta", None)
    assert said == content


OF_OTHER_HANDS = """\
manager_name: 'old'      # the name on the door
autodiscoverable: yes
threads:    2
local_manager_storage_path: ~/renders
shaman:
      enabled: TRUE

      # as the disk wants it
      checkout_links:   hardlink
variables:
  shared:
    values:
    - platform: linux
      value:    012
  tools:
    values:
          - {platform:   linux,    value: on}   # aligned


worker_timeout: ~
task_timeout: 10m"""


def test_whatever_the_hand_the_rest_stays(tmp_path: Path, clock: Clock) -> None:
    """A file is indented, aligned and spelt in any way; all but the changed setting is the same to the character."""
    file = tmp_path / "f.yaml"
    file.write_text(OF_OTHER_HANDS, encoding="utf-8")
    write(file, {**read(file, Config), "manager_name": "new"}, clock())
    assert file.read_text(encoding="utf-8") == OF_OTHER_HANDS.replace("'old'", "new")
