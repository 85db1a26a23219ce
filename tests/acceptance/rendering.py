"""A worker that shows images and writes logs, spoken to a real manager by hand."""

from __future__ import annotations

import io
from typing import Any, Final

import httpx
from PIL import Image

from flamenco.hooks.types import PublishedEvent
from flamenco.store import events
from flamenco.store.engine import Store

NOBODY: Final = "00000000-0000-4000-8000-000000000000"
SUFFIXES: Final = ["last-rendered.jpg", "last-rendered-small.jpg", "last-rendered-tiny.jpg"]


def picture(kind: str = "JPEG", size: tuple[int, int] = (320, 180)) -> bytes:
    """An image file."""
    stream = io.BytesIO()
    Image.new("RGB", size, (10, 200, 30)).save(stream, kind)
    return stream.getvalue()


class Painter:
    """A worker of today's Flamenco that runs a task, of a job of its own."""

    def __init__(self, url: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=30)
        job = {"name": "n", "type": "echo", "submitter_platform": "linux", "settings": {"message": "m"}, "priority": 50}
        self.job_id = self.client.post("/api/jobs", json=job).json()["id"]
        about = {"supported_task_types": ["misc"], "name": "painter"}
        registration = about | {"secret": "a secret of enough letters", "platform": "linux"}
        worker = self.client.post("/api/v3/worker/register-worker", json=registration).json()
        self.auth = (worker["uuid"], "a secret of enough letters")
        self._post("sign-on", about | {"software_version": "3.9"})
        self._post("state-changed", {"status": "awake"})
        task: dict[str, Any] = self._post("task").json()
        self.task_id = str(task["uuid"])
        assert task["job"] == self.job_id

    def _post(self, path: str, body: object = None) -> httpx.Response:
        return self.client.post(f"/api/v3/worker/{path}", json=body, auth=self.auth)

    def update(self, **change: object) -> None:
        """Report on the task."""
        assert self._post(f"task/{self.task_id}", change).status_code == 204

    def show(self, image: Any, kind: str = "image/jpeg", task_id: str = "", **headers: str) -> httpx.Response:
        """Hand in an image; `image` is bytes, or an iterable of bytes to have it sent in chunks."""
        path = f"/api/v3/worker/task/{task_id or self.task_id}/output-produced"
        return self.client.post(path, content=image, headers={"Content-Type": kind} | headers, auth=self.auth)

    def info(self) -> httpx.Response:
        """Where the job's images are."""
        return self.client.get(f"/api/v3/jobs/{self.job_id}/last-rendered")

    @property
    def base(self) -> str:
        """The address of the job's files."""
        return f"/job-files/job-{self.job_id[:4]}/{self.job_id}"

    def leave(self) -> None:
        """The task is done, and the connection is closed."""
        self.update(taskStatus="completed")
        self.client.close()


def told(store: Store, topic: str) -> list[PublishedEvent]:
    """What was published on the topic."""
    with store.read() as tx:
        return [event for event in events.after(tx, 0, 10_000) if event.topic == topic]
