"""Collects what is said of each setting: by the file, the environment, the command line. The last one to speak wins.

What is said of plugins and their settings is kept as it is until it is known which plugins there are, by `choices`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from flamenco.config import plugins as plugin_settings
from flamenco.config.bygone import told, without_bygone
from flamenco.config.content import Group, read
from flamenco.config.declared import enabled_by, nearest_of, settings_of, unknown_keys
from flamenco.config.manager_settings import Config
from flamenco.config.paths import absolute
from flamenco.config.validation import check_meta, nearest_key, unknown, wrong
from flamenco.domain.errors import ConfigError
from flamenco.domain.variables import JOBS, doubts_about, problem_with
from flamenco.hooks.discovery import DISABLE_VARIABLE
from flamenco.hooks.manager import TRACE_VARIABLE
from flamenco.hooks.setting import ENVIRONMENT_PREFIX, Setting

DEFAULT: Final = "default"
COMMAND_LINE: Final = "command line"

_NOT_SETTINGS: Final = frozenset(
    {"FLAMENCO_HOME", "FLAMENCO_CONFIG", "FLAMENCO_MANAGER", DISABLE_VARIABLE, TRACE_VARIABLE}
)
"""Environment variables that mean something else to the program; see `--help` and `paths`."""
_NOT_SETTINGS_PREFIXES: Final = ("FLAMENCO_WORKER_", "FLAMENCO_TEST_")
"""Beginnings of those that belong to the worker agent and to the test suite."""

OF_PLUGINS: Final = "FLAMENCO_PLUGINS_"
"""Beginning of those that are settings of plugins, which are read once it is known which there are."""


class OfPlugin(Struct, frozen=True):
    """What was said of a setting of a plugin. Without a `folder` it is text of the environment or the command line.

    `text` has the characters of a scalar in a file.
    """

    key: str
    value: Any
    source: str
    folder: Path | None = None
    text: str | None = None


class Layers:
    """Collects values by dotted key; each layer overwrites those before it."""

    def __init__(self) -> None:
        self.settings = {setting.key: setting for setting in settings_of(Config)}
        self.values: dict[str, Any] = {}
        self.sources: dict[str, str] = {}
        self.choice: dict[str, Any] = {}
        self.chosen_by: dict[str, str] = {}
        self.of_plugins: list[OfPlugin] = []
        self.warnings: list[str] = []

    def choose(self, choice: Mapping[str, Any], source: str, folder: Path) -> None:
        """Take over which plugins are wanted; their settings are kept until it is known which they have."""
        self.choice = {**self.choice, **choice}
        self.chosen_by |= dict.fromkeys(choice, source)
        self.sources["plugins"] = source
        for name, said in choice.items():
            for key, value in (said if isinstance(said, dict) else {}).items():
                text = said.texts.get(key) if isinstance(said, Group) else None
                self.of_plugins.append(OfPlugin(f"plugins.{name}.{key}", value, source, folder, text))

    def wanted(self) -> dict[str, bool]:
        """Which plugins are to be used or not. What is said of a plugin wins over a setting that enables it."""
        implied = {enabled_by(self.settings[key]): True for key, value in self.values.items() if value is True}
        implied.pop("", None)
        return implied | plugin_settings.wanted(self.choice)

    def put(self, setting: Setting, value: Any, source: str, folder: Path) -> None:
        """Take over a checked `value`; a relative path counts from `folder`."""
        if setting.key == "database":
            value = value.strip()  # as Flamenco does, and before it can be told whether it is a path or a URL
        if setting.path and not (setting.url and _is_url(str(value))) and str(value):
            value = type(value)(absolute(str(value), folder))
        if setting.key == "variables":
            self._merge_variables(setting, value, source)
        else:
            self.values[setting.key], self.sources[setting.key] = value, source

    def _merge_variables(self, setting: Setting, value: Any, source: str) -> None:
        for name, variable in value.items():
            if problem := problem_with(name, variable):
                raise ConfigError(f"The variable {name!r} {problem} ({source}).")
            self.warnings += [f"The variable {name!r} {doubt} ({source})." for doubt in doubts_about(variable)]
        value.pop(JOBS, None)
        self.values["variables"] = {**self.values.get("variables", setting.default), **value}
        self.sources |= {f"variables.{name}": source for name in value}

    def put_text(self, setting: Setting, text: str, source: str) -> None:
        """Check and take over a value that was written in the environment or on the command line."""
        try:
            self.put(setting, setting.read_text(text), source, Path.cwd())
        except ValueError as error:
            raise wrong(setting.key, error, source) from error


def read_file(layers: Layers, file: Path) -> None:
    """Take over what the file says. Raises `ConfigError`."""
    take(layers, read(file, Config), f"file {file}", file.parent)


def take(layers: Layers, content: dict[Any, Any], source: str, folder: Path) -> None:
    """Take over what a file says, which is changed by that. Raises `ConfigError`."""
    if "plugins" in content:
        layers.choose(plugin_settings.parse_choice(content.pop("plugins"), source), source, folder)
    content, bygone = without_bygone(content)
    layers.warnings += told(bygone, source)
    meta = content.pop("_meta", None)
    check_meta({} if meta is None else meta, source)
    for key, nearest in unknown_keys(content, Config):
        raise unknown(key, nearest or nearest_key(key, layers.settings), source)
    for key, value in _flattened(content, layers.settings, source):
        setting = layers.settings[key]
        try:
            layers.put(setting, setting.read(value), source, folder)
        except ValueError as error:
            raise wrong(key, error, source) from error


def _flattened(
    content: Any, settings: Mapping[str, Setting], source: str, prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    """The values in a file by dotted key. An empty group (`shaman:` and nothing below) says nothing."""
    for key, value in content.items():
        dotted = f"{prefix}{key}"
        if dotted in settings:
            if not (dotted == "variables" and value is None):
                yield dotted, value
        elif isinstance(value, dict):
            yield from _flattened(value, settings, source, f"{dotted}.")
        elif value is not None:
            inside = ", ".join(name.removeprefix(f"{dotted}.") for name in settings if name.startswith(f"{dotted}."))
            raise ConfigError(f"{dotted} in {source} is {value!r}, expected {inside} below it.")


def read_environment(layers: Layers, environ: Mapping[str, str]) -> None:
    """Take over what the environment says. Raises `ConfigError`."""
    for name, setting, text in _in_environment(layers.settings, environ):
        source = f"environment {name}"
        if setting.key == "plugins":
            layers.choose(plugin_settings.parse_choice_text(text, source), source, Path.cwd())
        else:
            layers.put_text(setting, text, source)


def _in_environment(settings: Mapping[str, Setting], environ: Mapping[str, str]) -> Iterator[tuple[str, Setting, str]]:
    """The settings in the environment; levels are set apart by one underscore or by two."""
    by_name = {setting.environment_name: setting for setting in settings.values()}
    for name in sorted(environ):
        if not name.startswith(ENVIRONMENT_PREFIX) or name in _NOT_SETTINGS:
            continue
        if setting := by_name.get(name.replace("__", "_")):
            yield name, setting, environ[name]
        elif not name.startswith((*_NOT_SETTINGS_PREFIXES, OF_PLUGINS)):
            nearest = nearest_of(name.removeprefix(ENVIRONMENT_PREFIX), _unprefixed(by_name))
            raise unknown(name, nearest and ENVIRONMENT_PREFIX + nearest, "the environment")


def _unprefixed(names: Iterable[str]) -> list[str]:
    """Without what they all begin with, which would make every one look like every other."""
    return [name.removeprefix(ENVIRONMENT_PREFIX) for name in names]


def read_overrides(layers: Layers, overrides: Mapping[str, str]) -> None:
    """Take over what the command line says, by dotted key. Raises `ConfigError`."""
    for key, text in overrides.items():
        if key == "plugins":
            layers.choose(plugin_settings.parse_choice_text(text, COMMAND_LINE), COMMAND_LINE, Path.cwd())
        elif key.startswith("plugins."):
            layers.of_plugins.append(OfPlugin(key, text, COMMAND_LINE))
        elif key not in layers.settings:
            raise unknown(key, nearest_key(key, layers.settings), "the command line")
        else:
            layers.put_text(layers.settings[key], text, COMMAND_LINE)


def _is_url(text: str) -> bool:
    return "://" in text or text.startswith("file:")
