"""Limits on the time of tasks, between the wire and the farm's values."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET, UnsetType, structs

from flamenco.domain import time_limits as rules
from flamenco.domain.time_limits import Held, HeldLimits, JobTimeLimits
from flamenco.protocol.x import time_limits as schemas


def written_limits(given: Mapping[str, schemas.TimeLimits]) -> dict[str, rules.TimeLimits]:
    """The limits that somebody wrote down. Raises `Refused` for what is no span of time."""
    found = {}
    for task_type, limits in given.items():
        written = {word: text for word, text in structs.asdict(limits).items() if text is not UNSET}
        found[task_type] = rules.parse(written, where=f"time_limits.{task_type}.")
    rules.check(found)
    return {task_type: limits for task_type, limits in found.items() if limits}


def own_limits(limits: JobTimeLimits) -> dict[str, schemas.TimeLimits]:
    """What is said of a job itself."""
    return {task_type: schemas.TimeLimits(**each.in_words()) for task_type, each in limits.own.items()}


def held_limits(found: Mapping[str, HeldLimits]) -> list[schemas.HeldTimeLimits]:
    """The limits that hold, by the types of tasks."""
    return [
        schemas.HeldTimeLimits(
            task_type=task_type,
            text=rules.told(task_type, limits),
            max_run_time=_limit(limits.max_run),
            min_run_time=_limit(limits.min_run),
            max_silence=_limit(limits.max_silence),
        )
        for task_type, limits in found.items()
    ]


def _limit(held: Held | None) -> schemas.HeldTimeLimit | UnsetType:
    return UNSET if held is None else schemas.HeldTimeLimit(*held)
