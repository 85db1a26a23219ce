"""The first steps of a farm: where its files go, what renders, and a frame that shows whether it does.

All of it is tried again here before anything is written, whoever tried it before.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from flamenco.config.declared import to_plain
from flamenco.domain.errors import Refused
from flamenco.domain.model import Submission
from flamenco.domain.variables import MANAGER_PLATFORM, everywhere, is_unc
from flamenco.farm import blenders, configuration, configuration_file, lifecycle
from flamenco.farm.configuration import VARIABLES
from flamenco.farm.context import Farm
from flamenco.files import shared_storage, trial_scene
from flamenco.files.job_folders import unusable

STORAGE_VARIABLE: Final = "storage"
"""The two-way variable that is made for the shared storage on other platforms."""

_STORAGE: Final = "shared_storage_path"

TEST_FOLDER: Final = "flamenco-test"
"""Where the scene and the frame of a test render go, below the shared storage."""

_ELSEWHERE: Final = ("environment ", "command line")


class State(Struct, frozen=True, kw_only=True):
    """How far that is: `storage` as the manager runs, empty while nobody has chosen one."""

    is_first_run: bool
    storage: str
    platform: str


def state(farm: Farm) -> State:
    """Whether anybody has set the farm up, and with what it runs. Raises `ConfigError` for a file that is broken."""
    is_first_run = configuration.state(farm).is_first_run
    return State(is_first_run=is_first_run, storage=farm.config.shared_storage_path, platform=this_platform())


def this_platform() -> str:
    """The manager's platform, as variables name it."""
    return platform.system().lower()


def set_up(farm: Farm, storage: str, blender: str, elsewhere: Mapping[str, str]) -> None:
    """Write it all into the file, and start anew with it.

    `blender` is a command or path, empty for what workers have anyway; `elsewhere` says where other platforms have the
    storage. Raises `Refused` when something of it cannot be used, `Failed` when the file cannot be written.
    """
    _check_storage(farm, storage)
    content = configuration_file.content_of(farm)
    changes: dict[str, Any] = {_STORAGE: storage}
    variables = _variables(farm, storage, blender, elsewhere)
    if variables:
        changes[VARIABLES] = {**(content.get(VARIABLES) or {}), **variables}
    configuration_file.replace(farm, content, {**content, **changes})
    lifecycle.tell_restart(farm)


def _check_storage(farm: Farm, storage: str) -> None:
    if not (Path(storage).is_absolute() or is_unc(storage)):  # the check has words of its own for those
        raise Refused(f"{storage!r} is not a whole path; write it from its beginning, such as /mnt/farm.")
    found = shared_storage.check(storage)
    if not found.is_usable:
        raise Refused(f"{storage!r} cannot be the shared storage: {found.cause}")
    source = farm.sources.get(_STORAGE, "")
    if source.startswith(_ELSEWHERE):
        raise Refused(f"{_STORAGE} is said by the {source}, which wins over the file; change it there.")


def _variables(farm: Farm, storage: str, blender: str, elsewhere: Mapping[str, str]) -> dict[str, Any]:
    """The variables that are to be written, as the file has them."""
    found: dict[str, Any] = {}
    if blender:
        chosen = blenders.check(blender, farm.config.blender_folders)
        command = configuration.quoted(blenders.command_of(_usable(chosen)))
        found["blender"] = to_plain(everywhere(command))
    paths = {name: path for name, path in elsewhere.items() if path and name != this_platform()}
    if paths:
        values = [{"platform": name, "value": path} for name, path in {this_platform(): storage, **paths}.items()]
        found[STORAGE_VARIABLE] = {"is_twoway": True, "values": values}
    return found


def _usable(chosen: blenders.BlenderCheck) -> blenders.BlenderCheck:
    if not chosen.is_usable:
        raise Refused(f"{chosen.input!r} cannot be the Blender: {chosen.cause}")
    return chosen


def trial_render(farm: Farm) -> Submission:
    """A job of one frame, whose scene is put into the shared storage. Raises `StoreError` when that cannot be."""
    folder = farm.config.shared_path / TEST_FOLDER
    try:
        scene = trial_scene.put(folder)
    except OSError as error:
        raise unusable(f"The scene cannot be put into {folder}", error) from error
    settings = {
        "frames": "1",
        "render_output_root": folder.as_posix(),
        "render_output_path": (folder / "######").as_posix(),
        "add_path_components": 0,
        "blendfile": scene.as_posix(),
        "format": "PNG",
        "image_file_extension": ".png",
        "has_previews": False,
        "scene": trial_scene.SCENE,
    }
    return Submission(
        name="Test render", type="simple-blender-render", settings=settings, submitter_platform=MANAGER_PLATFORM
    )
