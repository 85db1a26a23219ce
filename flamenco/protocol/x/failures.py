"""What follows from failures, on the wire of our own additions."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from flamenco.domain.failure_rules import MOST_TRIES
from flamenco.protocol.fields import Name

FailPercent = Annotated[int, Meta(ge=0, le=100, description="It fails when so many percent of its tasks have failed.")]
Tries = Annotated[int, Meta(ge=1, le=MOST_TRIES, description="A task fails when so many workers have failed it.")]


class RulesQuery(Struct, frozen=True, kw_only=True):
    """For which jobs."""

    job_type: Annotated[Name, Meta(description="With the rules of this job type; of all, if none.")] = ""


class ListedRule(Struct, frozen=True, kw_only=True):
    """What follows when a task fails and a line of its log fits."""

    by: Annotated[str, Meta(description="Who says so: a job type, the configuration, a plugin, or Flamenco itself.")]
    name: Annotated[
        str | UnsetType, Meta(description="Of those of Flamenco itself: what `failures.without` calls it.")
    ] = UNSET
    job_type: Annotated[str | UnsetType, Meta(description="Only for tasks of its jobs.")] = UNSET
    match: str | UnsetType = UNSET
    exit_code: int | UnsetType = UNSET
    task_types: list[str]
    workers: Annotated[int, Meta(description="Only once so many workers have failed the task.")]
    then: str
    say: str | UnsetType = UNSET


class Rules(Struct, frozen=True):
    """All rules, in the order in which they are asked."""

    rules: list[ListedRule]
