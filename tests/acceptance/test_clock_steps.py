"""The clock of a real manager is moved while a real worker works for it."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flamenco.client import ManagerClient
from flamenco.domain.statuses import JobStatus, WorkerStatus
from tests.acceptance.conftest import START_TIMEOUT_S, running_manager, wait_until
from tests.acceptance.test_faults import COUNTED_JOB_TYPE, running_workers, submit_counted, summary

TIMEOUT_S = 6
MOVED_CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *moment) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, moment);
    char text[32] = "";
    int file = clock == CLOCK_REALTIME ? open(getenv("CLOCK_OFFSET_FILE"), O_RDONLY) : -1;
    if (file >= 0) {
        if (read(file, text, sizeof text - 1) > 0) moment->tv_sec += atol(text);
        close(file);
    }
    return result;
}
"""
"""A library that is loaded before all others, and has the clock differ by what is in a file; timers go on as ever."""


def movable_clock(folder: Path) -> Path:
    """That library, below `folder`."""
    source, library = folder / "clock.c", folder / "clock.so"
    source.write_text(MOVED_CLOCK)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


def ahead_s(client: ManagerClient) -> float:
    """By how many seconds the manager's clock is ahead, as far as it has heard of the worker lately."""
    (worker,) = client.workers.all()
    assert worker.last_seen is not None
    return (worker.last_seen - datetime.now(UTC)).total_seconds()


@pytest.mark.long
@pytest.mark.parametrize("step", ["7200", "-7200"])
def test_a_clock_that_is_moved(tmp_path: Path, step: str) -> None:
    """A worker that works is not lost by a step of two hours, and one that was killed after it is lost in time."""
    offset = tmp_path / "offset"
    offset.write_text("0")
    environ = {"LD_PRELOAD": str(movable_clock(tmp_path)), "CLOCK_OFFSET_FILE": str(offset)}
    often = [f"worker_timeout={TIMEOUT_S}s", "timeout_check_interval=1s", "timeout_check_delay=1s"]
    settings = [word for setting in often for word in ("--set", setting)]
    with running_manager(tmp_path, "--processes", "1", *settings, environ=environ) as manager:
        (manager.data_dir / "jobtypes" / "counted.js").write_text(COUNTED_JOB_TYPE)
        job_id = submit_counted(manager.url, tmp_path, count=1, seconds="0.5", lines=30)
        with ManagerClient(manager.url) as client, running_workers(tmp_path, manager.url, 1) as (worker,):
            assert wait_until((tmp_path / "ran").exists, START_TIMEOUT_S)
            before = len(re.findall("worker timed out", manager.log))
            offset.write_text(step)
            assert wait_until(lambda: abs(ahead_s(client) - int(step)) < 60)
            assert wait_until(lambda: summary(manager.url, job_id).status is JobStatus.COMPLETED, 60)
            assert len(re.findall("worker timed out", manager.log)) == before == 0
            assert (tmp_path / "ran").read_text() == "0\n"
            offset.write_text("0")
            worker.kill()
            assert wait_until(lambda: client.workers.all()[0].status is WorkerStatus.ERROR, 5 * TIMEOUT_S)
