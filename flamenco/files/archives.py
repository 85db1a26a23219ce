"""Archives of jobs as files: written aside and renamed when they are complete; read with distrust.

Whatever is wrong with a file that is read is `Refused`, with a sentence; what is unpacked never is more than was said
beforehand, and that no more than there may be.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import struct
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final, TypeVar

import msgspec
from msgspec import Struct

from flamenco.config import private
from flamenco.domain import archives
from flamenco.domain.archives import ArchivedJob, ArchivedTask, Summary
from flamenco.domain.errors import NotFound, Refused
from flamenco.files.below import READ, open_below
from flamenco.files.job_folders import unusable

_MOST_AT_ONCE: Final = 16 * 1024 * 1024
_ASIDE: Final = "~"
_ABANDONED_S: Final = 86_400.0
_BLOCK: Final = 256 * 1024
_PRIVATE: Final = 0o600
_DAMAGE: Final = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError),
    *(NotImplementedError, RuntimeError, ValueError, OverflowError),
)
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 0x1
_NUL: Final = b"\\u0000"
_LEAST_FREE: Final = 64 * 1024 * 1024

S = TypeVar("S", bound=Struct)


class Writer:
    """An archive that is being written."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def value(self, name: str, value: Struct) -> None:
        """Put in one value, as JSON."""
        self._archive.writestr(name, msgspec.json.encode(value))

    def lines(self, name: str, values: Iterable[Struct]) -> None:
        """Put in values, a line each."""
        encode = msgspec.json.Encoder().encode
        with self._archive.open(name, "w", force_zip64=True) as stream:
            for value in values:
                stream.write(encode(value) + b"\n")

    def files(self, root: Path, folder: Path, prefix: str, names: Iterable[str]) -> None:
        """Put in files of a folder below `root`, those of them that are there."""
        for name in names:
            try:
                source = os.fdopen(open_below(root, folder / name, READ), "rb")
            except FileNotFoundError:
                continue
            with source, self._archive.open(f"{prefix}{name}", "w", force_zip64=True) as stream:
                shutil.copyfileobj(source, stream, _BLOCK)


def write(file: Path, fill: Callable[[Writer], None], check: Callable[[Path], None]) -> None:
    """Write an archive, and let `check` read it anew, before it has its name. Raises `StoreError`, and what they do."""
    # Another process may believe that this one is dead, and do the same.
    aside = file.with_name(f".{file.name}-{os.getpid()}-{threading.get_ident()}{_ASIDE}")
    try:
        private.make_folder(file.parent)
        _clear(file.parent)
        aside.unlink(missing_ok=True)
        with os.fdopen(os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL, _PRIVATE), "w+b") as stream:
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
                fill(Writer(archive))
            stream.flush()
            os.fsync(stream.fileno())
        check(aside)
        aside.replace(file)
        _sync_folder(file.parent)
    except OSError as error:
        raise unusable(f"The archive {file} cannot be written", error) from error
    finally:
        aside.unlink(missing_ok=True)


def _clear(folder: Path) -> None:
    """Remove what was left behind where somebody was killed while writing."""
    oldest = time.time() - _ABANDONED_S
    for left in folder.glob(f".*{_ASIDE}"):
        with suppress(FileNotFoundError):
            if left.lstat().st_mtime < oldest:
                left.unlink()


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Bounds(Struct, frozen=True, kw_only=True):
    """How much an archive may have in it, a log of any length where that is 0; and how many tasks are read at once."""

    tasks: int
    log_bytes: int
    part: int


class Archive:
    """An archive that is read; everything may raise `Refused`."""

    def __init__(self, archive: zipfile.ZipFile, bounds: Bounds) -> None:
        self._archive = archive
        self._bounds = bounds
        self._entries = {each.filename: each for each in archive.infolist()}
        if len(self._entries) < len(archive.infolist()):
            raise Refused("The archive has two things of one name in it.")
        for entry in self._entries.values():
            self._check(entry)

    def _check(self, entry: zipfile.ZipInfo) -> None:
        name = entry.filename
        if not archives.may_contain(name):
            raise Refused(f"The archive has {name[:100]!r} in it, which is nothing of a job.")
        if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS:
            raise Refused("The archive is encrypted, or packed in a way that this manager does not know.")
        most = self._most_bytes(name)
        if most and entry.file_size > most:
            raise Refused(f"What the archive has as {name} is {entry.file_size} bytes; {most} is the most.")

    def _most_bytes(self, name: str) -> int:
        if name.startswith(archives.LOGS):
            return 2 * self._bounds.log_bytes
        if name.startswith(archives.IMAGES):
            return archives.LARGEST_IMAGE
        return {archives.SUMMARY: archives.LONGEST_SUMMARY, archives.JOB: archives.LONGEST_LINE}.get(name, 0)

    @property
    def unpacked_bytes(self) -> int:
        """How much there is to be stored."""
        return sum(each.file_size for each in self._entries.values())

    @property
    def logs_named(self) -> set[str]:
        """The names of its logs."""
        return {name.removeprefix(archives.LOGS) for name in self._entries if name.startswith(archives.LOGS)}

    @property
    def summary(self) -> Summary:
        """What it says of itself."""
        summary = self._value(archives.SUMMARY, Summary)
        if summary.format != archives.FORMAT:
            raise Refused(f"The archive is of another kind ({summary.format}) than this manager reads.")
        return summary

    @property
    def job(self) -> ArchivedJob:
        """The job, without its tasks."""
        return self._value(archives.JOB, ArchivedJob)

    def tasks(self) -> Iterator[list[ArchivedTask]]:
        """Its tasks, in their order, some at a time: few enough to be stored at once, and not much to be kept."""
        decode = msgspec.json.Decoder(ArchivedTask).decode
        part: list[ArchivedTask] = []
        size = 0
        with self._open(archives.TASKS) as stream:
            for number, line in enumerate(_lines(stream), 1):
                if number > self._bounds.tasks:
                    raise Refused(f"The archive has more tasks than a job may have here: {self._bounds.tasks}.")
                part.append(_decoded(decode, line, f"task {number}"))
                size += len(line)
                if len(part) == self._bounds.part or size > _MOST_AT_ONCE:
                    yield part
                    part, size = [], 0
        if part:
            yield part

    def logs(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """The names of the logs, and what is in them, to be read before the next one."""
        return self._files(archives.LOGS)

    def images(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """The same of the images."""
        return self._files(archives.IMAGES)

    def _files(self, prefix: str) -> Iterator[tuple[str, Iterator[bytes]]]:
        for name in self._entries:
            if name.startswith(prefix):
                with self._open(name) as stream:
                    yield name.removeprefix(prefix), _blocks(stream, self._entries[name].file_size)

    def _value(self, name: str, kind: type[S]) -> S:
        with self._open(name) as stream:
            size = self._entries[name].file_size
            text = b"".join(_blocks(stream, size))
        return _decoded(msgspec.json.Decoder(kind).decode, text, name)

    @contextmanager
    def _open(self, name: str) -> Iterator[IO[bytes]]:
        if name not in self._entries:
            raise Refused(f"The archive has no {name} in it, so it is none of a job, or not all of it.")
        with _damage_refused(), self._archive.open(name) as stream:
            yield stream


@contextmanager
def opened(file: Path, bounds: Bounds) -> Iterator[Archive]:
    """The archive in a file. Raises `NotFound`, and `Refused` for what is none, `StoreError`."""
    try:
        descriptor = os.open(file, READ)
    except FileNotFoundError as error:
        raise NotFound(f"There is no archive {file.name}; `flamenco archives` lists them.") from error
    except OSError as error:
        raise unusable(f"The archive {file} cannot be read", error) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Refused(f"{file.name} is no file, and so no archive.")
    with os.fdopen(descriptor, "rb") as stream:
        with _damage_refused():
            archive = Archive(zipfile.ZipFile(stream), bounds)
        yield archive


@contextmanager
def _damage_refused() -> Iterator[None]:
    """For the lines that read: what the library makes of a file that is damaged is whatever comes of it there."""
    try:
        yield
    except _DAMAGE as error:
        raise Refused(f"The archive is damaged, or none: {error}.") from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # it is to be somewhere before the beginning
            raise Refused("The archive is damaged, or none.") from error
        raise unusable("The archive cannot be read", error) from error


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    while line := stream.readline(archives.LONGEST_LINE + 1):
        if len(line) > archives.LONGEST_LINE:
            raise Refused(f"The archive has a task in it that is longer than {archives.LONGEST_LINE} bytes.")
        yield line


def _blocks(stream: IO[bytes], size: int) -> Iterator[bytes]:
    """No more than was said to be there, whatever is."""
    left = size
    while block := _read(stream):
        left -= len(block)
        if left < 0:
            raise Refused("The archive has more in it than it says.")
        yield block


def _read(stream: IO[bytes]) -> bytes:
    with _damage_refused():
        return stream.read(_BLOCK)


def _decoded(decode: Callable[[bytes], S], text: bytes, what: str) -> S:
    # No database keeps it in a text, so none was there.
    if _NUL in text:
        raise Refused(f"The archive has a NUL in {what}.")
    try:
        return decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Refused(f"The archive makes no sense in {what}: {error}.") from error


def check_room(folder: Path, size: int) -> None:
    """Raise `Refused` where the disk has no room for so much."""
    free = shutil.disk_usage(folder).free
    if size + _LEAST_FREE > free:
        raise Refused(f"What is in the archive takes {size} bytes, for which the disk of {folder} has no room.")


def names(folder: Path) -> list[str]:
    """The archives in a folder, the newest first. Raises `StoreError`."""
    try:
        with os.scandir(folder) as entries:
            found = [
                (entry.stat(follow_symlinks=False).st_mtime, entry.name)
                for entry in entries
                if archives.is_file_name(entry.name) and entry.is_file(follow_symlinks=False)
            ]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise unusable(f"The archives in {folder} cannot be listed", error) from error
    return [name for _, name in sorted(found, reverse=True)]
