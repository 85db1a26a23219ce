"""What is to be run as a service, whatever system it is for. Nothing here looks at the machine."""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePath
from typing import Final

from msgspec import Struct

STOP_WITHIN_S: Final = {"manager": 30, "worker": 60}
"""How long a system waits for an end before it kills. A worker gives its task back, and ends Blender."""


class Kind(StrEnum):
    """What of Flamenco is to run."""

    MANAGER = "manager"
    WORKER = "worker"


class Service(Struct, frozen=True, kw_only=True):
    """A command that a system is to keep running.

    `command` begins with the full path of a program. `writes`: the folders and files that it has to write to; nothing
    else, where a system can see to that. `run_as` is a user's name, empty for whoever looks after the system;
    `is_of_user`: it belongs to the user who is signed in, and needs no administrator. `environment` has no secrets.
    """

    kind: Kind
    name: str
    command: tuple[str, ...]
    folder: PurePath
    writes: tuple[PurePath, ...] = ()
    run_as: str = ""
    is_of_user: bool = False
    environment: dict[str, str] = {}

    @property
    def title(self) -> str:
        """What people see in a list of services."""
        return f"Flamenco {self.kind} ({self.name})"
