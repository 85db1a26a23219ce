"""The files that clients handed in, each content once: what is there, and taking in what is not.

An upload is written aside, checked, and only then renamed to where stored files are; that is all that the processes
of a manager need to agree on. A file is stored when it is there, whoever put it, and nothing else counts.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from enum import Enum, auto
from pathlib import Path
from typing import BinaryIO, Protocol

from flamenco.domain.errors import Conflict, Failed, StoreError
from flamenco.domain.shaman import Content, FileStatus, MissingFile, NamedFile
from flamenco.files.below import Folder, below
from flamenco.files.job_folders import unusable
from flamenco.files.shaman.folders import TEMPORARY_SUFFIX, ShamanFolders, blob_name, names_of

BLOCK_BYTES = 256 * 1024
"""How much of an upload is in memory at a time."""

UPLOAD_STALE_AFTER = timedelta(minutes=2)
"""An upload that got no block for this long counts for nobody else: its client is very slow, or its process died."""


class UploadStream(Protocol):
    """What an upload is read from, block by block; an empty block is its end."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes."""
        ...


class Upload(Enum):
    """How an upload ended that did not fail."""

    STORED = auto()
    ALREADY_STORED = auto()
    """The file is there by other means; the rest of the source was not read."""
    DEFERRED = auto()
    """Somebody else is sending the same file; the source was not read."""


class FileStore:
    """The stored files. Safe for many threads and processes at once, on one machine or several."""

    def __init__(self, folders: ShamanFolders, clock: Callable[[], datetime]) -> None:
        self.folders = folders
        self._clock = clock

    def status(self, content: Content) -> FileStatus:
        """What is known of the file. One that is stored stays for as long as one that was stored just now."""
        if self.keep(content):
            return FileStatus.STORED
        return FileStatus.UPLOADING if self._is_uploading(content) else FileStatus.UNKNOWN

    def keep(self, content: Content) -> bool:
        """Whether the file is stored; if so, it is as good as new for the garbage collection."""
        return bool(self.kept([content]))

    def kept(self, contents: Iterable[Content]) -> set[Content]:
        """The same for many: those that are stored."""
        try:
            with self.folders.open(self.folders.stored) as stored:
                return {content for content in contents if content.is_canonical and _keep(stored, content)}
        except FileNotFoundError:  # nothing was ever stored
            return set()
        except OSError as error:
            raise _unusable(error) from error

    def missing(self, files: Iterable[NamedFile]) -> list[MissingFile]:
        """Those of the files that are not stored, each content once by its first name, in the order they came."""
        seen: dict[Content, NamedFile] = {}
        for file in files:
            seen.setdefault(file.content, file)
        kept = self.kept(seen)
        return [
            MissingFile(file, FileStatus.UPLOADING if self._is_uploading(content) else FileStatus.UNKNOWN)
            for content, file in seen.items()
            if content not in kept
        ]

    def upload(self, content: Content, source: UploadStream, length: int | None, *, can_defer: bool) -> Upload:
        """Store what `source` gives, if it is what it is said to be.

        `length` is how many bytes the client announced, None when it did not. `can_defer`: do nothing while somebody
        else sends the same. Raises `Conflict` when size or checksum are others, `Failed` when the client goes away,
        `StoreError` when the disk cannot take it.
        """
        if self.keep(content):
            return Upload.ALREADY_STORED
        if can_defer and self._is_uploading(content):
            return Upload.DEFERRED
        if length is not None and length != content.size:
            raise _wrong_size(content, length)
        if not content.is_canonical:
            return self._receive(content, source, length, None)
        try:
            return self._upload(content, source, length)
        except OSError as error:
            raise unusable(f"The file {content.sha} cannot be stored", error) from error

    def _upload(self, content: Content, source: UploadStream, length: int | None) -> Upload:
        path = self.folders.upload_folder(content) / f"{content.size}-{secrets.token_hex(8)}{TEMPORARY_SUFFIX}"
        try:
            with self.folders.in_folder(path.parent, lambda folder: folder.create(path.name)) as file:
                received = self._receive(content, source, length, file)
                # Its name must not outlive a power cut that its content does not.
                os.fsync(file.fileno())
            return self._put(path, content) if received is Upload.STORED else received
        finally:
            with suppress(FileNotFoundError), self.folders.open(path.parent) as folder:
                folder.unlink(path.name)
            self.folders.prune(path.parent, self.folders.uploading)

    def _receive(self, content: Content, source: UploadStream, length: int | None, file: BinaryIO | None) -> Upload:
        """Copy the source to `file`, and check it."""
        digest, size = hashlib.sha256(), 0
        while block := _read(source):
            digest.update(block)
            size += len(block)
            if size > content.size:
                raise _wrong_size(content, size)
            if file is not None:
                _write(file, block)
            if self._is_stored(content):
                return Upload.ALREADY_STORED
        if length is not None and size < length:
            raise Failed(f"the connection ended after {size} of {length} bytes of a file")
        if size != content.size:
            raise _wrong_size(content, size)
        if (found := digest.hexdigest()) != content.sha:
            raise Conflict(f"file SHA256 mismatched, declared {content.sha} but received {found}")
        return Upload.STORED

    def _put(self, path: Path, content: Content) -> Upload:
        """Make the file visible, whole."""
        if self.keep(content):
            return Upload.ALREADY_STORED
        blob = self.folders.blob(content)
        with self.folders.open(path.parent) as uploading:
            self.folders.in_folder(blob.parent, lambda stored: uploading.replace(path.name, stored, blob.name))
        return Upload.STORED

    def _is_stored(self, content: Content) -> bool:
        if not content.is_canonical:
            return False
        blob = self.folders.blob(content)
        try:
            with self.folders.open(blob.parent) as folder:
                return folder.is_file(blob.name)
        except FileNotFoundError:
            return False

    def _is_uploading(self, content: Content) -> bool:
        oldest = (self._clock() - UPLOAD_STALE_AFTER).timestamp()
        prefix = f"{content.size}-"
        try:
            with self.folders.open(self.folders.upload_folder(content)) as folder, folder.entries() as entries:
                return any(
                    _modified(entry) >= oldest
                    for entry in entries
                    if entry.name.startswith(prefix) and entry.name.endswith(TEMPORARY_SUFFIX)
                )
        except FileNotFoundError:
            return False
        except OSError as error:
            raise _unusable(error) from error


def _keep(stored: Folder, content: Content) -> bool:
    """Whether the file is stored; if so, it is as good as new. Raises `OSError`."""
    name = blob_name(content)
    try:
        with below(stored, *names_of(content)) as folder:
            if not folder.is_file(name):
                return False
            with suppress(PermissionError):  # it was put there by another user; then its age is not ours to change
                folder.touch(name)
    except FileNotFoundError:
        return False
    return True


def _modified(entry: os.DirEntry[str]) -> float:
    try:
        return entry.stat(follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return 0.0


def _unusable(error: OSError) -> StoreError:
    return unusable(f"The shared storage cannot be used: {error.filename}", error)


def _read(source: UploadStream) -> bytes:
    """The next block. Raises `Failed` when the client went away, or sends what is no body."""
    try:
        return source.read(BLOCK_BYTES)
    except Exception as error:  # whatever a server raises here is about the connection
        raise Failed(f"the connection failed in the middle of a file: {error}") from error


def _write(file: BinaryIO, block: bytes) -> None:
    left = memoryview(block)
    while left:  # a signal or a full disk may leave part of it
        left = left[file.write(left) or 0 :]


def _wrong_size(content: Content, size: int) -> Conflict:
    return Conflict(f"file size mismatched, declared {content.size} but received {size} bytes")
