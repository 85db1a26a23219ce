"""What a simulated worker asks its manager, in the words of real ones, with the time that each answer takes."""

from __future__ import annotations

import base64
import time
from typing import Any, Final

import msgspec
from msgspec import Struct

from flamenco import __version__
from flamenco.client import AssignedTask, RunPermission, TaskUpdate, WorkerSignOn
from flamenco.domain.errors import FarmError
from flamenco.domain.identity import SIGN_ON_HEADER
from flamenco.domain.statuses import WorkerStatus
from flamenco.simulation.ledger import Ledger
from flamenco.simulation.statistics import Statistics
from flamenco.simulation.wire import Answer, Away, Wire

TASK_TYPES: Final = ("misc",)
COMMANDS: Final = ("echo", "sleep")
"""Tasks with any other command are not for workers that run nothing."""
_HEADERS: Final = {"Content-Type": "application/json", "User-Agent": f"Flamenco/{__version__} (simulated)"}
_TEMPORARY: Final = (408, 425, 429)


class Refusal(FarmError):
    """An answer that is not a yes, and will not become one."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Later(Away):
    """The manager cannot now; `pause_s` as it says, if it does."""

    def __init__(self, status: int, pause_s: float | None) -> None:
        super().__init__(str(status))
        self.pause_s = pause_s


class Credentials(Struct, frozen=True):
    """Who a worker is to the farm."""

    worker_id: str
    secret: str


class _Message(Struct):
    message: str = ""


class _StatusRequest(Struct):
    status_requested: WorkerStatus


class Calls:
    """The calls of the worker of that number. Each raises `Away` without an answer, and `Refusal` for a no."""

    def __init__(self, number: int, wire: Wire, known: Credentials, ledger: Ledger, statistics: Statistics) -> None:
        self._number, self._wire, self._ledger, self._statistics = number, wire, ledger, statistics
        token = base64.b64encode(f"{known.worker_id}:{known.secret}".encode()).decode()
        self._headers = {**_HEADERS, "Authorization": f"Basic {token}"}

    def vanish(self) -> None:
        """Let go of the connection without a word."""
        self._wire.drop()

    async def sign_on(self, name: str) -> None:
        """Come to work, able to do little, and be awake."""
        self._headers.pop(SIGN_ON_HEADER, None)
        details = WorkerSignOn(name, TASK_TYPES, f"{__version__} (simulated)")
        answer = await self._call("sign on", "POST", "/api/v3/worker/sign-on", details)
        if number := answer.headers.get(SIGN_ON_HEADER.lower().encode()):
            self._headers[SIGN_ON_HEADER] = number.decode()
        await self._call("sign on", "POST", "/api/x/worker/commands", {"commands": COMMANDS}, fine=(404, 405))
        await self.state_changed(WorkerStatus.AWAKE)

    async def sign_off(self) -> None:
        """Go home."""
        await self._call("sign off", "POST", "/api/v3/worker/sign-off")

    async def state_changed(self, status: WorkerStatus) -> None:
        """Tell what this worker has become."""
        await self._call("state", "POST", "/api/v3/worker/state-changed", {"status": status})

    async def requested_status(self) -> WorkerStatus | None:
        """What it is to become, if anything."""
        answer = await self._call("state", "GET", "/api/v3/worker/state")
        return None if answer.status == 204 else msgspec.json.decode(answer.body, type=_StatusRequest).status_requested

    async def next_task(self) -> AssignedTask | WorkerStatus | None:
        """Ask for a task: gives one, the status to go to instead, or None when there is nothing to do."""
        answer = await self._call("poll", "POST", "/api/v3/worker/task", fine=(423,))
        if answer.status == 204:
            return None
        if answer.status == 423:
            return msgspec.json.decode(answer.body, type=_StatusRequest).status_requested
        return msgspec.json.decode(answer.body, type=AssignedTask)

    async def update(self, task_id: str, update: TaskUpdate) -> None:
        """Report on a task; one with text for its log counts as another operation."""
        await self._call("log" if update.log else "update", "POST", f"/api/v3/worker/task/{task_id}", update)

    async def may_i_run(self, task_id: str) -> bool:
        """Whether to go on with a task."""
        answer = await self._call("may I run", "GET", f"/api/v3/worker/task/{task_id}/may-i-run")
        return msgspec.json.decode(answer.body, type=RunPermission).may_keep_running

    async def _call(
        self, operation: str, method: str, path: str, body: Any = None, fine: tuple[int, ...] = ()
    ) -> Answer:
        content = b"" if body is None else msgspec.json.encode(body)
        begun = time.monotonic()
        try:
            answer = await self._wire.ask(method, path, self._headers, content)
        except Away as error:
            self._statistics.failed(operation, str(error))
            raise
        now = time.monotonic()
        self._statistics.answered(operation, now - begun)
        if 200 <= answer.status < 300 or answer.status in fine:
            self._ledger.heard(self._number, now)
            return answer
        self._statistics.failed(operation, str(answer.status))
        if answer.status >= 500 or answer.status in _TEMPORARY:
            raise Later(answer.status, answer.retry_after())
        raise Refusal(answer.status, _message_of(answer))


def _message_of(answer: Answer) -> str:
    try:
        return msgspec.json.decode(answer.body, type=_Message).message
    except msgspec.DecodeError:
        return f"status {answer.status}"
