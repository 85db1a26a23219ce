"""Jobs of frames that wait for each other, for tests."""

from __future__ import annotations

from flamenco.domain.job_waits import Kind, Wanted
from flamenco.domain.model import AuthoredTask, Command, Job, Worker
from flamenco.farm import job_waits, telling
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from flamenco.store import jobs as job_store
from flamenco.store import recount
from tests.conftest import authored_job, authored_task
from tests.integration.farming import store_job


def frames_task(frames: str, name: str = "") -> AuthoredTask:
    """A task that says which frames it is about."""
    return authored_task(name or frames, commands=(Command("echo", {"message": "render", "frames": frames}),))


def frames_job(farm: Farm, *chunks: str, name: str = "job", priority: int = 50) -> Job:
    """A stored job with a task for each chunk; one that is a word is a task without frames, after all others."""
    with_frames = [frames_task(chunk) for chunk in chunks if not chunk.isalpha()]
    last = [authored_task(chunk, after=tuple(with_frames)) for chunk in chunks if chunk.isalpha()]
    return store_job(farm, authored_job(*with_frames, *last, name=name, priority=priority))


def wait_for(farm: Farm, job: Job, *others: Job, **said: object) -> None:
    """Have a job that was stored just now wait for others."""
    with farm.store.write() as tx:
        asked = [Wanted(job=other.id, **said) for other in others]  # type: ignore[arg-type]
        job_waits.attach(tx, job_store.lock(tx, job.key), asked, farm.clock())
    if said.get("kind") is Kind.FRAMES:
        telling.tell_all(farm)


def is_idle(farm: Farm, worker: Worker) -> bool:
    """Whether there is nothing to be given to the worker."""
    return claim.assign_next(farm, worker) is None


def check_counters(farm: Farm) -> None:
    """All counters are what counting gives."""
    with farm.store.read() as tx:
        assert recount.miscounted(tx) == []
