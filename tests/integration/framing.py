"""Jobs that render chunks of frames, as the shipped job types make them, for tests."""

from __future__ import annotations

from typing import Any

from flamenco.domain.frames import frame_count
from flamenco.domain.frames_again import Mode
from flamenco.domain.model import Assignment, AuthoredTask, Command, Job, Task
from flamenco.farm import frames, tasks
from flamenco.farm.context import Farm
from flamenco.farm.frames import Again
from tests.conftest import authored_job, authored_task
from tests.integration.farming import store_job


def render_task(chunk: str, **fields: Any) -> AuthoredTask:
    """A task that renders a chunk of frames with Blender."""
    args = ["--render-output", "/renders/####", "--render-frame", chunk.replace("-", "..")]
    parameters = {"exe": "blender", "blendfile": "/shot.blend", "args": args}
    commands = (Command("blender-render", parameters, frame_count(chunk)),)
    return authored_task(f"render-{chunk}", "blender", commands=commands, **fields)


def render_job(farm: Farm, *chunks: str, name: str = "shot", video: bool = True) -> Job:
    """A stored job that renders some chunks, and makes a video of all."""
    renders = [render_task(chunk) for chunk in chunks]
    last = [authored_task("video", after=tuple(renders))] if video else []
    return store_job(farm, authored_job(*renders, *last, name=name))


def chunk_of(task: Task | Assignment) -> str:
    """The frames that a task tells Blender; empty for one that renders nothing."""
    found = task.task if isinstance(task, Assignment) else task
    parameters = found.commands[0].parameters or {}
    return str(parameters["args"][-1]).replace("..", "-") if "args" in parameters else ""


def shown(farm: Farm, job: Job) -> dict[str, str]:
    """The tasks of a job by their names: the frames that they render, and where they stand."""
    return {each.name: f"{chunk_of(each)} {each.status}".strip() for each in tasks.of_job(farm, job.id)}


def again(farm: Farm, job: Job, wanted: str, mode: Mode = Mode.SPLIT, *, dry_run: bool = False) -> Again:
    """Somebody wants frames again."""
    return frames.run_again(farm, job.id, wanted, mode, "too dark", dry_run=dry_run)
