"""The files that clients hand in for their jobs: how one is named, and which paths they may ask for.

A file is known by its content: the SHA-256 checksum and the size. What a client calls it is a path below its
checkout, which is the folder of one job.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, TypeAlias

from msgspec import Struct

from flamenco.domain.errors import Refused

UNFINISHED = ".unfinished"
"""The folder beside all checkouts in which they are built; nobody's checkout may be called so."""

MOST_NAME_BYTES: Final = 255
"""No file system takes longer names, and Windows counts no more than that either."""
MOST_PATH_BYTES: Final = 2_000
"""The longest path below a checkout: with what is above it, systems take twice that."""
MOST_CHECKOUT_BYTES: Final = 200
"""The folder of a checkout gets a name of at most this many bytes: it may need a suffix, and has files below it."""

_CHECKSUM = re.compile(r"[0-9a-fA-F]{64}")
_FORBIDDEN_IN_CHECKOUT = re.compile(r"^/|[?*:;{}\\\0]|\.\./|/\.\.")
_DRIVE = re.compile(r"[A-Za-z]:")
_UNSEEN = r"\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_UNFIT = re.compile(rf'^\.{{2,}}|[?*:;{{}}\\<>"|{_UNSEEN}]')
"""What has a meaning of its own in paths and variables, cannot be in a name on Windows, or is not seen in one."""
_OF_WINDOWS = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE)
"""Names that mean devices on Windows, with whatever extension."""

Parts: TypeAlias = tuple[str, ...]
"""A relative path, one text for each folder in it and one for what is at its end."""


class FileStatus(StrEnum):
    """What is known of a file."""

    UNKNOWN = "unknown"
    UPLOADING = "uploading"
    STORED = "stored"


class Content(Struct, frozen=True):
    """What is in a file: the checksum, 64 hexadecimal digits, and the size in bytes."""

    sha: str
    size: int

    @property
    def is_canonical(self) -> bool:
        """Whether the checksum is written as files are stored by: no content has one with capitals in it."""
        return self.sha == self.sha.lower()


class NamedFile(Struct, frozen=True):
    """A file of a job: what is in it, and where its client has it, below the folder of the job."""

    content: Content
    path: str


class MissingFile(Struct, frozen=True):
    """A file that is not stored yet, as the client named it."""

    file: NamedFile
    status: FileStatus


def checked(content: Content) -> Content:
    """The same, if there can be a file of that checksum and size. Raises `Refused`."""
    if not _CHECKSUM.fullmatch(content.sha):
        raise Refused(f"{content.sha[:100]!r} is not a SHA-256 checksum; write 64 hexadecimal digits in lower case")
    if content.size < 0:
        raise Refused(f"a file cannot have {content.size} bytes")
    return content


def checkout_parts(path: str) -> Parts:
    """The path of a checkout below the folder of all checkouts. Raises `Refused` when it may not be called so."""
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if (
        not parts
        or _FORBIDDEN_IN_CHECKOUT.search(path)
        or any(_names_nothing(part) for part in parts)
        or parts[0].casefold() == UNFINISHED
    ):
        raise Refused(f'invalid checkout path "{path}"')
    return parts


def fitting_parts(name: str) -> Parts:
    """The path of a checkout that is to be called `name`, which is the name of a job: whatever people write there.

    Characters that cannot be are replaced and what is too long is cut off; folders stay folders. A name that fits is
    left as it is, and whatever comes out of this, `checkout_parts` takes.
    """
    parts = tuple(_fitting(part) for part in name.split("/") if not _names_nothing(part)) or ("_",)
    if len("/".join(parts).encode()) > MOST_PATH_BYTES:
        parts = (_fitting("_".join(parts)),)
    return (f"_{parts[0][1:]}", *parts[1:]) if parts[0].casefold() == UNFINISHED else parts


def _fitting(part: str) -> str:
    fit = _UNFIT.sub("_", part.strip())
    cut = fit.encode()[:MOST_CHECKOUT_BYTES].decode(errors="ignore").rstrip(" .")
    return f"_{cut}" if not cut or _OF_WINDOWS.fullmatch(cut) else cut


def file_parts(path: str) -> Parts:
    r"""The path of a file below its checkout; clients on Windows write `\` in it.

    Raises `Refused` for what is no path of a file or too long, and for whatever may lead out of the checkout on any
    platform.
    """
    slashed = path.replace("\\", "/")
    parts = tuple(part for part in slashed.split("/") if part not in ("", "."))
    if (
        not parts
        or "\0" in path
        or slashed.startswith("/")
        or slashed.endswith(("/", "/."))
        or any(_names_nothing(part) or _DRIVE.match(part) for part in parts)
    ):
        raise Refused(f'invalid file path "{path}"')
    if len(path) * 4 > MOST_NAME_BYTES:  # else nothing can be too long
        if longest := next((part for part in parts if len(part.encode()) > MOST_NAME_BYTES), None):
            raise Refused(f'the file name "{longest}" is too long; give it at most {MOST_NAME_BYTES} bytes')
        if len(path.encode()) > MOST_PATH_BYTES:
            raise Refused(f'the file path "{path}" is too long; give it at most {MOST_PATH_BYTES} bytes')
    return parts


def _names_nothing(part: str) -> bool:
    """Whether the part means this folder or the one above it; Windows drops spaces and dots at the end of names."""
    return not part.rstrip(" .")


def layout(files: Iterable[NamedFile]) -> dict[Parts, Content]:
    """Where each file lies in a checkout. A file that is listed twice is there once.

    Raises `Refused` when two files would be in one place, or one where another needs a folder.
    """
    placed: dict[Parts, Content] = {}
    folders: set[Parts] = set()
    for file in files:
        parts = file_parts(file.path)
        if placed.setdefault(parts, checked(file.content)) != file.content:
            raise Refused(f'two different files are to be at "{file.path}"')
        folders.update(parts[:length] for length in range(1, len(parts)))
    for parts in placed.keys() & folders:
        raise Refused(f'"{"/".join(parts)}" is to be a file and a folder')
    return placed
