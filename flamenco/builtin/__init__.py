"""The core's own commands, scheduling policy and job types, as hook implementations like anyone's."""

from __future__ import annotations

from flamenco.builtin import job_types, policies
from flamenco.builtin.commands import basics, blender, ffmpeg, files
from flamenco.hooks.manager import Hooks

_PLUGINS = {
    "builtin.misc": basics,
    "builtin.blender": blender,
    "builtin.ffmpeg": ffmpeg,
    "builtin.file-management": files,
    "builtin.policies": policies,
    "builtin.job-types": job_types,
}


def create_hooks() -> Hooks:
    """The core's own plugins and those that are installed. Raises `ConfigError` naming a plugin that is wrong."""
    hooks = Hooks()
    register(hooks)
    hooks.register_installed()
    return hooks


def register(hooks: Hooks) -> None:
    """Add everything of the core to `hooks`. Called once by each composition root, before other plugins."""
    for name, module in _PLUGINS.items():
        hooks.register(module, name)
