"""A manager and a worker that believe to be on Windows, or macOS, as far as Linux can pretend that."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from flamenco.worker.agent import EXIT_SIGNAL
from tests.acceptance.conftest import START_TIMEOUT_S, STOP_TIMEOUT_S, await_manager, wait_until
from tests.conftest import empty_database
from tests.unit.test_platforms import ELSEWHERE

pytestmark = pytest.mark.long


@contextmanager
def command(log: Path, system: str, *arguments: str, code: int = 0) -> Iterator[subprocess.Popen[bytes]]:
    """`flamenco` with those arguments, which is stopped afterwards and ends with `code`."""
    environ = {**os.environ, "HOME": str(log.parent)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, ELSEWHERE, system, *arguments], stdout=output, stderr=output, env=environ
        )
    try:
        yield process
        process.terminate()
        assert process.wait(STOP_TIMEOUT_S) == code, log.read_text()
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(("system", "server"), [("windows", "cheroot"), ("macos", "gunicorn")])
def test_a_job_is_done(tmp_path: Path, system: str, server: str) -> None:
    """The server is the system's own; a job is compiled, run and logged, and both end when they are told to."""
    data, log = tmp_path / "data", tmp_path / "manager.log"
    data.mkdir()
    (data / "flamenco-manager.sqlite").write_bytes(empty_database())
    with command(log, system, "manager", "--data-dir", str(data), "--listen", "127.0.0.1:0") as process:
        url = await_manager(process, data, log).url
        job = {"name": "n", "type": "echo-sleep-test", "settings": {"message": "hello", "sleep_duration_seconds": 0}}
        job_id = httpx.post(f"{url}/api/v3/jobs", json={**job, "submitter_platform": "windows"}).json()["id"]
        assert httpx.get(f"{url}/api/version").headers["Server"] == server
        worker = ("worker", "--manager", url, "--data-dir", str(tmp_path / "worker"))
        with command(tmp_path / "worker.log", system, *worker, code=EXIT_SIGNAL):
            assert wait_until(
                lambda: httpx.get(f"{url}/api/v3/jobs/{job_id}").json()["status"] == "completed", START_TIMEOUT_S
            ), (tmp_path / "worker.log").read_text()
        logs = [path.read_text() for path in data.rglob("task-*.txt")]
        assert any("hello" in each for each in logs)
    assert "Traceback" not in log.read_text()
