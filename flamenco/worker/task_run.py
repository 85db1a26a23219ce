"""Runs tasks: their commands one after the other, telling the manager how it goes, until done or taken away."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import ExitStack
from http import HTTPStatus
from typing import Final

import structlog

from flamenco.client import AssignedTask, ManagerClient, ManagerError, TaskUpdate
from flamenco.domain.errors import FarmError
from flamenco.domain.statuses import TaskStatus
from flamenco.hooks.types import CommandType
from flamenco.worker.cancellation import Cancellation, CancelReason
from flamenco.worker.log_stream import LogStream, sendable
from flamenco.worker.task_commands import run_commands
from flamenco.worker.task_context import TaskContext
from flamenco.worker.task_process import Reports, TaskProcess
from flamenco.worker.ticker import Ticker
from flamenco.worker.updates import Updates
from flamenco.worker.upload import OutputUploads
from flamenco.worker.worker_settings import WorkerSettings

LOG_TICK_S: Final = 1.0

log = structlog.get_logger()


class TaskRunner:
    """Runs one task at a time. Whatever goes wrong in a command ends the task and never the worker."""

    def __init__(
        self,
        *,
        manager: ManagerClient,
        updates: Updates,
        uploads: OutputUploads,
        commands: Mapping[str, CommandType],
        settings: WorkerSettings,
        variables: Mapping[str, str],
        process: TaskProcess | None = None,
    ) -> None:
        """With `process`, commands run there instead of here."""
        self._manager = manager
        self._updates = updates
        self._uploads = uploads
        self._commands = commands
        self._settings = settings
        self._variables = variables
        self._process = process
        self._lock = threading.Lock()
        self._stopping = False
        self._task_id = ""
        self._cancellation = Cancellation()
        updates.on_reassigned = self._on_reassigned

    def stop(self) -> None:
        """End the running task, if any, and let none start again. May be called from any thread."""
        with self._lock:
            self._stopping = True
        self._cancellation.cancel(CancelReason.SHUTDOWN)

    def run(self, task: AssignedTask) -> None:
        """Run `task` to its end. Nothing is raised for what its commands do."""
        cancellation = self._begin(task)
        if cancellation is None:
            return
        task_log = log.bind(task=task.uuid, name=task.name)
        task_log.info("running task", type=task.task_type)
        self._updates.put(task.uuid, TaskUpdate(activity="Started", status=TaskStatus.ACTIVE))
        # Who is told here that the task is somebody else's has not begun with it.
        self._updates.wait_until_delivered(cancellation)
        stream = LogStream(
            lambda text: self._updates.put(task.uuid, TaskUpdate(log=text)),
            self._settings.log_chunk_bytes,
            self._settings.log_chunk,
            wait_for_room=lambda: self._updates.wait_for_room(cancellation),
        )
        with ExitStack() as background:
            background.enter_context(Ticker("may-i-run", self._settings.may_i_run, lambda: self._ask(task.uuid)))
            tick_s = min(LOG_TICK_S, self._settings.log_chunk)
            background.enter_context(Ticker("task-log", tick_s, stream.tick))
            failure = self._run_commands(task, stream)
        why = cancellation.why
        stream.close(discard=why is CancelReason.MANAGER)
        if why:
            task_log.warning("task not finished", reason=why.value)
        else:
            self._report_end(task, failure)
            task_log.info("task failed" if failure else "task completed", **({"reason": failure} if failure else {}))

    def _begin(self, task: AssignedTask) -> Cancellation | None:
        """Make `task` the running one; gives what will end it, or None when the worker is stopping."""
        with self._lock:
            if self._stopping:
                return None
            self._task_id, self._cancellation = task.uuid, Cancellation()
            return self._cancellation

    def _run_commands(self, task: AssignedTask, stream: LogStream) -> str:
        """Run all commands, here or in a process of their own; gives the reason why the task failed, or nothing."""

        def on_step(steps: int) -> None:
            self._updates.put(task.uuid, TaskUpdate(activity="Progress", steps_completed=steps))

        if self._process:
            reports = Reports(stream, on_step, lambda jpeg: self._uploads.put_jpeg(task.uuid, jpeg))
            return self._process.run(task.commands, self._variables, reports, self._cancellation)
        context = TaskContext(
            task_log=stream,
            cancellation=self._cancellation,
            on_step=on_step,
            on_output=lambda image: self._uploads.put(task.uuid, image),
            variables=self._variables,
            oom_score=self._settings.oom_score_adjust,
        )
        return run_commands(task.commands, self._commands, context)

    def _report_end(self, task: AssignedTask, failure: str) -> None:
        if not failure:
            self._updates.put(task.uuid, TaskUpdate(activity="Completed", status=TaskStatus.COMPLETED))
            return
        text = sendable(f"Failed: {failure}")
        self._updates.put(task.uuid, TaskUpdate(activity=text, log=f"{text}\n", status=TaskStatus.FAILED))

    def _ask(self, task_id: str) -> None:
        """Ask the manager whether to go on; without an answer we do, but not when it does not know us any more."""
        try:
            permission = self._manager.may_i_run(task_id)
        except FarmError as error:
            if isinstance(error, ManagerError) and error.status == HTTPStatus.FORBIDDEN:
                log.warning("this worker was deleted; the task is given to another one", task=task_id)
                self._cancel_if_running(task_id)
                return
            log.warning("cannot ask whether to go on with the task; going on", reason=str(error))
            return
        if permission.may_keep_running:
            self._updates.retry_now()
            return
        log.warning("the manager wants the task stopped", task=task_id, reason=permission.reason)
        self._cancel_if_running(task_id)

    def _on_reassigned(self, task_id: str) -> None:
        self._cancel_if_running(task_id)

    def _cancel_if_running(self, task_id: str) -> None:
        with self._lock:
            cancellation = self._cancellation if task_id == self._task_id else None
        if cancellation:
            cancellation.cancel(CancelReason.MANAGER)
