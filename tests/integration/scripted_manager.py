"""A manager for one worker, on a real socket: it plays its part of the protocol, and can be scripted and switched off.

It is strict where a farm would suffer: it gives tasks to awake workers only, hands an unfinished task out again
when it is asked for another, and knows workers by their secrets.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

PATIENCE_S = 20.0
API = "/api/v3"


class Answer(NamedTuple):
    """What to answer: status, body as JSON, headers."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = {}


class Request(NamedTuple):
    """What was asked."""

    method: str
    path: str
    body: bytes
    headers: Mapping[str, str]


class ScriptedManager:
    """Remembers everything it was told; `wait_for` waits until something of it is so."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.requests: list[Request] = []
        self.secrets: dict[str, str] = {}
        self.registrations: list[dict[str, Any]] = []
        self.sign_ons: list[dict[str, Any]] = []
        self.statuses: list[str] = []
        self.requested: str | None = None
        self.handed_out: list[str] = []
        self.updates: list[tuple[str, dict[str, Any]]] = []
        self.images: list[tuple[str, bytes]] = []
        self.not_permitted: dict[str, str] = {}
        self.reassigned: set[str] = set()
        self._queued: deque[dict[str, Any]] = deque()
        self._active: dict[str, Any] | None = None
        self._scripted: list[tuple[str, str, Answer]] = []
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    def __enter__(self) -> Self:
        self.switch_on()
        return self

    def __exit__(self, *_: object) -> None:
        self.switch_off()

    @property
    def url(self) -> str:
        """Where it is, also while it is switched off."""
        return f"http://127.0.0.1:{self._port}"

    def switch_on(self) -> None:
        """Listen, at the same port as before."""
        manager = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name it has there)
                """Be quiet."""

            def do_GET(self) -> None:
                self._serve()

            def do_POST(self) -> None:
                self._serve()

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                request = Request(self.command, self.path.removeprefix(API), body, dict(self.headers.items()))
                answer = manager.answer(request)
                content = b"" if answer.body is None else json.dumps(answer.body).encode()
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if content:
                    self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def switch_off(self) -> None:
        """Be away: the socket is closed, connections are refused."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    # -- scripting --------------------------------------------------------------------------------------------------

    def know(self, worker_id: str, secret: str) -> None:
        """Know a worker that registered earlier."""
        self.secrets[worker_id] = secret

    def add_task(self, *commands: tuple[str, dict[str, Any]] | tuple[str, dict[str, Any], int]) -> str:
        """Queue a task of commands `(name, parameters[, steps])`; gives its id."""
        task_id = str(uuid.uuid4())
        given: list[dict[str, Any]] = [{"name": name, "parameters": parameters} for name, parameters, *_ in commands]
        for command, (_, _, *steps) in zip(given, commands, strict=True):
            command["total_step_count"] = steps[0] if steps else 0
        task = {
            "uuid": task_id,
            "job": str(uuid.uuid4()),
            "name": "a task",
            "status": "active",
            "priority": 50,
            "job_priority": 50,
            "job_type": "test",
            "task_type": "misc",
            "commands": given,
            "steps_completed": 0,
            "steps_total": len(given),
        }
        with self.changed:
            self._queued.append(task)
        return task_id

    def answer_once(self, method: str, path: str, answer: Answer) -> None:
        """Answer the next request whose path matches the pattern like this, and do nothing else about it."""
        with self.changed:
            self._scripted.append((method, path, answer))

    def wait_for(self, what: Callable[[], Any], seconds: float = PATIENCE_S) -> None:
        """Wait until `what` is true; fails with what was asked last when that takes too long."""
        with self.changed:
            assert self.changed.wait_for(what, seconds), [f"{each.method} {each.path}" for each in self.requests[-20:]]

    def wait_until_finished(self, task_id: str) -> None:
        """Wait until the worker has reported the end of the task."""
        self.wait_for(lambda: {"completed", "failed"} & set(self.statuses_of(task_id)))

    # -- what it was told -------------------------------------------------------------------------------------------

    def updates_of(self, task_id: str) -> list[dict[str, Any]]:
        """The accepted updates of the task, in the order they came."""
        return [update for each, update in self.updates if each == task_id]

    def statuses_of(self, task_id: str) -> list[str]:
        """The statuses the task was reported in."""
        return [update["taskStatus"] for update in self.updates_of(task_id) if "taskStatus" in update]

    def log_of(self, task_id: str) -> str:
        """The task's log."""
        return "".join(update.get("log", "") for update in self.updates_of(task_id))

    def asked(self, method: str, path: str) -> int:
        """How often a path matching the pattern was asked for."""
        return len([each for each in self.requests if each.method == method and re.fullmatch(path, each.path)])

    # -- the protocol -----------------------------------------------------------------------------------------------

    def answer(self, request: Request) -> Answer:
        """Answer a request."""
        with self.changed:
            self.requests.append(request)
            answer = self._script(request) or self._answer(request)
            self.changed.notify_all()
            return answer

    def _script(self, request: Request) -> Answer | None:
        for line in self._scripted:
            method, path, answer = line
            if method == request.method and re.fullmatch(path, request.path):
                self._scripted.remove(line)
                return answer
        return None

    def _answer(self, request: Request) -> Answer:
        if request.path == "/worker/register-worker":
            return self._register(json.loads(request.body))
        if not self._is_known(request):
            return Answer(403, {"message": "no such worker"})
        for pattern, operation in self._operations().items():
            if match := re.fullmatch(f"{request.method} {pattern}", f"{request.method} {request.path}"):
                return operation(request, *match.groups())
        return Answer(404, {"code": 404, "message": "no such thing"})

    def _operations(self) -> dict[str, Callable[..., Answer]]:
        """Paths and what to do about them; called with the request and the task's id where there is one."""
        return {
            "/worker/sign-on": self._sign_on,
            "/worker/sign-off": self._sign_off,
            "/worker/state": self._requested_status,
            "/worker/state-changed": self._state_changed,
            "/worker/task": self._hand_out,
            "/worker/task/([^/]+)": self._update,
            "/worker/task/([^/]+)/may-i-run": self._may_i_run,
            "/worker/task/([^/]+)/output-produced": self._output_produced,
        }

    def _sign_on(self, request: Request) -> Answer:
        self.sign_ons.append(json.loads(request.body))
        self.statuses.append("starting")
        return Answer(200, {"status_requested": self.requested or "awake"})

    def _sign_off(self, _: Request) -> Answer:
        self.statuses.append("offline")
        return Answer(204)

    def _requested_status(self, _: Request) -> Answer:
        return Answer(200, {"status_requested": self.requested}) if self.requested else Answer(204)

    def _may_i_run(self, _: Request, task_id: str) -> Answer:
        reason = self.not_permitted.get(task_id, "")
        return Answer(200, {"mayKeepRunning": not reason, "reason": reason, "statusChangeRequested": False})

    def _output_produced(self, request: Request, task_id: str) -> Answer:
        self.images.append((task_id, request.body))
        return Answer(202)

    def _register(self, body: dict[str, Any]) -> Answer:
        self.registrations.append(body)
        worker_id = str(uuid.uuid4())
        self.secrets[worker_id] = body["secret"]
        return Answer(200, {"uuid": worker_id, **body, "address": "", "status": "", "software": ""})

    def _is_known(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        worker_id, _, secret = base64.b64decode(token).decode().partition(":")
        return scheme == "Basic" and worker_id in self.secrets and self.secrets[worker_id] == secret

    def _state_changed(self, request: Request) -> Answer:
        status = json.loads(request.body)["status"]
        self.statuses.append(status)
        if self.requested == status:
            self.requested = None
        return Answer(204)

    def _hand_out(self, _: Request) -> Answer:
        if self.requested:
            return Answer(423, {"status_requested": self.requested})
        if self.statuses[-1] != "awake":
            return Answer(409, {"code": 409, "message": f"worker is {self.statuses[-1]}"})
        if not self._active and self._queued:
            self._active = self._queued.popleft()
        if not self._active:
            return Answer(204)
        self.handed_out.append(self._active["uuid"])
        return Answer(200, self._active)

    def _update(self, request: Request, task_id: str) -> Answer:
        update = json.loads(request.body)
        if task_id in self.reassigned:
            self._release(task_id)
            return Answer(409, {"code": 409, "message": "task is assigned to another worker"})
        self.updates.append((task_id, update))
        if update.get("taskStatus") in ("completed", "failed"):
            self._release(task_id)
        return Answer(204)

    def withdraw(self, task_id: str, reason: str) -> None:
        """Want the task stopped, as when its job is cancelled."""
        with self.changed:
            self.not_permitted[task_id] = reason
            self._release(task_id)

    def _release(self, task_id: str) -> None:
        if self._active and self._active["uuid"] == task_id:
            self._active = None
