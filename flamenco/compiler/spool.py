"""Tasks as they came out of a script, in JSON: so many that together, as objects, they would fill the memory."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from tempfile import SpooledTemporaryFile, gettempdir
from typing import overload

from flamenco.collector import collector_paused
from flamenco.compiler.authored import decode_tasks
from flamenco.domain.contents import Contents
from flamenco.domain.errors import JobTypeError, Unavailable
from flamenco.domain.model import AuthoredTask

MOST_IN_MEMORY = 8 * 2**20
"""So many bytes of JSON are kept in memory; what is larger is in a temporary file."""

MOST_AS_OBJECTS = 5_000
"""So many tasks are decoded all at once."""


@contextmanager
def _on_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = f"The tasks of a job cannot be kept in {gettempdir()} until they are stored"
        raise Unavailable(f"{where}: {error.strerror}.") from error


def _close(file: SpooledTemporaryFile[bytes]) -> None:
    with suppress(OSError):  # what could not be written is of no use any more
        file.close()


class Spool:
    """Lists of tasks, written one after the other, and read as often as one likes."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=MOST_IN_MEMORY)  # noqa: SIM115 - closed when nobody has it any more
        self._ends: list[int] = [0]
        weakref.finalize(self, _close, self._file)

    def keep(self, text: bytes) -> None:
        """Write a list. Raises `Unavailable` when the disk is full."""
        with _on_disk():
            self._file.seek(self._ends[-1])
            self._file.write(text)
            self._file.flush()
        self._ends.append(self._ends[-1] + len(text))

    def lists(self) -> Iterator[bytes]:
        """All of them, one at a time."""
        for start, end in zip(self._ends, self._ends[1:], strict=False):
            with _on_disk():
                self._file.seek(start)
                text = self._file.read(end - start)
            yield text

    def tasks(self, count: int) -> Sequence[AuthoredTask]:
        """The `count` tasks in all lists. Raises `JobTypeError`, at the latest when one looks at them."""
        tasks = SpooledTasks(self, count)
        return tasks if count > MOST_AS_OBJECTS else tuple(tasks)


class SpooledTasks(Sequence[AuthoredTask]):
    """Tasks that are decoded anew each time one goes through them. Not to be shared between threads."""

    def __init__(self, spool: Spool, count: int) -> None:
        self._spool = spool
        self._count = count
        self.contents: Contents | None = None
        """What they are made of, once somebody has found out."""

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[AuthoredTask]:
        came = 0
        for text in self._spool.lists():
            tasks = decode_tasks(text)
            came += len(tasks)
            yield from tasks
        if came != self._count:
            raise JobTypeError(f"the job has {self._count} tasks, but {came} came out of its script")

    @overload
    def __getitem__(self, index: int) -> AuthoredTask: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[AuthoredTask, ...]: ...

    def __getitem__(self, index: int | slice) -> AuthoredTask | tuple[AuthoredTask, ...]:
        """As of a tuple; it takes as long as going through all that come before."""
        if isinstance(index, slice):
            wanted = range(self._count)[index]
            with collector_paused():
                found = {number: task for number, task in enumerate(self) if number in wanted}
            return tuple(found[number] for number in wanted)
        return next(islice(self, range(self._count)[index], None))
