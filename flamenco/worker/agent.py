"""The life of a worker: signs on, then is awake, asleep, or goes home, as the manager or a signal wants it."""

from __future__ import annotations

import random
import threading
import time
from typing import Final

import structlog

from flamenco.client import AssignedTask, ManagerClient, ManagerError, ManagerUnreachable
from flamenco.domain.durations import Duration
from flamenco.domain.errors import FarmError
from flamenco.domain.self_tests.facts import Why
from flamenco.domain.statuses import WorkerStatus
from flamenco.worker.registration import REJECTED_STATUS, Registration
from flamenco.worker.self_test.self_test import SelfTest
from flamenco.worker.task_run import TaskRunner
from flamenco.worker.updates import Delivery, Updates
from flamenco.worker.upload import OutputUploads
from flamenco.worker.worker_settings import WorkerSettings

EXIT_OFFLINE: Final = 0
EXIT_SIGNAL: Final = 1
EXIT_UNDELIVERED: Final = 1

FLUSH_LIMIT_S: Final = 5.0
SIGN_OFF_LIMIT_S: Final = 3.0
JITTER: Final = 0.1
"""Pauses vary by this much either way, so that workers started together do not stay in step."""

_AWAKE: Final = WorkerStatus.AWAKE
_FINAL: Final = frozenset({WorkerStatus.OFFLINE, WorkerStatus.RESTART})

log = structlog.get_logger()


class Rejected(Exception):
    """The manager does not know this worker any more."""


class Agent:
    """One worker. `run` is its life; `stop`, from any other thread, ends it soon."""

    def __init__(
        self,
        *,
        manager: ManagerClient,
        registration: Registration,
        updates: Updates,
        uploads: OutputUploads,
        tasks: TaskRunner,
        self_test: SelfTest,
        settings: WorkerSettings,
    ) -> None:
        self._manager = manager
        self._registration = registration
        self._updates = updates
        self._uploads = uploads
        self._tasks = tasks
        self._self_test = self_test
        self._settings = settings
        self._lived_last = _AWAKE
        self._stopping = threading.Event()
        self._is_announced = False
        self._is_replaced = False
        manager.when_replaced(self._on_replaced)

    def stop(self) -> None:
        """End the running task and go home."""
        self._stopping.set()
        self._tasks.stop()
        self._self_test.stop()

    def _on_replaced(self) -> None:
        """Another program is this worker now. To go on would have every task run twice."""
        if not self._is_replaced:
            self._is_replaced = True
            log.error(
                "another worker has signed on with the same identity; stopping, and ending the task if there is one"
            )
            self.stop()

    def run(self) -> int:
        """Work until told to stop; gives the exit code. Raises `ConfigError` when it cannot work, or not any more."""
        status = self._sign_on()
        if not status:
            return EXIT_SIGNAL
        # Not sooner: what was left in the queue needs our credentials to be accepted.
        with self._updates.delivering(), self._uploads:
            while status and status not in _FINAL:
                status = self._live(status)
        if self._is_replaced:
            raise self._registration.replaced()
        self._go_home()
        if status == WorkerStatus.RESTART:
            return self._settings.restart_exit_code
        return EXIT_OFFLINE if status == WorkerStatus.OFFLINE else EXIT_SIGNAL

    def flush(self) -> int:
        """Sign on, deliver what earlier tasks have left, and go home; gives the exit code, 1 when not all was taken."""
        if not self._registration.sign_on(self._stopping):
            return EXIT_SIGNAL
        delivery = self._updates.deliver_all(unless=self._stopping)
        if delivery is Delivery.COMPLETE:
            log.info("all updates are delivered")
        if self._is_replaced:
            raise self._registration.replaced()
        self._go_home()
        return EXIT_OFFLINE if delivery is Delivery.COMPLETE else EXIT_UNDELIVERED

    # -- states: each gives the status to go to next, or None when the worker is to stop ------------------------------

    def _live(self, status: WorkerStatus) -> WorkerStatus | None:
        """Live in `status`, for as long as the manager knows this worker."""
        try:
            if status is WorkerStatus.TESTING:
                return self._tested()
            self._lived_last = status
            if status != _AWAKE:
                return self._asleep(status)
            return self._unfit() if self._self_test.is_unfit else self._awake()
        except Rejected:
            log.warning("the manager does not know this worker any more, signing on again")
            self._pause(self._settings.sign_on_retry)
            return self._sign_on()

    def _sign_on(self) -> WorkerStatus | None:
        """Sign on, and test oneself before anybody gives tasks, unless that is what is wanted next anyhow."""
        status = self._registration.sign_on(self._stopping)
        if status and status is not WorkerStatus.TESTING and status not in _FINAL:
            self._self_test.run(Why.SIGN_ON)
        return status

    def _awake(self) -> WorkerStatus | None:
        self._enter(_AWAKE)
        self._pause(self._settings.poll_start)
        while not self._stopping.is_set():
            if wanted := self._wait_for_space():
                return wanted
            answer = self._next_task()
            if isinstance(answer, WorkerStatus):
                log.info("the manager wants another status", status=answer.value)
                return answer
            if isinstance(answer, AssignedTask):
                self._run(answer)
                self._pause(self._settings.poll_after_task)
                self._pause(self._settings.poll_start)
            else:
                self._pause(self._settings.poll_no_task if answer is None else answer)
        return None

    def _asleep(self, status: WorkerStatus) -> WorkerStatus | None:
        """Sleep in `status`, which may also be one that we know nothing special about."""
        log.info("sleeping", status=status.value)
        self._enter(status)
        while not self._stopping.is_set():
            requested = self._requested_status(status)
            if requested and requested != status:
                return requested
            # To be asked for what we are already is answered by saying so once more.
            self._is_announced = self._is_announced and not requested
            self._pause(self._settings.poll_asleep)
        return None

    def _tested(self) -> WorkerStatus | None:
        """Test oneself, and go on as before; what was found decides whether tasks are asked for.

        For a manager that knows of no self-tests it is a status as any other.
        """
        self._enter(WorkerStatus.TESTING)
        if not self._self_test.run(Why.ASKED):
            return self._asleep(WorkerStatus.TESTING)
        return None if self._stopping.is_set() else self._lived_last

    def _unfit(self) -> WorkerStatus | None:
        """Be in error, since no task can be run here, until a self-test says otherwise, or somebody something else."""
        self._enter(WorkerStatus.ERROR)
        tested = time.monotonic()
        while not self._stopping.is_set():
            requested = self._requested_status(WorkerStatus.ERROR)
            if requested and requested not in (_AWAKE, WorkerStatus.ERROR):
                return requested
            if requested == _AWAKE:
                self._enter(_AWAKE)  # that is what was asked for; whether it stays so is seen at once
            if requested or time.monotonic() - tested >= self._settings.self_test_retry:
                self._self_test.run(Why.AGAIN)
                if not self._self_test.is_unfit:
                    return _AWAKE
                self._enter(WorkerStatus.ERROR)
                tested = time.monotonic()
            self._pause(self._settings.poll_asleep)
        return None

    def _wait_for_space(self) -> WorkerStatus | None:
        """As long as the disk is full be in error, for what a task reports could not be kept.

        Gives the status to go to when the manager wants another one meanwhile.
        """
        if self._updates.has_space():
            return None
        self._enter(WorkerStatus.ERROR)
        while not self._stopping.is_set() and not self._updates.has_space():
            requested = self._requested_status(WorkerStatus.ERROR)
            if requested and requested not in (_AWAKE, WorkerStatus.ERROR):
                return requested
            self._pause(self._settings.poll_asleep)
        self._is_announced = False
        return None

    # -- parts --------------------------------------------------------------------------------------------------------

    def _next_task(self) -> AssignedTask | WorkerStatus | Duration | None:
        """Ask for a task; the duration is how long to wait when one could not even ask."""
        # Before it knows how a task went, the manager would hand out that same task again.
        if self._updates.wait_until_delivered(self._stopping) is not Delivery.COMPLETE:
            return Duration(max(min(self._updates.seconds_to_retry, self._settings.poll_error), 0.01))
        try:
            self._announce(_AWAKE)
            return self._manager.next_task()
        except FarmError as error:
            return self._pause_after(error)

    def _requested_status(self, status: WorkerStatus) -> WorkerStatus | None:
        """The status to go to from `status`, if the manager can be asked and wants any."""
        try:
            self._announce(status)
            return self._manager.requested_status()
        except FarmError as error:
            self._pause_after(error)
            return None

    def _enter(self, status: WorkerStatus) -> None:
        """Report a status just entered. Where that fails, it is done before anything else is asked."""
        self._is_announced = False
        try:
            self._announce(status)
        except FarmError as error:
            self._pause_after(error)

    def _announce(self, status: WorkerStatus) -> None:
        """Tell the manager what we are doing, once, and again after anything that may have made it forget."""
        if not self._is_announced:
            self._manager.state_changed(status)
            self._is_announced = True
            log.info("status reported", status=status.value)

    def _pause_after(self, error: FarmError) -> Duration:
        """How long to leave the manager alone after `error`. Raises `Rejected`."""
        log.warning("the manager could not be asked", reason=str(error))
        # It may have taken us for dead by the time it answers again; then it gives no tasks until we report.
        self._is_announced = False
        if isinstance(error, ManagerError):
            if error.status == REJECTED_STATUS:
                raise Rejected from error
            if error.retry_after is not None:
                return Duration(error.retry_after)
        return self._settings.poll_error

    def _run(self, task: AssignedTask) -> None:
        try:
            self._tasks.run(task)
        except Exception:
            log.exception("a task could not be run or reported", task=task.uuid)

    def _pause(self, duration: Duration) -> None:
        self._stopping.wait(duration * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 (no secret)

    def _go_home(self) -> None:
        if self._updates.deliver_all(within_s=FLUSH_LIMIT_S) is not Delivery.COMPLETE:
            log.warning("some updates could not be delivered; they are kept for the next start")
        try:
            self._manager.sign_off(SIGN_OFF_LIMIT_S)
            log.info("signed off")
        except (ManagerUnreachable, ManagerError) as error:
            log.warning("could not sign off", reason=str(error))
