"""Setting a farm up, on the wire of our own additions."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from flamenco.protocol.fields import Text, Uuid

Platform = Literal["linux", "windows", "darwin"]


class SetUpState(Struct, frozen=True, kw_only=True):
    """How far the farm is set up, and what one has to know for the next steps."""

    is_first_run: Annotated[bool, Meta(description="Whether nobody has set up the shared storage yet.")]
    storage: Annotated[str, Meta(description="The shared storage, as the manager runs; empty for one of its own.")]
    platform: Annotated[str, Meta(description="The manager's own.")]
    addresses: Annotated[list[str], Meta(description="URLs of the manager, the most useful first.")]
    is_alone: Annotated[bool, Meta(description="Whether only programs on its own machine reach it.")]
    file: str


class SetUp(Struct, frozen=True, kw_only=True):
    """Where files go, and what renders."""

    storage: Annotated[Text, Meta(min_length=1, description="Folder that all share, as the manager sees it.")]
    blender: Annotated[Text, Meta(description="Command or path; empty leaves the variable as it is.")] = ""
    elsewhere: Annotated[
        dict[Platform, Text],
        Meta(max_length=3, description="The same folder on other platforms; makes a two-way variable."),
    ] = {}


class TrialRender(Struct, frozen=True, kw_only=True):
    """A job of one frame."""

    id: Uuid
    name: str
    folder: Annotated[str, Meta(description="Where the frame goes, as the manager sees it.")]
