"""How large an image may be that somebody else has made, by what its header says: asked before anything is decoded."""

from __future__ import annotations

from typing import Final

MAX_PIXELS: Final = 100_000_000
"""Most pixels of an image: those of a poster, or of a film's frame in 12K."""

MAX_DECODED_BYTES: Final = 500_000_000
"""Most memory that decoding it may take: four bytes for each of those pixels, and room for the rest."""

_NARROW: Final = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}

_WIDE: Final = 4

_EACH_ROW: Final = 8
"""More than the pixels, where there is one of them in a row."""

_OF_THE_DECODER: Final = 2
"""So many rows more it has, which is much where there are few of them."""


def decoded_bytes(size: tuple[int, int], mode: str) -> int:
    """The memory that Pillow needs for an image of that mode; rows are multiples of four bytes."""
    width, height = size
    return (height + _OF_THE_DECODER) * (-(-width * _NARROW.get(mode, _WIDE) // 4) * 4 + _EACH_ROW)


def excess(size: tuple[int, int], needed_bytes: int) -> str:
    """Why an image is too large; empty when it is not."""
    width, height = size
    if width * height > MAX_PIXELS:
        return f"{width} x {height} pixels are more than the {MAX_PIXELS} that are accepted"
    if needed_bytes > MAX_DECODED_BYTES:
        return f"{width} x {height} pixels of this kind need {needed_bytes} bytes; {MAX_DECODED_BYTES} are accepted"
    return ""
