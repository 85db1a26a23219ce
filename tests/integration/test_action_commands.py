"""What people can have done, typed: each action of the table has its command, and what that says is what happened."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from flamenco.api.operation import operation_of
from flamenco.api.x import actions as api
from flamenco.cli import main
from flamenco.config.keeping_settings import TrashConfig
from flamenco.domain.actions import (
    JOB_ACTIONS,
    TASK_ACTIONS,
    WORKER_ACTIONS,
    AnyAction,
    JobAction,
    TaskAction,
    WorkerAction,
)
from flamenco.domain.model import Job, Worker
from flamenco.domain.self_tests.facts import Why
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.farm import (
    audit,
    blocks,
    deletion,
    jobs,
    putting_away,
    self_tests,
    sickness,
    sleep,
    tags,
    tasks,
    workers,
)
from flamenco.farm.context import Farm
from flamenco.web.assets import STATIC
from tests.conftest import authored_job, authored_task
from tests.integration.farming import job_now, new_worker, present, run_next, statuses, store_job
from tests.integration.framing import render_job
from tests.integration.previewing import framed
from tests.integration.previewing import stored as previewed
from tests.integration.test_delivery import serving

Run = Callable[..., Any]


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Which database there is makes no difference to what is typed."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


@pytest.fixture
def farm(make_farm: Callable[..., Farm]) -> Farm:
    """What is deleted can be had back, as in any farm."""
    return make_farm(trash=TrashConfig())


@pytest.fixture
def run(farm: Farm) -> Iterator[Run]:
    """Types a command; what it printed, or with `code`, what it said on stderr."""
    with serving(farm) as url:

        def run(*words: str, code: int = 0, typed: str = "") -> str:
            done = CliRunner().invoke(main, [*words, "--manager", url], input=typed)
            assert done.exit_code == code, (done.output, done.exception)
            return done.stderr if code else done.stdout

        yield run


COMMANDS: list[tuple[AnyAction, tuple[str, ...]]] = [
    (JobAction.CANCEL, ("cancel", "{job}")),
    (JobAction.PAUSE, ("pause", "{job}")),
    (JobAction.RESUME, ("resume", "{paused}")),
    (JobAction.REQUEUE, ("requeue", "{job}")),
    (JobAction.REQUEUE_FAILED, ("requeue", "--failed", "{job}")),
    (JobAction.REQUEUE_CANCELED, ("requeue", "--canceled", "{job}")),
    (JobAction.FRAMES, ("frames", "{framed}", "2", "--split")),
    (JobAction.PRIORITY, ("priority", "{job}", "70")),
    (JobAction.TAG, ("tags", "assign", "gpu", "--job", "{job}")),
    (JobAction.START_AFTER, ("start-after", "{job}", "tonight 18:00", "--reason", "the license server is down")),
    (JobAction.TIME_LIMITS, ("time-limits", "{job}", "--max-run-time", "2h", "--task-type", "blender")),
    (JobAction.ORDER, ("order", "{previewed}", "every 10")),
    (JobAction.APPROVE, ("approve", "{previewed}", "--reason", "looks good")),
    (JobAction.MAX_WORKERS, ("max-workers", "{job}", "2")),
    (JobAction.WORKERS, ("job-workers", "{job}", "--allow", "first", "--deny", "tag:gpu")),
    (JobAction.BLOCK, ("block", "{job}", "--worker", "first", "--task-type", "misc")),
    (JobAction.UNBLOCK, ("unblock", "{job}", "--worker", "able")),
    (JobAction.NOTE, ("note", "{job}", "not before Monday")),
    (JobAction.RETRIES, ("retries", "{job}", "--tries", "5", "--fail-percent", "default")),
    (JobAction.DELETE, ("delete", "{job}", "--yes")),
    (JobAction.UNDELETE, ("undelete", "{trashed}")),
    (JobAction.PURGE, ("trash", "empty", "{trashed}", "--yes")),
    (JobAction.ARCHIVE, ("archive", "{over}")),
    (TaskAction.CANCEL, ("cancel", "{job}", "--task", "4")),
    (TaskAction.REQUEUE, ("requeue", "{job}", "--task", "1")),
    (TaskAction.REQUEUE_ELSEWHERE, ("requeue", "{job}", "--task", "1", "--elsewhere")),
    (TaskAction.SKIP, ("skip", "{job}", "4")),
    (WorkerAction.SLEEP, ("workers", "request", "first", "asleep")),
    (WorkerAction.WAKEUP, ("workers", "request", "asked", "awake")),
    (WorkerAction.SHUTDOWN, ("workers", "request", "first", "offline", "--now")),
    (WorkerAction.OFFLINE, ("workers", "request", "first", "offline")),
    (WorkerAction.RESTART, ("workers", "request", "able", "restart")),
    (WorkerAction.SELF_TEST, ("self-test", "tested", "--no-wait")),
    (WorkerAction.CANCEL_REQUEST, ("workers", "request", "asked", "nothing")),
    (WorkerAction.TAGS, ("tags", "assign", "gpu", "--worker", "first")),
    (WorkerAction.SCHEDULE, ("workers", "schedule", "first", "--days", "mo", "--from", "08:00")),
    (WorkerAction.NOTE, ("workers", "note", "first", "fan broken")),
    (WorkerAction.PUT_AWAY, ("workers", "put-away", "gone")),
    (WorkerAction.BRING_BACK, ("workers", "bring-back", "away")),
    (WorkerAction.APPROVE, ("workers", "approve", "first", "--yes")),
    (WorkerAction.HEAL, ("workers", "heal", "sick")),
    (WorkerAction.REMOVE, ("workers", "delete", "first", "--yes")),
]
"""How each action is typed."""


def test_every_action_has_its_command_and_its_word_in_the_api() -> None:
    """None is missing in either, and none is there that the table does not have."""
    assert [action for action, _ in COMMANDS] == [*JobAction, *TaskAction, *WorkerAction]
    assert [type(action) for action, _ in COMMANDS] == [
        type(action) for kind in (JobAction, TaskAction, WorkerAction) for action in kind
    ]
    for resource, table in ((api.OfJobs, JOB_ACTIONS), (api.OfTasks, TASK_ACTIONS), (api.OfWorkers, WORKER_ACTIONS)):
        declared = operation_of(resource, "POST")
        assert declared is not None
        assert set(declared.body.__annotations__) >= {"action", "ids", "filter", "arguments", "dry_run"}
        assert {rules.access for rules in table.values()} == {declared.access}


def test_the_page_has_every_action() -> None:
    """In its one table; `offline` is what today's protocol calls to shut down."""
    script = (STATIC / "app" / "core" / "actions.js").read_text("utf-8")
    found = [*re.findall(r'kind: "(\w+)",\s*name: "([\w-]+)"', script)]
    found += [("workers", name) for name in re.findall(r'lazyOrNot\("(\w+)"', script)]
    known = {"jobs": JobAction, "tasks": TaskAction, "workers": WorkerAction}
    everything = {(kind, action.value) for kind, actions in known.items() for action in actions}
    assert set(found) == everything - {("workers", WorkerAction.OFFLINE)}


class _Scene:
    """A job with a task of each kind, a paused one, and workers."""

    def __init__(self, farm: Farm) -> None:
        self.tag = tags.create(farm, "gpu")
        self.first = new_worker(farm, "first")
        self.sick = new_worker(farm, "sick")
        sickness.fall_sick(farm, self.sick.id, "it smokes")
        self.able, self.asked = new_worker(farm, "able"), new_worker(farm, "asked")
        workers.sign_on(
            farm, self.able, name="able", software="t", task_types=["misc"], can_restart=True, address="127.0.0.1"
        )
        workers.request_status(farm, self.asked.id, WorkerStatus.ASLEEP, lazy=True)
        self.tested = new_worker(farm, "tested")
        workers.tell_commands(farm, self.tested, ["echo"])
        self_tests.begin(farm, self.tested, Why.SIGN_ON)
        self.job = store_job(farm, authored_job(*(authored_task(f"t{n}") for n in range(40)), name="shot"))
        self.trashed = store_job(farm, authored_job(authored_task("d"), name="trashed"))
        deletion.request(farm, self.trashed.id)
        self.over = store_job(farm, authored_job(authored_task("o"), name="over"), JobStatus.CANCELED)
        self.framed = render_job(farm, "1-3", name="framed")
        self.paused = store_job(farm, authored_job(authored_task("p"), name="paused"), JobStatus.PAUSED)
        self.previewed = previewed(farm, *framed(3), preview="first")
        self.gone, self.away = new_worker(farm, "gone"), new_worker(farm, "away")
        for worker in (self.gone, self.away):
            workers.sign_off(farm, worker)
        putting_away.put_away(farm, self.away.id)
        blocks.block(farm, self.job.id, ["able"], "*", "ann")
        run_next(farm, self.first)
        ids = [task.id for task in tasks.of_job(farm, self.job.id)]
        tasks.set_status(farm, ids[1], TaskStatus.FAILED, "broken")
        tasks.set_status(farm, ids[2], TaskStatus.CANCELED, "not needed")


@pytest.mark.parametrize(("action", "typed"), COMMANDS, ids=[" ".join(words) for _, words in COMMANDS])
def test_each_command_does_it(farm: Farm, run: Run, action: AnyAction, typed: tuple[str, ...]) -> None:
    """To one thing of its kind, as the record says; where it can be tried, that changes nothing."""
    scene = _Scene(farm)
    names = ("job", "framed", "paused", "trashed", "over", "previewed")
    ids = {name: getattr(scene, name).id for name in names}
    words = [word.format(**ids) for word in typed]
    if words[0] != "tags" and "approve" not in words:
        assert "would be" in run(*words, "--dry-run")
    assert audit.records(farm, 10) == []
    run(*words)
    (record,) = audit.records(farm, 10)
    kinds = {JobAction: "job", TaskAction: "task", WorkerAction: "worker"}
    assert record.kind == kinds[type(action)]


def test_what_is_refused_is_said_and_the_rest_is_done(farm: Farm, run: Run) -> None:
    """On stderr, with an exit code; what has ended already is no reason to fail."""
    scene = _Scene(farm)
    said = run("resume", "shot", "paused", code=1)
    assert said.splitlines()[0] == "shot: It is active; only what is pause-requested or paused can be resumed."
    assert "refused for 1 of 2" in said
    assert job_now(farm, scene.paused).status is JobStatus.QUEUED
    assert "No worker has had it yet" in run("requeue", "shot", "--task", "5", "--elsewhere", code=1)
    assert "asked for nothing" in run("workers", "request", "first", "nothing", code=1)
    assert "one by one" in run("requeue", "shot", "paused", "--task", "1", code=2)


def test_all_that_a_filter_chooses(farm: Farm, run: Run) -> None:
    """With how many it was done, and with which it was refused; tried before, and as JSON."""
    some = [store_job(farm, authored_job(authored_task(), name=f"shot {n}")) for n in range(3)]
    jobs.set_status(farm, some[2].id, JobStatus.CANCEL_REQUESTED, "no")
    store_job(farm, authored_job(authored_task(), name="other"))
    choice = ("--all-matching", "--search", "SHOT")
    assert run("pause", *choice, "--dry-run") == "2 jobs would be paused\n"
    assert [job_now(farm, each).status for each in some[:2]] == [JobStatus.QUEUED] * 2
    assert run("pause", *choice, "--status", "queued") == "2 jobs paused\n"
    outcome = json.loads(run("resume", *choice, "--json"))
    assert (outcome["matched"], outcome["done"], outcome["refused_count"]) == (3, 2, 1)
    assert outcome["undo"][0]["action"] == "pause"
    assert run("priority", "7", *choice) == "3 jobs given another priority\n"
    assert "2 jobs would be deleted" in run("delete", *choice, "--status", "queued", code=1, typed="n\n")
    assert run("delete", *choice, "--status", "queued", "--yes") == "2 jobs deleted\n"
    assert run("delete", *choice, "--status", "canceled", typed="y\n") == "1 job deleted\n"


def test_workers_that_a_filter_chooses(farm: Farm, run: Run) -> None:
    """By tag, status and name."""
    tag = tags.create(farm, "gpu")
    team = [new_worker(farm, f"render-{n}") for n in range(3)]
    tags.set_of_worker(farm, team[0].id, [tag.id])
    assert run("workers", "request", "asleep", "--all-matching", "--tag", "gpu") == "1 worker asked to sleep\n"
    assert asked(farm, team) == [WorkerStatus.ASLEEP, None, None]
    assert run("workers", "request", "offline", "--all-matching", "--status", "awake,error") == (
        "3 workers asked to go\n"
    )
    assert run("workers", "schedule", "--all-matching", "--search", "der-1", "--until", "07:30") == (
        "1 worker given another schedule\n"
    )
    schedule = sleep.fetch(farm, team[1].id)
    assert schedule is not None
    assert schedule.is_active
    assert run("workers", "schedule", "render-1", "--off") == "render-1: sleeps by no schedule any more\n"
    assert "no time of day" in run("workers", "schedule", "render-1", "--from", "25:00", code=1)
    assert run("workers", "delete", "--all-matching", "--status", "awake", "--yes") == "3 workers removed\n"


def asked(farm: Farm, team: list[Worker]) -> list[WorkerStatus | None]:
    """What workers are asked for."""
    return [present(farm, each).status_requested for each in team]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("cancel", "shot", "--all-matching", "--status", "queued"), "Name them, or choose them"),
        (("cancel", "shot", "--user", "anna"), "Name them, or choose them"),
        (("cancel", "--user", "anna"), "Say --all-matching"),
        (("cancel", "--all-matching"), "takes a filter"),
        (("cancel",), "Which job?"),
        (("cancel", "--all-matching", "--status", "odd"), "'odd' is none of"),
        (("requeue", "--failed", "--canceled", "shot"), "take one"),
        (("requeue", "--failed", "--task", "1", "shot"), "whole jobs"),
        (("skip", "shot"), "Which task?"),
        (("skip", "shot", "3", "--failed"), "Which task?"),
        (("requeue", "--elsewhere", "shot"), "single tasks"),
        (("cancel", "shot", "--task", "1", "--search", "x"), "Name them, or choose them"),
        (("workers", "schedule", "first"), "When?"),
        (("workers", "schedule", "first", "--off", "--days", "mo"), "When?"),
        (("workers", "delete"), "Which worker?"),
        (("delete",), "Which job?"),
    ],
)
def test_what_is_not_clear_is_not_done(run: Run, words: tuple[str, ...], said: str) -> None:
    """The sentence says how it would be."""
    assert said in run(*words, code=2)


def test_filters_that_make_no_sense_are_refused(run: Run) -> None:
    """With a sentence that names what may be said."""
    assert "odd" in run("workers", "request", "--all-matching", "--status", "odd", "awake", code=2)
    assert "no tag" in run("pause", "--all-matching", "--tag", "odd", code=1)


def test_more_than_a_manager_names(farm: Farm, run: Run) -> None:
    """Of each of very many jobs that are named it is said what became of it."""
    many: list[Job] = [store_job(farm, authored_job(authored_task(), name=f"job {n}")) for n in range(130)]
    said = run("resume", *(job.id for job in many), code=1)
    assert said.count("It is queued") == 130
    assert "130 of 130" in said
    assert statuses(farm, many[0]) == ["queued", "queued"]
