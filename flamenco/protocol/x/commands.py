"""Commands on the wire of our own additions."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from flamenco.hooks.command_docs import CommandDocs
from flamenco.protocol.fields import Text


class Commands(Struct, frozen=True, kw_only=True):
    """All commands that the manager knows, by name."""

    commands: list[CommandDocs]


CommandName = Annotated[Text, Meta(min_length=1, max_length=255)]


class WorkerCommands(Struct, frozen=True, kw_only=True):
    """The commands that a worker has, in any order."""

    commands: Annotated[list[CommandName], Meta(max_length=10_000)]


class KnownCommands(Struct, frozen=True, kw_only=True):
    """The commands that the manager knows, by name."""

    commands: list[str]
