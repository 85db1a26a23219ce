"""Reads the configuration in layers: defaults < file < environment < command line. The last one to speak wins.

Nothing is guessed: an unknown key, a wrong type or an unusable value stops the start with a `ConfigError`
that names the key and where it was written. What files of Flamenco may have and means nothing here is a warning.
A relative path counts from where it was written: from the folder of the file, or from the current directory for the
environment and the command line.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from flamenco import __version__, bundled
from flamenco.config import plugins as plugin_settings
from flamenco.config.choices import find_file, read_plugin_settings, settings_of_plugins
from flamenco.config.content import read
from flamenco.config.declared import build, shown
from flamenco.config.layers import DEFAULT, Layers, read_environment, read_file, read_overrides, take
from flamenco.config.manager_settings import Config
from flamenco.config.paths import default_data_dir
from flamenco.config.validation import check_addresses
from flamenco.domain.errors import ConfigError
from flamenco.hooks import discovery
from flamenco.hooks.manager import Hooks
from flamenco.hooks.setting import Setting


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
            for key, setting, value in values_of(self.config, self.settings)
        ]


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
    layers = Layers()
    layers.put(layers.settings["data_dir"], default_data_dir(environ), DEFAULT, Path.cwd())
    overrides = {**(overrides or {}), **({"data_dir": str(data_dir)} if data_dir is not None else {})}
    file = find_file(config_file, overrides.get("data_dir"), environ)
    if file:
        read_file(layers, file)
    read_environment(layers, environ)
    read_overrides(layers, overrides)
    config = build(Config, layers.values)
    found = discovery.find(bundled.plugins(), config.plugins_path, __version__)
    for name, source in layers.chosen_by.items():
        if name not in found:
            raise ConfigError(f"plugins.{name}: {plugin_settings.unknown_plugin(name, found)} ({source})")
    hooks.load(discovery.choose(found, layers.wanted(), environ), without_broken=without_broken)
    layers.settings |= settings_of_plugins(hooks, without_broken=without_broken)
    read_plugin_settings(layers, environ, hooks)
    of_plugins = plugin_settings.collect(
        layers.values,
        {key: each for key, each in layers.settings.items() if key.startswith("plugins.")},
        hooks.plugins(),
    )
    config = replace(config, plugins=of_plugins)
    sources = {key: layers.sources.get(key, DEFAULT) for key, _, _ in values_of(config, layers.settings)}
    check_addresses(config, sources)
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
    layers = Layers()
    layers.put(layers.settings["data_dir"], data_dir, DEFAULT, Path.cwd())
    take(layers, dict(content), source, file.parent)
    config = build(Config, layers.values)
    check_addresses(config, dict.fromkeys(("listen", "database"), source))
    return config


def values_of(config: Config, settings: Mapping[str, Setting]) -> Iterator[tuple[str, Setting, Any]]:
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
