"""Small images of large ones: sizes and shapes, kinds of PNG and JPEG, and everything that is no image."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops

from flamenco.domain.errors import Refused
from flamenco.domain.pixels import MAX_DECODED_BYTES, MAX_PIXELS, decoded_bytes, excess
from flamenco.files.thumbnails import BOXES, Undecodable, check_kind, fitted, make_thumbnails
from tests import length

Colour = int | tuple[int, ...]


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The bytes of an image file."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def plain(mode: str, colour: Colour, size: tuple[int, int] = (64, 36)) -> Image.Image:
    """An image of one colour."""
    return Image.new(mode, size, colour)


def opened(jpeg: bytes) -> Image.Image:
    """The image in a file that must be a JPEG."""
    image = Image.open(io.BytesIO(jpeg), formats=("JPEG",))
    image.load()
    return image


def chunk(name: bytes, data: bytes) -> bytes:
    """A part of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG of that size, and a little of what could be its pixels."""
    return png(width, height, zlib.compress(b"\0" * 9999), end=b"")


GREY, RGB, RGBA = 0, 2, 6


def png(
    width: int, height: int, pixels: bytes, *, bits: int = 8, colour: int = RGB, more: bytes = b"", end: bytes = b"IEND"
) -> bytes:
    """A PNG whose pixels are compressed already, with `more` parts before them."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    parts = chunk(b"IHDR", header) + more + chunk(b"IDAT", pixels)
    return b"\x89PNG\r\n\x1a\n" + parts + (chunk(end, b"") if end else b"")


@cache
def nothing(count: int) -> bytes:
    """So many zeros, compressed, and never there as a whole."""
    block = bytes(1 << 20)
    compressor = zlib.compressobj(1)
    full = b"".join(compressor.compress(block) for _ in range(count >> 20))
    return full + compressor.compress(bytes(count % (1 << 20))) + compressor.flush()


def jpeg_header(width: int, height: int) -> bytes:
    """A small JPEG that says that it is of that size."""
    jpeg = encoded(plain("RGB", (9, 9, 9)), "JPEG")
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + struct.pack(">HH", height, width) + jpeg[at + 4 :]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1920, 1080), [(1920, 1080), (600, 338), (200, 112)]),
        ((3840, 2160), [(1920, 1080), (600, 338), (200, 112)]),
        ((7680, 4320), [(1920, 1080), (600, 338), (200, 112)]),
        ((2048, 858), [(1920, 804), (600, 251), (200, 84)]),
        ((1080, 1920), [(608, 1080), (190, 338), (63, 112)]),
        ((640, 480), [(640, 480), (451, 338), (149, 112)]),
        ((150, 50), [(150, 50)] * 3),
        ((1, 1), [(1, 1)] * 3),
        ((5000, 2), [(1920, 1), (600, 1), (200, 1)]),
        ((2, 5000), [(1, 1080), (1, 338), (1, 112)]),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_sizes(size: tuple[int, int], expected: list[tuple[int, int]], kind: str) -> None:
    """Images are fitted into the three boxes in their own shape, and small ones stay as they are."""
    made = [opened(jpeg) for jpeg in make_thumbnails(encoded(plain("RGB", (40, 80, 120), size), kind))]
    assert [image.size for image in made] == expected
    assert {image.mode for image in made} == {"RGB"}


@given(st.integers(1, 100_000), st.integers(1, 100_000), st.sampled_from(BOXES))
def test_fitted(width: int, height: int, box: tuple[int, int]) -> None:
    """Whatever its size, an image fits into the box, is not enlarged, and keeps its shape to less than two pixels."""
    across, down = fitted((width, height), box)
    assert 1 <= across <= min(width, box[0])
    assert 1 <= down <= min(height, box[1])
    scale = min(1.0, box[0] / width, box[1] / height)
    assert abs(across - width * scale) < 2
    assert abs(down - height * scale) < 2


@pytest.mark.parametrize(
    ("image", "colour"),
    [
        (plain("RGB", (200, 100, 50)), (200, 100, 50)),
        (plain("L", 120), (120, 120, 120)),
        (plain("1", 1), (255, 255, 255)),
        (plain("I;16", 40_000), (156, 156, 156)),
        (plain("RGBA", (200, 100, 50, 255)), (200, 100, 50)),
        (plain("RGBA", (200, 100, 50, 128)), (100, 50, 25)),
        (plain("RGBA", (200, 100, 50, 0)), (0, 0, 0)),
        (plain("LA", (200, 128)), (100, 100, 100)),
        (plain("RGB", (200, 100, 50)).quantize(4), (200, 100, 50)),
    ],
    ids=lambda value: value.mode if isinstance(value, Image.Image) else "",
)
def test_kinds_of_png(image: Image.Image, colour: tuple[int, int, int]) -> None:
    """Every kind of PNG is shown as it looks, and what is transparent is black."""
    for jpeg in make_thumbnails(encoded(image, "PNG")):
        shown = opened(jpeg).getpixel((5, 5))
        assert isinstance(shown, tuple)
        assert all(abs(a - b) <= 2 for a, b in zip(shown, colour, strict=True)), shown


@pytest.mark.parametrize(
    ("image", "transparency", "colour"),
    [
        (plain("P", 0), b"\0", 0),
        (plain("RGB", (200, 100, 50)), (200, 100, 50), 0),
        (plain("L", 120), 120, 0),
        (plain("L", 120), 7, 120),
    ],
)
def test_transparent_colours(image: Image.Image, transparency: object, colour: int) -> None:
    """A colour that a PNG declares to be transparent is black as well."""
    for jpeg in make_thumbnails(encoded(image, "PNG", transparency=transparency)):
        shown = opened(jpeg).getpixel((5, 5))
        assert isinstance(shown, tuple)
        assert abs(shown[0] - colour) <= 2


def test_16_bit_colours() -> None:
    """PNGs of 16 bits per channel, as Blender writes them, keep their brightness."""
    row = b"\0" + struct.pack(">HHH", 0xC800, 0x6400, 0x3200) * 32
    shown = opened(make_thumbnails(png(32, 18, zlib.compress(row * 18), bits=16))[0]).getpixel((5, 5))
    assert isinstance(shown, tuple)
    assert all(abs(a - b) <= 2 for a, b in zip(shown, (200, 100, 50), strict=True)), shown


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize(
    ("mode", "given_colour", "colour"),
    [("CMYK", (255, 0, 0, 0), (0, 255, 255)), ("L", 120, (120, 120, 120)), ("YCbCr", (120, 128, 128), (120, 120, 120))],
)
@pytest.mark.parametrize("size", [(64, 36), (4096, 4096)])
def test_kinds_of_jpeg(
    mode: str, given_colour: Colour, colour: tuple[int, int, int], size: tuple[int, int], progressive: bool
) -> None:
    """JPEGs of every kind are shown as they look, also where they are decoded smaller than they are."""
    data = encoded(plain(mode, given_colour, size), "JPEG", progressive=progressive)
    shown = opened(make_thumbnails(data)[0]).getpixel((5, 5))
    assert isinstance(shown, tuple)
    assert all(abs(a - b) <= 3 for a, b in zip(shown, colour, strict=True)), shown


@pytest.mark.long
def test_large_images_look_the_same() -> None:
    """An image that is averaged down first, in bands, looks like one that was not."""
    gradient = Image.linear_gradient("L").resize((9000, 5000))
    picture = Image.merge("RGB", (gradient, gradient.rotate(180), gradient))
    shown = opened(make_thumbnails(encoded(picture, "PNG", compress_level=1))[0])
    expected = picture.resize(shown.size, Image.Resampling.LANCZOS)
    assert max(ImageChops.difference(shown, expected).tobytes()) <= 6


def test_nothing_of_the_metadata_is_handed_on() -> None:
    """Where a picture was made, and with what, is nobody's business."""
    image = plain("RGB", (1, 2, 3))
    exif = image.getexif()
    exif[0x010E] = "secret"
    data = encoded(image, "JPEG", exif=exif, comment=b"secret")
    assert b"secret" in data
    assert not any(b"secret" in jpeg for jpeg in make_thumbnails(data))


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"GIF89a", b"II*\0", b"<svg/>", b"BM" + bytes(100)])
def test_what_is_no_jpeg_or_png_is_refused_at_once(data: bytes) -> None:
    """Two kinds are accepted, and their first bytes tell."""
    with pytest.raises(Refused, match="neither a JPEG nor a PNG"):
        check_kind(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_truncated_images(kind: str) -> None:
    """Wherever an image is cut off, it is undecodable or shown, and nothing else happens."""
    data = encoded(Image.effect_noise((64, 64), 50), kind)
    refused = 0
    for end in range(8, len(data), 101):
        check_kind(data[:end])
        try:
            make_thumbnails(data[:end])
        except Undecodable as error:
            refused += bool(str(error))
    assert refused > 5
    make_thumbnails(data)


@given(st.binary(max_size=200), st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", png_header(4, 4)[:50]]))
def test_nonsense(noise: bytes, beginning: bytes) -> None:
    """Bytes that only begin like an image are undecodable, and nothing worse."""
    with suppress(Undecodable):
        make_thumbnails(beginning + noise)


MEASURED = """
import json, pathlib, re, sys
from flamenco.files.thumbnails import Undecodable, make_thumbnails
def peak_kb():
    return int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
data = sys.stdin.buffer.read()
before, said, made = peak_kb(), "", 0
try:
    made = len(make_thumbnails(data))
except Undecodable as error:
    said = str(error)
print(json.dumps([made, said, (peak_kb() - before) // 1024]))
"""


def measured(data: bytes) -> tuple[int, str, int]:
    """How many thumbnails a process of its own makes, what it says when it makes none, and the MiB that it takes."""
    done = subprocess.run([sys.executable, "-c", MEASURED], input=data, capture_output=True, check=True, timeout=300)
    made, said, mebibytes = json.loads(done.stdout)
    return made, said, mebibytes


def progressive_header(width: int, height: int) -> bytes:
    """The same, of four colours and progressive: all of which is kept until the last scan."""
    jpeg = encoded(plain("CMYK", (9, 9, 9, 9)), "JPEG", progressive=True, subsampling=0)
    at = jpeg.index(b"\xff\xc2") + 5
    return jpeg[:at] + struct.pack(">HH", height, width) + jpeg[at + 4 :]


LITTLE_MB = 40
"""What an image may take that is refused; decoding one of these would take 200 MiB and more."""

BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "PNG of ten gigapixels": (lambda: png_header(100_000, 100_000), "that are accepted"),
    "PNG as large as can be said": (lambda: png_header(2**31 - 1, 2**31 - 1), "that are accepted"),
    "PNG of one row": (lambda: png_header(MAX_PIXELS + 1, 1), "that are accepted"),
    "PNG of one column": (lambda: png_header(1, MAX_PIXELS // 2), "500000000 are accepted"),
    "PNG of two rows": (lambda: png_header(MAX_PIXELS // 2, 2), "500000000 are accepted"),
    "PNG of no pixels": (lambda: png_header(0, 0), ""),
    "whole PNG in black and white": (
        lambda: png(48_000, 48_000, nothing(48_000 * 6_001), bits=1, colour=GREY),
        "that are accepted",
    ),
    "JPEG as large as can be said": (lambda: jpeg_header(65_000, 65_000), "that are accepted"),
    "JPEG of no pixels": (lambda: jpeg_header(0, 0), ""),
    "JPEG whose colours are all kept": (lambda: progressive_header(8_000, 8_000), "500000000 are accepted"),
    "PNG with a profile": (lambda: with_part(b"iCCP", b"p\0\0"), "too large"),
    "PNG with a text": (lambda: with_part(b"zTXt", b"t\0\0"), "too large"),
    "PNG with a translated text": (lambda: with_part(b"iTXt", b"t\0\1\0\0\0"), "too large"),
}


@pytest.mark.parametrize(("make", "said"), BOMBS.values(), ids=BOMBS)
def test_bombs_are_refused(make: Callable[[], bytes], said: str) -> None:
    """A few bytes that would become a huge image, or anything else that is huge, are refused with next to no memory."""
    made, why, mebibytes = measured(make())
    assert (made, mebibytes < LITTLE_MB) == (0, True), (why, mebibytes)
    assert said in why


def with_part(name: bytes, beginning: bytes) -> bytes:
    """A small PNG with a part that is small as long as nobody unpacks it."""
    return png(4, 4, nothing(52), more=chunk(name, beginning + nothing(300 << 20)))


def test_pixels_that_go_on() -> None:
    """What is behind the last pixel of an image is not unpacked."""
    made, why, mebibytes = measured(png(4, 4, nothing(300 << 20)))
    assert (made, mebibytes < LITTLE_MB) == (len(BOXES), True), (why, mebibytes)


@pytest.mark.parametrize(
    ("width", "height"), length.every(3, [(MAX_PIXELS // 10, 10), (10_000, 10_000), (10, MAX_PIXELS // 10)])
)
def test_the_largest_image_takes_its_pixels_and_little_more(width: int, height: int) -> None:
    """Whatever its shape, an image of as many pixels as are accepted takes no more than these do, and is shown."""
    made, why, mebibytes = measured(png(width, height, nothing((width * 4 + 1) * height), colour=RGBA))
    assert made == len(BOXES), why
    assert mebibytes < MAX_DECODED_BYTES / 2**20 + 2 * LITTLE_MB


@pytest.mark.parametrize(
    ("mode", "each"),
    [("1", 1), ("L", 1), ("P", 1), ("I;16", 2), ("LA", 4), ("RGB", 4), ("RGBA", 4), ("I", 4), ("F", 4)],
)
def test_the_size_of_a_pixel(mode: str, each: int) -> None:
    """What an image takes is known beforehand, by its mode."""
    assert decoded_bytes((100, 70), mode) == 72 * (100 * each + 8)
    assert decoded_bytes((1, 70), mode) == 72 * (4 + 8)


def test_both_limits() -> None:
    """An image has to keep to the limit on pixels, and to that on bytes."""
    assert excess((10_000, 10_000), MAX_DECODED_BYTES) == ""
    assert "10001 x 10000 pixels are more than" in excess((10_001, 10_000), 1)
    assert f"{MAX_DECODED_BYTES} are accepted" in excess((10_000, 10_000), MAX_DECODED_BYTES + 1)


def test_jpegs_that_take_forever() -> None:
    """A JPEG that has its pixels gone over thousands of times would keep all others waiting."""
    jpeg = encoded(plain("L", 120), "JPEG", progressive=True)
    last = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    make_thumbnails(jpeg)
    with pytest.raises(Undecodable, match="more than 500 times"):
        make_thumbnails(jpeg[:-2] + last * 500 + jpeg[-2:])


def test_the_limit_counts_pixels() -> None:
    """As many pixels as the limit are accepted, one more is not."""
    with pytest.raises(Undecodable, match="truncated"):
        make_thumbnails(png_header(MAX_PIXELS // 100, 100))
    with pytest.raises(Undecodable, match=f"{MAX_PIXELS} that are accepted"):
        make_thumbnails(png_header(MAX_PIXELS // 2 + 1, 2))
