"""How a worker comes to work: registers itself once, signs on every time, and does not give up on either."""

from __future__ import annotations

import secrets
import threading
from pathlib import Path
from typing import Final

import structlog
from msgspec import Struct

from flamenco import __version__
from flamenco.client import ManagerClient, ManagerError, WorkerRegistration, WorkerSignOn
from flamenco.domain.access import hash_of
from flamenco.domain.backoff import Backoff
from flamenco.domain.durations import Duration
from flamenco.domain.errors import ConfigError, FarmError
from flamenco.domain.identity import approval_code
from flamenco.domain.statuses import WorkerStatus
from flamenco.worker import credentials
from flamenco.worker.credentials import Credentials

LONGEST_PAUSE_S: Final = 60.0
SECRET_BYTES: Final = 32
REJECTED_STATUS: Final = 403

log = structlog.get_logger()


class Identity(Struct, frozen=True, kw_only=True):
    """What the farm is told of this worker. `platform` is linux, windows or darwin, `commands` are names."""

    name: str
    platform: str
    task_types: tuple[str, ...]
    commands: tuple[str, ...] = ()
    can_restart: bool = False


class Registration:
    """Signs this worker on, with the credentials in `file` or as a new worker."""

    def __init__(self, manager: ManagerClient, identity: Identity, file: Path, retry: Duration) -> None:
        self._manager = manager
        self._identity = identity
        self._file = file
        self._backoff = Backoff(retry, max(LONGEST_PAUSE_S, retry))

    def sign_on(self, stopping: threading.Event) -> WorkerStatus | None:
        """Sign on, however long it takes; gives the status to go to, or None when the worker is to stop.

        Only a manager that definitely does not know us makes this register anew: one that is away, or has a
        problem, would otherwise find its workers twice afterwards. Raises `ConfigError` when the credentials
        can be neither read nor kept.
        """
        pause = self._backoff.after()
        known = credentials.load(self._file)
        while not stopping.is_set():
            try:
                known = known or self._register()
                self._manager.authenticate(known.worker_id, known.worker_secret)
                status = self._manager.sign_on(self._details())
                # Before anybody calls this worker awake: it would be given tasks of commands that it does not have.
                self._tell_commands()
            except (ManagerError, FarmError) as error:
                if known and _is_rejection(error):
                    log.warning(
                        "the manager does not know this worker; registering as a new one", worker=known.worker_id
                    )
                    known = None
                    self._manager.forget_worker()
                else:
                    log.warning("cannot sign on, trying again", reason=str(error), retry_in=str(Duration(pause)))
            else:
                log.info("signed on", manager=self._manager.url, worker=known.worker_id, name=self._identity.name)
                return status
            stopping.wait(pause)
            pause = self._backoff.after(pause)
        return None

    def replaced(self) -> ConfigError:
        """What to tell when another worker has signed on with our credentials."""
        return ConfigError(
            "Another worker has signed on with the same identity, so this one stopped; the folder"
            f" {self._file.parent} was probably copied. Give this worker a folder of its own with --data-dir, or delete"
            f" {self._file.name} in it to register as a new worker."
        )

    def _register(self) -> Credentials:
        secret = secrets.token_hex(SECRET_BYTES)
        identity = self._identity
        registration = WorkerRegistration(identity.name, identity.platform, secret, identity.task_types)
        known = Credentials(self._manager.register_worker(registration), secret)
        credentials.save(self._file, known)
        code = approval_code(hash_of(secret))
        log.info(
            "registered as a new worker",
            worker=known.worker_id,
            credentials=str(self._file),
            code_for_approval=f"{code[:3]} {code[3:]}",
        )
        return known

    def _tell_commands(self) -> None:
        known = self._manager.tell_commands(self._identity.commands)
        if known is None:
            log.debug("the manager does not ask which commands this worker has", manager=self._manager.url)
        elif missing := sorted(set(known) - set(self._identity.commands)):
            log.info("the manager knows commands that this worker does not have", commands=missing)

    def _details(self) -> WorkerSignOn:
        identity = self._identity
        return WorkerSignOn(identity.name, identity.task_types, __version__, identity.can_restart)


def _is_rejection(error: Exception) -> bool:
    return isinstance(error, ManagerError) and error.status == REJECTED_STATUS
