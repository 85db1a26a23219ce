"""What several surfaces have alike on the wire: fields with their limits and formats, job types' settings, errors."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct, UnsetType

INT32_MAX = 2**31 - 1

Storable = Annotated[str, Meta(extra_json_schema={"pattern": "^[^\\u0000]*$"})]
"""What every database keeps; `flamenco.api.decoding` sees to that, for texts inside of settings too."""

Text = Annotated[Storable, Meta(max_length=10_000)]
"""A text of people, or a path: longer than any that is meant. One that may be longer has a limit of its own."""

MOST_NAME = 255

Name = Annotated[Storable, Meta(max_length=MOST_NAME)]
"""What something is called, as long as a machine's name can be. Workers end at a longer one, and log the answer.

It is what fits into the first line of a request, of which servers and proxies take 4094 bytes at least, so texts in
paths and queries are no longer ones.
"""

MOST_LISTED = 100
"""So many entries has a list in a query at most."""

Settings = Annotated[
    dict[Annotated[Storable, Meta(max_length=1000)], Any],
    Meta(max_length=1000, description="Values of the job type's settings."),
]
"""As many as no job type has; how long each may be is said by `max_text_kb`."""

Metadata = Annotated[
    dict[Annotated[Storable, Meta(max_length=1000)], Annotated[Storable, Meta(max_length=100_000)]],
    Meta(max_length=1000, description="Anything else worth keeping."),
]
"""Notes of people and programs, which are shown, listed and searched."""

Uuid = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]

Int32 = Annotated[int, Meta(ge=-INT32_MAX - 1, le=INT32_MAX, extra_json_schema={"format": "int32"})]
"""A whole number that every database keeps."""

Steps = Annotated[int, Meta(ge=0, le=INT32_MAX, description="Steps done, counted from the start of the task.")]

TaskTypes = Annotated[list[Name], Meta(max_length=1000)]
"""The task types of a worker; far more than there are, and few enough to ask a database about."""

ORDER = "What to sort by; a minus turns the order round."

Offset = Annotated[int, Meta(ge=0, le=2**31 - 1, description="Leave out so many at the beginning.")]
Limit = Annotated[int, Meta(ge=1, le=2**31 - 1, description="At most so many; all when not given.")] | UnsetType
After = Annotated[Storable, Meta(max_length=2_000, description="What the page before gave as `next`.")] | UnsetType


class Error(Struct, frozen=True):
    """What every error looks like."""

    code: int
    message: str


class BriefError(Struct, frozen=True):
    """What an error of today's Flamenco looks like when the request never got as far as the farm."""

    message: str


class AvailableJobSettingType(StrEnum):
    """What kind of value a setting takes."""

    STRING = "string"
    INT32 = "int32"
    FLOAT = "float"
    BOOL = "bool"


class AvailableJobSettingSubtype(StrEnum):
    """What a text setting stands for."""

    FILE_PATH = "file_path"
    DIR_PATH = "dir_path"
    FILE_NAME = "file_name"
    HASHED_FILE_PATH = "hashed_file_path"
