"""The commands that look at a farm and steer it: a real manager, and a real worker where something has to run."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flamenco.cli import main
from flamenco.client import ManagerClient, WorkerRegistration
from flamenco.domain.statuses import JobStatus, TaskStatus
from tests.acceptance.conftest import Manager, running_manager, wait_until
from tests.acceptance.test_faults import running_workers

LAZY_JOB_TYPE = """
const JOB_TYPE = { label: "Lazy", settings: [{ key: "count", type: "int32", default: 3 }] };

function compileJob(job) {
    for (let number = 1; number <= job.settings.count; number++) {
        const task = author.Task(`lazy-${number}`, "nobody");
        task.addCommand(author.Command("echo", { message: "never said" }));
        job.addTask(task);
    }
}
"""
"""Tasks of a type that no worker takes, so that they wait."""

NAP_JOB_TYPE = """
const JOB_TYPE = { label: "Nap", settings: [
    { key: "seconds", type: "int32", default: 1 },
    { key: "exe", type: "string", default: "echo" },
] };

function compileJob(job) {
    const task = author.Task("nap", "misc");
    task.addCommand(author.Command("echo", { message: "good night" }));
    task.addCommand(author.Command("sleep", { duration_in_seconds: job.settings.seconds }));
    task.addCommand(author.Command("exec", { exe: job.settings.exe, args: ["good", "morning"] }));
    job.addTask(task);
}
"""

SHAKY_JOB_TYPE = """
const JOB_TYPE = { label: "Shaky", settings: [{ key: "exe", type: "string", required: true }] };

function compileJob(job) {
    const video = author.Task("video", "misc");
    video.addCommand(author.Command("echo", { message: "all there" }));
    for (let number = 1; number <= 12; number++) {
        const task = author.Task(`frame-${number}`, "misc");
        task.addCommand(author.Command("exec", { exe: number == 5 ? job.settings.exe : "true", args: [] }));
        job.addTask(task);
        video.addDependency(task);
    }
    job.addTask(video);
}
"""
"""Twelve tasks, of which one runs a program that may not be there, and one that waits for all of them."""

PREVIEW_JOB_TYPE = """
const JOB_TYPE = { label: "Preview", settings: [] };

function compileJob(job) {
    const frame = author.Task("frame", "misc");
    frame.addCommand(author.Command("echo", { message: "rendered" }));
    const video = author.Task("preview-video", "ffmpeg");
    if ("optional" in video) video.optional = true;
    video.addCommand(author.Command("frames-to-video", {
        exe: "ffmpeg", fps: 24, inputGlob: "/nowhere/*.png", outputFile: "/nowhere/video.mp4",
    }));
    video.addDependency(frame);
    job.addTask(frame);
    job.addTask(video);
}
"""
"""A frame that succeeds, and an optional video that cannot be made."""

WAITED_S = 60.0


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    """A manager with one quick worker, `w0`."""
    folder = tmp_path_factory.mktemp("farm")
    with running_manager(folder, "--processes", "1") as manager, running_workers(folder, manager.url, 1):
        (manager.data_dir / "jobtypes" / "lazy.js").write_text(LAZY_JOB_TYPE)
        (manager.data_dir / "jobtypes" / "nap.js").write_text(NAP_JOB_TYPE)
        (manager.data_dir / "jobtypes" / "shaky.js").write_text(SHAKY_JOB_TYPE)
        (manager.data_dir / "jobtypes" / "preview.js").write_text(PREVIEW_JOB_TYPE)
        yield manager


@pytest.fixture
def client(farm: Manager) -> Iterator[ManagerClient]:
    """For looking at what the commands did."""
    with ManagerClient(farm.url) as opened:
        yield opened


class Shell:
    """Types commands, in this process, since starting one takes longer than most commands do."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, *arguments: str, typed: str = "", code: int = 0) -> Result:
        """What comes of `flamenco …`."""
        result = CliRunner().invoke(main, arguments, input=typed, env={"FLAMENCO_MANAGER": self.url})
        assert result.exit_code == code, (result.output, result.exception)
        return result

    def json(self, *arguments: str, **how: Any) -> Any:
        """What it prints with `--json`."""
        result = self(*arguments, "--json", **how)
        assert result.stderr == ""
        return json.loads(result.stdout)

    def refused(self, *arguments: str, code: int = 1) -> str:
        """The sentence that it ends with, when it cannot be done."""
        result = self(*arguments, code=code)
        assert result.stdout == ""
        return result.stderr

    def submit(self, job_type: str, name: str, *more: str) -> str:
        """The ID of a new job."""
        return self("submit", job_type, "--name", name, *more).stdout.splitlines()[0]

    @contextmanager
    def start(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """A command in a process of its own, which may be interrupted, and does not outlive the test."""
        # Whoever runs the tests in the background of a shell has processes that do not hear Ctrl-C.
        command = ["env", "--default-signal=INT", sys.executable, "-m", "flamenco", *arguments, "--manager", self.url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.kill()


@pytest.fixture
def flamenco(farm: Manager) -> Shell:
    """Where commands are typed."""
    return Shell(farm.url)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name that no job, worker or tag of another test has."""
    return f"{request.node.name} {uuid.uuid4().hex[:6]}"


# -- jobs and tasks -------------------------------------------------------------------------------------------------


def test_jobs_are_listed_as_asked_for(flamenco: Shell, name: str) -> None:
    """Newest first; by status and type, and no more than so many."""
    first, second = flamenco.submit("lazy", f"{name} 1"), flamenco.submit("lazy", f"{name} 2")
    flamenco("pause", first)
    ended = flamenco.submit("echo", f"{name} 3", "--set", "message=m", "--wait")
    found = flamenco.json("jobs")
    assert [job["id"] for job in found][:3] == [ended, second, first]
    assert found[2]["tasks"] == {status: 3 if status == "paused" else 0 for status in TaskStatus}
    assert {"name", "type", "status", "priority", "created", "settings", "steps_total"} <= set(found[0])
    assert [job["id"] for job in flamenco.json("jobs", "--status", "queued,paused")][:2] == [second, first]
    assert first not in [job["id"] for job in flamenco.json("jobs", "--status", "queued")]
    assert flamenco.json("jobs", "--type", "echo")[0]["id"] == ended
    assert [job["id"] for job in flamenco.json("jobs", "--limit", "1")] == [ended]
    table = flamenco("jobs", "--limit", "2")
    lines = table.stdout.splitlines()
    assert lines[0].split() == ["ID", "Status", "Done", "Prio", "Age", "User", "Type", "Name"]
    assert lines[1].split()[:4] == [ended[:8], "completed", "100%", "50"]
    assert lines[2].endswith(f"{name} 2")
    assert (len(lines), "--limit" in table.stderr) == (3, True)
    assert "No job is like that" in flamenco("jobs", "--type", "no-such-type").stdout
    assert flamenco.json("jobs", "--type", "no-such-type") == []


def test_a_job_is_shown_by_any_of_its_names(flamenco: Shell, name: str) -> None:
    """Its ID, the beginning of it, its name."""
    job_id = flamenco.submit("lazy", name, "--set", "count=2", "--metadata", "user=somebody")
    for reference in (job_id, job_id.upper(), job_id[:10], name):
        found = flamenco.json("job", reference)
        assert (found["id"], found["name"], found["tasks"]["queued"]) == (job_id, name, 2)
    assert (found["settings"], found["metadata"], found["blocklist"]) == ({"count": 2}, {"user": "somebody"}, [])
    text = flamenco("job", name).stdout
    assert "tasks           2 queued" in text
    assert "settings.count  2" in text


def test_what_is_not_clear_is_not_done(flamenco: Shell, client: ManagerClient, name: str) -> None:
    """When one of several jobs is not clear, or not there, none of them is touched."""
    jobs = [flamenco.submit("lazy", name) for _ in range(2)]
    said = flamenco.refused("cancel", jobs[0], name)
    assert all(f"{job_id}  {name}" in said for job_id in jobs)
    assert "did you mean" in flamenco.refused("cancel", jobs[0], f"{name}x")
    assert "no job 00000000" in flamenco.refused("cancel", jobs[0], "00000000-0000-4000-8000-000000000000")
    assert {client.jobs.get(job_id).status for job_id in jobs} == {JobStatus.QUEUED}


def test_jobs_are_paused_requeued_and_canceled(flamenco: Shell, client: ManagerClient, name: str) -> None:
    """Several at once, each of them once; what is printed is what became of them."""
    first, second = flamenco.submit("lazy", f"{name} 1"), flamenco.submit("lazy", f"{name} 2")
    for command, status in (("pause", "paused"), ("requeue", "queued"), ("cancel", "canceled")):
        changed = flamenco.json(command, first[:12], f"{name} 2", first, "--reason", "because")
        assert changed == [
            {"id": first, "name": f"{name} 1", "status": status},
            {"id": second, "name": f"{name} 2", "status": status},
        ]
    assert flamenco("requeue", second).stdout == f"{name} 2: queued\n"
    assert client.jobs.get(first).status is JobStatus.CANCELED
    for command in ("cancel", "pause"):
        assert flamenco(command, first).stdout == f"{name} 1: was canceled already\n"
    assert "Which job?" in flamenco.refused("pause", code=2)


def test_tasks_are_listed_canceled_and_requeued(flamenco: Shell, name: str) -> None:
    """By number or name with their job, by a whole ID without."""
    job_id = flamenco.submit("lazy", name)
    tasks = flamenco.json("tasks", name)
    assert [task["name"] for task in tasks] == ["lazy-1", "lazy-2", "lazy-3"]
    changed = flamenco.json("cancel", name, "--task", "1", "--task", "lazy-3")
    assert [(task["id"], task["status"]) for task in changed] == [
        (tasks[0]["id"], "canceled"),
        (tasks[2]["id"], "canceled"),
    ]
    assert {task["job_id"] for task in changed} == {job_id}
    assert [task["name"] for task in flamenco.json("tasks", job_id, "--status", "queued")] == ["lazy-2"]
    lines = flamenco("tasks", job_id, "--status", "canceled,failed").stdout.splitlines()
    assert lines[0].split() == ["#", "Status", "Steps", "Prio", "Type", "Worker", "Name"]
    assert [(line.split()[0], line.split()[-1]) for line in lines[1:]] == [("1", "lazy-1"), ("3", "lazy-3")]
    assert flamenco("requeue", "--task", tasks[0]["id"]).stdout == "lazy-1: queued\n"
    assert flamenco("cancel", name, "--task", "3").stdout == "lazy-3: was canceled already\n"
    assert flamenco("tasks", name, "--status", "failed").stdout == "No task is like that.\n"


def test_tasks_that_are_not_clear(flamenco: Shell, name: str) -> None:
    """The sentence says how to name them."""
    flamenco.submit("lazy", name)
    assert "did you mean 'lazy-1'" in flamenco.refused("cancel", name, "--task", "lazy-11")
    assert "`flamenco tasks" in flamenco.refused("requeue", name, "--task", "17")
    assert "name the job" in flamenco.refused("cancel", "--task", "lazy-1")
    assert "no task" in flamenco.refused("cancel", "--task", "00000000-0000-4000-8000-000000000000")
    assert "one by one" in flamenco.refused("cancel", name, "another", "--task", "1", code=2)
    assert "No such option" in flamenco.refused("pause", name, "--task", "1", code=2)


def test_priorities_are_changed(flamenco: Shell, client: ManagerClient, name: str) -> None:
    """From 0 to 100, and not beyond."""
    job_id = flamenco.submit("lazy", name)
    assert flamenco.json("priority", name, "80") == [{"id": job_id, "name": name, "priority": 80}]
    assert flamenco("priority", job_id, "0").stdout == f"{name}: priority 0\n"
    assert client.jobs.get(job_id).priority == 0
    assert "101" in flamenco.refused("priority", name, "101", code=2)
    assert client.jobs.get(job_id).priority == 0


def test_jobs_are_deleted_once_somebody_is_sure(flamenco: Shell, client: ManagerClient, name: str) -> None:
    """What would go is told before; without a yes it stays."""
    job_id = flamenco.submit("lazy", name)

    def is_going() -> bool:
        left = [job for job in client.jobs.all() if job.id == job_id]
        return not left or left[0].delete_requested_at is not None

    for typed in ("n\n", ""):
        asked = flamenco("delete", name, typed=typed, code=1)
        assert f"{job_id}  {name} (queued): the job, its tasks and logs" in asked.stderr
        assert "nothing was deleted" in asked.stderr
        assert not is_going()
    other = flamenco.submit("lazy", f"{name} too")
    assert flamenco("delete", f"{name} too", typed="y\n").stdout == f"{name} too: is being deleted\n"
    assert flamenco.json("delete", job_id, "--yes") == [{"id": job_id, "name": name, "shaman_checkout": False}]
    assert is_going()
    assert wait_until(lambda: not {job_id, other} & {job.id for job in client.jobs.all()}, WAITED_S)


def test_why_a_job_failed_stands_wherever_it_is_looked_at(flamenco: Shell, client: ManagerClient, name: str) -> None:
    """The list of jobs, the job, its tasks, what explains it and today's protocol all have the command's sentence."""
    job_id = flamenco.submit("nap", name, "--set", "seconds=0", "--set", "exe=/no/such/program")
    assert wait_until(lambda: client.jobs.get(job_id).status is JobStatus.FAILED, WAITED_S)
    sentence = client.tasks.get(client.jobs.tasks(job_id)[0].id).activity.removeprefix("Failed: ")
    assert "/no/such/program" in sentence
    assert client.jobs.get(job_id).activity == f'Changed to status "failed": too many tasks failed: nap: {sentence}'
    assert f"too many tasks failed: nap: {sentence}"[:100] in flamenco("jobs", "--status", "failed").stdout
    assert f"nap: {sentence}" in flamenco("job", name).stdout
    assert sentence in flamenco("tasks", name).stdout
    assert f"failed: nap: {sentence}" in flamenco("explain", name).stdout
    assert flamenco.json("tasks", name)[0]["why"].endswith(sentence)
    assert flamenco.json("job", name)["failed"][0]["name"] == "nap"


def test_one_bad_task_on_a_farm_of_one_worker(
    flamenco: Shell, client: ManagerClient, name: str, tmp_path: Path
) -> None:
    """All the others are run, then the job fails and says what is missing; queued again, it completes with the rest."""
    program = tmp_path / "program"
    job_id = flamenco.submit("shaky", name, "--set", f"exe={program}")
    assert wait_until(lambda: client.jobs.get(job_id).status is JobStatus.FAILED, WAITED_S)
    job = flamenco.json("job", name)
    assert (job["tasks"]["completed"], job["tasks"]["failed"], job["tasks"]["canceled"]) == (11, 1, 1)
    assert 'Changed to status "failed": 1 of 13 tasks failed: frame-5: exec: ' in job["activity"]
    assert job["activity"].endswith("; video waits for it")
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    flamenco("requeue", name, "--task", "frame-5")
    assert wait_until(lambda: client.jobs.get(job_id).status is JobStatus.COMPLETED, WAITED_S)


def test_a_video_that_cannot_be_made(flamenco: Shell, client: ManagerClient, name: str) -> None:
    """Its script calls it optional: the job, whose frames are good, is completed, and says what is missing."""
    job_id = flamenco.submit("preview", name, "--wait")
    job = flamenco.json("job", name)
    assert client.jobs.get(job_id).status is JobStatus.COMPLETED
    assert (job["tasks"]["completed"], job["tasks"]["failed"]) == (1, 1)
    assert "preview-video: frames-to-video: " in job["activity"]


@pytest.mark.parametrize(("command", "status"), [("cancel", "canceled"), ("pause", "paused"), ("requeue", "queued")])
def test_the_reason_is_shown_with_the_job(flamenco: Shell, name: str, command: str, status: str) -> None:
    """What a person said when steering a job is what is read of it afterwards."""
    flamenco.submit("lazy", name)
    flamenco(command, name, "--reason", "wrong camera")
    assert flamenco.json("job", name)["activity"] == f'Changed to status "{status}": wrong camera'
    if status != "queued":
        assert "wrong camera" in flamenco("jobs", "--status", status).stdout


def test_a_job_is_explained_by_its_name(flamenco: Shell, name: str) -> None:
    """As everywhere, jobs and workers may be named."""
    job_id = flamenco.submit("lazy", name)
    assert flamenco.json("explain", name)["job"]["id"] == job_id
    assert flamenco.json("explain", job_id[:9], "--worker", "w0")["worker"]
    assert "`flamenco workers` lists them" in flamenco.refused("explain", name, "--worker", "zzzzzz")


# -- logs -----------------------------------------------------------------------------------------------------------


def test_a_log_is_printed(flamenco: Shell, name: str) -> None:
    """All of it, or its last lines; as text, or with where it is."""
    job_id = flamenco.submit("echo", name, "--set", f"message={'long ' * 600}", "--set", "count=1", "--wait")
    task = flamenco.json("tasks", job_id)[0]
    text = flamenco("log", task["id"]).stdout
    assert "Task assigned to worker w0" in text
    assert "long long" in text
    assert flamenco("log", name, "1").stdout == flamenco("log", job_id[:9], "echo-1").stdout == text
    tail = flamenco("log", name, "1", "--tail").stdout
    assert text.endswith(tail)
    assert 0 < len(tail) <= 2048
    assert text[: -len(tail)].endswith("\n")
    whole = flamenco.json("log", task["id"])
    assert (whole["text"], whole["size"], whole["task_id"]) == (text, len(text.encode()), task["id"])
    assert whole["url"] == f"/job-files/job-{job_id[:4]}/{job_id}/task-{task['id']}.txt"
    assert flamenco.json("log", name, "1", "--tail")["text"] == tail


def test_a_task_that_has_not_begun_has_no_log(flamenco: Shell, name: str) -> None:
    """Which is no error."""
    flamenco.submit("lazy", name)
    nothing = flamenco("log", name, "1")
    assert (nothing.stdout, "Nothing was logged yet" in nothing.stderr) == ("", True)
    found = flamenco.json("log", name, "1")
    assert (found["url"], found["size"], found["text"]) == ("", 0, "")


def test_a_log_is_followed_to_its_end(flamenco: Shell, name: str) -> None:
    """From before the task begins until it has ended; then the command ends, too."""
    flamenco.submit("lazy", name)
    flamenco("priority", name, "100")
    job_id = flamenco.submit("nap", f"{name} nap")
    with flamenco.start("log", f"{name} nap", "nap", "--follow") as following:
        text, errors = following.communicate(timeout=WAITED_S)
    assert (following.returncode, errors) == (0, "")
    assert text == flamenco("log", job_id, "1").stdout
    assert [word for word in ("good night", "good morning") if word in text] == ["good night", "good morning"]
    assert "active -> completed" in text
    again = flamenco("log", job_id, "1", "-f", "--tail")
    assert again.stdout == text


def test_logs_are_asked_for_in_a_way_that_makes_sense(flamenco: Shell, name: str) -> None:
    """What cannot be meant is a wrong command line."""
    assert "put names with spaces in quotes" in flamenco.refused("log", "Shot", "12", "render", code=2)
    assert "leave out --follow" in flamenco.refused("log", "x", "-f", "--json", code=2)
    assert "name the job" in flamenco.refused("log", "render-1-5")


# -- waiting --------------------------------------------------------------------------------------------------------


def test_waiting_for_a_job_that_completes(flamenco: Shell, name: str) -> None:
    """The ID first, for scripts that do not wait for the rest; what goes on is told on stderr."""
    done = flamenco("submit", "echo", "--name", name, "--set", "message=m", "--wait")
    job_id, last = done.stdout.splitlines()
    assert (last, flamenco.json("job", job_id)["status"]) == ("completed", "completed")
    assert done.stderr.splitlines()[-1] == f"{name}: completed"
    result = flamenco("submit", "echo", "--name", name, "--set", "message=m", "--set", "count=2", "--wait", "--json")
    found = json.loads(result.stdout)
    assert (found["status"], found["tasks"]["completed"]) == ("completed", 2)


def test_waiting_on_a_terminal(flamenco: Shell, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar of steps, or of tasks where they have none; it is gone in the end, and never in the way of stdout."""
    monkeypatch.setenv("FORCE_COLOR", "1")  # taken for a terminal then
    done = flamenco("submit", "echo", "--name", name, "--set", "message=m", "--wait")
    assert done.stdout.splitlines()[1:] == ["completed"]
    assert "1/1" in done.stderr
    assert "steps" in done.stderr


def test_waiting_for_a_job_that_fails(flamenco: Shell, name: str) -> None:
    """Exit code 1, and why."""
    settings = ("--set", "seconds=0", "--set", "exe=no-such-program")
    with flamenco.start("submit", "nap", "--name", name, "--wait", "--json", *settings) as waiting:
        text, errors = waiting.communicate(timeout=WAITED_S)
    assert (waiting.returncode, json.loads(text)["status"]) == (1, "failed")
    assert f"job {name!r} is failed:" in errors


def test_a_job_goes_on_when_nobody_waits_any_more(flamenco: Shell, client: ManagerClient, name: str) -> None:
    """Ctrl-C ends the waiting, says so and how to end the job, and has an exit code of its own."""
    with flamenco.start("submit", "lazy", "--name", name, "--wait") as waiting:
        assert waiting.stdout is not None
        assert waiting.stderr is not None
        job_id = waiting.stdout.readline().strip()
        assert waiting.stderr.readline() == f"{name}: queued\n"
        waiting.send_signal(signal.SIGINT)
        _, errors = waiting.communicate(timeout=WAITED_S)
    assert waiting.returncode == 130
    assert errors == f"Not waiting any more; the job goes on. `flamenco cancel {job_id}` stops it.\n"
    assert client.jobs.get(job_id).status is JobStatus.QUEUED


def test_a_job_that_is_deleted_is_not_waited_for(flamenco: Shell, name: str) -> None:
    """It would be for ever."""
    with flamenco.start("submit", "lazy", "--name", name, "--wait") as waiting:
        assert waiting.stdout is not None
        flamenco("delete", "--yes", waiting.stdout.readline().strip())
        _, errors = waiting.communicate(timeout=WAITED_S)
    assert (waiting.returncode, f"job {name!r} was deleted" in errors) == (1, True)


@pytest.mark.long
def test_waiting_outlives_the_manager(tmp_path: Path) -> None:
    """A manager that is started again where it was is waited for, and so is the job."""
    with ExitStack() as stack:
        with running_manager(tmp_path, "--processes", "1") as manager:
            (manager.data_dir / "jobtypes" / "lazy.js").write_text(LAZY_JOB_TYPE)
            flamenco = Shell(manager.url)
            waiting = stack.enter_context(flamenco.start("submit", "lazy", "--name", "patient", "--wait"))
            assert waiting.stdout is not None
            job_id = waiting.stdout.readline().strip()
        stack.enter_context(running_manager(tmp_path, "--processes", "1", listen=manager.url.removeprefix("http://")))
        flamenco("cancel", job_id)
        _, errors = waiting.communicate(timeout=WAITED_S)
    assert (waiting.returncode, errors.splitlines()[1]) == (1, "patient: canceled")


# -- workers and tags -----------------------------------------------------------------------------------------------


@pytest.fixture
def worker(client: ManagerClient, name: str) -> str:
    """The ID of a worker that is known and has not come to work; its name is that of the test."""
    return client.register_worker(WorkerRegistration(name, "linux", "a secret of enough letters", ("misc", "blender")))


def test_workers_are_listed_and_shown(flamenco: Shell, worker: str, name: str) -> None:
    """With what they are on, and what they are asked."""
    listed = {each["id"]: each for each in flamenco.json("workers")}
    assert listed[worker]["last_seen"] is None
    shown = {"id", "name", "status", "status_change", "version", "can_restart", "last_seen", "task", "warning"}
    assert shown == {*listed[worker]}
    (busy,) = (each for each in listed.values() if each["name"] == "w0")
    assert busy["status"] == "awake"
    lines = flamenco("workers", "list").stdout.splitlines()
    assert lines[0].split() == ["ID", "Status", "Last", "seen", "Version", "Name", "Task"]
    assert any(line.startswith(worker[:8]) and line.endswith(name) and " never " in line for line in lines)
    shown = flamenco.json("workers", "show", name)
    assert (shown["id"], shown["supported_task_types"], shown["tags"]) == (worker, ["misc", "blender"], [])
    assert "misc, blender" in flamenco("workers", "show", worker).stdout


def test_workers_are_asked_for_a_status(flamenco: Shell, worker: str, name: str) -> None:
    """After their task or now; what they cannot do is not asked of any."""
    (asked,) = flamenco.json("workers", "request", name, "asleep")
    assert asked["id"] == worker
    assert asked["status_change"] == {"status": "asleep", "is_lazy": True}
    said = flamenco("workers", "request", worker[:13], "awake", "--now").stdout
    assert said == f"{name}: offline → awake\n"
    assert "cannot restart" in flamenco.refused("workers", "request", name, "restart")
    assert "no worker 'nobody'" in flamenco.refused("workers", "request", name, "nobody", "asleep")
    assert "'sleepy' is not one of" in flamenco.refused("workers", "request", name, "sleepy", code=2)
    assert flamenco.json("workers", "show", name)["status_change"] == {"status": "awake", "is_lazy": False}


def test_workers_are_forgotten(flamenco: Shell, worker: str, name: str) -> None:
    """Once somebody is sure."""
    assert "nothing was deleted" in flamenco("workers", "delete", name, typed="n\n", code=1).stderr
    assert worker in [each["id"] for each in flamenco.json("workers")]
    assert flamenco.json("workers", "delete", name, "--yes") == [{"id": worker, "name": name}]
    assert worker not in [each["id"] for each in flamenco.json("workers")]


def test_tags_are_made_changed_and_deleted(flamenco: Shell, name: str) -> None:
    """A tag has a name of its own, and a description that stays unless it is told anew."""
    made = flamenco.json("tags", "create", name, "--description", "for tests")
    assert (made["name"], made["description"]) == (name, "for tests")
    assert made in flamenco.json("tags")
    assert "taken" in flamenco.refused("tags", "create", name)
    new = f"{name} again"
    assert flamenco.json("tags", "rename", name, new) == {**made, "name": new}
    assert flamenco("tags", "rename", new, name, "--description", "").stdout == f"{name}: renamed\n"
    lines = flamenco("tags", "list").stdout.splitlines()
    assert (lines[0].split(), f"{made['id'][:8]}  {name}" in lines) == (["ID", "Name", "Description"], True)
    assert "0 jobs would be given to all" in flamenco("tags", "delete", name, code=1).stderr
    assert flamenco.json("tags", "delete", made["id"][:8], "-y") == [{**made, "description": ""}]
    assert made["id"] not in [tag["id"] for tag in flamenco.json("tags")]


def test_tags_are_given_and_taken(flamenco: Shell, worker: str, name: str) -> None:
    """A worker keeps the tags that it has; a job has one."""
    tag, other = flamenco.json("tags", "create", name), flamenco.json("tags", "create", f"{name} 2")
    job_id = flamenco.submit("lazy", name)
    flamenco("tags", "assign", other["id"], "--worker", name, "--job", name)
    given = flamenco.json("tags", "assign", tag["id"], "--worker", worker, "--job", job_id)
    assert given == {"tag": tag, "workers": [worker], "jobs": [job_id]}
    assert {each["id"] for each in flamenco.json("workers", "show", worker)["tags"]} == {tag["id"], other["id"]}
    assert flamenco.json("job", job_id)["worker_tag"] == tag["id"]
    assert f"worker tag      {name}\n" in flamenco("job", job_id).stdout
    said = flamenco("tags", "unassign", other["id"], "--worker", name, "--job", name).stdout
    assert said == f"{name}: no longer has the tag {name} 2\n" * 2
    assert [each["id"] for each in flamenco.json("workers", "show", worker)["tags"]] == [tag["id"]]
    assert flamenco.json("job", job_id)["worker_tag"] == tag["id"]
    assert "1 jobs would be given to all" in flamenco("tags", "delete", tag["id"], code=1).stderr
    flamenco("tags", "unassign", tag["id"], "--job", name)
    assert flamenco.json("job", job_id)["worker_tag"] == ""
    assert "To whom?" in flamenco.refused("tags", "assign", name, code=2)
