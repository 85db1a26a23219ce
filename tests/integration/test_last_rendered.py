"""From a worker's image to what people see of it: files, the farm's last job, events, and jobs that are deleted."""

from __future__ import annotations

import io
import threading
from base64 import b64encode
from collections.abc import Callable, Sequence

import pytest
from falcon import testing
from PIL import Image
from sqlalchemy import delete, func, select
from structlog.testing import capture_logs

from flamenco.api.app import create_app
from flamenco.config.keeping_settings import TrashConfig
from flamenco.domain.errors import NotFound, QueueFull, Refused
from flamenco.domain.model import Assignment, Worker
from flamenco.farm import deletion, last_rendered, tasks, trash
from flamenco.farm.context import Farm
from flamenco.farm.image_queue import MOST_WAITING
from flamenco.files.images import LastRendered
from flamenco.hooks.types import PublishedEvent
from flamenco.store import events, schema
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import SECRET, new_worker, store_job, take

NOBODY = "00000000-0000-4000-8000-000000000000"
WAIT_S = 30.0


def picture(kind: str = "PNG", size: tuple[int, int] = (320, 180)) -> bytes:
    """An image file."""
    stream = io.BytesIO()
    Image.new("RGB", size, (10, 200, 30)).save(stream, kind)
    return stream.getvalue()


def given_task(farm: Farm) -> tuple[Worker, Assignment]:
    """A worker, and the task it runs, of a job of its own."""
    store_job(farm, authored_job(authored_task()))
    worker = new_worker(farm)
    return worker, take(farm, worker)


def show(farm: Farm, worker: Worker, assigned: Assignment, image: bytes) -> None:
    """The worker hands in an image, and it is processed."""
    tasks.output_produced(farm, worker, assigned.task.id, image)
    assert farm.image_queue.wait_until_idle(WAIT_S)


def shown_events(farm: Farm) -> list[PublishedEvent]:
    """What was told of new images."""
    with farm.store.read() as tx:
        return [event for event in events.after(tx, 0, 1000) if event.topic.endswith("/last-rendered")]


def info_of(job_id: str) -> dict[str, object]:
    """Where the images of a job are, in the words of today's Flamenco."""
    return {
        "base": f"/job-files/job-{job_id[:4]}/{job_id}",
        "suffixes": ["last-rendered.jpg", "last-rendered-small.jpg", "last-rendered-tiny.jpg"],
    }


def mark_deleted(farm: Farm, job_id: str) -> None:
    """Somebody wants the job deleted."""
    deletion.request(farm, job_id)


def remove(farm: Farm, job_id: str) -> None:
    """The job is deleted."""
    with farm.store.write() as tx:
        tx.execute(delete(schema.jobs).where(schema.jobs.c.uuid == job_id))


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_an_image_is_shown(farm: Farm, kind: str) -> None:
    """It is there in three sizes, the job is the farm's last one, and both topics tell of it."""
    worker, assigned = given_task(farm)
    job_id = assigned.task.job_id
    client = testing.TestClient(create_app(farm))
    assert client.simulate_get("/api/v3/jobs/last-rendered").status_code == 204
    assert client.simulate_get(f"/api/v3/jobs/{job_id}/last-rendered").status_code == 204
    show(farm, worker, assigned, picture(kind, (1920, 1080)))
    for path in ("/api/v3/jobs/last-rendered", f"/api/v3/jobs/{job_id}/last-rendered"):
        assert client.simulate_get(path).json == info_of(job_id)
    happened = shown_events(farm)
    assert [event.topic for event in happened] == [f"/jobs/{job_id}/last-rendered", "/last-rendered"]
    told = {"job_id": job_id, "task_id": assigned.task.id, "thumbnail": info_of(job_id)}
    assert all(event.payload == told for event in happened)
    sizes = []
    for suffix in info_of(job_id)["suffixes"]:  # type: ignore[attr-defined]
        result = client.simulate_get(f"{info_of(job_id)['base']}/{suffix}")
        sizes.append(Image.open(io.BytesIO(result.content), formats=["JPEG"]).size)
    assert sizes == [(1920, 1080), (600, 338), (200, 112)]


def test_the_last_one_counts(farm: Farm) -> None:
    """Of several jobs, the one whose image came last is the farm's; there is one row, whoever comes."""
    (first, of_first), (second, of_second) = given_task(farm), given_task(farm)
    for worker, assigned in ((first, of_first), (second, of_second), (first, of_first), (first, of_first)):
        show(farm, worker, assigned, picture())
        found = last_rendered.of_farm(farm)
        assert found is not None
        assert found.base.endswith(assigned.task.job_id)
    with farm.store.read() as tx:
        assert tx.execute(select(func.count()).select_from(schema.last_rendered)).scalar_one() == 1


def test_once_that_job_is_deleted(farm: Farm) -> None:
    """The farm has no last image then, even if the files are still there, until the next one comes."""
    worker, assigned = given_task(farm)
    show(farm, worker, assigned, picture())
    remove(farm, assigned.task.job_id)
    assert last_rendered.of_farm(farm) is None
    worker, assigned = given_task(farm)
    show(farm, worker, assigned, picture())
    assert last_rendered.of_farm(farm) is not None


def test_without_its_files(farm: Farm) -> None:
    """What is not on disk cannot be shown, whatever the database says."""
    worker, assigned = given_task(farm)
    show(farm, worker, assigned, picture())
    farm.images.discard(assigned.task.job_id)
    assert last_rendered.of_farm(farm) is None
    assert last_rendered.of_job(farm, assigned.task.job_id) is None


def test_undecodable_images(farm: Farm) -> None:
    """What only begins like an image is said once in the log, with job, task and reason, and changes nothing."""
    worker, assigned = given_task(farm)
    show(farm, worker, assigned, picture())
    with capture_logs() as logged:
        show(farm, worker, assigned, picture()[:100])
    (entry,) = logged
    assert entry["log_level"] == "warning"
    assert (entry["job"], entry["task"]) == (assigned.task.job_id, assigned.task.id)
    assert entry["reason"]
    assert len(shown_events(farm)) == 2
    assert last_rendered.of_job(farm, assigned.task.job_id) is not None


def test_images_that_cannot_be_kept(farm: Farm) -> None:
    """When the disk does not take an image, the log says why, and nobody is told that there is one."""
    worker, assigned = given_task(farm)
    farm.config.local_storage_path.parent.mkdir(parents=True, exist_ok=True)
    for path in farm.config.local_storage_path.glob("*/*/*"):
        path.unlink()
    for path in farm.config.local_storage_path.glob("*/*"):
        path.rmdir()
        path.write_text("in the way")
    with capture_logs() as logged:
        show(farm, worker, assigned, picture())
    (entry,) = logged
    assert "cannot be written" in entry["reason"]
    assert shown_events(farm) == []


def test_what_is_refused(farm: Farm) -> None:
    """No image and no task are told at once; the worker was heard of all the same."""
    worker, assigned = given_task(farm)
    with pytest.raises(Refused):
        tasks.output_produced(farm, worker, assigned.task.id, b"GIF89a")
    with pytest.raises(NotFound):
        tasks.output_produced(farm, worker, NOBODY, picture())
    assert shown_events(farm) == []


def test_a_full_queue(farm: Farm) -> None:
    """One is worked on and three wait; the next is told to come later, and once there is room it may."""
    worker, assigned = given_task(farm)
    client = testing.TestClient(create_app(farm))
    headers = {
        "Authorization": "Basic " + b64encode(f"{worker.id}:{SECRET}".encode()).decode(),
        "Content-Type": "image/png",
    }
    path = f"/api/v3/worker/task/{assigned.task.id}/output-produced"
    go_on = threading.Event()
    farm.image_queue.put(lambda: go_on.wait(WAIT_S))
    for _ in range(MOST_WAITING):
        assert client.simulate_post(path, body=picture(), headers=headers).status_code == 202
    refused = client.simulate_post(path, body=picture(), headers=headers)
    assert refused.status_code == 429
    assert refused.json == {"code": 429, "message": "image processing queue is full"}
    assert refused.headers["retry-after"] == "1"
    with pytest.raises(QueueFull):
        tasks.output_produced(farm, worker, assigned.task.id, picture())
    go_on.set()
    assert farm.image_queue.wait_until_idle(WAIT_S)
    assert len(shown_events(farm)) == 2 * MOST_WAITING
    assert client.simulate_post(path, body=picture(), headers=headers).status_code == 202
    assert farm.image_queue.wait_until_idle(WAIT_S)


@pytest.mark.parametrize("gone", [mark_deleted, remove])
def test_images_of_deleted_jobs(farm: Farm, gone: Callable[[Farm, str], None]) -> None:
    """An image that was waiting while its job was deleted leaves no file and tells nobody."""
    worker, assigned = given_task(farm)
    for path in farm.config.local_storage_path.glob("*/*/*"):
        path.unlink()
    go_on = threading.Event()
    farm.image_queue.put(lambda: go_on.wait(WAIT_S))
    tasks.output_produced(farm, worker, assigned.task.id, picture())
    gone(farm, assigned.task.job_id)
    go_on.set()
    assert farm.image_queue.wait_until_idle(WAIT_S)
    assert [path for path in farm.config.local_storage_path.rglob("*") if path.is_file()] == []
    assert shown_events(farm) == []


def test_deleting_a_job(farm: Farm) -> None:
    """With a job go its log and its images, those of other jobs stay, and the farm has no last one for the moment."""
    (first, of_first), (second, of_second) = given_task(farm), given_task(farm)
    show(farm, first, of_first, picture())
    show(farm, second, of_second, picture())
    deletion.request(farm, of_second.task.job_id)
    while not deletion.delete_some(farm, of_second.task.job_id):
        pass
    left = {path.parent.name for path in farm.config.local_storage_path.glob("*/*/*")}
    assert left == {of_first.task.job_id}
    assert last_rendered.of_farm(farm) is None
    assert last_rendered.of_job(farm, of_first.task.job_id) is not None
    with pytest.raises(NotFound):
        tasks.output_produced(farm, second, of_second.task.id, picture())


class Interrupted(LastRendered):
    """Images that are written just before something else happens."""

    def __init__(self, farm: Farm, happens: Callable[[Farm, str], None]) -> None:
        super().__init__(farm.config.local_storage_path)
        self._farm = farm
        self._happens = happens

    def store(self, job_id: str, jpegs: Sequence[bytes]) -> None:
        """Write, then let it happen."""
        super().store(job_id, jpegs)
        assert self.exist(job_id)
        self._happens(self._farm, job_id)


@pytest.mark.parametrize("gone", [mark_deleted, remove])
def test_images_of_jobs_that_are_deleted_meanwhile(farm: Farm, gone: Callable[[Farm, str], None]) -> None:
    """A job that is deleted at the very moment its image is written does not leave the image behind."""
    worker, assigned = given_task(farm)
    (log,) = farm.config.local_storage_path.glob("*/*/*")
    farm.images = Interrupted(farm, gone)
    show(farm, worker, assigned, picture())
    assert [path for path in farm.config.local_storage_path.rglob("*") if path.is_file()] == [log]
    assert shown_events(farm) == []


def test_images_of_jobs_that_may_come_back(make_farm: Callable[..., Farm]) -> None:
    """One that is put into the trash at that moment keeps its image, which nobody is told of."""
    farm = make_farm(trash=TrashConfig())
    worker, assigned = given_task(farm)
    farm.images = Interrupted(farm, mark_deleted)
    show(farm, worker, assigned, picture())
    assert farm.images.exist(assigned.task.job_id)
    assert shown_events(farm) == []
    trash.undelete(farm, assigned.task.job_id)
    assert last_rendered.of_job(farm, assigned.task.job_id)


def test_the_event_has_the_time_of_the_farm(farm: Farm, clock: Clock) -> None:
    """Events are in the order of the farm's own clock."""
    worker, assigned = given_task(farm)
    clock.forward(60)
    show(farm, worker, assigned, picture())
    assert {event.created for event in shown_events(farm)} == {clock()}


def test_jobs_that_do_not_exist(farm: Farm) -> None:
    """What is no UUID is a bad request; a job that does not exist has no image."""
    client = testing.TestClient(create_app(farm))
    assert client.simulate_get(f"/api/v3/jobs/{NOBODY}/last-rendered").status_code == 204
    refused = client.simulate_get("/api/v3/jobs/nonsense/last-rendered")
    assert refused.status_code == 400
    assert refused.json["code"] == 400


def test_closing_the_farm_with_images_waiting(make_farm: Callable[..., Farm]) -> None:
    """Images that wait do not hold up the end, and nothing of them is left half done."""
    farm = make_farm()
    worker, assigned = given_task(farm)
    for _ in range(MOST_WAITING):
        tasks.output_produced(farm, worker, assigned.task.id, picture())
    farm.close()
    assert farm.image_queue.wait_until_idle(WAIT_S)
    assert list(farm.config.local_storage_path.rglob(".*")) == []
