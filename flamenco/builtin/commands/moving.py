"""Moving a folder or file so that nothing is lost on the way, also from one disk to another."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

COPY_BLOCK_BYTES = 1024 * 1024


class _Stopped(Exception):
    """A file that cannot be copied: `copytree` would go on with the next one after an `OSError`."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


def is_same(one: Path, other: Path) -> bool:
    """Whether both paths, which may be spelt differently or lead through links, are one folder or file."""
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there, or leads nowhere
        return os.path.realpath(one.parent) == os.path.realpath(other.parent) and one.name == other.name


def is_inside(inner: Path, outer: Path) -> bool:
    """Whether `inner`, which need not exist, is somewhere below the folder `outer`."""
    if outer.is_symlink() or not outer.is_dir():
        return False
    place = Path(os.path.realpath(inner.parent))
    return any(each.exists() and each.samefile(outer) for each in (place, *place.parents))


def move(src: Path, dest: Path, aside: Callable[[], Path | None], check: Callable[[], None]) -> None:
    """Make `src` be at `dest`, from which `aside` moves what is there; it gives that one's new path.

    Between disks the whole is copied first, beside `dest`, and removed from `src` last. `check` is called now and
    then while copying, and may raise. Whatever is raised, `OSError` or what `check` raises, finds `src` where it was,
    and so `dest`; unless only the removal of what was copied failed.
    """
    staged = _copied(src, dest, check) if _is_on_another_disk(src, dest) else src
    moved = None
    try:
        moved = aside()
        try:
            staged.rename(dest)
        except OSError as error:
            # Where one disk is mounted twice, only the attempt shows it.
            if error.errno != errno.EXDEV or staged != src:
                raise
            staged = _copied(src, dest, check)
            staged.rename(dest)
    except BaseException:
        if moved:
            moved.rename(dest)
        if staged != src:
            _remove(staged)
        raise
    if staged != src:
        _remove(src)


def copy_content(src: Path, dest: Path, check: Callable[[], None]) -> None:
    """Copy the content of a file in blocks, calling `check` after each; a half copy is removed."""
    with src.open("rb") as source, dest.open("xb") as target:
        try:
            while block := source.read(COPY_BLOCK_BYTES):
                target.write(block)
                check()
        except BaseException:
            target.close()
            dest.unlink(missing_ok=True)
            raise


def cause(error: OSError) -> str:
    """What went wrong, in a few words."""
    if isinstance(error, shutil.Error) and error.args and isinstance(error.args[0], list):
        path, _, reason = error.args[0][0]
        return f"{path}: {reason}"
    return error.strerror or str(error)


def _is_on_another_disk(src: Path, dest: Path) -> bool:
    return src.lstat().st_dev != dest.parent.stat().st_dev


def _copied(src: Path, dest: Path, check: Callable[[], None]) -> Path:
    """A copy of `src` on the disk of `dest`, under a name of its own; none is left when that fails."""

    def copy(source: str, target: str) -> str:
        try:
            if not stat.S_ISREG(Path(source).stat().st_mode):
                raise OSError(errno.EINVAL, "this is no file that can be copied to another disk")
            copy_content(Path(source), Path(target), check)
            shutil.copystat(source, target)
        except OSError as error:
            raise _Stopped(OSError(error.errno, f"{source}: {error.strerror or error}")) from error
        return target

    staged = dest.with_name(f".flamenco-moving-{secrets.token_hex(8)}")
    try:
        if src.is_symlink():
            staged.symlink_to(src.readlink())
        elif src.is_dir():
            shutil.copytree(src, staged, symlinks=True, copy_function=copy)
        else:
            copy(str(src), str(staged))
    except BaseException as error:
        _remove(staged, ignore_errors=True)
        if isinstance(error, _Stopped):
            raise error.cause from error
        raise
    return staged


def _remove(path: Path, *, ignore_errors: bool = False) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=ignore_errors)
    else:
        path.unlink(missing_ok=True)
