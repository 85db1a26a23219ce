"""Where the store's files lie below the shared storage, and how folders there come and go.

Many processes make and remove folders side by side, so a folder may be gone again before anything is put into it. And
whoever may write there can make links, which are not followed: what is made, changed or removed is where it belongs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from flamenco.domain.shaman import UNFINISHED, Content
from flamenco.files.below import Folder, below, made, opened

T = TypeVar("T")

BLOB_SUFFIX = ".blob"
TEMPORARY_SUFFIX = ".tmp"

_MAY_BE_OWN_LINKS = frozenset({("jobs",), ("file-store",), ("file-store", "stored")})

_TRIES = 1_000
"""How often somebody may remove a folder between our making and our using it; more often, something else is wrong."""


class ShamanFolders:
    """The folders below `shared`, the folder that manager, workers and clients share."""

    def __init__(self, shared: Path) -> None:
        self.shared = shared
        self.store = shared / "file-store"
        self.stored = self.store / "stored"
        self.uploading = self.store / "uploading"
        self.removing = self.store / "removing"
        self.jobs = shared / "jobs"
        self.unfinished = self.jobs / UNFINISHED

    def blob(self, content: Content) -> Path:
        """Where the whole file is, once it is stored."""
        return self.stored.joinpath(*names_of(content), blob_name(content))

    @contextmanager
    def open(self, path: Path, *, make: bool = False) -> Iterator[Folder]:
        """A folder below the shared one, opened without following links, and made, with those above it, if `make`.

        The shared folder may be a link itself, and so may, if root or this user made it, that of all checkouts, the
        store, and that of stored files: whoever sets up the storage may have other disks for them. Raises `OSError`.
        """
        if make and not self.shared.exists():
            self.shared.mkdir(parents=True, exist_ok=True)
        names = path.relative_to(self.shared).parts
        with ExitStack() as stack:
            folder = stack.enter_context(opened(self.shared))
            for place in range(len(names)):
                if names[: place + 1] not in _MAY_BE_OWN_LINKS:
                    folder = stack.enter_context(below(folder, *names[place:], make=make))
                    break
                folder = stack.enter_context(_opened_own(folder, names[place], make=make))
            yield folder

    def in_folder(self, path: Path, use: Callable[[Folder], T]) -> T:
        """Make a folder and use it, again when somebody removes it meanwhile because it was empty. Raises `OSError`."""
        for _ in range(_TRIES):
            with suppress(FileNotFoundError), self.open(path, make=True) as folder:
                return use(folder)
        with self.open(path, make=True) as folder:
            return use(folder)

    def prune(self, path: Path, root: Path) -> None:
        """Remove the folder `path`, and those above it up to `root`, which stays, as far as they are empty."""
        while path != root and root in path.parents:
            try:
                with self.open(path.parent) as above:
                    above.remove_empty(path.name)
            except FileNotFoundError:
                pass  # somebody else removed it, and maybe not what is above
            except OSError:
                return
            path = path.parent

    def upload_folder(self, content: Content) -> Path:
        """Where the unfinished uploads of the file are."""
        return self.uploading.joinpath(*names_of(content))


def names_of(content: Content) -> tuple[str, str]:
    """The folders that all of that checksum is in, one in the other."""
    return content.sha[:2], content.sha[2:]


def blob_name(content: Content) -> str:
    """What the stored file is called in them."""
    return f"{content.size}{BLOB_SUFFIX}"


@contextmanager
def _opened_own(folder: Folder, name: str, *, make: bool) -> Iterator[Folder]:
    try:
        found = folder.inner_or_own_link(name)
    except FileNotFoundError:
        if not make:
            raise
        found = made(folder, name)
    try:
        yield found
    finally:
        found.close()


def files_below(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Everything below `folder` that is no folder, symbolic links as they are. What goes away meanwhile is left out.

    Only good for looking: what is changed is opened anew, for it may be another by then.
    Raises `OSError` when a folder cannot be read.
    """
    left = [os.fspath(folder)]
    while left:
        try:
            entries = os.scandir(left.pop())
        except FileNotFoundError:
            continue
        with entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    left.append(entry.path)
                else:
                    yield entry
