"""Two managers over one PostgreSQL database behind a real nginx, configured as docs/database.md has it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from flamenco.domain.statuses import JobStatus
from tests.acceptance.conftest import Manager, running_manager, wait_until
from tests.acceptance.test_faults import COUNTED_JOB_TYPE, logs_of, running_workers, submit_counted, summary
from tests.acceptance.test_nginx import FRAME
from tests.docs import manual

TASKS = 80


@contextmanager
def nginx_before(folder: Path, *managers: Manager) -> Iterator[str]:
    """nginx, and the address that it has."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "this test needs nginx; on Debian: apt install nginx-light"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = manual.blocks("nginx", "docs/database.md")[0].replace("listen 8080", f"listen 127.0.0.1:{port}")
    for number, manager in enumerate(managers, start=1):
        server = server.replace(f"manager-{number}.studio.lan:8080", manager.url.removeprefix("http://"))
    configuration = folder / "nginx.conf"
    user = "user root;" if os.getuid() == 0 else ""
    configuration.write_text(FRAME.format(folder=folder, server=server, user=user))
    with (folder / "nginx.log").open("wb") as log:
        nginx = subprocess.Popen([program, "-p", folder, "-c", configuration], stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        assert wait_until(lambda: answers(url)), (folder / "nginx.log").read_text()
        yield url
    finally:
        nginx.terminate()
        nginx.wait(10)


def answers(url: str) -> bool:
    """Whether a manager answers there."""
    try:
        return httpx.get(f"{url}/api/version", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.long
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_one_of_two_managers_dies(database_url: str, tmp_path: Path) -> None:
    """Workers that know the proxy alone go on, every task runs, and the logs of both managers are in one place."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    storage = {"FLAMENCO_LOCAL_MANAGER_STORAGE_PATH": str(tmp_path / "storage")}
    settings = ("--set", "access.proxy.trusted=[127.0.0.1]", "--set", "access.mode=open")
    arguments = ("--database", database_url, "--processes", "1", *settings)
    with (
        running_manager(tmp_path / "one", *arguments, environ=storage) as one,
        running_manager(tmp_path / "two", *arguments, environ=storage) as two,
        nginx_before(tmp_path, one, two) as url,
    ):
        for manager in (one, two):
            (manager.data_dir / "jobtypes" / "counted.js").write_text(COUNTED_JOB_TYPE)
        job_id = submit_counted(url, tmp_path, count=TASKS, seconds="0.1", lines=1)
        with running_workers(tmp_path, url, 4):
            assert wait_until(lambda: summary(two.url, job_id).tasks.get("completed", 0) >= TASKS // 4, 120)
            one.kill()
            assert wait_until(lambda: summary(two.url, job_id).status is JobStatus.COMPLETED, 120)
            assert answers(url)
        assert set((tmp_path / "ran").read_text().split()) == {str(number) for number in range(TASKS)}
        two.data_dir = tmp_path / "storage"
        assert len(logs_of(two)) == TASKS
