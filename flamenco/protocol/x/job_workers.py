"""Which workers jobs are for, and what people say of jobs and workers, on the wire of our own additions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from flamenco.domain import notes
from flamenco.domain.job_workers import MOST
from flamenco.protocol.fields import Name, Storable, Uuid

WorkerReference = Annotated[Name, Meta(min_length=1)]
WorkersAllowed = Annotated[
    list[WorkerReference],
    Meta(
        max_length=MOST,
        description="The job is for these workers alone: names, IDs, or tag:NAME for those with a tag; "
        "when empty, for all.",
    ),
]
WorkersDenied = Annotated[
    list[WorkerReference],
    Meta(max_length=MOST, description="These get nothing of the job, allowed or not: names, IDs, or tag:NAME."),
]
Workers = Annotated[list[WorkerReference], Meta(min_length=1, max_length=MOST, description="Names or IDs of workers.")]
NoteText = Annotated[
    Storable, Meta(max_length=notes.LONGEST, description="What others should know; empty for nothing.")
]


class NamedByJob(Struct, frozen=True, kw_only=True):
    """A worker that a job names, or the tag of some."""

    id: Uuid
    name: str
    is_tag: bool = False


class Note(Struct, frozen=True):
    """What somebody wants others to know; who wrote it last, and when."""

    text: str
    who: str
    at: datetime
