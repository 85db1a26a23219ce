"""How long what people do not need any more is kept."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from flamenco.domain.durations import Duration


class TrashConfig(Struct, frozen=True, kw_only=True):
    """Jobs that somebody has deleted, and may want back."""

    keep: Annotated[
        Duration,
        Meta(
            description="How long a job that was deleted is kept, for `flamenco undelete`; 0s deletes jobs for good "
            "at once."
        ),
    ] = Duration(604_800)
