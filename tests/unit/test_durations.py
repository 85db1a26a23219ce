"""Durations are read and written exactly as Go reads and writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.domain.durations import LONGEST_NS, Duration, format_nanoseconds, parse_nanoseconds

SECOND = 1_000_000_000

READ = [
    ("0", 0),
    ("-0", 0),
    ("+0", 0),
    ("0s", 0),
    ("5s", 5 * SECOND),
    ("+5s", 5 * SECOND),
    ("-5s", -5 * SECOND),
    ("60s", 60 * SECOND),
    ("1m0s", 60 * SECOND),
    ("1h30m", 5400 * SECOND),
    ("744h0m0s", 2_678_400 * SECOND),
    ("1.5h", 5400 * SECOND),
    (".5s", SECOND // 2),
    ("1.s", SECOND),
    ("1ns", 1),
    ("11us", 11_000),
    ("12µs", 12_000),
    ("12\u03bcs", 12_000),
    ("14ms", 14_000_000),
    ("1h15m30.918273645s", 4_530_918_273_645),
    ("10.5s4m", 250_500_000_000),
    ("0.100000000000000000000h", 360 * SECOND),
    ("0.3333333333333333333h", 1200 * SECOND - 1),
    ("9223372036854775807ns", LONGEST_NS),
]

WRITTEN = [
    (0, "0s"),
    (1, "1ns"),
    (1100, "1.1µs"),
    (2_200_000, "2.2ms"),
    (3_300_000_000, "3.3s"),
    (60 * SECOND, "1m0s"),
    (245 * SECOND, "4m5s"),
    (245_001_000_000, "4m5.001s"),
    (18367_001_000_000, "5h6m7.001s"),
    (480_000_000_001, "8m0.000000001s"),
    (86400 * SECOND, "24h0m0s"),
    (-90 * SECOND, "-1m30s"),
    (LONGEST_NS, "2562047h47m16.854775807s"),
]


@pytest.mark.parametrize(("text", "nanoseconds"), READ)
def test_go_notation_is_read(text: str, nanoseconds: int) -> None:
    """Every form that Go accepts means the same here."""
    assert parse_nanoseconds(text) == nanoseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3",
        "-",
        "s",
        ".",
        "-.",
        ".s",
        "+.s",
        "1 s",
        " 1s",
        "1s ",
        "1d",
        "1S",
        "1e3s",
        "10 minutes",
        "1h-5m",
        "\u0661s",
    ],
)
def test_other_text_is_refused(text: str) -> None:
    """What Go refuses is refused, with an example of what to write."""
    with pytest.raises(ValueError, match="such as 90s, 10m or 1h30m"):
        parse_nanoseconds(text)


@pytest.mark.parametrize("text", ["9223372036854775808ns", "3000000h"])
def test_too_long_is_refused(text: str) -> None:
    """A duration that Go could not hold is refused rather than cut off."""
    with pytest.raises(ValueError, match="292 years"):
        parse_nanoseconds(text)


@pytest.mark.parametrize(("nanoseconds", "text"), WRITTEN)
def test_go_notation_is_written(nanoseconds: int, text: str) -> None:
    """Durations are written with the units and zeros that Go writes."""
    assert format_nanoseconds(nanoseconds) == text


@given(st.integers(min_value=-LONGEST_NS, max_value=LONGEST_NS))
def test_written_durations_are_read_back(nanoseconds: int) -> None:
    """Reading what was written gives the very same duration."""
    assert parse_nanoseconds(format_nanoseconds(nanoseconds)) == nanoseconds


@given(st.text(alphabet="0123456789.hmsnuµ+-", max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever is written, the answer is a duration or a `ValueError`, and a duration survives being written."""
    try:
        nanoseconds = parse_nanoseconds(text)
    except ValueError:
        return
    assert parse_nanoseconds(format_nanoseconds(nanoseconds)) == nanoseconds


@given(st.integers(min_value=0, max_value=10 * 365 * 86_400_000))
def test_a_duration_is_its_seconds(milliseconds: int) -> None:
    """A `Duration` counts in seconds and prints itself so that it can be read again."""
    duration = Duration.parse(f"{milliseconds}ms")
    assert duration == milliseconds / 1000
    assert Duration.parse(str(duration)) == duration


def test_zero_is_false() -> None:
    """Code may ask `if config.task_timeout`, because 0s switches things off."""
    assert not Duration.parse("0s")
    assert repr(Duration(90)) == "Duration('1m30s')"
