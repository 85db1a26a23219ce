"""Reads the configuration in layers: defaults < file < environment < command line. The last one to speak wins.

Nothing is guessed: an unknown key, a wrong type or an unusable value stops the start with a `ConfigError`
that names the key and where it was written. What files of Flamenco may have and means nothing here is a warning.
A relative path counts from where it was written: from the folder of the file, or from the current directory for the
environment and the command line.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from flamenco import __version__, bundled
from flamenco.config import plugins as plugin_settings
from flamenco.config.bygone import told, without_bygone
from flamenco.config.content import Group, read, texts_as_written
from flamenco.config.declared import build, enabled_by, nearest_of, settings_of, shown, unknown_keys
from flamenco.config.manager_settings import Config
from flamenco.config.paths import CONFIG_FILE_NAME, absolute, default_data_dir
from flamenco.domain.errors import ConfigError
from flamenco.domain.variables import JOBS, doubts_about, problem_with
from flamenco.hooks import discovery
from flamenco.hooks.discovery import DISABLE_VARIABLE, PluginError
from flamenco.hooks.manager import TRACE_VARIABLE, Hooks
from flamenco.hooks.setting import ENVIRONMENT_PREFIX, Setting

DEFAULT: Final = "default"
COMMAND_LINE: Final = "command line"
FILE_VERSION: Final = 3
"""The one version of Flamenco's configuration file that can be read."""

_NOT_SETTINGS: Final = frozenset(
    {"FLAMENCO_HOME", "FLAMENCO_CONFIG", "FLAMENCO_MANAGER", DISABLE_VARIABLE, TRACE_VARIABLE}
)
"""Environment variables that mean something else to the program; see `--help` and `paths`."""
_NOT_SETTINGS_PREFIXES: Final = ("FLAMENCO_WORKER_", "FLAMENCO_TEST_")
"""Beginnings of those that belong to the worker agent and to the test suite."""

_OF_PLUGINS: Final = "FLAMENCO_PLUGINS_"
"""Beginning of those that are settings of plugins, which are read once it is known which there are."""
_NOT_OF_PLUGINS: Final = frozenset({"FLAMENCO_PLUGINS_DIR"})


class Shown(Struct, frozen=True):
    """A setting for people to look at: its value as JSON has it, secrets masked, and where it was written."""

    key: str
    value: Any
    source: str
    description: str


class Loaded(Struct, frozen=True, kw_only=True):
    """A configuration, and for every dotted key (`variables.NAME` for each variable) where its value came from.

    A source is `default`, `file PATH`, `environment NAME` or `command line`. `file` is the file that was read.
    `hooks` are the plugins that are enabled, `settings` the declarations of all settings, theirs included. `warnings`
    are sentences about what is doubtful, and stops nothing.
    """

    config: Config
    sources: dict[str, str]
    hooks: Hooks
    settings: dict[str, Setting]
    file: Path | None = None
    warnings: tuple[str, ...] = ()

    def shown(self) -> list[Shown]:
        """Every value in the order of the declarations, and who set it."""
        return [
            Shown(key, shown(setting, value), self.sources[key], setting.help)
            for key, setting, value in _values_of(self.config, self.settings)
        ]


class _OfPlugin(Struct, frozen=True):
    """What was said of a setting of a plugin. Without a `folder` it is text of the environment or the command line.

    `text` has the characters of a scalar in a file.
    """

    key: str
    value: Any
    source: str
    folder: Path | None = None
    text: str | None = None


class _Layers:
    """Collects values by dotted key; each layer overwrites those before it."""

    def __init__(self) -> None:
        self.settings = {setting.key: setting for setting in settings_of(Config)}
        self.values: dict[str, Any] = {}
        self.sources: dict[str, str] = {}
        self.choice: dict[str, Any] = {}
        self.chosen_by: dict[str, str] = {}
        self.of_plugins: list[_OfPlugin] = []
        self.warnings: list[str] = []

    def choose(self, choice: Mapping[str, Any], source: str, folder: Path) -> None:
        """Take over which plugins are wanted; their settings are kept until it is known which they have."""
        self.choice = {**self.choice, **choice}
        self.chosen_by |= dict.fromkeys(choice, source)
        self.sources["plugins"] = source
        for name, said in choice.items():
            for key, value in (said if isinstance(said, dict) else {}).items():
                text = said.texts.get(key) if isinstance(said, Group) else None
                self.of_plugins.append(_OfPlugin(f"plugins.{name}.{key}", value, source, folder, text))

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
            raise _wrong(setting.key, error, source) from error


def load(
    config_file: Path | None = None,
    data_dir: Path | None = None,
    overrides: Mapping[str, str] | None = None,
    environ: Mapping[str, str] = os.environ,
    hooks: Hooks | None = None,
    *,
    without_broken: bool = False,
) -> Loaded:
    """Read the configuration. `overrides` are settings from the command line by dotted key.

    Without `config_file` (or FLAMENCO_CONFIG) it is flamenco-manager.yaml in the current directory, else the one in
    the data directory, else none. The plugins that it enables are loaded into `hooks`, beside those that are there:
    they have settings too; `without_broken`, those that are broken are left out, with their `problem`. Raises
    `ConfigError` with a sentence that says what to change.
    """
    hooks = Hooks(environ) if hooks is None else hooks
    layers = _Layers()
    layers.put(layers.settings["data_dir"], default_data_dir(environ), DEFAULT, Path.cwd())
    overrides = {**(overrides or {}), **({"data_dir": str(data_dir)} if data_dir is not None else {})}
    file = find_file(config_file, overrides.get("data_dir"), environ)
    if file:
        _read_file(layers, file)
    _read_environment(layers, environ)
    _read_overrides(layers, overrides)
    config = build(Config, layers.values)
    found = discovery.find(bundled.plugins(), config.plugins_path, __version__)
    for name, source in layers.chosen_by.items():
        if name not in found:
            raise ConfigError(f"plugins.{name}: {plugin_settings.unknown_plugin(name, found)} ({source})")
    hooks.load(discovery.choose(found, layers.wanted(), environ), without_broken=without_broken)
    layers.settings |= _settings_of_plugins(hooks, without_broken=without_broken)
    _read_plugin_settings(layers, environ, hooks)
    of_plugins = plugin_settings.collect(
        layers.values,
        {key: each for key, each in layers.settings.items() if key.startswith("plugins.")},
        hooks.plugins(),
    )
    config = replace(config, plugins=of_plugins)
    sources = {key: layers.sources.get(key, DEFAULT) for key, _, _ in _values_of(config, layers.settings)}
    _check_addresses(config, sources)
    if without_broken:
        hooks.leave_out_broken(config)
    return Loaded(
        config=config,
        sources=sources,
        hooks=hooks,
        settings=layers.settings,
        file=file,
        warnings=tuple(layers.warnings),
    )


def _settings_of_plugins(hooks: Hooks, *, without_broken: bool) -> dict[str, Setting]:
    while True:
        try:
            return plugin_settings.full_settings(hooks.settings(), hooks.plugins())
        except PluginError as error:
            if not without_broken:
                raise
            hooks.leave_out(error)


def _read_overrides(layers: _Layers, overrides: Mapping[str, str]) -> None:
    for key, text in overrides.items():
        if key == "plugins":
            layers.choose(plugin_settings.parse_choice_text(text, COMMAND_LINE), COMMAND_LINE, Path.cwd())
        elif key.startswith("plugins."):
            layers.of_plugins.append(_OfPlugin(key, text, COMMAND_LINE))
        elif key not in layers.settings:
            raise _unknown(key, nearest_key(key, layers.settings), "the command line")
        else:
            layers.put_text(layers.settings[key], text, COMMAND_LINE)


def _read_plugin_settings(layers: _Layers, environ: Mapping[str, str], hooks: Hooks) -> None:
    """Check what was said of the settings of plugins: file, environment, command line, whichever spoke last."""
    names = {setting.environment_name: key for key, setting in layers.settings.items() if key.startswith("plugins.")}
    said = [each for each in layers.of_plugins if each.source != COMMAND_LINE]
    for name in sorted(environ):
        plain = name.replace("__", "_")
        if plain.startswith(_OF_PLUGINS) and plain not in _NOT_OF_PLUGINS:
            key = names.get(plain, _key_of(name, hooks))
            said.append(_OfPlugin(key, environ[name], f"environment {name}"))
    for each in (*said, *(each for each in layers.of_plugins if each.source == COMMAND_LINE)):
        key, source = each.key, each.source
        setting = layers.settings.get(key)
        if setting is None:
            if reason := plugin_settings.why_not(key, layers.settings, hooks.plugins()):
                raise ConfigError(f"{key}: {reason} ({source})")
        elif each.folder is None:
            layers.put_text(setting, each.value, source)
        else:
            value = texts_as_written(each.value, setting.type, each.text)
            for unknown, nearest in unknown_keys(value, setting.type, f"{key}."):
                raise _unknown(unknown, nearest, source)
            try:
                layers.put(setting, setting.read(value), source, each.folder)
            except ValueError as error:
                raise _wrong(key, error, source) from error


def _key_of(name: str, hooks: Hooks) -> str:
    """The key that a variable of the environment seems to stand for, though there is no such setting."""
    words = name.removeprefix(_OF_PLUGINS).replace("__", "_").lower()
    owners = [plugin.name for plugin in hooks.plugins() if f"{words}_".startswith(f"{plugin.name}_")]
    owner = max(owners, key=len, default=words)
    return f"plugins.{owner}.{words.removeprefix(owner).lstrip('_')}".rstrip(".")


def find_file(config_file: Path | None, data_dir: str | None, environ: Mapping[str, str]) -> Path | None:
    """Find the file to read, absolute; None when there is none. One that was asked for is not looked for here."""
    if config_file or environ.get("FLAMENCO_CONFIG"):
        return (config_file or Path(environ["FLAMENCO_CONFIG"])).absolute()
    # The file itself may name another data directory, which then does not decide where the file is.
    folder = data_dir or environ.get("FLAMENCO_DATA_DIR") or str(default_data_dir(environ))
    files = (Path(CONFIG_FILE_NAME), Path(absolute(folder, Path.cwd())) / CONFIG_FILE_NAME)
    return next((file.absolute() for file in files if file.is_file()), None)


def nearest_key(word: str, settings: Mapping[str, Setting]) -> str | None:
    """The key that `word` probably stands for: a whole dotted key, or the last part of one."""
    if whole := nearest_of(word, settings):
        return whole
    keywords = {setting.keyword: key for key, setting in settings.items()}
    last = nearest_of(word.rpartition(".")[2], keywords)
    return keywords[last] if last else None


# -- the file -----------------------------------------------------------------------------------------------------


def read_content(file: Path) -> dict[Any, Any]:
    """What a configuration file says, unchecked, with texts as they are written; nothing when there is none.

    Raises `ConfigError`.
    """
    # Not the settings of plugins: which they have is known when all layers have said which plugins are wanted.
    return read(file, Config) if file.is_file() else {}


def check(content: Mapping[Any, Any], source: str, file: Path, data_dir: Path) -> Config:
    """The configuration that `file` would give by itself if it had `content`; of plugins, only their choice is read.

    `data_dir` is where it leaves that open. Raises `ConfigError` as `load`, naming `source`.
    """
    layers = _Layers()
    layers.put(layers.settings["data_dir"], data_dir, DEFAULT, Path.cwd())
    _take(layers, dict(content), source, file.parent)
    config = build(Config, layers.values)
    _check_addresses(config, dict.fromkeys(("listen", "database"), source))
    return config


def _read_file(layers: _Layers, file: Path) -> None:
    _take(layers, read(file, Config), f"file {file}", file.parent)


def _take(layers: _Layers, content: dict[Any, Any], source: str, folder: Path) -> None:
    if "plugins" in content:
        layers.choose(plugin_settings.parse_choice(content.pop("plugins"), source), source, folder)
    content, bygone = without_bygone(content)
    layers.warnings += told(bygone, source)
    meta = content.pop("_meta", None)
    _check_meta({} if meta is None else meta, source)
    for key, nearest in unknown_keys(content, Config):
        raise _unknown(key, nearest or nearest_key(key, layers.settings), source)
    for key, value in _flattened(content, layers.settings, source):
        setting = layers.settings[key]
        try:
            layers.put(setting, setting.read(value), source, folder)
        except ValueError as error:
            raise _wrong(key, error, source) from error


def _check_meta(meta: Any, source: str) -> None:
    if not isinstance(meta, dict):
        raise ConfigError(f"_meta in {source} is {meta!r}, expected `version: {FILE_VERSION}` in it.")
    version = meta.get("version", FILE_VERSION)
    if version != FILE_VERSION or isinstance(version, bool):
        raise ConfigError(f"_meta.version in {source} is {version!r}; only version {FILE_VERSION} can be read.")
    for key in meta:
        if key != "version":
            raise _unknown(f"_meta.{key}", "_meta.version", source)


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


# -- the environment ----------------------------------------------------------------------------------------------


def _read_environment(layers: _Layers, environ: Mapping[str, str]) -> None:
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
        elif not name.startswith((*_NOT_SETTINGS_PREFIXES, _OF_PLUGINS)):
            nearest = nearest_of(name.removeprefix(ENVIRONMENT_PREFIX), _unprefixed(by_name))
            raise _unknown(name, nearest and ENVIRONMENT_PREFIX + nearest, "the environment")


def _unprefixed(names: Iterable[str]) -> list[str]:
    """Without what they all begin with, which would make every one look like every other."""
    return [name.removeprefix(ENVIRONMENT_PREFIX) for name in names]


# -- all of it ----------------------------------------------------------------------------------------------------


def _values_of(config: Config, settings: Mapping[str, Setting]) -> Iterator[tuple[str, Setting, Any]]:
    """Every value by dotted key, each variable and each setting of a plugin on its own."""
    for key, setting in settings.items():
        if key.startswith("plugins."):
            _, plugin, own = key.split(".", 2)
            yield key, setting, config.plugins[plugin][own]
            continue
        value: Any = config
        for part in key.split("."):
            value = getattr(value, _attribute_of(type(value), part))
        if key == "variables":
            yield from ((f"variables.{name}", setting, variable) for name, variable in value.items())
        elif key == "plugins":
            yield key, setting, list(value)
        else:
            yield key, setting, value


def _attribute_of(kind: type[Struct], key: str) -> str:
    return kind.__struct_fields__[kind.__struct_encode_fields__.index(key)]


def _check_addresses(config: Config, sources: Mapping[str, str]) -> None:
    """Fail now rather than when the server or the store starts."""
    for key, name in (("listen", "port"), ("database", "database_url")):
        try:
            getattr(config, name)
        except ConfigError as error:
            raise ConfigError(f"{str(error).rstrip('.')} ({sources[key]}).") from error


def _is_url(text: str) -> bool:
    return "://" in text or text.startswith("file:")


def _wrong(key: str, error: ValueError, source: str) -> ConfigError:
    return ConfigError(f"{key}: {error} ({source}).")


def _unknown(key: str, nearest: str | None, source: str) -> ConfigError:
    hint = f"did you mean {nearest!r}?" if nearest else "`flamenco config show` lists the ones there are."
    return ConfigError(f"Unknown key {key!r} in {source}; {hint}")
