"""Names that take over a terminal, or make up lines of a log: every command shows them, and none passes them on raw."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Final

import pytest
from click.testing import CliRunner

from flamenco import EventSink
from flamenco.cli import COMMANDS, main
from flamenco.cli import log as log_command
from flamenco.cli.logging_setup import set_up_logging
from flamenco.config.manager_settings import LogFormat
from flamenco.domain.statuses import TaskStatus
from flamenco.farm import lifecycle, tags
from flamenco.farm.context import Farm
from flamenco.services import delivery
from flamenco.testing import Clock
from tests import length
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, report, store_job, take
from tests.integration.test_delivery import serving

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

HOSTILE: Final = "\x1b[2J\x1b]0;owned\x07evil\u202e\x9b31m\rfake\nFAKE: line"
RAW: Final = ("\x1b", "\x07", "\u202e", "\x9b", "\rfake", "\nFAKE")

NOT_ASKED: Final = {
    "demo": "shows a farm of its own",
    "simulate": "shows what it has made itself",
    "manager": "runs the manager; what that logs is below",
    "worker": "runs a worker; what that logs is below",
    "log": "gives programs what a task printed byte by byte; for a terminal, see below",
    "jobtypes": "works on files of whoever calls it",
    "plugins": "shows what is installed",
    "config": "shows what whoever calls it has configured",
    "doctor": "shows what whoever calls it has configured",
    "db": "names no jobs or workers",
    "backup": "names no jobs or workers",
    "restore": "names files of the manager's own",
    "service": "shows what whoever calls it is about to install",
    "completion": "prints what is the same for all; what is offered, see test_completion.py",
    "migrate": "works on files of whoever calls it; what it shows of those: test_migration.py",
    "shaman": "names no jobs or workers",
    "login": "names whoever has signed in",
    "logout": "names nobody",
    "connect": "prints an address",
    "users": "names users, whose names have letters, digits and a few signs alone",
    "openapi": "prints what is declared",
}
"""The commands that show nothing that came over the network, and why."""

ASKED: Final = [
    ["jobs"],
    ["job", "{job}"],
    ["tasks", "{job}"],
    ["tasks", "{job}", "--attempts"],
    ["attempts", "{job}"],
    ["attempts", "{job}", "1"],
    ["attempts", HOSTILE],
    ["commands", "of", "{job}", "1"],
    ["commands", "of", "{job}", "1", "--platform", "windows"],
    ["commands", "of", HOSTILE, "1"],
    ["jobs", "--search", HOSTILE, "--user", HOSTILE],
    ["jobs", "--tag", HOSTILE],
    ["tasks", "{job}", "--search", "owned", "--sort", "-duration"],
    ["workers", "--search", "OWNED", "--status", "awake"],
    ["search", "owned"],
    ["search", HOSTILE],
    ["explain", "{job}"],
    ["explain", HOSTILE],
    ["depend", "list", "{job}"],
    ["depend", "list", HOSTILE],
    ["depend", "add", "{job}", "--on", HOSTILE],
    ["depend", "drop", "{job}", "--on", HOSTILE],
    ["depend", "satisfy", "{job}", "--on", HOSTILE],
    ["history"],
    ["setup"],
    ["history", "--by", "user"],
    ["log", "{task}", "--search", "evil", "--context", "2"],
    ["log", "{task}", "--search", HOSTILE],
    ["log", HOSTILE, "--line", "1"],
    ["workers"],
    ["workers", "list"],
    ["workers", "tasks", "{worker}"],
    ["workers", "tasks", HOSTILE],
    ["workers", "times", "{worker}", "--days", "2"],
    ["workers", "times", HOSTILE],
    ["workers", "request", "{worker}", "asleep"],
    ["workers", "request", "{worker}", "nothing"],
    ["workers", "request", "{worker}", "nothing"],
    ["workers", "schedule", "{worker}", "--off"],
    ["workers", "schedule", "{worker}", "--days", HOSTILE],
    ["workers", "request", "--all-matching", "--status", HOSTILE, "awake"],
    ["workers", "sleep", "{worker}"],
    ["self-test", "{worker}", "--last"],
    ["self-test", "{worker}", "--dry-run"],
    ["self-test", "{worker}"],
    ["self-test", HOSTILE],
    ["workers", "wake", HOSTILE],
    ["tags"],
    ["limits"],
    ["limits", "set", HOSTILE, "1"],
    ["limits", "set", f"user:{HOSTILE}", "1"],
    ["limits", "set", "user:Ää O'Brien", "1"],
    ["limits", "unset", f"project:{HOSTILE}"],
    ["max-workers", "{job}", "2"],
    ["max-workers", "{job}", HOSTILE],
    ["job-workers", "{job}", "--allow", HOSTILE, "--deny", f"tag:{HOSTILE}"],
    ["job", "{job}"],
    ["explain", "{job}", "--worker", "{worker}"],
    ["job-workers", "{job}", "--allow", f"tag:{HOSTILE}x"],
    ["job-workers", "{job}", "--everybody"],
    ["block", "{job}", "--worker", HOSTILE],
    ["block", "{job}", "--worker", HOSTILE, "--task-type", HOSTILE],
    ["explain", "{job}"],
    ["unblock", "{job}", "--worker", "{worker}"],
    ["note", "{job}", HOSTILE],
    ["workers", "note", "{worker}", HOSTILE],
    ["workers", "show", "{worker}"],
    ["workers", "put-away", "{worker}"],
    ["workers", "list", "--put-away"],
    ["workers", "bring-back", HOSTILE],
    ["sinks", "list"],
    ["sinks", "dead"],
    ["pause", "{job}"],
    ["resume", "--all-matching", "--search", "evil"],
    ["resume", "--all-matching", "--search", "evil"],
    ["requeue", "{job}"],
    ["requeue", "--failed", "{job}", "--dry-run"],
    ["requeue", "--task", "{task}", "--elsewhere"],
    ["frames", "{job}", "1"],
    ["frames", "{job}", HOSTILE, "--split"],
    ["frames", HOSTILE, "1"],
    ["skip", "{job}", "1", "--reason", HOSTILE],
    ["skip", "{job}", HOSTILE],
    ["priority", "{job}", "60"],
    ["start-after", "{job}", "+1h", "--reason", HOSTILE],
    ["jobs"],
    ["explain", "{job}"],
    ["start-after", "{job}", HOSTILE],
    ["start-after", "{job}", "now"],
    ["order", "{job}", HOSTILE],
    ["order", "{job}", "backward"],
    ["approve", "{job}", "--reason", HOSTILE],
    ["approve", "{job}", "--link"],
    ["time-limits", "{job}", "--task-type", HOSTILE, "--max-run-time", "1h"],
    ["time-limits", "{job}", "--max-silence", HOSTILE],
    ["retries", "{job}", "--tries", "5", "--fail-percent", "default"],
    ["retries", "{job}", "--tries", HOSTILE],
    ["rules"],
    ["rules", "--job-type", HOSTILE],
    ["rules", "--try", HOSTILE],
    ["cancel", "{job}"],
    ["job", HOSTILE],
    ["submit", HOSTILE, "--name", HOSTILE],
    ["submit", "echo-sleep-test", "--name", HOSTILE, "--set", f"message={HOSTILE}", "--tag", HOSTILE],
    ["submit", "echo-sleep-test", "--name", HOSTILE, "--set", f"message={HOSTILE}", "--dry-run"],
    ["delete", "{job}", "--yes"],
    ["retention", "--try", "completed:0s:trash", "--try", "failed:0s:trash", "--try", "canceled:0s:trash"],
    ["retention", "--try", HOSTILE],
    ["archive", "{job}"],
    ["archives"],
    ["unarchive", HOSTILE],
    ["trash"],
    ["undelete", "{job}"],
    ["undelete", HOSTILE],
    ["delete", "{job}", "--yes"],
    ["trash", "empty", "{job}", "--dry-run"],
    ["trash", "empty", HOSTILE],
    ["trash", "empty", "{job}", "--yes"],
    ["tokens", "add", HOSTILE],
    ["tokens"],
    ["audit"],
    ["audit", "--who", HOSTILE],
]


def fail(_event: object) -> None:
    """Deliver nothing."""
    raise OSError(HOSTILE)


def name_everything(farm: Farm, clock: Clock) -> dict[str, str]:
    """Make it a farm in which everything has such a name: its job, task and worker by what they are called here."""
    sink = EventSink(name="sink", description="", deliver=fail, topics=("/jobs",), attempts=1)
    farm.event_sinks = {"sink": sink}
    lifecycle.tell_startup(farm)
    tag = tags.create(farm, HOSTILE, HOSTILE)
    first, second = authored_task(HOSTILE), authored_task(HOSTILE)
    job = store_job(farm, authored_job(first, second, name=HOSTILE, metadata={"user.name": HOSTILE}))
    worker = new_worker(farm, name=HOSTILE)
    assignment = take(farm, worker)
    report(farm, worker, assignment, TaskStatus.FAILED, activity=HOSTILE, log=HOSTILE)
    tags.set_of_job(farm, job.id, tag.id, None)
    for _ in range(5):
        clock.forward(600)
        delivery.tick(farm, sink)
    return {"job": job.id, "task": assignment.task.id, "worker": worker.id}


def assert_tame(text: str, where: str) -> None:
    """Nothing in it that a terminal obeys, and no line that others have made up."""
    assert [each for each in RAW if each in text] == [], f"{where}: {text!r}"


@ON_SQLITE
def test_every_command(farm: Farm, clock: Clock) -> None:
    """Whatever it shows, or says of what it does not find."""
    known = name_everything(farm, clock)
    assert {command for command, *_ in ASKED} | NOT_ASKED.keys() == COMMANDS.keys()
    shown = []
    with serving(farm) as url:
        for words in ASKED:
            arguments = [word.format(**known) if word.startswith("{") else word for word in words]
            done = CliRunner().invoke(main, [*arguments, "--manager", url])
            assert not done.exception or isinstance(done.exception, SystemExit), f"{words}: {done.exception!r}"
            assert_tame(done.stdout + done.stderr, " ".join(words))
            shown.append("evil" in done.stdout + done.stderr)
    assert sum(shown) > len(ASKED) / 2  # that is, names were shown


def test_a_log_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """There the log of a task is tame as well; progress still goes back to the start of its line."""
    monkeypatch.setattr("sys.stdout", SimpleNamespace(isatty=lambda: True))
    assert log_command._shown(b"a\tb\x1b[2Jc\n50 %\r100 %\n") == "a\tb\\x1b[2Jc\n50 %\r100 %\n"


@ON_SQLITE
@pytest.mark.parametrize("log_format", length.every(3, ["console", "logfmt", "json"]))
def test_the_log(
    farm: Farm, clock: Clock, log_format: LogFormat, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Nor does the manager's log, in any of its formats; in JSON it is escaped."""
    set_up_logging("debug", log_format)
    names = name_everything(farm, clock)
    with serving(farm) as url:
        for words in ASKED:
            arguments = [word.format(**names) if word.startswith("{") else word for word in words]
            CliRunner().invoke(main, [*arguments, "--manager", url])
    said = "".join(capfd.readouterr())
    assert "evil" in said
    assert_tame(said, log_format)
    assert not list(tmp_path.rglob("FAKE*"))
