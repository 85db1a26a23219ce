"""Which Flamenco this is, what its farm does, and where files can be downloaded, on the wire of today's Flamenco."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from flamenco.domain.farm_status import FarmStatus
from flamenco.protocol.fields import Uuid


class FlamencoVersion(Struct, frozen=True):
    """Which Flamenco this is, and what its farm is called."""

    version: str
    shortversion: str
    name: str
    git: str


class FarmStatusReport(Struct, frozen=True):
    """What the farm is doing, in one word; `starting` until the manager has looked."""

    status: FarmStatus


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
