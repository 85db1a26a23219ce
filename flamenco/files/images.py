"""The image a job rendered last, as its worker sent it; every new one takes the place of the one before."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from flamenco.domain.errors import StoreError
from flamenco.files.places import job_folder

_SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png"}


class LastRendered:
    """The last image of every job, below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def store(self, job_id: str, content_type: str, image: bytes) -> Path:
        """Keep `image` as the job's last one. Raises `StoreError` when it cannot be written."""
        target = job_folder(self._root, job_id) / f"last-rendered-original{_SUFFIXES[content_type]}"
        try:
            _replace(target, image)
            for other in set(_SUFFIXES.values()) - {target.suffix}:
                target.with_suffix(other).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"The image {target} cannot be written: {error.strerror or error}.") from error
        return target


def _replace(target: Path, image: bytes) -> None:
    """Written aside and renamed: nobody ever reads half an image."""
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}-{os.getpid()}-{threading.get_ident()}~")
    try:
        aside.write_bytes(image)
        aside.replace(target)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
