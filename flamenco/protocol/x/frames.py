"""Frames of a job that are to run again, on the wire of our own additions."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from flamenco.domain.frames_again import Mode
from flamenco.protocol.fields import Text

Frames = Annotated[Text, Meta(min_length=1, description="Such as 12,40-48 or 1-100x5.")]
FramesMode = Annotated[
    Mode,
    Meta(description="With all that their tasks have, or each in a task of its own, as far as commands allow."),
]


class FramesWanted(Struct, frozen=True, kw_only=True):
    """Which frames are to run again, how and why; with `dry_run`, what that would be."""

    frames: Frames
    mode: FramesMode = Mode.REQUEUE
    reason: Annotated[Text, Meta(description="What people read of it; who asked for it, when empty.")] = ""
    dry_run: bool = False


class FrameTask(Struct, frozen=True, kw_only=True):
    """A task, and which of these frames it has. One that would only be made has no id, and the name of its chunk."""

    id: Annotated[str, Meta(description="UUID, or empty.")]
    name: str
    frames: str


class FramesAgain(Struct, frozen=True, kw_only=True):
    """What came of it."""

    frames: Annotated[str, Meta(description="All that were asked for, in order.")]
    requeued: Annotated[list[FrameTask], Meta(description="Tasks that run again as they are.")]
    created: Annotated[list[FrameTask], Meta(description="New tasks, split off from those that have more frames.")]
    waiting: Annotated[int, Meta(description="Tasks with such frames that were to run anyway.")]
    following: Annotated[int, Meta(description="Tasks that run again because they depend on some of these.")]
    notes: Annotated[list[str], Meta(description="What is done otherwise than it was asked for, and why.")]
