"""The settings of the manager and its plugins, and what it is made of, on the wire of our own additions."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from flamenco.hooks.discovery import Origin
from flamenco.hooks.setting_fields import Kind
from flamenco.protocol.fields import Name

SettingValues = Annotated[dict[Name, Any], Meta(min_length=1, max_length=1_000)]


class SettingState(Struct, frozen=True, kw_only=True):
    """A setting, all that a field for it needs, and where its value comes from."""

    key: Annotated[str, Meta(description="By levels with dots; `variables.NAME` is a variable.")]
    topic: Annotated[str, Meta(description="What it is about: the first level of the key, or what a page puts it by.")]
    kind: Kind
    choices: tuple[str, ...] | UnsetType = UNSET
    minimum: float | UnsetType = UNSET
    maximum: float | UnsetType = UNSET
    help: str
    default: Any
    value: Annotated[Any, Meta(description="As the manager runs; secrets are stars. Null where it is in the file yet.")]
    source: Annotated[str, Meta(description="default, `file PATH`, `environment NAME` or command line.")]
    in_file: Annotated[Any, Meta(description="What the file says by now; absent where it has not changed.")] = UNSET
    fixed: Annotated[str | UnsetType, Meta(description="Why it cannot be changed here; absent when it can.")] = UNSET
    secret: bool
    waits_for_start: Annotated[
        bool, Meta(description="It counts when the manager is started, not when it reads its file anew.")
    ]


class Settings(Struct, frozen=True, kw_only=True):
    """All settings, those of enabled plugins included, and the file that changes go into."""

    file: str
    problem: Annotated[str | UnsetType, Meta(description="What is wrong with the file by now.")] = UNSET
    settings: list[SettingState]


class ChangedSettings(Struct, frozen=True, kw_only=True):
    """Other values for some settings, by key; null takes one out of the file, for its default to count."""

    values: Annotated[
        SettingValues, Meta(description="As JSON has them, or as text, which is read as on the command line.")
    ]


class PluginState(Struct, frozen=True, kw_only=True):
    """A plugin that is there. `hooks` are those that it implements; `problem` is why it cannot be used."""

    name: str
    origin: Origin
    version: str
    enabled: bool
    summary: str
    hooks: tuple[str, ...]
    file: str
    problem: str | UnsetType = UNSET


class Plugins(Struct, frozen=True, kw_only=True):
    """The core's own first, then in the order they are asked."""

    plugins: list[PluginState]


class About(Struct, frozen=True, kw_only=True):
    """What the manager is made of and runs on; no secrets."""

    version: str
    python: str
    platform: Annotated[str, Meta(description="System, its release, and the kind of processor.")]
    database: Annotated[str, Meta(description="Kind and version.")]
    mode: str
    processes: int
    threads: int
    jobs: int
    tasks: int
    workers: int
    plugins: Annotated[list[str], Meta(description="Those that are enabled, but for the core's own.")]
