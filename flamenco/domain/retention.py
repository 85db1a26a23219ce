"""What becomes of jobs that ended long ago, by rules, of which the first that is about a job decides. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from flamenco.domain.durations import Duration
from flamenco.domain.errors import Refused
from flamenco.domain.statuses import JobStatus

Ended = Literal["completed", "failed", "canceled"]
Doing = Literal["archive", "trash", "keep"]


class RetentionRule(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is done with jobs of a status that have not changed for so long."""

    status: Annotated[Ended, Meta(description="How they ended: completed, failed or canceled.")]
    after: Annotated[Duration, Meta(description="How long ago they changed last.")]
    do: Annotated[Doing, Meta(description="archive, trash, or keep: then no later rule is about them.")]
    project: Annotated[str, Meta(description="Only those for this project; all otherwise.")] = ""

    def __post_init__(self) -> None:
        """Raise `ValueError` for a span that is none."""
        if self.after < 0:
            raise ValueError("after: is not below zero")

    def is_about(self, status: str, project: str) -> bool:
        """Whether it says what becomes of such jobs, sooner or later."""
        return self.status == status and self.project in ("", project)


class Aged(Struct, frozen=True, kw_only=True):
    """A job that has ended, as far as rules go by it; and its row number, UUID, name and user."""

    key: int
    id: str
    name: str
    user: str
    status: JobStatus
    project: str
    updated: datetime


def due(rules: Sequence[RetentionRule], job: Aged, now: datetime) -> RetentionRule | None:
    """The rule by which something is to be done with a job now; None where it stays."""
    rule = next((each for each in rules if each.is_about(job.status, job.project)), None)
    if rule is None or rule.do == "keep" or (now - job.updated).total_seconds() < rule.after:
        return None
    return rule


_PARTS: Final = 3


def parse(text: str) -> RetentionRule:
    """Read STATUS:AFTER:DO or STATUS:AFTER:DO:PROJECT, such as `completed:720h:archive`. Raises `Refused`."""
    status, after, do, project = (text.split(":", _PARTS) + [""] * _PARTS)[: _PARTS + 1]
    if status not in ("completed", "failed", "canceled") or do not in ("archive", "trash", "keep"):
        raise Refused(f"{text[:100]!r} is no rule; write one like completed:720h:archive or failed:48h:trash:PROJECT.")
    try:
        return RetentionRule(status=status, after=Duration.parse(after), do=do, project=project)  # type: ignore[arg-type]
    except ValueError as error:
        raise Refused(f"{text[:100]!r} is no rule: {error}.") from error
