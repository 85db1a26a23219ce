"""The order of frames, and those that are looked at first, on the wire of our own additions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from flamenco.domain.frame_order import EXAMPLES
from flamenco.domain.previews import LONGEST_FRAMES, Then
from flamenco.protocol.fields import Name, Storable

Order = Annotated[
    Name,
    Meta(
        description="In which order its frames come: forward, as its script has put them; backward; every 10, every "
        "tenth first; or middle-out, halves of halves. Priorities of tasks come before it.",
        examples=list(EXAMPLES),
    ),
]
PreviewStateName = Literal["rendering", "waiting", "over"]


class Preview(Struct, frozen=True, kw_only=True):
    """Frames that are looked at first; all others are held until somebody approves, unless `then` is continue."""

    frames: Annotated[
        Storable,
        Meta(
            min_length=1,
            max_length=LONGEST_FRAMES,
            description="Words and frames with commas, or every so many.",
            examples=["first,middle,last", "every 50", "1,40-42"],
        ),
    ]
    then: Then = Then.ASK
    continue_after: Annotated[
        Name, Meta(description="How long somebody is waited for, such as 4h; empty for as long as it takes.")
    ] = ""


class KeptPreview(Struct, frozen=True, kw_only=True):
    """The preview of a job, and where it stands. So many `tasks` are of it, of which some are `done` or `failed`."""

    frames: str
    then: Then
    state: PreviewStateName
    tasks: int
    done: int
    failed: int
    held: Annotated[int, Meta(description="How many tasks are held until somebody approves.")]
    ready: Annotated[datetime, Meta(description="Since when it is there.")] | UnsetType = UNSET
    continues: Annotated[datetime, Meta(description="When the job goes on by itself.")] | UnsetType = UNSET


class LinkWanted(Struct, frozen=True, kw_only=True):
    """A link by which somebody approves once."""

    hours: Annotated[int, Meta(ge=1, le=720, description="How long it is good for.")] = 48


class ApprovalLink(Struct, frozen=True, kw_only=True):
    """It, which is shown this once."""

    url: Annotated[str, Meta(description="Where somebody is asked; nothing is done by looking at it.")]
    expires: datetime
