"""What was rendered last, over real sockets: handing in images, where they are, and downloading them."""

from __future__ import annotations

import io
import socket
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image
from sqlalchemy import text

from flamenco.api.v3.worker import IMAGE_LIMIT_BYTES
from flamenco.farm.image_queue import MOST_WAITING
from flamenco.store.engine import Store
from tests.acceptance.conftest import Manager, running_manager, wait_until
from tests.acceptance.rendering import NOBODY, SUFFIXES, Painter, picture, told


@pytest.fixture
def painter(shared_manager: Manager) -> Iterator[Painter]:
    """A worker with a task."""
    made = Painter(shared_manager.url)
    yield made
    made.leave()


@pytest.fixture
def outbox(shared_manager: Manager) -> Iterator[Store]:
    """The manager's database, to see what was published."""
    store = Store(f"sqlite:///{shared_manager.data_dir}/flamenco-manager.sqlite", pool_size=1)
    yield store
    store.close()


def await_image(painter: Painter, image: bytes, kind: str = "image/jpeg") -> None:
    """Hand in the job's first image, and wait until it is shown."""
    assert painter.show(image, kind).status_code == 202
    assert wait_until(lambda: painter.info().status_code == 200)


def test_nothing_was_rendered_yet(tmp_path: Path) -> None:
    """A new farm has no image, nor has any job."""
    with running_manager(tmp_path) as manager:
        painter = Painter(manager.url)
        for answer in (painter.info(), painter.client.get("/api/v3/jobs/last-rendered")):
            assert (answer.status_code, answer.content) == (204, b"")
        painter.leave()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_an_image_in_three_sizes(painter: Painter, outbox: Store, kind: str) -> None:
    """Accepted with 202; soon it is there, smaller, and the farm's last; and whoever looks is told."""
    assert painter.info().status_code == 204
    await_image(painter, picture(kind, (2560, 1440)), f"image/{kind.lower()}")
    where = {"base": painter.base, "suffixes": SUFFIXES}
    assert painter.info().json() == where
    assert wait_until(lambda: painter.client.get("/api/v3/jobs/last-rendered").json() == where)
    sizes = []
    for suffix in SUFFIXES:
        answer = painter.client.get(f"{painter.base}/{suffix}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
        assert (answer.headers["X-Content-Type-Options"], answer.headers["Cache-Control"]) == ("nosniff", "no-cache")
        assert int(answer.headers["Content-Length"]) == len(answer.content)
        sizes.append(Image.open(io.BytesIO(answer.content), formats=["JPEG"]).size)
    assert sizes == [(1920, 1080), (600, 338), (200, 112)]
    payload = {"job_id": painter.job_id, "task_id": painter.task_id, "thumbnail": where}
    assert [event.payload for event in told(outbox, f"/jobs/{painter.job_id}/last-rendered")] == [payload]
    assert told(outbox, "/last-rendered")[-1].payload == payload


def test_keeping_an_image(painter: Painter) -> None:
    """A browser asks whether its image is still the newest: 304 until there is another at the same address."""
    await_image(painter, picture(size=(320, 180)))
    address = f"{painter.base}/{SUFFIXES[0]}"
    first = painter.client.get(address)
    known = {"If-None-Match": first.headers["ETag"]}
    same = painter.client.get(address, headers=known)
    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["ETag"] == first.headers["ETag"]
    since = {"If-Modified-Since": first.headers["Last-Modified"]}
    assert painter.client.get(address, headers=since).status_code == 304
    assert painter.client.get(address, headers={"If-Modified-Since": "yesterday"}).status_code == 200
    assert painter.show(picture(size=(160, 90))).status_code == 202
    assert wait_until(lambda: painter.client.get(address, headers=known).status_code == 200)
    # The rest of an image that was replaced is of no use, so the whole of the new one is sent.
    part = {"Range": "bytes=10-", "If-Range": first.headers["ETag"]}
    assert painter.client.get(address, headers=part).status_code == 200


def test_images_that_are_refused(painter: Painter) -> None:
    """Every reason has its status, as in today's Flamenco."""
    refusals = [
        (painter.show(b"GIF89a" + bytes(100)), 415),
        (painter.show(b"<svg/>", "image/png"), 415),
        (painter.show(picture(), "image/gif"), 400),
        (painter.show(b""), 400),
        (painter.show(b"\xff\xd8\xff" + bytes(IMAGE_LIMIT_BYTES)), 413),
        (painter.show(picture(), task_id="nonsense"), 400),
    ]
    for answer, status in refusals:
        assert answer.status_code == status, answer.text
        assert answer.json()["message"]
    assert refusals[0][0].json()["code"] == 415
    unknown = painter.show(picture(), task_id=NOBODY)
    assert unknown.status_code == 404
    assert isinstance(unknown.json(), str)
    stranger = painter.client.post(f"/api/v3/worker/task/{painter.task_id}/output-produced", content=picture())
    assert stranger.status_code == 403
    assert painter.info().status_code == 204


def test_image_of_the_largest_size_in_chunks(painter: Painter) -> None:
    """25 MiB are accepted, also from a worker that does not say beforehand how many they are."""
    image = picture()
    padded = image + bytes(IMAGE_LIMIT_BYTES - len(image))
    blocks = iter([padded[: 1 << 20], padded[1 << 20 :]])
    assert painter.show(blocks).status_code == 202
    assert wait_until(lambda: painter.info().status_code == 200)


def test_image_of_unknown_length(painter: Painter, shared_manager: Manager) -> None:
    """A request that says neither how long it is nor where it ends is told to."""
    address = urlsplit(shared_manager.url)
    credentials = b64encode(":".join(painter.auth).encode()).decode()
    head = (
        f"POST /api/v3/worker/task/{painter.task_id}/output-produced HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Basic {credentials}\r\nContent-Type: image/jpeg\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port or 0), timeout=30) as connection:
        connection.sendall(head.encode())
        assert connection.makefile("rb").readline().startswith(b"HTTP/1.1 411 ")


def test_undecodable_image(painter: Painter, shared_manager: Manager) -> None:
    """What only begins like an image is accepted, and ends as one line of the log."""
    before = shared_manager.log.count("an image cannot be shown")
    assert painter.show(picture()[:50]).status_code == 202
    assert wait_until(lambda: shared_manager.log.count("an image cannot be shown") > before)
    (line,) = [line for line in shared_manager.log.splitlines() if painter.task_id in line]
    assert painter.job_id in line
    assert "Traceback" not in shared_manager.log
    assert painter.info().status_code == 204


@pytest.mark.long
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_more_images_than_can_be_processed(database_url: str, tmp_path: Path) -> None:
    """One is worked on and three wait; the next gets 429 and a time to come back, and all others are shown."""
    with ExitStack() as stack:
        manager = stack.enter_context(running_manager(tmp_path, "--database", database_url, "--processes", "1"))
        store = Store(database_url, pool_size=2)
        stack.callback(store.close)
        painter = Painter(manager.url)
        topic = f"/jobs/{painter.job_id}/last-rendered"
        # While we have the job's row, the first image cannot be told of, and so the others wait.
        with store.write() as tx:
            tx.execute(text("SELECT key FROM jobs WHERE uuid = :id FOR UPDATE"), {"id": painter.job_id})
            answers = [painter.show(picture()) for _ in range(1 + MOST_WAITING + 1)]
            assert [answer.status_code for answer in answers] == [202] * (1 + MOST_WAITING) + [429]
            assert told(store, topic) == []
        assert answers[-1].json() == {"code": 429, "message": "image processing queue is full"}
        assert answers[-1].headers["Retry-After"] == "1"
        assert wait_until(lambda: len(told(store, topic)) == 1 + MOST_WAITING)
        assert painter.show(picture()).status_code == 202
        assert wait_until(lambda: len(told(store, topic)) == 2 + MOST_WAITING)
        painter.leave()


@pytest.mark.long
def test_stopping_while_images_wait(tmp_path: Path) -> None:
    """A manager that is asked to stop does so at once, and without complaint."""
    with running_manager(tmp_path, "--processes", "1") as manager:
        painter = Painter(manager.url)
        large = picture("PNG", (6000, 6000))
        for _ in range(1 + MOST_WAITING):
            assert painter.show(large, "image/png").status_code == 202
        painter.client.close()
        assert manager.stop() == 0
        assert "Traceback" not in manager.log


def test_nothing_else_can_be_downloaded(painter: Painter, shared_manager: Manager) -> None:
    """No folder is listed, nothing beside logs and images is shown, and nobody gets out of the storage."""
    await_image(painter, picture())
    folder = shared_manager.data_dir / "storage" / f"job-{painter.job_id[:4]}" / painter.job_id
    (folder / "secret.txt").write_text("secret")
    (shared_manager.data_dir / "storage" / "secret.txt").write_text("secret")
    address = urlsplit(shared_manager.url)
    for path in (
        "/job-files",
        "/job-files/",
        f"/job-files/job-{painter.job_id[:4]}",
        painter.base,
        f"{painter.base}/",
        f"{painter.base}/secret.txt",
        f"{painter.base}/../secret.txt",
        f"{painter.base}/..%2f..%2fsecret.txt",
        f"{painter.base}/../../../flamenco-manager.sqlite",
        f"{painter.base}/%2e%2e/%2e%2e/%2e%2e/flamenco-manager.sqlite",
        f"{painter.base}//{SUFFIXES[0]}",
        f"{painter.base}/{SUFFIXES[0]}/",
        f"{painter.base}/{SUFFIXES[0]}%0A",
        f"/job-files/job-0000/{painter.job_id}/{SUFFIXES[0]}",
        f"/job-files/{shared_manager.data_dir}/flamenco-manager.sqlite",
        f"/job-files/job-{NOBODY[:4]}/{NOBODY}/{SUFFIXES[0]}",
    ):
        # By hand, since clients tidy up such paths.
        with socket.create_connection((address.hostname, address.port or 0), timeout=30) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n".encode())
            answer = connection.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 404 "), path
        assert b'"code":404' in answer
    assert httpx.post(f"{shared_manager.url}{painter.base}/{SUFFIXES[0]}").status_code == 405
