"""Has the program believe that it is on another system, as far as Linux can pretend that: run as a program.

What only POSIX has is taken away for `windows`, and what only Linux has for `macos`: modules, functions of `os`,
signals, kinds of sockets, `select.poll`. Modules of the standard library and of others are imported before, since they
are made for the system they are on; so is what `pathlib` makes of `os.name`. With the system's name alone, it imports
every module of the program, and prints which could not be imported; with more, it runs `flamenco` with that.
"""

from __future__ import annotations

import builtins
import ctypes
import fcntl
import importlib
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any

HIDDEN = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "gunicorn", "syslog", "spwd", "imageio_ffmpeg")
FUNCTIONS = (
    *("fork", "forkpty", "getuid", "geteuid", "getgid", "getegid", "initgroups", "setuid", "setgid", "setsid"),
    *("setpgid", "killpg", "getpgid", "nice", "pread", "pwrite", "fchmod", "fchown", "chown", "mkfifo", "waitid"),
    *("waitstatus_to_exitcode", "WNOHANG", "WEXITED", "P_ALL", "O_NOFOLLOW", "O_DIRECTORY", "O_NONBLOCK"),
    *("getloadavg", "register_at_fork"),
)
LINUX_FUNCTIONS = ("pidfd_open", "memfd_create", "sched_getaffinity", "sched_setaffinity", "posix_fadvise")
SIGNALS = [
    "SIGHUP",
    "SIGCHLD",
    "SIGPIPE",
    "SIGXFSZ",
    "SIGUSR1",
    "SIGUSR2",
    "SIGPROF",
    "SIGALRM",
    "SIGQUIT",
    "ITIMER_PROF",
    "setitimer",
]
SOCKETS = ("AF_UNIX", "send_fds", "recv_fds", "SO_REUSEPORT")


def modules() -> list[str]:
    """All modules of the program."""
    package = importlib.import_module("flamenco")
    found = pkgutil.walk_packages(package.__path__, "flamenco.", onerror=lambda _: None)
    # A migration's environment runs when it is imported; gunicorn's module is for where gunicorn is.
    return [
        each.name for each in found if not each.name.startswith(("flamenco.store.migrations.", "flamenco._bundled"))
    ]


NOT_THERE = {"flamenco.server.gunicorn", "flamenco.blender_launcher", "flamenco.__main__"}
"""gunicorn's own, what runs within Blender, and what is a program when it is imported."""


def locking_module() -> types.ModuleType:
    """`msvcrt`, as far as it is used: it locks what comes next in a file, for this process, or refuses."""
    kinds = {"LK_UNLCK": fcntl.LOCK_UN, "LK_NBLCK": fcntl.LOCK_EX | fcntl.LOCK_NB}

    def locking(descriptor: int, kind: int, size: int) -> None:
        try:
            fcntl.lockf(descriptor, kind, size, os.lseek(descriptor, 0, os.SEEK_CUR))
        except BlockingIOError as error:
            raise PermissionError("somebody else has it") from error

    module = types.ModuleType("msvcrt")
    vars(module).update(kinds, locking=locking)
    return module


def registry() -> types.ModuleType:
    """`winreg`, of a machine where no program opens .blend files."""

    def value(_key: object, name: str) -> str:
        raise FileNotFoundError(name)

    module = types.ModuleType("winreg")
    vars(module).update(HKEY_CLASSES_ROOT=None, QueryValue=value)
    return module


def pair(*_: object) -> tuple[socket.socket, socket.socket]:
    """`socket.socketpair`, as Python makes one on Windows."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        return ours, listener.accept()[0]


def hide(owner: types.ModuleType, names: Iterable[str]) -> None:
    """Take them away, as far as they are there."""
    for name in names:
        if hasattr(owner, name):
            delattr(owner, name)


def has_no_prctl(libraries: Callable[..., Any], *, is_without_name: bool) -> None:
    """Have C's own library be as it is on other systems."""

    def library(name: str | None, *more: Any, **named: Any) -> Any:
        if name is not None:
            return libraries(name, *more, **named)
        if not is_without_name:
            raise TypeError("Windows has no library without a name")
        return object()

    vars(ctypes).update(CDLL=library)


def be_macos() -> None:
    """Be macOS."""
    hide(os, LINUX_FUNCTIONS)
    hide(select, ("epoll",))
    has_no_prctl(ctypes.CDLL, is_without_name=True)
    sys.platform = "darwin"


def be_windows() -> None:
    """Be Windows."""
    sys.modules.update(dict.fromkeys(HIDDEN))  # type: ignore[arg-type] # which says that there is none
    hide(os, (*FUNCTIONS, *LINUX_FUNCTIONS))
    hide(signal, SIGNALS)
    hide(socket, SOCKETS)
    hide(select, ("poll", "epoll"))
    os.supports_dir_fd.clear()
    sys.modules |= {"msvcrt": locking_module(), "winreg": registry()}
    vars(subprocess).update(CREATE_NEW_PROCESS_GROUP=512)
    vars(signal).update(CTRL_BREAK_EVENT=1)
    vars(socket).update(SO_EXCLUSIVEADDRUSE=socket.SO_KEEPALIVE, socketpair=pair)
    has_no_prctl(ctypes.CDLL, is_without_name=False)
    sys.platform = "win32"


def main(system: str, arguments: list[str]) -> None:
    """Import all of it twice: once for what others make of it, and once on what pretends to be another system."""
    names = [name for name in modules() if name not in NOT_THERE]
    for name in names:
        importlib.import_module(name)
    for name in [each for each in sys.modules if each.split(".")[0] == "flamenco"]:
        del sys.modules[name]
    {"windows": be_windows, "macos": be_macos}[system]()
    if arguments:
        sys.argv[1:] = arguments
        importlib.import_module("flamenco.cli").main()
        return
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:
            builtins.print(f"{name}: {type(error).__name__}: {error}")  # noqa: T201 - it is a program
    builtins.print(f"{len(names)} modules")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
