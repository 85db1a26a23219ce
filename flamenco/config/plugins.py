"""What the configuration says about plugins: which are wanted, in which order, and what their settings are.

In the file, `plugins` is a list of names, or a group with a key for each plugin: what is below it are its settings,
nothing is also a yes, and `false` is a no. The order of the keys is the order in which the plugins are asked.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from flamenco.config.declared import nearest_of
from flamenco.domain.errors import ConfigError
from flamenco.hooks.discovery import Plugin, PluginError
from flamenco.hooks.setting import Setting

PREFIX = "plugins."


class Values(Mapping[str, Any]):
    """Values by name, as attributes as well: `config.plugins.fair_share.half_life`. Does not change."""

    __slots__ = ("_values", "_what")

    def __init__(self, values: Mapping[str, Any], what: str = "setting") -> None:
        self._values = dict(values)
        self._what = what

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name in self._values:
            return self._values[name]
        raise AttributeError(f"there is no {self._what} {name!r} here; there are: {', '.join(self) or 'none'}")

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)

    def __reduce__(self) -> tuple[type[Values], tuple[dict[str, Any], str]]:
        return Values, (self._values, self._what)


NO_PLUGINS = Values({}, "plugin")


def parse_choice(value: Any, source: str) -> dict[str, Any]:
    """What is said of each plugin: settings, or a bool. Raises `ConfigError`."""
    if isinstance(value, list):
        for name in value:
            if not isinstance(name, str):
                raise ConfigError(
                    f"plugins in {source} has {name!r} in a list of names; for settings, write no list but a group: "
                    "the name of each plugin with a colon, and its settings below it."
                )
        value = dict.fromkeys(value)
    if not isinstance(value, dict | None):
        raise ConfigError(
            f"plugins in {source} is {value!r}, expected names of plugins with their settings below them."
        )
    for name, given in (value or {}).items():
        if not isinstance(name, str) or not isinstance(given, dict | bool | None):
            raise ConfigError(f"plugins.{name} in {source} is {given!r}, expected its settings, or true or false.")
    return value or {}


def parse_choice_text(text: str, source: str) -> dict[str, Any]:
    """The same for the environment and the command line: names with commas between them, or YAML."""
    if text.strip()[:1] in ("{", "["):
        try:
            return parse_choice(yaml.safe_load(text), source)
        except yaml.YAMLError as error:
            raise ConfigError(f"plugins in {source}: {text!r} is not YAML.") from error
    return dict.fromkeys(name.strip() for name in text.split(",") if name.strip())


def wanted(choice: Mapping[str, Any]) -> dict[str, bool]:
    """Which plugins are said to be enabled or not, in order."""
    return {name: given is not False for name, given in choice.items()}


def full_settings(settings: Mapping[str, Iterable[Setting]], plugins: Iterable[Plugin]) -> dict[str, Setting]:
    """The settings of plugins, the core's own left out, by their full key. Raises `ConfigError` for a bad key."""
    found: dict[str, Setting] = {}
    for plugin in plugins:
        if plugin.origin == "core":
            continue
        for setting in settings.get(plugin.name, ()):
            key = f"{PREFIX}{plugin.name}.{setting.key}"
            if key in found or not _can_be_key(setting.key):
                where = f"plugin {plugin.name!r} ({plugin.file})"
                raise PluginError(
                    f"{where}: {setting.key!r} cannot be a key, or there is a setting of that key already.", plugin.name
                )
            found[key] = Setting(
                key=key,
                type=setting.type,
                default=setting.default,
                help=setting.help,
                path=setting.path,
                secret=setting.secret,
                url=setting.url,
            )
    return found


def _can_be_key(key: str) -> bool:
    """Whether a setting can be read as `config.plugins.<plugin>.<key>`, where there are the methods of a map too."""
    return key.isidentifier() and not keyword.iskeyword(key) and not key.startswith("_") and not hasattr(Values, key)


def unknown_plugin(name: str, known: Iterable[str]) -> str:
    """What to say of a plugin that nobody has."""
    near = nearest_of(name, known)
    hint = f"did you mean {near!r}?" if near else f"there are: {', '.join(sorted(known)) or 'none'}."
    return f"there is no plugin {name!r}; {hint}"


def why_not(key: str, settings: Mapping[str, Setting], plugins: Iterable[Plugin]) -> str | None:
    """What to say of a `plugins.…` key that is no setting; None where it does not matter: its plugin is left out."""
    name, _, rest = key.removeprefix(PREFIX).partition(".")
    by_name = {plugin.name: plugin for plugin in plugins if plugin.origin != "core"}
    if name in by_name and not rest:
        return "it takes settings, one by one; which plugins to use is said by `plugins`, such as plugins=NAME,NAME."
    if name not in by_name:
        return unknown_plugin(name, by_name)
    if not by_name[name].enabled:
        return None
    own = [key.rpartition(".")[2] for key in settings if key.startswith(f"{PREFIX}{name}.")]
    near = nearest_of(rest, own)
    hint = f"did you mean {near!r}?" if near else f"it has: {', '.join(own) or 'no settings'}."
    return f"the plugin {name!r} has no setting {rest!r}; {hint}"


def collect(values: Mapping[str, Any], settings: Mapping[str, Setting], plugins: Iterable[Plugin]) -> Values:
    """The settings of every enabled plugin: those in `values`, by full key, and the defaults of the others."""
    by_plugin: dict[str, dict[str, Any]] = {
        plugin.name: {} for plugin in plugins if plugin.enabled and plugin.origin != "core"
    }
    for key, setting in settings.items():
        _, name, own = key.split(".", 2)
        by_plugin[name][own] = values.get(key, setting.default)
    return Values({name: Values(own) for name, own in by_plugin.items()}, "plugin")
