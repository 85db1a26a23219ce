"""Shows people what is being rendered: sends images that tasks have written to the manager, in the background."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Final, Protocol, Self

import structlog
from PIL import Image, UnidentifiedImageError

from flamenco.client import ManagerError
from flamenco.domain.errors import FarmError
from flamenco.domain.pixels import decoded_bytes, excess

JPEG_QUALITY: Final = 85
LARGEST_UPLOAD_BYTES: Final = 25 * 1024 * 1024
BUSY_STATUS: Final = 429
TOO_LARGE_STATUS: Final = 413
FORMATS: Final = ("PNG", "JPEG", "TIFF")

_STOP_WAIT_S: Final = 1.0

log = structlog.get_logger()


class TooLarge(Exception):
    """An image of more pixels than are decoded. The text says how many they are."""


class ImageTaker(Protocol):
    """Who takes images: the manager, or what is in between."""

    def output_produced(self, task_id: str, jpeg: bytes) -> None:
        """Take a JPEG of what the task has written."""


class OutputUploads:
    """A queue of one: a newer image replaces one that waits. Nothing that goes wrong here concerns the task."""

    def __init__(self, manager: ImageTaker) -> None:
        self._manager = manager
        self._changed = threading.Condition()
        self._waiting: tuple[str, Path | bytes] | None = None
        self._is_busy = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="output-upload", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(_STOP_WAIT_S)

    def put(self, task_id: str, image: Path) -> None:
        """Send `image` some time soon, unless a newer one comes first."""
        self._put(task_id, image)

    def put_jpeg(self, task_id: str, jpeg: bytes) -> None:
        """The same for what is a JPEG already."""
        self._put(task_id, jpeg)

    def wait_until_idle(self, seconds: float) -> None:
        """Wait until all is sent, at most so long."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._is_busy, seconds)

    def _put(self, task_id: str, image: Path | bytes) -> None:
        with self._changed:
            self._waiting = (task_id, image)
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._is_busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting or self._stopping)
                if self._stopping or not self._waiting:
                    return
                (task_id, image), self._waiting = self._waiting, None
                self._is_busy = True
            self._upload(task_id, image)

    def _upload(self, task_id: str, given: Path | bytes) -> None:
        image = given if isinstance(given, Path) else "(of a task's process)"
        try:
            jpeg = as_jpeg(given) if isinstance(given, Path) else given
            if len(jpeg) > LARGEST_UPLOAD_BYTES:
                log.warning("an image is too large to be shown", image=str(image), size=len(jpeg))
                return
            self._manager.output_produced(task_id, jpeg)
            log.debug("image sent to the manager", image=str(image))
        except UnidentifiedImageError:
            log.debug("this kind of image cannot be shown", image=str(image))
        except (TooLarge, Image.DecompressionBombError) as error:
            log.warning("an image is too large to be shown", image=str(image), reason=str(error))
        except ManagerError as error:
            _report_refusal(image, error)
        except (OSError, FarmError) as error:
            log.warning("an image could not be sent to the manager", image=str(image), error=str(error))
        except Exception:  # whatever a decoder makes of a file that is not what it seems
            log.exception("an image could not be sent to the manager", image=str(image))


def _report_refusal(image: Path | str, error: ManagerError) -> None:
    """Log why the manager did not take an image. It is not sent again: by then there is a newer one."""
    if error.status == BUSY_STATUS:
        log.info("the manager is busy with other images, this one is not shown", image=str(image))
    elif error.status == TOO_LARGE_STATUS:
        log.warning("the image is larger than the manager takes, it is not shown", image=str(image), reason=str(error))
    else:
        log.warning("the manager did not take an image", image=str(image), status=error.status, reason=str(error))


def as_jpeg(file: Path) -> bytes:
    """Read a PNG, JPEG or TIFF and make a JPEG of the same size, on black where it is transparent.

    Raises `UnidentifiedImageError` for other formats, such as EXR, `OSError` for what cannot be read, and `TooLarge`:
    who runs as somebody else shall not fill the memory of the worker by a few bytes.
    """
    stream = io.BytesIO()
    with Image.open(file, formats=FORMATS) as image:
        if reason := excess(image.size, decoded_bytes(image.size, image.mode)):
            raise TooLarge(reason)
        _opaque(image).save(stream, "JPEG", quality=JPEG_QUALITY)
    return stream.getvalue()


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        # Pillow would cut 16-bit greys off at 255 instead of scaling them down.
        return image.convert("I").point(lambda value: value / 256).convert("L")
    if not image.has_transparency_data:
        return image if image.mode in ("L", "RGB") else image.convert("RGB")
    picture = image.convert("RGBA")
    black = Image.new("RGB", picture.size)
    black.paste(picture, mask=picture.getchannel("A"))
    return black
