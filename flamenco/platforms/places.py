"""Reading a file at a place, whatever its position is."""

from __future__ import annotations

import os
import sys
import threading

if sys.platform != "win32":

    def read_at(descriptor: int, size: int, offset: int) -> bytes:
        """At most so many bytes from `offset` on; fewer at the end, as by `os.pread`. Raises `OSError`."""
        return os.pread(descriptor, size, offset)

else:
    _lock = threading.Lock()

    def read_at(descriptor: int, size: int, offset: int) -> bytes:
        """The same for Windows, which has one position for all threads."""
        with _lock:
            os.lseek(descriptor, offset, os.SEEK_SET)
            return os.read(descriptor, size)
