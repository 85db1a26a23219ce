"""Submitting a job: what a task costs must not depend on how many there are.

A last task depends on all others, as in a render with a video of it, so there are as many dependencies as tasks.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from operator import itemgetter
from pathlib import Path
from statistics import mean, median
from typing import Any

import httpx
import pytest

from flamenco import bundled
from flamenco.compiler.compile import Compiler
from flamenco.compiler.sandbox import Sandbox
from flamenco.config import Config
from flamenco.domain.model import Submission
from flamenco.farm import jobs
from flamenco.farm.context import Farm
from flamenco.hooks.manager import Hooks
from flamenco.store.engine import Store
from flamenco.store.upgrade import upgrade
from flamenco.testing import START, Clock
from tests.acceptance.conftest import running_manager
from tests.conftest import make_hooks
from tests.machine import slowness

SMALL, MEDIUM, LARGE = 1_000, 10_000, 100_000
ROUND = ((SMALL, 50), (MEDIUM, 3), (LARGE, 1), (SMALL, 50))
"""How many tasks jobs have that are submitted in a round, and how often. The fastest time counts where time is limited.

Sizes are compared by the means of one round: whatever else the machine has to do then hits all of them, as small jobs
take as long as the large one and are on both sides of it. The round in the middle counts.
"""

ROUNDS = 5
PAIRS = 8
MOST_SECONDS = {MEDIUM: 1.0, LARGE: 12.0}
MOST_RATIO = 1.3
MOST_RATIO_OF_SHIPPED = 1.5
"""A frame of a shipped job type may cost so much more than one of `RENDER`, which does the least that a render can."""

MOST_MEMORY_MB = 250
MOST_BYTES = 1_500

RENDER = """
const JOB_TYPE = { label: "Render", settings: [{ key: "frames", type: "int32", required: true }] };

function compileJob(job) {
    const video = author.Task("video", "ffmpeg");
    video.addCommand(author.Command("frames-to-video", {
        exe: "{ffmpeg}", fps: 24, inputGlob: "/render/shot/*.png", outputFile: "/render/shot.mp4",
    }));
    for (let frame = 1; frame <= job.settings.frames; frame++) {
        const task = author.Task(`render-${frame}`, "blender");
        task.addCommand(author.Command("blender-render", {
            exe: "{blender}", exeArgs: "{blenderArgs}", blendfile: "/jobs/shot/shot.flamenco.blend",
            args: ["--render-output", "/render/shot/######", "--render-format", "PNG", "--render-frame", `${frame}`],
        }, 1));
        video.addDependency(task);
        job.addTask(task);
    }
    job.addTask(video);
}
"""


class Stopwatch:
    """The parts of a submission, in seconds."""

    def __init__(self, farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
        self._farm = farm
        self._spent: defaultdict[str, float] = defaultdict(float)
        for owner, name in ((Sandbox, "ask"), (Compiler, "compile"), (Hooks, "job_compiled")):
            monkeypatch.setattr(owner, name, self._timed(name, getattr(owner, name)))

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            before = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self._spent[name] += time.perf_counter() - before

        return timed

    def submit(self, tasks: int, job_type: str = "render", **settings: Any) -> dict[str, float]:
        """Submit a job of so many tasks."""
        submission = Submission(name="n", type=job_type, settings={"frames": tasks - 1} | settings)
        self._spent.clear()
        before = time.perf_counter()
        job = jobs.submit(self._farm, submission, strict=True)
        whole = time.perf_counter() - before
        assert job.counts.queued == tasks
        compile_s = self._spent["ask"]
        check_s = self._spent["compile"] - compile_s + self._spent["job_compiled"]
        return {"compile": compile_s, "check": check_s, "store": whole - compile_s - check_s, "whole": whole}


@pytest.fixture
def stopwatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stopwatch]:
    """Submits to a farm on SQLite, with the limits that a manager has by default."""
    (tmp_path / "render.js").write_text(RENDER)
    store = Store(f"sqlite:///{tmp_path}/flamenco.sqlite")
    upgrade(store, START)
    folders = [tmp_path, bundled.job_types()]
    farm = Farm(Config(data_dir=tmp_path), store, Compiler(folders), make_hooks(), Clock())
    watch = Stopwatch(farm, monkeypatch)
    watch.submit(10)  # starts the helper process
    yield watch
    farm.close()


def costs(runs: list[dict[str, float]], tasks: int) -> float:
    """What a task costs in jobs of so many, in seconds, by the mean of the runs."""
    return mean(parts["whole"] for parts in runs) / tasks


def report(tasks: int, parts: dict[str, float]) -> None:
    """Print milliseconds per 1,000 tasks, and each part's share of the whole."""
    shares = [f"{name} {s / tasks * 1e6:5.1f} ms ({s / parts['whole']:3.0%})" for name, s in parts.items()]
    print(f"{tasks:7,} tasks: {', '.join(shares)} per 1,000 tasks; {parts['whole']:.2f} s in all")


@pytest.mark.long
def test_large_jobs(stopwatch: Stopwatch) -> None:
    """10,000 tasks within a second, 100,000 within twelve, and a task costs the same in small jobs and large ones."""
    spent: defaultdict[int, list[dict[str, float]]] = defaultdict(list)
    ratios = []
    for _ in range(ROUNDS):
        runs: defaultdict[int, list[dict[str, float]]] = defaultdict(list)
        for tasks, times in ROUND:
            runs[tasks] += [stopwatch.submit(tasks) for _ in range(times)]
        ratios.append(costs(runs[LARGE], LARGE) / costs(runs[SMALL], SMALL))
        for tasks, of_round in runs.items():
            spent[tasks] += of_round
    fastest = {tasks: min(every, key=lambda parts: parts["whole"]) for tasks, every in spent.items()}
    print()
    for tasks, parts in fastest.items():
        report(tasks, parts)
    rounds = ", ".join(f"{ratio:.2f}" for ratio in sorted(ratios))
    print(f"a task among {LARGE:,} costs {median(ratios):.2f} times as much as among {SMALL:,} (rounds: {rounds})")
    slower = slowness()
    assert all(fastest[tasks]["whole"] <= most * slower for tasks, most in MOST_SECONDS.items()), (fastest, slower)
    assert median(ratios) <= MOST_RATIO


@pytest.mark.long
def test_a_job_that_blender_renders(stopwatch: Stopwatch, tmp_path: Path) -> None:
    """A frame costs no more in a job of a shipped type, whatever Blender is to look at before and after it."""
    settings = {
        "frames": f"1-{MEDIUM - 1}",
        "scene": "Scene",
        "format": "PNG",
        "image_file_extension": ".png",
        "fps": 24,
        "render_output_path": "/render/shot/######",
        "blendfile": "/jobs/shot.blend",
        "skip_existing": True,
    }
    database = tmp_path / "flamenco.sqlite"
    plain, shipped = [], []
    stored = 0
    for _ in range(PAIRS):
        plain.append(stopwatch.submit(MEDIUM))
        before = database.stat().st_size
        shipped.append(stopwatch.submit(MEDIUM, "simple-blender-render", **settings))
        stored += database.stat().st_size - before
    parts = min(shipped, key=itemgetter("whole"))
    # Both of a pair find the machine alike; its speed may change between the first pair and the last.
    ratio = median(dear["whole"] / cheap["whole"] for cheap, dear in zip(plain, shipped, strict=True))
    print()
    report(MEDIUM, parts)
    print(f"a frame costs {ratio:.2f} times as much as the plainest, and {stored / PAIRS / MEDIUM:,.0f} bytes")
    assert ratio <= MOST_RATIO_OF_SHIPPED
    assert stored / PAIRS / MEDIUM <= MOST_BYTES


def peak_memory_mb(group: int) -> dict[int, int]:
    """The most memory that each process of a process group ever held, its helpers for job types left out."""
    peaks = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            members, command = (folder / "stat").read_text(), (folder / "cmdline").read_bytes()
            status = (folder / "status").read_text()
        except OSError:  # it ended meanwhile
            continue
        if int(members.rsplit(")", 1)[1].split()[2]) == group and b"flamenco.compiler.helper" not in command:
            peaks[int(folder.name)] = int(status.partition("VmHWM:")[2].split()[0]) // 1024
    return peaks


@pytest.mark.long
def test_memory_of_a_manager(tmp_path: Path) -> None:
    """A manager that is sent a job of 100,000 tasks takes it, with its default settings, and stays below 250 MB."""
    with running_manager(tmp_path, "--processes", "1") as manager:
        (manager.data_dir / "jobtypes" / "render.js").write_text(RENDER)
        before = peak_memory_mb(manager.process.pid)
        job = {"name": "n", "type": "render", "priority": 50, "settings": {"frames": 99_999}}
        answer = httpx.post(f"{manager.url}/api/jobs", json=job, timeout=120)
        assert answer.status_code == 200, answer.text
        after = peak_memory_mb(manager.process.pid)
        print(f"\npeak memory of the serving process: {max(before.values())} MB before, {max(after.values())} MB after")
        print(f"the submission took {answer.elapsed.total_seconds():.1f} s")
        assert max(after.values()) <= MOST_MEMORY_MB
