"""What a task is made of, on the wire of our own additions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType


class CommandsQuery(Struct, frozen=True, kw_only=True):
    """For whom the commands are."""

    platform: (
        Annotated[Literal["linux", "windows", "darwin"], Meta(description="That of the worker; else the manager's.")]
        | UnsetType
    ) = UNSET


class TaskCommand(Struct, frozen=True, kw_only=True):
    """One command. `problem` is why no worker can run it."""

    name: str
    parameters: dict[str, Any]
    line: Annotated[
        str | UnsetType,
        Meta(
            description="What runs the same by hand, in bash, zsh or PowerShell; absent where that is not all it does."
        ),
    ] = UNSET
    problem: str | UnsetType = UNSET


class TaskCommands(Struct, frozen=True, kw_only=True):
    """The commands as a worker on `platform` gets them; `platforms` can be asked about, the manager's own first."""

    platform: str
    platforms: list[str]
    commands: list[TaskCommand]
