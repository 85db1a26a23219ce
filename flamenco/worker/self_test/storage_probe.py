"""Tries out one storage, in a process of its own: whatever a storage does, nobody else waits for it.

It is started as a file, without the packages of the worker, by the user that tasks run as:

    storage_probe.py '{"path": …, "token_file": …, "is_quick": …}'

It prints a line of JSON before each step, with its name, and one after it, with what came of it. What it makes in the
storage it takes away again; what an earlier one has left there, since it was killed, as well, after an hour.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

PREFIX = ".flamenco-self-test-"
LEFT_AFTER_S = 3600
MOST_ENTRIES = 10_000
MOST_TOKEN = 200
PAUSES_S = (0, 0.1, 0.3)
BLOCK = bytes(range(256)) * 4096
BLOCKS = 16


class Probe:
    """One storage; each step is a method that gives what it saw, or raises `OSError`."""

    def __init__(self, path: str, token_file: str) -> None:
        self.path = Path(path)
        self.token_file = token_file
        self.file = self.path / f"{PREFIX}{os.getpid()}-{os.urandom(4).hex()}.a"
        self.renamed = self.file.with_suffix(".b")
        self.link = self.file.with_suffix(".c")
        self.content = os.urandom(16).hex().encode()
        self.now = time.time()
        self.left: list[Path] = []

    def exists(self) -> dict[str, object]:
        """It is a folder."""
        if not stat.S_ISDIR(self.path.stat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, "it is no folder")
        return {}

    def list(self) -> dict[str, object]:
        """What lies there can be listed."""
        count = 0
        with os.scandir(self.path) as entries:
            for entry in islice(entries, MOST_ENTRIES):
                if not entry.name.startswith(PREFIX):
                    count += 1
                elif entry.name != self.token_file:
                    self.left.append(Path(entry.path))
        return {"entries": count}

    def same(self) -> dict[str, object]:
        """What is in the manager's file; nothing where it is not there."""
        if not self.token_file:
            return {}
        for pause_s in PAUSES_S:  # some systems take a moment to see what others have written
            time.sleep(pause_s)
            with suppress(FileNotFoundError), (self.path / self.token_file).open("rb") as file:
                return {"token": file.read(MOST_TOKEN).decode("ascii", "replace")}
        return {}

    def write(self) -> dict[str, object]:
        """A file can be written, and has the time of the storage."""
        self.now = time.time()
        self.file.write_bytes(self.content)
        written = self.file.stat().st_mtime
        ahead, self.now = self.now - written, written
        return {"clock_ahead_s": round(ahead, 3)}

    def read(self) -> dict[str, object]:
        """It has what was written."""
        if self.file.read_bytes() != self.content:
            raise OSError(errno.EIO, "a file does not have what was written into it")
        return {}

    def rename(self) -> dict[str, object]:
        """It can have another name."""
        self.file.replace(self.renamed)
        return {}

    def case(self) -> dict[str, object]:
        """Whether another name by case alone is the same name."""
        return {"ignores_case": self.renamed.with_name(self.renamed.name.upper()).exists()}

    def symlink(self) -> dict[str, object]:
        """A link to it can be made."""
        self.link.symlink_to(self.renamed.name)
        self.link.unlink()
        return {}

    def hardlink(self) -> dict[str, object]:
        """Another name for it can be made."""
        self.link.hardlink_to(self.renamed)
        self.link.unlink()
        return {}

    def space(self) -> dict[str, object]:
        """How much is free for whoever runs this."""
        if sys.platform == "win32":
            import shutil  # noqa: PLC0415 - takes longer to load than all else, and is not needed elsewhere

            free = shutil.disk_usage(self.path).free
        else:
            disk = os.statvfs(self.path)
            free = disk.f_bavail * disk.f_frsize
        return {"free_mb": round(free / 2**20, 1)}

    def speed(self) -> dict[str, object]:
        """How long 16 MB take, to the disk and back."""
        started = time.perf_counter()
        with self.renamed.open("wb") as file:
            for _ in range(BLOCKS):
                file.write(BLOCK)
            file.flush()
            os.fsync(file.fileno())
            if sys.platform == "linux":  # or it would be read from memory
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        written = time.perf_counter()
        with self.renamed.open("rb") as file:
            while file.read(len(BLOCK)):
                pass
        read = time.perf_counter()
        return {
            "write_mb_s": round(BLOCKS / max(written - started, 1e-6), 1),
            "read_mb_s": round(BLOCKS / max(read - written, 1e-6), 1),
        }

    def delete(self) -> dict[str, object]:
        """It can be taken away, and so is what others have left."""
        self.renamed.unlink()
        for path in self.left:
            with suppress(OSError):  # somebody else's, or somebody else was sooner
                if path.stat().st_mtime < self.now - LEFT_AFTER_S:
                    path.unlink()
        return {}

    def clean_up(self) -> None:
        """Leave nothing, whichever step failed."""
        for path in (self.link, self.renamed, self.file):
            with suppress(OSError):
                path.unlink()


def steps_of(probe: Probe, *, is_quick: bool) -> Iterator[tuple[Callable[[], dict[str, object]], bool]]:
    """The steps in their order, and whether there is no sense in the others where one fails."""
    yield probe.exists, True
    yield probe.list, False
    yield probe.same, False
    yield probe.space, False
    yield probe.write, True
    yield probe.read, False
    yield probe.rename, True
    yield probe.case, False
    yield probe.symlink, False
    yield probe.hardlink, False
    if not is_quick:
        yield probe.speed, False
    yield probe.delete, False


def tell(**what: object) -> None:
    """Print it at once. Where nobody listens any more, this process ends by that."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main(argument: str) -> None:
    """Do all steps, and tell of each."""
    order = json.loads(argument)
    probe = Probe(order["path"], order["token_file"])
    try:
        for step, is_needed in steps_of(probe, is_quick=order["is_quick"]):
            tell(begins=step.__name__)
            try:
                tell(step=step.__name__, came="ok", **step())
            except OSError as error:
                name = errno.errorcode.get(error.errno or 0, "")
                tell(step=step.__name__, came="failed", error=name, text=error.strerror or str(error))
                if is_needed:
                    break
    finally:
        probe.clean_up()


if __name__ == "__main__":
    main(sys.argv[1])
