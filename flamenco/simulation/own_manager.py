"""A manager to try a simulation on: fresh, in a scratch folder, gone with all its files afterwards."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from flamenco.client import ManagerClient, ManagerError, ManagerUnreachable
from flamenco.demo.processes import Child, Children
from flamenco.demo.run import free_port
from flamenco.domain.errors import Failed

START_TIMEOUT_S: Final = 60.0
_LOOK_S: Final = 0.1
SETTINGS: Final = {
    "manager_name": "Flamenco simulation",
    "autodiscoverable": "false",
    "registrations_per_hour": "0",
    "shaman.enabled": "false",
}
"""What differs from the defaults: it is for nobody else, and all workers register at once."""


@contextmanager
def own_manager(settings: Mapping[str, str], environ: Mapping[str, str]) -> Iterator[str]:
    """The URL of a manager with these settings beside the defaults. Raises `Failed` with its log when it ends."""
    folder = Path(tempfile.mkdtemp(prefix="flamenco-simulate-"))
    clean = {name: value for name, value in environ.items() if not name.startswith("FLAMENCO_")}
    address = f"127.0.0.1:{free_port(0)}"
    given = {**SETTINGS, "shared_storage_path": str(folder / "shared"), **settings}
    words = [word for key, value in given.items() for word in ("--set", f"{key}={value}")]
    command = [sys.executable, "-m", "flamenco", "manager", "--data-dir", str(folder), "--listen", address, *words]
    try:
        with Children(folder / "logs", clean) as children:
            process = children.start("manager", command, folder)
            _wait_for(f"http://{address}", process)
            yield f"http://{address}"
            process.check()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(url: str, process: Child) -> None:
    until = time.monotonic() + START_TIMEOUT_S
    with ManagerClient(url, token="") as client:
        while True:
            try:
                client.version()
            except (ManagerUnreachable, ManagerError) as error:
                process.check()
                if time.monotonic() > until:
                    raise Failed(f"{error}; the manager's log says:\n{process.tail()}") from error
                time.sleep(_LOOK_S)
            else:
                return
