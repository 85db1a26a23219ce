"""Log lines look the same wherever they come from, for people and for machines."""

from __future__ import annotations

import io
import logging
import warnings

import msgspec
import structlog

from flamenco.cli.logging_setup import set_up_logging


class Terminal(io.StringIO):
    """A stream that people look at."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def without_time(line: str) -> str:
    """A logfmt line without its first entry."""
    first, _, rest = line.partition(" ")
    assert first.startswith("time=20")
    assert first.endswith("Z")
    return rest


def test_logfmt() -> None:
    """Off a terminal a record is one line of key=value, whatever is in it."""
    stream = io.StringIO()
    set_up_logging(stream=stream)
    log = structlog.get_logger("flamenco.test")
    log.info("job stored", job="a b", tasks=3, text='x\ny "q"', fine=True)
    log.debug("not told")
    (line,) = stream.getvalue().splitlines()
    assert without_time(line) == (
        r'level=info logger=flamenco.test event="job stored" job="a b" tasks=3 text="x\ny \"q\"" fine=true'
    )


def test_the_standard_library_too() -> None:
    """Records and warnings of libraries come out like ours."""
    stream = io.StringIO()
    set_up_logging(stream=stream)
    logging.getLogger("some.library").warning("Handling %s", "signal")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old thing", DeprecationWarning, stacklevel=1)
    ours, theirs = stream.getvalue().splitlines()
    assert without_time(ours) == 'level=warning logger=some.library event="Handling signal"'
    assert "logger=py.warnings" in theirs
    assert "DeprecationWarning: old thing" in theirs


def test_json_with_context_and_exception() -> None:
    """A JSON line has what was bound around it, and the traceback as text."""
    stream = io.StringIO()
    set_up_logging(style="json", stream=stream)
    with structlog.contextvars.bound_contextvars(request="r1"):
        try:
            raise ValueError("boom")
        except ValueError:
            structlog.get_logger("a").exception("failed")
            logging.getLogger("b").exception("failed")
    for line, logger in zip(stream.getvalue().splitlines(), "ab", strict=True):
        record = msgspec.json.decode(line)
        assert (record["event"], record["level"], record["logger"], record["request"]) == (
            "failed",
            "error",
            logger,
            "r1",
        )
        assert record["exception"].endswith("ValueError: boom")


def test_console() -> None:
    """On a terminal it is coloured text, and a traceback does not tell local variables."""
    stream = Terminal()
    set_up_logging(stream=stream)
    password = "hu" + "sh"
    try:
        raise ValueError("boom")
    except ValueError:
        structlog.get_logger("a").exception("failed", n=len(password))
    assert "\x1b[" in stream.getvalue()
    assert "ValueError: boom" in stream.getvalue()
    assert "hush" not in stream.getvalue()


def test_level_and_change_of_set_up() -> None:
    """The last set-up counts, for loggers that exist already as well."""
    first, second = io.StringIO(), io.StringIO()
    set_up_logging(stream=first)
    log = structlog.get_logger("a")
    log.info("one")
    set_up_logging("error", "logfmt", second)
    log.warning("two")
    log.error("three")
    assert first.getvalue().count("\n") == 1
    assert without_time(second.getvalue()) == "level=error logger=a event=three\n"
