"""A backup as one file: a tar archive, in which the first thing says what it is, and of which version.

Written aside and renamed, so one that is there is whole. It has the database's passwords' hashes and tokens, so it is
for one user alone.
"""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

import msgspec
from msgspec import Struct

from flamenco.config import private
from flamenco.domain.errors import Refused

MANIFEST: Final = "flamenco-backup.json"
DATABASE: Final = "database.sqlite"
CONFIGURATION: Final = "flamenco-manager.yaml"
SHAMAN: Final = "shaman.txt"

FOLDERS: Final = ("storage", "archives", "jobtypes", "plugins")
"""What a manager has in folders, as they are called in a backup, wherever they are."""

_PACKED: Final = (".gz", ".tgz")
_IN_MEMORY: Final = 4 * 1024 * 1024
_MANIFEST_MOST: Final = 1024 * 1024

Told = Callable[[str, int, int], None]
"""Is told what is being copied, how many files of it there are by now, and of how many."""


class Manifest(Struct, frozen=True, kw_only=True):
    """What a backup is. `rows`: how many the database has, by tables. `revision` is that of the database."""

    format: int = 1
    version: str
    revision: str
    made: datetime
    rows: dict[str, int]
    manager_name: str = ""


@contextmanager
def writing(target: Path, manifest: Manifest) -> Iterator[Writer]:
    """A backup to be filled; nothing is at `target` before all is in it. Raises `Refused` where something is there."""
    if target.exists():
        raise Refused(f"{target} exists already; choose another name for the backup.")
    aside = target.with_name(f"{target.name}~")
    aside.unlink(missing_ok=True)
    private.make_file(aside)
    # Images do not become smaller, and logs do at the lowest level.
    options: dict[str, Any] = {"mode": "w:gz", "compresslevel": 1} if target.suffix in _PACKED else {"mode": "w"}
    try:
        with tarfile.open(aside, **options) as tar:
            writer = Writer(tar)
            writer.put(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
            yield writer
        with aside.open("rb") as written:
            os.fsync(written.fileno())
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


class Writer:
    """Puts files into a backup."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar

    def put(self, name: str, content: bytes) -> None:
        """Add a file of which this is all."""
        self._add(name, io.BytesIO(content), len(content), None)

    def copy(self, name: str, file: Path) -> None:
        """Add a file, as it is now: one that grows meanwhile up to here, and one that is gone not at all."""
        try:
            with file.open("rb") as source, tempfile.SpooledTemporaryFile(_IN_MEMORY) as kept:
                shutil.copyfileobj(source, kept)
                size = kept.tell()
                kept.seek(0)
                self._add(name, kept, size, os.fstat(source.fileno()))
        except FileNotFoundError:
            return

    def copy_large(self, name: str, file: Path) -> None:
        """Add a file that nobody changes."""
        with file.open("rb") as source:
            found = os.fstat(source.fileno())
            self._add(name, source, found.st_size, found)

    def copy_folder(self, name: str, folder: Path, told: Told) -> int:
        """Add all files below a folder; links are left out. How many there were."""
        files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
        for number, file in enumerate(files):
            told(name, number, len(files))
            self.copy(f"{name}/{file.relative_to(folder).as_posix()}", file)
        told(name, len(files), len(files))
        return len(files)

    def _add(self, name: str, content: IO[bytes], size: int, found: os.stat_result | None) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = size, 0o600
        entry.mtime = int(found.st_mtime) if found else 0
        self._tar.addfile(entry, content)


def read_manifest(file: Path) -> Manifest:
    """What a backup says of itself. Raises `Refused` for a file that is none, or of a newer format."""
    try:
        with tarfile.open(file) as tar:
            first = tar.next()
            content = tar.extractfile(first) if first and first.name == MANIFEST else None
            if content is None:
                raise Refused(f"{file} is no backup of Flamenco: it does not begin with {MANIFEST}.")
            found = msgspec.json.decode(content.read(_MANIFEST_MOST), type=Manifest)
    except FileNotFoundError as error:
        raise Refused(f"There is no {file}.") from error
    except (tarfile.TarError, EOFError, msgspec.DecodeError, OSError) as error:
        raise Refused(f"{file} is no backup of Flamenco, or was cut short: {error}.") from error
    if found.format > Manifest.__struct_defaults__[0]:
        raise Refused(f"{file} was made by Flamenco {found.version}, whose backups this version cannot read.")
    return found


def unpack(file: Path, places: dict[str, Path], told: Told) -> dict[str, int]:
    """Write what is in a backup to its places: a file for a name, a folder for what lies below one.

    What has no place is left out. Files that are there are left as they are. How many were written, by place. Raises
    `Refused` for a backup that was cut short, or with names that lead elsewhere.
    """
    written = dict.fromkeys(places, 0)
    try:
        with tarfile.open(file) as tar:
            for entry in tar:
                place, path = _placed(entry, places)
                if path is not None and _write(tar, entry, path):
                    written[place] += 1
                    told(place, written[place], 0)
    except (tarfile.TarError, EOFError) as error:
        raise Refused(f"{file} was cut short or damaged, so not all of it could be read: {error}.") from error
    return written


def _placed(entry: tarfile.TarInfo, places: dict[str, Path]) -> tuple[str, Path | None]:
    path = PurePosixPath(entry.name)
    if path.is_absolute() or ".." in path.parts or not entry.isfile():
        raise Refused(f"The backup has something with the name {entry.name!r}, which no backup of Flamenco has.")
    place = path.parts[0]
    return place, places[place].joinpath(*path.parts[1:]) if place in places else None


def _write(tar: tarfile.TarFile, entry: tarfile.TarInfo, path: Path) -> bool:
    content = tar.extractfile(entry)
    if path.exists() or content is None:
        return False
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}~")
    private.make_file(aside)
    with aside.open("wb") as file:
        shutil.copyfileobj(content, file)
    os.utime(aside, (entry.mtime, entry.mtime))
    aside.replace(path)
    return True


def shaman_list(stored: Path) -> Iterator[str]:
    """A line for each stored file of Shaman: its size and its path below the folder of those."""
    for path in sorted(stored.rglob("*")):
        if path.is_file():
            yield f"{path.stat().st_size} {path.relative_to(stored).as_posix()}"


def missing(lines: Iterator[str], stored: Path) -> list[str]:
    """Those of the stored files in such a list that are not there, or not as large."""
    found = []
    for line in lines:
        size, _, name = line.partition(" ")
        path = stored / name
        if name and not (path.is_file() and str(path.stat().st_size) == size):
            found.append(name)
    return found
