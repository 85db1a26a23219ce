"""Users of a real manager: made on its machine, and signed in over the network."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.conftest import empty_database

PASSWORD = "a password of enough letters"


def add_user(data_dir: Path, name: str, role: str) -> None:
    """`flamenco users add`, on the manager's machine; the manager may run or not."""
    data_dir.mkdir(parents=True, exist_ok=True)
    if not (database := data_dir / "flamenco-manager.sqlite").exists():
        database.write_bytes(empty_database())
    command = [sys.executable, "-m", "flamenco", "users", "add", name, "--role", role, "--password-stdin"]
    subprocess.run(
        [*command, "--data-dir", data_dir], input=f"{PASSWORD}\n", text=True, check=True, cwd=data_dir, timeout=60
    )


@contextmanager
def signed_in(url: str, name: str) -> Iterator[httpx.Client]:
    """Somebody in a browser, for a while."""
    with httpx.Client(base_url=url, timeout=30) as client:
        client.post("/api/x/sign-in", json={"name": name, "password": PASSWORD}).raise_for_status()
        yield client
