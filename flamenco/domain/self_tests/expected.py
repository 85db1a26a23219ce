"""What a manager knows of its storages and programs, against which the facts of a worker are held."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct


class Known(Struct, frozen=True, kw_only=True):
    """A storage: its name, where a worker has it, and where the manager has it.

    `is_shared`: it is the one that every job may need. `token` is what the manager has written there; empty where it
    could not. Then nobody can tell whether the manager has that storage at all, and nothing of it keeps tasks away.
    """

    name: str
    path: str
    folder: str
    is_shared: bool = False
    token: str = ""


class Rules(Struct, frozen=True, kw_only=True):
    """From when on something is wrong."""

    least_free_mb: float = 0
    most_clock_s: float = 0


class Needed(Struct, frozen=True, kw_only=True):
    """A program, by the variables that stand for one of its kind, and the commands that are nothing without any."""

    names: Sequence[str]
    commands: Sequence[str]


class Expected(Struct, frozen=True, kw_only=True):
    """What the manager knows: the storages, the programs that commands need, and the worker's platform.

    `limit_s`: how long each step may take.
    """

    platform: str
    places: Sequence[Known]
    programs: Sequence[Needed]
    limit_s: float
