"""What a farm goes through: managers that are killed, workers that are cut off, scripts that mean harm."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from flamenco.client import JobRequest, JobSummary, ManagerClient
from flamenco.domain.statuses import JobStatus
from tests import length
from tests.acceptance.conftest import STOP_TIMEOUT_S, Manager, await_manager, launch, running_manager, wait_until

QUICK = [
    *("--poll-start", "50ms", "--poll-after-task", "0s", "--poll-no-task", "100ms", "--poll-error", "100ms"),
    *("--sign-on-retry", "200ms", "--update-retry", "200ms", "--log-chunk", "100ms", "--may-i-run", "1s"),
]
"""A worker that does everything as usual, only sooner."""

COUNTED_JOB_TYPE = """
const JOB_TYPE = { label: "Counted", settings: [
    { key: "count", type: "int32", required: true },
    { key: "folder", type: "string", required: true },
    { key: "seconds", type: "string", default: "0.2" },
    { key: "lines", type: "int32", default: 5 },
] };

function compileJob(job) {
    for (let number = 0; number < job.settings.count; number++) {
        const task = author.Task(`task-${number}`, "misc");
        const script = `echo ${number} >> "$0/ran"; for n in $(seq ${job.settings.lines}); do ` +
            `echo line ${number}.$n.; sleep ${job.settings.seconds}; done`;
        task.addCommand(author.Command("exec", { exe: "/bin/sh", args: ["-c", script, job.settings.folder] }));
        job.addTask(task);
    }
}
"""
"""`count` tasks; each notes in the file `ran` that it was run, and prints `lines` lines with a pause after each."""


@contextmanager
def running_workers(folder: Path, url: str, count: int, *arguments: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """So many quick workers, stopped in the end. `arguments` are more options for each."""
    processes = []
    for number in range(count):
        log = (folder / f"worker-{number}.log").open("wb")
        command = [sys.executable, "-m", "flamenco", "worker", "--manager", url, "--name", f"w{number}", *QUICK]
        command += ["--data-dir", str(folder / f"worker-{number}"), *arguments]
        processes.append(
            subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder, start_new_session=True)
        )
        log.close()
    try:
        yield processes
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(3 * STOP_TIMEOUT_S)


def is_completed(url: str, job_id: str) -> bool:
    """Whether all of the job is done."""
    return summary(url, job_id).status is JobStatus.COMPLETED


def summary(url: str, job_id: str) -> JobSummary:
    """The job as the overview shows it."""
    with ManagerClient(url) as client:
        return next(job for job in client.overview().jobs if job.id == job_id)


def submit_counted(url: str, folder: Path, **settings: object) -> str:
    """Submit a job of counted tasks; its id."""
    request = JobRequest(name="counted", type="counted", settings={"folder": str(folder), **settings})
    with ManagerClient(url) as client:
        return client.submit_job(request).id


def logs_of(manager: Manager) -> dict[str, str]:
    """The text of every task log, by the task's UUID."""
    return {path.stem.removeprefix("task-"): path.read_text() for path in manager.data_dir.rglob("task-*.txt")}


KILLS = length.of(2, 20)
TASKS = KILLS * 25


@pytest.mark.longer
def test_killed_again_and_again_every_task_completes_exactly_once(tmp_path: Path) -> None:
    """Eight workers, kill -9 at random moments: each task completes once, and no line is lost."""
    dice = random.Random(20260102)  # noqa: S311 - the moments are to be arbitrary, not secret
    never = threading.Event()
    with running_manager(tmp_path, "--processes", "2") as manager:
        (manager.data_dir / "jobtypes" / "counted.js").write_text(COUNTED_JOB_TYPE)
        job_id = submit_counted(manager.url, tmp_path, count=TASKS, seconds="0.04", lines=5)
        address, process = manager.url.removeprefix("http://"), manager.process
        with running_workers(tmp_path, manager.url, 8):
            assert wait_until(lambda: summary(manager.url, job_id).tasks["completed"] > 0, 30)
            for number in range(KILLS):
                never.wait(dice.uniform(0.05, 0.6))
                assert summary(manager.url, job_id).tasks["completed"] < TASKS, f"all done before kill {number}"
                os.killpg(process.pid, signal.SIGKILL) if dice.random() < 0.5 else process.kill()
                process.wait(STOP_TIMEOUT_S)
                earlier = manager.log.count("listening on")
                process = launch(manager.data_dir, tmp_path / "manager.log", "--processes", "2", listen=address)
                await_manager(process, manager.data_dir, tmp_path / "manager.log", earlier)
            done = wait_until(lambda: summary(manager.url, job_id).status is JobStatus.COMPLETED, 240)
            assert done, summary(manager.url, job_id)
        check_farm(manager, tmp_path, job_id)
        process.terminate()
        process.wait(STOP_TIMEOUT_S)


def check_farm(manager: Manager, folder: Path, job_id: str) -> None:
    """Every task ran once and was completed once, every line arrived, and the database agrees with itself."""
    ran = Counter((folder / "ran").read_text().split())
    assert ran == Counter(str(number) for number in range(TASKS))
    with closing(sqlite3.connect(manager.data_dir / "flamenco-manager.sqlite")) as connection:
        names = dict(connection.execute("SELECT uuid, name FROM tasks").fetchall())
        payloads = connection.execute("SELECT payload FROM events WHERE topic = ?", (f"/jobs/{job_id}",)).fetchall()
    events = [json.loads(payload) for (payload,) in payloads]
    completed = Counter(e["id"] for e in events if (e.get("previous_status"), e["status"]) == ("active", "completed"))
    assert completed == Counter(dict.fromkeys(names, 1))
    for task_id, log in logs_of(manager).items():
        number = names[task_id].removeprefix("task-")
        # A line whose acknowledgement was lost is sent again: there may be more of it, never less.
        assert list(dict.fromkeys(re.findall(r"line (\S+)\.$", log, re.MULTILINE))) == [
            f"{number}.{line}" for line in range(1, 6)
        ]
    check = [sys.executable, "-m", "flamenco", "db", "check", "--data-dir", str(manager.data_dir)]
    found = subprocess.run(check, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "the database is in order\n"), found


AWAY_S = length.of(5, 60)
AWAY_LINES = length.of(15, 100)


@pytest.mark.longer
def test_without_manager_in_the_middle_of_a_task(tmp_path: Path) -> None:
    """The task goes on, finishes, and everything it said meanwhile arrives, in order and once."""
    with running_manager(tmp_path, "--processes", "2") as manager:
        (manager.data_dir / "jobtypes" / "counted.js").write_text(COUNTED_JOB_TYPE)
        job_id = submit_counted(manager.url, tmp_path, count=1, seconds="0.5", lines=AWAY_LINES)
        with running_workers(tmp_path, manager.url, 1):
            assert wait_until(lambda: "line 0.3." in "".join(logs_of(manager).values()), 30)
            assert manager.stop() == 0
            gone = time.monotonic()
            threading.Event().wait(AWAY_S)
            assert f"line 0.{AWAY_LINES - 1}." not in "".join(logs_of(manager).values())
            address = manager.url.removeprefix("http://")
            with running_manager(tmp_path, "--processes", "2", listen=address) as again:
                assert time.monotonic() - gone >= AWAY_S
                assert wait_until(lambda: summary(again.url, job_id).status is JobStatus.COMPLETED, 30)
                (log,) = logs_of(again).values()
    lines = re.findall(r"line 0\.(\d+)\.$", log, re.MULTILINE)
    assert [int(line) for line in lines] == list(range(1, AWAY_LINES + 1))
    assert (tmp_path / "ran").read_text() == "0\n"


WITH_COMMAND = """
    const parameters = {}; %s
    const task = author.Task("t", "misc"); task.addCommand(author.Command("x", parameters)); job.addTask(task);
"""
HOSTILE = {
    "endless-loop": "for (;;) {}",
    "endless-recursion": "const f = () => f(); f();",
    "many-objects": "const hoard = []; for (;;) hoard.push({ a: [1, 2, 3] });",
    "typed-arrays": "const hoard = []; for (;;) hoard.push(new Uint8Array(100e6).fill(1));",
    "huge-array": "new Array(2 ** 27).fill(1.5);",
    "throw-null": "throw null;",
    "throw-hostile": "throw { get message() { for (;;) {} }, toString() { for (;;) {} } };",
    "prototypes": "Object.prototype.toJSON = () => 1; JSON.stringify = () => '}{'; job.addTask(1);",
    "ten-million-tasks": "for (let n = 0; n < 1e7; n++) job.addTask(author.Task('t', 'misc'));",
    "not-json": WITH_COMMAND % "parameters.n = 10n;",
    "circular": WITH_COMMAND % "parameters.p = parameters;",
}
TIME_LIMIT_S = 0.5


@pytest.fixture(scope="module")
def hostile_manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    """A manager with a folder full of scripts that mean harm."""
    folder = tmp_path_factory.mktemp("hostile")
    environ = {"FLAMENCO_COMPILE_TIMEOUT": f"{TIME_LIMIT_S * 1000:.0f}ms"}
    with running_manager(folder, "--processes", "1", environ=environ) as manager:
        for name, body in HOSTILE.items():
            script = f"const JOB_TYPE = {{ label: 'x', settings: [] }};\nfunction compileJob(job) {{\n{body}\n}}\n"
            (manager.data_dir / "jobtypes" / f"{name.replace('-', '_')}.js").write_text(script)
        yield manager


@pytest.mark.parametrize("name", length.every(4, HOSTILE))
def test_a_hostile_script_is_an_error(hostile_manager: Manager, name: str) -> None:
    """The submission is refused in time and nothing stored; requests are answered meanwhile, other types compile."""
    url, answers = hostile_manager.url, []
    # From a machine of its own: who sends such scripts again and again waits.
    machine = httpx.HTTPTransport(local_address=f"127.0.1.{[*HOSTILE].index(name) + 1}")
    over = threading.Event()

    def keep_asking() -> None:
        while not over.wait(0.05):
            before = time.monotonic()
            answers.append((httpx.get(f"{url}/api/version", timeout=10).status_code, time.monotonic() - before))

    asking = threading.Thread(target=keep_asking)
    asking.start()
    started = time.monotonic()
    with httpx.Client(transport=machine, timeout=60) as client:
        refused = client.post(f"{url}/api/jobs", json={"name": "n", "type": name, "priority": 50})
    took = time.monotonic() - started
    over.set()
    asking.join()
    assert 400 <= refused.status_code < 500, refused.text
    script, message = f"{name.replace('-', '_')}.js", refused.json()["message"]
    # Who submits learns of which job type it is; where in the script it is, the log says.
    assert script not in message
    assert message
    assert script in hostile_manager.log
    assert took < TIME_LIMIT_S + 3
    assert all(status == 200 and seconds < 2 for status, seconds in answers)
    with ManagerClient(url) as manager:
        assert not [job for job in manager.overview().jobs if job.type == name]
        assert manager.submit_job(JobRequest(name="fine", type="echo", settings={"message": "m"})).status == "queued"


def test_a_worker_without_the_command_is_not_given_it(tmp_path: Path) -> None:
    """A task with a command that no worker has waits, and it is told why; the worker takes the next task."""
    with running_manager(tmp_path, "--processes", "1") as manager:
        scripts = {"counted": COUNTED_JOB_TYPE, "moon": COUNTED_JOB_TYPE.replace('"exec"', '"fly-to-the-moon"')}
        for name, script in scripts.items():
            (manager.data_dir / "jobtypes" / f"{name}.js").write_text(script)
        with ManagerClient(manager.url) as client:
            settings = {"folder": str(tmp_path), "count": 1}
            moon = client.submit_job(JobRequest(name="moon", type="moon", settings=settings)).id
            counted = submit_counted(manager.url, tmp_path, count=1, seconds="0", lines=1)
            with running_workers(tmp_path, manager.url, 1):
                assert wait_until(lambda: summary(manager.url, counted).status is JobStatus.COMPLETED, 30)
            (waiting,) = client.explain(moon).waiting
        assert summary(manager.url, moon).status is JobStatus.QUEUED
        assert (waiting.why, waiting.count) == ("no-worker-with-command", 1)
        assert "fly-to-the-moon" in waiting.reason
