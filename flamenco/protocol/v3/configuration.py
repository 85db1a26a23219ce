"""Configuration on the wire of today's Flamenco. Field names and words are its own."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from flamenco.protocol.fields import MOST_NAME, Text


class ManagerVariableAudience(StrEnum):
    """Whom a variable's value is for."""

    WORKERS = "workers"
    USERS = "users"


class BlenderPathSource(StrEnum):
    """How a Blender was found."""

    FILE_ASSOCIATION = "file_association"
    PATH_ENVVAR = "path_envvar"
    SYSTEM_LOCATION = "system_location"
    INPUT_PATH = "input_path"
    DEFAULT = "default"


class ManagerConfiguration(Struct, frozen=True, rename="camel"):
    """What a client needs to know first."""

    storage_location: Annotated[str, Meta(description="Where the files of jobs are, as the manager sees it.")]
    shaman_enabled: Annotated[bool, Meta(description="Whether files can be handed in through Shaman.")]
    is_first_run: Annotated[bool, Meta(description="Whether nobody has set up the shared storage yet.")]


class PathCheckInput(Struct, frozen=True):
    """A path to check."""

    path: Text


class PathCheckResult(Struct, frozen=True):
    """Whether a path can be used, and why (not)."""

    path: str
    is_usable: bool
    cause: str


class BlenderPathCheckResult(Struct, frozen=True):
    """A Blender: what was looked for, what was found and how, and whether it can be used, and why (not)."""

    input: Text
    path: Text
    source: BlenderPathSource
    is_usable: bool
    cause: Text


class SetupAssistantConfig(Struct, frozen=True, rename="camel"):
    """What the set-up assistant was told."""

    storage_location: Text
    blender_executable: BlenderPathCheckResult


class ManagerVariable(Struct, frozen=True):
    """What a variable stands for."""

    name: str
    value: str
    is_twoway: Annotated[bool, Meta(description="Whether submitted paths are turned back into its name.")]


class SharedStorageLocation(Struct, frozen=True, kw_only=True, rename={"shaman_enabled": "shamanEnabled"}):
    """Where the files of jobs are, as an audience on a platform sees it."""

    location: str
    audience: ManagerVariableAudience
    platform: str
    shaman_enabled: Annotated[bool, Meta(description="Whether files can be handed in through Shaman.")]


class AudiencePath(Struct, frozen=True):
    """Whom to answer for. Any audience is taken, as it always was; there are no variables for those not listed."""

    audience: Annotated[str, Meta(extra_json_schema={"enum": [each.value for each in ManagerVariableAudience]})]
    platform: Annotated[str, Meta(description="linux, windows, darwin, …", extra_json_schema={"maxLength": MOST_NAME})]
