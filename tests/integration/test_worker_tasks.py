"""Running tasks for a manager on a real socket: what is reported, what happens when it is away or changes its mind."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from PIL import Image
from structlog.testing import capture_logs

from flamenco import CommandCancelled, CommandContext, CommandFailed, CommandType
from flamenco.domain.durations import Duration
from tests.integration.scripted_manager import PATIENCE_S, Answer, ScriptedManager
from tests.integration.working import FAMILY, Running, family_in, is_running, wait_until_ended

PYTHON = sys.executable


class Nothing(Struct, frozen=True):
    """No parameters."""


@pytest.fixture
def manager() -> Iterator[ScriptedManager]:
    """A manager that is there."""
    with ScriptedManager() as running:
        yield running


def plugin(run: Any, name: str = "special") -> dict[str, CommandType]:
    """A command as a plugin would bring it."""
    kind = CommandType(name=name, description="A test.", task_types=("misc",), parameters=Nothing, run=run)
    return {name: kind}


# -- what is reported -------------------------------------------------------------------------------------------------


def test_a_task_is_run_and_reported(manager: ScriptedManager, tmp_path: Path) -> None:
    """The manager hears of the start, the steps, the log and the end, in this order.

    Of steps that follow each other faster than it answers it hears of the last.
    """
    task = manager.add_task(("echo", {"message": "one"}), ("sleep", {"duration_in_seconds": 0}))
    with Running(manager, tmp_path, log_chunk=Duration(60)):
        manager.wait_until_finished(task)
    first_step = {"activity": "Progress", "steps_completed": 1}
    assert [update for update in manager.updates_of(task) if update != first_step] == [
        {"activity": "Started", "taskStatus": "active"},
        {"activity": "Progress", "steps_completed": 2},
        {"log": 'echo: "one"\nslept 0s\n'},
        {"activity": "Completed", "taskStatus": "completed"},
    ]


def test_tasks_follow_each_other(manager: ScriptedManager, tmp_path: Path) -> None:
    """Each task is handed out once: the worker never asks for another before the manager knows how the last went."""
    tasks = [manager.add_task(("echo", {"message": number})) for number in range(10)]
    with Running(manager, tmp_path):
        manager.wait_until_finished(tasks[-1])
    assert manager.handed_out == tasks
    assert [manager.log_of(task) for task in tasks] == [f'echo: "{number}"\n' for number in range(10)]


def test_commands_report_their_own_steps(manager: ScriptedManager, tmp_path: Path) -> None:
    """A command that was said to have steps reports them, any other counts as one; together they count upwards."""

    def run(context: CommandContext, _: Nothing) -> None:
        for _step in range(3):
            context.step()

    task = manager.add_task(("special", {}, 0), ("special", {}, 3), ("echo", {"message": "x"}))
    with Running(manager, tmp_path, plugin(run)):
        manager.wait_until_finished(task)
    steps = [update["steps_completed"] for update in manager.updates_of(task) if "steps_completed" in update]
    assert steps == sorted(set(steps))
    assert (steps[0], steps[-1]) == (1, 5)


def test_blender_is_followed(manager: ScriptedManager, tmp_path: Path) -> None:
    """Frames that Blender renders become steps, and people see the last image as a JPEG."""
    Image.new("RGBA", (32, 16), (255, 0, 0, 255)).save(tmp_path / "0001.png")
    script = f"print(\"Saved: '{tmp_path}/0001.png'\"); print(' Time: 00:00.10 (Saving: 00:00.01)')"
    task = manager.add_task(("blender-render", {"exe": PYTHON, "blendfile": "", "args": ["-c", script]}, 1))
    with Running(manager, tmp_path / "data"):
        manager.wait_until_finished(task)
        manager.wait_for(lambda: manager.images)
    assert {"activity": "Progress", "steps_completed": 1} in manager.updates_of(task)
    (of_task, jpeg), *_ = manager.images
    assert of_task == task
    with Image.open(io.BytesIO(jpeg)) as image:
        assert (image.format, image.size, image.mode) == ("JPEG", (32, 16), "RGB")
    upload = next(each for each in manager.requests if each.path.endswith("output-produced"))
    assert upload.headers["Content-Type"] == "image/jpeg"


def test_a_quiet_program_is_heard(manager: ScriptedManager, tmp_path: Path) -> None:
    """Lines arrive while the program is running, also when it says nothing more after them."""
    script = "import time; print('thinking', flush=True); time.sleep(1000)"
    task = manager.add_task(("exec", {"exe": PYTHON, "args": ["-c", script]}))
    with Running(manager, tmp_path):
        manager.wait_for(lambda: "> thinking\n" in manager.log_of(task))
        assert "going to run:\n\n    " in manager.log_of(task)


def test_much_output_arrives_in_chunks(manager: ScriptedManager, tmp_path: Path) -> None:
    """A program that prints a lot makes few updates, and every line arrives, in order."""
    script = "for number in range(5000): print('line', number)"
    task = manager.add_task(("exec", {"exe": PYTHON, "args": ["-c", script]}))
    with Running(manager, tmp_path, log_chunk=Duration(60)):
        manager.wait_until_finished(task)
    lines = [line.partition(" > ")[2] for line in manager.log_of(task).splitlines() if line.startswith("pid=")]
    assert lines == [f"line {number}" for number in range(5000)]
    chunks = [update["log"] for update in manager.updates_of(task) if "log" in update]
    assert 5 < len(chunks) < 30
    assert all(10 * 1024 < len(chunk) < 11 * 1024 for chunk in chunks[:-1])


# -- failure ----------------------------------------------------------------------------------------------------------


def _raise(error: BaseException) -> Any:
    def run(_context: CommandContext, _parameters: Nothing) -> None:
        raise error

    return run


def _run_text(context: CommandContext, _parameters: Nothing) -> None:
    context.run_process("echo hello")


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (("no-such-command", {}), 'unknown command: "no-such-command"'),
        (("echo", {}), 'echo: mandatory parameter "message" is missing; given: none'),
        (("exec", {"exe": "no-such-program"}), "exec: cannot start 'no-such-program': there is no such program"),
        (("exec", {"exe": PYTHON, "args": ["-c", "exit(4)"]}), "exec: the program exited with code 4"),
        (("refusing", {}), "refusing: no such scene"),
        (("broken", {}), "broken: unexpected ZeroDivisionError: division by zero (plugin tests)"),
        (("shell", {}), "shell: unexpected TypeError: run_process() takes a list of a program and its arguments"),
        (("leaving", {}), "leaving: unexpected SystemExit: 7 (plugin tests)"),
        (("giving-up", {}), "giving-up: the command gave up"),
    ],
)
def test_failures(manager: ScriptedManager, tmp_path: Path, command: tuple[str, dict[str, Any]], reason: str) -> None:
    """What goes wrong fails the task with a sentence in activity and log; the rest is skipped; the worker goes on."""
    commands = {
        **plugin(_raise(CommandFailed("no such scene")), "refusing"),
        **plugin(_raise(ZeroDivisionError("division by zero")), "broken"),
        **plugin(_run_text, "shell"),
        **plugin(_raise(SystemExit(7)), "leaving"),
        **plugin(_raise(CommandCancelled()), "giving-up"),
    }
    task = manager.add_task(command, ("echo", {"message": "never"}))
    following = manager.add_task(("echo", {"message": "next"}))
    with Running(manager, tmp_path, commands):
        manager.wait_until_finished(following)
    *_, last = manager.updates_of(task)
    assert last["taskStatus"] == "failed"
    assert last["activity"].startswith(f"Failed: {reason}")
    assert last["log"] == f"{last['activity']}\n"
    assert "never" not in manager.log_of(task)
    assert manager.statuses_of(following) == ["active", "completed"]


def test_a_plugin_that_fails_while_following_output(manager: ScriptedManager, tmp_path: Path) -> None:
    """An error in what looks at a program's output ends the program and fails the task."""

    def run(context: CommandContext, _: Nothing) -> None:
        context.run_process([PYTHON, "-c", FAMILY], lambda line: [][len(line)])

    task = manager.add_task(("special", {}))
    with Running(manager, tmp_path, plugin(run)):
        manager.wait_until_finished(task)
    assert "unexpected IndexError" in manager.log_of(task)
    wait_until_ended(family_in(manager.log_of(task)))


# -- the manager is away ----------------------------------------------------------------------------------------------


def test_the_manager_is_away_during_a_task(manager: ScriptedManager, tmp_path: Path) -> None:
    """The task goes on and ends meanwhile; then all its updates arrive in order, each once, and work goes on."""
    reached, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def run(context: CommandContext, _: Nothing) -> None:
        context.log("before")
        context.step()
        reached.set()
        assert go_on.wait(PATIENCE_S)
        for number in range(20):
            context.log(f"during {number}")
            context.step()
        done.set()

    task = manager.add_task(("special", {}, 21))
    following = manager.add_task(("echo", {"message": "next"}))
    with Running(manager, tmp_path, plugin(run), log_chunk_bytes=1):
        assert reached.wait(PATIENCE_S)
        manager.wait_for(lambda: {"activity": "Progress", "steps_completed": 1} in manager.updates_of(task))
        manager.switch_off()
        go_on.set()
        assert done.wait(PATIENCE_S)
        assert manager.statuses_of(task) == ["active"]
        manager.switch_on()
        manager.wait_until_finished(following)
    expected: list[dict[str, Any]] = [
        {"activity": "Started", "taskStatus": "active"},
        {"log": "before\n"},
        {"activity": "Progress", "steps_completed": 1},
    ]
    for number in range(20):
        expected += [{"log": f"during {number}\n"}, {"activity": "Progress", "steps_completed": number + 2}]
    assert manager.updates_of(task) == [*expected, {"activity": "Completed", "taskStatus": "completed"}]
    assert manager.handed_out == [task, following]


def test_a_manager_with_a_problem_gets_the_result_later(manager: ScriptedManager, tmp_path: Path) -> None:
    """An error of the manager's costs no update, and no other task is asked for before it was delivered."""
    task = manager.add_task(("echo", {"message": "x"}))
    following = manager.add_task(("echo", {"message": "y"}))
    for _ in range(3):
        manager.answer_once("POST", "/worker/task/[^/]+", Answer(503, headers={"Retry-After": "0"}))
    manager.answer_once("POST", "/worker/task/[^/]+", Answer(500))
    with Running(manager, tmp_path):
        manager.wait_until_finished(following)
    assert manager.statuses_of(task) == ["active", "completed"]
    assert manager.log_of(task) == 'echo: "x"\n'
    assert manager.handed_out == [task, following]


def test_the_result_survives_the_worker(manager: ScriptedManager, tmp_path: Path) -> None:
    """A worker that is stopped while the manager is away delivers at its next start, before it asks for a task."""

    def run(context: CommandContext, _: Nothing) -> None:
        context.log("working")
        manager.switch_off()

    task = manager.add_task(("special", {}))
    waiting = threading.Event()
    with capture_logs() as events, Running(manager, tmp_path, plugin(run), log_chunk_bytes=1):
        while not any(event["event"] == "task completed" for event in events):
            assert not waiting.wait(0.01)
    manager.switch_on()
    with Running(manager, tmp_path):
        manager.wait_until_finished(task)
    assert manager.log_of(task) == "working\n"
    assert manager.statuses_of(task) == ["active", "completed"]
    assert manager.handed_out == [task]


# -- the manager changes its mind -------------------------------------------------------------------------------------


def test_cancelling_kills_the_whole_family(manager: ScriptedManager, tmp_path: Path) -> None:
    """When the manager withdraws a task its program and what that has started end, and nothing more is sent for it."""
    task = manager.add_task(("exec", {"exe": PYTHON, "args": ["-c", FAMILY]}))
    with Running(manager, tmp_path):
        manager.wait_for(lambda: family_in(manager.log_of(task)))
        family = family_in(manager.log_of(task))
        assert all(is_running(pid) for pid in family)
        manager.withdraw(task, "task is in non-runnable status")
        following = manager.add_task(("echo", {"message": "next"}))
        manager.wait_until_finished(following)
        wait_until_ended(family)
    assert manager.statuses_of(task) == ["active"]


def test_a_task_of_another_worker_is_dropped(manager: ScriptedManager, tmp_path: Path) -> None:
    """The answer that a task is not ours any more ends its programs, without waiting for the next question."""
    talking = FAMILY.replace("time.sleep(1000)\n", "while True: print('tick', flush=True); time.sleep(0.05)\n")
    task = manager.add_task(("exec", {"exe": PYTHON, "args": ["-c", talking]}), ("echo", {"message": "never"}))
    with Running(manager, tmp_path, may_i_run=Duration(600)):
        manager.wait_for(lambda: family_in(manager.log_of(task)))
        family = family_in(manager.log_of(task))
        manager.reassigned.add(task)
        following = manager.add_task(("echo", {"message": "next"}))
        manager.wait_until_finished(following)
        wait_until_ended(family)
    assert manager.statuses_of(task) == ["active"]


def test_a_reassigned_task_ends_by_its_next_update(manager: ScriptedManager, tmp_path: Path) -> None:
    """The next update of a task that was given to another worker ends it here, and another one is asked for."""
    task = manager.add_task(("special", {}))
    following = manager.add_task(("echo", {"message": "next"}))
    ended = []

    def run(context: CommandContext, _: Nothing) -> None:
        manager.reassigned.add(task)
        context.log("anyone there?")
        try:
            context.wait(PATIENCE_S)
        except CommandCancelled:
            ended.append(context.cancelled())
            raise

    with Running(manager, tmp_path, plugin(run), may_i_run=Duration(600)):
        manager.wait_until_finished(following)
    assert ended == [True]
    assert manager.updates_of(task) == [{"activity": "Started", "taskStatus": "active"}]


def test_a_task_that_was_reassigned_before_it_began(manager: ScriptedManager, tmp_path: Path) -> None:
    """When even the start is refused the commands are not run."""
    started = threading.Event()

    def run(context: CommandContext, _: Nothing) -> None:
        started.set()

    task = manager.add_task(("special", {}))
    manager.reassigned.add(task)
    following = manager.add_task(("echo", {"message": "next"}))
    with Running(manager, tmp_path, plugin(run)):
        manager.wait_until_finished(following)
    assert not started.is_set()


def test_the_task_of_a_worker_that_was_deleted_ends(manager: ScriptedManager, tmp_path: Path) -> None:
    """A worker that the manager does not know any more runs nothing any more: somebody else has its task."""
    ended = threading.Event()

    def run(context: CommandContext, _: Nothing) -> None:
        try:
            context.wait(PATIENCE_S)
        except CommandCancelled:
            ended.set()
            raise

    task = manager.add_task(("special", {}))
    manager.answer_once("GET", ".*/may-i-run", Answer(403, {"message": "no such worker known"}))
    with Running(manager, tmp_path, plugin(run)):
        assert ended.wait(PATIENCE_S)
    assert manager.statuses_of(task) == ["active"]


@pytest.mark.parametrize("answer", [Answer(500), Answer(404), Answer(200, {"what": "?"}), Answer(200)])
def test_without_a_clear_no_the_task_goes_on(manager: ScriptedManager, tmp_path: Path, answer: Answer) -> None:
    """Only the manager's definite no ends a task."""
    asked = threading.Event()

    def run(context: CommandContext, _: Nothing) -> None:
        asked.wait(PATIENCE_S)

    task = manager.add_task(("special", {}))
    manager.answer_once("GET", ".*/may-i-run", answer)
    with Running(manager, tmp_path, plugin(run)):
        manager.wait_for(lambda: manager.asked("GET", ".*/may-i-run") >= 2)
        asked.set()
        manager.wait_until_finished(task)
    assert manager.statuses_of(task) == ["active", "completed"]


def test_stopping_the_worker_ends_its_task(manager: ScriptedManager, tmp_path: Path) -> None:
    """A worker that is stopped kills the task's program, sends the rest of the log, and signs off."""
    task = manager.add_task(("exec", {"exe": PYTHON, "args": ["-c", FAMILY]}))
    with Running(manager, tmp_path) as running:
        manager.wait_for(lambda: family_in(manager.log_of(task)))
        running.stop()
    assert running.exit_code == 1
    wait_until_ended(family_in(manager.log_of(task)))
    assert manager.statuses_of(task) == ["active"]
    assert manager.requests[-1].path == "/worker/sign-off"


def test_a_program_that_has_left_its_family(manager: ScriptedManager, tmp_path: Path) -> None:
    """A daemon that keeps the output open does not keep a cancelled task from ending, and ends with it."""
    # The first process stays in the group, the second leaves it. One write is one line, also with two writers.
    daemon = (
        "import os, time; child = os.fork(); None if child else os.setsid(); "
        "os.write(1, f'family {os.getpid()} 0\\n'.encode()); time.sleep(30)"
    )
    task = manager.add_task(("exec", {"exe": PYTHON, "args": ["-c", daemon]}))
    with Running(manager, tmp_path) as running:
        manager.wait_for(lambda: manager.log_of(task).count("> family") == 2)
        running.stop()
    lines = [line.split() for line in manager.log_of(task).splitlines() if "> family" in line]
    wait_until_ended(int(words[-2]) for words in lines)
    assert manager.requests[-1].path == "/worker/sign-off"


def test_what_a_task_leaves_behind(manager: ScriptedManager, tmp_path: Path) -> None:
    """What a program has detached does not keep its task, ends with it, and leaves the next task's programs alone."""
    sleeper = "import os, time; print('family', os.getpid(), 0, flush=True); time.sleep(1000)"
    daemon = (
        f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {sleeper!r}], start_new_session=True); "
        "time.sleep(0.5)"
    )
    tasks = [manager.add_task(("exec", {"exe": PYTHON, "args": ["-c", daemon]})) for _ in range(2)]
    with Running(manager, tmp_path):
        for task in tasks:
            manager.wait_until_finished(task)
            wait_until_ended(family_in(manager.log_of(task))[:1])
    assert [manager.statuses_of(task) for task in tasks] == [["active", "completed"]] * 2
