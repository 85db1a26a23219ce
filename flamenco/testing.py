"""A pytest plugin for authors of plugins: a farm of one's own, its API, its workers and its time, in one process.

One line in a `conftest.py` switches it on, and a marker says which plugins a test, class or module is about:

    pytest_plugins = ["flamenco.testing"]

    @pytest.mark.flamenco(plugins={"ageing": {"points_per_hour": 2}})
    def test_the_job_that_has_waited_comes_first(submit, fake_worker, pass_time):
        old = submit("echo-sleep-test", settings={"message": "hello"})
        pass_time(10 * 3600)
        submit("echo-sleep-test", settings={"message": "hello"}, priority=60)
        pass_time()
        assert fake_worker().next_task().job == old.id

Everything is real but the time and the network: the database is a file in `tmp_path`, requests are answered by the
manager's own application, commands are run by the code that workers run. Nothing has to be waited for.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx
import msgspec
import pytest
import yaml

from flamenco import CommandType, __version__, builtin
from flamenco.bootstrap import Application, create_app, create_farm
from flamenco.client import (
    AssignedTask,
    JobRequest,
    ManagerClient,
    SubmittedJob,
    TaskUpdate,
    WorkerRegistration,
    WorkerSignOn,
)
from flamenco.config import Loaded, load
from flamenco.domain.durations import Duration
from flamenco.domain.statuses import TaskStatus, WorkerStatus
from flamenco.domain.variables import this_platform
from flamenco.farm.context import Farm
from flamenco.farm.following import follow_logs_for_sinks
from flamenco.hooks.parameters import read_parameters
from flamenco.services import delivery, ranking
from flamenco.store.engine import Store
from flamenco.store.upgrade import upgrade
from flamenco.worker.bootstrap import program_dir
from flamenco.worker.cancellation import Cancellation
from flamenco.worker.log_stream import LogStream
from flamenco.worker.task_context import TaskContext
from flamenco.worker.task_run import TaskRunner
from flamenco.worker.update_queue import UpdateQueue
from flamenco.worker.updates import Delivery, Interruption, Updates
from flamenco.worker.upload import OutputUploads
from flamenco.worker.worker_settings import WorkerSettings

START: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
"""When every test begins."""

MARKER: Final = "flamenco(plugins=None, plugins_dir=None, settings=None): what the farm of this test is like"

__all__ = [
    "START",
    "Clock",
    "FakeWorker",
    "Farm",
    "client",
    "clock",
    "configuration",
    "fake_worker",
    "farm",
    "pass_time",
    "submit",
]

_URL: Final = "http://localhost:8080"  # nothing is there: requests go straight to the application
_MOST_TASKS: Final = 1000
_MOST_ROUNDS: Final = 100
_QUEUE_BYTES: Final = 64 * 1024 * 1024


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known; called by pytest."""
    config.addinivalue_line("markers", MARKER)


class Clock:
    """A clock that stands still until it is moved. Call it for the present moment."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now
        self._passed_s = 0.0

    def timer(self) -> float:
        """The seconds that passed so far."""
        return self._passed_s

    def __call__(self) -> datetime:
        """The present moment."""
        return self.now

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)
        self._passed_s += seconds

    def step(self, seconds: float) -> None:
        """Put the clock forward or back, as somebody does who sets it; no time passes."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    """The time of the farm. `clock.forward(seconds)` moves it and does nothing else; see `pass_time`."""
    return Clock()


@pytest.fixture
def configuration(request: pytest.FixtureRequest, tmp_path: Path) -> Loaded:
    """The configuration that the marker `flamenco` describes, read from a file as a manager would.

    `plugins` and `settings` are what one writes into `flamenco-manager.yaml`; a relative `plugins_dir` counts from
    the folder of the test's file. What is nearer to the test wins. Raises `ConfigError` where a manager would.
    """
    chosen: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers("flamenco"))):
        if unknown := (*mark.args, *(mark.kwargs.keys() - {"plugins", "plugins_dir", "settings"})):
            raise pytest.UsageError(f"the marker flamenco has no {', '.join(map(str, unknown))}; it is {MARKER}")
        chosen |= mark.kwargs
    content = dict(chosen.get("settings") or {})
    if "plugins" in chosen:
        content["plugins"] = chosen["plugins"]
    if chosen.get("plugins_dir") is not None:
        content["plugins_dir"] = request.path.parent / chosen["plugins_dir"]
    content.setdefault("allowed_hosts", ["*"])  # test clients make up a name of their own
    folder = tmp_path / "flamenco"
    folder.mkdir(exist_ok=True)
    file = folder / "flamenco-manager.yaml"
    file.write_text(yaml.safe_dump(msgspec.to_builtins(content, enc_hook=str), sort_keys=False), "utf-8")
    return load(file, folder, environ={}, hooks=builtin.core_hooks({}))


@cache
def _empty_database() -> bytes:
    """An SQLite file with tables and nothing in them: made once, since writing it takes a hundredth of migrating."""
    with TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/empty.sqlite")
        upgrade(store, START)
        store.close()
        return Path(folder, "empty.sqlite").read_bytes()


@pytest.fixture
def farm(configuration: Loaded, clock: Clock) -> Iterator[Farm]:
    """A farm with that configuration, on an SQLite database with nothing in it. Event sinks get all that happens."""
    kind, _, file = configuration.config.database_url.partition(":///")
    if kind == "sqlite" and not Path(file).exists():
        Path(file).write_bytes(_empty_database())
    opened = create_farm(configuration.config, configuration.hooks, clock)
    try:
        upgrade(opened.store, clock())
        with opened.store.write() as tx:
            follow_logs_for_sinks(opened, tx)
        for sink in opened.event_sinks.values():
            delivery.tick(opened, sink)  # a new sink gets what happens from then on
        yield opened
    finally:
        opened.close()


def _connect(application: Application) -> ManagerClient:
    return ManagerClient(_URL, transport=httpx.WSGITransport(application))


@pytest.fixture
def client(farm: Farm) -> Iterator[ManagerClient]:
    """A client of the farm's API, as anybody may have it; `client.get("/api/x/…")` asks a plugin's routes."""
    with _connect(create_app(farm)) as opened:
        yield opened


@pytest.fixture
def submit(client: ManagerClient) -> Callable[..., SubmittedJob]:
    """Submits jobs: `submit(job_type, name=…, settings={…}, metadata={…}, priority=50)`.

    Raises `flamenco.client.ManagerError` with the reason when the job is refused.
    """

    def submit_one(
        job_type: str,
        *,
        name: str = "job",
        settings: Mapping[str, Any] | None = None,
        metadata: Mapping[str, str] | None = None,
        priority: int = 50,
    ) -> SubmittedJob:
        job = JobRequest(
            name=name, type=job_type, priority=priority, settings=dict(settings or {}), metadata=dict(metadata or {})
        )
        return client.submit_job(job)

    return submit_one


@pytest.fixture
def pass_time(farm: Farm, clock: Clock) -> Callable[..., None]:
    """Lets time pass: `pass_time(seconds)` moves the clock, ranks the jobs anew and gives event sinks their events.

    `pass_time(0)` does the two latter alone. A sink that fails is tried again once its time has come, as ever.
    """

    def pass_some(seconds: float = 1.0) -> None:
        clock.forward(seconds)
        ranking.tick(farm)
        for sink in farm.event_sinks.values():
            for _ in range(_MOST_ROUNDS):
                if delivery.tick(farm, sink) >= delivery.IDLE_S:
                    break

    return pass_some


@pytest.fixture
def fake_worker(farm: Farm) -> Iterator[Callable[..., FakeWorker]]:
    """Makes workers that are awake: `fake_worker(name, task_types=…, commands=…)`, see `FakeWorker`.

    By default a worker takes every type of task, and has every command that the manager knows. `commands` are the
    names of those that it has instead; with `tells=False` it does not say, as workers of Flamenco itself do not.
    """
    known = farm.command_types
    every_type = sorted({task_type for command in known.values() for task_type in command.task_types})
    application = create_app(farm)
    with ExitStack() as stack:

        def hire(
            name: str = "worker",
            *,
            task_types: Iterable[str] | None = None,
            commands: Iterable[str] | None = None,
            platform: str | None = None,
            tells: bool = True,
        ) -> FakeWorker:
            names = tuple(known if commands is None else commands)
            client = stack.enter_context(_connect(application))
            worker = FakeWorker(client, {each: known[each] for each in names if each in known})
            stack.callback(worker.close)
            types = tuple(every_type if task_types is None else task_types)
            worker.start(name, types, names if tells else None, platform or this_platform())
            return worker

        yield hire


class FakeWorker:
    """A worker that does what the test says, and nothing by itself. `client` speaks to the manager in its name.

    What its tasks did is kept for looking at: `log_lines`; `steps`, the steps done each time that some were
    reported; `outputs`, the images they produced; `failures`, why tasks failed, as people are told.
    """

    def __init__(self, client: ManagerClient, commands: Mapping[str, CommandType]) -> None:
        self.client = client
        self.id = ""
        self.status = WorkerStatus.OFFLINE
        self.log_lines: list[str] = []
        self.steps: list[int] = []
        self.outputs: list[Path] = []
        self.failures: list[str] = []
        self._commands = commands
        self._variables = {"worker_dir": str(program_dir())}
        self._queue = UpdateQueue(Path(":memory:"), _QUEUE_BYTES)
        self._updates = _Updates(self._queue, self, Duration(0))

    def start(self, name: str, task_types: tuple[str, ...], commands: tuple[str, ...] | None, platform: str) -> None:
        """Register, sign on and become awake; `fake_worker` has done that already."""
        secret = secrets.token_hex()
        self.id = self.client.register_worker(WorkerRegistration(name, platform, secret, task_types))
        self.client.authenticate(self.id, secret)
        self.client.sign_on(WorkerSignOn(name, task_types, __version__))
        if commands is not None:
            self.client.tell_commands(commands)
        self._become(WorkerStatus.AWAKE)

    def close(self) -> None:
        """Let go of everything; `fake_worker` does that at the end of the test."""
        self._queue.close()

    def next_task(self) -> AssignedTask | None:
        """Ask for a task; the one it has already comes again.

        None when there is nothing to do, and when it was asked to take another status, which it then does.
        """
        is_awake = self.status is WorkerStatus.AWAKE
        answer = self.client.next_task() if is_awake else self.client.requested_status()
        if isinstance(answer, WorkerStatus):
            self._become(answer)
            return None
        return answer

    def complete(self, task: AssignedTask) -> None:
        """Report the task as completed, without running anything."""
        self.client.update_task(task.uuid, TaskUpdate(activity="Completed", status=TaskStatus.COMPLETED))

    def fail(self, task: AssignedTask, why: str = "it failed") -> None:
        """Report the task as failed, without running anything."""
        self.client.update_task(task.uuid, TaskUpdate(activity=why, log=f"{why}\n", status=TaskStatus.FAILED))

    def run(self, task: AssignedTask) -> list[str]:
        """Run the task's commands here and now, report how it went, and give the lines of its log.

        Programs are really run. A task that fails raises nothing: the reason is the last line, and in `failures`.
        """
        before = len(self.log_lines)
        TaskRunner(
            manager=self.client,
            updates=self._updates,
            uploads=_Uploads(self.client, self.outputs),
            commands=self._commands,
            settings=WorkerSettings(),
            variables=self._variables,
        ).run(task)
        if self._updates.deliver_all() is not Delivery.COMPLETE:
            raise AssertionError(f"the manager did not take what was reported on the task {task.name!r}")
        return self.log_lines[before:]

    def run_all(self, most: int = _MOST_TASKS) -> list[AssignedTask]:
        """Run tasks until there is nothing to do for this worker; gives them in order.

        Raises `AssertionError` when there is still something after `most` tasks.
        """
        done: list[AssignedTask] = []
        while task := self.next_task():
            if len(done) == most:
                raise AssertionError(f"there is still something to do after {most} tasks")
            self.run(task)
            done.append(task)
        return done

    def run_command(self, command: str, /, **parameters: Any) -> list[str]:
        """Run one command that belongs to no task; gives the lines that it logged.

        Parameters are as a job type's script writes them. Raises what the command raises, such as `CommandFailed`,
        and `Refused` for parameters that it cannot read.
        """
        before = len(self.log_lines)
        context = TaskContext(
            task_log=LogStream(self._keep_log, 0, Duration(0)),
            cancellation=Cancellation(),
            on_step=self.steps.append,
            on_output=self.outputs.append,
            variables=self._variables,
        )
        context.command_reports_steps = True
        kind = self._commands[command]
        kind.run(context, read_parameters(kind, parameters))
        return self.log_lines[before:]

    def update_task(self, task_id: str, update: TaskUpdate | msgspec.Raw, timeout_s: float | None = None) -> None:
        """Keep what is reported, and hand it on to the manager."""
        self.client.update_task(task_id, update, timeout_s)
        told = msgspec.json.decode(update, type=TaskUpdate) if isinstance(update, msgspec.Raw) else update
        if isinstance(told.log, str):
            self._keep_log(told.log)
        if isinstance(told.steps_completed, int):
            self.steps.append(told.steps_completed)
        if told.status is TaskStatus.FAILED:
            self.failures.append(str(told.activity))

    def _keep_log(self, text: str) -> None:
        finished, end, _ = text.rpartition("\n")
        self.log_lines += (finished + end).splitlines()

    def _become(self, status: WorkerStatus) -> None:
        self.client.state_changed(status)
        self.status = status


class _Updates(Updates):
    """Sends what is reported at once rather than in the background."""

    def put(self, task_id: str, update: TaskUpdate) -> None:
        """Send `update` now."""
        super().put(task_id, update)
        self.deliver_all()

    def wait_until_delivered(self, interruption: Interruption) -> Delivery:
        """Send what the manager did not take before."""
        return self.deliver_all(unless=interruption)


class _Uploads(OutputUploads):
    """Sends images at once rather than in the background, and keeps their names."""

    def __init__(self, manager: ManagerClient, outputs: list[Path]) -> None:
        super().__init__(manager)
        self._outputs = outputs

    def put(self, task_id: str, image: Path) -> None:
        """Send `image` now."""
        self._outputs.append(image)
        self._upload(task_id, image)
