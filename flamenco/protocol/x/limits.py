"""Limits in use, on the wire."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from flamenco.domain.people_limits import MOST
from flamenco.protocol.fields import Storable, Uuid

_LONGEST = 255 + len("project:")


MaxWorkers = Annotated[
    Annotated[int, Meta(ge=0, le=MOST)] | None,
    Meta(description="So many workers may be busy with the job at once, 0 for any number; null: as its settings say."),
]


class WaitingJob(Struct, frozen=True, kw_only=True):
    """A job, and how many tasks of it wait."""

    id: Uuid
    name: str
    tasks: int


class Limit(Struct, frozen=True, kw_only=True):
    """How many tasks that fall under it may run at once in the farm, and how many do."""

    name: str
    capacity: int
    in_use: int
    waiting: Annotated[int, Meta(description="Tasks under it that wait for a place, or for a worker alone.")]
    waiting_jobs: Annotated[int, Meta(description="Of how many jobs those are.")]
    first: Annotated[list[WaitingJob], Meta(description="The first five of them in line.")]
    is_set: Annotated[bool, Meta(description="By people, and not by a policy.")] = False
    per_machine: Annotated[
        bool, Meta(description="On each machine by itself; `in_use` is what runs on the one where most does.")
    ] = False


class Limits(Struct, frozen=True, kw_only=True):
    """All limits, by name. Those in one job are not among them: they have no name in the farm."""

    limits: list[Limit]


class SetLimit(Struct, frozen=True, kw_only=True):
    """A limit to set, or, without a capacity, to take away."""

    name: Annotated[
        Storable,
        Meta(
            min_length=1,
            max_length=_LONGEST,
            description="user:NAME or project:NAME, machine:NAME by the name of a worker there or its address, "
            "machine:* for each machine, or the name of a limit that a policy has given.",
            examples=["user:ann", "project:Film 12", "machine:*", "nuke"],
        ),
    ]
    capacity: Annotated[int, Meta(ge=0, le=MOST, description="So many tasks run at once.")] | None = None
