"""The commands that people and scripts use against a running manager, and on its database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.conftest import Manager, running_manager

NOBODY = "http://127.0.0.1:9"


def flamenco(*arguments: str, manager: str = NOBODY) -> subprocess.CompletedProcess[str]:
    """Run the command line as a shell would."""
    environ = {**os.environ, "FLAMENCO_MANAGER": manager, "COLUMNS": "80"}
    command = [sys.executable, "-m", "flamenco", *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)


def submit(manager: Manager, *arguments: str) -> str:
    """Submit an echo job; its id."""
    done = flamenco("submit", "echo", "--name", "say it", "--set", "message=hi", *arguments, manager=manager.url)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_job_is_submitted_listed_shown_and_steered(shared_manager: Manager) -> None:
    """What submit prints is the id that the other commands take; values are read as the job type declares them."""
    url = shared_manager.url
    job_id = submit(shared_manager, "--set", "count=3", "--metadata", "user.name=somebody", "--priority", "70")
    listed = json.loads(flamenco("jobs", "--json", manager=url).stdout)
    assert {job["id"]: job["tasks"]["queued"] for job in listed}[job_id] == 3
    assert job_id[:8] in flamenco("jobs", manager=url).stdout
    shown = json.loads(flamenco("job", job_id, "--json", manager=url).stdout)
    assert (shown["settings"], shown["priority"]) == ({"message": "hi", "count": 3}, 70)
    assert "somebody" in flamenco("job", job_id, manager=url).stdout
    for command, status in [("pause", "paused"), ("requeue", "queued"), ("cancel", "canceled")]:
        done = flamenco(command, job_id, manager=url)
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(flamenco("job", job_id, "--json", manager=url).stdout)["status"] == status


def test_waiting_ends_with_the_job(shared_manager: Manager) -> None:
    """Submit waits for the job's end; one that was canceled is exit code 1 and the reason."""
    arguments = ("submit", "echo", "--name", "long", "--wait", "--set", "message=m", "--manager", shared_manager.url)
    with subprocess.Popen(
        [sys.executable, "-m", "flamenco", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as waiting:
        assert waiting.stdout is not None
        job_id = waiting.stdout.readline().strip()
        assert flamenco("cancel", job_id, "--reason", "not today", manager=shared_manager.url).returncode == 0
        _, said = waiting.communicate(timeout=30)
    assert waiting.returncode == 1
    assert "job 'long' is canceled" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["submit", "echo", "--name", "n"], "message"),
        (["submit", "ecko", "--name", "n"], "did you mean echo"),
        (
            ["submit", "echo", "--name", "n", "--set", "message=m", "--set", "count=many"],
            "count must be a whole number",
        ),
        (["submit", "echo", "--name", "n", "--set", "message"], "KEY=VALUE"),
        (["job", "00000000-0000-4000-8000-000000000000"], "00000000"),
        (["cancel", "nonsense"], "nonsense"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(shared_manager: Manager, arguments: list[str], says: str) -> None:
    """A wrong command ends with a message that names what is wrong, and no traceback."""
    done = flamenco(*arguments, manager=shared_manager.url)
    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_that_look_like_a_slip(shared_manager: Manager) -> None:
    """A setting that is written almost like one that there is, is told of and handed over; others may be meant."""
    arguments = ("submit", "echo", "--name", "n", "--set", "message=m", "--set", "cuont=3", "--set", "mood=good")
    done = flamenco(*arguments, manager=shared_manager.url)
    assert done.returncode == 0
    assert done.stderr == "flamenco: the job type declares no setting 'cuont'; did you mean count?\n"
    shown = json.loads(flamenco("job", done.stdout.strip(), "--json", manager=shared_manager.url).stdout)
    assert shown["settings"] == {"message": "m", "cuont": "3", "mood": "good", "count": 1}


def test_a_command_that_nobody_has(shared_manager: Manager) -> None:
    """Whoever submits is told of a command that nobody has, and what may have been meant; the job is there."""
    script = shared_manager.data_dir / "jobtypes" / "misspelt.js"
    script.write_text(
        """const JOB_TYPE = { label: "Misspelt", settings: [] };
        function compileJob(job) {
            const task = author.Task("say", "misc");
            task.addCommand(author.Command("ecko", { message: "a" }));
            job.addTask(task);
        }"""
    )
    try:
        done = flamenco("submit", "misspelt", "--name", "n", manager=shared_manager.url)
    finally:
        script.unlink()
    assert done.returncode == 0
    told = 'command "ecko" is unknown to the manager and its workers (did you mean echo?); it is used 1 times'
    assert done.stderr == f"flamenco: {told}\n"
    assert json.loads(flamenco("job", done.stdout.strip(), "--json", manager=shared_manager.url).stdout)["name"] == "n"


def test_no_manager_is_said_in_a_sentence() -> None:
    """Where no manager answers, the message names the URL."""
    done = flamenco("jobs")
    assert done.returncode == 1
    assert NOBODY in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_there_yet_says_what_to_do(tmp_path: Path) -> None:
    """An empty farm points to the next step."""
    with running_manager(tmp_path, "--processes", "1") as manager:
        assert "flamenco submit" in flamenco("jobs", manager=manager.url).stdout
        assert "flamenco worker" in flamenco("workers", manager=manager.url).stdout


@pytest.mark.long
def test_the_database_is_checked_and_copied_while_the_manager_runs(shared_manager: Manager, tmp_path: Path) -> None:
    """Check and backup need no manager and do not mind one; a copy is never written over another file."""
    submit(shared_manager)
    data = ("--data-dir", str(shared_manager.data_dir))
    assert json.loads(flamenco("db", "check", "--json", *data).stdout) == {"ok": True, "problems": [], "repaired": []}
    assert "already at revision" in flamenco("db", "upgrade", *data).stdout
    copy = tmp_path / "copy.sqlite"
    assert flamenco("db", "backup", str(copy), *data).returncode == 0
    assert flamenco("db", "check", "--database", str(copy)).stdout == "the database is in order\n"
    assert "MiB before" in flamenco("db", "compact", "--database", f"sqlite:///{copy}").stdout
    assert flamenco("db", "check", "--database", str(copy)).stdout == "the database is in order\n"
    again = flamenco("db", "backup", str(copy), *data)
    assert again.returncode == 2
    assert "exists already" in again.stderr
    missing = flamenco("db", "check", "--data-dir", str(tmp_path / "nothing"))
    assert missing.returncode == 2
    assert "no Flamenco database" in missing.stderr


@pytest.mark.long
def test_a_job_for_a_tag_with_a_file_of_settings(shared_manager: Manager, tmp_path: Path) -> None:
    """A dry run shows the tasks and stores nothing; then the same job comes in, paused, for the tag, by its name."""
    url = shared_manager.url
    tag = f"tag-{os.getpid()}"
    assert flamenco("tags", "create", tag, manager=url).returncode == 0
    file = tmp_path / "settings.yaml"
    file.write_text("message: from the file\ncount: 2\n")
    asked = (
        "submit",
        "echo",
        "--name",
        "by file",
        "--settings",
        str(file),
        "--set",
        "count=3",
        "--tag",
        tag,
        "--paused",
    )
    before = len(json.loads(flamenco("jobs", "--json", manager=url).stdout))
    shown = flamenco(*asked, "--dry-run", manager=url)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.count("from the file") >= 3
    assert "3 tasks" in shown.stdout
    assert len(json.loads(flamenco("jobs", "--json", manager=url).stdout)) == before
    compiled = json.loads(flamenco(*asked, "--dry-run", "--json", manager=url).stdout)
    assert len(compiled["tasks"]) == 3
    job_id = flamenco(*asked, manager=f"{url}/api/v3").stdout.strip()
    job = json.loads(flamenco("job", job_id, "--json", manager=url).stdout)
    assert (job["status"], job["settings"]) == ("paused", {"message": "from the file", "count": 3})
    assert tag in flamenco("job", job_id, manager=url).stdout
    file.write_text('{"message": "json"}')
    assert '"json"' in flamenco(*asked, "--dry-run", manager=url).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--tag", "no-such-tag"], 1, "no-such-tag"),
        (["--settings", "/no/such/file"], 2, "/no/such/file"),
        (["--priority", "101"], 2, "101"),
        (["--paused", "--wait"], 2, "--wait is for a job that runs"),
    ],
)
def test_what_submit_does_not_take(shared_manager: Manager, arguments: list[str], code: int, said: str) -> None:
    """Nothing is submitted, and the sentence has what was wrong in it."""
    done = flamenco("submit", "echo", "--name", "n", "--set", "message=m", *arguments, manager=shared_manager.url)
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (code, True, False)
