"""The configuration as clients see and change it, while the manager runs.

What is changed goes into the file, which the manager then reads anew, all but the address it listens on. What decides
which code runs in the manager itself, what it opens and how much it uses is not among it: nobody who can only reach the
API can have it load a plugin, or write elsewhere. Passwords are not shown; sent as they are shown, they stay.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from flamenco.config.addresses import SQLITE_NAME
from flamenco.config.content import META
from flamenco.config.declared import settings_of
from flamenco.config.loading import check
from flamenco.config.manager_settings import Config
from flamenco.config.writing import as_content
from flamenco.domain.errors import Refused
from flamenco.domain.variables import Meaning
from flamenco.farm import configuration_file, lifecycle
from flamenco.farm.blenders import BlenderCheck, command_of
from flamenco.farm.context import Farm

ONLY_IN_THE_FILE: Final = tuple(setting.key for setting in settings_of(Config) if setting.only_in_file)
"""Settings that people with access to the manager's machine change, and nobody else."""

VARIABLES: Final = "variables"

OF_FLAMENCO: Final = frozenset(
    {
        *(META, "manager_name", "listen", "autodiscoverable", "database", "database_check_period"),
        *("local_manager_storage_path", "shared_storage_path", "shaman.enabled"),
        *("shaman.garbageCollect.period", "shaman.garbageCollect.maxAge", "task_timeout", "worker_timeout"),
        *("blocklist_threshold", "task_fail_after_softfail_count", "mqtt.client.enabled", "mqtt.client.broker"),
        *("mqtt.client.clientID", "mqtt.client.topic_prefix", "mqtt.client.username", "mqtt.client.password"),
        VARIABLES,
    }
)
"""The settings that Flamenco has. Its page shows what it is sent by what it knows of it, and nothing of the rest."""

_QUOTED: Final = "\n\t;()"
"""A path to Blender with any of these is put between quotes."""


class State(Struct, frozen=True):
    """What clients need to know first: where files go, how, and whether anybody has set that up yet."""

    storage: str
    shaman_enabled: bool
    is_first_run: bool


def state(farm: Farm) -> State:
    """Where files go. Reads the configuration file anew; raises `ConfigError` when that cannot be read."""
    content = configuration_file.content_of(farm)
    is_set_up = bool(content.get("shared_storage_path") or farm.config.shared_storage_path)
    return State(farm.config.effective_storage_path, farm.shaman is not None, not is_set_up)


def meanings(farm: Farm, audience: str, platform: str) -> dict[str, Meaning]:
    """What the variables stand for, for an audience on a platform."""
    return farm.variables.meanings(audience, platform)


def shared_storage(farm: Farm, audience: str, platform: str) -> str:
    """Where files go, as an audience on a platform writes it."""
    return farm.variables.expansion(audience, platform).text(farm.config.effective_storage_path)


def everything(farm: Farm) -> dict[str, Any]:
    """Every setting that Flamenco has: as the manager runs, and where the file was changed since, as it says.

    Where nothing is said, what that means: who shows this takes an empty path for a mistake.
    """
    config, content = farm.config, as_content(farm.config)
    if in_file := configuration_file.content_of(farm):
        config = check(in_file, f"file {farm.config_file}", farm.config_file, farm.config.data_dir)
        content |= {key: value for key, value in as_content(config).items() if key in in_file}
    meant = {
        "database": str(config.data_dir / SQLITE_NAME),
        "local_manager_storage_path": str(config.local_storage_path),
        "shared_storage_path": str(config.shared_path),
    }
    content |= {key: value for key, value in meant.items() if not content[key]}
    return _of_flamenco(configuration_file.masked(content))


def _of_flamenco(content: Mapping[str, Any], group: str = "") -> dict[str, Any]:
    found = {}
    for key, value in content.items():
        if group + key in OF_FLAMENCO:
            found[key] = value
        elif isinstance(value, dict) and (inside := _of_flamenco(value, f"{group}{key}.")):
            found[key] = inside
    return found


def change(farm: Farm, content: Mapping[str, Any]) -> None:
    """Let the file say what `content` has otherwise than `everything`, and the manager start anew with it.

    Whoever changes settings sends all that they were shown, so what is as it was shown is not meant, and settings that
    they were not shown stay. Raises `Refused` when it cannot be used, `Failed` when the file cannot be written.
    """
    before, was_shown = configuration_file.content_of(farm), _as_sent(everything(farm))
    present = _as_sent(as_content(farm.config))
    for key in ONLY_IN_THE_FILE:
        sent = _at(content, key)
        if sent is not None and sent not in (_at(before, key), _at(present, key), _at(was_shown, key)):
            raise Refused(f"{key}: is changed in {farm.config_file.name} on the manager's machine, and only there")
    merged = _merged(before, _without(content, ONLY_IN_THE_FILE), was_shown)
    configuration_file.replace(farm, before, merged)


def _at(content: Mapping[str, Any], dotted: str) -> Any:
    """What a setting is there; None where it is not."""
    key, _, rest = dotted.partition(".")
    value = content.get(key)
    if not rest:
        return value
    return _at(value, rest) if isinstance(value, Mapping) else value


def _without(content: Mapping[str, Any], dotted: Collection[str]) -> dict[str, Any]:
    """All but those settings."""
    left = {}
    for key, value in content.items():
        inside = [each.removeprefix(f"{key}.") for each in dotted if each.startswith(f"{key}.")]
        kept = _without(value, inside) if inside and isinstance(value, Mapping) else value
        if key not in dotted and (kept or not inside):
            left[key] = kept
    return left


def _as_sent(content: dict[str, Any]) -> dict[str, Any]:
    """As it is when a client sends it back."""
    sent: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(content))
    return sent


def _merged(
    before: Mapping[str, Any], sent: Mapping[str, Any], was_shown: Mapping[str, Any], group: str = ""
) -> dict[str, Any]:
    merged = dict(before)
    for key, value in sent.items():
        if key not in was_shown or value != was_shown[key]:
            # A variable is one value: what is missing in it was taken away.
            is_group = isinstance(value, dict) and isinstance(was_shown.get(key), dict) and group != VARIABLES
            merged[key] = _merged(before.get(key) or {}, value, was_shown[key], key) if is_group else value
    if group == VARIABLES:  # all of which are shown, so that people can take them away, too
        merged = {key: value for key, value in merged.items() if key in sent or key not in was_shown}
    return merged


def set_up(farm: Farm, storage: str, chosen: BlenderCheck) -> None:
    """Take over what the set-up assistant was told, and start anew with it.

    Raises `Refused` when that is not complete, `Failed` when it cannot be written.
    """
    if not storage:
        raise Refused("configuration is incomplete: storageLocation must not be empty")
    blender = quoted(command_of(chosen))
    content = configuration_file.content_of(farm)
    values = [{"platform": platform, "value": blender} for platform in ("linux", "windows", "darwin")]
    content["shared_storage_path"] = storage
    content[VARIABLES] = {
        **(content.get(VARIABLES) or {}),
        "blender": {"values": values},
        "blenderArgs": {"values": [{"platform": "all", "value": "-b -y"}]},
    }
    configuration_file.write(farm, content)
    farm.restart()
    configuration_file.note(farm, None, {"shared_storage_path": storage, "blender": blender})
    lifecycle.tell_restart(farm)


def quoted(blender: str) -> str:
    """A path to Blender as the variable has it, where it could be read as more than a path otherwise."""
    if not any(character in blender for character in _QUOTED):
        return blender
    escaped = blender.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
