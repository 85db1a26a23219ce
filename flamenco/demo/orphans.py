"""Finds and ends processes whose parents died: a worker that crashed leaves the renderer it had started behind.

On Linux the demo becomes the parent of such orphans, so that it can end them. Elsewhere there is no such thing and
the farm's own way of ending what it started has to do.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
ROUNDS = 20
ROUND_S = 0.1


def adopt() -> None:
    """Become the parent of every process below this one whose own parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children_of(parent: int) -> set[int]:
    """Ids of the processes that `parent` is the parent of, dead ones included that nobody asked about yet."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # the name in parentheses may have spaces and parentheses of its own; after it: state, then the parent
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.add(int(stat.parent.name))
    return found


def end(keep: set[int]) -> None:
    """Kill all children of this process but those in `keep`, then what they leave behind, until there is nothing."""
    for _ in range(ROUNDS):
        left = children_of(os.getpid()) - keep
        if not left:
            return
        for child in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, os.WNOHANG)
        time.sleep(ROUND_S)
