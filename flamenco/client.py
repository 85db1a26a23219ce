"""Typed HTTP client of a manager, for the worker agent, the command line, tests and people's own scripts.

The worker's calls are those of `/api/v3/worker`. Every call has a time limit. What can go wrong is one of
two: `ManagerUnreachable`, when there was no answer, and `ManagerError`, when the answer was not a yes.
A `ManagerClient` may be shared by threads.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self, TypeVar
from urllib.parse import quote, urlsplit

import httpx
import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from flamenco import __version__
from flamenco.domain.errors import ConfigError, FarmError
from flamenco.domain.model import Command
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus

DEFAULT_URL = "http://localhost:8080"
DEFAULT_TIMEOUT_S = 10.0

# Shorter than servers keep idle connections, so that a request rarely meets one that is just being closed.
_IDLE_CONNECTION_S = 1.0
_LONGEST_MESSAGE = 500

# Whatever the manager, or a proxy before it, says: nobody asks in a tight loop, nor is gone for a day.
_SHORTEST_RETRY_S = 0.1
_LONGEST_RETRY_S = 3600.0
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_TEMPORARY = frozenset({408, 425, 429})
_NO_SUCH_ADDRESS = (404, 405)

Answer = TypeVar("Answer")


class ManagerUnreachable(FarmError):
    """No answer: the manager is not there, too slow, or the connection broke. It may have got the request."""


class ManagerError(FarmError):
    """The manager answered something other than yes. `status` is the HTTP status, `retry_after` in seconds."""

    def __init__(self, message: str, status: int, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after

    @property
    def is_temporary(self) -> bool:
        """Whether the same request may be answered differently later on."""
        return not 400 <= self.status < 500 or self.status in _TEMPORARY


class Version(Struct, frozen=True):
    """Who answers: the manager's program version and the farm's name."""

    version: str
    name: str
    shortversion: str = ""
    git: str = ""


class WorkerRegistration(Struct, frozen=True):
    """A worker that the farm does not know yet. `platform` is linux, windows or darwin."""

    name: str
    platform: str
    secret: str
    supported_task_types: tuple[str, ...]


class WorkerSignOn(Struct, frozen=True):
    """A worker that comes to work."""

    name: str
    supported_task_types: tuple[str, ...]
    software_version: str
    can_restart: bool = False


class AssignedTask(Struct, frozen=True, kw_only=True):
    """A task to run; variables are replaced already. `job` is the job's UUID."""

    uuid: str
    job: str
    name: str
    status: TaskStatus
    job_type: str
    task_type: str
    commands: tuple[Command, ...]
    priority: int = 50
    job_priority: int = 50
    steps_completed: int = 0
    steps_total: int = 0


class TaskUpdate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a worker reports of its task; what is left out stays as it is. `log` is appended."""

    status: TaskStatus | UnsetType = field(default=UNSET, name="taskStatus")
    activity: str | UnsetType = UNSET
    log: str | UnsetType = UNSET
    steps_completed: int | UnsetType = UNSET


class RunPermission(Struct, frozen=True, rename="camel"):
    """Whether a worker may go on with its task, and if not, why."""

    may_keep_running: bool
    reason: str = ""
    status_change_requested: bool = False


class JobRequest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job to submit: settings by the keys of its job type."""

    name: str
    type: str
    priority: Annotated[int, Meta(description="Higher comes first.")] | UnsetType = UNSET
    settings: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)


class SubmittedJob(Struct, frozen=True, kw_only=True):
    """A job as the original API tells of it; its status is one of that API's words."""

    id: str
    name: str
    type: str
    status: str
    created: str = ""
    updated: str = ""
    priority: int = 50
    settings: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)


class JobTypeSetting(Struct, frozen=True, kw_only=True):
    """A setting of a job type, as far as one needs it to fill it in."""

    key: str
    type: str
    required: bool = False
    description: Any = ""
    default: Any = None


class JobType(Struct, frozen=True, kw_only=True):
    """A kind of job that can be submitted."""

    name: str
    label: str
    settings: tuple[JobTypeSetting, ...] = ()


class _JobTypes(Struct, frozen=True):
    job_types: tuple[JobType, ...]


class JobSummary(Struct, frozen=True, kw_only=True):
    """A job at a glance; `tasks` counts its tasks by status."""

    id: str
    name: str
    type: str
    status: JobStatus
    priority: int = 50
    activity: str = ""
    steps_completed: int = 0
    steps_total: int = 0
    tasks: dict[str, int] = field(default_factory=dict)


class TaskOfWorker(Struct, frozen=True, kw_only=True):
    """The task that a worker has."""

    id: str
    name: str
    job_id: str


class WorkerSummary(Struct, frozen=True, kw_only=True):
    """A worker at a glance."""

    id: str
    name: str
    status: WorkerStatus
    last_seen: str | None = None
    task: TaskOfWorker | None = None


class Overview(Struct, frozen=True, kw_only=True):
    """The farm at a glance: the newest jobs, all workers."""

    jobs: tuple[JobSummary, ...] = ()
    workers: tuple[WorkerSummary, ...] = ()


class ExplainedTerm(Struct, frozen=True, kw_only=True):
    """What a scheduling policy says for a job."""

    policy: str
    score: float
    weight: float
    reason: str


class ExplainedHold(Struct, frozen=True, kw_only=True):
    """A scheduling policy that keeps a job back."""

    policy: str
    reason: str


class WaitingTasks(Struct, frozen=True, kw_only=True):
    """Tasks of a job that wait for the same reason: `why` in a word, `reason` in a sentence."""

    why: str
    reason: str
    count: int
    tasks: tuple[str, ...] = ()


class ExplainedJob(Struct, frozen=True, kw_only=True):
    """The job that is explained."""

    id: str
    name: str
    status: JobStatus
    priority: int


class Explanation(Struct, frozen=True, kw_only=True):
    """Where a job stands and why. `position` counts from 1 among the open jobs, None for one that is not."""

    job: ExplainedJob
    open_jobs: int
    running: int
    terms: tuple[ExplainedTerm, ...] = ()
    holds: tuple[ExplainedHold, ...] = ()
    waiting: tuple[WaitingTasks, ...] = ()
    position: int | None = None
    rank: float | None = None
    worker: str | None = None


class SinkState(Struct, frozen=True, kw_only=True):
    """How an event sink is doing: events that wait, events given up, failures of the next one."""

    name: str
    waiting: int
    dead: int
    failures: int
    error: str = ""
    retry_at: str | None = None


class _Sinks(Struct, frozen=True):
    sinks: tuple[SinkState, ...]


class DeadLetter(Struct, frozen=True, kw_only=True):
    """An event that a sink could not deliver; with `retry`, it is going to be tried once more."""

    key: int
    sink: str
    event_id: int
    topic: str
    created: str
    died: str
    attempts: int
    error: str
    retry: bool = False
    payload: dict[str, Any] = field(default_factory=dict)


class _DeadLetters(Struct, frozen=True):
    dead_letters: tuple[DeadLetter, ...]


class _Chosen(Struct, frozen=True):
    count: int


class _Registered(Struct, frozen=True):
    uuid: str


class _CommandNames(Struct, frozen=True):
    commands: tuple[str, ...]


class _StatusRequest(Struct, frozen=True):
    status_requested: WorkerStatus


class _Message(Struct, frozen=True):
    message: str = ""


def parse_manager_url(text: str) -> str:
    """Make a URL of what people write: `farm:8080`, `farm`, `https://farm/`. Raises `ConfigError` without a host."""
    text = text.strip()
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # the port is checked only when it is asked for
    except ValueError as error:
        raise ConfigError(f"{text!r} is no manager URL ({error}); write http://HOST:PORT") from error
    if not host or any(character.isspace() for character in host):
        raise ConfigError(f"{text!r} is no manager URL, it names no host; write http://HOST:PORT")
    return url if parts.port or parts.path else f"{url}/"


class ManagerClient:
    """Calls one manager. Close it, or use it in a `with` block.

    `transport` is how to get there without a socket, such as a `httpx.WSGITransport` around an application.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = parse_manager_url(url)
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https"):
            raise ConfigError(f"{url!r} is no manager URL; it must start with http:// or https://")
        self._authorization: dict[str, str] = {}
        try:
            base_url = httpx.URL(self.url)
        except httpx.InvalidURL as error:
            raise ConfigError(f"{url!r} is no manager URL ({error}); write http://HOST:PORT") from error
        self._http = httpx.Client(
            base_url=base_url,
            timeout=timeout_s,
            headers={"User-Agent": f"Flamenco/{__version__}"},
            limits=httpx.Limits(keepalive_expiry=_IDLE_CONNECTION_S),
            # A proxy that is set for the internet does not know what runs on this machine.
            trust_env=transport is None and parts.hostname not in _LOCAL_HOSTS,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def authenticate(self, worker_id: str, secret: str) -> None:
        """Speak as this worker from now on."""
        token = base64.b64encode(f"{worker_id}:{secret}".encode()).decode()
        self._authorization = {"Authorization": f"Basic {token}"}

    # -- the farm ---------------------------------------------------------------------------------------------------

    def version(self) -> Version:
        """Who is there; the way to see whether a URL is that of a manager."""
        return self._decoded(self._call("GET", "/api/v3/version"), Version)

    def overview(self) -> Overview:
        """Jobs and workers at a glance."""
        return self._decoded(self._call("GET", "/api/x/overview"), Overview)

    def get(self, path: str) -> Any:
        """GET anything, such as `/api/x/<plugin>/…`, and decode its JSON: for the routes of plugins."""
        return self._decoded(self._call("GET", path), Any)

    # -- jobs -------------------------------------------------------------------------------------------------------

    def job_types(self) -> tuple[JobType, ...]:
        """The kinds of job that can be submitted."""
        return self._decoded(self._call("GET", "/api/jobs/types"), _JobTypes).job_types

    def submit_job(self, job: JobRequest) -> SubmittedJob:
        """Submit a job. Raises `ManagerError` with the reason when it is refused."""
        # The original API wants a priority, and calls 50 its default.
        body = {"priority": 50, **msgspec.to_builtins(job)}
        return self._decoded(self._call("POST", "/api/jobs", body), SubmittedJob)

    def job(self, job_id: str) -> SubmittedJob:
        """Fetch a job."""
        return self._decoded(self._call("GET", f"/api/jobs/{quote(job_id, safe='')}"), SubmittedJob)

    def explain(self, job_id: str, worker_id: str | None = None) -> Explanation:
        """Ask why a job is not running, or why one worker is not given its tasks."""
        path = f"/api/x/jobs/{quote(job_id, safe='')}/explain"
        path += f"/{quote(worker_id, safe='')}" if worker_id else ""
        return self._decoded(self._call("GET", path), Explanation)

    def set_job_status(self, job_id: str, status: JobStatus, reason: str) -> None:
        """Cancel, pause, requeue … a job; people read the reason."""
        body = {"status": status, "reason": reason}
        self._call("POST", f"/api/v3/jobs/{quote(job_id, safe='')}/setstatus", body)

    # -- event sinks ------------------------------------------------------------------------------------------------

    def sinks(self) -> tuple[SinkState, ...]:
        """How the event sinks are doing."""
        return self._decoded(self._call("GET", "/api/x/sinks"), _Sinks).sinks

    def dead_letters(self) -> tuple[DeadLetter, ...]:
        """The events that were given up, by sink; the newest of each."""
        return self._decoded(self._call("GET", "/api/x/dead-letters"), _DeadLetters).dead_letters

    def retry_dead_letters(self, sink: str, keys: Sequence[int] = ()) -> int:
        """Have dead letters of a sink delivered after all, without `keys` all of them. Returns how many."""
        return self._choose_dead_letters("retry", sink, keys)

    def discard_dead_letters(self, sink: str, keys: Sequence[int] = ()) -> int:
        """Forget dead letters of a sink, without `keys` all of them. Returns how many."""
        return self._choose_dead_letters("discard", sink, keys)

    def _choose_dead_letters(self, action: str, sink: str, keys: Sequence[int]) -> int:
        body = {"sink": sink, "keys": keys} if keys else {"sink": sink}
        return self._decoded(self._call("POST", f"/api/x/dead-letters/{action}", body), _Chosen).count

    # -- this worker ------------------------------------------------------------------------------------------------

    def register_worker(self, registration: WorkerRegistration) -> str:
        """Make a new worker known to the farm, and get its id."""
        return self._decoded(self._call("POST", "/api/v3/worker/register-worker", registration), _Registered).uuid

    def sign_on(self, details: WorkerSignOn) -> WorkerStatus:
        """Come to work; gives the status to go to."""
        answer = self._call("POST", "/api/v3/worker/sign-on", details)
        return self._decoded(answer, _StatusRequest).status_requested

    def tell_commands(self, names: Sequence[str]) -> tuple[str, ...] | None:
        """Tell which commands this worker has; gives those that the manager knows, or None when it does not care.

        It does not when it is another program than ours: then nothing is there to be told.
        """
        body = _CommandNames(tuple(names))
        answer = self._call("POST", "/api/x/worker/commands", body, also_fine=_NO_SUCH_ADDRESS)
        return None if answer.status_code in _NO_SUCH_ADDRESS else self._decoded(answer, _CommandNames).commands

    def sign_off(self, timeout_s: float | None = None) -> None:
        """Go home; the manager gives this worker's task to another."""
        self._call("POST", "/api/v3/worker/sign-off", timeout_s=timeout_s)

    def requested_status(self) -> WorkerStatus | None:
        """The status that this worker should go to, if any."""
        answer = self._call("GET", "/api/v3/worker/state")
        return None if answer.status_code == 204 else self._decoded(answer, _StatusRequest).status_requested

    def state_changed(self, status: WorkerStatus) -> None:
        """Tell that this worker has gone to `status`."""
        self._call("POST", "/api/v3/worker/state-changed", {"status": status})

    def next_task(self) -> AssignedTask | WorkerStatus | None:
        """Ask for a task: gives one, or the status to go to instead, or None when there is nothing to do."""
        answer = self._call("POST", "/api/v3/worker/task", also_fine=(423,))
        if answer.status_code == 204:
            return None
        if answer.status_code == 423:
            return self._decoded(answer, _StatusRequest).status_requested
        return self._decoded(answer, AssignedTask)

    def update_task(self, task_id: str, update: TaskUpdate | msgspec.Raw, timeout_s: float | None = None) -> None:
        """Report on a task. Raises `ManagerError` with status 409 when it is not this worker's any more."""
        self._call("POST", f"/api/v3/worker/task/{task_id}", update, timeout_s=timeout_s)

    def may_i_run(self, task_id: str) -> RunPermission:
        """Ask whether to go on with a task."""
        return self._decoded(self._call("GET", f"/api/v3/worker/task/{task_id}/may-i-run"), RunPermission)

    def output_produced(self, task_id: str, jpeg: bytes) -> None:
        """Hand in an image that a task has produced."""
        headers = {"Content-Type": "image/jpeg"}
        self._call("POST", f"/api/v3/worker/task/{task_id}/output-produced", content=jpeg, headers=headers)

    # -- how --------------------------------------------------------------------------------------------------------

    def _call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        also_fine: tuple[int, ...] = (),
    ) -> httpx.Response:
        if body is not None:
            content, headers = msgspec.json.encode(body), {"Content-Type": "application/json"}
        try:
            answer = self._http.request(
                method,
                path.removeprefix("/"),
                content=content,
                headers={**self._authorization, **(headers or {})},
                timeout=httpx.USE_CLIENT_DEFAULT if timeout_s is None else timeout_s,
            )
        except httpx.TimeoutException as error:
            raise ManagerUnreachable(f"the manager at {self.url} did not answer in time") from error
        except httpx.HTTPError as error:
            raise ManagerUnreachable(f"the manager at {self.url} cannot be reached: {error}") from error
        if not answer.is_success and answer.status_code not in also_fine:
            raise _error_of(answer, f"{method} {path}")
        return answer

    def _decoded(self, answer: httpx.Response, kind: type[Answer]) -> Answer:
        try:
            return msgspec.json.decode(answer.content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            what = f"{answer.request.method} {answer.request.url.path}"
            text = f"the manager answered something unexpected to {what}: {error}; is {self.url} a Flamenco manager?"
            raise ManagerError(text, answer.status_code) from error


def _error_of(answer: httpx.Response, what: str) -> ManagerError:
    try:
        message = msgspec.json.decode(answer.content, type=_Message).message
    except (msgspec.DecodeError, UnicodeDecodeError):
        message = ""
    message = message[:_LONGEST_MESSAGE] or f"{what} was answered {answer.status_code} {answer.reason_phrase}".strip()
    return ManagerError(message, answer.status_code, _retry_after(answer))


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds from the Retry-After header; its other form, a date, is not worth a clock that may be wrong."""
    try:
        seconds = float(answer.headers["Retry-After"])
    except (KeyError, ValueError):
        return None
    return None if math.isnan(seconds) else min(max(_SHORTEST_RETRY_S, seconds), _LONGEST_RETRY_S)
