"""Opens what is below a folder without being led elsewhere: whoever can write there can make links as well.

A folder that is open stays the one it is, whatever becomes of its name; what is done in it by name is done there.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

_HAS_FOLDERS: Final = os.open in os.supports_dir_fd
"""Windows has no such thing, and asks for a privilege of whoever makes a link."""

_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)

_BYTES: Final = getattr(os, "O_BINARY", 0)
"""Without it, Windows writes other line ends, and counts other lengths than it reads."""

_ANY_FOLDER: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
_FOLDER: Final = _ANY_FOLDER | _NO_LINK

READ: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
"""A pipe that somebody has put there is told from a file, and not waited for."""


class Folder:
    """An open folder. Names are of what is in it, and never paths; all raise `OSError` as functions of `os` do.

    No link is followed: what is done to one is done to the link itself, or fails.
    """

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self.path = path
        """What it was opened by, for people and for what follows no links."""
        self.descriptor = descriptor

    def name(self, name: str) -> str:
        """What functions of `os` with `dir_fd=folder.descriptor` want to hear for `name`."""
        return name if self.descriptor is not None else str(self.path / name)

    def close(self) -> None:
        """Let go of it."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def inner(self, name: str) -> Folder:
        """The folder `name` in it, opened; whoever does closes it."""
        if self.descriptor is None:
            _refuse_link(self.path / name)
            return Folder(self.path / name, None)
        try:
            return Folder(self.path / name, os.open(name, _FOLDER, dir_fd=self.descriptor))
        except OSError as error:
            raise type(error)(error.errno, error.strerror, str(self.path / name)) from error

    def inner_or_own_link(self, name: str) -> Folder:
        """The same, also where a link leads to it that root or this user made: storage may be on several disks."""
        try:
            return self.inner(name)
        except OSError:
            link = self._own_link(name)
            if link is None:
                raise
            found = Folder(self.path / name, _open_if_possible(self.name(name), self.descriptor))
            if self._own_link(name) == link:
                return found
            found.close()
            raise

    def _own_link(self, name: str) -> tuple[int, int, int] | None:
        """What tells a link that is of root or of this user from another that takes its place; else None."""
        found = self.status(name)
        is_own = stat.S_ISLNK(found.st_mode) and (os.name == "nt" or found.st_uid in (0, os.geteuid()))
        return (found.st_ino, found.st_dev, found.st_ctime_ns) if is_own else None

    def entries(self) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
        """What is in it, as `os.scandir` says it; good while this is open."""
        return os.scandir(self.path if self.descriptor is None else self.descriptor)

    def open(self, name: str, flags: int, mode: int = 0o600) -> int:
        """A descriptor of a file, as that of `os.open`."""
        return os.open(self.name(name), flags | _NO_LINK | _BYTES, mode, dir_fd=self.descriptor)

    def create(self, name: str) -> BinaryIO:
        """A new file, for others to read as the umask has it; nothing that is there is replaced."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        return os.fdopen(self.open(name, flags, 0o666), "wb", buffering=0)

    def read(self, name: str) -> BinaryIO:
        """The file, to be read; what is no file is not waited for."""
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
        stream = os.fdopen(self.open(name, flags), "rb")
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            stream.close()
            raise OSError(errno.EINVAL, "this is no file", str(self.path / name))
        return stream

    def link(self, name: str, target: Folder, new_name: str) -> None:
        """Have the file be `new_name` in another folder as well."""
        where = {"src_dir_fd": self.descriptor, "dst_dir_fd": target.descriptor}
        os.link(self.name(name), target.name(new_name), **where, follow_symlinks=os.name == "nt")

    def status(self, name: str) -> os.stat_result:
        """What there is."""
        return os.stat(self.name(name), dir_fd=self.descriptor, follow_symlinks=False)

    def has(self, name: str) -> bool:
        """Whether there is anything of that name, if only a link that leads nowhere."""
        with suppress(FileNotFoundError):
            self.status(name)
            return True
        return False

    def is_file(self, name: str) -> bool:
        """Whether there is a file of that name, and not a link to one."""
        with suppress(FileNotFoundError):
            return stat.S_ISREG(self.status(name).st_mode)
        return False

    def touch(self, name: str) -> None:
        """Make what is there as new as can be."""
        follows = os.utime not in os.supports_follow_symlinks
        os.utime(self.name(name), dir_fd=self.descriptor, follow_symlinks=follows)

    def make(self, name: str, mode: int = 0o777) -> None:
        """Make a folder, less what the umask takes away."""
        os.mkdir(self.name(name), mode, dir_fd=self.descriptor)

    def unlink(self, name: str) -> None:
        """Remove what is no folder; fine when it is gone."""
        with suppress(FileNotFoundError):
            os.unlink(self.name(name), dir_fd=self.descriptor)

    def remove_empty(self, name: str) -> None:
        """Remove a folder that has nothing in it."""
        os.rmdir(self.name(name), dir_fd=self.descriptor)

    def remove_tree(self, name: str) -> None:
        """Remove a folder and all that is in it; links in it are removed, and not what they lead to."""
        shutil.rmtree(self.name(name), dir_fd=self.descriptor)

    def rename(self, name: str, target: Folder, new_name: str) -> None:
        """Have what is called `name` be `new_name` in another folder; on Windows nothing that is there is replaced."""
        os.rename(self.name(name), target.name(new_name), src_dir_fd=self.descriptor, dst_dir_fd=target.descriptor)

    def replace(self, name: str, target: Folder, new_name: str) -> None:
        """The same, and what is there is replaced everywhere."""
        os.replace(self.name(name), target.name(new_name), src_dir_fd=self.descriptor, dst_dir_fd=target.descriptor)


@contextmanager
def opened(root: Path) -> Iterator[Folder]:
    """The folder `root`, which may be a link: that is for whoever configures it."""
    folder = Folder(root, _open_if_possible(root, None))
    try:
        yield folder
    finally:
        folder.close()


@contextmanager
def below(folder: Folder, *names: str, make: bool = False, mode: int = 0o777) -> Iterator[Folder]:
    """What `names` lead to, one in the other, from `folder` on, which stays open. Raises `OSError`.

    `make`: what is not there is made, with `mode` less what the umask takes away.
    """
    current = folder
    try:
        for name in names:
            inner = made(current, name, mode) if make else current.inner(name)
            if current is not folder:
                current.close()
            current = inner
        yield current
    finally:
        if current is not folder:
            current.close()


def made(folder: Folder, name: str, mode: int = 0o777) -> Folder:
    """The folder `name` in `folder`, opened, and made if it is not there. Raises `OSError`."""
    try:
        return folder.inner(name)
    except FileNotFoundError:
        with suppress(FileExistsError):
            folder.make(name, mode)
        return folder.inner(name)


def open_below(root: Path, path: Path, flags: int, mode: int = 0o600) -> int:
    """A descriptor of the file `path`, which is below `root`, opened as `os.open` does with `flags` and `mode`.

    `root` may be a link, which is for whoever configures it; raises `OSError` where anything below it is one.
    """
    return open_along(root, path.parts[len(root.parts) :], flags, mode)


def open_along(root: Path, names: Sequence[str], flags: int, mode: int = 0o600) -> int:
    """The same of the file that `names` lead to, one in the other."""
    if not _HAS_FOLDERS:
        with opened(root) as top, below(top, *names[:-1]) as folder:
            return folder.open(names[-1], flags, mode)
    # Every update of a task comes by here, so without the objects that are convenient elsewhere.
    current = os.open(root, _ANY_FOLDER)
    try:
        for name in names[:-1]:
            inner = os.open(name, _FOLDER, dir_fd=current)
            os.close(current)
            current = inner
        return os.open(names[-1], flags | _NO_LINK, mode, dir_fd=current)
    finally:
        os.close(current)


def is_no_folder(error: OSError) -> bool:
    """Whether there is something else in place of a folder, such as a link to one."""
    return error.errno in (errno.ENOTDIR, errno.ELOOP)


def _open_if_possible(path: Path | str, descriptor: int | None) -> int | None:
    return os.open(path, _ANY_FOLDER, dir_fd=descriptor) if _HAS_FOLDERS else None


def _refuse_link(path: Path) -> None:
    """Where a folder cannot be held open, at least none is a link when it is looked at. Raises `OSError`."""
    if not stat.S_ISDIR(path.lstat().st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "Not a directory", str(path))
