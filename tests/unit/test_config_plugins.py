"""The part of the configuration that is about plugins: which, in which order, and their settings from every side."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flamenco.config import Loaded, load
from flamenco.config.loading import read_content
from flamenco.config.writing import write
from flamenco.domain.errors import ConfigError
from flamenco.hooks.setting import Setting

PLUGIN = '''"""Has settings of every kind."""

from pathlib import Path
from typing import Annotated

from flamenco import Setting, hookimpl
from flamenco.domain.durations import Duration
from msgspec import Meta


@hookimpl
def settings():
    """All kinds."""
    yield Setting(key="count", type=Annotated[int, Meta(ge=1)], default=3, help="How many.")
    yield Setting(key="after", type=Duration, default=Duration(60), help="When.")
    yield Setting(key="shares", type=dict[str, float], default={}, help="Who gets what.")
    yield Setting(key="names", type=tuple[str, ...], default=(), help="Who.")
    yield Setting(key="file", type=str, default="", help="Where.", path=True)
    yield Setting(key="password", type=str, default="", help="Which.", secret=True)
'''

Read = Callable[..., Loaded]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads a configuration with the plugin `own` in the folder of plugins, whatever else is said."""
    (tmp_path / "data" / "plugins").mkdir(parents=True)
    (tmp_path / "data" / "plugins" / "own.py").write_text(PLUGIN)
    file = tmp_path / "flamenco-manager.yaml"

    def read_text(text: str = "{}", environ: dict[str, str] | None = None, **overrides: str) -> Loaded:
        file.write_text(text)
        given = {key.replace("__", "."): value for key, value in overrides.items()}
        return load(file, tmp_path / "data", given, environ or {})

    return read_text


def enabled(loaded: Loaded) -> list[str]:
    """The plugins in use, in the order in which they are asked."""
    return list(loaded.config.plugins)


def test_defaults(read: Read) -> None:
    """A plugin that nobody speaks of has its defaults, as attributes and as a mapping."""
    plugins = read().config.plugins
    assert plugins.own.count == 3
    assert plugins["own"]["after"] == 60
    with pytest.raises(AttributeError, match="no setting 'colour' here; there are: count, after"):
        _ = plugins.own.colour
    with pytest.raises(AttributeError, match="no plugin 'other'"):
        _ = plugins.other


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plugins:", ["own"]),
        ("plugins: [ageing]", ["own", "ageing"]),
        ("plugins: [own, ageing]", ["own", "ageing"]),
        ("plugins: {deadline: , own: , ageing: true}", ["deadline", "own", "ageing"]),
        ("plugins: {own: false}", []),
        ("plugins: {ageing: {points_per_hour: 2}}", ["own", "ageing"]),
    ],
)
def test_which_plugins_are_used(read: Read, text: str, expected: list[str]) -> None:
    """Names alone, names with settings, yes and no; the order is the one in which they are written."""
    assert enabled(read(text)) == expected


def test_the_environment_and_the_command_line_add(read: Read) -> None:
    """Each layer adds to those before it, and may say no."""
    assert enabled(read("plugins: [ageing]", {"FLAMENCO_PLUGINS": "deadline"})) == ["own", "ageing", "deadline"]
    assert enabled(read("plugins: [ageing]", plugins="{ageing: false, deadline: }")) == ["own", "deadline"]


def test_settings_from_every_side(read: Read) -> None:
    """File, environment, command line: the last to speak wins, and it is shown who did."""
    text = "plugins: {own: {count: 4, after: 2m, shares: {ada: 1.5}, names: [a, b], file: x.txt}}"
    loaded = read(
        text, {"FLAMENCO_PLUGINS_OWN_COUNT": "5", "FLAMENCO_PLUGINS_OWN_NAMES": "[c]"}, plugins__own__count="6"
    )
    own = loaded.config.plugins.own
    assert (own.count, own.after, own.shares, own.names) == (6, 120, {"ada": 1.5}, ("c",))
    shown = {setting.key: setting for setting in loaded.shown()}
    assert shown["plugins.own.count"].source == "command line"
    assert shown["plugins.own.names"].source == "environment FLAMENCO_PLUGINS_OWN_NAMES"
    assert shown["plugins.own.after"].source.startswith("file ")
    assert shown["plugins.own.password"].source == "default"


def test_paths_count_from_the_file(read: Read, tmp_path: Path) -> None:
    """As those of the core do."""
    assert read("plugins: {own: {file: x.txt}}").config.plugins.own.file == str(tmp_path / "x.txt")


def test_texts_as_they_are_written(read: Read, tmp_path: Path) -> None:
    """As those of the core are, and numbers stay numbers; writing the file anew changes neither."""
    text = """plugins: {ageing: on, own: {
        <<: {count: 1, password: 2},
        count: 010, shares: {012: 1_0, on: 1.50}, names: [1.50, 0x1F, on, a, 2024-01-01], file: 2024, password: 012345
    }}"""

    def check_values(loaded: Loaded) -> None:
        own = loaded.config.plugins.own
        assert (own.count, own.shares, own.password) == (8, {"012": 10.0, "on": 1.5}, "012345")
        assert own.names == ("1.50", "0x1F", "on", "a", "2024-01-01")
        assert own.file == str(tmp_path / "2024")
        assert loaded.sources["plugins.own.password"].startswith("file ")

    check_values(read(text))
    file = tmp_path / "flamenco-manager.yaml"
    write(file, read_content(file), datetime(2024, 1, 1, tzinfo=UTC))
    check_values(load(file, tmp_path / "data", environ={}))
    assert "password: 012345" in file.read_text()


def test_secrets_are_not_shown(read: Read) -> None:
    """Not where settings are shown, and not in a complaint."""
    shown = {setting.key: setting for setting in read("plugins: {own: {password: hush}}").shown()}
    assert shown["plugins.own.password"].value == "***"
    with pytest.raises(ConfigError) as error:
        read("plugins: {own: {password: [12345]}}")
    assert "12345" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "environ", "overrides", "says"),
    [
        ("plugins: [agein]", {}, {}, "no plugin 'agein'; did you mean 'ageing'"),
        ("plugins: [agein]", {}, {}, r"plugins\.agein: .*\(file .*flamenco-manager\.yaml\)"),
        ("{}", {"FLAMENCO_PLUGINS": "agein"}, {}, r"no plugin 'agein'.*\(environment FLAMENCO_PLUGINS\)"),
        ("plugins: [own]", {}, {"plugins": "zzz"}, r"no plugin 'zzz'; there are: ageing, .*own.*\(command line\)"),
        ("plugins: [own: {count: 4}]", {}, {}, r"\{'own': \{'count': 4\}\} in a list of names.*write no list but"),
        ("{}", {"FLAMENCO_PLUGINS": "[[own]]"}, {}, r"environment FLAMENCO_PLUGINS has \['own'\] in a list of names"),
        ("{}", {"FLAMENCO_PLUGINS_OWN": "true"}, {}, r"plugins\.own: it takes settings, one by one; .*plugins=NAME"),
        ("{}", {}, {"plugins__own": "true"}, r"plugins\.own: it takes settings, one by one; .*command line"),
        ("{}", {}, {"plugins__ageing": "true"}, r"plugins\.ageing: it takes settings, one by one"),
        (
            "plugins: {webhooks: {endpoints: [{name: a, url: 'http://h/', secret: s, evnts: []}]}}",
            {},
            {},
            r"'plugins\.webhooks\.endpoints\.0\.evnts' in file .*; did you mean 'plugins.*events'",
        ),
        ("plugins: 7", {}, {}, "expected names of plugins"),
        ("plugins: {own: 7}", {}, {}, "plugins.own in .* is 7"),
        ("plugins: {own: {cuont: 7}}", {}, {}, "no setting 'cuont'; did you mean 'count'"),
        ("plugins: {own: {count: 0}}", {}, {}, r"plugins.own.count: 0 is not a whole number >= 1 \(file"),
        ("plugins: {own: {count: x}}", {}, {}, "plugins.own.count: 'x' is not a whole number"),
        ("{}", {"FLAMENCO_PLUGINS_OWN_COUNT": "x"}, {}, "environment FLAMENCO_PLUGINS_OWN_COUNT"),
        ("{}", {"FLAMENCO_PLUGINS_OWN_CUONT": "4"}, {}, "did you mean 'count'"),
        ("{}", {"FLAMENCO_PLUGINS_OTHER_X": "4"}, {}, "no plugin"),
        ("{}", {}, {"plugins__own__cuont": "4"}, r"did you mean 'count'\? \(command line\)"),
        ("{}", {}, {"plugins__own__count": "x"}, "command line"),
        ("{}", {"FLAMENCO_PLUGINS": "{"}, {}, "is not YAML"),
    ],
)
def test_mistakes_are_told(
    read: Read, text: str, environ: dict[str, str], overrides: dict[str, Any], says: str
) -> None:
    """What is wrong stops the start with the key, the place it was written, and what may have been meant."""
    with pytest.raises(ConfigError, match=says):
        read(text, environ, **overrides)


def test_what_is_said_of_a_plugin_that_is_left_out_is_ignored(read: Read) -> None:
    """So that leaving one out needs no other change."""
    environ = {"FLAMENCO_DISABLE_PLUGINS": "own", "FLAMENCO_PLUGINS_OWN_COUNT": "x"}
    assert enabled(read("plugins: {own: {count: 4}}", environ)) == []


def test_two_underscores_set_levels_apart_too(read: Read, tmp_path: Path) -> None:
    """As for the settings of the core, and `plugins_dir` is not mistaken for a plugin called `dir`."""
    environ = {"FLAMENCO_PLUGINS__OWN__COUNT": "8", "FLAMENCO_PLUGINS__DIR": str(tmp_path / "data" / "plugins")}
    assert read(environ=environ).config.plugins.own.count == 8


def test_paths_that_have_no_default(tmp_path: Path) -> None:
    """A setting of the type `Path` may have none, and is made absolute all the same."""
    text = PLUGIN.replace('type=str, default="", help="Where."', 'type=Path | None, default=None, help="Where."')
    assert text != PLUGIN
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "own.py").write_text(text)
    file = tmp_path / "flamenco-manager.yaml"
    file.write_text("{plugins_dir: plugins, plugins: {own: {file: x.txt}}}")
    assert load(file, tmp_path, environ={}).config.plugins.own.file == tmp_path / "x.txt"
    file.write_text("{plugins_dir: plugins, plugins: {own: {file: 007}}}")
    assert load(file, tmp_path, environ={}).config.plugins.own.file == tmp_path / "007"
    file.write_text("{plugins_dir: plugins}")
    assert load(file, tmp_path, environ={}).config.plugins.own.file is None


@pytest.mark.parametrize("key", ["a-b", "a.b", "_a", "class", "items", "keys", "count"])
def test_keys_that_no_setting_can_have(tmp_path: Path, key: str) -> None:
    """A key has to work as `config.plugins.<plugin>.<key>`, once; else plugin and file are told."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "own.py").write_text(PLUGIN.replace('key="after"', f'key="{key}"'))
    with pytest.raises(ConfigError, match=rf"plugin 'own' \(.*own\.py\): '{key}' cannot be a key, or there is a"):
        load(None, tmp_path, environ={})


def test_values_can_go_to_other_processes(read: Read) -> None:
    """The settings are plain enough to be handed to a process that was not started yet."""
    plugins = read("plugins: {own: {count: 4}}").config.plugins
    again = pickle.loads(pickle.dumps(plugins))  # noqa: S301 (our own)
    assert again == plugins
    assert again.own.count == 4


@pytest.mark.parametrize("kind", [dict[str, int], tuple[int, ...], int])
@pytest.mark.parametrize("text", ["{a: hush}", "[hush]", "hush", "{hush"])
def test_a_secret_is_in_no_complaint(kind: Any, text: str) -> None:
    """Whatever is wrong with a secret in the environment, what is said of it does not have it."""
    setting = Setting(key="secret", type=kind, default=None, help="Secret.", secret=True)
    with pytest.raises(ValueError, match=r"it|'a'|place") as error:
        setting.read_text(text)
    assert "hush" not in str(error.value)
