"""What a worker sees of a storage, which a process of its own tries out: it may be one that never answers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from flamenco.domain.self_tests.facts import NO_PROBE, Came, Place, PlaceFacts, Step, StepFacts
from flamenco.hooks.types import CommandFailed
from flamenco.worker.self_test.runner import Programs, TimedOut

_PROBE: Final = Path(__file__).with_name("storage_probe.py")

_SPEED_TIMES: Final = 6
"""So much longer than other steps may it take to measure the speed."""

_LONGEST: Final = 2_000


class _Told(Struct, frozen=True):
    """A line of the probe: what it begins with, or what came of a step, with what is seen by it."""

    begins: Step | UnsetType = UNSET
    step: Step | UnsetType = UNSET
    came: Came = Came.OK
    error: str = ""
    text: str = ""
    token: str = ""
    entries: Annotated[int, Meta(ge=0)] = 0
    ignores_case: bool = False
    free_mb: float | None = None
    clock_ahead_s: float | None = None
    write_mb_s: float | None = None
    read_mb_s: float | None = None


_SEEN: Final = ("token", "entries", "ignores_case", "free_mb", "clock_ahead_s", "write_mb_s", "read_mb_s")
_NOTHING: Final = _Told()
_decode: Final = msgspec.json.Decoder(_Told).decode


def look(place: Place, programs: Programs, limit_s: float, *, is_quick: bool) -> PlaceFacts:
    """Try out one storage. Each step may take `limit_s`; nothing is raised for what goes wrong there."""
    asked = json.dumps({"path": place.path, "token_file": place.token_file, "is_quick": is_quick})
    argv = [sys.executable, "-I", "-S", str(_PROBE), asked]
    steps: list[StepFacts] = []
    seen: dict[str, Any] = {}
    present: Step = Step.EXISTS

    def limit() -> float:
        return limit_s * (_SPEED_TIMES if present is Step.SPEED else 1)

    try:
        for line in programs.lines(argv, limit):
            told = _decode(line)
            if told.begins is not UNSET:
                present = told.begins
            elif told.step is not UNSET:
                steps.append(StepFacts(step=told.step, came=told.came, error=told.error, text=told.text[:_LONGEST]))
                seen |= {each: value for each in _SEEN if (value := getattr(told, each)) != getattr(_NOTHING, each)}
    except TimedOut:
        steps.append(StepFacts(step=present, came=Came.TIMED_OUT))
    except (CommandFailed, msgspec.MsgspecError) as error:
        steps.append(StepFacts(step=present, came=Came.FAILED, error=NO_PROBE, text=str(error)[:_LONGEST]))
    return PlaceFacts(name=place.name, steps=steps, **seen)
