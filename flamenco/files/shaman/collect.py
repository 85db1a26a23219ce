"""Garbage collection: stored files that no checkout uses and that nobody asked for in a long time are removed.

Nothing is removed unless every checkout could be looked at. A file that is asked for meanwhile stays: it is moved
aside before it is removed, where nobody can ask for it any more, and moved back when somebody just had.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from msgspec import Struct

from flamenco.domain.errors import StoreError
from flamenco.files.below import Folder
from flamenco.files.job_folders import unusable
from flamenco.files.shaman.folders import BLOB_SUFFIX, ShamanFolders, files_below

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
    for entry in _listed(folders, folders.stored):
        stored += 1
        if stored % _REPORT_EVERY == 0:
            progress("stored files looked at", stored)
        with suppress(FileNotFoundError):
            name = Path(entry.path).relative_to(folders.stored).as_posix()
            if garbage := _garbage(name, entry.stat(follow_symlinks=False), oldest):
                old[garbage.name] = garbage
    if old:
        for name in _linked(folders, progress):
            old.pop(name, None)
    return stored, list(old.values())


def _garbage(name: str, found: os.stat_result, oldest: float) -> Garbage | None:
    """The stored file, if it is old, and no hard link to it is in a checkout."""
    if not _NAME.fullmatch(name) or not stat.S_ISREG(found.st_mode) or not _is_unused(found, oldest):
        return None
    return Garbage(name, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))


def _listed(folders: ShamanFolders, path: Path) -> Iterator[os.DirEntry[str]]:
    """The files below a folder, which is none that a link of somebody else leads to; none when it is not there."""
    try:
        with folders.open(path):
            pass
    except FileNotFoundError:
        return
    yield from files_below(path)


def _is_unused(found: os.stat_result, oldest: float) -> bool:
    return found.st_mtime < oldest and found.st_nlink == 1


def _linked(folders: ShamanFolders, progress: Progress) -> Iterator[str]:
    """The names in the store of all files that symbolic links in checkouts lead to."""
    # Compared as they really are on both sides: the shared storage may be reached through a symbolic link itself.
    jobs, stored = os.path.realpath(folders.jobs), os.path.realpath(folders.stored)
    try:
        with folders.open(folders.jobs):
            pass
    except FileNotFoundError as error:
        problem = f"Nothing is removed, as there is no folder {folders.jobs}; is it to be mounted?"
        raise StoreError(problem) from error
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
    folders.prune(folders.removing, folders.store)


def _remove_unless_used(folders: ShamanFolders, name: str, oldest: float) -> bool:
    blob, aside = folders.stored / name, folders.removing / name.replace("/", "_")
    try:
        with folders.open(blob.parent) as stored:
            if _garbage(name, stored.status(blob.name), oldest) is None:
                return False
            folders.in_folder(aside.parent, lambda removing: _move(stored, blob.name, removing, aside.name))
        with folders.open(aside.parent) as removing:
            # Whoever asked for it did so before it was moved, and was told that it is there.
            if gone := _is_unused(removing.status(aside.name), oldest):
                removing.unlink(aside.name)
            else:
                folders.in_folder(blob.parent, lambda stored: _move(removing, aside.name, stored, blob.name))
    finally:
        folders.prune(blob.parent, folders.stored)
    return gone


def _move(source: Folder, name: str, target: Folder, new_name: str) -> None:
    """Rename, unless the source is gone, which is not the same as that there is no folder for the target."""
    if source.has(name):
        source.replace(name, target, new_name)


def _put_back(folders: ShamanFolders) -> None:
    """What a collection that was killed had moved aside is stored again, and looked at like the rest."""
    for entry in _listed(folders, folders.removing):
        name = entry.name.replace("_", "/")
        if Path(entry.path).parent == folders.removing and _NAME.fullmatch(name):
            _put_one_back(folders, entry.name, folders.stored / name)
    folders.prune(folders.removing, folders.store)


def _put_one_back(folders: ShamanFolders, name: str, blob: Path) -> None:
    with folders.open(folders.removing) as removing:
        folders.in_folder(blob.parent, lambda stored: _move(removing, name, stored, blob.name))


def _leftovers(folders: ShamanFolders, now: datetime, *, dry_run: bool) -> Iterator[Path]:
    """Give up what was begun long ago and never finished."""
    oldest = (now - UPLOAD_LEFT_AFTER).timestamp()
    for entry in _listed(folders, folders.uploading):
        path = Path(entry.path)
        if _is_older(path, oldest):
            if not dry_run:
                with suppress(FileNotFoundError), folders.open(path.parent) as folder:
                    folder.unlink(path.name)
                folders.prune(path.parent, folders.uploading)
            yield path
    oldest = (now - LEFTOVER_AFTER).timestamp()
    with suppress(FileNotFoundError), folders.open(folders.unfinished) as unfinished:  # it comes and goes
        with unfinished.entries() as entries:
            names = [entry.name for entry in entries]
        for name in names:
            if _is_older(folders.unfinished / name, oldest):
                if not dry_run:
                    _give_up(unfinished, name)
                    folders.prune(folders.unfinished, folders.jobs)
                yield folders.unfinished / name


def _give_up(unfinished: Folder, name: str) -> None:
    """Remove a checkout that nobody will finish, or what else is in its place, as far as that can be."""
    with suppress(OSError):
        if stat.S_ISDIR(unfinished.status(name).st_mode):
            unfinished.remove_tree(name)
        else:
            unfinished.unlink(name)


def _is_older(path: Path, oldest: float) -> bool:
    try:
        return path.lstat().st_mtime < oldest
    except FileNotFoundError:
        return False
