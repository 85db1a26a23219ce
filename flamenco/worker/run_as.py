"""Tasks that run as somebody else than the worker: who that is, what they get to know, and what they cannot reach.

A worker that was started as root keeps its credentials to itself, and has its tasks run as a user who can do nothing
but render. Which process becomes that user, and when, is in `task_process`.
"""

from __future__ import annotations

import ctypes
import os
import re
import stat
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from flamenco.domain.errors import ConfigError

_CAPABILITIES: Final = 1 << 5 | 1 << 6 | 1 << 7
"""Linux: to kill programs of others, and to become another user with that one's groups."""
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_CLEAR_ALL: Final = 4

_OURS: Final = "FLAMENCO_"
_NO_SECRETS: Final = frozenset({"FLAMENCO_HOME", "FLAMENCO_DISABLE_PLUGINS", "FLAMENCO_TRACE_HOOKS"})
_LIKE_A_SECRET: Final = re.compile(
    r"SECRET|TOKEN|PASSW|PASSPHRASE|CREDENTIAL|(API|ACCESS|PRIVATE|SIGNING|ENCRYPTION)_?KEY", re.IGNORECASE
)
_OF_ONE_USER: Final = re.compile(
    r"XDG_(RUNTIME_DIR|DATA_HOME|CONFIG_HOME|CACHE_HOME|STATE_HOME)|XAUTHORITY|DBUS_SESSION_BUS_ADDRESS|MAIL"
    r"|SSH_AUTH_SOCK|SSH_AGENT_PID|GPG_AGENT_INFO|KRB5CCNAME|SUDO_.*|NOTIFY_SOCKET|LISTEN_.*|FLAMENCO_HOME"
)
"""What leads to things of the user who started the worker, or speaks for that one."""
_KEY_IN_PATH: Final = re.compile(r"/t/[^/]")


class TaskUser(Struct, frozen=True):
    """Who tasks run as."""

    name: str
    uid: int
    gid: int
    home: str


def task_user(name: str) -> TaskUser:
    """The user of that name, if this process can run programs as that one. Raises `ConfigError`."""
    if sys.platform == "win32":
        raise ConfigError(
            "run_as is for Linux and macOS; on Windows have the worker's scheduled task run as the user that tasks are "
            "to run as, see docs/worker-settings.md."
        )
    import pwd  # noqa: PLC0415 - Windows has none

    try:
        found = pwd.getpwnam(name)
    except KeyError as error:
        raise ConfigError(f"run_as: there is no user {name!r} on this machine.") from error
    if found.pw_uid == 0:
        raise ConfigError(f"run_as: {name} may do everything, and read the worker's credentials; name another user.")
    if found.pw_uid == os.geteuid():
        raise ConfigError(
            f"run_as: the worker runs as {name} itself, who can read its credentials; start it as root, or leave "
            "run_as away."
        )
    if not _can_become_others():
        raise ConfigError(
            f"run_as: only root can run tasks as {name}; start the worker as root, such as with sudo or as a service "
            "of the system, or leave run_as away."
        )
    return TaskUser(found.pw_name, found.pw_uid, found.pw_gid, found.pw_dir)


def _can_become_others() -> bool:
    """Whether this process has what that takes; in a container root may not have it, and others may."""
    if sys.platform != "linux":
        return os.geteuid() == 0
    match = re.search(r"^CapEff:\s*(\w+)", Path("/proc/self/status").read_text("utf-8", "replace"), re.MULTILINE)
    return bool(match) and int(match[1], 16) & _CAPABILITIES == _CAPABILITIES  # type: ignore[index] # there is a match


def become(user: TaskUser) -> None:
    """Have this process be the user's for ever, with that one's groups and no capabilities. Raises `OSError`."""
    if sys.platform == "win32":
        raise OSError("Windows has no users like that")
    os.initgroups(user.name, user.gid)
    os.setgid(user.gid)
    os.setuid(user.uid)
    if sys.platform == "linux":  # or programs would have the capabilities of a worker that is not root's
        ctypes.CDLL(None).prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    if (os.getuid(), os.geteuid(), os.getgid(), os.getegid()) != (user.uid, user.uid, user.gid, user.gid):
        raise OSError(f"this process could not become {user.name}'s")
    # Not sooner: what Python or a plugin finds in a home, they run.
    os.environ.update(HOME=user.home, USER=user.name, LOGNAME=user.name)


def check_out_of_reach(user: TaskUser, paths: Iterable[Path]) -> None:
    """Raise `ConfigError` when the user can change or replace one of `paths`, or the folder that it is in.

    The worker reads its credentials, settings and plugins there: who can write them is the worker.
    """
    for path in paths:
        resolved = path.resolve()
        for place in dict.fromkeys((resolved, *resolved.parents, *path.absolute().parents)):
            # In a folder like /tmp everybody can make what is not there yet, and nobody replace what is another's.
            is_shared = place != resolved and (place != resolved.parent or resolved.exists())
            if place.exists() and _can_change(user, place.stat(), is_shared=is_shared):
                raise ConfigError(
                    f"run_as: {user.name} can change {place}, and so the worker's {path.name}; let it belong to root, "
                    f"and others not write there: chown root '{place}' && chmod go-w '{place}'"
                )


def _can_change(user: TaskUser, found: os.stat_result, *, is_shared: bool) -> bool:
    if found.st_uid == user.uid:
        return True
    if is_shared and found.st_mode & stat.S_ISVTX:
        return False
    is_of_group = found.st_mode & stat.S_IWGRP and found.st_gid in os.getgrouplist(user.name, user.gid)
    return bool(found.st_mode & stat.S_IWOTH or is_of_group)


def without_our_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for tasks: without our settings, for there may be a manager's key or password among them."""
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith(_OURS) or name in _NO_SECRETS or (name == "FLAMENCO_MANAGER" and not has_secret(value))
    }


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for tasks of another user: without secrets of any program, and what is of the worker's user."""
    return {
        name: value
        for name, value in without_our_secrets(environ).items()
        if not _OF_ONE_USER.fullmatch(name) and not _LIKE_A_SECRET.search(name)
    }


def has_secret(url: str) -> bool:
    """Whether a manager's URL has a password in it, or a key in its path."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
    except ValueError:
        return False
    return parts.password is not None or bool(_KEY_IN_PATH.search(parts.path))
