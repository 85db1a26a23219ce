"""What commands print: rows of tables, and the parts that several commands share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from flamenco.cli.jobs import ShownJob, done, job_fields, job_row, why
from flamenco.cli.options import ListingGroup, confirm, status_option
from flamenco.cli.output import age, print_fields, print_table, short_ids, styled
from flamenco.cli.steering import in_words
from flamenco.cli.tasks import task_row
from flamenco.cli.workers import ShownWorker, worker_fields, worker_row
from flamenco.client import (
    Blocked,
    JobDeletion,
    JobRow,
    StatusChange,
    Tag,
    TaskOfWorker,
    TaskSummary,
    TaskWorker,
    Worker,
)
from flamenco.domain.errors import FarmError
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

JOB = ShownJob(
    id="6d0e2b4a-4f3c-4b62-9d6e-0c1f6f3a9b11",
    name="Shot [red]12",
    type="simple-blender-render",
    status=JobStatus.ACTIVE,
    priority=70,
    created=NOW - timedelta(hours=3, minutes=20),
    updated=NOW,
    steps_completed=9,
    steps_total=20,
    tasks={"completed": 1, "queued": 2, "failed": 0},
)
TASK = TaskSummary(
    id="356e05b1-f6b0-4582-83dc-000000000002",
    name="render-6-10",
    status=TaskStatus.SOFT_FAILED,
    index_in_job=2,
    priority=50,
    task_type="blender",
    updated=NOW,
    steps_completed=1,
    steps_total=5,
    worker=TaskWorker(id="48a15bd7-77a2-4a30-8d7e-9f7628068c61", name="render-07", address="10.0.0.7"),
)
WORKER = ShownWorker(
    id="48a15bd7-77a2-4a30-8d7e-9f7628068c61",
    name="render-07",
    status=WorkerStatus.AWAKE,
    version="1.2",
    last_seen=NOW - timedelta(seconds=7),
    task=TaskOfWorker(id=TASK.id, name=TASK.name, job_id=JOB.id),
)


def texts(row: tuple[object, ...]) -> tuple[str, ...]:
    """The cells of a row, without their colours."""
    return tuple(map(str, row))


def test_a_job_is_a_row() -> None:
    """What people look for: which, how it is, how far it is, since when."""
    row = ("6d0e2b4a", "active", "45%", "70", "3 h 20 m", "anna", "simple-blender-render", "Shot [red]12")
    fields = {name: getattr(JOB, name) for name in JobRow.__struct_fields__ if hasattr(JOB, name)}
    assert texts(job_row(JobRow(**fields | {"user": "anna"}), "6d0e2b4a", NOW)) == row


@pytest.mark.parametrize(
    ("status", "activity", "said"),
    [
        ("active", 'Changed to status "active": task became active', ""),
        ("active", 'Nobody can run tasks of type "misc": there are no workers', "Nobody can run tasks of type"),
        ("completed", 'Changed to status "completed": all tasks completed', ""),
        ("completed", 'Changed to status "completed": all tasks completed, but optional ones failed: a', "all tasks"),
        ("failed", 'Changed to status "failed": too many tasks failed: a: b', "too many tasks failed: a: b"),
        ("canceled", 'Changed to status "canceled": wrong camera', "wrong camera"),
        ("queued", 'Changed to status "queued": wrong camera', ""),
    ],
)
def test_why_a_job_is_as_it_is(status: str, activity: str, said: str) -> None:
    """It is told of jobs with which something is wrong, and of no others."""
    told = why(replace(JOB, status=JobStatus(status), activity=activity))
    assert told.startswith(said)
    assert bool(told) == bool(said)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "45%"),
        ({"steps_completed": 20}, "99%"),
        ({"steps_completed": 20, "status": JobStatus.COMPLETED}, "100%"),
        ({"steps_total": 0, "steps_completed": 0}, "33%"),
        ({"steps_total": 0, "steps_completed": 0, "tasks": None}, ""),
        ({"steps_total": 0, "steps_completed": 0, "tasks": {}}, ""),
    ],
)
def test_how_much_is_done(changes: dict[str, Any], said: str) -> None:
    """Of steps, else of tasks, else nothing is said; all of it only once the job is completed."""
    assert done(replace(JOB, **changes)) == said


def test_all_about_a_job() -> None:
    """The details have what is there and leave out what is not; a tag is shown by its name where that is known."""
    plain = dict(job_fields(JOB, (), ()))
    assert plain["tasks"] == "1 completed, 2 queued"
    assert plain["steps"] == "9 of 20"
    assert not {"activity", "worker tag", "blocked", "delete requested"} & set(plain)
    tag = Tag(id="ba656dbb-ad77-40bc-bf06-9a602060c34d", name="gpu")
    job = replace(
        JOB,
        activity="because",
        worker_tag=tag.id,
        delete_requested_at=NOW,
        settings={"frames": "1-20"},
        metadata={"user": "somebody"},
        steps_total=0,
    )
    entries = (
        Blocked(worker_id=WORKER.id, task_type="blender", worker_name="render-07"),
        Blocked(worker_id=WORKER.id, task_type="ffmpeg"),
    )
    fields = list(job_fields(job, entries, (tag,)))
    assert [value for name, value in fields if name == "blocked"] == [
        "render-07 for blender",
        f"{WORKER.id} for ffmpeg",
    ]
    shown = dict(fields)
    assert (shown["worker tag"], shown["activity"], shown["settings.frames"]) == ("gpu", "because", "1-20")
    assert (shown["metadata.user"], shown["delete requested"]) == ("somebody", "2026-01-02 03:04:05+00:00")
    assert "steps" not in shown
    assert dict(job_fields(job, (), ()))["worker tag"] == tag.id


def test_a_task_is_a_row() -> None:
    """Its number first, which is how people refer to it; a worker that was deleted has an ID only."""
    assert texts(task_row(TASK)) == ("2", "soft-failed", "1/5", "50", "blender", "render-07", "render-6-10")
    plain = replace(TASK, steps_completed=0, steps_total=0, worker=TaskWorker(id=WORKER.id))
    assert texts(task_row(plain))[2:6] == ("", "50", "blender", WORKER.id)


def test_a_worker_is_a_row() -> None:
    """With what it is asked to become."""
    row = ("48a15bd7", "awake", "7 s ago", "1.2", "render-07", "render-6-10")
    assert texts(worker_row(WORKER, "48a15bd7", NOW)) == row
    new = replace(WORKER, last_seen=None, task=None, status_change=StatusChange(WorkerStatus.ASLEEP, is_lazy=True))
    row = ("48a15bd7", "awake → asleep after its task", "never", "1.2", "render-07", "")
    assert texts(worker_row(new, "48a15bd7", NOW)) == row


def test_all_about_a_worker() -> None:
    """Also of one that never had a task."""
    worker = Worker(
        id=WORKER.id,
        name="render-07",
        status=WorkerStatus.OFFLINE,
        status_change=StatusChange(WorkerStatus.AWAKE, is_lazy=False),
        supported_task_types=("blender", "misc"),
        tags=(Tag(id="1", name="gpu"), Tag(id="2", name="big")),
    )
    shown = {name: str(value) for name, value in worker_fields(worker)}
    assert shown["status"] == "offline → awake"
    assert (shown["task types"], shown["tags"], shown["last seen"]) == ("blender, misc", "gpu, big", "never")
    assert (shown["can restart"], "task" in shown) == ("no", False)


def test_what_goes_with_a_job() -> None:
    """The line before the question says whether files of the job go, too."""
    assert in_words(JOB, JobDeletion(shaman_checkout=False)).endswith("(active): the job, its tasks and logs")
    assert in_words(JOB, JobDeletion(shaman_checkout=True)).endswith("logs, and its files in the Shaman checkout")


def test_short_ids_are_as_long_as_it_takes() -> None:
    """All have the same length, which is enough to tell them apart; one that is there twice makes them no longer."""
    assert short_ids(["6d0e2b4a-4f3c", "a1b2c3d4-4f3c"]) == {"6d0e2b4a-4f3c": "6d0e2b4a", "a1b2c3d4-4f3c": "a1b2c3d4"}
    assert set(short_ids(["6d0e2b4a-4f3c", "6d0e2b4a-4f99"]).values()) == {"6d0e2b4a-4f3", "6d0e2b4a-4f9"}
    assert short_ids(["6d0e2b4a-4f3c", "6d0e2b4a-4f3c"]) == {"6d0e2b4a-4f3c": "6d0e2b4a"}
    assert short_ids([]) == {}


def test_ages() -> None:
    """In words; the clock of the manager may be ahead of ours."""
    assert age(NOW - timedelta(days=2, hours=5, minutes=7), NOW) == "2 d 5 h"
    assert age(NOW + timedelta(seconds=3), NOW) == "0 s"


def test_tables_for_other_programs_have_a_line_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    """However long a name is, and whatever is in it; without colours, nor spaces at the end."""
    name = "[bold]long[/bold] " * 50
    print_table(("ID", "Status", "Name"), [("1", styled("failed"), name), ("22", styled("active", "!"), "b")])
    assert capsys.readouterr().out == f"ID  Status   Name\n1   failed   {name.rstrip()}\n22  active!  b\n"
    print_fields([("name", name), ("status", styled("failed"))])
    assert capsys.readouterr().out == f"name    {name.rstrip()}\nstatus  failed\n"


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ([], []),
        (["--status", "queued,active"], ["active", "queued"]),
        (["--status", "Failed", "--status", " soft-failed ,"], ["failed", "soft-failed"]),
        (["--status", ""], []),
    ],
)
def test_statuses_are_given_in_one_word_or_many(arguments: list[str], found: list[str]) -> None:
    """By commas or by repeating the option."""

    @click.command()
    @status_option(TaskStatus)
    def command(statuses: frozenset[TaskStatus]) -> None:
        click.echo(",".join(sorted(statuses)))

    assert CliRunner().invoke(command, arguments).stdout == ",".join(found) + "\n"
    wrong = CliRunner().invoke(command, ["--status", "queued,asleep"])
    assert wrong.exit_code == 2
    assert "'asleep' is none of active, canceled," in wrong.stderr


def test_a_group_lists_when_it_is_told_nothing_else() -> None:
    """Options without a command are those of `list`; the help is that of the group."""

    @click.group(cls=ListingGroup, context_settings={"help_option_names": ["-h", "--help"]})
    def things() -> None:
        """Things."""

    things.command("list")(click.option("--json", "message", is_flag=True)(click.echo))
    things.command("other")(lambda: click.echo("other"))
    for arguments, said in ([[], "False"], [["--json"], "True"], [["list", "--json"], "True"], [["other"], "other"]):
        assert CliRunner().invoke(things, arguments).stdout == f"{said}\n"
    assert "Things." in CliRunner().invoke(things, ["-h"]).stdout


@pytest.mark.parametrize(
    ("sure", "typed", "error"),
    [
        (True, "", None),
        (False, "y\n", None),
        (False, "n\n", "nothing was deleted; with --yes it is done without asking."),
        (False, "", "nothing was deleted; with --yes it is done without asking."),
    ],
)
def test_what_goes_for_good_is_asked_before(sure: bool, typed: str, error: str | None) -> None:
    """Nothing happens without a yes, which a script gives with an option; stdout stays free for what is printed."""

    @click.command()
    def command() -> None:
        confirm("This goes.", "Really?", sure=sure)
        click.echo("gone")

    result = CliRunner().invoke(command, input=typed)
    if error is None:
        assert result.stdout == "gone\n"
        assert ("This goes." in result.stderr) is not sure
    else:
        assert isinstance(result.exception, FarmError)
        assert (str(result.exception), result.stdout) == (error, "")
