"""What goes over the wire of Shaman, with field names as clients of today have them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct, field

from flamenco.protocol.fields import Text

_LARGEST = 2**63 - 1

Size = Annotated[int, Meta(ge=0, le=_LARGEST, description="Size of the file in bytes.")]
Checksum = Annotated[
    Text,
    Meta(
        description="SHA-256 checksum of the file: 64 hexadecimal digits in lower case.",
        extra_json_schema={"pattern": "^[0-9a-f]{64}$"},
    ),
]


class ShamanFileStatus(StrEnum):
    """What is known of a file."""

    UNKNOWN = "unknown"
    UPLOADING = "uploading"
    STORED = "stored"


class ShamanFileSpec(Struct, frozen=True):
    """A file of a job, with its path below the folder of the job."""

    sha: Checksum
    size: Size
    path: Text


class ShamanRequirementsRequest(Struct, frozen=True):
    """The files that a job needs."""

    files: list[ShamanFileSpec]


class ShamanFileSpecWithStatus(Struct, frozen=True):
    """A file that is not stored yet."""

    sha: str
    size: int
    path: str
    status: ShamanFileStatus


class ShamanRequirementsResponse(Struct, frozen=True):
    """The files that have to be sent, in the order in which they were asked for."""

    files: list[ShamanFileSpecWithStatus]


class ShamanCheckout(Struct, frozen=True, rename="camel"):
    """The files of a job, and what its folder is to be called."""

    files: list[ShamanFileSpec]
    checkout_path: Annotated[Text, Meta(description="The name of the job, say; may have folders in it.")]


class ShamanCheckoutResult(Struct, frozen=True, rename="camel"):
    """What the folder of a job is called: as was asked, as far as it can be, and with a suffix when that was taken."""

    checkout_path: str


class ShamanSingleFileStatus(Struct, frozen=True):
    """What is known of one file."""

    status: ShamanFileStatus


class FileInPath(Struct, frozen=True):
    """A file, as the path of a request has it."""

    checksum: Checksum
    filesize: Size


class UploadHeaders(Struct, frozen=True):
    """What a client says of a file that it sends."""

    can_defer: Annotated[
        bool, Meta(description="Whether the client would rather send another file while somebody sends this one.")
    ] = field(default=False, name="X-Shaman-Can-Defer-Upload")
    original_name: Annotated[
        str, Meta(description="What the client calls the file, in ASCII or as in RFC 2047; only for the log.")
    ] = field(default="", name="X-Shaman-Original-Filename")
