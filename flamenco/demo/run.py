"""The demo from start to end: find the tools, start the farm, submit, watch, stop the farm, check the files."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from flamenco.client import JobSummary, ManagerClient, ManagerError, ManagerUnreachable, Overview
from flamenco.demo import results, tools, work
from flamenco.demo.display import Display
from flamenco.demo.processes import Child, Children, last_lines
from flamenco.domain.errors import Failed, Refused
from flamenco.domain.statuses import JobStatus

DEFAULT_FRAMES = 24
DEFAULT_CLIP_FRAMES = 240
POLL_S = 0.2
START_TIMEOUT_S = 60.0
FINAL = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELED, JobStatus.PAUSED})
"""Statuses that the demo's job does not leave by itself."""

WORKER_CONFIG = {
    "poll_start": "0.1s",
    "poll_after_task": "0.1s",
    "poll_no_task": "0.5s",
    "poll_error": "0.5s",
    "poll_asleep": "0.5s",
    "may_i_run": "2s",
    "sign_on_retry": "0.5s",
    "update_retry": "1s",
    "log_chunk": "1s",
}
"""A farm of two does not have to spare its manager; without this the demo would mostly wait."""


class Options(Struct, frozen=True, kw_only=True):
    """What the user asked for. `folder` exists and is empty; `frames` None is the usual number.

    With `stays`, the farm goes on when all is rendered, until it is interrupted.
    """

    folder: Path
    blender: str | None = None
    frames: int | None = None
    workers: int = 2
    port: int = 0
    timeout_s: float = 600.0
    stays: bool = False


class DemoOutcome(Struct, frozen=True, kw_only=True):
    """What came out, for people and for `--json`."""

    renderer: str
    folder: str
    frames: str
    frame_count: int
    video: str
    logs: str
    seconds: float


class Demo:
    """One run of the demo. `interrupted` is asked often; once it says yes, `Failed` is raised."""

    def __init__(
        self, options: Options, display: Display, environ: Mapping[str, str], interrupted: Callable[[], bool]
    ) -> None:
        self._options = options
        self._display = display
        self._environ = environ
        self._interrupted = interrupted
        self._storage = options.folder / "storage"
        self._logs = options.folder / "logs"
        self._started = time.monotonic()

    def run(self, told: Callable[[DemoOutcome], None]) -> None:
        """Do it all; `told` is called with what came out, as soon as that is certain.

        Raises a `FarmError` with a sentence (and logs where they help) when it did not work.
        """
        ffmpeg = tools.find_ffmpeg(self._environ)
        search = tools.find_blender(self._options.blender, self._environ)
        self._announce(search)
        self._pause(0)
        self._storage.mkdir(parents=True)
        job = self._prepare(search.blender, ffmpeg)
        with Children(self._logs, self._environment(ffmpeg)) as children:
            url = self._render(job, search.blender, children)
            seconds = time.monotonic() - self._started
            results.check(job, ffmpeg)
            outcome = DemoOutcome(
                renderer=search.blender.description if search.blender else f"FFmpeg ({ffmpeg})",
                folder=str(self._options.folder),
                frames=str(job.frames[0].parent) if job.frames else "",
                frame_count=job.frame_count,
                video=str(job.video),
                logs=str(self._logs),
                seconds=round(seconds, 1),
            )
            told(outcome)
            if self._options.stays:
                self._stay(url, children)

    def _stay(self, url: str, children: Children) -> None:
        self._display.say(f"The farm stays up: {url} (Ctrl-C ends it)")
        while not self._interrupted():
            children.check()
            time.sleep(POLL_S)

    def _announce(self, search: tools.BlenderSearch) -> None:
        if search.blender:
            self._display.say(f"Rendering with {search.blender.description} in {self._options.folder}")
        else:
            self._display.say(
                f"No Blender to render with ({search.problem}): transcoding a generated clip with FFmpeg instead, "
                f"in {self._options.folder}"
            )

    def _prepare(self, blender: tools.Blender | None, ffmpeg: Path) -> work.Work:
        workers = self._options.workers
        if blender:
            return work.render_scene(self._storage, self._options.frames or DEFAULT_FRAMES, workers)
        return work.transcode_clip(self._storage, self._options.frames or DEFAULT_CLIP_FRAMES, workers, ffmpeg)

    def _environment(self, ffmpeg: Path) -> dict[str, str]:
        """The user's, without settings that are meant for their own farm, and with FFmpeg where workers look for it."""
        environ = {name: value for name, value in self._environ.items() if not name.startswith("FLAMENCO_")}
        environ["PATH"] = tools.path_with(ffmpeg, "ffmpeg", self._options.folder / "bin", environ)
        environ["PYTHONUNBUFFERED"] = "1"
        scratch = self._options.folder / "tmp"  # a Blender that is killed leaves its temporary files behind
        scratch.mkdir()
        environ["TMPDIR"] = str(scratch)
        return environ

    def _render(self, job: work.Work, blender: tools.Blender | None, children: Children) -> str:
        """Have the job done by a farm of its own, which goes on. Returns where its manager is."""
        address = f"127.0.0.1:{free_port(self._options.port)}"
        with ManagerClient(f"http://{address}") as manager:
            self._await_manager(manager, self._start_manager(address, blender, children))
            self._display.say(f"Watch it in a browser: {manager.url}")
            self._start_workers(manager.url, children)
            job_id = manager.submit_job(job.request).id
            self._display.say(f"Job {job_id} ({job.title}) is on its way")
            self._watch(manager, job_id, children)
            return manager.url

    def _start_manager(self, address: str, blender: tools.Blender | None, children: Children) -> Child:
        folder = self._options.folder
        config = folder / "flamenco-manager.yaml"
        config.write_bytes(msgspec.yaml.encode(self._manager_config(blender)))
        arguments = ["--config", str(config), "--data-dir", str(folder / "manager"), "--listen", address]
        return children.start("manager", [sys.executable, "-m", "flamenco", "manager", *arguments], folder / "manager")

    def _await_manager(self, manager: ManagerClient, process: Child) -> None:
        until = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                manager.version()
            except (ManagerUnreachable, ManagerError) as error:
                process.check()
                if time.monotonic() > until:
                    raise Failed(f"{error}; the manager's log says:\n{process.tail()}") from error
                self._pause()
            else:
                process.check()  # or it was another one that answered
                return

    def _manager_config(self, blender: tools.Blender | None) -> dict[str, object]:
        # each renderer gets its share of the cores; with all of them to each, they would get in each other's way
        threads = max(1, (os.cpu_count() or 1) // self._options.workers)
        given = {"blender": blender.program, "blenderArgs": f"{blender.arguments} -t {threads}"} if blender else {}
        return {
            "manager_name": "Flamenco demo",
            "shared_storage_path": str(self._storage),
            "local_manager_storage_path": str(self._logs / "tasks"),
            "autodiscoverable": False,
            "shaman": {"enabled": False},
            "variables": {name: {"values": [{"platform": "all", "value": value}]} for name, value in given.items()},
        }

    def _start_workers(self, url: str, children: Children) -> None:
        for number in range(1, self._options.workers + 1):
            name = f"worker-{number}"
            folder = self._options.folder / name
            folder.mkdir()
            config = folder / "flamenco-worker.yaml"
            config.write_bytes(msgspec.yaml.encode(WORKER_CONFIG))
            arguments = ["--config", str(config), "--data-dir", str(folder), "--manager", url, "--name", name]
            children.start(name, [sys.executable, "-m", "flamenco", "worker", *arguments], folder)

    def _watch(self, manager: ManagerClient, job_id: str, children: Children) -> None:
        while True:
            children.check()
            overview = _overview(manager)
            if overview:
                self._display.show(overview, time.monotonic() - self._started)
                job = next((job for job in overview.jobs if job.id == job_id), None)
                if job and job.status in FINAL:
                    self._judge(job)
                    return
            self._pause()

    def _judge(self, job: JobSummary) -> None:
        if job.status is JobStatus.COMPLETED:
            return
        logs = sorted(self._logs.rglob("task-*.txt"), key=lambda path: path.stat().st_mtime)
        tail = f"; the last task's log {logs[-1]} ends:\n{last_lines(logs[-1], 15)}" if logs else ""
        raise Failed(f"the job is {job.status} ({job.activity or 'no reason given'}){tail}")

    def _pause(self, seconds: float = POLL_S) -> None:
        """Wait a little. Raises `Failed` when the user wants to stop, or all this takes too long."""
        time.sleep(seconds)
        if self._interrupted():
            raise Failed("stopped before the end")
        if time.monotonic() - self._started > self._options.timeout_s:
            raise Failed(f"not done after {self._options.timeout_s:.0f} s; logs are in {self._logs}")


def _overview(manager: ManagerClient) -> Overview | None:
    """Jobs and workers now, or None when the manager is too busy to say; whether it lives is asked elsewhere."""
    try:
        return manager.overview()
    except ManagerUnreachable:
        return None
    except ManagerError as error:
        if error.is_temporary:
            return None
        raise


def free_port(wanted: int) -> int:
    """`wanted`, or any free port for 0. Raises `Refused` when another program listens on it."""
    with socket.socket() as probe:
        if os.name != "nt":  # there it would allow what it is to find out
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError as error:
            raise Refused(f"port {wanted} cannot be used ({error.strerror}): choose another, or none") from error
        return int(probe.getsockname()[1])
