"""How long what people do not need any more is kept."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from flamenco.domain.durations import Duration
from flamenco.domain.retention import RetentionRule

RetentionRules = Annotated[
    tuple[RetentionRule, ...],
    Meta(
        description="What becomes of jobs that ended long ago, as in [{status: completed, after: 720h, do: archive}]; "
        "of the rules for a status, the first that is for the job's project or for all. do is archive, trash or keep. "
        "`flamenco retention` says what they would do.",
        extra={"only_in_file": True},
    ),
]


class TrashConfig(Struct, frozen=True, kw_only=True):
    """Jobs that somebody has deleted, and may want back."""

    keep: Annotated[
        Duration,
        Meta(
            description="How long a job that was deleted is kept, for `flamenco undelete`; 0s deletes jobs for good "
            "at once."
        ),
    ] = Duration(604_800)
