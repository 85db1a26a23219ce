"""Writes events into a file, one line of JSON each, for whatever collects logs.

```yaml
plugins:
  event_log:
    file: events.jsonl
    max_mb: 50
    keep: 5
```

A line has the event's `id`, `topic`, `created` and `payload`. The ids grow; after a crash of the manager the last
lines may be there twice. A file that grows beyond `max_mb` megabytes becomes `events.jsonl.1`, the one before it
`events.jsonl.2`, and so on; `keep` of them stay.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from flamenco import EventSink, ManagerConfig, PublishedEvent, Setting, hookimpl

MEGABYTE = 1_000_000


@hookimpl
def settings() -> Iterable[Setting]:
    """Where to, and how much."""
    yield Setting(
        key="file",
        type=str,
        default="",
        help="The file that events are written to; empty for events.jsonl in data_dir. Its folder has to be there.",
        path=True,
    )
    yield Setting(
        key="max_mb",
        type=Annotated[float, Meta(ge=0.001, le=1_000_000)],
        default=50.0,
        help="A file that would grow beyond so many megabytes is put aside.",
    )
    yield Setting(
        key="keep",
        type=Annotated[int, Meta(ge=1, le=1000)],
        default=5,
        help="So many of the files that were put aside are kept.",
    )


@hookimpl
def event_sinks(config: ManagerConfig) -> Iterable[EventSink]:
    """The file, as a sink for everything."""
    own = config.plugins.event_log
    file = Path(own.file or config.data_dir / "events.jsonl")
    log = EventLog(file, int(own.max_mb * MEGABYTE), own.keep)
    yield EventSink(name="event_log", description=f"Writes events to {file}.", deliver=log.deliver)


class EventLog(RotatingFileHandler):
    """A file of events. It is closed after each: another process may be the next to write, and to put it aside."""

    def __init__(self, file: Path, max_bytes: int, keep: int) -> None:
        super().__init__(file, maxBytes=max_bytes, backupCount=keep, encoding="utf-8", delay=True)

    def deliver(self, event: PublishedEvent) -> None:
        """Append an event. Raises `OSError` when the file cannot be written."""
        line = msgspec.json.encode(event).decode()
        try:
            self.handle(logging.makeLogRecord({"msg": line}))
        finally:
            self.close()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - the name and arguments of logging
        """Let whoever delivers know, who tries again; logging would print it and go on."""
        raise  # noqa: PLE0704 - called while the exception is handled
