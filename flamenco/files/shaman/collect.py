"""Garbage collection: stored files that no checkout uses and that nobody asked for in a long time are removed.

Nothing is removed unless every checkout could be looked at. A file that is asked for meanwhile stays: it is moved
aside before it is removed, where nobody can ask for it any more, and moved back when somebody just had.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from msgspec import Struct

from flamenco.domain.errors import StoreError
from flamenco.files.job_folders import unusable
from flamenco.files.shaman.folders import BLOB_SUFFIX, ShamanFolders, files_below, in_folder, prune

log = structlog.get_logger()

LEFTOVER_AFTER: Final = timedelta(days=1)
"""So old, unfinished checkouts are of processes that died."""
UPLOAD_LEFT_AFTER: Final = timedelta(minutes=10)
"""An upload that got nothing for this long is of a process that died, too: no connection is waited for that long."""

_REPORT_EVERY: Final = 1_000

_NAME: Final = re.compile(r"[0-9a-f]{2}/[0-9a-f]{62}/[0-9]+" + re.escape(BLOB_SUFFIX))
"""What stored files are called. Anything else in the store was put there by somebody who may need it."""

Progress = Callable[[str, int], None]
"""Called now and then with what is being done, and to how many files it was done so far."""


class Garbage(Struct, frozen=True):
    """A file that is removed, or would be: its name in the store, its size in bytes, when it was last asked for."""

    name: str
    size: int
    last_used: datetime


class Collection(Struct, frozen=True, kw_only=True):
    """What one garbage collection found. `leftovers`: unfinished uploads and checkouts that were given up."""

    dry_run: bool
    files_stored: int
    files: list[Garbage]
    bytes: int
    leftovers: int


def collect(
    folders: ShamanFolders,
    now: datetime,
    max_age: float,
    *,
    dry_run: bool,
    progress: Progress = lambda _what, _count: None,
) -> Collection:
    """Remove what nobody used for `max_age` seconds; with `dry_run`, only say what that is.

    Raises `StoreError`, and removes nothing, when the shared storage cannot be read.
    """
    oldest = now.timestamp() - max_age
    try:
        if not dry_run:
            _put_back(folders)
        stored, unused = _unused(folders, oldest, progress)
        removed = unused if dry_run else list(_remove(folders, unused, oldest, progress))
        given_up = sum(1 for _ in _leftovers(folders, now, dry_run=dry_run))
    except OSError as error:
        raise unusable(f"Nothing more is removed, as {error.filename} cannot be used", error) from error
    return Collection(
        dry_run=dry_run,
        files_stored=stored,
        files=removed,
        bytes=sum(file.size for file in removed),
        leftovers=given_up,
    )


def _unused(folders: ShamanFolders, oldest: float, progress: Progress) -> tuple[int, list[Garbage]]:
    """How many files are stored, and those of them that may go."""
    stored, old = 0, {}
    for entry in files_below(folders.stored):
        stored += 1
        if stored % _REPORT_EVERY == 0:
            progress("stored files looked at", stored)
        with suppress(FileNotFoundError):
            if garbage := _garbage(folders, Path(entry.path), oldest):
                old[garbage.name] = garbage
    if old:
        for name in _linked(folders, progress):
            old.pop(name, None)
    return stored, list(old.values())


def _garbage(folders: ShamanFolders, path: Path, oldest: float) -> Garbage | None:
    """The stored file at `path`, if it is old, and no hard link to it is in a checkout."""
    name = path.relative_to(folders.stored).as_posix()
    found = path.lstat()
    if not _NAME.fullmatch(name) or not _is_unused(found, oldest):
        return None
    return Garbage(name, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))


def _is_unused(found: os.stat_result, oldest: float) -> bool:
    return found.st_mtime < oldest and found.st_nlink == 1


def _linked(folders: ShamanFolders, progress: Progress) -> Iterator[str]:
    """The names in the store of all files that symbolic links in checkouts lead to."""
    # Compared as they really are on both sides: the shared storage may be reached through a symbolic link itself.
    jobs, stored = os.path.realpath(folders.jobs), os.path.realpath(folders.stored)
    if not Path(jobs).is_dir():
        raise StoreError(f"Nothing is removed, as there is no folder {folders.jobs}; is it to be mounted?")
    count = 0
    for entry in files_below(Path(jobs)):
        if not entry.is_symlink():
            continue
        count += 1
        if count % _REPORT_EVERY == 0:
            progress("links looked at", count)
        with suppress(FileNotFoundError):
            if (name := _name_in_store(entry.path, stored)) is not None:
                yield name


def _name_in_store(link: str, stored: str) -> str | None:
    """What in the store the link leads to, if anything."""
    beginning = stored + os.sep
    target = os.path.normpath(Path(link).parent / os.readlink(link))  # noqa: PTH115 - texts, as there may be millions
    if not target.startswith(beginning):
        target = os.path.realpath(link)
    return target.removeprefix(beginning).replace(os.sep, "/") if target.startswith(beginning) else None


def _remove(folders: ShamanFolders, unused: list[Garbage], oldest: float, progress: Progress) -> Iterator[Garbage]:
    for number, garbage in enumerate(unused, start=1):
        if number % _REPORT_EVERY == 0:
            progress("files removed", number)
        with suppress(FileNotFoundError):
            if _remove_unless_used(folders, garbage.name, oldest):
                yield garbage
    prune(folders.removing, folders.store)


def _remove_unless_used(folders: ShamanFolders, name: str, oldest: float) -> bool:
    blob, aside = folders.stored / name, folders.removing / name.replace("/", "_")
    if _garbage(folders, blob, oldest) is None:
        return False
    try:
        in_folder(aside.parent, lambda: _move(blob, aside))
        # Whoever asked for it did so before it was moved, and was told that it is there.
        if gone := _is_unused(aside.lstat(), oldest):
            aside.unlink()
        else:
            in_folder(blob.parent, lambda: _move(aside, blob))
    finally:
        prune(blob.parent, folders.stored)
    return gone


def _move(source: Path, target: Path) -> None:
    """Rename, unless the source is gone, which is not the same as that there is no folder for the target."""
    if source.exists():
        source.replace(target)


def _put_back(folders: ShamanFolders) -> None:
    """What a collection that was killed had moved aside is stored again, and looked at like the rest."""
    for entry in files_below(folders.removing):
        aside = Path(entry.path)
        blob = folders.stored / aside.name.replace("_", "/")
        in_folder(blob.parent, lambda aside=aside, blob=blob: _move(aside, blob))  # type: ignore[misc]
    prune(folders.removing, folders.store)


def _leftovers(folders: ShamanFolders, now: datetime, *, dry_run: bool) -> Iterator[Path]:
    """Give up what was begun long ago and never finished."""
    oldest = (now - UPLOAD_LEFT_AFTER).timestamp()
    for entry in files_below(folders.uploading):
        path = Path(entry.path)
        if _is_older(path, oldest):
            if not dry_run:
                path.unlink(missing_ok=True)
                prune(path.parent, folders.uploading)
            yield path
    oldest = (now - LEFTOVER_AFTER).timestamp()
    with suppress(FileNotFoundError):  # it comes and goes
        for folder in list(folders.unfinished.iterdir()):
            if _is_older(folder, oldest):
                if not dry_run:
                    shutil.rmtree(folder, ignore_errors=True)
                    prune(folder.parent, folders.jobs)
                yield folder


def _is_older(path: Path, oldest: float) -> bool:
    try:
        return path.lstat().st_mtime < oldest
    except FileNotFoundError:
        return False
