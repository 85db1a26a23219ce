"""Jobs with frames that are looked at first, for tests."""

from __future__ import annotations

from flamenco.domain.frame_plans import planned
from flamenco.domain.model import AuthoredTask, Job, Submission
from flamenco.domain.previews import Preview, parse
from flamenco.farm import jobs
from flamenco.farm.context import Farm
from tests.conftest import authored_job, authored_task
from tests.integration.farming import store_job
from tests.integration.waiting import frames_task


def framed(count: int, *, video: bool = False) -> list[AuthoredTask]:
    """A task for each of so many frames; and one that waits for all of them."""
    frames = [frames_task(str(frame)) for frame in range(1, count + 1)]
    return [*frames, authored_task("video", "ffmpeg", after=tuple(frames))] if video else frames


def stored(farm: Farm, *tasks: AuthoredTask, order: str = "", preview: Preview | str | None = None) -> Job:
    """A stored job, as a submission with that order and that preview makes it."""
    looked_at = parse(preview) if isinstance(preview, str) else preview
    submission = Submission(name="job", type="test", frame_order=order, previewed=looked_at)
    return store_job(farm, planned(authored_job(*tasks), submission))


def stands(farm: Farm, job: Job) -> str:
    """Where its preview stands."""
    return jobs.fetch(farm, job.id).preview
