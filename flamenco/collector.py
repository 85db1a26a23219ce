"""Python's garbage collector, and when it is better out of the way."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Without the garbage collector, which would look at a hundred thousand new tasks again and again, in vain.

    For work that takes seconds at most, and never for waiting: the collector stands still for all threads. What is not
    part of a circle is let go of all the same.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
