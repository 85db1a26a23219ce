"""Programs that print more than anybody reads: all of it arrives, and nobody runs out of memory, disk or patience."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from flamenco.client import JobRequest, ManagerClient
from flamenco.domain.statuses import JobStatus
from tests import length
from tests.acceptance.conftest import Manager, running_manager, wait_until
from tests.acceptance.test_faults import logs_of, running_workers, summary

EXEC_JOB_TYPE = """
const JOB_TYPE = { label: "Exec", settings: [
    { key: "exe", type: "string", required: true },
    { key: "script", type: "string", required: true },
] };

function compileJob(job) {
    const task = author.Task("exec", "misc");
    task.addCommand(author.Command("exec", { exe: job.settings.exe, args: ["-c", job.settings.script] }));
    job.addTask(task);
}
"""
"""One task that runs a program with a script of its own."""

LINES = length.of(50_000, 1_000_000)
LINE_BYTES = 100
CHATTERBOX = f"""
import sys
for start in range(0, {LINES}, 1000):
    lines = [f"{{number:09}} ".ljust({LINE_BYTES - 1}, "x") for number in range(start, start + 1000)]
    sys.stdout.write("\\n".join(lines) + "\\n")
"""
"""Prints 20 MB, or 100, as fast as it can, in lines that know their number."""


PROGRESS = """
import os, sys, time
for percent in range(101):
    print(f"\\rdone: {percent} of 100", end="", flush=True)
    while percent == 50 and not os.path.exists(%r): time.sleep(0.02)
print("\\nthe end")
"""
"""Shows its progress on one line, and waits half way for a file."""

ENCODE = """
import subprocess
source = ["-f", "lavfi", "-re", "-i", "testsrc=duration=4:size=64x64:rate=24"]
subprocess.run(["ffmpeg", "-hide_banner", *source, "-f", "null", "-"], check=True)
"""


def submit(manager: Manager, script: str) -> str:
    """Submit a job of one task that runs a Python script; its id."""
    (manager.data_dir / "jobtypes" / "exec.js").write_text(EXEC_JOB_TYPE)
    request = JobRequest(name="exec", type="exec", settings={"exe": sys.executable, "script": script})
    with ManagerClient(manager.url) as client:
        return client.submit_job(request).id


def most_memory_mb(pid: int) -> float:
    """The most memory that a process has had so far."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


@pytest.mark.longer
def test_very_many_lines_arrive_whole(tmp_path: Path) -> None:
    """All lines are in the task's log, in order, each once; the worker holds no more than a few of them."""
    environ = {"FLAMENCO_TASK_LOG_MB": "1000"}
    with running_manager(tmp_path, "--processes", "2", environ=environ) as manager:
        job_id = submit(manager, CHATTERBOX)
        with running_workers(tmp_path, manager.url, 1) as (worker,):
            assert wait_until(lambda: "000000500 " in "".join(logs_of(manager).values()), 30)
            before = most_memory_mb(worker.pid)
            assert wait_until(lambda: summary(manager.url, job_id).status is JobStatus.COMPLETED, 240)
            assert most_memory_mb(worker.pid) - before < 64
        (log,) = logs_of(manager).values()
        assert "missing" not in log
        printed = [line.partition(" > ")[2] for line in log.splitlines() if line.startswith("pid=")]
        assert printed == [f"{number:09} ".ljust(LINE_BYTES - 1, "x") for number in range(LINES)]
        kept = (tmp_path / "worker-0" / "flamenco-worker.sqlite").stat().st_size
        assert kept < 32 * 1024 * 1024


@pytest.mark.long
def test_progress_takes_one_line(tmp_path: Path) -> None:
    """What a program writes over is in the log and its tail meanwhile, and one line of the log in the end."""
    go_on = tmp_path / "go-on"
    with running_manager(tmp_path, "--processes", "2") as manager:
        job_id = submit(manager, PROGRESS % str(go_on))
        with running_workers(tmp_path, manager.url, 1), ManagerClient(manager.url) as client:
            assert wait_until(lambda: "> done: 50 of" in "".join(logs_of(manager).values()), 30)
            (task_id,) = logs_of(manager)
            follow = [sys.executable, "-m", "flamenco", "log", task_id, "-f", "--manager", manager.url]
            following = subprocess.Popen(follow, stdout=subprocess.PIPE)
            assert following.stdout
            seen = bytearray()
            while not seen.endswith(b"50 of 100\r"):
                seen += following.stdout.read(1)
                assert following.poll() is None, seen
            go_on.touch()
            assert wait_until(lambda: summary(manager.url, job_id).status is JobStatus.COMPLETED, 30)
            seen += following.stdout.read()
            following.stdout.close()
            following.wait(30)
            found = client.tasks.log(task_id)
            assert found
            log = client.tasks.log_part(found, 0).decode()
    assert [line.partition(" > ")[2] for line in log.splitlines() if "> done" in line] == ["done: 100 of 100"]
    assert "\r" not in log
    shown = [line.rpartition("\r")[2] for line in seen.decode().split("\n")]
    assert shown == log.split("\n")


@pytest.mark.long
def test_progress_of_ffmpeg(tmp_path: Path) -> None:
    """FFmpeg's line of progress is seen while it encodes, and is there once in the end, with all frames."""
    with running_manager(tmp_path, "--processes", "2") as manager:
        job_id = submit(manager, ENCODE)
        with running_workers(tmp_path, manager.url, 1):
            assert wait_until(lambda: "> frame=" in "".join(logs_of(manager).values()), 30)
            assert wait_until(lambda: summary(manager.url, job_id).status is JobStatus.COMPLETED, 60)
        (log,) = logs_of(manager).values()
    (line,) = [line for line in log.splitlines() if "> frame=" in line]
    assert re.search(r"frame= *96 ", line)
