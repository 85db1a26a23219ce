"""Files that the manager puts into storages for a moment, so that workers can tell whether they have the same ones.

A storage may be one that never answers. So it is left to a thread of which nobody waits for the end; there are few of
those at a time, and where all of them wait for a storage, nothing more is tried.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from flamenco.domain.self_tests.names import PREFIX

LIMIT_S: Final = 2.0
"""So long is waited for a storage."""

MOST_WAITING: Final = 8
THREAD: Final = "storage-token"

_places = threading.BoundedSemaphore(MOST_WAITING)


def put(folders: Iterable[str], name: str, token: str) -> set[str]:
    """Write a file of that name into each folder; those in which it is now. Takes `LIMIT_S` at most."""
    return _in_each({folder: partial(_write, Path(folder) / name, token) for folder in folders})


def remove(folders: Iterable[str], name: str) -> None:
    """Take the files away again, as far as that can be done. Takes `LIMIT_S` at most."""
    if not name.startswith(PREFIX):
        raise ValueError(f"{name!r} is no name of a file of ours")
    _in_each({folder: (Path(folder) / name).unlink for folder in folders})


def _write(file: Path, token: str) -> None:
    if not file.parent.is_dir():
        raise FileNotFoundError(file.parent)
    file.write_text(token, "ascii")
    file.chmod(0o644)  # for workers, who may be other users


def _in_each(doing: Mapping[str, Callable[[], object]]) -> set[str]:
    """Do something in each folder, and give those in which it was done."""
    end = time.monotonic() + LIMIT_S
    done: set[str] = set()
    changed = threading.Condition()
    left = len(doing)

    def run(folder: str, action: Callable[[], object]) -> None:
        nonlocal left
        is_done = True
        try:
            action()
        except (OSError, ValueError):
            is_done = False
        finally:
            _places.release()
            with changed:
                left -= 1
                done.update({folder} if is_done else set())
                changed.notify_all()

    for folder, action in doing.items():
        if _places.acquire(timeout=max(0.0, end - time.monotonic())):
            threading.Thread(target=run, args=(folder, action), name=THREAD, daemon=True).start()
        else:
            with changed:
                left -= 1
    with changed:
        changed.wait_for(lambda: left <= 0, max(0.0, end - time.monotonic()))
        return set(done)
