"""How today's Flamenco tells where a job's images and logs can be downloaded."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from flamenco.protocol.fields import Uuid


class JobLastRenderedImageInfo(Struct, frozen=True):
    """Where the images of a job are that was rendered last."""

    base: Annotated[str, Meta(description="Path of their folder on this server.")]
    suffixes: Annotated[list[str], Meta(description="What to put behind it and a slash, the largest image first.")]


class TaskLogInfo(Struct, frozen=True):
    """Where the log of a task is, and how large it is."""

    task_id: Uuid
    job_id: Uuid
    url: Annotated[str, Meta(description="Path of the log on this server.")]
    size: Annotated[int, Meta(description="In bytes.")]
