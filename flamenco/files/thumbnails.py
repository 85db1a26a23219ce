"""Makes small images of large ones, of whatever a worker sends.

An image is no more trusted than anything else that comes over the network: what is no JPEG or PNG is refused by its
first bytes, what would need too much memory by the size that its header tells. Neither has been decoded by then.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

from PIL import Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from flamenco.domain.errors import Refused
from flamenco.domain.pixels import decoded_bytes, excess

BOXES = ((1920, 1080), (600, 338), (200, 112))
"""Width and height that the images are fitted into, in pixels, from the largest to the smallest."""

JPEG_QUALITY = 85

MOST_SCANS = 500
"""How often a JPEG may go over its pixels; usual are up to ten, and each takes as long as an image without them."""

_GAP = 2
"""Large images are first averaged down to this many times the size wanted, which is quick and cannot be seen."""

_TILE_PIXELS = 1 << 20
"""How much of an image is converted at a time: colours of other kinds need room for a copy."""

_COEFFICIENT_BYTES = 2
"""What a JPEG needs for each value of each of its colours when all have to be kept until the last scan."""

_START_OF_SCAN = b"\xff\xda"

_KINDS: tuple[tuple[bytes, type[ImageFile.ImageFile]], ...] = (
    (b"\xff\xd8\xff", JpegImageFile),
    (b"\x89PNG\r\n\x1a\n", PngImageFile),
)


class Undecodable(Exception):
    """There is no image in the bytes, or too large a one. The text says why."""


def check_kind(data: bytes) -> None:
    """Raise `Refused` for what does not even begin like a JPEG or a PNG."""
    _kind_of(data)


def _kind_of(data: bytes) -> type[ImageFile.ImageFile]:
    for magic, kind in _KINDS:
        if data.startswith(magic):
            return kind
    raise Refused("This is neither a JPEG nor a PNG; send the image as one of these.")


def make_thumbnails(data: bytes) -> list[bytes]:
    """JPEGs of the image in `data`, one for each of `BOXES`: as large as fits, in its own shape, never enlarged.

    Transparent parts become black, as in today's Flamenco. Raises `Undecodable`.
    """
    try:
        image: Image.Image = _decode(data)
        thumbnails = []
        for box in BOXES:
            image = _fit(image, box)
            stream = io.BytesIO()
            image.save(stream, "JPEG", quality=JPEG_QUALITY)
            thumbnails.append(stream.getvalue())
    except Undecodable:
        raise
    except Exception as error:  # a decoder may raise anything for bytes that are not what they seem
        raise Undecodable(str(error) or type(error).__name__) from error
    return thumbnails


def _decode(data: bytes) -> Image.Image:
    """The image as RGB, near to the size of the largest box if it is larger."""
    # The class itself, since `Image.open` has a limit of its own, for all of the process.
    with _kind_of(data)(io.BytesIO(data)) as image:
        size, scans = image.size, data.count(_START_OF_SCAN)
        if isinstance(image, JpegImageFile) and scans > MOST_SCANS:
            raise Undecodable(f"it goes over its pixels more than {MOST_SCANS} times")
        target = fitted(size, BOXES[0])
        image.draft("RGB", (target[0] * _GAP, target[1] * _GAP))  # JPEGs can be decoded smaller than they are
        if too_large := excess(size, decoded_bytes(image.size, image.mode) + _kept_until_the_end(image, size, scans)):
            raise Undecodable(too_large)
        image.load()
        factors = tuple(max(1, size // (wanted * _GAP)) for size, wanted in zip(image.size, target, strict=True))
        return _reduce(image, factors[0], factors[1])


def _kept_until_the_end(image: ImageFile.ImageFile, size: tuple[int, int], scans: int) -> int:
    """The memory for what a JPEG has all of, at its full size, before there is a first pixel: none with one scan."""
    if not isinstance(image, JpegImageFile) or not (image.info.get("progressive") or scans > 1):
        return 0
    samplings = [across * down for _, across, down, _ in image.layer]
    return size[0] * size[1] * _COEFFICIENT_BYTES * sum(samplings) // max([1, *samplings])


def _reduce(image: Image.Image, across: int, down: int) -> Image.Image:
    """The image as RGB, reduced by whole factors `across` and `down`, rounded up."""
    width, height = image.size
    reduced = Image.new("RGB", (-(-width // across), -(-height // down)))
    for box in _tiles(width, height, across, down):
        tile = _opaque(image.crop(box))
        reduced.paste(tile.reduce((across, down)), (box[0] // across, box[1] // down))
    return reduced


def _tiles(width: int, height: int, across: int, down: int) -> Iterator[tuple[int, int, int, int]]:
    """Boxes that the image is made of, of whole multiples of the factors; none is large, whatever its shape."""
    columns = max(1, _TILE_PIXELS // (across * down)) * across
    rows = max(1, _TILE_PIXELS // (min(width, columns) * down)) * down
    for top in range(0, height, rows):
        for left in range(0, width, columns):
            yield left, top, min(width, left + columns), min(height, top + rows)


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # Pillow would cut 16-bit greys off at 255 instead of scaling them down.
        return image.convert("I").point(lambda value: value / 256).convert("L").convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    # Colours that are multiplied by how opaque they are, are those on black.
    return Image.merge("RGB", image.convert("RGBA").convert("RGBa").split()[:3])


def fitted(size: tuple[int, int], box: tuple[int, int]) -> tuple[int, int]:
    """The largest size of the same shape that fits into `box`, and is no larger than `size`.

    As wide as the box wherever that is less than a pixel too high, so that boxes in the shape of films are filled.
    """
    (width, height), (widest, highest) = size, box
    if width <= widest and height <= highest:
        return size
    exact = height * widest / width
    if exact < highest + 1:
        return widest, min(highest, max(1, round(exact)))
    return min(widest, max(1, round(width * highest / height))), highest


def _fit(image: Image.Image, box: tuple[int, int]) -> Image.Image:
    size = fitted(image.size, box)
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)
