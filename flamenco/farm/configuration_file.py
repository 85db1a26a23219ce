"""The configuration file of a manager that runs: read, tried, written, and recorded who changed what in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flamenco.config.content import META
from flamenco.config.declared import settings_of, shown
from flamenco.config.loading import check, read_content
from flamenco.config.manager_settings import Config
from flamenco.config.writing import write as write_file
from flamenco.domain.errors import ConfigError, Failed, Refused, StoreError, Unavailable
from flamenco.farm import audit
from flamenco.farm.context import Farm
from flamenco.files import own_folders
from flamenco.files.job_folders import unusable
from flamenco.store.engine import Store
from flamenco.store.upgrade import usable_revision

_MASKED: Final = tuple(setting for setting in settings_of(Config) if setting.secret or setting.url)


def content_of(farm: Farm) -> dict[str, Any]:
    """What the file says, unchecked; nothing where there is none. Raises `ConfigError`."""
    return read_content(farm.config_file)


def replace(farm: Farm, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Let the file say something else, the manager start anew with it, and record it. Raises as `write`."""
    write(farm, after)
    changed = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
    # What is in the file counts, also where it cannot be recorded.
    farm.restart()
    was, now = masked(before), masked(after)
    note(farm, {key: was.get(key) for key in changed}, {key: now.get(key) for key in changed})


def write(farm: Farm, content: Mapping[str, Any]) -> None:
    """Let the file say that. Raises `Refused` when it cannot be used, `Failed` when the file cannot be written."""
    try:
        _try(check(content, "the new configuration", farm.config_file, farm.config.data_dir))
    except (ConfigError, StoreError) as error:
        raise Refused(str(error)) from error
    try:
        write_file(farm.config_file, {key: value for key, value in content.items() if key != META}, farm.clock())
    except ConfigError as error:
        if isinstance(error.__cause__, OSError):
            found = unusable(f"The configuration file {farm.config_file} cannot be written", error.__cause__)
            if isinstance(found, Unavailable):
                raise found from error
        raise Failed(str(error)) from error


def note(farm: Farm, before: dict[str, Any] | None, after: dict[str, Any]) -> None:
    """Record the change, after it: a file and a database have no transaction in common."""
    with farm.store.write() as tx:
        audit.note(tx, farm.clock(), "configuration", farm.config_file.name, before=before, after=after)


def masked(content: Mapping[str, Any], group: str = "") -> dict[str, Any]:
    """The same without secrets."""
    said = dict(content)
    for setting in _MASKED:
        key, _, inside = setting.key.removeprefix(group).partition(".")
        if not setting.key.startswith(group) or key not in said:
            continue
        said[key] = masked(said[key], f"{group}{key}.") if inside else shown(setting, said[key])
    return said


def _try(config: Config) -> None:
    """Raise `ConfigError` or `StoreError` for folders that cannot be made, and a database that does not answer.

    A manager that cannot start with what it was told cannot be told anything else either.
    """
    try:
        own_folders.make(config)
        store = Store(config.database_url, pool_size=1)
    except OSError as error:
        raise ConfigError(f"The folder {error.filename} cannot be used: {error.strerror}.") from error
    try:
        usable_revision(store)
    finally:
        store.close()
