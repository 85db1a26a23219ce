"""What of the program is called, in order: for what the manual says of the way that things take."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import flamenco

_PACKAGE = f"{Path(flamenco.__file__).parent}/"


@contextmanager
def recorded() -> Iterator[list[str]]:
    """Names of the functions of ours that this thread calls, and threads that begin meanwhile, like `farm.jobs.submit`.

    Each is there once, where it was called first.
    """
    names: dict[str, None] = {}

    def note(frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(_PACKAGE):
            module = code.co_filename.removeprefix(_PACKAGE).removesuffix(".py").removesuffix("/__init__")
            names.setdefault(f"{module.replace('/', '.')}.{code.co_qualname}")

    called: list[str] = []
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield called
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        called += names
