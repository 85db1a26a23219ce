"""Where the files of a job lie below the manager's local storage, and how all of them are removed at once."""

from __future__ import annotations

import errno
from functools import lru_cache
from pathlib import Path

from flamenco.config import private
from flamenco.domain import job_files
from flamenco.domain.errors import StoreError, Unavailable
from flamenco.files.below import Folder, below, opened

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

_PRIVATE = 0o700

_KNOWN = 1000
"""Of so many jobs it is remembered where their files are: to put paths together takes longer than to open a log."""

_ATTEMPTS = 50
"""How often to begin anew when somebody else makes or removes the same folders meanwhile; each time it is their move
that is done, so this many are needed only where many do nothing else."""


@lru_cache(_KNOWN)
def job_folder(root: Path, job_id: str) -> Path:
    """The folder of a job's files; it may not exist yet."""
    return root.joinpath(*job_files.folder_of(job_id))


def make_job_folder(root: Path, job_id: str) -> Path:
    """The folder of a job's files, which exists afterwards. Raises `OSError`."""
    folder = job_folder(root, job_id)
    for attempt in range(_ATTEMPTS):
        try:
            if not root.exists():
                private.make_folder(root)
            with opened(root) as top, below(top, *folder.relative_to(root).parts, make=True, mode=_PRIVATE):
                break
        except (FileNotFoundError, FileExistsError):
            # The folder above was empty for a moment, and was removed with the last job in it; or a file is there.
            if attempt == _ATTEMPTS - 1:
                raise
    return folder


def unusable(what: str, error: OSError) -> StoreError:
    """What to raise when files cannot be used as they should; `what` goes wrong says the sentence."""
    kind = Unavailable if error.errno in _FULL else StoreError
    return kind(f"{what}: {error.strerror or error}.")


def remove_job_folder(root: Path, job_id: str) -> None:
    """Remove all files of a job, and the folder above when no other job is in it. Nothing happens when there are none.

    Raises `StoreError` when something cannot be removed, or is not where files of jobs are.
    """
    if not job_files.is_job_id(job_id):
        raise StoreError(f"{job_id!r} is not the UUID of a job, so nothing was removed from {root}.")
    folder = job_folder(root, job_id)
    if folder.is_symlink() or folder.parent.is_symlink():
        raise StoreError(f"{folder} leads elsewhere by a symbolic link, so it was left alone; remove it by hand.")
    try:
        with opened(root) as top, below(top, folder.parent.name) as above:
            _remove_tree(above, folder.name)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise unusable(f"The files of the job in {folder} cannot be removed", error) from error
    remove_if_empty(folder.parent)


def remove_if_empty(folder: Path) -> bool:
    """Remove a folder with nothing in it; whether it is gone."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _remove_tree(above: Folder, name: str) -> None:
    for attempt in range(_ATTEMPTS):
        try:
            above.remove_tree(name)
        except FileNotFoundError:
            if not above.has(name):
                return
        except OSError as error:
            # A log line or an image came in while the folder was being emptied.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or attempt == _ATTEMPTS - 1:
                raise
        else:
            return
