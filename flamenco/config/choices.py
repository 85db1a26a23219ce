"""Chooses: which file is read, which plugins are used, and what is said of the settings that these have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from flamenco.config import plugins as plugin_settings
from flamenco.config.content import texts_as_written
from flamenco.config.declared import unknown_keys
from flamenco.config.layers import COMMAND_LINE, OF_PLUGINS, Layers, OfPlugin
from flamenco.config.paths import CONFIG_FILE_NAME, absolute, default_data_dir
from flamenco.config.validation import unknown, wrong
from flamenco.domain.errors import ConfigError
from flamenco.hooks.discovery import PluginError
from flamenco.hooks.manager import Hooks
from flamenco.hooks.setting import Setting

_NOT_OF_PLUGINS: Final = frozenset({"FLAMENCO_PLUGINS_DIR"})


def find_file(config_file: Path | None, data_dir: str | None, environ: Mapping[str, str]) -> Path | None:
    """Find the file to read, absolute; None when there is none. One that was asked for is not looked for here."""
    if config_file or environ.get("FLAMENCO_CONFIG"):
        return (config_file or Path(environ["FLAMENCO_CONFIG"])).absolute()
    # The file itself may name another data directory, which then does not decide where the file is.
    folder = data_dir or environ.get("FLAMENCO_DATA_DIR") or str(default_data_dir(environ))
    if _is_here():
        return Path(CONFIG_FILE_NAME).absolute()
    file = Path(absolute(folder, Path.cwd())) / CONFIG_FILE_NAME
    return file.absolute() if file.is_file() else None


def _is_here() -> bool:
    try:
        return Path(CONFIG_FILE_NAME).is_file()
    except OSError:  # whoever types `sudo -u flamenco` stands in a home that is closed to that user
        return False


def settings_of_plugins(hooks: Hooks, *, without_broken: bool) -> dict[str, Setting]:
    """Give the settings of the enabled plugins by full key; broken plugins raise, or are left out."""
    while True:
        try:
            return plugin_settings.full_settings(hooks.settings(), hooks.plugins())
        except PluginError as error:
            if not without_broken:
                raise
            hooks.leave_out(error)


def read_plugin_settings(layers: Layers, environ: Mapping[str, str], hooks: Hooks) -> None:
    """Check what was said of the settings of plugins: file, environment, command line, whichever spoke last."""
    names = {setting.environment_name: key for key, setting in layers.settings.items() if key.startswith("plugins.")}
    said = [each for each in layers.of_plugins if each.source != COMMAND_LINE]
    for name in sorted(environ):
        plain = name.replace("__", "_")
        if plain.startswith(OF_PLUGINS) and plain not in _NOT_OF_PLUGINS:
            key = names.get(plain, _key_of(name, hooks))
            said.append(OfPlugin(key, environ[name], f"environment {name}"))
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
            for word, nearest in unknown_keys(value, setting.type, f"{key}."):
                raise unknown(word, nearest, source)
            try:
                layers.put(setting, setting.read(value), source, each.folder)
            except ValueError as error:
                raise wrong(key, error, source) from error


def _key_of(name: str, hooks: Hooks) -> str:
    """The key that a variable of the environment seems to stand for, though there is no such setting."""
    words = name.removeprefix(OF_PLUGINS).replace("__", "_").lower()
    owners = [plugin.name for plugin in hooks.plugins() if f"{words}_".startswith(f"{plugin.name}_")]
    owner = max(owners, key=len, default=words)
    return f"plugins.{owner}.{words.removeprefix(owner).lstrip('_')}".rstrip(".")
