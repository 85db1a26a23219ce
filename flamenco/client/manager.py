"""The client itself: what is said of the farm as a whole, in the original API, and by a worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Self
from urllib.parse import unquote, urlencode

import httpx
import msgspec
from msgspec import UNSET, Struct

from flamenco.client.access import AccessCalls
from flamenco.client.actions import ActionCalls
from flamenco.client.addresses import DEFAULT_URL
from flamenco.client.answers import (
    AssignedTask,
    DeadLetter,
    Explanation,
    JobRequest,
    JobType,
    Overview,
    SinkState,
    SubmittedJob,
    Version,
    WorkerRegistration,
    WorkerSignOn,
)
from flamenco.client.archives import ArchiveCalls
from flamenco.client.attempts import AttemptCalls
from flamenco.client.connection import DEFAULT_TIMEOUT_S, NO_SUCH_ADDRESS, Connection, in_path
from flamenco.client.events import EventCalls
from flamenco.client.failures import FailureCalls
from flamenco.client.frames import FrameCalls
from flamenco.client.job_waits import JobWaitCalls
from flamenco.client.jobs import JobCalls
from flamenco.client.lists import ListCalls
from flamenco.client.previews import PreviewCalls
from flamenco.client.retention import RetentionCalls
from flamenco.client.self_tests import SelfTestCalls
from flamenco.client.series import Series
from flamenco.client.settings import SettingCalls
from flamenco.client.setup import SetUpCalls
from flamenco.client.tasks import TaskCalls
from flamenco.client.workers import TagCalls, WorkerCalls
from flamenco.domain.commands import WARNING_HEADER
from flamenco.domain.identity import SIGN_ON_HEADER
from flamenco.domain.listing import LimitState
from flamenco.domain.model import AuthoredJob
from flamenco.domain.statuses import JobStatus, WorkerStatus
from flamenco.protocol.v3.worker import MayKeepRunning, TaskUpdate
from flamenco.protocol.x.events import DeadLetterChoice, DeadLettersChosen
from flamenco.protocol.x.jobs import KnownCommands, WorkerCommands


class _JobTypes(Struct, frozen=True):
    job_types: tuple[JobType, ...]


class _Sinks(Struct, frozen=True):
    sinks: tuple[SinkState, ...]


class _DeadLetters(Struct, frozen=True):
    dead_letters: tuple[DeadLetter, ...]


class _Limits(Struct, frozen=True):
    limits: tuple[LimitState, ...]


class _Registered(Struct, frozen=True):
    uuid: str


class _StatusRequest(Struct, frozen=True):
    status_requested: WorkerStatus


class ManagerClient:
    """Calls one manager. Close it, or use it in a `with` block.

    Today's protocol is in `jobs`, `tasks`, `workers`, `tags`, long lists in `lists`, what is done with many at once in
    `actions`, who ran what when in `attempts`, what happens in `events`, who may do what in `access`, settings
    in `settings`, the first steps of a farm in `setup`; all else is here.
    Without a `token`, the one is sent that `flamenco login` stored for that manager, if any, or, to the one that
    FLAMENCO_MANAGER names, that in FLAMENCO_TOKEN.
    `ca_file` has the certificates of those who vouch for the manager, where this machine does not know them.

    `transport` is how to get there without a socket, such as a `httpx.WSGITransport` around an application.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        transport: httpx.BaseTransport | None = None,
        token: str | None = None,
        ca_file: str = "",
    ) -> None:
        self._connection = Connection(url, timeout_s, transport, token, ca_file)
        self.url = self._connection.url
        self.token = self._connection.token
        self.jobs = JobCalls(self._connection)
        self.job_waits = JobWaitCalls(self._connection)
        self.frames = FrameCalls(self._connection)
        self.previews = PreviewCalls(self._connection)
        self.actions = ActionCalls(self._connection)
        self.tasks = TaskCalls(self._connection)
        self.attempts = AttemptCalls(self._connection)
        self.workers = WorkerCalls(self._connection)
        self.tags = TagCalls(self._connection)
        self.lists = ListCalls(self._connection)
        self.settings = SettingCalls(self._connection)
        self.setup = SetUpCalls(self._connection)
        self.events = EventCalls(self._connection)
        self.access = AccessCalls(self._connection)
        self.archives = ArchiveCalls(self._connection)
        self.failures = FailureCalls(self._connection)
        self.retention = RetentionCalls(self._connection)
        self.self_tests = SelfTestCalls(self._connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def authenticate(self, worker_id: str, secret: str) -> None:
        """Speak as this worker from now on."""
        self._connection.authenticate(worker_id, secret)

    def forget_worker(self) -> None:
        """Speak as nobody in particular again, or as whoever has the token."""
        self._connection.forget_worker()

    def when_replaced(self, call: Callable[[], None]) -> None:
        """Have `call` called, by any thread, when another program has signed on as this worker.

        From then on the manager answers this one with `SignOnReplaced`.
        """
        self._connection.on_replaced = call

    # -- the farm ---------------------------------------------------------------------------------------------------

    def series(self, step: str = "5m", since: datetime | None = None, by: str | None = None) -> Series:
        """What the farm has done since then, by `5m` or `1d`; with `by`, by job_type, user or project too."""
        asked = {"step": step, **({"from": since.isoformat()} if since else {}), **({"by": by} if by else {})}
        return self._connection.fetch(f"/api/x/series?{urlencode(asked)}", Series)

    def limits(self) -> tuple[LimitState, ...]:
        """How many tasks may run at once under each limit of the farm, how many do, and who waits."""
        return self._connection.fetch("/api/x/limits", _Limits).limits

    def set_limit(self, name: str, capacity: int | None) -> tuple[LimitState, ...]:
        """Set a limit, or take it away; all of them as they are then."""
        body = {"name": name, "capacity": capacity}
        return self._connection.decoded(self._connection.call("POST", "/api/x/limits", body), _Limits).limits

    def version(self) -> Version:
        """Who is there; the way to see whether a URL is that of a manager."""
        return self._connection.fetch("/api/v3/version", Version)

    def overview(self) -> Overview:
        """Jobs and workers at a glance."""
        return self._connection.fetch("/api/x/overview", Overview)

    def get(self, path: str) -> Any:
        """GET anything, such as `/api/x/<plugin>/…`, and decode its JSON: for the routes of plugins."""
        return self._connection.fetch(path, Any)

    # -- jobs -------------------------------------------------------------------------------------------------------

    def job_types(self) -> tuple[JobType, ...]:
        """The kinds of job that can be submitted."""
        return self._connection.fetch("/api/jobs/types", _JobTypes).job_types

    def submit_job(self, job: JobRequest, warn: Callable[[str], None] | None = None) -> SubmittedJob:
        """Submit a job. Raises `ManagerError` with the reason when it is refused.

        `warn` is called with every sentence about what looks wrong with a job that is accepted all the same.
        """
        # The original API wants a priority, and calls 50 its default.
        body = {"priority": 50, **msgspec.to_builtins(job)}
        # Which has no words for these.
        beyond = {"worker_tag", "initial_status", "depends_on", "time_limits", "start_after", "order", "preview"}
        beyond |= {"workers_allowed", "workers_denied"}
        beyond |= {"fail_percent", "tries"}
        path = "/api/x/jobs" if beyond & body.keys() else "/api/jobs"
        return self._connection.decoded(self._with_warnings(path, body, warn), SubmittedJob)

    def compile_job(self, job: JobRequest, warn: Callable[[str], None] | None = None) -> AuthoredJob:
        """The job as it would be stored, with its tasks; nothing is stored. Raises, and warns, as `submit_job`."""
        return self._connection.decoded(self._with_warnings("/api/x/jobs/compile", job, warn), AuthoredJob)

    def _with_warnings(self, path: str, body: object, warn: Callable[[str], None] | None) -> httpx.Response:
        answer = self._connection.call("POST", path, body)
        warnings = answer.headers.get(WARNING_HEADER)
        if warn and warnings:
            for warning in warnings.split(","):
                warn(unquote(warning.strip()))
        return answer

    def job(self, job_id: str) -> SubmittedJob:
        """Fetch a job as the original API tells of it; `jobs.get` tells more."""
        return self._connection.fetch(f"/api/jobs/{in_path(job_id)}", SubmittedJob)

    def explain(self, job_id: str, worker_id: str | None = None) -> Explanation:
        """Ask why a job is not running, or why one worker is not given its tasks."""
        path = f"/api/x/jobs/{in_path(job_id)}/explain"
        path += f"/{in_path(worker_id)}" if worker_id else ""
        return self._connection.fetch(path, Explanation)

    def set_job_status(self, job_id: str, status: JobStatus, reason: str) -> None:
        """Cancel, pause, requeue … a job; people read the reason."""
        self.jobs.set_status(job_id, status, reason)

    # -- event sinks ------------------------------------------------------------------------------------------------

    def sinks(self) -> tuple[SinkState, ...]:
        """How the event sinks are doing."""
        return self._connection.fetch("/api/x/sinks", _Sinks).sinks

    def dead_letters(self) -> tuple[DeadLetter, ...]:
        """The events that were given up, by sink; the newest of each."""
        return self._connection.fetch("/api/x/dead-letters", _DeadLetters).dead_letters

    def retry_dead_letters(self, sink: str, keys: Sequence[int] = ()) -> int:
        """Have dead letters of a sink delivered after all, without `keys` all of them. Returns how many."""
        return self._choose_dead_letters("retry", sink, keys)

    def discard_dead_letters(self, sink: str, keys: Sequence[int] = ()) -> int:
        """Forget dead letters of a sink, without `keys` all of them. Returns how many."""
        return self._choose_dead_letters("discard", sink, keys)

    def _choose_dead_letters(self, action: str, sink: str, keys: Sequence[int]) -> int:
        body = DeadLetterChoice(sink=sink, keys=list(keys) or UNSET)
        return self._connection.decoded(
            self._connection.call("POST", f"/api/x/dead-letters/{action}", body), DeadLettersChosen
        ).count

    # -- this worker ------------------------------------------------------------------------------------------------

    def register_worker(self, registration: WorkerRegistration) -> str:
        """Make a new worker known to the farm, and get its id."""
        return self._connection.decoded(
            self._connection.call("POST", "/api/v3/worker/register-worker", registration), _Registered
        ).uuid

    def sign_on(self, details: WorkerSignOn) -> WorkerStatus:
        """Come to work; gives the status to go to."""
        answer = self._connection.call("POST", "/api/v3/worker/sign-on", details)
        if number := answer.headers.get(SIGN_ON_HEADER):  # only our managers count
            self._connection.keep_sign_on(number)
        return self._connection.decoded(answer, _StatusRequest).status_requested

    def tell_commands(self, names: Sequence[str]) -> tuple[str, ...] | None:
        """Tell which commands this worker has; gives those that the manager knows, or None when it does not care.

        It does not when it is another program than ours: then nothing is there to be told.
        """
        body = WorkerCommands(commands=list(names))
        answer = self._connection.call("POST", "/api/x/worker/commands", body, also_fine=NO_SUCH_ADDRESS)
        if answer.status_code in NO_SUCH_ADDRESS:
            return None
        return tuple(self._connection.decoded(answer, KnownCommands).commands)

    def sign_off(self, timeout_s: float | None = None) -> None:
        """Go home; the manager gives this worker's task to another."""
        self._connection.call("POST", "/api/v3/worker/sign-off", timeout_s=timeout_s)

    def requested_status(self) -> WorkerStatus | None:
        """The status that this worker should go to, if any."""
        answer = self._connection.call("GET", "/api/v3/worker/state")
        return None if answer.status_code == 204 else self._connection.decoded(answer, _StatusRequest).status_requested

    def state_changed(self, status: WorkerStatus) -> None:
        """Tell that this worker has gone to `status`."""
        self._connection.call("POST", "/api/v3/worker/state-changed", {"status": status})

    def next_task(self) -> AssignedTask | WorkerStatus | None:
        """Ask for a task: gives one, or the status to go to instead, or None when there is nothing to do."""
        answer = self._connection.call("POST", "/api/v3/worker/task", also_fine=(423,))
        if answer.status_code == 204:
            return None
        if answer.status_code == 423:
            return self._connection.decoded(answer, _StatusRequest).status_requested
        return self._connection.decoded(answer, AssignedTask)

    def update_task(self, task_id: str, update: TaskUpdate | msgspec.Raw, timeout_s: float | None = None) -> None:
        """Report on a task. Raises `ManagerError` with status 409 when it is not this worker's any more."""
        self._connection.call("POST", f"/api/v3/worker/task/{task_id}", update, timeout_s=timeout_s)

    def may_i_run(self, task_id: str) -> MayKeepRunning:
        """Ask whether to go on with a task."""
        return self._connection.fetch(f"/api/v3/worker/task/{task_id}/may-i-run", MayKeepRunning)

    def output_produced(self, task_id: str, jpeg: bytes) -> None:
        """Hand in an image that a task has produced."""
        headers = {"Content-Type": "image/jpeg"}
        self._connection.call("POST", f"/api/v3/worker/task/{task_id}/output-produced", content=jpeg, headers=headers)
