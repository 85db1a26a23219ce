"""Where log lines go and what they look like. Called once per process, by the commands that run for long.

Everything goes to stderr, so that stdout stays for what a command prints. Libraries log through the
standard `logging`, we through structlog; both come out the same.
"""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from flamenco.config.manager_settings import LogFormat, LogLevel
from flamenco.domain.visible import visible


def set_up_logging(level: LogLevel = "info", style: LogFormat = "auto", stream: TextIO | None = None) -> None:
    """Log lines of at least `level` to `stream` (stderr unless said otherwise).

    `auto` is colourful text on a terminal and key=value otherwise. Calling it again replaces what was set up before.
    """
    stream = stream or sys.stderr
    # Both kinds of records pass through these, ours on the way into `logging`, the others in its formatter.
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        # Loggers that live in modules must follow when the set-up changes; what that costs is nothing beside writing.
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(style, stream)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)


def _rendering(style: LogFormat, stream: TextIO) -> list[Processor]:
    """The last steps, from a record to a line of text."""
    if style == "auto":
        style = "console" if stream.isatty() else "logfmt"
    if style == "console":
        # Not the pretty traceback with all local variables: secrets are among them.
        plain = structlog.dev.plain_traceback
        colours = stream.isatty()
        return [
            _visibly,
            structlog.dev.ConsoleRenderer(colors=colours, timestamp_key="time", exception_formatter=plain),
        ]
    if style == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
    first = ["time", "level", "logger", "event"]
    line = structlog.processors.LogfmtRenderer(key_order=first, drop_missing=True, bool_as_flag=False)
    # That has an escape for the ends of lines already, and a traceback is one line.
    return [structlog.processors.format_exc_info, lambda *record: visible(str(line(*record)))]


def _visibly(_logger: WrappedLogger, _method: str, record: EventDict) -> EventDict:
    """Names and sentences of others stay on their line, whatever is in them; tracebacks are made after this.

    JSON needs none of it: it has an escape for each such character.
    """
    return {key: visible(value) if isinstance(value, str) else value for key, value in record.items()}
