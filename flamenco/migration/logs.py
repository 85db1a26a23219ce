"""Logs and images of old jobs: files in the old manager's own storage, which stay there and are copied."""

from __future__ import annotations

import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from flamenco.domain.archives import LARGEST_IMAGE
from flamenco.domain.job_files import LAST_RENDERED, folder_of, is_task_log
from flamenco.files.below import READ, below, open_below, opened
from flamenco.migration.report import Report

_CHUNK: Final = re.compile(r"(task-[0-9a-f-]{36}\.txt)(?:\.([0-9]{1,6}))?", re.ASCII)
_BLOCK_BYTES: Final = 1024 * 1024


class OldFile(Struct, frozen=True):
    """A file as it is to be called, the files in the old storage that it is put together from, and its size."""

    kind: str
    name: str
    pieces: tuple[str, ...]
    size: int


class OldStorage:
    """What an old manager kept below that folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def of_job(self, job_id: str, report: Report) -> list[OldFile]:
        """The files of a job; what is no plain file is noted, and left out."""
        sizes: dict[str, int] = {}
        try:
            with opened(self._root) as top, below(top, *folder_of(job_id)) as folder, folder.entries() as entries:
                for entry in entries:
                    if entry.name in LAST_RENDERED or _CHUNK.fullmatch(entry.name):
                        sizes[entry.name] = _size(entry)
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            report.leave("logs", f"the files of the job cannot be read: {error}", identity=job_id)
            return []
        return _put_together(sizes, job_id, report)

    def blocks(self, job_id: str, file: OldFile) -> Iterator[bytes]:
        """What is in one of these files. Raises `OSError`."""
        for piece in file.pieces:
            descriptor = open_below(self._root, self._root.joinpath(*folder_of(job_id), piece), READ)
            with os.fdopen(descriptor, "rb") as stream:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    continue
                while block := stream.read(_BLOCK_BYTES):
                    yield block


def _size(entry: os.DirEntry[str]) -> int:
    """How large a file is; -1 for what is no plain file."""
    return entry.stat(follow_symlinks=False).st_size if entry.is_file(follow_symlinks=False) else -1


def _put_together(sizes: dict[str, int], job_id: str, report: Report) -> list[OldFile]:
    found: list[OldFile] = []
    chunks: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for name, size in sorted(sizes.items()):
        kind = "images" if name in LAST_RENDERED else "logs"
        if size < 0 or (kind == "images" and size > LARGEST_IMAGE):
            report.leave(kind, "this is no plain file, or too large", name, job_id)
        elif kind == "images":
            found.append(OldFile(kind, name, (name,), size))
        elif (parts := _CHUNK.fullmatch(name)) and is_task_log(parts[1]):
            chunks[parts[1]].append((int(parts[2] or 0), name))
    for name, pieces in chunks.items():
        # The higher its number, the older is what is in it.
        in_order = tuple(piece for _, piece in sorted(pieces, reverse=True))
        found.append(OldFile("logs", name, in_order, sum(sizes[piece] for piece in in_order)))
    return found
