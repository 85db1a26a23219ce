"""Taking in the files of jobs: which of them are missing, storing those, and making the folders of jobs of them."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from flamenco.domain.access import ITSELF, Access, Caller, Reach, reach
from flamenco.domain.errors import AccessDenied, Failed, FarmError, NotFound, Unavailable
from flamenco.domain.shaman import Content, FileStatus, MissingFile, NamedFile, checked, layout
from flamenco.farm.context import Farm
from flamenco.files.job_folders import unusable
from flamenco.files.shaman.collect import Collection
from flamenco.files.shaman.store import Upload, UploadStream
from flamenco.files.shaman.system import Shaman
from flamenco.store import checkouts as store
from flamenco.store.engine import Tx

log = structlog.get_logger()


def missing(farm: Farm, files: Sequence[NamedFile]) -> list[MissingFile]:
    """Those of the files that have to be sent still, in the order they came.

    Raises `NotFound`, `StoreError`, and `Refused` for what is no checksum, or could not be checked out once it is here:
    nobody is to find that out after sending everything.
    """
    store = _active(farm).files
    layout(files)
    return store.missing(files)


def status(farm: Farm, content: Content) -> FileStatus:
    """What is known of a file. Raises `NotFound`, `Refused` for what is no checksum, `StoreError`."""
    return _active(farm).files.status(checked(content))


def upload(
    farm: Farm, content: Content, source: UploadStream, length: int | None, *, can_defer: bool, original_name: str
) -> Upload:
    """Take in a file; `length` is what the client says it sends, if it does. `original_name` is only for the log.

    Raises `NotFound`, `Refused` for what is no checksum, `Conflict`, `Failed` when the client goes away, `StoreError`.
    """
    store = _active(farm).files
    try:
        outcome = store.upload(checked(content), source, length, can_defer=can_defer)
    except FarmError as error:
        log.warning("a file was not stored", sha=content.sha, size=content.size, name=original_name, reason=str(error))
        raise
    log.debug("a file was sent", sha=content.sha, size=content.size, name=original_name, outcome=outcome.name.lower())
    return outcome


def checkout(farm: Farm, path: str, files: Sequence[NamedFile], by: Caller = ITSELF) -> str:
    """Make the folder of a job of stored files. Returns the path that it got, which may differ from the wanted one.

    Who made it is noted, where that is known: nobody else submits a job with it.

    Raises `NotFound`, `Refused` for files that cannot be checked out, `Conflict`, `Unavailable`, and `Failed`.
    """
    checkouts = _active(farm).checkouts
    try:
        used = checkouts.create(path, files)
    except OSError as error:
        if isinstance(found := unusable("The folder of the job cannot be made", error), Unavailable):
            raise found from error
        log.error("a checkout failed", path=path, reason=str(error))
        raise Failed(f"unexpected error: {error.strerror or error}") from error
    try:
        with farm.store.write() as tx:
            store.record(tx, used, by.name, farm.clock())
    except FarmError:
        checkouts.erase(used)  # it would be nobody's
        raise
    log.info("a checkout was made", path=used, files=len(files))
    return used


def check_maker(farm: Farm, tx: Tx, path: str, by: Caller) -> None:
    """Raise `AccessDenied` for a job with a checkout that somebody else made: it would go when that job is deleted.

    Whoever may delete all jobs may have any.
    """
    if farm.shaman is None or not path or reach(by.role, Access.STEER) is Reach.ALL:
        return
    if (theirs := store.of_others(tx, path, by.name)) is not None:
        raise AccessDenied(
            f"The checkout {theirs} was made by somebody else; make one of your own, and submit the job with that, "
            "signed in as you were when you made it."
        )


def erase_checkout(farm: Farm, path: str) -> None:
    """Remove the folder of a job that is deleted; fine when it is gone, or when Shaman is off.

    Raises `Refused` when that is no checkout, `StoreError` when it cannot be removed.
    """
    if farm.shaman is None or not path:
        return
    try:
        farm.shaman.checkouts.erase(path)
    except OSError as error:
        raise unusable(f"The checkout {path} cannot be removed: {error.filename}", error) from error


def collect_garbage(farm: Farm) -> Collection | None:
    """Remove the stored files that are not needed any more; None when Shaman is off. Raises `StoreError`."""
    return farm.shaman.collect(farm.clock()) if farm.shaman else None


def _active(farm: Farm) -> Shaman:
    if farm.shaman is None:
        raise NotFound("shaman server not active")
    return farm.shaman
