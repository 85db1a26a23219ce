"""Checkouts: for each job a folder with its files, made of stored ones.

A checkout is built aside and then given its name, so nobody ever sees half of one, and two that want the same name
never write into one folder.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from flamenco.domain.errors import Conflict, Failed, Refused
from flamenco.domain.shaman import Content, NamedFile, Parts, checkout_parts, fitting_parts, layout
from flamenco.files.shaman.folders import in_folder, prune
from flamenco.files.shaman.links import Kind, Linker
from flamenco.files.shaman.store import FileStore

NAMES_TRIED: Final = 10

_SUFFIX_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_SUFFIX_LENGTH: Final = 4
_TAKEN: Final = frozenset({errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR})
_ERASE_TRIES: Final = 5


class Checkouts:
    """The checkouts below the folder `jobs`."""

    def __init__(self, files: FileStore, kind: Kind) -> None:
        self._files = files
        self._folders = files.folders
        self._kind = kind

    def create(self, path: str, files: Sequence[NamedFile]) -> str:
        """Make a checkout of stored files. Returns its path: `path` as far as it can be, maybe with a suffix.

        Raises `Refused` for files that cannot be where they are to be, `Conflict` for those that are not stored,
        `Failed` when there is something in the way, `OSError`.
        """
        parts = fitting_parts(path)
        placed = layout(files)
        if missing := [content for content in dict.fromkeys(placed.values()) if not self._files.keep(content)]:
            raise Conflict(
                f"unknown files requested in checkout: {len(missing)}, of which {missing[0].sha} is the first"
            )
        aside = self._folders.unfinished / secrets.token_hex(8)
        in_folder(aside.parent, aside.mkdir)
        try:
            self._build(aside, placed, self._final_folder(parts))
            return "/".join(self._publish(aside, parts))
        finally:
            shutil.rmtree(aside, ignore_errors=True)
            # What was made on the way to a checkout that there is not, too.
            for folder in (aside.parent, self._folders.jobs.joinpath(*parts[:-1])):
                prune(folder, self._folders.jobs)

    def erase(self, path: str) -> None:
        """Remove a checkout, and the folders above it that are empty then. One that is not there is fine.

        Raises `Refused` when there is no checkout but something else, such as a symbolic link; `OSError`.
        """
        parts = checkout_parts(path)
        for length in range(1, len(parts) + 1):
            folder = self._folders.jobs.joinpath(*parts[:length])
            if not os.path.lexists(folder):
                break
            if not _is_real_folder(folder):
                raise Refused(f"{folder} is no folder, so there is no checkout of a job to remove")
        target = self._folders.jobs.joinpath(*parts)
        _remove_tree(target)
        prune(target.parent, self._folders.jobs)

    def _final_folder(self, parts: Parts) -> str:
        """Where the checkout will be, without symbolic links on the way; a suffix makes no difference to links."""
        return os.path.join(os.path.realpath(self._folders.jobs), *parts)  # noqa: PTH118 - texts are quicker here

    def _build(self, aside: Path, placed: dict[Parts, Content], final: str) -> None:
        # `..` in a link counts from where things really are.
        stored = Path(os.path.realpath(self._folders.stored))
        linker = Linker(self._kind)
        made: set[Parts] = set()
        for parts, content in placed.items():
            folder = parts[:-1]
            if folder not in made:
                aside.joinpath(*folder).mkdir(parents=True, exist_ok=True)
                made.add(folder)
            blob = stored / self._folders.blob(content).relative_to(self._folders.stored)
            linker.put(blob, aside.joinpath(*parts), os.path.join(final, *folder))  # noqa: PTH118

    def _publish(self, aside: Path, parts: Parts) -> Parts:
        """Give the finished folder its name, or one with a suffix when that is taken."""
        above, name = parts[:-1], parts[-1]
        for number in range(NAMES_TRIED):
            used = (*above, f"{name}-{_random_suffix()}" if number else name)
            if in_folder(self._folders.jobs, partial(self._take, aside, used)):
                return used
        raise Failed(f'there are too many checkouts called "{"/".join(parts)}"')

    def _take(self, aside: Path, parts: Parts) -> bool:
        """Rename to what is not there; False when something is. Raises `Failed` when there cannot be a folder."""
        folder = self._folders.jobs
        for part in parts[:-1]:
            folder /= part
            with suppress(FileExistsError):
                folder.mkdir()
            if not _is_real_folder(folder):
                raise Failed(f"{folder} is no folder, so no checkout can be in it")
        target = folder / parts[-1]
        if os.name == "nt":
            return _rename(aside, target)  # which replaces nothing there
        try:
            # Whoever makes the folder has the name; renaming then replaces that, as long as it is empty.
            target.mkdir()
        except FileExistsError:
            return False
        try:
            # Some network file systems rename to nothing that is there, not even that.
            return _rename(aside, target) or (_remove_empty(target) and _rename(aside, target))
        except OSError:
            _remove_empty(target)
            raise


def _random_suffix() -> str:
    return "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(_SUFFIX_LENGTH))


def _rename(aside: Path, target: Path) -> bool:
    try:
        aside.rename(target)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise
    return True


def _remove_empty(folder: Path) -> bool:
    """Whether the folder could be removed; one with something in it stays."""
    try:
        folder.rmdir()
    except OSError:
        return False
    return True


def _is_real_folder(path: Path) -> bool:
    return stat.S_ISDIR(path.lstat().st_mode)


def _remove_tree(folder: Path) -> None:
    """Remove the folder and all below it; symbolic links are removed, not followed."""
    for _ in range(_ERASE_TRIES):
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            # It, or something in it, was gone already: somebody else removes it too.
            if not os.path.lexists(folder):
                return
        else:
            return
    shutil.rmtree(folder)
