"""Heads and bodies as clients send them: what is taken, what is left for the next request, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.server.heads import LONGEST_FIELD, MOST_FIELDS, TooLarge, read_fields
from flamenco.server.incoming import Body, ChunkedBody, Incoming, KnownBody


def incoming(data: bytes, at_once: int = 1 << 20) -> Incoming:
    """A connection over which that comes, so many bytes at a time, and then no more."""
    left = bytearray(data)

    def receive(size: int) -> bytes:
        given = bytes(left[: min(size, at_once)])
        del left[: len(given)]
        return given

    return Incoming(receive)


def chunked(*pieces: bytes) -> bytes:
    """Those as a body in chunks."""
    return b"".join(b"%x;a=b\r\n%b\r\n" % (len(each), each) for each in pieces) + b"0\r\nA: b\r\n\r\n"


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=5), st.integers(1, 70), st.integers(1, 70))
def test_bodies_are_whole_and_end(pieces: list[bytes], at_once: int, size: int) -> None:
    """In whatever pieces they come and are read; what follows is left for the next request."""
    whole = b"".join(pieces)
    both: dict[bytes, type[Body] | None] = {whole: None, chunked(*pieces): ChunkedBody}
    for sent, kind in both.items():
        source = incoming(sent + b"next", at_once)
        body = KnownBody(source, len(whole)) if kind is None else ChunkedBody(source)
        assert b"".join(iter(lambda each=body: each.read(size), b"")) == whole  # type: ignore[misc]
        assert body.read(size) == b""
        assert source.read(4) == b"next"


def test_lines_of_a_body() -> None:
    """For whoever wants a body by lines."""
    body = KnownBody(incoming(b"a\nbc\n\nd"), 7)
    assert body.readline(1) == b"a"
    assert list(body) == [b"\n", b"bc\n", b"\n", b"d"]
    assert KnownBody(incoming(b"a\nb"), 3).readlines() == [b"a\n", b"b"]
    assert KnownBody(incoming(b"a\nb"), 3).read() == b"a\nb"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"zz\r\n",
        b"-1\r\n",
        b"0x5\r\nhello\r\n",
        b"5\nhello\r\n0\r\n\r\n",
        b"5\r\nhello!\r\n0\r\n\r\n",
        b"5\r\nhel",
        b"5\r\nhello\r\n0\r\n",
        b"12345678901234567\r\n",
        b"5;" + b"x" * 5000 + b"\r\nhello\r\n0\r\n\r\n",
    ],
    ids=ascii,
)
def test_chunks_that_are_none(sent: bytes) -> None:
    """Are refused, wherever that shows."""
    with pytest.raises(ValueError, match=r"chunk|size"):
        ChunkedBody(incoming(sent)).read()


@pytest.mark.parametrize(
    "sent", [b"3\r\nabcX\r\n\r\n0\r\n\r\n", b"0\r\nA: b\n", b"0\r\n" + b"A: b\r\n" * 101 + b"\r\n"], ids=ascii
)
def test_nothing_comes_after_chunks_that_are_none(sent: bytes) -> None:
    """Whoever asks again is told again, and never that it is over: what follows would be taken for a request."""
    body = ChunkedBody(incoming(sent + b"GET /smuggled HTTP/1.1\r\n\r\n"))
    for _ in range(3):
        with pytest.raises(ValueError, match=r"chunk"):
            body.read()


def test_a_body_that_is_cut_off_is_short() -> None:
    """Whoever knows how long it is to be says so."""
    assert KnownBody(incoming(b"hel"), 5).read() == b"hel"


def test_fields() -> None:
    """Those of one name are put together; those that would look like others to an application are left out."""
    head = b"host: farm\r\nX-A:\t1 \r\nx-a: 2\r\nContent_Length: 7\r\nContent-Length: 5\r\n"
    head += b"Expect: 100-Continue\r\n\r\nrest"
    source = incoming(head, 7)
    expected = {b"Host": b"farm", b"X-A": b"1,2", b"Content-Length": b"5", b"Expect": b"100-continue"}
    assert read_fields(source) == expected
    assert source.read(4) == b"rest"


@pytest.mark.parametrize(
    "field",
    [
        b"Broken",
        b" folded: x",
        b"A : b",
        b": b",
        b"A: b\0c",
        b"A: b\rc",
        b"Content-Length: -1",
        b"Content-Length: +1",
        b"Content-Length: 1_0",
        b"Content-Length: 1\r\nContent-Length: 1",
        b"Content-Length: 99999999999999999999",
        b"Transfer-Encoding: rot13",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding:",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 1",
    ],
    ids=ascii,
)
def test_fields_that_leave_something_open(field: bytes) -> None:
    """Two programs could understand them in two ways, and one would take for a request what the other does not."""
    with pytest.raises(ValueError, match=r"."):
        read_fields(incoming(field + b"\r\n\r\n"))


@pytest.mark.parametrize("head", [b"A: b\r\n" * (MOST_FIELDS + 1), b"A: " + b"b" * LONGEST_FIELD])
def test_heads_have_limits(head: bytes) -> None:
    """In number and in size."""
    with pytest.raises(TooLarge):
        read_fields(incoming(head + b"\r\n\r\n"))


@pytest.mark.parametrize("head", [b"A: b\n\r\n", b"A: b", b"A: b\r\n"])
def test_heads_that_do_not_end(head: bytes) -> None:
    """As HTTP says they do."""
    with pytest.raises(ValueError, match="does not end"):
        read_fields(incoming(head))
