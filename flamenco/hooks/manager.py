"""Finds plugins, checks them, and asks them: one typed method per hook. The only place that talks to pluggy."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import pluggy

from flamenco.domain.errors import ConfigError
from flamenco.hooks import specs
from flamenco.hooks.types import CommandType, SchedulingPolicy

Named = TypeVar("Named", CommandType, SchedulingPolicy)


class Hooks:
    """The registered plugins. Later registrations do not override earlier ones: a name given twice stops the start."""

    def __init__(self) -> None:
        self._pluggy = pluggy.PluginManager(specs.PROJECT)
        self._pluggy.add_hookspecs(specs)

    def register(self, plugin: ModuleType | object, name: str) -> None:
        """Add `plugin`. Raises `ConfigError` naming it when it implements a hook that does not exist."""
        self._pluggy.register(plugin, name)
        try:
            self._pluggy.check_pending()
        except pluggy.PluginValidationError as error:
            self._pluggy.unregister(plugin)
            raise ConfigError(f"plugin {name!r}: {error}") from error

    def register_installed(self) -> None:
        """Add every plugin that an installed distribution offers under the entry-point group."""
        self._pluggy.load_setuptools_entrypoints(specs.PROJECT)

    def command_types(self) -> dict[str, CommandType]:
        """All commands by name."""
        return self._collect("command_types", CommandType)

    def scheduling_policies(self) -> dict[str, SchedulingPolicy]:
        """All policies by name, whether active or not."""
        return self._collect("scheduling_policies", SchedulingPolicy)

    def job_type_folders(self) -> list[Path]:
        """The folders with job types, those of plugins that were registered later first: they win."""
        folders = []
        for implementation in self._implementations("job_type_folders"):
            for folder in implementation.function():
                if not isinstance(folder, Path):
                    raise ConfigError(f"{_where(implementation)}: job_type_folders() gave {folder!r}, expected a Path")
                folders.append(folder)
        return folders[::-1]

    def _implementations(self, hook: str) -> list[Any]:  # of pluggy's HookImpl, whose functions return `object`
        implementations: list[Any] = getattr(self._pluggy.hook, hook).get_hookimpls()
        return implementations

    def _collect(self, hook: str, kind: type[Named]) -> dict[str, Named]:
        found: dict[str, Named] = {}
        for implementation in self._implementations(hook):
            where = _where(implementation)
            for value in implementation.function():
                if not isinstance(value, kind):
                    raise ConfigError(f"{where}: {hook}() gave {value!r}, expected a {kind.__name__}")
                if value.name in found:
                    raise ConfigError(f"{where}: there is another {kind.__name__} named {value.name!r} already")
                found[value.name] = value
        return found


def _where(implementation: pluggy.HookImpl) -> str:
    return f"plugin {implementation.plugin_name!r} ({_file_of(implementation.plugin)})"


def _file_of(plugin: object) -> str:
    module = plugin if isinstance(plugin, ModuleType) else sys.modules.get(type(plugin).__module__)
    return getattr(module, "__file__", None) or "<no file>"
