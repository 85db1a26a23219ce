"""The files of the page, read once, as they are sent: by their content's name, packed, with what their headers say."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Final

from msgspec import Struct

from flamenco.web.scripts import sent, without_indentation

PAGE_VERSION: Final = "Flamenco-Page"
"""The header that says which version of the page the manager has."""

STATIC: Final = Path(__file__).resolve().parent / "static"

_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
"""What a browser is sent. Anything else that lies there, such as types for editors, is for people at work on it."""

_OURS: Final = {".js": sent, ".css": without_indentation}
"""What is sent of the files that we have written, by their type. Those of others are sent as they are."""

_PACKED_FROM: Final = 500
"""In bytes. What is smaller than a packet does not get there sooner for being packed."""


class Asset(Struct, frozen=True):
    """One file: its type, its bytes, and those packed with gzip, where that is of use."""

    content_type: str
    plain: bytes
    packed: bytes | None


class Assets:
    """All files below a folder. Safe to share between threads, and between processes that are forked."""

    def __init__(self, folder: Path = STATIC) -> None:
        self._folder = folder

    @cached_property
    def by_path(self) -> dict[str, Asset]:
        """Every file, by its path in the folder, as the URL has it."""
        return {
            path.relative_to(self._folder).as_posix(): _asset(path)
            for path in sorted(self._folder.rglob("*"))
            if path.suffix in _TYPES
        }

    @cached_property
    def version(self) -> str:
        """A name for what is in the files, all of them: when one changes, it has another address, and they all have.

        So they may be kept for ever, and find each other by their relative paths.
        """
        digest = hashlib.sha256()
        for name, asset in self.by_path.items():
            digest.update(b"%d %s %d " % (len(name), name.encode(), len(asset.plain)))
            digest.update(asset.plain)
        return digest.hexdigest()[:16]

    def modules(self) -> Iterator[str]:
        """The paths of the scripts that the page begins with; what only some pages need is in a folder `later`."""
        return (name for name in self.by_path if name.endswith(".js") and "later/" not in name)


@cache
def page_assets() -> Assets:
    """The files of the page, the same for all who ask in this process."""
    return Assets()


def page_version() -> str:
    """Which version of the page this manager has."""
    return page_assets().version


def _asset(path: Path) -> Asset:
    plain = path.read_bytes()
    if path.suffix in _OURS and path.parent.name != "vendor":
        plain = _OURS[path.suffix](plain.decode()).encode()
    packed = gzip.compress(plain, 9, mtime=0) if len(plain) >= _PACKED_FROM else None
    return Asset(_TYPES[path.suffix], plain, packed)
