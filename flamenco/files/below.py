"""Opens files below a folder without being led elsewhere: whoever can write there can make links as well."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_HAS_FOLDERS: Final = os.open in os.supports_dir_fd
"""Windows has no such thing, and asks for a privilege of whoever makes a link."""

_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
_FOLDER: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | _NO_LINK


def open_below(root: Path, path: Path, flags: int, mode: int = 0o600) -> int:
    """A descriptor of the file `path`, which is below `root`, opened as `os.open` does with `flags` and `mode`.

    `root` may be a link, which is for whoever configures it; raises `OSError` where anything below it is one.
    """
    if not _HAS_FOLDERS:
        return os.open(path, flags, mode)
    *folders, name = path.relative_to(root).parts
    current = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for folder in folders:
            inner = os.open(folder, _FOLDER, dir_fd=current)
            os.close(current)
            current = inner
        return os.open(name, flags | _NO_LINK, mode, dir_fd=current)
    finally:
        os.close(current)
