"""The folder of an old manager: its configuration, and where that says that its database and files are."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from msgspec import Struct

from flamenco.config.bygone import told, without_bygone
from flamenco.config.loading import check, read_content
from flamenco.config.paths import CONFIG_FILE_NAME, absolute
from flamenco.domain.errors import ConfigError, StoreError

_DATABASE: Final = "flamenco-manager.sqlite"
_STORAGE: Final = "flamenco-manager-storage"
_OURS: Final = ("database", "local_manager_storage_path")
"""Settings that are of the old manager: here the database is another one, and logs and images lie elsewhere."""


class OldFolder(Struct, frozen=True):
    """An old manager's folder; `content` is what its configuration says."""

    path: Path
    content: dict[Any, Any]

    @property
    def database(self) -> Path:
        """The file of its database. Raises `StoreError` for one that is on a server."""
        said = str(self.content.get("database") or _DATABASE)
        if "://" in said or "host=" in said:
            raise StoreError("Only an old manager with an SQLite file can be brought over, and this one has a server.")
        path = unquote(said.removeprefix("file:")) if said.startswith("file:") else said
        return Path(absolute(path.partition("?")[0], self.path))

    @property
    def storage(self) -> Path:
        """The folder of its task logs and images."""
        return Path(absolute(str(self.content.get("local_manager_storage_path") or _STORAGE), self.path))


def find(path: Path) -> OldFolder:
    """The folder of an old manager. Raises `StoreError` when there is no database, and `ConfigError`."""
    path = path.absolute()
    content = read_content(path / CONFIG_FILE_NAME)
    folder = OldFolder(path, content)
    if not folder.database.is_file():
        raise StoreError(
            f"There is no database {folder.database}: name the folder with the flamenco-manager.yaml and the "
            "flamenco-manager.sqlite of the old manager."
        )
    return folder


def settings(folder: OldFolder, data_dir: Path, database: str = "") -> tuple[dict[str, Any], list[str]]:
    """What the configuration here is to say, and sentences on what of the old one it does not.

    `database` is the one to use, where that is not a file in the data directory.
    """
    source = str(folder.path / CONFIG_FILE_NAME)
    said, bygone = without_bygone({key: each for key, each in folder.content.items() if key not in _OURS})
    notes = list(told(bygone, source))
    kept: dict[str, Any] = {}
    for key, value in said.items():
        if key == "_meta":
            continue
        here = absolute(str(value), folder.path) if key == "shared_storage_path" and value else value
        try:
            check({key: here}, source, folder.path / CONFIG_FILE_NAME, data_dir)
        except ConfigError as error:
            notes.append(str(error))
        else:
            kept[str(key)] = here
    if database:
        kept["database"] = database
    if not folder.content:
        notes.append(f"There is no {source}, so all settings have their defaults here.")
    return kept, notes
