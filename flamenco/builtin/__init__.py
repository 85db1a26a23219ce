"""The core's own commands, settings, scheduling policy, job types and checks, as hook implementations like anyone's."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from flamenco import __version__, bundled
from flamenco.builtin import core
from flamenco.builtin.commands import basics, blender, ffmpeg, files
from flamenco.hooks import discovery
from flamenco.hooks.manager import Hooks

_PLUGINS = {
    "builtin.core": core,
    "builtin.misc": basics,
    "builtin.blender": blender,
    "builtin.ffmpeg": ffmpeg,
    "builtin.file-management": files,
}


def core_hooks(environ: Mapping[str, str] = os.environ) -> Hooks:
    """The core's own plugins and no others."""
    hooks = Hooks(environ)
    register(hooks)
    return hooks


def worker_hooks(wanted: Iterable[str], folder: Path | None, environ: Mapping[str, str] = os.environ) -> Hooks:
    """The core's own plugins, those that are installed or in `folder`, and the `wanted` ones.

    `-name` among the wanted leaves one out. Raises `ConfigError` naming a plugin that is wrong.
    """
    hooks = core_hooks(environ)
    choice = {name.removeprefix("-"): not name.startswith("-") for name in wanted}
    hooks.load(discovery.choose(discovery.find(bundled.plugins(), folder, __version__), choice, environ))
    return hooks


def register(hooks: Hooks) -> None:
    """Add everything of the core to `hooks`. Called once by each composition root, before other plugins."""
    for name, module in _PLUGINS.items():
        hooks.register(module, name, version=__version__)
