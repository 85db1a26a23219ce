"""What has to be there before a service can run as another user. Looks at the machine, and changes only a folder."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from pathlib import Path

from flamenco.cli.service.description import Service
from flamenco.domain.errors import Refused


def check_user(service: Service) -> None:
    """Raise `Refused` where its user is unknown, or may not enter where it is to work: systems say that in numbers."""
    if not service.run_as or sys.platform == "win32":
        return
    import pwd  # noqa: PLC0415 - there is none on Windows

    try:
        user = pwd.getpwnam(service.run_as)
    except KeyError as error:
        raise Refused(
            f"This machine knows no user {service.run_as!r}. Make one first: sudo useradd --system {service.run_as}"
        ) from error
    groups = os.getgrouplist(user.pw_name, user.pw_gid)
    program = Path(service.command[0])
    if closed := _closed(program, user.pw_uid, groups):
        raise Refused(
            f"{service.run_as} cannot run {program}, as {closed} is closed to others. Install Flamenco "
            "where everybody may read, such as in /opt/flamenco, and call `flamenco service` there: docs/packages.md."
        )
    # In a virtual environment it leads to the Python that this was made with.
    if closed := _closed(program.resolve(), user.pw_uid, groups):
        raise Refused(
            f"{service.run_as} cannot run {program}, as its Python is below {closed}, which is closed to others. Make "
            "the virtual environment with one that everybody may run, such as /usr/bin/python3: docs/packages.md."
        )
    if closed := _closed(Path(service.folder) / "inside", user.pw_uid, groups):
        raise Refused(
            f"{service.run_as} cannot work in {service.folder}, as {closed} is closed to others. Say another folder "
            "after the --, such as: -- --data-dir /srv/flamenco"
        )


def _closed(path: Path, user_id: int, groups: list[int]) -> Path | None:
    """The first folder on the way to a path that a user may not enter."""
    return next((each for each in reversed(path.parents) if not _may_enter(each, user_id, groups)), None)


def _may_enter(folder: Path, user_id: int, groups: list[int]) -> bool:
    """By the rights of the folder; what cannot be looked at is not judged."""
    try:
        found = folder.stat()
    except OSError:
        return True
    if user_id in (0, found.st_uid):
        return True
    bit = stat.S_IXGRP if found.st_gid in groups else stat.S_IXOTH
    return bool(found.st_mode & bit)


def make_folder(service: Service) -> None:
    """Make the folder that it starts in, for its user, unless it is there: no system does."""
    folder = Path(service.folder)
    if folder.is_dir():
        return
    try:
        folder.mkdir(mode=0o750, parents=True)
        if service.run_as:
            shutil.chown(folder, user=service.run_as)
    except (OSError, LookupError) as error:
        raise Refused(f"{folder} cannot be made for the service: {error}. Make it yourself, and come again.") from error
