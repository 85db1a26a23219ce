"""What the worker and the process that runs a task's commands tell each other: JSON, each with its length."""

from __future__ import annotations

import os
import threading
from typing import Any, BinaryIO, Final, TypeAlias

import msgspec
from msgspec import Struct

from flamenco.domain.model import Command
from flamenco.worker.run_as import TaskUser

LONGEST: Final = 64 * 1024 * 1024
"""Bytes of a message; what claims to be longer is none."""

_LENGTH_BYTES: Final = 4


class Work(Struct, frozen=True, kw_only=True):
    """What the process is to do, and as whom. It gets nothing else; the end of its input means to stop."""

    user: TaskUser
    commands: tuple[Command, ...]
    plugins: tuple[str, ...]
    plugins_dir: str
    variables: dict[str, str]
    oom_score: int | None


class Logged(Struct, frozen=True, tag="logged"):
    """Text for the task's log."""

    text: str


class Shown(Struct, frozen=True, tag="shown"):
    """The line of the task's log that is not finished."""

    text: str


class Stepped(Struct, frozen=True, tag="stepped"):
    """So many steps of the task are done."""

    steps: int


class Rendered(Struct, frozen=True, tag="rendered"):
    """An image that the task has written, as a JPEG."""

    jpeg: bytes


class Said(Struct, frozen=True, tag="said"):
    """A line for the worker's own log."""

    line: str


class Ended(Struct, frozen=True, tag="ended"):
    """The commands have ended; why they failed, or nothing."""

    failure: str


Message: TypeAlias = Logged | Shown | Stepped | Rendered | Said | Ended


class NoMessage(Exception):
    """There is something else in place of a message; `data` is how it begins."""

    def __init__(self, data: bytes) -> None:
        super().__init__("this is no message")
        self.data = data


class Sender:
    """Writes messages to a descriptor, whole ones, from any thread."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def send(self, message: Work | Message) -> None:
        """Send a message. Raises `OSError` when nobody reads them any more."""
        content = msgspec.json.encode(message)
        data = memoryview(len(content).to_bytes(_LENGTH_BYTES, "big") + content)
        with self._lock:
            while data:
                data = data[os.write(self._descriptor, data) :]


def receive(stream: BinaryIO, kind: Any) -> Any:
    """The next message, which is of `kind`; None at the end. Raises `NoMessage`."""
    head = stream.read(_LENGTH_BYTES)
    length = int.from_bytes(head, "big")
    if len(head) < _LENGTH_BYTES or length > LONGEST:
        if not head:
            return None
        raise NoMessage(head)
    content = stream.read(length)
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        raise NoMessage(head + content) from error
