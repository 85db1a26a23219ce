"""Shares of Windows (`\\\\server\\share`) in the shipped job types."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from flamenco import bundled
from flamenco.compiler.compile import Compiler
from flamenco.domain.model import Submission
from tests.integration.compiling import CREATED, JOB_ID

SETTINGS: dict[str, dict[str, Any]] = {
    "simple-blender-render": {
        "render_output_path": "SHARE/{timestamp}/######",
        "blendfile": "SHARE/shot.blend",
        "frames": "1-4",
        "format": "PNG",
        "image_file_extension": ".png",
        "scene": "Scene",
        "fps": 24,
    },
    "blender-render-variations": {
        "render_output_path": "SHARE/{timestamp}/######",
        "blendfile": "SHARE/shot.blend",
        "frames": "1-4",
        "format": "PNG",
        "variations": "front, top",
    },
    "single-image-render": {
        "render_output_path": "SHARE/{timestamp}/######",
        "blendfile": "SHARE/shot.blend",
        "frame": 1,
        "format": "PNG",
    },
    "ffmpeg-transcode": {
        "input_video": "SHARE/shot.mov",
        "output_file": "SHARE/out/shot.mp4",
        "duration_seconds": 100,
    },
}


@pytest.fixture(scope="module")
def compiler() -> Iterator[Compiler]:
    """A compiler with the shipped job types alone."""
    compiler = Compiler([bundled.job_types()])
    yield compiler
    compiler.close()


@pytest.mark.parametrize("share", ["//server/share", "\\\\server\\share"])
@pytest.mark.parametrize("job_type", SETTINGS)
def test_shares_keep_both_slashes(compiler: Compiler, job_type: str, share: str) -> None:
    """Every path of a job on a share begins with two slashes, in whatever command it comes to stand."""
    slash = share[0]
    settings = {
        key: value.replace("SHARE", share).replace("/", slash) if isinstance(value, str) else value
        for key, value in SETTINGS[job_type].items()
    }
    submission = Submission(name="test", type=job_type, settings=settings)
    job = compiler.compile(submission, JOB_ID, CREATED, strict=True)
    written = "\n".join(texts(msgspec.to_builtins([task.commands for task in job.tasks])))
    assert len(re.findall("server", written)) >= len(job.tasks)
    assert re.findall(r"(?<![/\\])[/\\]?server", written) == []


def texts(value: Any) -> Iterator[str]:
    """Every text in a value."""
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        yield from texts(item)
