"""Who this worker is: the file with the id and the secret that it signs on with. Nobody else may read it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
import structlog
from msgspec import Struct

from flamenco.config import private
from flamenco.domain.errors import ConfigError

FILE_NAME: Final = "flamenco-worker-credentials.yaml"

_HEADER: Final = """\
# Who this worker is in the farm. Written by the worker; keep it secret.
# Without this file the worker registers itself anew, as another worker.

"""

log = structlog.get_logger()


class Credentials(Struct, frozen=True):
    """The id that the manager gave, and the secret that the worker made up."""

    worker_id: str
    worker_secret: str


def load(file: Path) -> Credentials | None:
    """Read the credentials; None when there are none, or none that make sense.

    Raises `ConfigError` when the file is there and may not be read: registering anew would not help. And when others
    may read it, such as tasks that run as somebody else.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"The credentials {file} cannot be read: {error.strerror}.") from error
    try:
        credentials = msgspec.yaml.decode(content, type=Credentials)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("the credentials make no sense; registering as a new worker", file=str(file), error=str(error))
        return None
    if not (credentials.worker_id and credentials.worker_secret):
        return None
    private.check(file, "The credentials")
    return credentials


def save(file: Path, credentials: Credentials) -> None:
    """Write the credentials, complete or not at all, readable for this user only. Raises `ConfigError`."""
    try:
        private.write(file, _HEADER.encode() + msgspec.yaml.encode(credentials))
    except OSError as error:
        raise ConfigError(f"The credentials {file} cannot be written: {error.strerror}.") from error
