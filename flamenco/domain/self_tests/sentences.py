"""What people read where a storage is not as it should be: what is wrong, and what most likely helps there."""

from __future__ import annotations

import re
from typing import Final

from flamenco.domain.self_tests.facts import Came, Step, StepFacts
from flamenco.domain.variables import is_unc

_DRIVE: Final = re.compile(r"[A-Za-z]:")
_SERVICES: Final = frozenset({"system", "local service", "network service", "localservice", "networkservice"})

Told = tuple[str, str]
"""What is wrong, and what helps."""

_DENIED: Final = frozenset({"EACCES", "EPERM"})
_STALE: Final = frozenset({"ESTALE", "ENOTCONN", "EHOSTDOWN", "EHOSTUNREACH", "EIO", "ETIMEDOUT"})


def is_service(user: str) -> bool:
    """Whether that is the user of a service on Windows, who is nobody that could have mapped a drive."""
    return user.lower().rpartition("\\")[2] in _SERVICES or user.endswith("$")


def late(path: str, step: Step, limit_s: float) -> Told:
    """It does not answer."""
    text = f"{path} does not answer: {step} was not done after {limit_s:g} s."
    return text, "Its server may be away; what waits for it cannot be ended, so mount it anew once that is there again."


def unreachable(path: str, name: str, found: StepFacts, platform: str, user: str) -> Told:
    """It is not there, or is no folder, or may not be looked at."""
    if found.error in _DENIED:
        return (
            f"{path} cannot be looked at: {_said(found)}.",
            f"Let {_who(user)} read it, who the worker runs as.",
        )
    if found.error in _STALE:
        return f"{path} is not reached: {_said(found)}.", "Mount it anew, when its server is there."
    if found.error == "ENOTDIR":
        return f"{path} is no folder.", f"Give {_variable(name)} the path of one."
    if found.error not in ("ENOENT", ""):
        return f"{path} cannot be used: {_said(found)}.", "Try there to open it by hand, as the worker's user."
    return _missing(path, name, platform, user)


def _missing(path: str, name: str, platform: str, user: str) -> Told:
    text = f"{path} is not there"
    if platform == "windows":
        return _missing_on_windows(text, path, name, user)
    if _DRIVE.match(path) or "\\" in path:
        return f"{text}: that is a path of Windows.", f"Give {_variable(name)} a value for {platform}."
    if platform == "darwin" and path.startswith("/Volumes/"):
        return f"{text}.", "macOS mounts shares for whoever signs in; mount it in a way that does not wait for that."
    return f"{text}.", f"Mount it there, or give {_variable(name)} the path that it has on {platform}."


def _missing_on_windows(text: str, path: str, name: str, user: str) -> Told:
    if _DRIVE.match(path) and is_service(user):
        return (
            f"{text}: the service runs as LocalSystem, which sees no mapped drives.",
            "Use the path of the share in place of the drive, and let the service run as a user whom its server knows.",
        )
    if _DRIVE.match(path):
        return f"{text}.", f"Map the drive as {_who(user)}, who the worker runs as; others' drives are not seen."
    if not is_unc(path) and path.startswith("/"):
        return f"{text}: that is no path of Windows.", f"Give {_variable(name)} a value for windows."
    return f"{text}.", f"Open it there as {_who(user)}, who the worker runs as; that one may have to sign in to it."


def another(path: str, folder: str, entries: int, *, is_there: bool) -> Told:
    """It is there, and the manager's file is not in it."""
    if is_there:
        return f"{path} has another file where the manager has put one into {folder}.", "Run the self-test once more."
    if not entries:
        return (
            f"{path} is an empty folder, and not what the manager has at {folder}.",
            "Nothing is mounted there, it seems.",
        )
    return (
        f"{path} is not what the manager has at {folder}: the file that it has put there is not to be seen.",
        "Another share is mounted there, or the path is that of a folder on this machine.",
    )


def unwritable(path: str, found: StepFacts, user: str) -> Told:
    """It can be read, and not changed."""
    if found.error == "EROFS":
        return f"{path} can only be read.", "Mount it so that it can be written to, where frames are to go there."
    if found.error in ("ENOSPC", "EDQUOT"):
        return f"{path} is full: {_said(found)}.", "Make room there."
    return f"In {path} nothing can be done ({found.step}): {_said(found)}.", f"Let {_who(user)} write there."


def _said(found: StepFacts) -> str:
    said = found.text or found.error or "it failed"
    return "it took too long" if found.came is Came.TIMED_OUT else said.rstrip(".")


def _who(user: str) -> str:
    return user or "the user"


def _variable(name: str) -> str:
    return f"the variable {name}" if name.startswith("{") else "a two-way variable for the shared storage"
