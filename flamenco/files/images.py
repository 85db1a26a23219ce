"""What every job rendered last, in three sizes; every new image takes the place of the one before."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path

from flamenco.domain.job_files import LAST_RENDERED
from flamenco.files.below import below, open_below, opened
from flamenco.files.job_folders import job_folder, make_job_folder, remove_if_empty, unusable


class LastRendered:
    """The last images of all jobs, below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def exist(self, job_id: str) -> bool:
        """Whether there are images of the job. The smallest is the last to be written."""
        return (job_folder(self._root, job_id) / LAST_RENDERED[-1]).is_file()

    def store(self, job_id: str, jpegs: Sequence[bytes]) -> None:
        """Keep the images, from the largest to the smallest. Raises `StoreError` when they cannot be written."""
        target = job_folder(self._root, job_id)
        try:
            make_job_folder(self._root, job_id)
            _replace(self._root, [(target / name, jpeg) for name, jpeg in zip(LAST_RENDERED, jpegs, strict=True)])
        except OSError as error:
            raise unusable(f"The images in {target} cannot be written", error) from error

    def discard(self, job_id: str) -> None:
        """Remove the images of a job that is being deleted, and folders that are empty then. Raises `StoreError`."""
        folder = job_folder(self._root, job_id)
        try:
            with opened(self._root) as top, below(top, *folder.relative_to(self._root).parts) as opened_folder:
                for name in LAST_RENDERED:
                    opened_folder.unlink(name)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise unusable(f"The images in {folder} cannot be removed", error) from error
        if remove_if_empty(folder):
            remove_if_empty(folder.parent)


def _replace(root: Path, files: Sequence[tuple[Path, bytes]]) -> None:
    """All are written aside, then renamed: nobody ever reads half an image, nor long one of each."""
    mark = f"{os.getpid()}-{threading.get_ident()}"
    aside = [(path.with_name(f".{path.name}-{mark}~"), path, content) for path, content in files]
    try:
        for temporary, _, content in aside:
            temporary.unlink(missing_ok=True)
            descriptor = open_below(root, temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
        for temporary, path, _ in aside:
            temporary.replace(path)
    except OSError:
        for temporary, _, _ in aside:
            temporary.unlink(missing_ok=True)
        raise
