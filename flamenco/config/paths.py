"""Where things are when nobody says otherwise."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Final

from flamenco.domain.variables import this_platform

CONFIG_FILE_NAME: Final = "flamenco-manager.yaml"


def flamenco_home(environ: Mapping[str, str] = os.environ, system: str = sys.platform) -> Path:
    """The folder for everything of Flamenco on this machine, absolute; it may not exist yet.

    `$FLAMENCO_HOME`, else the platform's place for the data of programs: `$XDG_DATA_HOME/flamenco` or
    `~/.local/share/flamenco`, `~/Library/Application Support/Flamenco`,
    `%LOCALAPPDATA%\\Blender Foundation\\Flamenco`: where workers have always kept their credentials.
    """
    if home := environ.get("FLAMENCO_HOME"):
        return Path(home).absolute()
    if this_platform(system) == "windows":
        local = environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "Blender Foundation" / "Flamenco"
    if system == "darwin":
        return Path.home() / "Library" / "Application Support" / "Flamenco"
    xdg = environ.get("XDG_DATA_HOME", "")
    # The XDG specification says that a relative path there is to be ignored.
    return (Path(xdg) if xdg.startswith("/") else Path.home() / ".local" / "share") / "flamenco"


def default_data_dir(environ: Mapping[str, str] = os.environ, system: str = sys.platform) -> Path:
    """The manager's data directory when none is given.

    Not below the current directory: a manager that is started from elsewhere the next day, or by the
    system at boot, would otherwise come up as an empty farm. Not the folder itself either, because the
    workers of the same machine and user keep their credentials there.
    """
    return flamenco_home(environ, system) / "manager"


def absolute(path: str, folder: Path) -> str:
    """Make `path` absolute: `~` is the user's home, a relative one is below `folder`, Windows' own stay as they are.

    A manager on Linux may well be told of `S:\\renders`; below a folder here it would mean nothing.
    """
    if PureWindowsPath(path).is_absolute():
        return path
    return str(folder.absolute() / os.path.expanduser(path))  # noqa: PTH111 (that of pathlib fails for unknown users)
