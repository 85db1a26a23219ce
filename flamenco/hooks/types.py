"""What plugins hand over: plain typed values, no base classes to inherit from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from msgspec import Struct

from flamenco.domain.scheduling.values import FarmView, Hold, JobCandidate, Limit, Term, WorkerView
from flamenco.domain.time_limits import TimeLimits


class CommandFailed(Exception):
    """Raised by a command to fail its task; the text is what the artist reads."""


class CommandCancelled(Exception):
    """Raised inside a command when the manager or the user took the task away. Do not catch it."""


class Undeliverable(Exception):
    """Raised by an event sink for an event that no further attempt would deliver: it goes to the dead letters."""


class ManagerConfig(Protocol):
    """The configuration of the manager, as hooks get it.

    The settings of a plugin are at `config.plugins.<plugin>.<key>`; the core's own are attributes too, of which
    the ones here are good to rely on. Paths are absolute.
    """

    @property
    def plugins(self) -> Any:
        """The settings of every enabled plugin, by its name."""

    @property
    def manager_name(self) -> str:
        """The name of the farm, as people see it."""

    @property
    def data_dir(self) -> Path:
        """The folder below which all state of the manager lies."""

    @property
    def public_url(self) -> str:
        """Where people find the manager, when a proxy is before it; empty where nobody has said."""

    @property
    def mqtt(self) -> Any:
        """What Flamenco's own keys say of MQTT: `mqtt.client.enabled`, `broker`, `client_id` and so on."""


class CommandContext(Protocol):
    """What a running command may use. One per task; lives in the worker."""

    @property
    def variables(self) -> Mapping[str, str]:
        """Extra values of this worker, such as `worker_dir`, the folder of the worker's program."""

    def log(self, text: str) -> None:
        """Append `text` to the task's log; a newline is added where missing."""

    def step(self) -> None:
        """Report one step done."""

    def run_process(self, argv: Sequence[str], on_line: Callable[[str], None] | None = None) -> None:
        """Run `argv`, streaming its output into the task's log and to `on_line`.

        Raises `CommandFailed` when it cannot be started or exits with another code than 0. On
        cancellation it is killed with all that it has started, and `CommandCancelled` raised. What it leaves
        behind when it ends is ended too; on Windows and macOS only what has not detached itself, on cancellation.
        """

    def output_produced(self, path: Path) -> None:
        """Hand an image that the task wrote to the manager, for people to look at. Never fails the task."""

    def wait(self, seconds: float) -> None:
        """Sleep, interruptibly; raises `CommandCancelled`."""

    def cancelled(self) -> bool:
        """Whether the task was taken away."""


class Program(Struct, frozen=True, kw_only=True):
    """A program that a command cannot do without, for self-tests of workers.

    `name` is that of the variable by which jobs call it, and what it is called itself where there is no such variable.
    `arguments` have it say its version, in a line that begins with `says`. `find` gives where it is, from what jobs
    call it and the variables of a `CommandContext`; it starts nothing.
    """

    name: str
    arguments: tuple[str, ...] = ("--version",)
    says: str = ""
    find: Callable[[str, Mapping[str, str]], str] | None = None


class CommandType(Struct, frozen=True, kw_only=True):
    """A command that workers can run.

    `parameters` is a msgspec Struct: its fields are the parameters, their `msgspec.Meta` descriptions
    the documentation. `run` gets the context and an instance of it. A command that runs one program may say by `argv`
    which, and with what arguments, as far as the parameters alone tell; so people can run it by hand. It is pure, and
    gives nothing where they do not tell. `time_limits` hold for tasks of which neither their job nor its job type says
    anything else. `needs` is the program without which a worker is given no tasks with it.
    """

    name: str
    description: str
    task_types: tuple[str, ...]
    parameters: type[Struct]
    run: Callable[[CommandContext, Any], None]
    argv: Callable[[Any], Sequence[str]] | None = None
    time_limits: TimeLimits = TimeLimits()
    needs: Program | None = None


class SchedulingPolicy(Struct, frozen=True, kw_only=True):
    """A say in which job comes first. Every function is optional and pure: it looks at nothing but its arguments.

    `score` gives jobs a `Term`, by their id; terms of all policies are added up, each times its weight, and the
    higher sum comes first. `hold` keeps jobs back. `accepts` may keep a worker from a job: None is yes. `limits`
    says which limits a task of a type of a job falls under; they are kept exactly, however many processes hand out
    tasks. `account` says on whose account the time of a job's tasks goes, and what was booked there counts for half
    after `half_life_s` seconds; `farm.usage` has the sums.

    `depends_on` is "job" when `score` and `hold` look at the job's name, type, priority, creation, tag, settings
    and metadata alone: then it is enough to ask once. Otherwise they are asked about every second.
    """

    name: str
    description: str
    score: Callable[[Sequence[JobCandidate], FarmView], Mapping[str, Term]] | None = None
    hold: Callable[[Sequence[JobCandidate], FarmView], Mapping[str, Hold]] | None = None
    accepts: Callable[[JobCandidate, WorkerView], Hold | None] | None = None
    limits: Callable[[JobCandidate, str], Iterable[Limit]] | None = None
    account: Callable[[JobCandidate], str] | None = None
    half_life_s: float = 86_400.0
    depends_on: Literal["job", "farm"] = "farm"
    weight: float = 1.0


class PublishedEvent(Struct, frozen=True, kw_only=True):
    """Something that happened in the farm. `id` grows; `topic` is such as `/jobs`, `/jobs/<uuid>` or `/workers`.

    `payload` is what today's Flamenco publishes on that topic: one of the Structs of `flamenco.domain.events`, as
    JSON has it. Task logs, on `/tasklog/<uuid>`, only come to those who ask for them by name.
    """

    id: int
    created: datetime
    topic: str
    payload: dict[str, Any]


class EventSink(Struct, frozen=True, kw_only=True):
    """Somewhere that events go. `deliver` gets each at least once and in order, outside any request.

    It runs in a thread of its own, of one manager process at a time. What it raises is tried again, later and later,
    up to `attempts` times; then the event goes to the dead letters, and at once for `Undeliverable`. `topics` are
    patterns: `/jobs` is that topic, `/jobs/*` everything below it, `*` everything. `close`, if there is one, is called
    when the process ends, perhaps while `deliver` is at work; it has a second at most.
    """

    name: str
    description: str
    deliver: Callable[[PublishedEvent], None]
    topics: tuple[str, ...] = ("*",)
    attempts: int = 12
    close: Callable[[], None] | None = None
