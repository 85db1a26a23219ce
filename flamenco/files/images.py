"""The image a job rendered last, as its worker sent it; every new one takes the place of the one before."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from flamenco.files.places import job_folder

_SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png"}


def accepts(content_type: str) -> bool:
    """Whether images of that type are kept."""
    return content_type in _SUFFIXES


class LastRendered:
    """The last image of every job, below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def store(self, job_id: str, content_type: str, image: bytes) -> Path:
        """Keep `image` as the job's last one. It is written aside and renamed: nobody ever reads half an image."""
        folder = job_folder(self._root, job_id)
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"last-rendered-original{_SUFFIXES[content_type]}"
        aside = folder / f".{target.name}-{os.getpid()}-{threading.get_ident()}~"
        aside.write_bytes(image)
        aside.replace(target)
        for other in set(_SUFFIXES.values()) - {target.suffix}:
            target.with_suffix(other).unlink(missing_ok=True)
        return target
