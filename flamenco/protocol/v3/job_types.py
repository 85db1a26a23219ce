"""Job types on the wire of today's Flamenco. Field names and words are its own; what is unset is left out."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, field

from flamenco.protocol.job_types import AvailableJobSettingSubtype, AvailableJobSettingType


class AvailableJobSettingVisibility(StrEnum):
    """Who is shown a setting: everybody, nobody, who submits a job, or who looks at one."""

    VISIBLE = "visible"
    HIDDEN = "hidden"
    SUBMISSION = "submission"
    WEB = "web"


class AvailableJobSettingEvalInfo(Struct, frozen=True, rename="camel"):
    """How a client shows that a setting can be evaluated."""

    show_link_button: Annotated[bool, Meta(description="Whether to offer evaluating it at every submission.")] = False
    description: Annotated[str, Meta(description="What evaluating it is good for.")] = ""


class AvailableJobSetting(Struct, frozen=True, kw_only=True):
    """One setting of a job type."""

    key: str
    type: AvailableJobSettingType
    subtype: AvailableJobSettingSubtype | UnsetType = UNSET
    choices: Annotated[list[str] | UnsetType, Meta(description="The only values a text setting may have.")] = UNSET
    propargs: Annotated[dict[str, Any] | UnsetType, Meta(description="Limits for the client's input field.")] = UNSET
    description: Any = UNSET
    label: Any = UNSET
    default: Any = UNSET
    eval: Annotated[str | UnsetType, Meta(description="Python expression of the value, for Blender.")] = UNSET
    eval_info: AvailableJobSettingEvalInfo | UnsetType = field(default=UNSET, name="evalInfo")
    visible: AvailableJobSettingVisibility | UnsetType = UNSET
    required: Annotated[bool | UnsetType, Meta(description="Whether a job needs it to be set.")] = UNSET
    # Blender's add-on takes what is not there for true, and greys out what is false.
    editable: Annotated[bool | UnsetType, Meta(description="Whether people may change it.")] = UNSET


class AvailableJobType(Struct, frozen=True, kw_only=True):
    """A job type and its settings."""

    name: str
    label: str
    settings: list[AvailableJobSetting]
    etag: Annotated[str, Meta(description="Changes whenever the job type does.")]
    description: str | UnsetType = UNSET


class AvailableJobTypes(Struct, frozen=True):
    """All job types, by name."""

    job_types: list[AvailableJobType]


class JobTypePath(Struct, frozen=True):
    """Which job type."""

    type_name: str = field(name="typeName")
