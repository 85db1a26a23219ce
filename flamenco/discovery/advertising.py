"""Runs the responder in one of the processes of a manager, and in another one when that one ends."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Collection
from typing import Final

import structlog

from flamenco.discovery import messages, networks
from flamenco.discovery.responder import Responder
from flamenco.platforms import locks

TURN_CHECK_S: Final = 1.0
"""How often the other processes look whether it is their turn."""

RETRY_S: Final = 60.0
"""Pause after the port could not be had."""

log = structlog.get_logger(__name__)


class Advertising:
    """Lets workers find the manager that listens on `host` and `port`.

    Made once, before the fork; `start` is called in every process that serves. The lock that decides which of them
    does the work goes with the process that holds it, however it ends. Raises `OSError` where no file can be made.
    """

    def __init__(self, host: str, port: int, search_port: int = messages.PORT) -> None:
        self._host, self._port = host, port
        self._search_port = search_port
        self._lock = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as there is a manager
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._has_turn = False
        self._has_complained = False
        self._certified: Collection[str] | None = None

    def start(self, certified: Collection[str] | None = None) -> None:
        """Begin, in the background; over TLS, with the names and addresses that the certificate is for."""
        self._certified = certified
        # Not made before the fork, which ends all threads, and takes those that have not begun for ended too.
        self._thread = threading.Thread(target=self._run, name="discovery", daemon=True)
        self._thread.start()

    def another(self) -> Advertising:
        """The same for a farm that takes over in the same process."""
        return Advertising(self._host, self._port, self._search_port)

    def stop(self, wait_s: float = 0.0) -> None:
        """End soon. Nobody has to wait: what is lost is an answer, and whoever wanted it asks again."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(wait_s)

    def _run(self) -> None:
        with self._lock:
            while not self._stopping.is_set():
                if self._is_our_turn():
                    self._respond()
                    self._stopping.wait(RETRY_S)
                else:
                    self._stopping.wait(TURN_CHECK_S)

    def _respond(self) -> None:
        """Answer for as long as it goes well."""
        try:
            with networks.open_listener(self._search_port) as listener:
                self._has_complained = False
                Responder(listener, self._host, self._port, self._certified).run(self._stopping)
        except OSError as error:
            self._complain(error)
        except Exception:  # that workers have to be told the URL is no reason to stop serving
            log.exception("workers cannot find this manager for now")

    def _is_our_turn(self) -> bool:
        # Asked once alone: on Windows, who has the lock is told that somebody has it.
        self._has_turn = self._has_turn or locks.try_for_process(self._lock)
        return self._has_turn

    def _complain(self, error: OSError) -> None:
        if self._has_complained:
            return
        self._has_complained = True
        log.warning(
            f"workers cannot find this manager by themselves, since UDP port {self._search_port} cannot be used; start"
            " them with --manager URL, or stop the program that has the port to itself (`ss -lup` shows it)",
            reason=str(error),
        )
