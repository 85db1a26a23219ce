"""Topics of events, and the patterns by which somebody says which of them are wanted. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from flamenco.domain.events import TASK_LOGS


def matches(topic: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns fits: `/jobs` that topic alone, `/jobs/*` all below it, `*` all but task logs.

    Elsewhere a `*` stands for anything but a slash. Task logs have to be asked for: `/tasklog/*`.
    """
    if topic.startswith(TASK_LOGS):
        patterns = [pattern for pattern in patterns if pattern.startswith(TASK_LOGS)]
    return any(pattern == "*" or _fits(topic.split("/"), pattern.split("/")) for pattern in patterns)


def _fits(parts: list[str], wanted: list[str]) -> bool:
    if wanted[-1] == "*":
        parts = parts[: len(wanted)]
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))
