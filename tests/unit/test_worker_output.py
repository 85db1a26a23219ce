"""What programs print on its way to the manager: cut into lines, collected into chunks."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.domain.durations import Duration
from flamenco.worker.log_stream import LONGEST_CHUNK, LogStream
from flamenco.worker.output_lines import LONGEST_LINE_BYTES, LineSplitter


def split(*pieces: bytes, longest: int = 8) -> list[str]:
    """All lines of what arrives in these pieces."""
    splitter = LineSplitter(longest)
    return [line for piece in pieces for line in splitter.feed(piece)] + splitter.finish()


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        ([], []),
        ([b""], []),
        ([b"one\ntwo\n"], ["one", "two"]),
        ([b"one\r\ntwo\r\n"], ["one", "two"]),
        ([b"one\r", b"\ntwo"], ["one", "two"]),
        ([b"no end"], ["no end"]),
        ([b"a", b"b", b"\n", b"c"], ["ab", "c"]),
        ([b"\n\n"], ["", ""]),
        ([b"12345678\n"], ["12345678"]),
        ([b"12345678\r\n"], ["12345678"]),
        ([b"12345678", b"\r\n"], ["12345678"]),
        ([b"123456789\n"], ["12345678", "9"]),
        ([b"1234567890123456", b"7\n"], ["12345678", "90123456", "7"]),
        (["1234567é\n".encode()], ["1234567", "é"]),
        (["éééé\n".encode()], ["éééé"]),
        (["🎨🎨🎨".encode()], ["🎨🎨", "🎨"]),
        (["1🎨🎨".encode()], ["1🎨", "🎨"]),
        (["é".encode()[:1], "é".encode()[1:] + b"\n"], ["é"]),
        ([b"\xff\xfe\n"], ["\ufffd\ufffd"]),
        ([b"\x80" * 10], ["\ufffd" * 8, "\ufffd" * 2]),
        ([b"1 of 2\r2 of 2\n"], ["2 of 2"]),
        ([b"1 of 2\r", b"2 of 2\r", b"\n"], ["2 of 2"]),
        ([b"\r1 of 2", b"\r2 of 2"], ["2 of 2"]),
        ([b"1 of 2\r2 of 2\r", b"done\r\n", b"next"], ["done", "next"]),
        ([b"50%\r100%\r   ", b"\r\n"], ["100%"]),
        ([b"50%\r    \r", b"done\n"], ["done"]),
        ([b"50%\r   ", b"more\n"], ["   more"]),
        ([b"text\r\r\n"], ["text"]),
        ([b" \r", b"\n"], [" "]),
        ([b"50%\r" + b"x" * 17], ["xxxxxxxx", "xxxxxxxx", "x"]),
    ],
)
def test_lines(pieces: list[bytes], lines: list[str]) -> None:
    """Lines come without their ends; longer ones in parts that are cut between characters."""
    assert split(*pieces) == lines


@given(
    st.lists(st.sampled_from([b"1%", b"99%", b" ", b"\r", b"\n", b"\r\n", b"text"]), max_size=20),
    st.lists(st.integers(0, 60)),
)
def test_lines_that_are_written_over(pieces: list[bytes], cuts: list[int]) -> None:
    """However the bytes arrive, the lines are the same, as many as there are ends, and none has a return inside."""
    data = b"".join(pieces)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    lines = split(*(data[start:end] for start, end in pairwise(edges)), longest=100)
    assert lines == split(data, longest=100)
    assert len(lines) in (data.count(b"\n"), data.count(b"\n") + 1)
    assert not any("\r" in line for line in lines)


def test_progress() -> None:
    """What a line says that is written over is known before it is finished, and only then."""
    splitter = LineSplitter()
    seen = []
    for piece in (b"begin\n", b"1%", b"\r", b"2%\r", b"3%", b"\r\n", b"end\n"):
        splitter.feed(piece)
        seen.append(splitter.progress)
    assert seen == ["", "", "1%", "2%", "3%", "", ""]


@given(st.text(), st.lists(st.integers(0, 200)), st.integers(4, 20))
def test_nothing_is_lost(text: str, cuts: list[int], longest: int) -> None:
    """However the bytes arrive, no part is too long, none ends inside a character, and together they are the text."""
    text = text.replace("\r", "")
    data = text.encode()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    lines = split(*(data[start:end] for start, end in pairwise(edges)), longest=longest)
    assert "".join(lines) == text.replace("\n", "")
    assert all(len(line.encode()) <= longest for line in lines)
    assert lines == split(data, longest=longest)


def test_usual_limit() -> None:
    """A line of more than 40 KiB comes in parts before its end has come."""
    splitter = LineSplitter()
    parts = splitter.feed(b"x" * (3 * LONGEST_LINE_BYTES))
    assert [len(part) for part in parts] == [40 * 1024, 40 * 1024]
    assert splitter.finish() == ["x" * 40 * 1024]


def test_absurd_limit() -> None:
    """A limit that no character fits in is refused at once."""
    with pytest.raises(ValueError, match="hold a character"):
        LineSplitter(3)


class Wire:
    """A log stream, what came out of it, and its clock."""

    def __init__(self, chunk_bytes: int = 10, longest_wait: float = 30) -> None:
        self.now = 1000.0
        self.sent: list[str] = []
        self.stream = LogStream(self.sent.append, chunk_bytes, Duration(longest_wait), lambda: self.now)


def test_chunks_are_sent_when_full() -> None:
    """Lines are collected until there is more than a chunk of them."""
    wire = Wire(chunk_bytes=10)
    wire.stream.write("1234")
    wire.stream.write("6789\n")
    assert wire.sent == []
    wire.stream.write("b")
    assert wire.sent == ["1234\n6789\nb\n"]


def test_size_is_counted_in_bytes() -> None:
    """Characters that take more bytes fill a chunk sooner."""
    wire = Wire(chunk_bytes=10)
    wire.stream.write("éééééé")
    assert wire.sent == ["éééééé\n"]


def test_a_line_does_not_wait_for_ever() -> None:
    """A line that has waited long enough is sent with the next one, or by the clock when there is none."""
    wire = Wire(longest_wait=30)
    wire.stream.write("a")
    wire.now += 29
    wire.stream.tick()
    assert wire.sent == []
    wire.now += 1
    wire.stream.tick()
    assert wire.sent == ["a\n"]
    wire.stream.write("b")
    wire.now += 30
    wire.stream.write("c")
    assert wire.sent == ["a\n", "b\nc\n"]
    wire.stream.tick()
    assert wire.sent == ["a\n", "b\nc\n"]


@pytest.mark.parametrize(("discard", "sent"), [(False, ["a\n"]), (True, [])])
def test_the_end(discard: bool, sent: list[str]) -> None:
    """At the end the rest is sent, or dropped on request, and what comes later is not taken."""
    wire = Wire()
    wire.stream.write("a")
    wire.stream.close(discard=discard)
    wire.stream.write("late")
    wire.stream.tick()
    assert wire.sent == sent


def test_what_cannot_be_sent_is_replaced() -> None:
    """Half characters, as they are in some file names, and NUL do not keep the rest from being sent."""
    wire = Wire(chunk_bytes=1)
    wire.stream.write("a\ud800b\0c")
    assert wire.sent == ["a?b\ufffdc\n"]


def test_huge_texts_are_sent_in_pieces() -> None:
    """One huge text does not become one huge request."""
    wire = Wire()
    text = "é" * (2 * LONGEST_CHUNK) + "\n"
    wire.stream.write(text)
    assert [len(chunk) for chunk in wire.sent] == [LONGEST_CHUNK, LONGEST_CHUNK, 1]
    assert "".join(wire.sent) == text


def test_a_line_that_is_not_finished() -> None:
    """Of what is shown the last is sent, when a line would be, and ends with a return; what is written replaces it."""
    wire = Wire(longest_wait=30)
    for percent in range(100):
        wire.stream.show(f"{percent}%")
    wire.stream.tick()
    assert wire.sent == []
    wire.now += 30
    wire.stream.tick()
    assert wire.sent == ["99%\r"]
    wire.stream.show("more")
    wire.stream.write("done")
    wire.stream.show("1%")
    wire.stream.close()
    assert wire.sent == ["99%\r", "done\n1%\n"]
    wire.stream.show("late")
    wire.stream.tick()
    assert len(wire.sent) == 2
