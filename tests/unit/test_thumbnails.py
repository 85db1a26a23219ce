"""Small images of large ones: sizes and shapes, kinds of PNG and JPEG, and everything that is no image."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops

from flamenco.domain.errors import Refused
from flamenco.files.thumbnails import BOXES, MAX_PIXELS, Undecodable, check_kind, fitted, make_thumbnails

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


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG of that size, and a little of what could be its pixels."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(b"\0" * 9999))]
    parts = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


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
    data = png_header(32, 18).replace(b"\x08\x02\0\0\0", b"\x10\x02\0\0\0")
    end = data.index(b"IDAT") - 4
    header = data[8 + 4 : 8 + 8 + 13]
    pixels = zlib.compress(row * 18)
    png = (
        data[: end - 4]
        + struct.pack(">I", zlib.crc32(header))
        + struct.pack(">I", len(pixels))
        + b"IDAT"
        + pixels
        + struct.pack(">I", zlib.crc32(b"IDAT" + pixels))
    )
    shown = opened(make_thumbnails(png)[0]).getpixel((5, 5))
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


@pytest.mark.parametrize(
    "data",
    [
        png_header(100_000, 100_000),
        png_header(2**31 - 1, 2**31 - 1),
        png_header(MAX_PIXELS + 1, 1),
        png_header(0, 0),
        jpeg_header(65_000, 65_000),
        jpeg_header(0, 0),
    ],
    ids=lambda data: f"{len(data)} bytes",
)
def test_bombs_are_refused_by_their_header(data: bytes) -> None:
    """A few bytes that say that they are a huge image are refused before there is any memory for it."""
    tracemalloc.start()
    try:
        with pytest.raises(Undecodable):
            make_thumbnails(data)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_jpegs_that_take_forever() -> None:
    """A JPEG that has its pixels gone over thousands of times would keep all others waiting."""
    jpeg = encoded(plain("L", 120), "JPEG", progressive=True)
    last = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    make_thumbnails(jpeg)
    with pytest.raises(Undecodable, match="more than 500 times"):
        make_thumbnails(jpeg[:-2] + last * 500 + jpeg[-2:])


def test_the_largest_image() -> None:
    """The limit counts pixels, so that the largest PNG still passes."""
    with pytest.raises(Undecodable, match="truncated"):
        make_thumbnails(png_header(MAX_PIXELS, 1))
    with pytest.raises(Undecodable, match=f"{MAX_PIXELS} that are accepted"):
        make_thumbnails(png_header(MAX_PIXELS // 2 + 1, 2))
