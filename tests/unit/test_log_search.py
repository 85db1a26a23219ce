"""Searching logs: what is found where, in pieces, within bounds, whatever the log and the pattern are."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flamenco.domain.errors import Refused
from flamenco.files import log_scan, log_search
from flamenco.files.log_scan import Found, Hit, Wanted, of_pattern, of_text, scan
from tests import length

MIB = 1024 * 1024


def wanted(text: str, **other: Any) -> Wanted:
    """What is looked for, from the beginning, with a minute for it."""
    as_usual = Wanted(text, is_pattern=False, minds_case=False, after=0, line=1, most=500, seconds=60.0)
    return as_usual._replace(**other)


@pytest.fixture
def log_of() -> Iterator[Callable[[bytes], int]]:
    """Make an open log with that in it."""
    made = []

    def make(data: bytes) -> int:
        made.append(descriptor := os.memfd_create("log"))
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        return descriptor

    yield make
    for descriptor in made:
        os.close(descriptor)


def all_of(descriptor: int, asked: Wanted) -> list[Hit]:
    """Every line that is found, as somebody gets them who goes on and on."""
    hits: list[Hit] = []
    while True:
        found = log_search.search(descriptor, asked)
        hits += found.hits
        if found.next >= found.size:
            return hits
        asked = asked._replace(after=found.next, line=found.line)


def test_lines_with_their_numbers_and_neighbours(log_of: Callable[[bytes], int]) -> None:
    """Each line once, however often it has the text, with its number, its first byte and three lines around it."""
    log = log_of(b"a\nb\nc\nd\nError: x error\ne\n\ng\nh\nerror")
    assert log_search.search(log, wanted("error")) == Found(
        [
            Hit(5, 8, "Error: x error", ["b", "c", "d"], ["e", "", "g"]),
            Hit(10, 30, "error", ["", "g", "h"], []),
        ],
        next=35,
        line=10,
        size=35,
    )
    assert [hit.line for hit in log_search.search(log, wanted("error", minds_case=True)).hits] == [5, 10]
    assert [hit.line for hit in log_search.search(log, wanted("Error", minds_case=True)).hits] == [5]
    assert log_search.search(log, wanted("nothing")).hits == []
    assert log_search.search(log_of(b""), wanted("x")) == Found([], 0, 1, 0)


def test_capitals_of_all_alphabets(log_of: Callable[[bytes], int]) -> None:
    """GRÜSSE are found as grüsse, and a text with marks of patterns is only that text."""
    log = log_of("GRÜSSE\nfoo(1.5)\nfoo(1x5)\n".encode())
    assert [hit.text for hit in log_search.search(log, wanted("grüsse")).hits] == ["GRÜSSE"]
    assert log_search.search(log, wanted("grüsse", minds_case=True)).hits == []
    assert [hit.text for hit in log_search.search(log, wanted("FOO(1.5)")).hits] == ["foo(1.5)"]


def test_patterns(log_of: Callable[[bytes], int]) -> None:
    """A pattern is looked for in each line by itself; a return within does not end one."""
    log = log_of("frame 1\r frame 2\nframes: 3\r\nFrame ü\nno frame\n".encode())
    hits = log_search.search(log, wanted(r"^frame.*\w$", is_pattern=True)).hits
    assert [(hit.line, hit.offset) for hit in hits] == [(1, 0), (2, 17), (3, 28)]
    hits = log_search.search(log, wanted(r"^frame.*\w$", is_pattern=True, minds_case=True, most=1)).hits
    assert [hit.line for hit in hits] == [1]


@pytest.mark.parametrize("pattern", ["(", "*a", "a{99999999999999999999}", "(?P<a>", "[z-a]"])
def test_wrong_patterns_are_refused(log_of: Callable[[bytes], int], pattern: str) -> None:
    """With what is wrong about them."""
    with pytest.raises(Refused, match=r"^q: that "):
        log_search.search(log_of(b"a\n"), wanted(pattern, is_pattern=True, seconds=1.0))


@pytest.mark.parametrize("pattern", length.every(4, ["(a+)+$", "(a|aa)+$", ".*.*.*.*.*=", r"(\w+\s?)*!"]))
def test_patterns_that_never_end_are_ended(log_of: Callable[[bytes], int], pattern: str) -> None:
    """Somebody who asks for what takes a year is told so in a moment, and nothing goes on behind that."""
    log = log_of(b"a" * 5000 + b"b\n")
    started = time.monotonic()
    with pytest.raises(Refused, match="takes too long"):
        log_search.search(log, wanted(pattern, is_pattern=True, seconds=0.2))
    assert time.monotonic() - started < 10


def test_ends_after_so_many_and_goes_on_there(log_of: Callable[[bytes], int]) -> None:
    """The place to go on is the line after the last one that was found, with its number."""
    log = log_of(b"".join(b"line %d %s\n" % (number, b"hit" if number % 3 == 0 else b"") for number in range(1, 100)))
    first = log_search.search(log, wanted("hit", most=10))
    assert ([hit.line for hit in first.hits], first.line) == (list(range(3, 31, 3)), 31)
    for pattern in (False, True):
        hits = all_of(log, wanted("hit", most=7, is_pattern=pattern))
        assert [hit.line for hit in hits] == list(range(3, 100, 3))
    # Who does not know the number of the line has the lines before it counted.
    assert log_search.search(log, wanted("hit", after=first.next, line=0)).hits[0].line == 33


def test_ends_in_time_and_goes_on_there(log_of: Callable[[bytes], int], monkeypatch: pytest.MonkeyPatch) -> None:
    """With no time at all nothing is looked at, or counted; with some, the rest is for another request."""
    log = log_of(b"x\n" * MIB + b"hit\n")
    assert log_search.search(log, wanted("hit", seconds=0.0)) == Found([], 0, 1, 2 * MIB + 4)
    with pytest.raises(Refused, match="next_line"):
        log_search.search(log, wanted("hit", seconds=0.0, after=MIB, line=0))
    ticks = iter(range(1000))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))
    found = log_search.search(log, wanted("hit", seconds=3.5))
    assert 0 < found.next < found.size
    assert found.line == found.next // 2 + 1


def test_very_long_lines(log_of: Callable[[bytes], int]) -> None:
    """A line of some MiB is searched in pieces, counts as one, and is shown in part; so are its neighbours."""
    long = b"y" * (3 * MIB)
    log = log_of(b"first\n" + long[:-MIB] + b"needle" + long + "ü".encode() * 5000 + b"\nthen needle\n" + long)
    for is_pattern in (False, True):
        hits = log_search.search(log, wanted("needle", is_pattern=is_pattern)).hits
        assert [(hit.line, hit.offset) for hit in hits] == [(2, 6), (3, len(long) * 2 - MIB + 6 + 6 + 10_000 + 1)]
        assert "needle" in hits[0].text
        assert hits[0].text[0] == hits[0].text[-1] == hits[1].before[-1][0] == hits[1].after[0][-1] == "…"
        assert all(len(text) < 1600 for hit in hits for text in (hit.text, *hit.before, *hit.after))
        assert hits[1].text == "then needle"


@pytest.mark.parametrize("at", [-7, -6, -3, -1, 0, 1])
def test_across_two_blocks(log_of: Callable[[bytes], int], at: int) -> None:
    """What lies across the end of a block is found, in a line that is longer than a block and in one that is not."""
    for block, is_pattern in ((log_scan._BLOCK, False), (log_scan._PATTERN_BLOCK, True)):
        one_line = b"z" * (block + at) + b"needle" + b"z" * block
        lines = b"".join(b"%08d\n" % number for number in range(block // 9 + 1))[: block + at] + b"needle\n" + one_line
        asked = wanted("needle", is_pattern=is_pattern)
        assert [hit.line for hit in log_search.search(log_of(one_line), asked).hits] == [1]
        expected = lines[: block + at].count(b"\n") + 1
        assert [hit.line for hit in log_search.search(log_of(lines), asked).hits] == [expected, expected + 1]


def test_bytes_that_are_no_text(log_of: Callable[[bytes], int]) -> None:
    """They are shown as marks, and nothing is lost for them; a NUL is a character as others."""
    log = log_of(b"\xff\xfe bad\n\x00 bad \xc3\nfine\n")
    for is_pattern in (False, True):
        hits = log_search.search(log, wanted("bad", is_pattern=is_pattern)).hits
        assert [hit.text for hit in hits] == ["�� bad", "\x00 bad �"]
        assert hits[1].before == ["�� bad"]


ALPHABET = [b"a", b"B", b"b", b"\n", b"\n", b"\r", "ü".encode(), b"\xff", b" "]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(ALPHABET), max_size=200).map(b"".join),
    st.sampled_from(["a", "b", "ab", "ü", "aB "]),
    st.integers(1, 5),
    st.booleans(),
)
def test_as_grep_would(data: bytes, text: str, most: int, minds_case: bool) -> None:
    """In pieces of whatever size, the lines are those that one would find who had the log in memory."""
    flags = 0 if minds_case else re.IGNORECASE
    lines = data.split(b"\n")
    expected = [
        number
        for number, line in enumerate(lines, 1)
        if re.search(re.escape(text), line.decode(errors="replace"), flags) and line
    ]
    descriptor = os.memfd_create("log")
    try:
        os.write(descriptor, data)
        for find in (of_text(text, minds_case=minds_case), of_pattern(re.escape(text), minds_case=minds_case)):
            hits: list[Hit] = []
            asked = wanted(text, most=most)
            while asked.after < len(data):
                found = scan(descriptor, asked, find)
                hits += found.hits
                asked = asked._replace(after=found.next, line=found.line)
            assert [hit.line for hit in hits] == expected
            assert all(data[: hit.offset].count(b"\n") == hit.line - 1 for hit in hits)
    finally:
        os.close(descriptor)
