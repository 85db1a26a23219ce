"""The layers of the configuration: which one wins, where values came from, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from flamenco.config import Config, Duration, load
from flamenco.config.choices import find_file
from flamenco.config.declared import nearest_of, settings_of
from flamenco.config.loading import check, read_content
from flamenco.config.writing import write as write_file
from flamenco.domain.errors import ConfigError
from flamenco.domain.variables import Variables

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a configuration file, away from the current directory."""
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    for name in ("FLAMENCO_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)

    def write(text: str) -> Path:
        file = tmp_path / "farm.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def refusal(
    config_file: Path | None = None,
    overrides: dict[str, str] | None = None,
    environ: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Load a configuration that must be refused; gives the sentence, with the file's name for its path."""
    with pytest.raises(ConfigError) as caught:
        load(config_file, overrides=overrides, environ=environ)
    return str(caught.value).replace(str(config_file), "farm.yaml")


# -- layers -------------------------------------------------------------------------------------------------------


def test_defaults_alone(write: Write) -> None:
    """Without a file, variables and options there are the defaults, and each says so."""
    loaded = load(environ={})
    assert loaded.config == Config()
    assert set(loaded.sources.values()) == {"default"}
    assert loaded.file is None


def test_the_last_layer_wins(write: Write) -> None:
    """The file overrides the defaults, the environment the file, the command line all; each value knows its layer."""
    file = write("manager_name: file\nblocklist_threshold: 4\nlisten: :1\n")
    environ = {"FLAMENCO_BLOCKLIST_THRESHOLD": "5", "FLAMENCO_LISTEN": ":2"}
    loaded = load(file, overrides={"listen": ":3"}, environ=environ)
    config, sources = loaded.config, loaded.sources
    assert (config.manager_name, sources["manager_name"]) == ("file", f"file {file}")
    assert (config.blocklist_threshold, sources["blocklist_threshold"]) == (
        5,
        "environment FLAMENCO_BLOCKLIST_THRESHOLD",
    )
    assert (config.listen, sources["listen"]) == (":3", "command line")
    assert (config.threads, sources["threads"]) == (8, "default")
    assert loaded.file == file


@pytest.mark.parametrize("layer", ["file", "environment", "command line"])
@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("manager_name", "Studio", "Studio"),
        ("task_timeout", "1h30m", Duration(5400)),
        ("task_timeout", "0", Duration(0)),
        ("threads", "3", 3),
        ("autodiscoverable", "false", False),
        ("policies", "{priority: 2, age: 0.5}", {"priority": 2.0, "age": 0.5}),
        ("log_level", "debug", "debug"),
    ],
)
def test_values_of_every_type(write: Write, layer: str, key: str, text: str, value: object) -> None:
    """A value means the same in every layer."""
    match layer:
        case "file":
            loaded = load(write(f"{key}: {text}"), environ={})
        case "environment":
            loaded = load(environ={f"FLAMENCO_{key.upper()}": text})
        case _:
            loaded = load(overrides={key: text}, environ={})
    assert getattr(loaded.config, key) == value
    assert loaded.sources[key].startswith(layer)


@pytest.mark.parametrize(
    "name",
    [
        "FLAMENCO_SHAMAN_GARBAGECOLLECT_MAXAGE",
        "FLAMENCO_SHAMAN__GARBAGECOLLECT__MAXAGE",
        "FLAMENCO_SHAMAN_GARBAGECOLLECT__MAXAGE",
    ],
)
def test_nested_in_the_environment(name: str) -> None:
    """Levels are set apart by one underscore or two."""
    loaded = load(environ={name: "2h"})
    assert loaded.config.shaman.garbage_collect.max_age == Duration(7200)
    assert loaded.sources["shaman.garbageCollect.maxAge"] == f"environment {name}"


def test_a_flamenco_file_is_read(write: Write) -> None:
    """A file with all of Flamenco's keys, spelt as Flamenco spells them, is a configuration of ours."""
    loaded = load(
        write("""
# This file uses the YAML format.
_meta: {version: 3}
manager_name: Studio
database: flamenco-manager.sqlite
database_check_period: 1h0m0s
listen: ":8080"
autodiscoverable: true
local_manager_storage_path: ./flamenco-manager-storage
shared_storage_path: /mnt/farm
shaman: {enabled: true, garbageCollect: {period: 24h0m0s, maxAge: 744h0m0s}}
task_timeout: 10m0s
worker_timeout: 1m0s
blocklist_threshold: 3
task_fail_after_softfail_count: 3
mqtt:
  client: {enabled: false, broker: "", clientID: studio, topic_prefix: flamenco, username: "", password: ""}
variables:
  blender:
    values:
      - {platform: linux, value: /opt/blender/blender}
      - {platform: windows, value: 'C:\\blender.exe'}
  shared:
    is_twoway: true
    values:
      - {audience: all, platforms: [linux, darwin], value: /mnt/farm}
      - {audience: workers, platform: windows, platforms: [wine], value: 'S:\\'}
"""),
        environ={},
    )
    assert loaded.config.mqtt.client.client_id == "studio"
    workers = Variables(loaded.config.effective_variables, "linux").meanings("workers", "wine")
    assert workers["shared"].value == "S:"
    assert loaded.sources["shaman.garbageCollect.maxAge"].startswith("file ")


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "_meta: {version: 3}", "_meta:", "shaman:", "mqtt: {client:}", "variables:"]
)
def test_empty_groups_say_nothing(write: Write, text: str) -> None:
    """An empty file, and a key with nothing below it, leave the defaults."""
    assert load(write(text), environ={}).config == Config()


# -- variables ----------------------------------------------------------------------------------------------------


def test_variables_are_merged_by_name(write: Write) -> None:
    """The variables of a file are added to those every farm has; one of the same name replaces it whole."""
    loaded = load(
        write(
            "variables: {ffmpeg: {values: [{platform: linux, value: /opt/ffmpeg}]},"
            " x: {values: [{platform: all, value: y}]}}"
        ),
        environ={},
    )
    assert set(loaded.config.variables) == {"blender", "blenderArgs", "ffmpeg", "x"}
    assert [value.value for value in loaded.config.variables["ffmpeg"].values] == ["/opt/ffmpeg"]
    assert loaded.sources["variables.blender"] == "default"
    assert loaded.sources["variables.x"].startswith("file ")
    assert "variables" not in loaded.sources


def test_variables_from_the_environment() -> None:
    """A group of keys is written as YAML there, and merged as well."""
    text = "{ffmpeg: {values: [{platform: all, value: f}]}}"
    loaded = load(environ={"FLAMENCO_VARIABLES": text})
    assert loaded.config.variables["ffmpeg"].values[0].value == "f"
    assert loaded.sources["variables.ffmpeg"] == "environment FLAMENCO_VARIABLES"
    assert "blender" in loaded.config.variables


def test_configured_jobs_is_dropped(write: Write) -> None:
    """The variable `jobs` is computed, so one in the file does not even show."""
    loaded = load(write("variables: {jobs: {values: [{platform: all, value: /x}]}}"), environ={})
    assert "jobs" not in loaded.config.variables
    assert "variables.jobs" not in loaded.sources


# -- places -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["database", "shared_storage_path", "job_types_dir", "plugins_dir", "data_dir"])
def test_relative_paths(write: Write, key: str, tmp_path: Path) -> None:
    """A relative path counts from where it was written: the file's folder, or the current directory."""
    in_file = load(write(f"{key}: sub/x"), environ={}).config
    assert str(getattr(in_file, key)) == str(tmp_path / "sub/x")
    for loaded in (load(environ={f"FLAMENCO_{key.upper()}": "sub/x"}), load(overrides={key: "sub/x"}, environ={})):
        assert str(getattr(loaded.config, key)) == str(tmp_path / "cwd/sub/x")


def test_urls_are_not_paths(write: Write) -> None:
    """The URL of a database server is left as it was written."""
    assert load(write("database: postgresql://host/farm"), environ={}).config.database == "postgresql://host/farm"


@pytest.mark.parametrize(
    ("written", "used"),
    [("'  x.sqlite '", "{folder}/x.sqlite"), ("' postgresql://host/farm '", "postgresql://host/farm"), ("'  '", "")],
)
def test_blanks_around_the_database(write: Write, tmp_path: Path, written: str, used: str) -> None:
    """They do not belong to its name, as in Flamenco."""
    assert load(write(f"database: {written}"), environ={}).config.database == used.format(folder=tmp_path)


def test_data_dir_of_the_command_line(tmp_path: Path) -> None:
    """`--data-dir` beats every other layer, and everything is below it."""
    loaded = load(None, tmp_path / "d", environ={"FLAMENCO_DATA_DIR": "/other"})
    assert loaded.config.database_url == f"sqlite:///{tmp_path / 'd' / 'flamenco-manager.sqlite'}"
    assert loaded.sources["data_dir"] == "command line"


def test_home_of_the_environment(tmp_path: Path) -> None:
    """`FLAMENCO_HOME` moves the default data directory; it is no setting of the manager itself."""
    loaded = load(environ={"FLAMENCO_HOME": str(tmp_path)})
    assert loaded.config.data_dir == tmp_path / "manager"
    assert loaded.sources["data_dir"] == "default"


def test_which_file_is_read(write: Write, tmp_path: Path) -> None:
    """The file asked for, else that of FLAMENCO_CONFIG, else the one here, else the one in the data directory."""
    asked = write("manager_name: asked")
    here, data = tmp_path / "cwd/flamenco-manager.yaml", tmp_path / "data/flamenco-manager.yaml"
    data.parent.mkdir()
    assert find_file(None, str(data.parent), {}) is None
    data.write_text("manager_name: data")
    assert find_file(None, str(data.parent), {}) == data
    assert find_file(None, None, {"FLAMENCO_DATA_DIR": str(data.parent)}) == data
    here.write_text("manager_name: here")
    assert find_file(None, str(data.parent), {}) == here
    assert find_file(None, None, {"FLAMENCO_CONFIG": str(asked)}) == asked
    assert find_file(asked, None, {"FLAMENCO_CONFIG": "/other"}) == asked
    assert load(environ={}).config.manager_name == "here"


def test_what_is_here_cannot_be_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in somebody's home that is closed to the manager's user: that keeps nobody from the data directory."""
    data = tmp_path / "data/flamenco-manager.yaml"
    data.parent.mkdir()
    data.write_text("manager_name: data")
    monkeypatch.chdir(tmp_path)
    Path("flamenco-manager.yaml").symlink_to("x" * 300)  # which no system follows
    assert find_file(None, str(data.parent), {}) == data


# -- texts as they are written ------------------------------------------------------------------------------------

UNQUOTED = [
    "0",
    "7",
    "012345",
    "0x1F",
    "0b11",
    "1_000",
    "-5",
    "12:30:45",
    "1.50",
    "1e3",
    "1.0e+3",
    ".inf",
    "-.INF",
    ".nan",
    "on",
    "Off",
    "yes",
    "NO",
    "true",
    "False",
    "2024-01-01",
    "2024-13-45",
    "2001-12-14t21:59:43.10-05:00",
    "0x_",
    "=",
    "<<",
]
"""Scalars without quotes of which YAML makes numbers, truth values or dates, or nothing that it knows."""


@pytest.mark.parametrize("text", UNQUOTED)
def test_texts_as_they_are_written(write: Write, text: str) -> None:
    """A text has the characters of the file, without quotes as well, wherever it stands; so has a name in a map."""
    loaded = load(
        write(f"""
manager_name: {text}
mqtt: {{client: {{username: {text}, password: {text} }}}}
variables:
  x{text}: {{values: [{{value: {text}, platforms: [linux, {text}]}}]}}
"""),
        environ={},
    )
    client, variable = loaded.config.mqtt.client, loaded.config.variables[f"x{text}"].values[0]
    assert loaded.config.manager_name == client.username == client.password == variable.value == text
    assert variable.platforms == ("linux", text)
    assert loaded.sources["manager_name"] == loaded.sources[f"variables.x{text}"] == f"file {loaded.file}"


@pytest.mark.parametrize("text", [text for text in UNQUOTED if text != "<<"])
def test_names_as_they_are_written(write: Write, text: str) -> None:
    """The names in a map are texts too."""
    config = load(write(f"{{policies: {{{text} : 2}}}}"), environ={}).config
    assert config.policies == {text: 2.0}


def test_numbers_where_numbers_are_wanted(write: Write) -> None:
    """Numbers and truth values are read as YAML reads them, and a word with choices may be any of them."""
    text = "{threads: 0x1F, autodiscoverable: off, policies: {priority: 1_0}, task_timeout: 0, database: 2024-01-01}"
    file = write(text)
    config = load(file, environ={}).config
    assert (config.threads, config.autodiscoverable, config.policies) == (31, False, {"priority": 10.0})
    assert (config.task_timeout, config.database) == (Duration(0), str(file.with_name("2024-01-01")))
    for tag in ("int", "bool", "float", "timestamp"):
        assert refusal(write(f"threads: !!{tag} x")) == "threads: 'x' is not a whole number (file farm.yaml)."
    assert refusal(write("log_level: 05")).startswith("log_level: '05' is not one of debug, info")


def test_texts_by_alias_and_merge(write: Write) -> None:
    """An alias is what it stands for: a number in one place, its characters in another; so is what is merged."""
    loaded = load(
        write("""
threads: &eight 010
manager_name: *eight
mqtt: {client: {username: *eight}}
variables:
  a: &a
    values:
      - &value {platform: all, value: 1.50}
      - {<<: *value, platform: linux, value: x}
      - {<<: *value, platform: 007}
  b: {<<: *a, is_twoway: on}
  *eight : *a
"""),
        environ={},
    )
    assert (loaded.config.threads, loaded.config.manager_name, loaded.config.mqtt.client.username) == (8, "010", "010")
    a, b, eight = (loaded.config.variables[name] for name in ("a", "b", "010"))
    assert [(each.platform, each.value) for each in a.values] == [("all", "1.50"), ("linux", "x"), ("007", "1.50")]
    assert (b.values, b.is_twoway) == (a.values, True)
    assert eight == a


def test_a_map_that_is_merged_before_it_is_reached(write: Write) -> None:
    """A key that stands in place of a merged one is not taken for a second one of its map."""
    file = write("plugins: {fair_share: {shares: &own {<<: {priority: 1}, priority: 2}}}\npolicies: {<<: *own}")
    assert load(file, environ={}).config.policies == {"priority": 2.0}


@given(st.text("0123456789abcdefinotuxyzABEFINTZ_.:+-~=<", min_size=1, max_size=12))
def test_any_scalar_is_the_text_that_is_written(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Whatever YAML takes a scalar for, a text has its characters; only what means nothing is no text."""
    file = tmp_path_factory.getbasetemp() / "scalar.yaml"
    file.write_text(f"manager_name: {text}\n", encoding="utf-8")
    try:
        document = yaml.compose(file.read_text(encoding="utf-8"), yaml.SafeLoader)
    except yaml.YAMLError:
        assert "is not YAML" in refusal(file)
        return
    assert document is not None
    node = document.value[0][1]
    if not isinstance(node, yaml.ScalarNode):
        assert "is not text" in refusal(file)
    elif node.tag.endswith(":null"):
        assert "has no value" in refusal(file)
    else:
        assert load(file, environ={}).config.manager_name == node.value


def test_texts_over_the_api_are_not_guessed(tmp_path: Path) -> None:
    """JSON says itself what is text: nothing else is made text of."""
    content = msgspec.json.decode('{"manager_name": 7}')
    with pytest.raises(ConfigError, match="manager_name: 7 is not text"):
        check(content, "the new configuration", tmp_path / "farm.yaml", tmp_path)


def test_content_has_texts_as_they_are_written(write: Write, tmp_path: Path) -> None:
    """What is taken out of a file to be checked and written anew means the same."""
    file = write("{manager_name: 012345, threads: 010, variables: {7: {values: [{platform: all, value: on}]}}}")
    before = load(file, environ={}).config
    content = read_content(file)
    assert check(content, "the file", file, before.data_dir) == before
    write_file(file, content, datetime(2024, 1, 1, tzinfo=UTC))
    assert load(file, environ={}).config == before
    assert (before.manager_name, before.threads, before.variables["7"].values[0].value) == ("012345", 8, "on")


# -- what is refused ------------------------------------------------------------------------------------------------

REFUSED = [
    ("task_timeuot: 1m", "Unknown key 'task_timeuot' in file farm.yaml; did you mean 'task_timeout'?"),
    ("taskTimeout: 1m", "Unknown key 'taskTimeout' in file farm.yaml; did you mean 'task_timeout'?"),
    ("maxAge: 1h", "Unknown key 'maxAge' in file farm.yaml; did you mean 'shaman.garbageCollect.maxAge'?"),
    (
        "shaman: {garbageCollect: {maxage: 1h}}",
        "Unknown key 'shaman.garbageCollect.maxage' in file farm.yaml; did you mean 'shaman.garbageCollect.maxAge'?",
    ),
    ("zzz: 1", "Unknown key 'zzz' in file farm.yaml; `flamenco config show` lists the ones there are."),
    ("3: 4", "Unknown key '3' in file farm.yaml; `flamenco config show` lists the ones there are."),
    (
        "variables: {b: {values: [{vlaue: x}]}}",
        "Unknown key 'variables.b.values.0.vlaue' in file farm.yaml; did you mean 'variables.b.values.0.value'?",
    ),
    (
        "variables: {b: {twoway: true}}",
        "Unknown key 'variables.b.twoway' in file farm.yaml; did you mean 'variables.b.is_twoway'?",
    ),
    ("_meta: {vresion: 3}", "Unknown key '_meta.vresion' in file farm.yaml; did you mean '_meta.version'?"),
    ("_meta: {version: 2}", "_meta.version in file farm.yaml is 2; only version 3 can be read."),
    ("_meta: {version: true}", "_meta.version in file farm.yaml is True; only version 3 can be read."),
    ("_meta: 3", "_meta in file farm.yaml is 3, expected `version: 3` in it."),
    (
        "task_timeout: 5",
        "task_timeout: 5 is not a duration; write text with a unit, such as 90s, 10m or 1h30m (file farm.yaml).",
    ),
    (
        "task_timeout: false",
        "task_timeout: False is not a duration; write text with a unit, such as 90s, 10m or 1h30m (file farm.yaml).",
    ),
    (
        "task_timeout: 10 minutes",
        "task_timeout: '10 minutes' is not a duration; write a number with a unit, such as 90s, 10m or 1h30m",
    ),
    ("processes: two", "processes: 'two' is not a whole number (file farm.yaml)."),
    ("processes: 0", "processes: 0 is not a whole number >= 1 (file farm.yaml)."),
    ("autodiscoverable: 7", "autodiscoverable: 7 is not true or false (file farm.yaml)."),
    ("manager_name: [7]", "manager_name: [7] is not text (file farm.yaml)."),
    ("manager_name: {on: 7}", "manager_name: {'on': 7} is not text (file farm.yaml)."),
    ("manager_name:", "manager_name: it has no value; give it one, or remove the line (file farm.yaml)."),
    ("data_dir: [x]", "data_dir: ['x'] is not text (file farm.yaml)."),
    ("policies: {priority: high}", "policies: in 'priority', 'high' is not a number (file farm.yaml)."),
    ("policies: {~: 2}", "policies: None is not text; put it in quotes (file farm.yaml)."),
    ("policies: [priority]", "policies: ['priority'] is not a group of keys (file farm.yaml)."),
    ("log_level: loud", "log_level: 'loud' is not one of debug, info, warning, error (file farm.yaml)."),
    ("mqtt: {client: {password: [1234]}}", "mqtt.client.password: it is not text (file farm.yaml)."),
    ("mqtt: 3", "mqtt in file farm.yaml is 3, expected client.enabled, client.broker, client.clientID,"),
    (
        "variables: {b: {values: [{platform: all, value: [3]}]}}",
        "variables: in 'b', it is not text (at values[0].value) (file farm.yaml).",
    ),
    (
        "variables: {b: {values: [{platform: all, value: x, audience: artists}]}}",
        "variables: in 'b', 'artists' is not one of all, workers, users (at values[0].audience) (file farm.yaml).",
    ),
    (
        "variables: {b: {values: [{platform: all}]}}",
        "variables: in 'b', Object missing required field `value` (at values[0]) (file farm.yaml).",
    ),
    ("variables: {b: {}}", "The variable 'b' has no values; give it a list of `values`, each with a"),
    ("variables: {b: {values: [{value: x}]}}", "The variable 'b' has no platform for its value number 1 ('x'); use"),
    ("variables: {b: 3}", "variables: in 'b', 3 is not a group of keys (file farm.yaml)."),
    ("listen: 8080", "listen: '8080' is not an address to listen on; write 127.0.0.1:8080, [::1]:8080, or :8080"),
    ("database: mysql://u:pw@h/x", "database: 'mysql://u:***@h/x' is no database we know; write a file name or"),
    ("a: 1\na: 2", "The configuration file farm.yaml is not YAML in line 2: found the key 'a' a second time."),
    ("1: a\n'1': b", "The configuration file farm.yaml is not YAML in line 2: found the key '1' a second time."),
    ("shaman:\n  a: 1\n  a: 2", "The configuration file farm.yaml is not YAML in line 3: found the key 'a' a second"),
    ("[1", "The configuration file farm.yaml is not YAML in line 1: "),
    ("- 1", "The configuration file farm.yaml has no settings, which are lines like `key: value`."),
    ("x: !!python/object/apply:os.getcwd []", "The configuration file farm.yaml is not YAML in line 1: could not"),
]


@pytest.mark.parametrize(("text", "sentence"), REFUSED)
def test_bad_files_are_refused(write: Write, text: str, sentence: str) -> None:
    """What is wrong in a file stops the start with a sentence that names the key and the file, and no secret."""
    assert refusal(write(text)).startswith(sentence)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        (
            "FLAMENCO_TASK_TIMEUOT",
            "1m",
            "Unknown key 'FLAMENCO_TASK_TIMEUOT' in the environment; did you mean 'FLAMENCO_TASK_TIMEOUT'?",
        ),
        ("FLAMENCO_BLA", "", "Unknown key 'FLAMENCO_BLA' in the environment; `flamenco config show` lists the ones"),
        ("FLAMENCO_PROCESSES", "x", "processes: 'x' is not a whole number (environment FLAMENCO_PROCESSES)."),
        ("FLAMENCO_POLICIES", "3", "policies: 3 is not a group of keys (environment FLAMENCO_POLICIES)."),
        ("FLAMENCO_POLICIES", "{a", "policies: '{a' is not YAML (environment FLAMENCO_POLICIES)."),
        ("FLAMENCO_LISTEN", "x", "listen: 'x' is not an address to listen on; write"),
    ],
)
def test_bad_environment_is_refused(name: str, text: str, sentence: str) -> None:
    """What is wrong in the environment stops the start with a sentence that names the variable."""
    assert refusal(environ={name: text}).startswith(sentence)


def test_bad_overrides_are_refused() -> None:
    """The same goes for the command line."""
    assert refusal(None, {"threads": "-1"}) == "threads: '-1' is not a whole number >= 1 (command line)."
    assert refusal(None, {"litsen": ""}) == "Unknown key 'litsen' in the command line; did you mean 'listen'?"


def test_secrets_of_the_environment_are_not_told() -> None:
    """An error about a secret does not repeat it."""
    assert "hush" not in refusal(environ={"FLAMENCO_MQTT_CLIENT_PASSWROD": "hush"})


@pytest.mark.parametrize(
    "name", ["FLAMENCO_HOME", "FLAMENCO_MANAGER", "FLAMENCO_WORKER_NAME", "FLAMENCO_TEST_X", "OTHER"]
)
def test_other_variables_are_left_alone(name: str, tmp_path: Path) -> None:
    """Variables that belong to workers, to clients or to nobody are no settings."""
    assert load(environ={name: str(tmp_path)}).config.manager_name == "Flamenco"


def test_files_that_cannot_be_read(write: Write, tmp_path: Path) -> None:
    """A file that is missing, no file or no text is one sentence as well."""
    assert refusal(tmp_path / "none.yaml") == "There is no configuration file farm.yaml."
    assert refusal(tmp_path) == "The configuration file farm.yaml cannot be read: Is a directory."
    file = write("")
    file.write_bytes(b"manager_name: \xff\xfe")
    assert refusal(file) == "The configuration file farm.yaml is not UTF-8 text."


# -- showing --------------------------------------------------------------------------------------------------------


def test_shown(write: Write) -> None:
    """Every setting is shown once, explained, as text that the file would take, and without secrets."""
    file = write("{database: 'postgresql://u:hush@h/x', mqtt: {client: {password: hush}}, task_timeout: 90s}")
    shown = {setting.key: setting for setting in load(file, environ={}).shown()}
    keys = {setting.key for setting in settings_of(Config)} - {"variables"}
    assert set(shown) == keys | {"variables.blender", "variables.blenderArgs", "variables.ffmpeg"}
    assert shown["task_timeout"].value == "1m30s"
    assert shown["mqtt.client.password"].value == "***"
    assert shown["database"].value == "postgresql://u:***@h/x"
    assert "hush" not in str(shown)
    assert all(setting.description for setting in shown.values())


def test_what_is_shown_can_be_read(write: Write) -> None:
    """The defaults, written into a file as they are shown, are the defaults again."""
    content: dict[str, Any] = {}
    for setting in load(environ={}).shown():
        *groups, last = setting.key.split(".")
        place = content
        for group in groups:
            place = place.setdefault(group, {})
        place[last] = setting.value
    file = write(msgspec.json.encode(content).decode())  # every JSON document is YAML
    loaded = load(file, environ={})
    assert loaded.config == Config()
    assert set(loaded.sources.values()) == {f"file {file}"}


@pytest.mark.parametrize(
    ("word", "nearest"),
    [("task_timout", "task_timeout"), ("TaskTimeout", "task_timeout"), ("task-timeout", "task_timeout"), ("x", None)],
)
def test_nearest(word: str, nearest: str | None) -> None:
    """A key that was mistyped or spelt in another style is recognised."""
    assert nearest_of(word, ["task_timeout", "worker_timeout", "listen"]) == nearest


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.dates(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["variables", "shaman", "garbageCollect", "values", "policies", "task_timeout", "listen"]
                )
                | st.integers()
                | st.text(max_size=3),
                inner,
                max_size=3,
            )
        ),
        max_leaves=8,
    )
)
def test_any_yaml_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: object) -> None:
    """Whatever YAML holds, the answer is a configuration or a `ConfigError` that names the file."""
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    try:
        load(file, environ={})
    except ConfigError as error:
        assert str(file) in str(error)  # noqa: PT017 (either outcome is fine)


# -- doubtful, and no reason to stop --------------------------------------------------------------------------------


def test_keys_of_the_past_are_warned_about(write: Write) -> None:
    """Files in use have keys that some Flamenco took: each is told of with what says so now, and the rest counts."""
    file = write(
        "manager_name: Old\nssdp_discovery: true\nblacklist_threshold: 3\ndatabase_url: postgresql://x\n"
        "shaman:\n  enabled: false\n  fileStorePath: /x\n  garbageCollect:\n    extraCheckoutDirs: []\n    period: 1h\n"
    )
    loaded = load(file, environ={})
    assert (loaded.config.manager_name, loaded.config.shaman.enabled) == ("Old", False)
    assert loaded.config.shaman.garbage_collect.period == Duration(3600)
    keys = [warning.split("'")[1] for warning in loaded.warnings]
    assert sorted(keys) == [
        "blacklist_threshold",
        "database_url",
        "shaman.fileStorePath",
        "shaman.garbageCollect.extraCheckoutDirs",
        "ssdp_discovery",
    ]
    assert (
        f"The key 'blacklist_threshold' in file {file} means nothing here: it is called blocklist_threshold now."
        in (loaded.warnings)
    )


def test_keys_that_never_were_stop_the_start(write: Write) -> None:
    """What nobody ever took is a slip, beside keys of the past too."""
    said = refusal(write("ssdp_discovery: true\nblocklist_treshold: 3\n"))
    assert said == "Unknown key 'blocklist_treshold' in file farm.yaml; did you mean 'blocklist_threshold'?"


@pytest.mark.parametrize(
    ("platform", "hint"),
    [("linus", "'linux'"), ("macos", "'darwin'"), ("Windows", "'windows'"), ("win32", "'windows'"), ("amiga", "linux")],
)
def test_misspelt_platforms_of_variables_are_warned_about(write: Write, platform: str, hint: str) -> None:
    """No worker would ever get such a value, and nobody would be told."""
    file = write(f"variables:\n  shows:\n    values:\n      - {{platform: {platform}, value: /x}}\n")
    (warning,) = load(file, environ={}).warnings
    assert f"'shows' has a value for the platform '{platform}', which no worker has; " in warning
    assert hint in warning


def test_nothing_doubtful_is_no_warning(write: Write) -> None:
    """A file as Flamenco writes it says nothing that is warned about."""
    file = write("_meta: {version: 3}\nvariables: {a: {values: [{platforms: [linux, darwin], value: b}]}}\n")
    assert load(file, environ={}).warnings == ()
