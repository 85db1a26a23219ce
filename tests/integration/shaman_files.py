"""Files for Shaman's tests: contents, sources that give them block by block, and what is in the store afterwards."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from flamenco.domain.shaman import Content, NamedFile
from flamenco.files.shaman.store import FileStore, Upload
from flamenco.testing import START


def content_of(data: bytes) -> Content:
    """What the data is known by."""
    return Content(hashlib.sha256(data).hexdigest(), len(data))


def named(data: bytes, path: str) -> NamedFile:
    """The data as a file of a job."""
    return NamedFile(content_of(data), path)


class Blocks:
    """A source that gives these blocks; before each of them, `before` is told its number."""

    def __init__(self, *blocks: bytes, before: Callable[[int], None] = lambda _number: None) -> None:
        self.left = list(blocks)
        self.given = 0
        self._before = before

    def read(self, _size: int, /) -> bytes:
        """The next block, whatever its size."""
        self._before(self.given)
        self.given += 1
        return self.left.pop(0) if self.left else b""


def put(store: FileStore, data: bytes, age: timedelta = timedelta(0)) -> Content:
    """Store the data, as if it had been asked for last so long ago."""
    content = content_of(data)
    assert store.upload(content, Blocks(data), len(data), can_defer=False) is Upload.STORED
    set_age(store.folders.blob(content), age)
    return content


def set_age(path: Path, age: timedelta) -> None:
    """Have the file be as old as that, by the clock of tests."""
    moment = (START - age).timestamp()
    os.utime(path, (moment, moment), follow_symlinks=False)


def files_in(folder: Path) -> Iterator[str]:
    """Everything below the folder, folders too."""
    return (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")))


def blobs(store: FileStore) -> set[str]:
    """The names of the stored files; each is what its name says."""
    found = set()
    for path in store.folders.stored.rglob("*"):
        if not path.is_dir():
            data = path.read_bytes()
            content = content_of(data)
            assert path == store.folders.blob(content)
            found.add(content.sha)
    return found
