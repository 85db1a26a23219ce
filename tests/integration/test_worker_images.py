"""Images that tasks produce, on their way to people: decoded, made into JPEGs, sent in the background."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image, UnidentifiedImageError
from structlog.testing import capture_logs

from flamenco.client import ManagerClient
from flamenco.worker.upload import OutputUploads, TooLarge, as_jpeg
from tests.integration.scripted_manager import PATIENCE_S, Answer, ScriptedManager

SIZE = (24, 16)


@pytest.fixture
def manager() -> Iterator[ScriptedManager]:
    """A manager that knows the worker."""
    with ScriptedManager() as running:
        running.know("me", "secret")
        yield running


@pytest.fixture
def client(manager: ScriptedManager) -> Iterator[ManagerClient]:
    """A worker's client of that manager."""
    with ManagerClient(manager.url) as opened:
        opened.authenticate("me", "secret")
        yield opened


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """Makes an image file of one colour; the format is that of its name."""

    def make(name: str, mode: str, colour: object, size: tuple[int, int] = SIZE) -> Path:
        file = tmp_path / name
        Image.new(mode, size, colour).save(file)  # type: ignore[arg-type]
        return file

    return make


@pytest.mark.parametrize(
    ("name", "mode", "colour", "expected"),
    [
        ("a.png", "RGB", (200, 100, 50), (200, 100, 50)),
        ("a.jpg", "RGB", (200, 100, 50), (200, 100, 50)),
        ("a.tif", "RGB", (200, 100, 50), (200, 100, 50)),
        ("a.png", "RGBA", (200, 100, 50, 255), (200, 100, 50)),
        ("a.png", "RGBA", (200, 100, 50, 0), (0, 0, 0)),
        ("a.png", "RGBA", (200, 100, 50, 128), (100, 50, 25)),
        ("a.png", "LA", (200, 128), (100, 100, 100)),
        ("a.png", "L", 77, (77, 77, 77)),
        ("a.png", "P", 0, (0, 0, 0)),
        ("a.png", "1", 1, (255, 255, 255)),
        ("a.png", "I;16", 0x8000, (128, 128, 128)),
        ("a.tif", "CMYK", (0, 0, 0, 0), (255, 255, 255)),
    ],
)
def test_pictures(
    picture: Callable[..., Path], name: str, mode: str, colour: object, expected: tuple[int, int, int]
) -> None:
    """Every usual kind of picture becomes a JPEG of the same size and colour, on black where it is transparent."""
    with Image.open(io.BytesIO(as_jpeg(picture(name, mode, colour)))) as jpeg:
        assert (jpeg.format, jpeg.size) == ("JPEG", SIZE)
        pixel = jpeg.convert("RGB").getpixel((3, 3))
    assert isinstance(pixel, tuple)
    assert all(abs(is_value - should) <= 3 for is_value, should in zip(pixel, expected, strict=True))


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"\x76\x2f\x31\x01" + b"\0" * 100, UnidentifiedImageError),  # OpenEXR
        (b"GIF89a" + b"\0" * 100, UnidentifiedImageError),
        (b"", UnidentifiedImageError),
        (None, FileNotFoundError),
    ],
)
def test_what_cannot_be_shown(tmp_path: Path, content: bytes | None, error: type[Exception]) -> None:
    """Other formats are told from files that cannot be read."""
    file = tmp_path / "file"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(error):
        as_jpeg(file)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("width", "kind"), [(10_001, TooLarge), (20_000, Image.DecompressionBombError)])
@pytest.mark.parametrize("name", ["bomb.png", "bomb.tif"])
def test_bombs(picture: Callable[..., Path], name: str, width: int, kind: type[Exception]) -> None:
    """An image of too many pixels is not decoded, and never sent."""
    file = picture(name, "1", 0, (width, 10_000))
    with pytest.raises(kind, match="pixels"):
        as_jpeg(file)


def test_uploads(client: ManagerClient, manager: ScriptedManager, picture: Callable[..., Path], tmp_path: Path) -> None:
    """Whatever goes wrong with one image, the next one is sent."""
    good = picture("good.png", "RGB", (1, 2, 3))
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:60])
    (tmp_path / "other.exr").write_bytes(b"\x76\x2f\x31\x01")
    manager.answer_once("POST", ".*/output-produced", Answer(429))
    with OutputUploads(client) as uploads:
        for number, file in enumerate([tmp_path / "missing", tmp_path / "cut.png", tmp_path / "other.exr", good]):
            uploads.put(f"task-{number}", file)
        uploads.put("refused", good)
        manager.wait_for(lambda: manager.asked("POST", "/worker/task/refused/output-produced"))
        uploads.put("accepted", good)
        manager.wait_for(lambda: manager.images)
    assert manager.images[0][0] == "accepted"
    assert manager.images[0][1] == as_jpeg(good)


@pytest.mark.parametrize(
    ("status", "level", "event"),
    [
        (429, "info", "the manager is busy with other images, this one is not shown"),
        (413, "warning", "the image is larger than the manager takes, it is not shown"),
        (500, "warning", "the manager did not take an image"),
    ],
)
def test_refused_images(
    client: ManagerClient, manager: ScriptedManager, picture: Callable[..., Path], status: int, level: str, event: str
) -> None:
    """An image that the manager does not take is not sent again, and the log says why."""
    manager.answer_once("POST", ".*/output-produced", Answer(status, {"message": "no"}))
    good = picture("good.png", "RGB", (1, 2, 3))
    with capture_logs() as events, OutputUploads(client) as uploads:
        uploads.put("refused", good)
        manager.wait_for(lambda: manager.asked("POST", "/worker/task/refused/output-produced"))
        uploads.put("accepted", good)
        manager.wait_for(lambda: manager.images)
    assert [each["log_level"] for each in events if each["event"] == event] == [level]
    assert manager.asked("POST", ".*/output-produced") == 2


def test_only_the_newest_waits(client: ManagerClient, manager: ScriptedManager, picture: Callable[..., Path]) -> None:
    """While one image is under way newer ones replace each other."""
    good = picture("good.png", "RGB", (1, 2, 3))
    under_way, go_on = threading.Event(), threading.Event()

    class SlowClient(ManagerClient):
        def output_produced(self, task_id: str, jpeg: bytes) -> None:
            under_way.set()
            assert go_on.wait(PATIENCE_S)
            super().output_produced(task_id, jpeg)

    with SlowClient(manager.url) as slow, OutputUploads(slow) as uploads:
        slow.authenticate("me", "secret")
        uploads.put("first", good)
        assert under_way.wait(PATIENCE_S)
        for number in range(10):
            uploads.put(f"newer-{number}", good)
        go_on.set()
        manager.wait_for(lambda: len(manager.images) == 2)
    assert [task for task, _ in manager.images] == ["first", "newer-9"]
