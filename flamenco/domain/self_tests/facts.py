"""What a worker is asked to try out, and what it saw: facts alone, as both sides tell each other."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Final

from msgspec import Meta, Struct

MOST_PLACES: Final = 100
MOST_PROGRAMS: Final = 50

NO_PROBE: Final = "PROBE"
"""In place of what the system says went wrong: what tries out a storage does not work itself."""

Said = Annotated[str, Meta(max_length=2_000)]
Label = Annotated[str, Meta(max_length=255)]


class Why(StrEnum):
    """Why a worker tests itself."""

    SIGN_ON = "sign-on"
    AGAIN = "again"
    ASKED = "asked"
    BY_HAND = "by-hand"

    @property
    def is_quick(self) -> bool:
        """Whether nobody wants to wait for it: then no program is started, and no speed is measured."""
        return self in (Why.SIGN_ON, Why.AGAIN)


class Step(StrEnum):
    """What is done with a storage, in this order."""

    EXISTS = "exists"
    LIST = "list"
    SAME = "same"
    WRITE = "write"
    READ = "read"
    RENAME = "rename"
    CASE = "case"
    SYMLINK = "symlink"
    HARDLINK = "hardlink"
    SPACE = "space"
    SPEED = "speed"
    DELETE = "delete"


class Came(StrEnum):
    """What came of something that was tried."""

    OK = "ok"
    FAILED = "failed"
    TIMED_OUT = "timed-out"
    MISSING = "missing"
    SEEN = "seen"
    """It is there, and nobody has started it."""


class Place(Struct, frozen=True, kw_only=True):
    """A storage to try out; `token_file` is the name of the file that the manager has put there, if it could."""

    name: str
    path: str
    token_file: str = ""


class WantedProgram(Struct, frozen=True, kw_only=True):
    """A program to try out, and what jobs call it on this worker's platform.

    `like` is the program that it is one of: `blender`, for a farm's variable `blender_36`.
    """

    name: str
    exe: str
    like: str


class Order(Struct, frozen=True, kw_only=True):
    """What a worker is to try out, for how long each step may take, and what time it is at the manager."""

    id: str
    places: list[Place]
    programs: list[WantedProgram]
    is_quick: bool
    limit_s: float
    now: datetime


class StepFacts(Struct, frozen=True, kw_only=True):
    """What came of a step; `error` is the system's short name for what went wrong, such as ENOENT."""

    step: Step
    came: Came
    error: Label = ""
    text: Said = ""


class PlaceFacts(Struct, frozen=True, kw_only=True):
    """What was seen of a storage. `token` is what was in the manager's file, `entries` how many things lie there.

    `clock_ahead_s` is by how much the clock of this machine is ahead of what the storage writes on files.
    """

    VERBATIM: ClassVar = frozenset({"token"})
    """Who knows what is in somebody else's file."""

    name: Label
    steps: Annotated[list[StepFacts], Meta(max_length=50)]
    token: Annotated[str, Meta(max_length=200)] = ""
    entries: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    ignores_case: bool = False
    free_mb: float | None = None
    clock_ahead_s: float | None = None
    write_mb_s: float | None = None
    read_mb_s: float | None = None


class ProgramFacts(Struct, frozen=True, kw_only=True):
    """What was seen of a program: where it is, and what it says that it is."""

    name: Label
    came: Came
    path: Said = ""
    version: Label = ""
    text: Said = ""


class Facts(Struct, frozen=True, kw_only=True):
    """All that a worker saw. `clock_ahead_s` is by how much its clock is ahead of the manager's, for sure."""

    places: Annotated[list[PlaceFacts], Meta(max_length=MOST_PLACES)] = []
    programs: Annotated[list[ProgramFacts], Meta(max_length=MOST_PROGRAMS)] = []
    gpus: Annotated[list[Label], Meta(max_length=64)] = []
    clock_ahead_s: float | None = None
    user: Label = ""
