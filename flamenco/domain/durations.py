"""Spans of time as people write them in the configuration: Go's notation, `1h30m`, `60s`, `1m0s`.

Flamenco's configuration files and its API write durations this way, so it is read exactly as Go reads
it and written exactly as Go writes it. Inside the program a duration is a number of seconds.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final, Self

_NANOSECONDS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5, the micro sign
    "μs": 1_000,  # U+03BC, the Greek letter
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_WHOLE = re.compile(rf"[-+]?(?:0|(?:{_PART.pattern})+)")

LONGEST_NS: Final = 2**63 - 1
"""The longest duration that Go can hold, about 292 years, in nanoseconds."""


class Duration(float):
    """A span of time in seconds that prints itself in Go's notation. Zero is false: it switches things off."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `1h30m`, `1.5s`, `-20ms`, `0`. Raises `ValueError` with a sentence about what is wrong."""
        return cls(parse_nanoseconds(text) / 1_000_000_000)

    def __str__(self) -> str:
        return format_nanoseconds(round(self * 1_000_000_000))

    def __repr__(self) -> str:
        return f"Duration({str(self)!r})"


def parse_nanoseconds(text: str) -> int:
    """Read a duration in Go's notation as a whole number of nanoseconds; digits below that are dropped.

    Raises `ValueError` with a sentence about what is wrong.
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration; write a number with a unit, such as 90s, 10m or 1h30m")
    total = sum(int(Fraction(_number(digits)) * _NANOSECONDS[unit]) for digits, unit in _PART.findall(text))
    if total > LONGEST_NS:
        raise ValueError(f"{text!r} is longer than a duration can be (about 292 years)")
    return -total if text.startswith("-") else total


def _number(digits: str) -> str:
    """Go allows `1.s` and `.5s`; a fraction needs a digit on both sides of the point."""
    whole, _, rest = digits.partition(".")
    return f"{whole or '0'}.{rest or '0'}"


def format_nanoseconds(nanoseconds: int) -> str:
    """Write a duration as Go does: `1m0s`, `1h30m0s`, `1.5s`, `20ms`, and `0s` for nothing."""
    if nanoseconds == 0:
        return "0s"
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    for unit in ("ns", "µs", "ms"):
        if rest < _NANOSECONDS[unit] * 1000:
            return f"{sign}{_decimal(rest, _NANOSECONDS[unit])}{unit}"
    minutes, rest = divmod(rest, _NANOSECONDS["m"])
    hours, minutes = divmod(minutes, 60)
    seconds = f"{_decimal(rest, _NANOSECONDS['s'])}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{seconds}"
    return f"{sign}{minutes}m{seconds}" if minutes else f"{sign}{seconds}"


def _decimal(amount: int, unit: int) -> str:
    """`amount / unit` without trailing zeros; `unit` is a power of ten."""
    whole, rest = divmod(amount, unit)
    digits = str(rest).rjust(len(str(unit)) - 1, "0").rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)


def in_words(span_s: float) -> str:
    """A span of time by its two largest units, for people to read: `2 d 5 h`, `3 h 20 m`, `45 s`."""
    if span_s < 60:
        return f"{int(span_s)} s"
    hours, minutes = divmod(int(span_s // 60), 60)
    days, hours = divmod(hours, 24)
    parts = [f"{count} {unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "m")) if count]
    return " ".join(parts[:2])
