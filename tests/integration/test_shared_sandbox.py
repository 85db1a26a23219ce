"""One helper process for several processes: who has it, who asks it, and what becomes of that when one is lost."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flamenco.compiler.channel import Channel
from flamenco.compiler.protocol import Request
from flamenco.compiler.script_limits import ScriptLimits
from flamenco.compiler.shared_sandbox import SharedSandbox
from flamenco.domain.errors import Busy
from tests.integration.compiling import wait_until_busy
from tests.integration.sharing import Member, Members
from tests.integration.test_compiler_sandbox import SCRIPT, has_ended

MANY = 3_000
"""Tasks that the helper sends in several lists."""

MakeMembers = Callable[..., tuple[Member, Member]]


@pytest.fixture
def make_members(tmp_path: Path) -> Iterator[MakeMembers]:
    """Makes two processes, of which the first one has the helper."""
    made: list[Members] = []

    def make(limits: ScriptLimits | None = None) -> tuple[Member, Member]:
        made.append(Members(tmp_path / "types", SCRIPT, limits or ScriptLimits()))
        first, second = made[-1].members
        first.ask("start")
        helper_of(first)
        second.ask("start")
        return first, second

    yield make
    for members in made:
        members.close()


def helper_of(member: Member, other_than: int | None = None) -> int:
    """The process id of a member's helper, once it has one."""
    for _ in range(500):
        pid: int | None = member.ask("helper")
        if pid not in (None, other_than):
            return pid
        threading.Event().wait(0.02)
    raise AssertionError("there is no helper")


def test_one_helper_for_all(make_members: MakeMembers) -> None:
    """It is there before anybody asks; what comes out is the same in whichever process, of large jobs as well."""
    first, second = make_members()
    helper = helper_of(first)
    names = [f"job{number}" for number in range(MANY)]
    for member in (second, first, second):
        assert member.ask("compile", count=MANY) == names
    assert (first.ask("helper"), second.ask("helper")) == (helper, None)


def test_it_is_warm(make_members: MakeMembers) -> None:
    """One that has ended as nobody asked for long is started again when somebody looks at the job types."""
    limits = ScriptLimits(idle_s=1.0)
    first, second = make_members(limits)
    second.ask("job types")  # which are known from now on
    first.ask("job types")
    for member in (second, first):
        helper = helper_of(first)
        assert has_ended(helper)
        assert member.ask("job types") == ["test"]
        helper_of(first, other_than=helper)


@pytest.mark.long
def test_errors_are_the_same(make_members: MakeMembers) -> None:
    """Of a script that runs too long, of a job that is too large, and when the helper was killed meanwhile."""
    first, second = make_members(ScriptLimits(timeout_s=1.0, result_mb=1))
    helper = helper_of(first)
    assert second.ask("compile", forever=True) == [
        "ScriptStopped",
        "script (test.js) ran longer than 1 seconds",
    ]
    assert has_ended(helper)
    assert second.ask("compile", count=20_000) == [
        "ScriptStopped",
        "script (test.js) made a job of more than 1 MiB",
    ]
    second.ask("compile")
    helper = helper_of(first)
    os.kill(helper, signal.SIGKILL)
    assert has_ended(helper)
    assert second.ask("compile") == ["job0"]


@pytest.mark.long
def test_waiting_has_an_end(make_members: MakeMembers) -> None:
    """While one process's script runs, that of another one is told to come again, and then is served."""
    first, second = make_members(ScriptLimits(timeout_s=3.0, wait_s=0.1))
    first.ask("compile")
    first.tell("compile", forever=True)
    answers = [second.ask("compile")]
    while answers[-1] == ["job0"]:  # the other one has not begun
        answers.append(second.ask("compile"))
    assert answers[-1] == ["Busy", "other jobs are being compiled, try again in a moment"]
    assert first.answer()[0] == "ScriptStopped"
    assert second.ask("compile") == ["job0"]


def test_whoever_has_the_helper_is_killed(make_members: MakeMembers) -> None:
    """Then another one has it at once, and what it asked meanwhile is done there. The first helper is gone."""
    first, second = make_members()
    helper = helper_of(first)
    second.ask("compile")
    first.tell("compile", forever=True)
    wait_until_busy(helper)
    second.tell("compile", count=2)
    os.kill(first.pid, signal.SIGKILL)
    assert second.answer() == ["job0", "job1"]
    assert has_ended(helper)
    helper_of(second)


def test_whoever_asked_is_killed(make_members: MakeMembers) -> None:
    """Nobody waits for its script to end, once there is something to be said."""
    first, second = make_members(ScriptLimits(timeout_s=5.0))
    second.ask("compile")
    second.tell("compile", count=400_000)
    wait_until_busy(helper_of(first))
    os.kill(second.pid, signal.SIGKILL)
    assert first.ask("compile") == ["job0"]


@pytest.mark.long
def test_whoever_has_the_helper_is_stopped(make_members: MakeMembers) -> None:
    """Others are told within seconds to come again, and served when it goes on."""
    first, second = make_members()
    second.ask("compile")
    os.kill(first.pid, signal.SIGSTOP)
    try:
        kind, text = second.ask("compile")
    finally:
        os.kill(first.pid, signal.SIGCONT)
    assert (kind, "does not answer" in text) == ("Busy", True)
    assert second.ask("compile") == ["job0"]


def test_whoever_has_the_helper_ends(make_members: MakeMembers) -> None:
    """It ends its helper, and the next one has one of its own."""
    first, second = make_members()
    helper = helper_of(first)
    first.ask("close")
    assert has_ended(helper)
    assert second.ask("compile") == ["job0"]
    helper_of(second)
    kind, text = first.ask("compile")
    assert (kind, text) == ("Busy", "the manager is shutting down")


def test_closing_leaves_nothing_behind() -> None:
    """Neither threads nor files, in a process that goes on."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    channel = Channel()
    sandbox = SharedSandbox(ScriptLimits(), channel)
    sandbox.start()
    while sandbox.process_id is None:
        threading.Event().wait(0.01)
    sandbox.close()
    channel.close()
    assert "helper-for-all" not in [thread.name for thread in threading.enumerate()]
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_an_answer_that_is_cut_off() -> None:
    """What was kept of it cannot be taken back, so whoever submits is told to come again."""
    channel, kept = Channel(), list[bytes]()
    request = Request(file="test.js", source="", start="{}", timeout_s=1.0)

    def begin_to_answer() -> None:
        connection = channel.take()
        assert connection is not None
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"seen\n")
            lines.readline()
            connection.sendall(b"[1]\n[2]\n[3")

    other = threading.Thread(target=begin_to_answer)
    other.start()
    with pytest.raises(Busy, match="was lost"):
        SharedSandbox(ScriptLimits(), channel).ask(request, kept.append)
    other.join()
    channel.close()
    assert kept == [b"[1]\n", b"[2]\n"]


def test_no_files_can_be_opened() -> None:
    """Whoever cannot even connect is told to come again."""
    channel = Channel()
    channel.close()
    request = Request(file="test.js", source="", start="{}", timeout_s=1.0)
    with pytest.raises(Busy, match="cannot be run now"):
        SharedSandbox(ScriptLimits(), channel).ask(request, lambda _: None)
