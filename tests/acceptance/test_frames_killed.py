"""Frames are asked for again while workers render, and the manager is killed in the middle of it, again and again."""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from flamenco.client import FramesWanted, JobRequest, ManagerClient
from flamenco.domain.frames import frame_intervals
from flamenco.domain.frames_again import Mode
from flamenco.domain.intervals import merged
from tests.acceptance.conftest import wait_until
from tests.acceptance.killing import Mortal, meanwhile, mortal, soon
from tests.acceptance.test_faults import is_completed, running_workers, summary

CHUNKS: Final = 60
SIZE: Final = 5
LAST: Final = CHUNKS * SIZE
LONG_S: Final = 240.0

CHUNKED_JOB_TYPE: Final = """
const JOB_TYPE = { label: "Chunked", settings: [
    { key: "folder", type: "string", required: true },
    { key: "frames", type: "string", required: true },
    { key: "size", type: "int32", required: true },
] };

function compileJob(job) {
    const { folder, frames, size } = job.settings;
    const assemble = author.Task("assemble", "misc");
    const note = ["-c", 'echo assembled >> "$0/ran"', folder];
    assemble.addCommand(author.Command("exec", { exe: "/bin/sh", args: note }));
    for (const chunk of frameChunker(frames, size)) {
        const task = author.Task(`render-${chunk}`, "blender");
        const given = { exe: "{blender}", blendfile: "a.blend", args: ["-f", chunk.replace("-", "..")] };
        task.addCommand(author.Command("blender-render", given, frameCount(chunk)));
        assemble.addDependency(task);
        job.addTask(task);
    }
    job.addTask(assemble);
}
"""
"""Chunks of frames, and something that is made of all of them."""

BLENDER: Final = """#!/bin/sh
# In place of Blender, which is not what is tried here: notes which frames it is asked for, and takes a moment for each.
while [ "$1" != -f ]; do shift; done
for part in $(echo "$2" | tr , ' '); do
    for frame in $(seq "${part%..*}" "${part#*..}"); do
        sleep 0.02
        echo "$frame" >> "$(dirname "$0")/ran"
        echo "Saved: '/out/$frame.png'"
        echo " Time: 00:00.02 (Saving: 00:00.00)"
    done
done
"""

ASKED: Final = (("2", Mode.SPLIT), ("3", Mode.REQUEUE), ("4", Mode.SPLIT), ("5", Mode.SPLIT))
"""Of each chunk the second frame, and so on, how these are asked for."""


def farm(folder: Path) -> None:
    """The program that renders, and a manager that calls it Blender."""
    (folder / "blender").write_text(BLENDER)
    (folder / "blender").chmod(0o755)
    (folder / "data" / "jobtypes").mkdir(parents=True)
    (folder / "data" / "jobtypes" / "chunked.js").write_text(CHUNKED_JOB_TYPE)
    told = {"variables": {"blender": {"values": [{"platform": "all", "value": str(folder / "blender")}]}}}
    (folder / "data" / "flamenco-manager.yaml").write_text(json.dumps(told))  # which is YAML as well


def ran(folder: Path) -> list[str]:
    """What was rendered and assembled, in that order."""
    return (folder / "ran").read_text().split() if (folder / "ran").exists() else []


def has_done_more(url: str, job_id: str, done: int) -> bool:
    """Whether more tasks than that are done."""
    return summary(url, job_id).tasks["completed"] > done


class Asking:
    """Asks for frames of a job again, and for how often; the manager may be killed in the middle."""

    def __init__(self, mortal: Mortal, job_id: str, folder: Path) -> None:
        self._mortal, self._job_id, self._folder = mortal, job_id, folder
        self.most: Counter[str] = Counter({str(frame): 1 for frame in range(1, LAST + 1)})
        """How often each frame may be rendered at most."""
        self.least: Counter[str] = Counter(self.most)
        self.in_the_middle = 0

    def interrupted(self, frames: str, mode: Mode) -> None:
        """Ask, kill the manager once it has begun, start it again, and ask once more."""
        wanted = FramesWanted(frames=frames, mode=mode, reason="once more")
        before = Counter(ran(self._folder))
        asks, tasks = self._mortal.number("SELECT count(*) FROM audit"), self._tasks()
        asking = meanwhile(lambda: self._ask(wanted))
        assert soon(lambda: self._mortal.number("SELECT count(*) FROM audit") > asks)
        self._mortal.killed()
        asking.join()
        self.in_the_middle += mode is Mode.SPLIT and 0 < self._tasks() - tasks < CHUNKS
        self._mortal.risen()
        self._note(wanted, before)
        self._ask(wanted)
        self._mortal.audit()

    def _ask(self, wanted: FramesWanted) -> None:
        with ManagerClient(self._mortal.url) as client:
            client.frames.run_again(self._job_id, wanted)

    def _tasks(self) -> int:
        return self._mortal.number("SELECT count(*) FROM tasks")

    def _note(self, wanted: FramesWanted, before: Counter[str]) -> None:
        """It was asked for twice: once in vain, as far as that did not come."""
        asked = [frame for first, last in merged(frame_intervals(wanted.frames)) for frame in range(first, last + 1)]
        for frame in asked:
            self.least[str(frame)] = max(self.least[str(frame)], before[str(frame)] + 1)
            # A chunk runs again as a whole, and may have been in the middle of it.
            first = (frame - 1) // SIZE * SIZE + 1
            along = range(first, first + SIZE) if wanted.mode is Mode.REQUEUE else [frame]
            for each in along:
                self.most[str(each)] += 2


@pytest.mark.long
def test_frames_again_though_the_manager_is_killed(tmp_path: Path) -> None:
    """None is lost, none is rendered more often than it was asked for, and what is made of them is made last."""
    farm(tmp_path)
    with mortal(tmp_path) as manager:
        settings = {"folder": str(tmp_path), "frames": f"1-{LAST}", "size": SIZE}
        with ManagerClient(manager.url) as client:
            job_id = client.submit_job(JobRequest(name="shot", type="chunked", settings=settings)).id
        asking = Asking(manager, job_id, tmp_path)
        with running_workers(tmp_path, manager.url, 3):
            for number, (frame, mode) in enumerate(ASKED):
                assert wait_until(partial(has_done_more, manager.url, job_id, 4 * number), LONG_S)
                # Those of the second half of the job are never run again as chunks.
                asking.interrupted(f"{frame}-{LAST // 2 if mode is Mode.REQUEUE else LAST}x{SIZE}", mode)
            done = wait_until(lambda: is_completed(manager.url, job_id), LONG_S)
            assert done, summary(manager.url, job_id)
        assert asking.in_the_middle, "it was never killed in the middle of a split"
        manager.audit()
        rendered = ran(tmp_path)
        names = Counter(name for (name,) in manager.rows("SELECT name FROM tasks"))
    counted = Counter(rendered)
    assembled = counted.pop("assembled")
    assert (rendered[-1], assembled >= 1) == ("assembled", True)
    assert counted.keys() == asking.most.keys()
    assert {frame: n for frame, n in counted.items() if not asking.least[frame] <= n <= asking.most[frame]} == {}
    assert set(names.values()) == {1}, "a frame was split off twice"
    assert len(names) == CHUNKS + 1 + 3 * CHUNKS
