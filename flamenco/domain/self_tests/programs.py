"""What is to be said of the programs that a worker has tried to start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from flamenco.domain.findings import Finding, Grade
from flamenco.domain.self_tests.expected import Needed
from flamenco.domain.self_tests.facts import Came, ProgramFacts

_TITLES: Final = {"blender": "Blender", "ffmpeg": "FFmpeg"}


def findings(needed: Needed, facts: Mapping[str, ProgramFacts], limit_s: float) -> list[Finding]:
    """What is to be said of each of a kind. Where one of them is well, the others keep nobody from anything."""
    found = [finding(name, facts.get(name), limit_s) for name in needed.names]
    if not any(each.grade is Grade.OK for each in found):
        return found
    return [replace(each, grade=Grade.NOTE) if each.grade is Grade.PROBLEM else each for each in found]


def finding(name: str, facts: ProgramFacts | None, limit_s: float) -> Finding:
    """One that could not be started is a problem; of one that nobody looked for, nothing is known."""
    title = _TITLES.get(name, name)
    if facts is None:
        return Finding(name, Grade.NOTE, f"{title} was not looked for.")
    match facts.came:
        case Came.OK:
            return Finding(name, Grade.OK, f"{facts.version or title} starts, from {facts.path}.")
        case Came.SEEN:
            return Finding(name, Grade.OK, f"{title} is there, at {facts.path}; it was not started.")
        case Came.MISSING:
            text = f"{title} is not there: jobs call it {facts.path!r} on this platform."
            return Finding(
                name, Grade.PROBLEM, text, f"Install it, put it on PATH, or give the variable {{{name}}} its path."
            )
        case Came.TIMED_OUT:
            text = f"{title} at {facts.path} did not say its version within {limit_s:g} s."
            return Finding(name, Grade.PROBLEM, text, "Start it there by hand, as the user that the worker runs as.")
    said = f": {facts.text}" if facts.text else ""
    text = f"{title} at {facts.path} does not start{said.rstrip('.')}."
    return Finding(name, Grade.PROBLEM, text, f"Start it there by hand; it may miss a library, or be no {title}.")
