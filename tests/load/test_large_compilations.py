"""Compiling as large a job as anybody has."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

from flamenco.compiler.script_limits import ScriptLimits
from tests.integration.compiling import DECLARATION, Studio
from tests.machine import slowness


def test_a_hundred_thousand_tasks(tmp_path: Path) -> None:
    """100,000 tasks and one that depends on all of them compile within the default limits, in time linear in tasks."""
    studio = Studio(tmp_path, ScriptLimits())
    studio.write(
        "many.js",
        DECLARATION
        + """
        function compileJob(job) {
            const last = author.Task("last", "ffmpeg");
            for (let i = 0; i < job.settings.count; i++) {
                const task = author.Task(`render-${i}`, "blender");
                task.addCommand(author.Command("blender-render", {
                    exe: "{blender}", exeArgs: "{blenderArgs}", blendfile: "/render/sf/jobs/scene123.blend",
                    args: ["--render-output", "/render/sf/frames/scene123/######", "--render-frame", String(i)],
                }, 1));
                last.addDependency(task);
                job.addTask(task);
            }
            job.addTask(last);
        }""",
    )

    def seconds(count: int) -> float:
        started = time.monotonic()
        job = studio.compile("many", settings={"count": count})
        assert [len(job.tasks), len(job.tasks[-1].dependencies)] == [count + 1, count]
        return time.monotonic() - started

    with closing(studio.compiler):
        seconds(100)
        small = min(seconds(10_000) for _ in range(3))
        large = seconds(100_000)
    assert large < 12 * slowness()
    assert large < 10 * 4 * small
