"""Looks which of some patterns is in which of some lines: the first pattern that is in any, and its last line.

Python cannot stop one that goes back and forth in a line for hours. So this file is a program as well, which is asked
and answers in lines of JSON (`rule_matching`), and that ends when it has taken too much of the processor. It imports
nothing but the standard library, starts in 20 ms, and ends when nobody asks for a minute.
"""

from __future__ import annotations

import json
import re
import select
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

Hit: TypeAlias = tuple[int, str, dict[str, str]]
"""The number of the pattern, the line, and what the pattern's named groups are; empty for those that are not there."""

_IDLE_S: Final = 60.0
_MEMORY: Final = 512 * 1024 * 1024


def first(patterns: Sequence[str], lines: Sequence[str], begins: Callable[[int], Any] = lambda _: None) -> Hit | None:
    """The first pattern that is in any line; nothing is looked at of an empty one. `begins` is told each number."""
    for number, pattern in enumerate(patterns):
        begins(number)
        if not pattern:
            return number, lines[-1] if lines else "", {}
        search = re.compile(pattern).search
        for line in reversed(lines):
            if match := search(line):
                return number, line, {name: text or "" for name, text in match.groupdict().items()}
    return None


def main() -> None:
    """Answer until nobody asks any more. Each answer comes after the numbers of the patterns that were begun with."""
    if sys.platform == "win32":  # without limits; whoever asks ends it
        _answer_without_limits()
        return
    import resource  # noqa: PLC0415 - Windows has none

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    budget_s = float(sys.argv[1])
    while select.select([sys.stdin], [], [], _IDLE_S)[0] and (asked := sys.stdin.buffer.readline()):
        patterns, lines = json.loads(asked)
        signal.setitimer(signal.ITIMER_PROF, budget_s)  # of the processor's time; the signal ends the process
        found = first(patterns, lines, lambda number: _say({"begins": number}))
        signal.setitimer(signal.ITIMER_PROF, 0)
        _say({"found": found})


def _answer_without_limits() -> None:
    for asked in sys.stdin.buffer:
        patterns, lines = json.loads(asked)
        _say({"found": first(patterns, lines, lambda number: _say({"begins": number}))})


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(answer)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
