"""Limits on the time of tasks, on the wire of our own additions."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from flamenco.domain.time_limits import MOST_TYPES
from flamenco.protocol.fields import Name

_Span = Annotated[Name, Meta(description="Such as 90s, 10m or 1h30m; 0s for no limit; empty for what else holds.")]


class TimeLimits(Struct, frozen=True, kw_only=True):
    """How long one attempt at a task may take, needs at least, and may be silent."""

    max_run_time: _Span | UnsetType = UNSET
    min_run_time: _Span | UnsetType = UNSET
    max_silence: _Span | UnsetType = UNSET


TimeLimitsByType = Annotated[
    dict[Annotated[Name, Meta(min_length=1)], TimeLimits],
    Meta(max_length=MOST_TYPES, description="By task type; * for all others. They come before those of the job type."),
]


class HeldTimeLimit(Struct, frozen=True):
    """A limit that holds, in seconds, and who says so."""

    seconds: float
    by: Annotated[str, Meta(description="The job, its job type, or a command.")]


class HeldTimeLimits(Struct, frozen=True, kw_only=True):
    """The limits that hold for tasks of a type, and all of them in a sentence."""

    task_type: str
    text: str
    max_run_time: HeldTimeLimit | UnsetType = UNSET
    min_run_time: HeldTimeLimit | UnsetType = UNSET
    max_silence: HeldTimeLimit | UnsetType = UNSET
