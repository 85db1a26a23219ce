"""Logs of a gigabyte: they are read and searched in pieces, in bounded time and memory."""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from flamenco.files import log_reading, log_search
from flamenco.files.log_scan import Hit, Wanted

GIB = 1024**3
MIB = 1024**2


@pytest.fixture(params=["lines", "one line"])
def large_log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    """An open log of a gigabyte, that ends with what is looked for."""
    descriptor = os.open(tmp_path / "log", os.O_RDWR | os.O_CREAT)
    if request.param == "one line":
        os.truncate(descriptor, GIB)
        os.lseek(descriptor, GIB, os.SEEK_SET)
    else:
        lines = b"Fra:12 Mem:310.00M (Peak 420.00M) | Time:00:01.23 | Sample 12/128\n" * (MIB // 66)
        for _ in range(GIB // len(lines)):
            os.write(descriptor, lines)
    os.write(descriptor, b"\nthe needle\n")
    yield descriptor
    os.close(descriptor)


def wanted(text: str, *, is_pattern: bool) -> Wanted:
    """What one request asks for."""
    seconds = log_search.LONGEST_S
    return Wanted(text, is_pattern=is_pattern, minds_case=False, after=0, line=1, most=200, seconds=seconds)


@pytest.mark.long
def test_it_is_searched_in_pieces(large_log: int) -> None:
    """No request takes much longer than it may, none has much of the log in memory, and the last line is found."""
    tracemalloc.start()
    try:
        hits: list[Hit] = []
        asked, requests = wanted("NEEDLE", is_pattern=False), 0
        while True:
            started = time.monotonic()
            found = log_search.search(large_log, asked)
            assert time.monotonic() - started < log_search.LONGEST_S + 0.5
            hits, requests = hits + found.hits, requests + 1
            if found.next >= found.size:
                break
            assert found.next > asked.after
            asked = asked._replace(after=found.next, line=found.line)
        assert log_reading.read(large_log, -100, 1 << 20).data.endswith(b"the needle\n")
        assert [hit.text for hit in hits] == ["the needle"]
        assert requests < 30
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
    finally:
        tracemalloc.stop()


@pytest.mark.long
def test_a_pattern_takes_a_process_for_so_long(large_log: int) -> None:
    """It gives back what it has after the time for one request, and is not one that takes too long."""
    started = time.monotonic()
    found = log_search.search(large_log, wanted("need+le$", is_pattern=True))
    assert time.monotonic() - started < 2 * log_search.LONGEST_S
    assert found.next > 10 * MIB
