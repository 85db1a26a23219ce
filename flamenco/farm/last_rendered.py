"""What was rendered last, for people to look at: images come in, are made smaller in the background, and are shown."""

from __future__ import annotations

import structlog

from flamenco.domain.errors import FarmError, Unavailable
from flamenco.domain.events import Thumbnails, last_rendered_events, thumbnails_of
from flamenco.domain.model import TaskState
from flamenco.farm.context import Farm
from flamenco.files import thumbnails
from flamenco.files.thumbnails import Undecodable
from flamenco.store import events
from flamenco.store import last_rendered as last_rendered_store

log = structlog.get_logger(__name__)


def accept(farm: Farm, task: TaskState, image: bytes) -> None:
    """Have the image that a task rendered shown soon. Raises `Refused`, and `QueueFull` when many came in.

    Whether there is an image in the bytes turns out later, and only the log tells.
    """
    thumbnails.check_kind(image)
    farm.image_queue.put(lambda: _process(farm, task, image))


def _process(farm: Farm, task: TaskState, image: bytes) -> None:
    try:
        _show(farm, task.job_id, task.id, image)
    except Undecodable as error:
        log.warning("an image cannot be shown", job=task.job_id, task=task.id, reason=str(error))
    except FarmError as error:
        times = farm.repeated.times(f"image: {type(error).__name__}") if isinstance(error, Unavailable) else 1
        if times:
            log.error("an image was not shown", job=task.job_id, task=task.id, reason=str(error), times=times)


def _show(farm: Farm, job_id: str, task_id: str, image: bytes) -> None:
    with farm.store.read() as tx:
        if not last_rendered_store.is_kept(tx, job_id):
            return
    farm.images.store(job_id, thumbnails.make_thumbnails(image))
    with farm.store.write() as tx:
        job_key = last_rendered_store.lock_kept(tx, job_id)
        if job_key is not None:
            last_rendered_store.remember(tx, job_key)
            events.append(tx, last_rendered_events(job_id, task_id), farm.clock())
        goes = job_key is None and not last_rendered_store.may_come_back(tx, job_id)
    # Whoever purges a job marks it first and removes its files then. So either the mark was not there yet, and our
    # files are removed with the others, or it is seen here.
    if goes:
        farm.images.discard(job_id)


def of_job(farm: Farm, job_id: str) -> Thumbnails | None:
    """Where the job's last images are; None when it has none, or does not exist."""
    if not farm.images.exist(job_id):
        return None
    with farm.store.read() as tx:
        return thumbnails_of(job_id) if last_rendered_store.is_kept(tx, job_id) else None


def of_farm(farm: Farm) -> Thumbnails | None:
    """Where the images of the job are that rendered last of all; None when nothing was rendered."""
    with farm.store.read() as tx:
        job_id = last_rendered_store.job_id(tx)
    return thumbnails_of(job_id) if job_id and farm.images.exist(job_id) else None
