"""When enough of a request is there for a thread to answer it, and how long its client may take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.server.arriving import HEAD_TIMEOUT_S, LEAST_RATE, MOST_HELD, PATIENCE_S, Arriving

HEAD = b"POST /api/v3/worker/task HTTP/1.1\r\nHost: farm\r\n"
NOW = 1000.0


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\r\nGET / HTTP/1.1\r\nHost: farm\r\n\r\n",
        HEAD + b"Content-Length: 0\r\n\r\n",
        HEAD + b"Content-Length: 12\r\nA: b\r\n\r\nhello\r\n\r\nyou",
        HEAD + b"CONTENT-LENGTH:\t5  \r\n\r\n\n\n\n\n\n",
        HEAD + b"Content-Length: %d\r\n\r\n" % MOST_HELD + b"x" * MOST_HELD,
        # What is not waited for here: whoever reads it sees to that.
        HEAD + b"Content-Length: %d\r\n\r\n" % (MOST_HELD + 1),
        HEAD + b"Content-Length: 99999999999999999999999999\r\n\r\n",
        HEAD + b"Content-Length: many\r\n\r\n",
        HEAD + b"Content-Length: -5\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    ],
    ids=lambda value: ascii(value[-40:]),
)
@given(st.data())
def test_a_thread_takes_over_when_all_is_there(request_bytes: bytes, data: st.DataObject) -> None:
    """And no byte earlier, in whatever pieces it comes."""
    cuts = sorted(data.draw(st.sets(st.integers(1, len(request_bytes) - 1), max_size=6)))
    pieces = [request_bytes[start:end] for start, end in zip([0, *cuts], [*cuts, len(request_bytes)], strict=True)]
    arriving = Arriving(NOW)
    assert [arriving.add(piece, NOW) for piece in pieces] == [False] * len(cuts) + [True]
    assert arriving.data == request_bytes


def test_the_next_request_comes_along() -> None:
    """Who sends several at a stretch loses none of it."""
    arriving = Arriving(NOW)
    assert arriving.add(b"GET / HTTP/1.1\r\n\r\nGET /", NOW)
    assert arriving.data == b"GET / HTTP/1.1\r\n\r\nGET /"


@pytest.mark.parametrize("beginning", [b"GET / HTTP/1.1\nHost: farm\n\n", b"x" * MOST_HELD], ids=["lines", "long"])
def test_what_will_not_end_is_not_waited_for(beginning: bytes) -> None:
    """It is told at once that this is no HTTP."""
    assert Arriving(NOW).add(beginning, NOW)


def test_a_head_has_its_time_in_all() -> None:
    """However much of it comes, and when: it has to be there in time."""
    arriving = Arriving(NOW)
    for second in range(9):
        assert not arriving.add(b"A: b\r\n", NOW + second)
        assert arriving.deadline == NOW + HEAD_TIMEOUT_S


def test_a_body_earns_its_time() -> None:
    """It begins with the end of the head, and what comes of it counts."""
    arriving = Arriving(NOW)
    head = HEAD + b"Content-Length: 30000\r\n\r\n"
    assert not arriving.add(head, NOW + 5)
    began = NOW + 5 + PATIENCE_S + len(head) / LEAST_RATE
    assert arriving.deadline == began
    assert not arriving.add(b"x", NOW + 14)
    assert arriving.deadline == began + 1 / LEAST_RATE
    assert not arriving.add(b"x" * 10 * LEAST_RATE, NOW + 14.5)
    assert arriving.deadline == began + 10 + 1 / LEAST_RATE
