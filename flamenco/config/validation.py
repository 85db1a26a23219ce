"""What is wrong with a configuration, said so that the key and where it was written can be found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flamenco.config.declared import nearest_of
from flamenco.config.manager_settings import Config
from flamenco.domain.errors import ConfigError
from flamenco.hooks.setting import Setting

FILE_VERSION: Final = 3
"""The one version of Flamenco's configuration file that can be read."""


def check_meta(meta: Any, source: str) -> None:
    """Raise `ConfigError` unless the group `_meta` is of a file that can be read."""
    if not isinstance(meta, dict):
        raise ConfigError(f"_meta in {source} is {meta!r}, expected `version: {FILE_VERSION}` in it.")
    version = meta.get("version", FILE_VERSION)
    if version != FILE_VERSION or isinstance(version, bool):
        raise ConfigError(f"_meta.version in {source} is {version!r}; only version {FILE_VERSION} can be read.")
    for key in meta:
        if key != "version":
            raise unknown(f"_meta.{key}", "_meta.version", source)


def nearest_key(word: str, settings: Mapping[str, Setting]) -> str | None:
    """The key that `word` probably stands for: a whole dotted key, or the last part of one."""
    if whole := nearest_of(word, settings):
        return whole
    keywords = {setting.keyword: key for key, setting in settings.items()}
    last = nearest_of(word.rpartition(".")[2], keywords)
    return keywords[last] if last else None


def wrong(key: str, error: ValueError, source: str) -> ConfigError:
    """Tell that a value cannot be used."""
    return ConfigError(f"{key}: {error} ({source}).")


def unknown(key: str, nearest: str | None, source: str) -> ConfigError:
    """Tell that there is no such key, and which one may be meant."""
    hint = f"did you mean {nearest!r}?" if nearest else "`flamenco config show` lists the ones there are."
    return ConfigError(f"Unknown key {key!r} in {source}; {hint}")


def check_addresses(config: Config, sources: Mapping[str, str]) -> None:
    """Fail now rather than when the server or the store starts."""
    for key, name in (("listen", "port"), ("database", "database_url")):
        try:
            getattr(config, name)
        except ConfigError as error:
            raise ConfigError(f"{str(error).rstrip('.')} ({sources[key]}).") from error
    config.check_networks()
    _ = config.tls_files
