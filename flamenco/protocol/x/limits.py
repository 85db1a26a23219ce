"""Limits in use, on the wire."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from flamenco.protocol.fields import Uuid


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


class Limits(Struct, frozen=True, kw_only=True):
    """All limits, by name. Those in one job are not among them: they have no name in the farm."""

    limits: list[Limit]
