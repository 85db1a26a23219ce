"""What settings there are, in words: made from their declarations, for the command line and for `docs/settings.md`.

The page is the same on every machine: defaults that depend on the machine are told in words, and of the plugins it
has the shipped ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from flamenco import __version__, bundled
from flamenco.config.declared import enabled_by, settings_of, to_plain
from flamenco.config.manager_settings import Config
from flamenco.config.plugins import full_settings
from flamenco.hooks import discovery
from flamenco.hooks.command_docs import type_in_words
from flamenco.hooks.discovery import Plugin
from flamenco.hooks.manager import Hooks
from flamenco.hooks.setting import Setting

_TYPES: Final = {"plugins": "list of names, or group with a key for each plugin"}
_DEFAULTS_IN_WORDS: Final = {
    "data_dir": "`flamenco/manager` in the user's folder for data, such as `~/.local/share`",
    "processes": "2; 1 on a machine with one processor",
    "server": "`gunicorn`; `cheroot` on Windows",
    "shaman.enabled": "`true`; `false` on Windows",
    "variables": "`blender`, `blenderArgs` and `ffmpeg`, which `flamenco config show` prints",
}

_HEAD: Final = """\
# Settings

<!-- This page is made by `flamenco config docs`, from the declarations of the settings. Do not edit it. -->

A manager reads its settings in layers, of which the last to speak wins: the defaults, the file `flamenco-manager.yaml`,
the environment, the command line. The file is the one in the current directory, or else the one in the data
directory, unless `--config` or `FLAMENCO_CONFIG` names another. In the file, the dots of a key are levels:

```yaml
manager_name: Studio
task_timeout: 20m
shaman:
  garbageCollect:
    maxAge: 168h
plugins:
  ageing:
    points_per_hour: 2
```

On the command line it is `--set task_timeout=20m`. The variable of the environment is there with each setting; lists
and maps are written as YAML there, as on the command line. A duration is a number with a unit, or several: `90s`,
`10m`, `1h30m`. A path that is not absolute counts from the folder of the file it is written in, and from the current
directory in the environment and on the command line. An unknown key stops the start; one that Flamenco took at some
time and that means nothing here is a warning.

`flamenco config describe KEY` says the same of a setting as this page does, and knows those of all plugins here;
`flamenco config show` prints the values in use, and who set them. `flamenco config set KEY=VALUE` writes one into the
file, and leaves the rest of that as it is; so does the page *Settings*, for what may be changed while the manager runs.
"""


class SettingDocs(Struct, frozen=True, kw_only=True):
    """A setting: what it is, and the ways to set it. `type` is in words, `default` as JSON has it."""

    key: str
    type: str
    default: Any
    help: str
    environment: str
    command_line: str
    secret: bool = False


def documented(setting: Setting) -> SettingDocs:
    """Document a setting by its declaration."""
    return SettingDocs(
        key=setting.key,
        type=_type_of(setting),
        default=to_plain(setting.default),
        help=setting.help,
        environment=setting.environment_name,
        command_line=f"--set {setting.key}=VALUE",
        secret=setting.secret,
    )


def as_text(value: Any) -> str:
    """A value on one line: text as it is, everything else as JSON, which is YAML as well."""
    if isinstance(value, str) and value and value.isprintable():
        return value
    return msgspec.json.encode(value).decode()


def settings_of_plugin(plugin: Plugin) -> dict[str, Setting]:
    """The settings of a plugin by full key, whether it is enabled or not: it is loaded for it. Raises `ConfigError`."""
    hooks = Hooks({})
    hooks.load([replace(plugin, enabled=True)])
    return full_settings(hooks.settings(), hooks.plugins())


def settings_page() -> str:
    """The page in Markdown: all settings of the core and of every shipped plugin. Raises `ConfigError`."""
    parts = [_HEAD, *_core_sections(settings_of(Config))]
    for plugin in discovery.find(bundled.plugins(), None, __version__).values():
        if plugin.origin == "shipped":
            parts += _plugin_section(plugin, settings_of_plugin(plugin))
    return "\n".join(parts)


def _core_sections(settings: Iterable[Setting]) -> Iterator[str]:
    """Settings that stand alone first, then the groups, in the order of the declarations."""
    declared = list(settings)
    yield "## The manager\n"
    yield from (_entry(setting) for setting in declared if "." not in setting.key)
    grouped = (setting for setting in declared if "." in setting.key)
    for group, members in groupby(grouped, key=lambda setting: setting.key.partition(".")[0]):
        yield f"## `{group}`\n"
        yield from map(_entry, members)


def _plugin_section(plugin: Plugin, settings: Mapping[str, Setting]) -> Iterator[str]:
    yield f"## Plugin `{plugin.name}`\n"
    yield f"{plugin.summary} `flamenco plugins show {plugin.name}` says more.\n"
    if switch := next((each.key for each in settings_of(Config) if enabled_by(each) == plugin.name), ""):
        yield f"Its settings are those of `{switch.rpartition('.')[0]}`, and `{switch}` enables it.\n"
    elif not settings:
        yield f"It has no settings: `plugins: [{plugin.name}]` enables it.\n"
    yield from map(_entry, settings.values())


def _entry(setting: Setting) -> str:
    docs = documented(setting)
    default = _DEFAULTS_IN_WORDS.get(setting.key, f"`{as_text(docs.default)}`")
    lines = [f"- Type: {docs.type}{', not shown to anybody' if docs.secret else ''}"]
    lines += [f"- Default: {default}", f"- Environment: `{docs.environment}`"]
    return f"### `{setting.key}`\n\n{docs.help}\n\n" + "\n".join(lines) + "\n"


def _type_of(setting: Setting) -> str:
    if setting.key in _TYPES:
        return _TYPES[setting.key]
    words = type_in_words(setting.type)
    if not setting.path:
        return words
    return "path or URL" if setting.url else words.replace("text", "path", 1)
