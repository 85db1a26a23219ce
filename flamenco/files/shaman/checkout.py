"""Checkouts: for each job a folder with its files, made of stored ones.

A checkout is built aside and then given its name, so nobody ever sees half of one, and two that want the same name
never write into one folder.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import Final

from flamenco.domain.errors import Conflict, Failed, Refused
from flamenco.domain.shaman import Content, NamedFile, Parts, checkout_parts, fitting_parts, layout
from flamenco.files.below import Folder, below, is_no_folder
from flamenco.files.shaman.folders import blob_name, names_of
from flamenco.files.shaman.links import Blob, Kind, Linker
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
        kept = self._files.kept(set(placed.values()))
        if missing := [content for content in dict.fromkeys(placed.values()) if content not in kept]:
            raise Conflict(
                f"unknown files requested in checkout: {len(missing)}, of which {missing[0].sha} is the first"
            )
        aside = secrets.token_hex(8)
        self._folders.in_folder(self._folders.unfinished, lambda unfinished: unfinished.make(aside))
        try:
            with self._folders.open(self._folders.unfinished / aside) as folder:
                self._build(folder, placed, self._final_folder(parts))
            return "/".join(self._publish(aside, parts))
        finally:
            with suppress(OSError), self._folders.open(self._folders.unfinished) as unfinished:
                unfinished.remove_tree(aside)
            # What was made on the way to a checkout that there is not, too.
            for empty in (self._folders.unfinished, self._folders.jobs.joinpath(*parts[:-1])):
                self._folders.prune(empty, self._folders.jobs)

    def erase(self, path: str) -> None:
        """Remove a checkout, and the folders above it that are empty then. One that is not there is fine.

        Raises `Refused` when there is no checkout but something else, such as a symbolic link; `OSError`.
        """
        parts = checkout_parts(path)
        with suppress(FileNotFoundError), self._folders.open(self._folders.jobs) as jobs:
            _erase(jobs, parts)
        self._folders.prune(self._folders.jobs.joinpath(*parts[:-1]), self._folders.jobs)

    def _final_folder(self, parts: Parts) -> str:
        """Where the checkout will be, without symbolic links on the way; a suffix makes no difference to links."""
        return os.path.join(os.path.realpath(self._folders.jobs), *parts)  # noqa: PTH118 - texts are quicker here

    def _build(self, aside: Folder, placed: dict[Parts, Content], final: str) -> None:
        # `..` in a link counts from where things really are.
        real = os.path.realpath(self._folders.stored)
        linker = Linker(self._kind)
        with self._folders.open(self._folders.stored) as stored, ExitStack() as stack:
            folder = aside
            inside: Parts = ()
            for parts, content in sorted(placed.items(), key=lambda item: item[0][:-1]):  # each folder is opened once
                if parts[:-1] != inside:
                    stack.close()
                    inside = parts[:-1]
                    folder = stack.enter_context(below(aside, *inside, make=True))
                names, name = names_of(content), blob_name(content)
                blob = Blob(stored, names, name, os.path.join(real, *names, name))  # noqa: PTH118 - texts are quicker
                linker.put(blob, folder, parts[-1], os.path.join(final, *inside))  # noqa: PTH118

    def _publish(self, aside: str, parts: Parts) -> Parts:
        """Give the finished folder its name, or one with a suffix when that is taken."""
        above, name = parts[:-1], parts[-1]
        for number in range(NAMES_TRIED):
            used = (*above, f"{name}-{_random_suffix()}" if number else name)
            if self._folders.in_folder(self._folders.jobs, partial(self._take, aside, used)):
                return used
        raise Failed(f'there are too many checkouts called "{"/".join(parts)}"')

    def _take(self, aside: str, parts: Parts, jobs: Folder) -> bool:
        """Rename to what is not there; False when something is. Raises `Failed` when there cannot be a folder."""
        with self._folders.open(self._folders.unfinished) as unfinished, ExitStack() as stack:
            try:
                folder = stack.enter_context(below(jobs, *parts[:-1], make=True))
            except OSError as error:
                if is_no_folder(error):
                    raise Failed(f"{error.filename} is no folder, so no checkout can be in it") from error
                raise
            return _give_name(unfinished, aside, folder, parts[-1])


def _give_name(unfinished: Folder, aside: str, folder: Folder, name: str) -> bool:
    """Rename what is built to what is not there; False when something is."""
    if os.name == "nt":
        return _rename(unfinished, aside, folder, name)  # which replaces nothing there
    try:
        # Whoever makes the folder has the name; renaming then replaces that, as long as it is empty.
        folder.make(name)
    except FileExistsError:
        return False
    try:
        if _rename(unfinished, aside, folder, name):
            return True
        # Some network file systems rename to nothing that is there, not even that.
        return _remove_empty(folder, name) and _rename(unfinished, aside, folder, name)
    except OSError:
        _remove_empty(folder, name)
        raise


def _random_suffix() -> str:
    return "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(_SUFFIX_LENGTH))


def _rename(unfinished: Folder, aside: str, folder: Folder, name: str) -> bool:
    try:
        unfinished.rename(aside, folder, name)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise
    return True


def _remove_empty(folder: Folder, name: str) -> bool:
    """Whether the folder could be removed; one with something in it stays."""
    try:
        folder.remove_empty(name)
    except OSError:
        return False
    return True


def _erase(jobs: Folder, parts: Parts) -> None:
    try:
        with below(jobs, *parts[:-1]) as folder:
            folder.inner(parts[-1]).close()
            _remove_tree(folder, parts[-1])
    except OSError as error:
        if is_no_folder(error):
            raise Refused(f"{error.filename} is no folder, so there is no checkout of a job to remove") from error
        raise


def _remove_tree(folder: Folder, name: str) -> None:
    """Remove the folder and all below it; symbolic links are removed, not followed."""
    for _ in range(_ERASE_TRIES):
        try:
            folder.remove_tree(name)
        except FileNotFoundError:
            # It, or something in it, was gone already: somebody else removes it too.
            if not folder.has(name):
                return
        else:
            return
    folder.remove_tree(name)
