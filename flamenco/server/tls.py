"""The manager's own TLS: which certificate it shows, and that a renewed one is taken up while it runs.

Who is connected stays so, whatever becomes of the files: only new connections see another certificate.
"""

from __future__ import annotations

import ssl
import threading
from pathlib import Path
from typing import Final, TypeAlias

import structlog

from flamenco.config import Config
from flamenco.domain.errors import ConfigError
from flamenco.farm.context import utc_now
from flamenco.server.certificates import load

LOOK_EVERY_S: Final = 2.0
"""How often it is looked whether the files have changed."""

_Identity: TypeAlias = tuple[tuple[int, ...], ...]

log = structlog.get_logger(__name__)


class Tls:
    """The certificate in use. Raises `ConfigError` when there is none to begin with that can be used.

    Made before the fork; each process looks for renewed files by itself, in a thread, since a disk may not answer.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = (certificate, key)
        self._used = self._identity()
        self._failed: _Identity | None = None
        self._has_told = False
        self._stopping = threading.Event()
        self.certificate = load(certificate, key)

    @property
    def context(self) -> ssl.SSLContext:
        """What new connections are begun with."""
        return self.certificate.context

    @property
    def names(self) -> tuple[str, ...]:
        """The names and addresses that the certificate is for."""
        return self.certificate.names

    def watch(self) -> None:
        """Look for renewed files until told to stop; called in each process that serves."""
        self._stopping = threading.Event()
        threading.Thread(target=self._watch, args=(self._stopping,), name="certificate", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()

    def _watch(self, stopping: threading.Event) -> None:
        while not stopping.wait(LOOK_EVERY_S):
            try:
                self.refresh()
            except Exception:
                log.exception("the certificate could not be looked at")

    def refresh(self) -> None:
        """Take up the files if they have changed and can be used; otherwise the old certificate stays.

        Programs that renew write one file after the other, so only what is wrong at two looks is told, and once.
        """
        found = self._identity()
        if found == self._used or (found == self._failed and self._has_told):
            return
        try:
            self.certificate = load(*self._files)
        except ConfigError as error:
            self._has_told = found == self._failed
            self._failed = found
            if self._has_told:
                log.warning("the renewed certificate cannot be used, so the old one stays", reason=str(error))
        else:
            self._used, self._failed = found, None
            log.info("new connections get the renewed certificate", expires=self.certificate.expires.isoformat())
            if doubt := self.certificate.doubt(utc_now()):
                log.warning(doubt)

    def _identity(self) -> _Identity:
        """What is different when a file was replaced, or changed, or others may read it now. Nothing for none."""
        return tuple(_identity(file) for file in self._files)


def _identity(file: Path) -> tuple[int, ...]:
    try:
        found = file.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def tls_of(config: Config) -> Tls | None:
    """What the configuration says of it. Raises `ConfigError` for files that cannot be used."""
    files = config.tls_files
    return Tls(*files) if files else None
