"""More output than the manager takes: its writer slows down, and text is left out only when the manager is away."""

from __future__ import annotations

import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flamenco.domain.durations import Duration
from flamenco.worker.cancellation import Cancellation, CancelReason
from flamenco.worker.log_stream import LARGE_CHUNK, MUCH_BYTES, LogStream
from tests.integration.scripted_manager import PATIENCE_S, Answer, Request, ScriptedManager
from tests.integration.working import Running

LINES = 50_000
PRINTED = "".join(f"{number:06} {'x' * 92}\n" for number in range(LINES))
PRINTER = f"""
import sys
open(sys.argv[1], "w").close()
for number in range({LINES}):
    print(f"{{number:06}} {{'x' * 92}}")
"""
"""Prints 5 MB as fast as it can, once it has made a file."""

WATCHED = """
import sys, time
from pathlib import Path
print("ready", flush=True)
while not Path(sys.argv[1] + ".go").exists():
    time.sleep(0.01)
began = time.monotonic()
for number in range(2000):
    print(f"{number:06} {'x' * 992}", flush=True)
Path(sys.argv[1]).write_text(str(time.monotonic() - began))
"""
"""Waits for a file, prints 2 MB, and writes to another one how many seconds that took."""

ENDLESS = """
import sys
for number in range(10 ** 9):
    print("x" * 10_000, flush=True)
    open(sys.argv[1], "w").write(str(number))
"""
"""Prints for ever, and notes in a file how far it got."""


class SlowManager(ScriptedManager):
    """Takes its time over every log text."""

    def answer(self, request: Request) -> Answer:
        """Answer, after a while."""
        if b'"log"' in request.body:
            threading.Event().wait(0.02)
        return super().answer(request)


@pytest.fixture
def manager() -> Iterator[ScriptedManager]:
    """A manager that is there."""
    with ScriptedManager() as running:
        yield running


def run(manager: ScriptedManager, script: str, file: Path) -> str:
    """Queue a task that runs the script with the file's path; its id."""
    return manager.add_task(("exec", {"exe": sys.executable, "args": ["-c", script, str(file)]}))


def printed_in(log: str) -> str:
    """What the program has printed, as far as it is in the log."""
    return "".join(f"{line.partition(' > ')[2]}\n" for line in log.splitlines() if line.startswith("pid="))


def wait_until_written(file: Path) -> None:
    """Wait until the program has written to the file."""
    waiting, deadline = threading.Event(), time.monotonic() + PATIENCE_S
    while not file.exists() or not file.read_text():
        assert time.monotonic() < deadline, f"{file} is not written"
        waiting.wait(0.02)


def wait_until_stuck(file: Path) -> None:
    """Wait until the program gets no further with its output."""
    far, waiting = "", threading.Event()
    for _ in range(100):
        waiting.wait(0.3)
        now = file.read_text() if file.exists() else ""
        if now and now == far:
            return
        far = now
    raise AssertionError("the program is not slowed down")


def test_a_slow_manager_slows_the_program_down(tmp_path: Path) -> None:
    """Everything arrives, in order, in few large updates, though the program prints faster than the manager takes."""
    with SlowManager() as manager:
        task = run(manager, PRINTER, tmp_path / "begun")
        with Running(manager, tmp_path / "worker", update_queue_mb=1):
            manager.wait_until_finished(task)
    assert printed_in(manager.log_of(task)) == PRINTED
    assert len([update for update in manager.updates_of(task) if "log" in update]) < len(PRINTED) / 50_000
    assert manager.statuses_of(task) == ["active", "completed"]


def test_a_manager_that_is_away_for_a_moment(manager: ScriptedManager, tmp_path: Path) -> None:
    """The program waits for a manager that comes back soon, and nothing is left out."""
    begun = tmp_path / "begun"
    task = run(manager, PRINTER, begun)
    with Running(manager, tmp_path / "worker", update_queue_mb=1, poll_start=Duration(1)):
        manager.wait_for(lambda: manager.statuses[-1:] == ["awake"])
        manager.answer_once("POST", "/worker/task/[^/]+", Answer(503, headers={"Retry-After": "1"}))
        manager.wait_until_finished(task)
    assert printed_in(manager.log_of(task)) == PRINTED


@pytest.mark.parametrize("answers", ["nothing", "no connections"])
def test_a_program_is_not_held_up_by_a_manager_without_answers(
    manager: ScriptedManager, tmp_path: Path, answers: str
) -> None:
    """A manager that takes connections and answers nothing slows a program down no more than none; all arrives."""
    took, go_on = tmp_path / "took", tmp_path / "took.go"
    task = run(manager, WATCHED, took)
    with Running(manager, tmp_path / "worker", request_timeout=Duration(5), may_i_run=Duration(60)) as running:
        manager.wait_for(lambda: "> ready" in manager.log_of(task))
        manager.switch_off()
        address = manager.url.removeprefix("http://").split(":")
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if answers == "nothing":
                listener.bind((address[0], int(address[1])))
                listener.listen()  # the system takes connections for it, and nobody reads what comes
            go_on.touch()
            wait_until_written(took)
        manager.switch_on()
        manager.wait_until_finished(task)
        assert running.error is None
    assert float(took.read_text()) < 3
    assert printed_in(manager.log_of(task)) == "ready\n" + "".join(f"{n:06} {'x' * 992}\n" for n in range(2000))
    assert manager.statuses_of(task) == ["active", "completed"]


def test_a_manager_that_is_away_for_long(manager: ScriptedManager, tmp_path: Path) -> None:
    """After `log_hold` the program goes on; one line stands for what does not fit, and says how much and why."""
    begun = tmp_path / "begun"
    task = run(manager, f"import time\nprint('ready', flush=True)\ntime.sleep(0.5)\n{PRINTER}", begun)
    with Running(manager, tmp_path / "worker", update_queue_mb=1, log_hold=Duration(0.2), may_i_run=Duration(60)):
        manager.wait_for(lambda: "> ready" in manager.log_of(task))
        manager.switch_off()
        pid = re.findall(r"pid=(\d+) ", manager.log_of(task))[0]
        waiting, deadline = threading.Event(), time.monotonic() + PATIENCE_S
        while Path(f"/proc/{pid}").exists():
            assert time.monotonic() < deadline, "the program does not go on"
            waiting.wait(0.05)
        manager.switch_on()
        manager.wait_until_finished(task)
    log = manager.log_of(task)
    (missing,) = re.findall(r"^\[([0-9,]+) characters of log text are missing here: (.*)\]$", log, re.MULTILINE)
    assert missing[1] == "the manager was away, and the worker keeps no more than 1 MB (update_queue_mb) for it"
    kept = printed_in(log.replace("> ready\n", ""))
    assert 500_000 < len(kept) < len(PRINTED)
    assert PRINTED.startswith(kept[:500_000])
    whole = len(PRINTED) + LINES * len(f"pid={pid} > ")
    assert whole - len(kept) - kept.count("\n") * len(f"pid={pid} > ") == pytest.approx(
        int(missing[0].replace(",", "")), abs=200
    )
    assert manager.statuses_of(task) == ["active", "completed"]


@pytest.mark.parametrize("is_slow", [False, True])
def test_cancelling_what_waits(tmp_path: Path, is_slow: bool) -> None:
    """A task whose program waits for the manager, which is away or slow, ends at once when it is taken away."""
    with SlowManager() if is_slow else ScriptedManager() as manager:
        far = tmp_path / "far"
        task = run(manager, ENDLESS, far)
        with Running(manager, tmp_path / "worker", update_queue_mb=1, log_hold=Duration(60)) as running:
            manager.wait_for(lambda: "xxx" in manager.log_of(task))
            if not is_slow:
                manager.switch_off()
                wait_until_stuck(far)
            started = time.monotonic()
            running.stop()
            assert time.monotonic() - started < 8  # with what is done in the end about a manager that is away


def test_a_writer_that_waits_holds_nobody_up() -> None:
    """While one waits for the manager, the log can be closed, and nothing that comes later is taken."""
    sent: list[str] = []
    cancellation, waiting = Cancellation(), threading.Event()

    def wait_for_room() -> None:
        waiting.set()
        cancellation.wait(PATIENCE_S)

    stream = LogStream(sent.append, 1, Duration(30), wait_for_room=wait_for_room)
    writer = threading.Thread(target=stream.write, args=["one"])
    writer.start()
    assert waiting.wait(PATIENCE_S)
    stream.close(discard=True)
    stream.write("late")
    cancellation.cancel(CancelReason.MANAGER)
    writer.join(PATIENCE_S)
    assert sent == ["one\n"]


def test_much_text_makes_large_chunks() -> None:
    """Who writes a lot in a second makes chunks as large as they may be, and usual ones again when it is over."""
    sent: list[str] = []
    now = 1000.0
    stream = LogStream(sent.append, 1000, Duration(30), lambda: now)
    for _ in range(10_000):
        stream.write("x" * 99)
    usual = [chunk for chunk in sent if len(chunk) == 1100]
    assert 0 < sum(map(len, usual)) - MUCH_BYTES <= 1100
    assert all(LARGE_CHUNK <= len(chunk) <= LARGE_CHUNK + 100 for chunk in sent[len(usual) :])
    assert len(sent) > len(usual)
    assert all(chunk.endswith("\n") for chunk in sent)
    now += 30
    stream.tick()
    now += 2
    del sent[:]
    for _ in range(12):
        stream.write("x" * 99)
    assert [len(chunk) for chunk in sent] == [1100]
