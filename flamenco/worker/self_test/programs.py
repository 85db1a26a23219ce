"""What a worker sees of the programs that its commands need: whether they are there, and say what they are."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from flamenco.domain.self_tests.facts import Came, ProgramFacts, WantedProgram
from flamenco.hooks.types import CommandFailed, CommandType, Program
from flamenco.worker.self_test.runner import Programs, TimedOut

_LONGEST: Final = 2_000
_LONGEST_LABEL: Final = 255
_LISTS_GPUS: Final = "nvidia-smi"
_MOST_GPUS: Final = 64


def needed(commands: Iterable[CommandType]) -> dict[str, Program]:
    """The programs that commands need, by their names."""
    return {each.needs.name: each.needs for each in commands if each.needs is not None}


def look(
    wanted: WantedProgram,
    program: Program,
    variables: Mapping[str, str],
    programs: Programs,
    limit_s: float,
    *,
    is_quick: bool,
) -> ProgramFacts:
    """Look for a program and, unless it is to be quick, start it. Nothing is raised for what goes wrong."""
    exe = program.find(wanted.exe, variables) if program.find else wanted.exe
    path = shutil.which(exe)
    if path is None:
        return ProgramFacts(name=wanted.name, came=Came.MISSING, path=exe[:_LONGEST])
    about = {"name": wanted.name, "path": path[:_LONGEST]}
    if is_quick:
        return ProgramFacts(came=Came.SEEN, **about)
    version = last = ""
    try:
        for line in _lines(programs, [path, *program.arguments], limit_s):
            last = line.strip() or last
            if line.startswith(program.says):
                version = version or last[:_LONGEST_LABEL]
    except TimedOut:
        return ProgramFacts(came=Came.TIMED_OUT, **about)
    except CommandFailed as error:
        return ProgramFacts(came=Came.FAILED, text=f"{error}; {last}".removesuffix("; ")[:_LONGEST], **about)
    if version:
        return ProgramFacts(came=Came.OK, version=version, **about)
    said = f"it says {last!r}" if last else "it says nothing"
    return ProgramFacts(came=Came.FAILED, text=said[:_LONGEST], **about)


def gpus(programs: Programs, limit_s: float) -> list[str]:
    """The graphics cards that NVIDIA's own program knows, where there is that program."""
    path = shutil.which(_LISTS_GPUS)
    if path is None:
        return []
    try:
        found = [line.strip()[:_LONGEST_LABEL] for line in _lines(programs, [path, "-L"], limit_s)]
    except (TimedOut, CommandFailed):
        return []
    return [line for line in found if line.startswith("GPU ")][:_MOST_GPUS]


def _lines(programs: Programs, argv: list[str], limit_s: float) -> Iterator[str]:
    """What it prints. All of it is to be there in time: one that prints for ever is no better than a silent one."""
    end = time.monotonic() + limit_s
    return programs.lines(argv, lambda: max(0.0, end - time.monotonic()))
